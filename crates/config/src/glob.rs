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

/// Whether some value matches both patterns.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // `below[at]`: whether what is left of `one` and `other[at..]` have a value in common, from the ends to the starts.
    let n_other = other.len();
    let mut below: Vec<bool> = (0..=n_other).map(|at| other.iter().skip(at).all(|it| *it == '*')).collect();
    for &here in one.iter().rev() {
        let at = |row: &[bool], place: usize| row.get(place).copied().unwrap_or(false);
        let mut row = vec![false; n_other + 1];
        for place in (0..=n_other).rev() {
            let meets = match other.get(place) {
                None => here == '*' && at(&below, place),
                Some(&there) if here == '*' || there == '*' => {
                    at(&below, place) || at(&row, place + 1) || (here == there && at(&below, place + 1))
                }
                Some(&there) => here == there && at(&below, place + 1),
            };
            if let Some(cell) = row.get_mut(place) {
                *cell = meets;
            }
        }
        below = row;
    }
    below.first().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::{matches, overlap};

    #[test]
    fn patterns_overlap_exactly_when_a_value_matches_both() {
        for (one, other, expected) in [
            ("gpt-4o*", "gpt-4o-mini", true),
            ("gpt-4o*", "gpt-4", false),
            ("a*", "*b", true),
            ("a*", "b*", false),
            ("*", "", true),
            ("a*c", "a*d", false),
            ("a*b*c", "*x*", true),
            ("/v1/files*", "/v1/files/*", true),
            ("/v1/*", "/v1/models", true),
            ("ab", "ab", true),
            ("", "", true),
            ("", "a", false),
            ("a*", "a", true),
            ("*a", "b*", true),
            ("*ab", "a*c", false),
        ] {
            assert_eq!(overlap(one, other), expected, "{one} and {other}");
            assert_eq!(overlap(other, one), expected, "{other} and {one}");
        }
    }

    #[test]
    fn what_overlaps_and_what_matches_agree_on_small_words() {
        let words = |letters: &[char]| -> Vec<String> {
            let mut all = vec![String::new()];
            for length in 0..3 {
                let longer: Vec<String> = all.iter().filter(|it| it.chars().count() == length).cloned().collect();
                all.extend(longer.iter().flat_map(|it| letters.iter().map(move |letter| format!("{it}{letter}"))));
            }
            all
        };
        let (patterns, values) = (words(&['a', 'b', '*']), words(&['a', 'b']));
        for one in &patterns {
            // A pattern without a star is a value.
            for other in values.iter().chain(&patterns).filter(|it| !it.contains('*')) {
                assert_eq!(overlap(one, other), matches(one, other), "{one} against {other}");
            }
            for other in &patterns {
                let common = values.iter().any(|it| matches(one, it) && matches(other, it));
                assert!(!common || overlap(one, other), "{one} and {other}");
            }
        }
    }

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
