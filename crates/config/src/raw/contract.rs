//! `[contract.NAME]`.

use switchback_core::policy::Repair;

use super::keys::{CONTRACT, REPAIR};
use super::reader::Reader;
use super::task::CLOCK;
use super::tree::{At, Entry, Value};
use crate::diagnostic::Report;

/// `[contract.NAME]` as it was written.
#[derive(Debug)]
pub(crate) struct RawContract {
    pub(crate) name: At<String>,
    pub(crate) schema: Option<At<String>>,
    pub(crate) repair: Repair,
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
        repair: repair(&reader, report),
    })
}

fn repair(contract: &Reader<'_>, report: &mut Report<'_>) -> Repair {
    let usual = Repair::default();
    let Some(entry) = contract.entry("repair") else { return usual };
    if matches!(&entry.node.value, Value::Text(text) if text == "off") {
        return Repair { local: false, tries: 0, timeout: None };
    }
    let place = format!("repair of {}", contract.place);
    let Some(reader) = Reader::open(&entry.node, &REPAIR, place, report) else { return usual };
    let tries = reader.whole("tries", 0..=3, report).and_then(|it| u32::try_from(it.value).ok());
    Repair {
        local: reader.flag("local", report).unwrap_or(usual.local),
        tries: tries.unwrap_or(usual.tries),
        timeout: reader.time("timeout", CLOCK, report).map(|it| it.value),
    }
}
