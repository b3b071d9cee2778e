//! Whether words of an error message are the caller's own.
//!
//! Providers quote the request in their errors, so text from a prompt could pose as a provider's signal and steer the
//! walk. Words that also occur in the request prove nothing. The comparison undoes JSON escapes and ignores letter
//! case, white space and punctuation, so that spelling a word differently in the request does not get it past.

use std::cell::OnceCell;

use serde_json::value::RawValue;

use crate::json;

/// A request body to compare with. It is read only when a message matched, which is rare.
#[derive(Debug)]
pub(super) struct Request<'a> {
    body: &'a [u8],
    normal: OnceCell<String>,
}

// === impl Request ===

impl<'a> Request<'a> {
    pub(super) const fn new(body: &'a [u8]) -> Self {
        Self { body, normal: OnceCell::new() }
    }

    /// Whether the words occur in the request.
    pub(super) fn holds(&self, words: &str) -> bool {
        let words = normal(words.as_bytes());
        if words.is_empty() {
            return false;
        }
        self.normal.get_or_init(|| normal(&unescaped(self.body))).contains(words.as_str())
    }
}

/// Lower-case letters and digits, with everything else taken out.
fn normal(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The body with its JSON escapes undone, as far as it is JSON: every string as it reads.
fn unescaped(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        let length = match escape.get(1) {
            // A pair of halves is one character: both are read together.
            Some(b'u') if escape.get(6..8) == Some(b"\\u") => 12,
            Some(b'u') => 6,
            _ => 2,
        };
        let length = length.min(escape.len());
        out.extend_from_slice(&character(escape.get(..length).unwrap_or_default()));
        rest = escape.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// What an escape stands for; one that is not JSON stands for a space.
fn character(escape: &[u8]) -> Vec<u8> {
    let quoted = format!("\"{}\"", String::from_utf8_lossy(escape));
    let raw: Option<&RawValue> = serde_json::from_str(&quoted).ok();
    let text = raw.and_then(json::text).unwrap_or_else(|| " ".into());
    text.as_bytes().to_vec()
}
