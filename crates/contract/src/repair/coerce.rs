//! Turns a value into the type that its schema asks for, where the two say the same: `"42"` and 42.
//!
//! Only where the validator found a wrong type, only into a type allowed there, and only without loss: `"12 EUR"`,
//! `"yes"`, 1.5 for a whole number or `"red, blue"` for a list stay what they are, and the answer broken.

use std::collections::HashMap;

use serde_json::Value;

use super::reader;
use super::tree::{Digits, Node, is_number};
use crate::kinds::Kinds;
use crate::schema::Mistyped;

/// What a text would hold if it were a list written as prose.
const SEPARATORS: [&str; 8] = [",", ";", "|", "/", "\n", " and ", " & ", " + "];

/// What is wrong below a place, by the next segment of the pointer.
#[derive(Default)]
struct Wrong {
    here: Option<Kinds>,
    below: HashMap<String, Wrong>,
}

/// Changes what can be changed; returns whether anything was.
pub(super) fn coerce(root: &mut Node, mistyped: Vec<Mistyped>) -> bool {
    let mut wrong = Wrong::default();
    for Mistyped { pointer, allowed } in mistyped {
        let mut at = &mut wrong;
        for segment in pointer.split('/').skip(1) {
            at = at.below.entry(segment.replace("~1", "/").replace("~0", "~")).or_default();
        }
        at.here = Some(at.here.map_or(allowed, |other| other.and(allowed)));
    }
    wrong.apply(root)
}

// === impl Wrong ===

impl Wrong {
    fn apply(&self, node: &mut Node) -> bool {
        if let Some(new) = self.here.and_then(|allowed| coerced(node, allowed)) {
            *node = new;
            return true;
        }
        let mut changed = false;
        if self.below.is_empty() {
            return changed;
        }
        match node {
            Node::List(items) => {
                for (place, item) in items.iter_mut().enumerate() {
                    if let Some(wrong) = self.below.get(&place.to_string()) {
                        changed |= wrong.apply(item);
                    }
                }
            }
            Node::Object(members) => {
                for (name, member) in members {
                    if let Some(wrong) = self.below.get(name) {
                        changed |= wrong.apply(member);
                    }
                }
            }
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => (),
        }
        changed
    }
}

/// The same in a type that is allowed, where there is one.
fn coerced(node: &Node, allowed: Kinds) -> Option<Node> {
    let list_only = allowed.is_only(Kinds::LIST);
    match node {
        Node::Text(text) => {
            let scalar = (!allowed.has(Kinds::TEXT)).then(|| from_text(text, allowed)).flatten();
            let separated = text.trim().is_empty() || SEPARATORS.iter().any(|it| text.contains(it));
            scalar.or_else(|| (list_only && !separated).then(|| Node::List(vec![node.clone()])))
        }
        Node::Number(digits) if allowed.is_only(Kinds::TEXT) => Some(Node::Text(digits.source.clone())),
        Node::Number(digits) if allowed.has(Kinds::WHOLE) => digits.whole().map(Node::Number),
        // An object around a list is a wrapper of what was wanted, not an item of it.
        Node::Object(members) if members.iter().any(|(_, it)| matches!(it, Node::List(_))) => None,
        Node::Number(_) | Node::Bool(_) | Node::Object(_) if list_only => Some(Node::List(vec![node.clone()])),
        Node::Number(_) | Node::Bool(_) | Node::Object(_) | Node::Null | Node::List(_) => None,
    }
}

/// What the text spells; a text is not allowed here.
fn from_text(text: &str, allowed: Kinds) -> Option<Node> {
    match text {
        "null" if allowed.has(Kinds::NULL) => Some(Node::Null),
        "true" | "True" if allowed.has(Kinds::BOOL) => Some(Node::Bool(true)),
        "false" | "False" if allowed.has(Kinds::BOOL) => Some(Node::Bool(false)),
        _ if is_number(text) => {
            let digits = Digits { source: text.to_owned(), json: Some(text.to_owned()) };
            let is_whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            match () {
                () if allowed.has(Kinds::NUMBER) => Some(Node::Number(digits)),
                () if !allowed.has(Kinds::WHOLE) => None,
                () if is_whole => Some(Node::Number(digits)),
                () => digits.whole().map(Node::Number),
            }
        }
        _ if allowed.has(Kinds::LIST) && text.trim_start().starts_with('[')
            || allowed.has(Kinds::OBJECT) && text.trim_start().starts_with('{') =>
        {
            inner_json(text)
        }
        _ => None,
    }
}

/// The list or object that a text holds as sound JSON.
fn inner_json(text: &str) -> Option<Node> {
    let sound = crate::json::parse(text).is_ok_and(|it| matches!(it, Value::Array(_) | Value::Object(_)));
    let start = text.len() - text.trim_start().len();
    let read = sound.then(|| reader::read(text, start).ok()).flatten()?;
    (read.steps.is_empty() && read.open == 0 && !read.closed_inside).then_some(read.root)
}
