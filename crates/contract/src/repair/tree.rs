//! The values of a document that was read tolerantly, before they are JSON again.
//!
//! Not [`Value`]: a number keeps the text it was written with, so that no digit is lost on the way through, and members
//! keep their order. Nothing here is decided; a tree is what the text says.

use serde_json::{Map, Number, Value};

/// One value as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Digits),
    Text(String),
    List(Vec<Node>),
    /// Members in the order of the text; a name may occur twice here, and is refused when the result is parsed.
    Object(Vec<(String, Node)>),
}

/// A number as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Digits {
    /// Exactly what stood in the text: `+49301234`, `007`, `1.50`.
    pub(super) source: String,
    /// The same number as JSON writes it, where it is one.
    pub(super) json: Option<String>,
}

// === impl Node ===

impl Node {
    /// The value for the validator. What is no number is taken for zero: the validator then says whether a text was
    /// expected there, and if not, [`Node::write`] refuses.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(it) => Value::Bool(*it),
            Self::Number(digits) => {
                let number: Option<Number> = digits.json.as_deref().and_then(|it| serde_json::from_str(it).ok());
                Value::Number(number.unwrap_or_else(|| Number::from(0)))
            }
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Self::Object(members) => {
                let members: Map<String, Value> = members.iter().map(|(name, it)| (name.clone(), it.value())).collect();
                Value::Object(members)
            }
        }
    }

    /// Writes compact JSON; `None` where something in it is no JSON number.
    pub(super) fn write(&self, into: &mut String) -> Option<()> {
        match self {
            Self::Null => into.push_str("null"),
            Self::Bool(true) => into.push_str("true"),
            Self::Bool(false) => into.push_str("false"),
            Self::Number(digits) => into.push_str(digits.json.as_deref()?),
            Self::Text(text) => quote(text, into)?,
            Self::List(items) => {
                into.push('[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        into.push(',');
                    }
                    item.write(into)?;
                }
                into.push(']');
            }
            Self::Object(members) => {
                into.push('{');
                for (place, (name, member)) in members.iter().enumerate() {
                    if place > 0 {
                        into.push(',');
                    }
                    quote(name, into)?;
                    into.push(':');
                    member.write(into)?;
                }
                into.push('}');
            }
        }
        Some(())
    }

    /// Whether it is a list of nothing but numbers, or has nothing in it: what prose is full of (`[1]`, `[ ]`, `{}`).
    pub(super) fn could_be_prose(&self) -> bool {
        match self {
            Self::List(items) => items.iter().all(|it| matches!(it, Self::Number(_))),
            Self::Object(members) => members.is_empty(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => false,
        }
    }
}

// === impl Digits ===

impl Digits {
    /// A bare word that begins like a number. Signs and underscores that JSON does not know are taken out where what
    /// is left is the same number.
    pub(super) fn read(source: &str) -> Self {
        let plain = source.strip_prefix('+').unwrap_or(source);
        let (sign, plain) = plain.strip_prefix('-').map_or(("", plain), |it| ("-", it));
        let mut digits = String::with_capacity(source.len() + 2);
        digits.push_str(sign);
        if plain.starts_with('.') {
            digits.push('0');
        }
        let mut before = ' ';
        let mut rest = plain.chars().peekable();
        while let Some(c) = rest.next() {
            let between = before.is_ascii_digit() && rest.peek().is_some_and(char::is_ascii_digit);
            if c != '_' || !between {
                digits.push(c);
            }
            if c == '.' && !rest.peek().is_some_and(char::is_ascii_digit) {
                digits.push('0');
            }
            before = c;
        }
        let signed_twice = source.starts_with('+') && sign == "-";
        let json = (!signed_twice && is_number(&digits)).then_some(digits);
        Self { source: source.to_owned(), json }
    }

    /// The same number without a fraction of zeros: `3.0` is `3`.
    pub(super) fn whole(&self) -> Option<Self> {
        let (whole, fraction) = self.json.as_deref()?.split_once('.')?;
        let zeros = !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0');
        zeros.then(|| Self { source: self.source.clone(), json: Some(whole.to_owned()) })
    }
}

/// Whether the text is a number as JSON writes it, with nothing around it.
pub(super) fn is_number(text: &str) -> bool {
    let bare = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
    bare && serde_json::from_str::<Number>(text).is_ok()
}

fn quote(text: &str, into: &mut String) -> Option<()> {
    into.push_str(&serde_json::to_string(text).ok()?);
    Some(())
}
