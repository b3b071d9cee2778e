//! TOML text to a tree. The only file that knows the `toml` crate.
//!
//! The parser recovers, so that all errors of a file are told at once; what follows from an earlier one is left out.

use toml::de::{DeTable, DeValue};

use super::tree::{Entry, Node, Table, Value};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, shown};

/// Reads the text; what could not be read is missing from the tree and stands in the report.
pub(crate) fn parse(text: &str, report: &mut Report<'_>) -> Table {
    let (document, errors) = DeTable::parse_recoverable(text);
    let tree = table(document.get_ref());
    let mut found: Vec<(Span, &str)> = errors.iter().map(|it| (it.span().unwrap_or(0..0), it.message())).collect();
    found.sort_by_key(|(span, _)| span.start);
    let mut last_line = 0;
    let mut in_second_table = false;
    for (span, message) in &found {
        let at = span.start.min(text.len());
        let (line, _) = report.place(at);
        let is_duplicate = message.starts_with("duplicate key");
        let is_header = report.line(at).starts_with('[');
        // Of a table that is given twice the header is told, not also every key in it.
        if line == last_line || (is_duplicate && in_second_table && !is_header) {
            continue;
        }
        in_second_table = is_duplicate && is_header;
        last_line = line;
        report.add(syntax(text, &tree, span, message, report));
        // An open bracket swallows what follows; nothing after it can be told apart.
        if found.iter().any(|(_, it)| it.starts_with("unclosed array") || it.starts_with("unclosed inline")) {
            break;
        }
    }
    if found.is_empty() {
        newer_syntax(text, &tree, report);
    }
    tree
}

fn table(from: &DeTable<'_>) -> Table {
    let mut entries: Vec<Entry> = from
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().clone().into_owned(),
            key_span: key.span(),
            node: Node { value: self::value(value.get_ref()), span: value.span() },
        })
        .collect();
    entries.sort_by_key(|it| it.key_span.start);
    Table { entries }
}

fn value(from: &DeValue<'_>) -> Value {
    match from {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(number) => {
            let negative = number.as_str().starts_with('-');
            let limit = if negative { i64::MIN } else { i64::MAX };
            Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).unwrap_or(limit))
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|it| Node { value: value(it.get_ref()), span: it.span() }).collect())
        }
        DeValue::Table(inner) => Value::Table(table(inner)),
    }
}

/// A finding of the parser in our words.
fn syntax(text: &str, tree: &Table, span: &Span, message: &str, report: &Report<'_>) -> Diagnostic {
    let source = text.get(span.clone()).unwrap_or("");
    if message.starts_with("duplicate key") {
        return duplicate(tree, span, source, report);
    }
    let what = message.split(", expected").next().unwrap_or(message);
    let (words, label, fix) = if message.starts_with("string values must be quoted") {
        let word = source.split_whitespace().next().unwrap_or("");
        match source.trim() {
            "" => (
                "there is no value after `=`".to_owned(),
                "a value is missing here",
                "write the value, or remove the key".to_owned(),
            ),
            "yes" | "on" => {
                (format!("{} is not a value of TOML", shown(source)), "not a value", "write true".to_owned())
            }
            "no" | "off" => (
                format!("{} is not a value of TOML", shown(source)),
                "not a value",
                format!("write false, or \"{}\" where the key takes the word", source.trim()),
            ),
            whole if whole == word => {
                (format!("text needs quotes: {}", shown(word)), "no quotes", format!("write {}", quoted(word)))
            }
            _ => (
                format!("this is not a value: {}", shown(source)),
                "not a value",
                "put text in quotes, separate values with commas, and keys with line breaks".to_owned(),
            ),
        }
    } else if message.starts_with("unclosed") || what.starts_with("missing comma") {
        let close = message.rsplit("expected ").next().unwrap_or("`]`");
        (what.to_owned(), "it was still open here", format!("write {close} before this"))
    } else if message.starts_with("key with no value") {
        let fix = "write key = value; a key with spaces or dots needs quotes; a comment begins with #";
        (what.to_owned(), "`=` and a value are missing", fix.to_owned())
    } else if message.starts_with("invalid basic string") || message.starts_with("invalid literal string") {
        ("a text is not closed on its line".to_owned(), "the closing quote is missing", "close the quote".to_owned())
    } else {
        let fix = message.split_once(", expected ").map_or_else(
            || "see https://toml.io/en/v1.0.0".to_owned(),
            |(_, expected)| match expected {
                "nothing" => "remove it".to_owned(),
                other => format!("here may stand: {other}"),
            },
        );
        (what.to_owned(), "", fix)
    };
    Diagnostic::error(codes::SYNTAX, span, words).label(label).fix(fix)
}

