//! The ids of tool calls in a conversation, in the form that Messages takes.
//!
//! Messages wants letters, digits, `_` and `-`, and each id once; callers bring ids of other vendors, and some servers
//! begin with the same id in every answer. The same words are always written the same way. Never looks into results.

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use crate::json;

/// The ids that were written so far.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// How the latest call with the caller's id is written.
    latest: HashMap<Box<str>, Box<str>>,
    taken: HashSet<Box<str>>,
    /// Calls of the older form so far; those have no id of their own.
    n_functions: usize,
}

// === impl Ids ===

impl Ids {
    /// The id of a new call, quoted: one that no call had before it.
    pub(super) fn call(&mut self, given: Option<&RawValue>) -> String {
        let given = given.and_then(json::text).unwrap_or_default();
        let plain = plain(&given);
        let mut id = plain.clone();
        let mut n = 1;
        while self.taken.contains(&*id) {
            n += 1;
            id = format!("{plain}_{n}");
        }
        self.taken.insert(id.as_str().into());
        self.latest.insert(given.as_ref().into(), id.as_str().into());
        json::quote(&id)
    }

    /// The id of the call that a result belongs to, quoted: the latest with the caller's id.
    pub(super) fn result(&self, given: Option<&RawValue>) -> String {
        let given = given.and_then(json::text).unwrap_or_default();
        self.latest.get(&*given).map_or_else(|| json::quote(&plain(&given)), |id| json::quote(id))
    }

    /// The id of a new call of the older form, quoted.
    pub(super) fn function_call(&mut self) -> String {
        self.n_functions += 1;
        self.function_result()
    }

    /// The id of the latest call of the older form, quoted.
    pub(super) fn function_result(&self) -> String {
        json::quote(&format!("function_{}", self.n_functions))
    }
}

/// An id in the letters that Messages takes.
fn plain(given: &str) -> String {
    let mut id = String::with_capacity(given.len());
    for byte in given.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            id.push(char::from(byte));
        } else {
            id.push_str(&format!("_{byte:02x}"));
        }
    }
    id
}
