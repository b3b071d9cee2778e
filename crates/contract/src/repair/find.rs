//! Finds the documents in a text: behind fences, a prefix or prose, as a text inside a text, or simply there.
//!
//! What is left between them must be words. Where it looks like a piece of a document instead, nothing is found: a part
//! of an answer is not the answer.

use std::collections::BTreeSet;

use super::RepairStep;
use super::cursor::{QUOTES, Role, is_bare_name_ahead, is_name_ahead, is_space, starts_colon};
use super::reader::{self, Document, Failed};
use super::tree::Node;
use super::{cursor, quoted};

/// Most documents in one text; sources in brackets (`[1]`) count.
const MOST_DOCUMENTS: usize = 256;
/// How many times the text's length may be looked at while brackets turn out to be prose.
const MOST_PASSES: usize = 4;
/// Texts inside texts that are opened.
const DEEPEST: u8 = 2;

/// One document with what was found around it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) document: Document,
    /// What finding and reading it took.
    pub(super) steps: BTreeSet<RepairStep>,
    /// Whether words stand before it and after it, so that it may be an example of something cut off later.
    pub(super) amid_words: bool,
    /// Whether it stands inside a sentence, so that only a schema can tell it from an example.
    pub(super) inline: bool,
}

/// The documents of a text, in order; empty where there is none that can be trusted.
pub(super) fn documents(text: &str) -> Vec<Found> {
    found_in(text, DEEPEST).unwrap_or_default()
}

fn found_in(text: &str, deeper: u8) -> Option<Vec<Found>> {
    let trimmed = text.trim_matches(is_space);
    let mut steps = BTreeSet::new();
    if text.trim() != trimmed {
        steps.insert(RepairStep::Spaces);
    }
    let body = unfenced(trimmed);
    let body =
        body.strip_prefix("json").or(body.strip_prefix("JSON")).map_or(body, |it| it.trim_start_matches(is_space));
    if body.len() != trimmed.len() {
        steps.insert(RepairStep::Fence);
    }
    if let Some(escaped) = unescaped(body) {
        steps.insert(RepairStep::Encoding);
        return (deeper > 0).then(|| found_in(&escaped, deeper - 1)).flatten().map(|it| with(it, &steps));
    }
    match body.chars().next()? {
        '{' | '[' => (),
        first if QUOTES.contains(&first) && is_name_ahead(body) => {
            return without_bracket(body).map(|it| with(vec![it], &steps));
        }
        first if QUOTES.contains(&first) => {
            let mut cursor = cursor::Cursor::new(body, 0);
            if let Ok(content) = quoted::read(&mut cursor, Role::Root) {
                return Some(with(text_or_inner(content, cursor, deeper), &steps));
            }
        }
        _ => {
            if let Ok(document) = reader::read(body, 0)
                && document.end == body.len()
            {
                return Some(with(vec![Found::alone(document)], &steps));
            }
        }
    }
    // White space at the end stays: it shows that a number before it is whole.
    scan(text.trim_start_matches(is_space)).map(|it| with(it, &steps))
}

/// A text that is the whole answer: itself, and what it holds if it holds a document.
fn text_or_inner(content: String, cursor: cursor::Cursor<'_>, deeper: u8) -> Vec<Found> {
    let begins_like_one = content.trim_matches(is_space).starts_with(['{', '[', '`', '"']);
    let inner = (deeper > 0 && begins_like_one).then(|| found_in(&content, deeper - 1)).flatten().unwrap_or_default();
    let steps = cursor.steps.iter().copied().chain([RepairStep::Encoding]).collect();
    let mut found = with(inner, &steps);
    let (root, end) = (Node::Text(content), cursor.at);
    let document = Document { root, steps: cursor.steps, start: 0, end, open: 0, closed_inside: false };
    found.push(Found::alone(document));
    found
}

/// The members of an object whose opening bracket was the prompt's, or forgotten.
fn without_bracket(body: &str) -> Option<Found> {
    let document = reader::read_members(body).ok()?;
    (document.open == 0 && document.end == body.len()).then(|| Found::alone(document))
}

