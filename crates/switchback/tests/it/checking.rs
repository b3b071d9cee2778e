//! `check`: every finding with a code, a place and a fix; what it calls an error, `serve` refuses.

use std::collections::BTreeSet;
use std::path::Path;

use tempfile::TempDir;

use crate::kit::{Ran, run};

const GOOD: &str = r#"version = 1
[provider.openai]
[provider.local]
api = "openai-compatible"
base-url = "http://127.0.0.1:8000/v1"
[task.chat]
deadline = "2m"
ladder = [{ try = "openai/gpt-5-mini" }, { try = "local/llama" }]
"#;
const KEY: (&str, &str) = ("OPENAI_API_KEY", "sk-canary-0123456789abcdef");

fn on(text: &str, args: &[&str]) -> Ran {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("switchback.toml");
    std::fs::write(&path, text).unwrap();
    run(&[&["-c", path.to_str().unwrap()], args].concat(), &[KEY])
}

#[test]
fn a_good_file_is_fine_in_words_and_as_json() {
    let ran = on(GOOD, &["check"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("switchback would start with it"), "{ran:?}");
    let ran = on(GOOD, &["check", "--json"]);
    assert_eq!((ran.code, &ran.json()["ok"]), (0, &true.into()), "{ran:?}");
    assert_eq!(ran.json()["diagnostics"].as_array().unwrap().len(), 0, "{ran:?}");
}

#[test]
fn every_error_is_told_at_once_with_code_place_and_fix() {
    let bad = GOOD.replace("deadline", "deadlin").replace("local/llama", "locl/llama").replace("base-url", "hedge");
    let ran = on(&bad, &["check", "--json"]);
    assert_eq!((ran.code, &ran.json()["ok"]), (78, &false.into()), "{ran:?}");
    let report = ran.json();
    let found = report["diagnostics"].as_array().unwrap();
    assert!(found.len() >= 3, "{found:#?}");
    for it in found {
        assert!(it["code"].as_str().is_some_and(|it| it.starts_with("SB") && it.len() == 5), "{it}");
        assert!(it["severity"] == "error" || it["severity"] == "warning", "{it}");
        assert!(it["line"].as_u64().is_some_and(|it| it > 0) && it["column"].as_u64().is_some_and(|it| it > 0), "{it}");
        assert!(it["file"].as_str().is_some_and(|it| it.ends_with("switchback.toml")), "{it}");
        assert!(it["message"].as_str().is_some_and(|it| !it.is_empty()) && it.get("fix").is_some(), "{it}");
    }
    let lines: BTreeSet<u64> = found.iter().filter_map(|it| it["line"].as_u64()).collect();
    for line in [5, 7, 8] {
        assert!(lines.contains(&line), "line {line} is not among {lines:?}: {found:#?}");
    }
    let text = on(&bad, &["check"]);
    assert_eq!(text.code, 78);
    assert!(text.out.contains("did you mean") && text.out.contains("deadline"), "{}", text.out);
    assert!(text.out.contains("deadlin = \"2m\""), "the line itself is shown: {}", text.out);
}

#[test]
fn what_is_not_built_yet_is_refused_as_such_and_never_ignored() {
    for line in
        ["hedge = \"p95\"", "spend = \"$1\"", "when-degraded = \"say\"", "resume = \"continue\"", "timeout = \"auto\""]
    {
        let ran = on(&GOOD.replace("deadline = \"2m\"", line), &["check"]);
        assert_eq!(ran.code, 78, "{line}: {ran:?}");
        assert!(ran.out.contains("not supported yet") || line.starts_with("hedge"), "{line}: {}", ran.out);
    }
}

#[test]
fn serve_refuses_what_check_calls_an_error() {
    let bad = GOOD.replace("ladder", "lader");
    assert_eq!(on(&bad, &["check"]).code, 78);
    let ran = on(&bad, &["serve"]);
    assert_eq!((ran.code, ran.out.as_str()), (78, ""), "{ran:?}");
    assert!(ran.err.contains("lader"), "{ran:?}");
}

#[test]
fn a_file_that_is_not_there_and_one_that_is_no_toml_are_invalid() {
    let ran = run(&["-c", "/nowhere/at/all.toml", "check", "--json"], &[]);
    assert_eq!((ran.code, &ran.json()["ok"]), (78, &false.into()), "{ran:?}");
    let ran = on("version = = 1", &["check", "--json"]);
    assert_eq!((ran.code, &ran.json()["diagnostics"][0]["line"]), (78, &1.into()), "{ran:?}");
    assert_eq!(run(&["chekc"], &[]).code, 2);
}

#[test]
fn a_missing_secret_is_an_error_that_names_it_and_warnings_fail_only_when_strict() {
    let ran =
        on(&GOOD.replace("[provider.openai]", "[provider.openai]\nkeys = [\"env:NO_SUCH_VARIABLE\"]"), &["check"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(ran.out.contains("NO_SUCH_VARIABLE"), "{ran:?}");
    let one_outage = GOOD.replace("local/llama", "openai/gpt-5");
    let (lenient, strict) = (on(&one_outage, &["check"]), on(&one_outage, &["check", "--strict"]));
    assert!(lenient.out.contains("SB204"), "{lenient:?}");
    assert_eq!((lenient.code, strict.code), (0, 78));
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_shown() {
    let ran = on(&GOOD.replace("[provider.openai]", &format!("[provider.openai]\nkeys = [\"{}\"]", KEY.1)), &["check"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(!ran.out.contains(KEY.1) && !ran.err.contains(KEY.1), "{ran:?}");
}

#[test]
fn every_code_is_explained_offline() {
    let codes = run(&["help"], &[]).out;
    let codes: Vec<&str> = codes.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(codes.len() > 10, "{codes:?}");
    for code in codes {
        let ran = run(&["help", code], &[]);
        assert!(ran.code == 0 && ran.out.lines().count() > 2, "{code}: {ran:?}");
    }
    assert_eq!(run(&["help", "SB999"], &[]).code, 5);
}

#[test]
fn every_value_that_holds_is_shown_with_where_it_comes_from() {
    let shown = on(GOOD, &["check", "--show"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    for words in ["deadline", "2m", "default", "line "] {
        assert!(shown.out.contains(words), "{words} is not in\n{}", shown.out);
    }
    assert!(!shown.out.contains(KEY.1), "no secret is shown: {}", shown.out);
    let json = on(GOOD, &["check", "--show", "--json"]).json();
    let deadline = json["settings"].as_array().unwrap().iter().find(|it| it["key"] == "deadline");
    assert!(deadline.is_some_and(|it| it["origin"].as_str().is_some_and(|it| it.contains("line"))), "{json:#}");
}

#[test]
fn every_example_would_start() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut n = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|it| it != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let named = text.split("env:").skip(1).filter_map(|it| it.split(['"', ' ', '`', ',']).next());
        let envs: Vec<(String, String)> =
            named.map(|it| (it.to_owned(), format!("sk-dummy-of-the-test-{it}"))).collect();
        let envs: Vec<(&str, &str)> = envs
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .chain([KEY, ("ANTHROPIC_API_KEY", "sk-dummy-of-the-test")])
            .collect();
        let ran = run(&["-c", path.to_str().unwrap(), "check", "--strict"], &envs);
        assert_eq!(ran.code, 0, "{}: {ran:?}", path.display());
        n += 1;
    }
    assert!(n > 0, "there are examples");
}
