//! Where a call goes and what it is cleared for: `region`, `tags`, and the `require` that asks for them.

use switchback_core::id::Name;
use switchback_core::policy::Require;

use super::keys::REQUIRE;
use super::reader::Reader;
use super::tree::At;
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, shown};

/// Most regions or tags of one list.
const MOST: usize = 64;

/// The region of a provider, of a route, or of one of its calls.
pub(crate) fn region(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = reader.text("region", report)?;
    checked("region", text, reader, report).map(|it| it.value)
}

/// The compliance tags of a provider, of a route, or of one of its calls, each once.
pub(crate) fn tags(reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<Name> {
    reader.texts("tags", report).map_or_else(Vec::new, |it| names("tags", it.value, reader, report))
}

/// What a task or `[defaults]` demands of every call.
pub(crate) fn require(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<At<Require>> {
    let entry = reader.entry("require")?;
    let place = format!("require in {}", reader.place);
    let demands = Reader::open(&entry.node, &REQUIRE, place, report)?;
    let require = Require { region: list("region", &demands, report), tags: list("tags", &demands, report) };
    Some(At { value: require, span: entry.node.span.clone() })
}

/// A list that says nothing is refused: its author meant a demand.
fn list(key: &str, reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<Name> {
    let Some(texts) = reader.texts(key, report) else { return Vec::new() };
    if texts.value.is_empty() {
        let meant = if key == "region" { "eu" } else { "gdpr" };
        report.add(nothing_demanded(key, meant, reader, &texts.span));
    }
    names(key, texts.value, reader, report)
}

fn nothing_demanded(key: &str, meant: &str, reader: &Reader<'_>, span: &Span) -> Diagnostic {
    Diagnostic::error(codes::BAD_VALUE, span, format!("`{key}` of {} is empty", reader.place))
        .label("an empty list demands nothing")
        .fix(format!("{key} = [\"{meant}\"], or remove it"))
}

fn names(key: &str, texts: Vec<At<String>>, reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for text in texts.into_iter().take(MOST) {
        let Some(text) = checked(key, text, reader, report) else { continue };
        if !names.iter().any(|it| **it == *text.value) {
            names.push(text.value.as_str().into());
        }
    }
    names
}

/// Regions and tags stand in headers, metrics and selectors, where other letters would need escapes.
fn checked(key: &str, text: At<String>, reader: &Reader<'_>, report: &mut Report<'_>) -> Option<At<String>> {
    let is_tag = key == "tags";
    let fits = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-' || (is_tag && b"._".contains(&it));
    if !text.value.is_empty() && text.value.len() <= 48 && text.value.bytes().all(fits) {
        return Some(text);
    }
    let (label, fix) = if is_tag {
        ("small letters, digits, `-`, `_` and `.`", "write \"gdpr\"".to_owned())
    } else {
        ("small letters, digits and `-`", "region = \"eu\"".to_owned())
    };
    report.add(
        Diagnostic::error(
            codes::BAD_VALUE,
            &text.span,
            format!("`{key}` in {} cannot be {}", reader.place, shown(&text.value)),
        )
        .label(label)
        .fix(fix),
    );
    None
}
