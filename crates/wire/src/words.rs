//! Words of a provider made fit for people: short, one line, no secrets.
//!
//! Upstream texts can echo a key or a bearer token, and can be as long as they like. Never returns control characters.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Most characters of a provider's message that are kept.
pub const MAX_WORDS: usize = 300;

/// Most bytes that are looked at: enough to cut after redaction, not so many that a huge page costs time.
const LOOKED_AT: usize = 4_096;

/// What a key looks like: the prefixes of common vendors, bearer tokens, and whatever follows "api key".
const SECRETS: &str = r#"(?ix)
      \b (?: sk | pk | rk | gsk | xai | hf | csk | nvapi | r8 | sess ) [-_] [a-z0-9_*.\-]{6,}
    | \b AIza [a-z0-9_\-]{10,}
    | \b AKIA [a-z0-9]{12,}
    | \b eyJ [a-z0-9_\-]{8,} (?: \. [a-z0-9_\-]+ )*
    | \b bearer \s+ [a-z0-9_*.\-+/=]{6,}
    | \b api [_\ -]? key (?: \s+ provided )? \s* [:=] \s* ["']? [a-z0-9_*.\-]{4,}
"#;

static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(SECRETS).ok());

/// The words, bounded to [`MAX_WORDS`] characters, on one line, with what looks like a secret taken out; `None` if
/// nothing is left.
#[must_use]
pub fn safe(text: &str) -> Option<Box<str>> {
    let head = head(text, LOOKED_AT);
    // Without the pattern nothing may pass; a test holds that it compiles.
    let redacted = SECRET.as_ref()?.replace_all(head, "[redacted]");
    let mut line = String::with_capacity(redacted.len().min(MAX_WORDS * 4));
    for word in redacted.split(|character: char| character.is_whitespace() || character.is_control()) {
        if !word.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    let line: Cow<'_, str> = match line.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => Cow::Owned(format!("{}…", line.get(..end).unwrap_or_default().trim_end())),
        None => Cow::Owned(line),
    };
    (!line.is_empty()).then(|| line.into())
}

/// The first `limit` bytes, cut between characters.
pub(crate) fn head(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_come_through() {
        let echo = [
            ("Incorrect API key provided: sk-proj-abc***********XYZ9. You can find", "XYZ9"),
            ("Incorrect API key provided: abcdef1234. You can find", "abcdef1234"),
            ("header Authorization: Bearer abc.def-123456 is wrong", "abc.def"),
            ("gsk_1234567890abcdef is revoked", "1234567890"),
            ("key AIzaSyA1234567890abcdefg invalid", "SyA1234567890"),
        ];
        for (text, secret) in echo {
            let safe = safe(text).unwrap();
            assert!(!safe.contains(secret), "{safe}");
            assert!(safe.contains("[redacted]"), "{safe}");
        }
    }

    #[test]
    fn a_secret_that_stands_on_the_cut_is_not_half_shown() {
        let text = format!("{} sk-abcdefghijklmnop", "x".repeat(MAX_WORDS - 8));
        assert!(!safe(&text).unwrap().contains("sk-abc"));
    }

    #[test]
    fn words_are_one_short_line() {
        assert_eq!(safe(" a\r\n\tb\u{0} c ").as_deref(), Some("a b c"));
        assert_eq!(safe("\n \u{7}"), None);
        assert_eq!(safe(&"é".repeat(9_000)).unwrap().chars().count(), MAX_WORDS + 1);
    }

    #[test]
    fn ordinary_words_stay() {
        let text =
            "This model's maximum context length is 4096 tokens; max_tokens is too large (task-based key_performance).";
        assert_eq!(safe(text).as_deref(), Some(text));
    }
}
