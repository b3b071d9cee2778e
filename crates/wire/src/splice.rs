//! Edits to a body that keep every byte nobody meant to change.
//!
//! A gateway that parses a body and writes it again loses duplicate digits, key order, unknown fields and time. A
//! [`Splice`] holds a few edits against the original bytes instead. It never parses a whole body and never
//! re-serialises one; a body without edits comes back as the very same [`Bytes`].

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::json;

/// Ordered edits to one body. Spans are byte ranges of the original; where two overlap, the one that starts first wins
/// the shared bytes.
#[derive(Debug, Clone, Default)]
pub struct Splice {
    edits: Vec<Edit>,
}

#[derive(Debug, Clone)]
struct Edit {
    at: Range<usize>,
    what: What,
}

/// What happens at the place of an edit. Commas are settled when the edits are applied: only then is it known which
/// neighbours are left.
#[derive(Debug, Clone)]
enum What {
    Text(String),
    NewMember(String),
    NoMember,
}

// === impl Splice ===

impl Splice {
    /// No edits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts this text in the place of the span.
    pub fn replace(&mut self, span: Range<usize>, with: impl Into<String>) {
        self.edits.push(Edit { at: span, what: What::Text(with.into()) });
    }

    /// Adds a member at the end of the object whose closing brace is at `object_end`. The name is escaped; the value is
    /// JSON already.
    pub fn insert_member(&mut self, object_end: usize, name: &str, value: &str) {
        let mut member = json::quote(name);
        member.reserve_exact(1 + value.len());
        member.push(':');
        member.push_str(value);
        self.edits.push(Edit { at: object_end..object_end, what: What::NewMember(member) });
    }

    /// Takes a member out of its object: key, value and the comma that it no longer needs. `value` is the span of the
    /// member's value in `body`; a span that is no member's value changes nothing.
    pub fn remove_member(&mut self, body: &[u8], value: Range<usize>) {
        if let Some(at) = member_span(body, &value) {
            self.edits.push(Edit { at, what: What::NoMember });
        }
    }

    /// The edited body: the very same bytes if there is nothing to edit. Spans outside the body are cut to it.
    #[must_use]
    pub fn apply(mut self, body: &Bytes) -> Bytes {
        if self.edits.is_empty() {
            return body.clone();
        }
        self.edits.sort_by_key(|edit| edit.at.start);
        let added: usize = self.edits.iter().map(|edit| edit.what.len()).sum();
        let mut out = BytesMut::with_capacity(body.len() + added);
        let mut copied = 0;
        for edit in &self.edits {
            let start = edit.at.start.clamp(copied, body.len());
            out.extend_from_slice(body.get(copied..start).unwrap_or_default());
            copied = edit.at.end.clamp(start, body.len());
            match &edit.what {
                What::Text(text) => out.extend_from_slice(text.as_bytes()),
                What::NewMember(member) => {
                    if last_byte(&out) != Some(b'{') {
                        out.extend_from_slice(b",");
                    }
                    out.extend_from_slice(member.as_bytes());
                }
                What::NoMember => match last_at(&out, out.len()) {
                    Some(comma) if out.get(comma) == Some(&b',') => out.truncate(comma),
                    _ => copied = after_comma(body, copied),
                },
            }
        }
        out.extend_from_slice(body.get(copied..).unwrap_or_default());
        out.freeze()
    }
}

// === impl What ===

impl What {
    /// Bytes that it adds at most.
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::NewMember(member) => member.len() + 1,
            Self::NoMember => 0,
        }
    }
}

/// Adds a member at the end of the object that the body is, without reading the rest of it. `None` if the body is not
/// an object by its first and last byte. An object that has the member already then has it twice, and JSON parsers
/// keep the last: ours.
#[must_use]
pub fn with_member(body: &Bytes, name: &str, value: &str) -> Option<Bytes> {
    // Another gateway behind this one may have put its own there: only one of the two can be believed.
    if let Some(span) = memchr::memmem::find(body, json::quote(name).as_bytes()).and_then(|_| json::member(body, name))
    {
        let mut splice = Splice::new();
        splice.remove_member(body, span);
        let without = splice.apply(body);
        return (without.len() < body.len()).then(|| with_member(&without, name, value)).flatten();
    }
    let end = json::object_end(body)?;
    if json::first_byte(body) != Some(b'{') {
        return None;
    }
    let mut splice = Splice::new();
    splice.insert_member(end, name, value);
    Some(splice.apply(body))
}

/// Key and value of the member that has this value.
fn member_span(body: &[u8], value: &Range<usize>) -> Option<Range<usize>> {
    let colon = last_at(body, value.start)?;
    let key_end = last_at(body, colon)?;
    if body.get(colon) != Some(&b':') || body.get(key_end) != Some(&b'"') {
        return None;
    }
    let key = key_start(body, key_end)?;
    let before = last_byte(body.get(..key)?);
    matches!(before, Some(b',' | b'{')).then_some(key..value.end)
}

/// Index after the comma that comes next, or `at` if none does.
fn after_comma(body: &[u8], at: usize) -> usize {
    let rest = body.get(at..).unwrap_or_default();
    match rest.iter().position(|byte| !byte.is_ascii_whitespace()) {
        Some(next) if rest.get(next) == Some(&b',') => at + next + 1,
        _ => at,
    }
}

/// Index of the opening quote of the key whose closing quote is at `end`: inside a key every quote is escaped.
fn key_start(body: &[u8], end: usize) -> Option<usize> {
    let mut upto = end;
    loop {
        let quote = memchr::memrchr(b'"', body.get(..upto)?)?;
        let slashes = body.get(..quote)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        if slashes % 2 == 0 {
            return Some(quote);
        }
        upto = quote;
    }
}

/// Index of the last byte before `end` that is not white space.
fn last_at(body: &[u8], end: usize) -> Option<usize> {
    body.get(..end)?.iter().rposition(|byte| !byte.is_ascii_whitespace())
}

fn last_byte(body: &[u8]) -> Option<u8> {
    last_at(body, body.len()).and_then(|at| body.get(at).copied())
}

#[cfg(test)]
mod tests;
