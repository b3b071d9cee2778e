//! Every code has its page.

use super::*;
use crate::CODES;

#[test]
fn codes_are_in_order_and_each_has_a_title_and_a_text() {
    assert!(CODES.is_sorted_by(|a, b| a.0 < b.0), "sorted, and none twice");
    for (code, title, help) in CODES {
        assert!(code.starts_with("SB") && code.len() == 5, "{code}");
        assert!(!title.is_empty() && !title.ends_with('.'), "{code}");
        assert!(help.ends_with('.') && help.len() > 60, "{code}");
        assert!(help.lines().all(|line| line.chars().count() <= 120), "{code}");
    }
}

#[test]
fn a_code_gives_its_page() {
    let found = finding(&with_task("ladder = [{ try = \"openai/m\", retrys = 1 }]"));
    let (title, help) = found.code.help().unwrap();
    assert_eq!(title, "unknown key");
    assert!(help.contains("never ignores a key"));
    assert!(crate::Code("SB999").help().is_none());
}
