//! Small checks of single fields, in the words of the library that checks them at Anthropic's.
//!
//! Every check takes the path of the field, as `messages.0.content`, and fails with the whole message of the 400.

use serde_json::{Map, Value};

/// A check, and the message of the 400 if it fails.
pub(crate) type Check<T = ()> = Result<T, String>;

/// The path of a field inside another.
pub(crate) fn join(at: &str, field: &str) -> String {
    if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") }
}

/// No other fields than these.
pub(crate) fn only(at: &str, object: &Map<String, Value>, known: &[&str]) -> Check {
    match object.keys().find(|field| !known.contains(&field.as_str())) {
        Some(field) => {
            let field: String = field.chars().take(128).collect();
            Err(format!("{}: Extra inputs are not permitted", join(at, &field)))
        }
        None => Ok(()),
    }
}

/// A field that must be there.
pub(crate) fn required<'a>(at: &str, object: &'a Map<String, Value>, field: &str) -> Check<&'a Value> {
    object.get(field).ok_or_else(|| format!("{}: Field required", join(at, field)))
}

/// A text.
pub(crate) fn text<'a>(at: &str, value: &'a Value) -> Check<&'a str> {
    value.as_str().ok_or_else(|| format!("{at}: Input should be a valid string"))
}

/// A text that must be there.
pub(crate) fn required_text<'a>(at: &str, object: &'a Map<String, Value>, field: &str) -> Check<&'a str> {
    text(&join(at, field), required(at, object, field)?)
}

/// A list.
pub(crate) fn list<'a>(at: &str, value: &'a Value) -> Check<&'a [Value]> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("{at}: Input should be a valid list"))
}

/// An object.
pub(crate) fn object<'a>(at: &str, value: &'a Value) -> Check<&'a Map<String, Value>> {
    value.as_object().ok_or_else(|| format!("{at}: Input should be a valid dictionary"))
}

/// A whole number that is not negative.
pub(crate) fn count(at: &str, value: &Value) -> Check<u64> {
    match (value.as_u64(), value.as_i64()) {
        (Some(count), _) => Ok(count),
        (None, Some(_)) => Err(format!("{at}: Input should be greater than or equal to 0")),
        (None, None) => Err(format!("{at}: Input should be a valid integer")),
    }
}

/// True or false, if it is there.
pub(crate) fn optional_flag(at: &str, object: &Map<String, Value>, field: &str) -> Check {
    match object.get(field) {
        Some(value) if !value.is_boolean() => Err(format!("{}: Input should be a valid boolean", join(at, field))),
        _ => Ok(()),
    }
}

/// One of these words, if it is there.
pub(crate) fn optional_word(at: &str, object: &Map<String, Value>, field: &str, words: &[&str]) -> Check {
    match object.get(field) {
        Some(value) if !value.as_str().is_some_and(|word| words.contains(&word)) => {
            Err(format!("{}: Input should be {}", join(at, field), listed(words)))
        }
        _ => Ok(()),
    }
}

/// Words as the messages list them: `'a', 'b' or 'c'`.
pub(crate) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// A mark for the cache, if it is there.
pub(crate) fn optional_mark(at: &str, holder: &Map<String, Value>) -> Check {
    let Some(mark) = holder.get("cache_control").filter(|mark| !mark.is_null()) else { return Ok(()) };
    let at = join(at, "cache_control");
    let mark = object(&at, mark)?;
    required(&at, mark, "type")?;
    optional_word(&at, mark, "type", &["ephemeral"])?;
    optional_word(&at, mark, "ttl", &["5m", "1h"])?;
    only(&join(&at, "ephemeral"), mark, &["type", "ttl"])
}
