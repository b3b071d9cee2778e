//! Patterns over names: `*` stands for any run of characters, a pattern matches whole values, nothing else is special.
//!
//! Linear in pattern plus value for one star and never worse than their product; both are short by construction.

/// Whether `pattern` matches the whole of `value`.
#[must_use]
pub fn matches(pattern: &str, value: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| value.strip_prefix(head)) else { return false };
    let Some(mut part) = parts.next() else { return rest.is_empty() };
    // Every part but the last takes its first place; the last must stand at the end. Taking the first place is always
    // right because a star may swallow whatever lies between.
    for next in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or("");
        part = next;
    }
    rest.ends_with(part)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_pattern_matches_whole_values_only() {
        for (pattern, value, expected) in [
            ("chat", "chat", true),
            ("chat", "chats", false),
            ("chat", "a-chat", false),
            ("*", "", true),
            ("*", "anything", true),
            ("support-*", "support-triage", true),
            ("support-*", "support", false),
            ("*-triage", "support-triage", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("a*ab", "aab", true),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
            ("a.c", "abc", false),
        ] {
            assert_eq!(matches(pattern, value), expected, "{pattern} against {value}");
        }
    }
}
