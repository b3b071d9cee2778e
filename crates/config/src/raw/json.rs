//! JSON text to a tree with places, for files that other programs write.
//!
//! Our own small reader, because the places of values are needed and the usual ones forget them. RFC 8259; bounded
//! depth; a key given twice is an error. It stops at the first error: JSON has no lines to start again from.

use super::tree::{Entry, Node, Table, Value};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, shown};

/// Deepest nesting that is read; the configuration itself needs five levels.
const DEEPEST: usize = 64;

/// Most keys of one object; each is compared with those before it.
const MOST_KEYS: usize = 10_000;

/// Reads the text; on an error the tree is empty and the report says why.
pub(crate) fn parse(text: &str, report: &mut Report<'_>) -> Table {
    let mut reader = Reader { text, at: 0, duplicates: Vec::new() };
    let result = reader.document();
    for (span, first) in std::mem::take(&mut reader.duplicates) {
        let key = text.get(span.clone()).unwrap_or("").trim_matches('"');
        report.add(
            Diagnostic::error(codes::DUPLICATE, &span, format!("{} is given twice", shown(key)))
                .label(format!("first given in line {}", report.place(first).0))
                .fix("keep one of the two"),
        );
    }
    match result {
        Ok(table) => table,
        Err(what) => {
            let at = reader.at.min(text.len());
            report.add(
                Diagnostic::error(codes::SYNTAX, &(at..at + 1), format!("the file is not JSON: {what}"))
                    .label("here")
                    .fix("correct the JSON; a file that does not begin with `{` is read as TOML"),
            );
            Table::default()
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Keys that were given before in their object, with the place of the first.
    duplicates: Vec<(Span, usize)>,
}

type Read<T> = Result<T, &'static str>;

impl Reader<'_> {
    fn document(&mut self) -> Read<Table> {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        self.space();
        let node = self.value(0)?;
        self.space();
        match node.value {
            Value::Table(table) if self.at == self.text.len() => Ok(table),
            Value::Table(_) => Err("something follows the object"),
            _ => Err("the outermost value must be an object"),
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn takes(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Read<Node> {
        if depth > DEEPEST {
            return Err("it is nested too deeply");
        }
        let start = self.at;
        let value = match self.rest().chars().next() {
            Some('{') => self.object(depth)?,
            Some('[') => self.list(depth)?,
            Some('"') => Value::Text(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            _ if self.takes("true") => Value::Flag(true),
            _ if self.takes("false") => Value::Flag(false),
            _ if self.takes("null") => Value::Other("null"),
            Some(_) => return Err("a value must stand here"),
            None => return Err("it ends too early"),
        };
        Ok(Node { value, span: start..self.at })
    }

    fn object(&mut self, depth: usize) -> Read<Value> {
        self.at += 1;
        let mut table = Table::default();
        self.space();
        if self.takes("}") {
            return Ok(Value::Table(table));
        }
        loop {
            self.space();
            let start = self.at;
            if !self.rest().starts_with('"') {
                return Err("a key in double quotes must stand here");
            }
            let key = self.string()?;
            let key_span = start..self.at;
            self.space();
            if !self.takes(":") {
                return Err("`:` must stand here");
            }
            self.space();
            let node = self.value(depth + 1)?;
            if table.entries.len() >= MOST_KEYS {
                return Err("an object has more than 10,000 keys");
            }
            match table.get(&key) {
                Some(first) => self.duplicates.push((key_span, first.key_span.start)),
                None => table.entries.push(Entry { key, key_span, node }),
            }
            self.space();
            if self.takes("}") {
                return Ok(Value::Table(table));
            }
            if !self.takes(",") {
                return Err("`,` or `}` must stand here");
            }
        }
    }

    fn list(&mut self, depth: usize) -> Read<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.takes("]") {
            return Ok(Value::List(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            if self.takes("]") {
                return Ok(Value::List(items));
            }
            if !self.takes(",") {
                return Err("`,` or `]` must stand here");
            }
        }
    }

    /// Finds the end of the string and lets the JSON library undo its escapes.
    fn string(&mut self) -> Read<String> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find_map(|(at, it)| {
            let ends = it == '"' && !escaped;
            escaped = it == '\\' && !escaped;
            ends.then_some(at + 1)
        });
        let source = end.and_then(|end| rest.get(..end)).ok_or("a text is not closed")?;
        let text = serde_json::from_str(source).map_err(|_| "a text holds a line break or a wrong escape")?;
        self.at += source.len();
        Ok(text)
    }

    fn number(&mut self) -> Read<Value> {
        let rest = self.rest();
        let end = rest.find(|it: char| !matches!(it, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let source = rest.get(..end).unwrap_or("");
        let number: serde_json::Number = serde_json::from_str(source).map_err(|_| "this is not a number")?;
        let value = match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Integer(whole),
            (None, _) if number.is_u64() => Value::Integer(i64::MAX),
            (None, float) => Value::Float(float.unwrap_or(f64::NAN)),
        };
        self.at += end;
        Ok(value)
    }
}
