//! `[route.NAME]`.

use switchback_core::id::Name;
use switchback_core::money::Price;
use switchback_core::route::{CAPABILITIES, Capabilities, MOST_DEPLOYMENTS};

use super::keys::{CALL, ROUTE};
use super::place::{region, tags};
use super::price;
use super::reader::Reader;
use super::tree::{At, Entry, Value};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, listed, shown};
use crate::suggest::closest;

/// `[route.NAME]` as it was written.
#[derive(Debug)]
pub(crate) struct RawRoute {
    pub(crate) name: At<String>,
    /// `call` or `calls`, those that could be read.
    pub(crate) calls: Vec<RawCall>,
    /// Whether these are all of them; else the route cannot be made.
    pub(crate) whole: bool,
    pub(crate) is: Option<At<String>>,
    pub(crate) region: Option<String>,
    pub(crate) tags: Vec<Name>,
    pub(crate) context: Option<u64>,
    pub(crate) max_output: Option<u64>,
    pub(crate) can: Option<Capabilities>,
    pub(crate) price: Option<Price>,
}

/// One deployment as it was written.
#[derive(Debug)]
pub(crate) struct RawCall {
    pub(crate) call: At<String>,
    pub(crate) is: Option<At<String>>,
    pub(crate) weight: u32,
    pub(crate) order: u32,
    pub(crate) region: Option<String>,
    pub(crate) tags: Vec<Name>,
}

// === impl RawRoute ===

impl RawRoute {
    /// Whether the file says of its model what the catalogue would.
    pub(crate) fn declares(&self) -> bool {
        self.context.is_some() || self.max_output.is_some() || self.can.is_some() || self.price.is_some()
    }
}

pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Option<RawRoute> {
    let reader = Reader::open(&entry.node, &ROUTE, format!("[route.{}]", entry.key), report)?;
    // One token to a hundred million: more than any model has, less than a slip of many digits.
    let tokens = 1..=100_000_000;
    let (calls, whole) = calls(&reader, report);
    Some(RawRoute {
        name: At { value: entry.key.clone(), span: entry.key_span.clone() },
        calls,
        whole,
        is: reader.text("is", report),
        region: region(&reader, report),
        tags: tags(&reader, report),
        context: reader.whole("context", tokens.clone(), report).map(|it| it.value),
        max_output: reader.whole("max-output", tokens, report).map(|it| it.value),
        can: capabilities(&reader, report),
        price: price::read(&reader, report),
    })
}

fn calls(reader: &Reader<'_>, report: &mut Report<'_>) -> (Vec<RawCall>, bool) {
    match (reader.entry("call"), reader.entry("calls")) {
        (None, None) => {
            reader.missing("call", "which model does it call?", "call = \"provider/model\"", report);
            (Vec::new(), false)
        }
        (Some(_), None) => {
            let call = reader.text("call", report);
            let one = call.map(|call| RawCall { call, is: None, weight: 1, order: 1, region: None, tags: Vec::new() });
            let whole = one.is_some();
            (one.into_iter().collect(), whole)
        }
        (Some(_), Some(second)) => {
            report.add(
                Diagnostic::error(
                    codes::BAD_VALUE,
                    &second.key_span,
                    format!("{} has both `call` and `calls`", reader.place),
                )
                .label("one of them")
                .fix("move the call into the list: calls = [{ call = \"…\" }, …], and remove `call`"),
            );
            (Vec::new(), false)
        }
        (None, Some(entry)) => several(reader, entry, report),
    }
}

fn several(reader: &Reader<'_>, entry: &Entry, report: &mut Report<'_>) -> (Vec<RawCall>, bool) {
    let example = "calls = [{ call = \"provider/model\" }]";
    let Value::List(items) = &entry.node.value else {
        reader.wrong_type("calls", &entry.node, "a list of tables", example, report);
        return (Vec::new(), false);
    };
    if items.is_empty() || items.len() > MOST_DEPLOYMENTS {
        let n_calls = if items.is_empty() { "is empty".to_owned() } else { format!("has {} calls", items.len()) };
        report.add(
            Diagnostic::error(codes::OUT_OF_RANGE, &entry.node.span, format!("`calls` in {} {n_calls}", reader.place))
                .label(format!("1 to {MOST_DEPLOYMENTS}"))
                .fix(example),
        );
        return (Vec::new(), false);
    }
    let read = items.iter().enumerate().filter_map(|(at, node)| {
        let place = format!("call {} of {}", at + 1, reader.place);
        let one = Reader::open(node, &CALL, place, report)?;
        if !one.has("call") {
            one.missing("call", "which model does it call?", "call = \"provider/model\"", report);
        }
        let count = |key: &str, most: u64, report: &mut Report<'_>| {
            one.whole(key, 1..=most, report).and_then(|it| u32::try_from(it.value).ok()).unwrap_or(1)
        };
        let (weight, order) = (count("weight", 1_000, report), count("order", 100, report));
        let (is, region, tags) = (one.text("is", report), region(&one, report), tags(&one, report));
        Some(RawCall { call: one.text("call", report)?, is, weight, order, region, tags })
    });
    let calls: Vec<RawCall> = read.collect();
    let whole = calls.len() == items.len();
    (calls, whole)
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
