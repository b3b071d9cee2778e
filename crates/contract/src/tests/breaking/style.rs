//! Writes a value as models write JSON when they write something else.

use proptest::prelude::*;
use serde_json::Value;

/// How a document is written otherwise than JSON wants it. Every combination can be read in one way only.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Style {
    single_quotes: bool,
    bare_names: bool,
    python_literals: bool,
    trailing_commas: bool,
    no_commas: bool,
    comments: bool,
    raw_controls: bool,
    /// Without the brackets at the very end.
    unclosed: bool,
}

pub(super) fn style() -> impl Strategy<Value = Style> {
    proptest::array::uniform8(any::<bool>()).prop_map(|[a, b, c, d, e, f, g, h]| Style {
        single_quotes: a,
        bare_names: b,
        python_literals: c,
        trailing_commas: d && !h,
        no_commas: e,
        comments: f,
        raw_controls: g,
        unclosed: h,
    })
}

// === impl Style ===

impl Style {
    /// The same with its last brackets.
    pub(super) fn closed(self) -> Self {
        Self { unclosed: false, ..self }
    }

    pub(super) fn write(self, value: &Value) -> String {
        let mut text = String::new();
        self.value(value, 0, &mut text);
        if self.unclosed {
            text.truncate(text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ']' | '}')).len());
            text.push('\n');
        }
        text
    }

    fn value(self, value: &Value, level: usize, into: &mut String) {
        match value {
            Value::Null => into.push_str(if self.python_literals { "None" } else { "null" }),
            Value::Bool(true) => into.push_str(if self.python_literals { "True" } else { "true" }),
            Value::Bool(false) => into.push_str(if self.python_literals { "False" } else { "false" }),
            Value::Number(number) => into.push_str(&number.to_string()),
            Value::String(text) => self.text(text, into),
            Value::Array(items) => {
                self.inside(('[', ']'), level, into, items.len(), |place, into| {
                    self.value(&items[place], level + 1, into);
                });
            }
            Value::Object(members) => {
                let members: Vec<(&String, &Value)> = members.iter().collect();
                self.inside(('{', '}'), level, into, members.len(), |place, into| {
                    let (name, member) = members[place];
                    let is_bare = name.chars().all(char::is_alphanumeric);
                    if self.bare_names && is_bare {
                        into.push_str(name)
                    } else {
                        self.text(name, into)
                    }
                    into.push_str(": ");
                    self.value(member, level + 1, into);
                });
            }
        }
    }

    fn inside(
        self,
        (open, close): (char, char),
        level: usize,
        into: &mut String,
        count: usize,
        write: impl Fn(usize, &mut String),
    ) {
        into.push(open);
        for place in 0..count {
            into.push('\n');
            into.push_str(&"  ".repeat(level + 1));
            write(place, into);
            let is_last = place + 1 == count;
            if if is_last { self.trailing_commas } else { !self.no_commas } {
                into.push(',');
            }
            if self.comments && !(self.unclosed && is_last) {
                into.push_str(" // a \"note\"");
            }
        }
        into.push('\n');
        into.push_str(&"  ".repeat(level));
        into.push(close);
    }

    fn text(self, text: &str, into: &mut String) {
        let quoted = serde_json::to_string(text).unwrap();
        let mut inner = quoted[1..quoted.len() - 1].to_owned();
        if self.raw_controls {
            inner = inner.replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t").replace('\0', "\\\\");
        }
        if self.single_quotes {
            inner = inner.replace("\\\"", "\"").replace('\'', "\\'");
        }
        let quote = if self.single_quotes { '\'' } else { '"' };
        into.push(quote);
        into.push_str(&inner);
        into.push(quote);
    }
}
