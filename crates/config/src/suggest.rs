//! "Did you mean": the nearest known word, if it is near enough to be a slip of the hand.

/// Longest word that is compared, in characters; longer ones have no neighbour.
const LONGEST: usize = 64;

/// The nearest of `known`, when at most a third of its characters differ (at least one may). Of equally near ones the
/// first wins.
pub(crate) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = plain(word)?;
    let mut best: Option<(usize, &str)> = None;
    for name in known {
        let Some(candidate) = plain(name) else { continue };
        let allowed = (candidate.len().max(wanted.len()) / 3).max(1);
        let away = distance(&wanted, &candidate);
        if away <= allowed && away < wanted.len().max(1) && best.is_none_or(|(least, _)| away < least) {
            best = Some((away, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Letters in lower case; `_` and `-` are one, since that is the commonest slip.
fn plain(word: &str) -> Option<Vec<char>> {
    let plain: Vec<char> =
        word.chars().take(LONGEST + 1).map(|it| if it == '_' { '-' } else { it.to_ascii_lowercase() }).collect();
    (plain.len() <= LONGEST).then_some(plain)
}

/// Edits between two words: insertion, deletion, replacement, and exchange of neighbours (optimal string alignment).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut older: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    let mut before: Option<char> = None;
    for (row, &here) in from.iter().enumerate() {
        let mut current = Vec::with_capacity(above.len());
        current.push(row + 1);
        let mut there_before: Option<char> = None;
        for (column, &there) in to.iter().enumerate() {
            let at = |line: &[usize], place: usize| line.get(place).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&above, column) + usize::from(here != there);
            let mut least = replaced.min(at(&above, column + 1) + 1).min(at(&current, column) + 1);
            if before == Some(there) && there_before == Some(here) && column > 0 {
                least = least.min(at(&older, column - 1) + 1);
            }
            current.push(least);
            there_before = Some(there);
        }
        older = std::mem::replace(&mut above, current);
        before = Some(here);
    }
    above.last().copied().unwrap_or(from.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_finds_its_word() {
        let keys = ["as", "retries", "timeout", "first-token", "idle", "when"];
        assert_eq!(closest("retrys", keys), Some("retries"));
        assert_eq!(closest("tiemout", keys), Some("timeout"));
        assert_eq!(closest("first_token", keys), Some("first-token"));
        assert_eq!(closest("Timeout", keys), Some("timeout"));
    }

    #[test]
    fn a_strange_word_finds_nothing() {
        assert_eq!(closest("colour", ["as", "retries", "timeout"]), None);
        assert_eq!(closest("x", ["as", "by"]), None);
        assert_eq!(closest("", ["as"]), None);
        assert_eq!(closest(&"a".repeat(10_000), ["as"]), None);
    }
}
