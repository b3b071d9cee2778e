//! Small JSON tools that the rooms share: raw members, decoded strings, truth, depth, spans.
//!
//! Everything borrows from the bytes it was given; nothing here builds a tree of values or re-serialises.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use memchr::{memchr, memchr2, memchr2_iter};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A member that is an object, read in the pass that reads its parent. As with [`object`], an array is refused.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

/// The members of an object in their order, each value as it stands. Of a key that comes twice the last counts, as it
/// does for most parsers.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

/// Writes an object of values that are JSON already.
#[derive(Debug, Clone)]
pub(crate) struct Writer(String);

/// Deepest nesting that any body may have; serde_json's own limit for values, which raw members would escape.
pub(crate) const MAX_DEPTH: usize = 128;

// === impl Object ===

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfMap<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfMap<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(OfMap(PhantomData))
    }
}

// === impl Members ===

impl<'a> Members<'a> {
    /// Reads an object; `None` of anything else, and of an object that something follows.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(members)
            }
        }

        let mut deserializer = serde_json::Deserializer::from_str(text);
        let members = deserializer.deserialize_map(All).ok()?;
        deserializer.end().ok().map(|()| Self(members))
    }

    /// Reads an object that is a member of another; none of anything else.
    pub(crate) fn of(raw: Option<&'a RawValue>) -> Self {
        raw.and_then(|raw| Self::read(raw.get())).unwrap_or_default()
    }

    /// The member unless it is absent or `null`.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        given(self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value))
    }

    /// The text of a string member.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).and_then(text)
    }
}

// === impl Writer ===

impl Writer {
    /// An object without members.
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a member whose value is JSON.
    pub(crate) fn raw(&mut self, name: &str, value: &str) -> &mut Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quote(name));
        self.0.push(':');
        self.0.push_str(value);
        self
    }

    /// Adds a member that is a string.
    pub(crate) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.raw(name, &quote(value))
    }

    /// Whether nothing was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// The object.
    pub(crate) fn finish(&mut self) -> String {
        let mut text = std::mem::take(&mut self.0);
        text.push('}');
        text
    }
}

/// A member as it stands in the body, `null` included: absence and `null` differ for whoever edits the body.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The member unless it is absent or `null`.
pub(crate) fn given(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

/// Reads an object. A derived struct also accepts an array of its fields in order, which no protocol means.
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    if !text.trim_start().starts_with('{') {
        return Err(serde_json::Error::custom("not an object"));
    }
    serde_json::from_str(text)
}

/// Like [`object`] from bytes that need not be UTF-8 where nobody looks.
pub(crate) fn object_in<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, serde_json::Error> {
    if first_byte(body) != Some(b'{') {
        return Err(serde_json::Error::custom("not an object"));
    }
    value_in(body)
}

/// Reads JSON from bytes that need not be UTF-8 where nobody looks. Almost all are UTF-8 throughout: known once, it is
/// not asked again of every member.
pub(crate) fn value_in<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, serde_json::Error> {
    match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    }
}

/// The span of the value of a member of the body's object; `None` when it is not there exactly once.
pub(crate) fn member(body: &[u8], name: &str) -> Option<Range<usize>> {
    struct Find<'n>(&'n str);

    impl<'de> Visitor<'de> for Find<'_> {
        type Value = Option<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                let value = map.next_value::<&'de RawValue>()?;
                if key == self.0 && found.replace(value).is_some() {
                    return Err(A::Error::custom("given twice"));
                }
            }
            Ok(found)
        }
    }

    let text = std::str::from_utf8(body).ok()?;
    let found = serde_json::Deserializer::from_str(text).deserialize_map(Find(name)).ok()??;
    Some(span(body, found))
}

/// The elements of an array, each as it stands; `None` if it is no array.
pub(crate) fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

/// The text of a JSON string; `None` for every other type. A lone surrogate becomes U+FFFD: a server that cuts an
/// emoji between two chunks must not cost the answer.
pub(crate) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    struct Lossy;

    impl<'de> Visitor<'de> for Lossy {
        type Value = Cow<'de, str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
            Ok(String::from_utf8_lossy(bytes))
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            Ok(Cow::Owned(String::from_utf8_lossy(bytes).into_owned()))
        }
    }

    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::Deserializer::from_str(raw.get()).deserialize_bytes(Lossy).ok()
}

/// The text of a string member that is given and not empty.
pub(crate) fn filled(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    given(raw).and_then(text).filter(|text| !text.is_empty())
}

/// Whether a client in a scripting language would take the member for true: the official SDK raises on a truthy
/// `error`, and on nothing else.
pub(crate) fn truthy(raw: Option<&RawValue>) -> bool {
    given(raw).is_some_and(|raw| match raw.get() {
        "false" | "0" | "\"\"" => false,
        text => !is_empty_container(text),
    })
}

/// Whether the text is `{}` or `[]`, with any white space inside.
pub(crate) fn is_empty_container(text: &str) -> bool {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.or_else(|| text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')));
    inner.is_some_and(|inner| inner.trim().is_empty())
}

/// Where a borrowed piece stands in the body that it was borrowed from.
pub(crate) fn span(body: &[u8], raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr().addr().saturating_sub(body.as_ptr().addr());
    start..start + raw.get().len()
}

/// The first byte that is not white space.
pub(crate) fn first_byte(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// Index of the final `}` if the body's last byte that is not white space is one.
pub(crate) fn object_end(body: &[u8]) -> Option<usize> {
    let end = body.iter().rposition(|byte| !byte.is_ascii_whitespace())?;
    (body.get(end) == Some(&b'}')).then_some(end)
}

/// Whether brackets nest deeper than [`MAX_DEPTH`]. Strings are skipped; broken JSON gets some answer and is refused
/// by the parser afterwards.
pub(crate) fn too_deep(body: &[u8]) -> bool {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(body, at),
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Whether the raw text of a JSON string holds at least one character.
pub(crate) fn is_filled_string(raw: &RawValue) -> bool {
    raw.get().starts_with('"') && raw.get().len() > 2
}

/// A string as JSON, quotes included.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            control if control < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Index after the closing quote of the string whose first character is at `from`.
fn string_end(body: &[u8], from: usize) -> usize {
    let rest = body.get(from..).unwrap_or_default();
    let mut escaped = None;
    for place in memchr2_iter(b'"', b'\\', rest) {
        if escaped == Some(place) {
            continue;
        }
        if rest.get(place) == Some(&b'"') {
            return from + place + 1;
        }
        escaped = Some(place + 1);
    }
    body.len()
}

/// Whether any byte of the text must be escaped or splits a line; used before writing text into a frame.
pub(crate) fn has_line_break(text: &[u8]) -> bool {
    memchr2(b'\n', b'\r', text).is_some()
}

#[cfg(test)]
mod tests;
