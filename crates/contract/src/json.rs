//! Reads JSON the way a promise needs it: strictly.
//!
//! A member that occurs twice is an error: parsers disagree on which one counts, so what we checked and what the caller
//! acts on could be two different values. Depth is limited by `serde_json` (128 levels), the number of values here.
//! Nothing is ever repaired, and an error never repeats the text beyond the name of a member.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::words::excerpt;

/// Most values (members, items and the root) in one text: ten times what 128 k tokens of output can hold.
const MOST_VALUES: u32 = 500_000;
/// Longest message about a text that is not JSON, in characters.
const LONGEST_MESSAGE: usize = 160;

/// Builds a value and counts as it goes.
#[derive(Clone, Copy)]
struct Strict<'c> {
    left: &'c Cell<u32>,
}

/// Parses one JSON text with nothing but white space around it.
///
/// # Errors
/// What is wrong and where, on one bounded line.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with("```") {
        return Err("not JSON: wrapped in a code fence".to_owned());
    }
    let left = Cell::new(MOST_VALUES);
    let mut reader = serde_json::Deserializer::from_str(text);
    Strict { left: &left }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| excerpt(&format!("not JSON: {error}"), LONGEST_MESSAGE))
}

// === impl Strict ===

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| D::Error::custom("more than 500000 values"))?);
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                let name = excerpt(&name, 40);
                return Err(A::Error::custom(format_args!("the member \"{name}\" occurs twice")));
            }
            let value = members.next_value_seed(self)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_occurs_twice_is_not_sound_json() {
        let error = parse(r#"{"a":{"path":"/tmp","path":"/etc"}}"#).unwrap_err();
        assert!(error.contains("the member \"path\" occurs twice"), "{error}");
    }

    #[test]
    fn white_space_around_is_fine_and_anything_else_is_not() {
        assert_eq!(parse(" \n{\"a\":[1,-2,1.5,null,true,\"x\"]}\n").unwrap()["a"][5], "x");
        assert!(parse("{} and that is it").is_err());
        assert!(parse("").is_err());
        assert!(parse("```json\n{}\n```").unwrap_err().contains("code fence"));
    }

    #[test]
    fn a_text_nested_without_end_is_refused() {
        assert!(parse(&"[".repeat(100_000)).unwrap_err().contains("recursion limit"));
    }

    #[test]
    fn a_text_of_too_many_values_is_refused() {
        let text = format!("[{}0]", "0,".repeat(MOST_VALUES as usize));
        assert!(parse(&text).unwrap_err().contains("500000 values"));
    }

    #[test]
    fn an_error_never_repeats_the_text() {
        let error = parse("{\"secret\": hunter2}").unwrap_err();
        assert!(!error.contains("hunter2") && !error.contains("secret"), "{error}");
    }
}
