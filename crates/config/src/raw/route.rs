//! `[route.NAME]`.

use switchback_core::route::{CAPABILITIES, Capabilities};

use super::keys::Family;
use super::provider::region;
use super::reader::Reader;
use super::tree::{At, Entry};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, listed, shown};
use crate::suggest::closest;

pub(crate) const ROUTE: Family = Family {
    name: "[route.NAME]",
    known: &["call", "region", "context", "can"],
    later: &[
        "calls",
        "tags",
        "usd-per-mtok",
        "usd-per-search",
        "safety",
        "space",
        "cold-start",
        "max-output",
        "concurrency",
    ],
    hints: &[
        ("model", "provider and model together: call = \"provider/model\""),
        ("provider", "provider and model together: call = \"provider/model\""),
    ],
};

/// `[route.NAME]` as it was written.
#[derive(Debug)]
pub(crate) struct RawRoute {
    pub(crate) name: At<String>,
    pub(crate) call: Option<At<String>>,
    pub(crate) region: Option<String>,
    pub(crate) context: Option<u64>,
    pub(crate) can: Option<Capabilities>,
}

pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Option<RawRoute> {
    let reader = Reader::open(&entry.node, &ROUTE, format!("[route.{}]", entry.key), report)?;
    if !reader.has("call") && !reader.has("calls") {
        reader.missing("call", "which model does it call?", "call = \"provider/model\"", report);
    }
    Some(RawRoute {
        name: At { value: entry.key.clone(), span: entry.key_span.clone() },
        call: reader.text("call", report),
        region: region(&reader, report),
        // One token to a hundred million: more than any model has, less than a slip of many digits.
        context: reader.whole("context", 1..=100_000_000, report).map(|it| it.value),
        can: capabilities(&reader, report),
    })
}

fn capabilities(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<Capabilities> {
    let names = reader.texts("can", report)?;
    let known = || CAPABILITIES.iter().map(|(_, name)| *name);
    let mut can = Capabilities::NONE;
    for name in names.value {
        if let Ok(capability) = name.value.parse() {
            can = can.with(capability);
            continue;
        }
        let near = closest(&name.value, known());
        report.add(
            Diagnostic::error(
                codes::UNKNOWN_VALUE,
                &name.span,
                format!("`can` in {} cannot hold {}", reader.place, shown(&name.value)),
            )
            .label(near.map_or_else(|| "no such capability".to_owned(), |it| format!("did you mean \"{it}\"?")))
            .fix(near.map_or_else(
                || format!("remove it; capabilities are: {}", listed(known())),
                |it| format!("write \"{it}\"; capabilities are: {}", listed(known())),
            )),
        );
    }
    Some(can)
}
