//! `with` of a rung: members of the request that are set on this rung, as JSON.

use std::fmt::Write as _;

use super::reader::Reader;
use super::tree::{Entry, Node, Value};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, looks_secret, opening, shown};

/// Members that the gateway decides, and what to do instead.
const OURS: &[(&str, &str)] = &[
    ("model", "the model is part of the call: try = \"provider/model\""),
    ("messages", "a rung adds a system message by instruction = \"…\""),
    ("stream", "the caller asks for a stream; how it is judged is `stream` of the task"),
    ("stream_options", "the gateway asks for usage itself"),
    ("tools", "tools are the caller's promise"),
    ("tool_choice", "tools are the caller's promise"),
    ("functions", "tools are the caller's promise"),
    ("function_call", "tools are the caller's promise"),
    ("response_format", "what an answer must satisfy is the task's `contract`"),
    ("n", "the number of choices is the caller's promise"),
    ("logprobs", "log-probabilities are the caller's promise"),
    ("top_logprobs", "log-probabilities are the caller's promise"),
    ("modalities", "the form of the answer is the caller's promise"),
    ("audio", "the form of the answer is the caller's promise"),
];

/// Longest of all values together, in bytes of JSON.
const LONGEST: usize = 16 * 1024;

/// The members with their names on the wire and their values as JSON.
pub(crate) fn read(reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<(Box<str>, Box<str>)> {
    let Some(entry) = reader.entry("with") else { return Vec::new() };
    let Value::Table(table) = &entry.node.value else {
        reader.wrong_type("with", &entry.node, "a table", "with = { reasoning-effort = \"low\" }", report);
        return Vec::new();
    };
    let mut members: Vec<(Box<str>, Box<str>)> = Vec::new();
    let mut n_bytes = 0;
    for item in &table.entries {
        let Some((name, json)) = member(reader, item, report) else { continue };
        n_bytes += json.len();
        if members.iter().any(|(it, _)| **it == *name) {
            report.add(
                Diagnostic::error(
                    codes::DUPLICATE,
                    &item.key_span,
                    format!("{} is given twice in `with` of {}", shown(&name), reader.place),
                )
                .label("`-` and `_` are the same here")
                .fix("keep one of the two"),
            );
        } else {
            members.push((name.into(), json.into()));
        }
    }
    if n_bytes > LONGEST {
        report.add(
            Diagnostic::error(
                codes::OUT_OF_RANGE,
                &entry.node.span,
                format!("`with` in {} is longer than 16 KiB as JSON", reader.place),
            )
            .label("too long")
            .fix("set less; long texts belong into instruction = \"file:PATH\""),
        );
    }
    members
}

fn member(reader: &Reader<'_>, item: &Entry, report: &mut Report<'_>) -> Option<(String, String)> {
    let name = item.key.replace('-', "_");
    let place = format!("`with` of {}", reader.place);
    let fits = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) || name.starts_with('_') {
        report.add(
            Diagnostic::error(codes::BAD_VALUE, &item.key_span, format!("{place} cannot set {}", shown(&item.key)))
                .label("a member's name on the wire, with dashes: small letters, digits and `-`")
                .fix("write it as the provider's API names it: reasoning-effort"),
        );
        return None;
    }
    if let Some((_, instead)) = OURS.iter().find(|(it, _)| *it == name) {
        report.add(
            Diagnostic::error(codes::BAD_VALUE, &item.key_span, format!("{place} cannot set `{name}`"))
                .label("it is not a rung's to set")
                .fix(format!("remove it; {instead}")),
        );
        return None;
    }
    let mut json = String::new();
    if let Err((node, what)) = write_json(&item.node, &mut json) {
        let diagnostic = match &node.value {
            Value::Text(text) => Diagnostic::error(
                codes::LITERAL_SECRET,
                &node.span,
                format!("that looks like a real key in the config file ({place}, starts \"{}\")", opening(text)),
            )
            .label(what)
            .fix("remove it, and keys = [\"env:NAME\"] of the provider; then rotate the key: it has been on disk"),
            _ => Diagnostic::error(
                codes::WRONG_TYPE,
                &node.span,
                format!("`{}` in {place} cannot be {}", item.key, node.value.kind()),
            )
            .label(what)
            .fix("write a text, a number, true, false, a list or a table"),
        };
        report.add(diagnostic);
        return None;
    }
    Some((name, json))
}

/// Writes a value as JSON. Depth is that of the file, which the parsers bound.
fn write_json<'n>(node: &'n Node, json: &mut String) -> Result<(), (&'n Node, &'static str)> {
    match &node.value {
        Value::Text(text) if looks_secret(text) => return Err((node, "a credential belongs in `keys`, by reference")),
        Value::Text(text) => json.push_str(&quoted(text)),
        // Writing to a string cannot fail.
        Value::Integer(number) => drop(write!(json, "{number}")),
        Value::Float(number) if number.is_finite() => drop(write!(json, "{number:?}")),
        Value::Float(_) | Value::Other(_) => return Err((node, "JSON has no such value")),
        Value::Flag(flag) => drop(write!(json, "{flag}")),
        Value::List(items) => {
            json.push('[');
            for (at, item) in items.iter().enumerate() {
                json.push_str(if at == 0 { "" } else { "," });
                write_json(item, json)?;
            }
            json.push(']');
        }
        Value::Table(table) => {
            json.push('{');
            for (at, item) in table.entries.iter().enumerate() {
                json.push_str(if at == 0 { "" } else { "," });
                json.push_str(&quoted(&item.key));
                json.push(':');
                write_json(&item.node, json)?;
            }
            json.push('}');
        }
    }
    Ok(())
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
