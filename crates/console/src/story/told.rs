//! The sentences of `explain`, taken apart by their labels.

/// What `explain` says before its evidence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// What happened, in one sentence.
    pub(super) tale: String,
    /// Label and sentence.
    pub(super) lines: Vec<(&'static str, String)>,
}

/// The labels of `explain`, and how a page writes them.
const LABELS: [(&str, &str); 4] =
    [("SAID", "It said"), ("MOVED", "Moved"), ("EXPECTED?", "Expected?"), ("USER SAW", "User saw")];

/// A label as a page writes it.
pub(super) fn label(of: &'static str) -> &'static str {
    LABELS.iter().find(|(label, _)| *label == of).map_or(of, |(_, shown)| shown)
}

/// The sentences before the evidence. A line without a label belongs to the one above it.
pub(super) fn told(text: &str) -> Told {
    let head = text.find("\n\n  rung  ").and_then(|it| text.get(..it)).unwrap_or(text);
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    // `◐ RECOVERED   The caller got …`: mark and outcome stand before three blanks.
    let tale = first.split_once("   ").map_or(first, |(_, tale)| tale);
    let mut told = Told { tale: tale.to_owned(), lines: Vec::new() };
    for line in lines {
        let labelled = line.strip_prefix("  ").and_then(|line| {
            let (label, _) = LABELS.iter().find(|(label, _)| line.starts_with(&format!("{label:<12}")))?;
            Some((*label, line.get(12..)?.trim().to_owned()))
        });
        match (labelled, told.lines.last_mut()) {
            (Some(it), _) => told.lines.push(it),
            (None, Some((_, sentence))) => *sentence = format!("{sentence} {}", line.trim()),
            (None, None) => told.tale = format!("{} {}", told.tale, line.trim()),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_several_lines_stays_with_its_label() {
        let text = "✕ FAILED   The caller got an error.\n  SAID        one\n  two\n  EXPECTED?   Yes: it is so.   switchback.toml:3\n  \
                    USER SAW    A clear error.\n\n  rung  what\n  1.1 …";
        let told = told(text);
        assert_eq!(told.tale, "The caller got an error.");
        assert_eq!(told.lines[0], ("SAID", "one two".to_owned()));
        assert_eq!(told.lines[1], ("EXPECTED?", "Yes: it is so.   switchback.toml:3".to_owned()));
        assert_eq!(told.lines[2], ("USER SAW", "A clear error.".to_owned()));
    }
}
