//! Small words for people: types, places and bounded excerpts.
//!
//! An answer's values never pass through here whole: only names of members do, and those are cut.

use serde_json::Value;

/// The type of a value in plain words.
pub(crate) const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// The text, cut to `most` characters and with control characters replaced, so that it stays on one line.
pub(crate) fn excerpt(text: &str, most: usize) -> String {
    let cut = text.char_indices().nth(most).map(|(at, _)| at);
    let kept = cut.and_then(|at| text.get(..at)).unwrap_or(text);
    let mut line: String = kept.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if cut.is_some() {
        line.push('…');
    }
    line
}

/// A JSON pointer as a path: `/items/0/total` becomes `$.items[0].total`.
pub(crate) fn path(pointer: &str) -> String {
    let mut path = String::from("$");
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push('[');
            path.push_str(&segment);
            path.push(']');
        } else {
            path.push('.');
            path.push_str(&segment);
        }
    }
    path
}