fn quoted(word: &str) -> String {
    if crate::diagnostic::looks_secret(word) {
        "\"env:NAME\": a secret stands here only by reference".to_owned()
    } else {
        format!("\"{word}\"")
    }
}

fn duplicate(tree: &Table, span: &Span, key: &str, report: &Report<'_>) -> Diagnostic {
    let header = report.line(span.start);
    let mut first = None;
    each_key(tree, &mut |entry| {
        if !header.starts_with('[') && entry.key_span.start < span.start && entry.key == key.trim_matches(['"', '\'']) {
            first = first.max(Some(entry.key_span.start));
        }
    });
    let line = first.map_or_else(|| report.first_line(header), |at| report.place(at).0);
    let place = if line < report.place(span.start).0 { format!("first given in line {line}") } else { String::new() };
    Diagnostic::error(codes::DUPLICATE, span, format!("{} is given twice", shown(key)))
        .label(place)
        .fix("keep one of the two")
}

fn each_key(table: &Table, seen: &mut dyn FnMut(&Entry)) {
    for entry in &table.entries {
        seen(entry);
        each_table(&entry.node, &mut |inner| each_key(inner, seen));
    }
}

/// The tables right inside a value.
fn each_table(node: &Node, seen: &mut dyn FnMut(&Table)) {
    match &node.value {
        Value::Table(inner) => seen(inner),
        Value::List(items) => items.iter().for_each(|it| each_table(it, seen)),
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Flag(_) | Value::Other(_) => {}
    }
}

/// Warns of inline tables that only TOML 1.1 allows, once per table: a line break or a last comma in the gaps between
/// its values.
fn newer_syntax(text: &str, table: &Table, report: &mut Report<'_>) {
    for entry in &table.entries {
        newer_value(text, &entry.node, report);
    }
}

fn newer_value(text: &str, node: &Node, report: &mut Report<'_>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|it| newer_value(text, it, report)),
        Value::Table(inner) => {
            let source = text.get(node.span.clone()).unwrap_or("");
            if source.starts_with('{') && has_newer_gap(text, node, inner) {
                report.add(
                    Diagnostic::warning(
                        codes::TOML_11,
                        &(node.span.start..node.span.start + 1),
                        "TOML 1.1 syntax: an inline table with a line break or a last comma",
                    )
                    .effect("Switchback reads it; editors and tools that know TOML 1.0 call it an error.")
                    .fix("keep the table on one line without a last comma, or write it as a table of its own"),
                );
            }
            newer_syntax(text, inner, report);
        }
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Flag(_) | Value::Other(_) => {}
    }
}

fn has_newer_gap(text: &str, node: &Node, inner: &Table) -> bool {
    let mut values: Vec<&Span> = Vec::new();
    each_value(text, inner, &mut values);
    values.sort_by_key(|span| span.start);
    let mut at = node.span.start;
    let mut last_gap = "";
    for span in values.into_iter().chain([&(node.span.end..node.span.end)]) {
        last_gap = text.get(at..span.start).unwrap_or("");
        if last_gap.contains('\n') {
            return true;
        }
        at = at.max(span.end);
    }
    last_gap.contains(',')
}

/// The places of the values of an inline table. Dotted keys make tables that stand nowhere; their values do.
fn each_value<'n>(text: &str, table: &'n Table, spans: &mut Vec<&'n Span>) {
    for entry in &table.entries {
        match &entry.node.value {
            Value::Table(inner) if !text.get(entry.node.span.clone()).unwrap_or("").starts_with('{') => {
                each_value(text, inner, spans);
            }
            _ => spans.push(&entry.node.span),
        }
    }
}
