//! What is wrong with a configuration, for people: a stable code, the place, the effect, and a fix.
//!
//! [`Report`] collects every finding of a file, so that one run of `check` shows them all. A diagnostic never holds a
//! secret: values that look like one are quoted by [`shown`], which keeps at most five characters of them.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::codes;

/// Bytes of the text, from the first one to the one after the last.
pub(crate) type Span = Range<usize>;

/// A stable code such as `SB101`; the table of all is [`crate::CODES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Code(pub &'static str);

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, and somebody should know.
    Warning,
}

/// One finding. Serialised it is an item of `check --json`:
/// `{code, severity, message, file, line, column, fix}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line without jargon.
    pub message: String,
    /// The file, as its name was given.
    pub file: String,
    /// Line of the first character, counted from one.
    pub line: usize,
    /// Column of the first character, in characters, counted from one.
    pub column: usize,
    /// The bytes of the file that are meant; may be empty, never outside the text.
    #[serde(skip)]
    pub span: Range<usize>,
    /// Words that stand under the underlined source; may be empty.
    #[serde(skip)]
    pub label: String,
    /// Who is hurt, or how the finding was come to; may have several lines.
    #[serde(skip)]
    pub effect: Option<String>,
    /// An edit that works when pasted.
    pub fix: Option<String>,
}

/// Collects the findings of one file.
#[derive(Debug)]
pub(crate) struct Report<'t> {
    file: &'t str,
    text: &'t str,
    /// Offset of the first byte of each line.
    line_starts: Vec<usize>,
    found: Vec<Diagnostic>,
    n_errors: usize,
    /// Whether an error of the same code at the same place is kept once.
    once: bool,
}

/// Most findings that are kept; who has mended a thousand runs the check again.
const MOST: usize = 1_000;

/// Longest piece of a value that a message quotes, in characters.
const SHOWN: usize = 48;

// === impl Code ===

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Code {
    /// One line of what it is about, and the long text of `help SBnnn`.
    #[must_use]
    pub fn help(self) -> Option<(&'static str, &'static str)> {
        codes::CODES.iter().find(|(code, ..)| *code == self.0).map(|(_, title, help)| (*title, *help))
    }
}

// === impl Diagnostic ===

impl Diagnostic {
    pub(crate) fn error(code: Code, span: &Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            file: String::new(),
            line: 1,
            column: 1,
            span: span.clone(),
            label: String::new(),
            effect: None,
            fix: None,
        }
    }

    pub(crate) fn warning(code: Code, span: &Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn effect(mut self, effect: impl Into<String>) -> Self {
        self.effect = Some(effect.into());
        self
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

// === impl Report ===

impl<'t> Report<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(breaks).collect();
        Self { file, text, line_starts, found: Vec::new(), n_errors: 0, once: false }
    }

    /// Keeps a finding, with its place. Beyond [`MOST`] it only counts.
    pub(crate) fn add(&mut self, mut diagnostic: Diagnostic) {
        if diagnostic.severity == Severity::Error {
            self.n_errors += 1;
        }
        if self.found.len() >= MOST {
            return;
        }
        let is_same = |it: &Diagnostic| it.code == diagnostic.code && it.span == diagnostic.span;
        if self.once && diagnostic.severity == Severity::Error && self.found.iter().any(is_same) {
            return;
        }
        let mut start = diagnostic.span.start.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = diagnostic.span.end.clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        let (line, column) = self.place(start);
        diagnostic.span = start..end;
        diagnostic.file = self.file.to_owned();
        diagnostic.line = line;
        diagnostic.column = column;
        self.found.push(diagnostic);
    }

    /// From now on (or no more) an error of the same code at the same place is kept once: what several tasks take from
    /// one place is compiled for each of them.
    pub(crate) fn set_once(&mut self, once: bool) {
        self.once = once;
    }

    /// Line and column of a byte, both counted from one.
    pub(crate) fn place(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= at);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        (line, self.text.get(start..at).map_or(0, |before| before.chars().count()) + 1)
    }

    /// The place as `explain` names it: final part of the file's name, and the line.
    pub(crate) fn short_place(&self, at: usize) -> String {
        let name = self.file.rsplit(['/', '\\']).next().unwrap_or(self.file);
        format!("{name}:{}", self.place(at).0)
    }

    /// The text of a span.
    pub(crate) fn source(&self, span: &Span) -> &'t str {
        self.text.get(span.clone()).unwrap_or("")
    }

    pub(crate) fn n_errors(&self) -> usize {
        self.n_errors
    }

    /// The line that holds this byte, without spaces around it.
    pub(crate) fn line(&self, at: usize) -> &'t str {
        let (line, _) = self.place(at);
        self.line_numbered(line)
    }

    /// Number of the first line that is this one, spaces around it apart.
    pub(crate) fn first_line(&self, wanted: &str) -> usize {
        (1..=self.line_starts.len()).find(|it| self.line_numbered(*it) == wanted).unwrap_or(1)
    }

    fn line_numbered(&self, line: usize) -> &'t str {
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        self.text.get(start..).and_then(|it| it.lines().next()).unwrap_or("").trim()
    }

    /// The findings in the order of the file, of one place errors first.
    ///
    /// Where the syntax is broken, part of the file was not seen. Then findings that may follow from that are left
    /// out: those on a line with a syntax error, those below a header that could not be read, and those that say that
    /// something is missing.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        let mut unseen: Vec<Range<usize>> = Vec::new();
        for broken in self.found.iter().filter(|it| it.code == codes::SYNTAX) {
            let is_header = |line: usize| self.line_numbered(line).starts_with('[');
            let below =
                (broken.line + 1..=self.line_starts.len()).take_while(|it| is_header(broken.line) && !is_header(*it));
            unseen.push(broken.line..broken.line + 1 + below.count());
        }
        if !unseen.is_empty() {
            self.found.retain(|it| {
                let is_unseen = unseen.iter().any(|lines| lines.contains(&it.line));
                it.code == codes::SYNTAX || !(is_unseen || codes::NEEDS_WHOLE_FILE.contains(&it.code))
            });
        }
        self.found.sort_by_key(|it| (it.span.start, it.severity));
        self.found
    }
}

/// A value as a message quotes it: short, on one line, and never a secret.
pub(crate) fn shown(value: &str) -> String {
    if looks_secret(value) {
        return format!("`{}…`", opening(value));
    }
    let line: String = value.chars().map(|it| if it.is_control() { ' ' } else { it }).take(SHOWN).collect();
    let more = if value.chars().nth(SHOWN).is_some() { "…" } else { "" };
    format!("`{line}{more}`")
}

/// The first characters of a secret: a quarter of it, five at most.
pub(crate) fn opening(secret: &str) -> String {
    let n_shown = (secret.chars().count() / 4).min(5);
    secret.chars().take(n_shown).collect()
}

/// Whether this is probably a credential: the prefixes that vendors use, or a password in a URL.
pub(crate) fn looks_secret(value: &str) -> bool {
    const PREFIXES: [&str; 9] = ["sk-", "sk_", "pk_", "xai-", "gsk_", "AIza", "Bearer ", "Basic ", "eyJ"];
    let long = value.len() >= 12;
    let in_url = value.split_once("://").is_some_and(|(_, rest)| rest.split('/').next().unwrap_or("").contains('@'));
    in_url || (long && PREFIXES.iter().any(|prefix| value.starts_with(prefix)))
}

/// Names in a row: `a, b, c`.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}