/// Every document that begins with a bracket.
fn scan(text: &str) -> Option<Vec<Found>> {
    let mut fuel = text.len().saturating_mul(MOST_PASSES) + 4096;
    let mut documents: Vec<Document> = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find(['{', '['])).map(|it| at + it) {
        let before = text.get(..start)?;
        let is_index = text.get(start..)?.starts_with('[')
            && before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']'))
            && !before.ends_with("json");
        at = match reader::read(text, start) {
            Ok(document) => {
                let end = document.end;
                if !is_index && (!document.root.could_be_prose() || stands_alone(text, start, end)) {
                    documents.push(document);
                }
                end
            }
            Err(Failed::Prose(looked_at)) => {
                fuel = fuel.checked_sub(looked_at)?;
                start + 1
            }
            Err(Failed::Document) => return None,
        };
        if documents.len() > MOST_DOCUMENTS {
            return None;
        }
    }
    let mut found = Vec::with_capacity(documents.len());
    let mut before = 0;
    let mut documents = documents.into_iter().peekable();
    while let Some(document) = documents.next() {
        let is_last = documents.peek().is_none();
        let next = documents.peek().map_or(text.len(), |it| it.start);
        let (lead, tail) = (text.get(before..document.start)?, text.get(document.end..next)?);
        before = document.end;
        let alone = stands_alone(text, document.start, document.end);
        let mut it = Found::between(document, lead, tail, is_last)?;
        it.inline = it.steps.contains(&RepairStep::Prose) && !alone;
        found.push(it);
    }
    Some(found)
}

// === impl Found ===

impl Found {
    fn alone(document: Document) -> Self {
        Self { steps: document.steps.clone(), document, amid_words: false, inline: false }
    }

    /// With what stands before and after it; `None` where that is a piece of a document.
    fn between(document: Document, lead: &str, tail: &str, is_last: bool) -> Option<Self> {
        let lead = lead.trim_end_matches(is_space);
        let closers = |c: char| is_space(c) || matches!(c, '}' | ']');
        let after = tail.trim_start_matches(closers);
        let has_closers = tail.trim_start_matches(is_space).len() != after.len();
        // `{…}, "b": 1}`, `{…} "b": 1}` and `{…}, {…}` go on; `"a": {…}}` began before.
        let goes_on = after.strip_prefix([',', '，', ':', '：']).map(|it| it.trim_start_matches(is_space));
        let goes_on = is_name_ahead(after) || goes_on.is_some_and(|it| starts_value(it) || is_bare_name_ahead(it));
        let began_before = lead.strip_suffix([':', '：']).map(|it| it.trim_end_matches(is_space).ends_with(QUOTES));
        if goes_on || (has_closers && began_before == Some(true)) || starts_colon(after) {
            return None;
        }
        // Documents in a row, with no word between them, are parts of one answer.
        if !is_last && !tail.contains(|c: char| c.is_alphanumeric()) {
            return None;
        }
        let mut steps = document.steps.clone();
        let (leads, trails) = (words(lead, &mut steps), words(tail, &mut steps));
        if has_closers {
            steps.insert(RepairStep::Brackets);
        }
        Some(Self { document, steps, amid_words: leads && trails, inline: false })
    }
}

/// Whether words stand there. Fences and the name of a language are none.
fn words(around: &str, steps: &mut BTreeSet<RepairStep>) -> bool {
    if around.contains("```") {
        steps.insert(RepairStep::Fence);
    }
    let bare = around.replace("```", " ");
    let bare = bare.trim_matches(|c: char| is_space(c) || matches!(c, '}' | ']'));
    if bare.is_empty() {
        return false;
    }
    let is_language = bare.len() <= 10 && bare.to_ascii_lowercase().starts_with("json");
    steps.insert(if is_language { RepairStep::Fence } else { RepairStep::Prose });
    !is_language
}

/// Whether it is on its own between words: nothing but an introduction before it, and the end of a line after it.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).unwrap_or_default().trim_end_matches([' ', '\t']);
    let after = text.get(end..).unwrap_or_default().trim_start_matches([' ', '\t', ']', '}']);
    let introduced = before.is_empty() || before.ends_with(['\n', ':', '=', '`', '>', '：']);
    introduced && (after.is_empty() || after.starts_with(['\n', '\r', '`', '<']))
}

fn starts_value(rest: &str) -> bool {
    rest.starts_with(QUOTES) || rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '{' | '['))
}

/// The text inside one fence around all of it.
fn unfenced(text: &str) -> &str {
    let Some(inner) = text.strip_prefix("```").and_then(|it| it.strip_suffix("```")) else {
        return text;
    };
    let language = inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or_default();
    let inner = if inner.get(language..).is_some_and(|it| it.starts_with(is_space)) {
        inner.get(language..).unwrap_or_default()
    } else {
        inner
    };
    inner.trim_matches(is_space)
}

/// The document that was escaped once more than it should have been: `{\"a\": 1}`.
fn unescaped(body: &str) -> Option<String> {
    let inside = body.strip_prefix(['{', '['])?;
    let inside = inside.strip_prefix("\\n").unwrap_or(inside).trim_start_matches(is_space);
    if !inside.starts_with("\\\"") {
        return None;
    }
    let one_line = body.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    serde_json::from_str(&format!("\"{one_line}\"")).ok()
}

fn with(mut found: Vec<Found>, steps: &BTreeSet<RepairStep>) -> Vec<Found> {
    for it in &mut found {
        it.steps.extend(steps);
    }
    found
}
