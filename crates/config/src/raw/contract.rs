//! `[contract.NAME]`.

use super::keys::Family;
use super::reader::Reader;
use super::tree::{At, Entry};
use crate::diagnostic::Report;

pub(crate) const CONTRACT: Family = Family {
    name: "[contract.NAME]",
    known: &["schema"],
    later: &[
        "must",
        "language",
        "citations",
        "min-confidence",
        "min-logprob",
        "min-length",
        "max-length",
        "forbidden",
        "validator",
        "judge",
        "repair",
    ],
    hints: &[],
};

/// `[contract.NAME]` as it was written.
#[derive(Debug)]
pub(crate) struct RawContract {
    pub(crate) name: At<String>,
    pub(crate) schema: Option<At<String>>,
}

pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Option<RawContract> {
    let reader = Reader::open(&entry.node, &CONTRACT, format!("[contract.{}]", entry.key), report)?;
    let promises_else = reader.entries().iter().any(|it| CONTRACT.later.contains(&it.key.as_str()));
    if !reader.has("schema") && !promises_else {
        let fix = format!("schema = \"contracts/{}.schema.json\"", entry.key);
        reader.missing("schema", "what must an answer satisfy?", &fix, report);
    }
    Some(RawContract {
        name: At { value: entry.key.clone(), span: entry.key_span.clone() },
        schema: reader.text("schema", report),
    })
}
