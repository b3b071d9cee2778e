//! Where the tolerant reader stands in the text, and what it may look at ahead of it.
//!
//! Looking ahead is bounded ([`FURTHEST`]), so that reading stays linear in the text whatever stands in it. Comments are
//! passed over only where nothing can hide in them.

use std::collections::BTreeSet;

use super::RepairStep;

/// Most bytes that are looked at ahead, for a name with its colon or for white space.
const FURTHEST: usize = 512;
/// Most bytes of white space between a value and what comes after it, when a quote's meaning depends on that.
const WIDEST_SPACE: usize = 4096;
/// What a comment says that stands for values which were left out.
const LEFT_OUT: [&str; 9] = ["...", "…", "etc", "omitted", "remaining", "and so on", "rest of", "more ", "continue"];
/// What text is put between where JSON wants `"`.
pub(super) const QUOTES: [char; 10] = ['"', '\'', '“', '”', '„', '‘', '’', '‚', '`', '＂'];

/// The text cannot be read as the document it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// A place in a text, and what was put right on the way there.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) steps: BTreeSet<RepairStep>,
}

/// What a text is inside the document, which decides what may come after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The name of a member: a colon comes.
    Name,
    /// The value of a member.
    Member,
    /// An item of a list.
    Item,
    /// The whole document: nothing comes.
    Root,
}

// === impl Cursor ===

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str, at: usize) -> Self {
        Self { text, at, steps: BTreeSet::new() }
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn pass(&mut self, c: char) {
        self.at += c.len_utf8();
    }

    pub(super) fn note(&mut self, step: RepairStep) {
        self.steps.insert(step);
    }

    /// Passes over the characters while they are wanted, and returns them.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Passes over white space and comments; returns whether a line ended.
    ///
    /// # Errors
    /// A comment without an end, which may hide what comes after it, one that stands for values left out, or one that
    /// may be part of a text.
    pub(super) fn blank(&mut self) -> Result<bool, Broken> {
        let mut line_ended = false;
        loop {
            let space = self.take_while(is_space);
            line_ended |= space.contains('\n');
            if !space.bytes().all(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
                self.note(RepairStep::Spaces);
            }
            let rest = self.rest();
            let (end, is_line) = match () {
                () if rest.starts_with("/*") => (rest.find("*/").map(|end| end + 2), false),
                () if starts_comment(rest) => (rest.find('\n'), true),
                () => return Ok(line_ended),
            };
            // One without an end reaches to the end of the text.
            let comment = end.and_then(|end| rest.get(..end));
            self.at += comment.map_or(rest.len(), str::len);
            let words = comment.ok_or(Broken)?.to_ascii_lowercase();
            // With half of a pair of quotes in it, it may be what a text says.
            let odd_quotes = !words.matches('"').count().is_multiple_of(2);
            if odd_quotes || LEFT_OUT.iter().any(|mark| words.contains(mark)) {
                return Err(Broken);
            }
            line_ended |= is_line;
            self.note(RepairStep::Comments);
        }
    }
}

// === impl Role ===

impl Role {
    /// Whether a quote with this after it is where the text ends, rather than a part of what the text says.
    pub(super) fn ends_before(self, rest: &str) -> bool {
        let Some((line_ended, rest)) = after_space(rest) else {
            return false;
        };
        let Some(next) = rest.chars().next() else {
            return self != Self::Name;
        };
        if self != Self::Name && self != Self::Root && (rest.starts_with("```") || starts_comment(rest)) {
            return true;
        }
        match (self, next) {
            (Self::Name, _) => starts_colon(rest),
            (Self::Root, _) => false,
            (Self::Member | Self::Item, ']' | '}') => true,
            (Self::Member, ',' | '，') => {
                goes_on(rest, next, |rest, _| is_name_ahead(rest) || is_bare_name_ahead(rest))
            }
            (Self::Item, ',' | '，') => goes_on(rest, next, |_, first| starts_value(first)),
            (Self::Member, _) => is_name_ahead(rest) || line_ended && is_bare_name_ahead(rest),
            (Self::Item, _) => line_ended && (QUOTES.contains(&next) || matches!(next, '{' | '[')),
        }
    }
}

pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{2060}')
}

pub(super) fn starts_colon(rest: &str) -> bool {
    rest.starts_with([':', '：']) || rest.starts_with("=>")
}

fn starts_comment(rest: &str) -> bool {
    rest.starts_with('#') || rest.starts_with("//") || rest.starts_with("/*")
}

fn starts_value(first: char) -> bool {
    QUOTES.contains(&first) || first.is_ascii_digit() || "{[-+.tfnTFN".contains(first)
}

/// Whether a comma with this around it separates: the bracket closes, a comment comes, or `wanted` does.
fn goes_on(from_comma: &str, comma: char, wanted: impl Fn(&str, char) -> bool) -> bool {
    let Some((_, rest)) = from_comma.get(comma.len_utf8()..).and_then(after_space) else {
        return false;
    };
    match rest.chars().next() {
        None | Some(']' | '}' | ',') => true,
        Some(first) => starts_comment(rest) || wanted(rest, first),
    }
}

/// What comes after white space, and whether a line ended in it.
fn after_space(rest: &str) -> Option<(bool, &str)> {
    let trimmed = rest.trim_start_matches(is_space);
    let space = rest.len() - trimmed.len();
    (space <= WIDEST_SPACE).then(|| (rest.get(..space).unwrap_or_default().contains('\n'), trimmed))
}

/// Whether a quoted name with its colon comes.
pub(super) fn is_name_ahead(rest: &str) -> bool {
    let mut ahead = rest.char_indices().take(FURTHEST);
    let Some((_, open)) = ahead.next().filter(|(_, c)| QUOTES.contains(c)) else {
        return false;
    };
    let mut escaped = false;
    for (at, c) in ahead {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return false,
            _ if closers(open).contains(&c) => {
                return rest.get(at + c.len_utf8()..).and_then(after_space).is_some_and(|(_, it)| starts_colon(it));
            }
            _ => (),
        }
    }
    false
}

/// Whether a name without quotes, with its colon, comes.
pub(super) fn is_bare_name_ahead(rest: &str) -> bool {
    let name = rest.char_indices().take(FURTHEST).find(|(_, c)| !is_bare(*c));
    name.is_some_and(|(end, _)| {
        end > 0 && rest.get(end..).and_then(after_space).is_some_and(|(_, it)| starts_colon(it))
    })
}

/// What a name without quotes is made of.
pub(super) fn is_bare(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '-')
}

/// The quotes that end what this one began.
pub(super) const fn closers(open: char) -> &'static [char] {
    match open {
        '"' => &['"'],
        '\'' => &['\''],
        '`' => &['`'],
        '＂' => &['＂'],
        '‘' | '’' | '‚' => &['’', '‘', '\''],
        _ => &['”', '“', '"'],
    }
}
