//! `[store]`.

use std::time::Duration;

use super::keys::STORE;
use super::reader::Reader;
use super::tree::Node;
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, looks_secret, shown};
use crate::units;

/// `[store]` as it was written.
#[derive(Debug, Default)]
pub(crate) struct RawStore {
    pub(crate) records: Option<String>,
    pub(crate) keep: Option<(Duration, u64)>,
}

pub(crate) fn read(node: &Node, report: &mut Report<'_>) -> RawStore {
    let Some(reader) = Reader::open(node, &STORE, "[store]".to_owned(), report) else { return RawStore::default() };
    reader.word("bodies", &[("off", ())], &["on-failure", "always"], report);
    reader.word("durability", &[("batched", ())], &["strict"], report);
    shared(&reader, report);
    RawStore {
        records: records(&reader, report),
        keep: reader.unit("keep", "a time and a size", units::keep, report).map(|it| it.value),
    }
}

fn shared(reader: &Reader<'_>, report: &mut Report<'_>) {
    let Some(text) = reader.text("shared", report) else { return };
    if ["redis://", "rediss://", "valkey://", "env:"].iter().any(|it| text.value.starts_with(it)) {
        report.add(not_yet("shared", &text.span, "replicas that share state are", "shared = \"off\""));
        return;
    }
    reader.word("shared", &[("off", ())], &[], report);
}

fn records(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = reader.text("records", report)?;
    if let Some(path) = text.value.strip_prefix("sqlite:").filter(|it| !it.is_empty() && !it.contains('\0')) {
        return Some(path.to_owned());
    }
    if ["postgres://", "postgresql://", "env:"].iter().any(|it| text.value.starts_with(it)) {
        report.add(not_yet("records", &text.span, "PostgreSQL is", "records = \"sqlite:switchback.db\""));
        return None;
    }
    let plain = !text.value.is_empty() && !text.value.contains([':', '"', '\\']) && !looks_secret(&text.value);
    let meant = if plain { text.value.as_str() } else { "switchback.db" };
    report.add(
        Diagnostic::error(
            codes::BAD_VALUE,
            &text.span,
            format!("`records` in [store] cannot be {}", shown(&text.value)),
        )
        .label("it takes sqlite:PATH")
        .fix(format!("records = \"sqlite:{meant}\"")),
    );
    None
}

fn not_yet(key: &str, span: &crate::diagnostic::Span, what: &str, fix: &str) -> Diagnostic {
    Diagnostic::error(codes::NOT_YET, span, format!("`{key}` in [store]: {what} not supported yet"))
        .label("not supported yet")
        .fix(fix)
}
