//! `[[test]]`: a request, what its calls meet, and what is expected of it.

use std::time::Duration;

use switchback_core::outcome::{Outcome, Why};
use switchback_core::policy::Surface;
use switchback_core::rehearse::{Effect, FaultRow, Play};
use switchback_core::route::{Capabilities, Capability};

use super::keys::{EXPECT, PLAY, TEST};
use super::reader::Reader;
use super::task::CLOCK;
use super::tree::{At, Entry, Node, Value};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, listed, shown};
use crate::suggest::closest;

/// `[[test]]` as it was written.
#[derive(Debug)]
pub(crate) struct RawTest {
    pub(crate) name: At<String>,
    pub(crate) span: Span,
    pub(crate) ask: At<String>,
    pub(crate) segment: Option<At<String>>,
    pub(crate) surface: Option<Surface>,
    pub(crate) tokens: Option<u64>,
    pub(crate) needs: Capabilities,
    pub(crate) given: Vec<(At<String>, Vec<Play>)>,
    pub(crate) expect: RawExpect,
}

/// `expect` as it was written.
#[derive(Debug, Default)]
pub(crate) struct RawExpect {
    pub(crate) served_by: Option<At<String>>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) rung: Option<At<u64>>,
    pub(crate) attempts: Option<u64>,
    pub(crate) code: Option<String>,
    pub(crate) why: Option<Why>,
    pub(crate) within: Option<Duration>,
}

/// Most calls of a sequence.
const MOST_PLAYS: usize = 100;

/// What a request of a test may need.
const NEEDS: [Capability; 4] = [Capability::Tools, Capability::Images, Capability::Audio, Capability::Pdf];

const OUTCOMES: [Outcome; 5] = [Outcome::Ok, Outcome::Recovered, Outcome::Degraded, Outcome::Refused, Outcome::Failed];

const WHYS: [Why; 7] =
    [Why::Ladder, Why::Operator, Why::Breaker, Why::Budget, Why::Deadline, Why::Capability, Why::Unclassified];

/// Reads every test; those with an error are left out.
pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Vec<RawTest> {
    let Value::List(items) = &entry.node.value else {
        report.add(
            Diagnostic::error(
                codes::WRONG_TYPE,
                &entry.key_span,
                format!("tests are a list of tables, not {}", entry.node.value.kind()),
            )
            .label("a list")
            .fix("[[test]], with two brackets"),
        );
        return Vec::new();
    };
    items.iter().enumerate().filter_map(|(at, node)| one(node, at + 1, report)).collect()
}

fn one(node: &Node, number: usize, report: &mut Report<'_>) -> Option<RawTest> {
    let n_errors = report.n_errors();
    let reader = Reader::open(node, &TEST, format!("[[test]] {number}"), report)?;
    let missing = [
        ("name", "what does it promise?", "name = \"openai down: claude answers\""),
        ("ask", "which task is asked for?", "ask = \"chat\""),
        ("expect", "it could never fail", "expect = { outcome = \"recovered\" }"),
    ];
    // A key that was refused may be the one that is missing.
    let all_known = report.n_errors() == n_errors;
    for (key, why, fix) in missing.iter().filter(|(key, ..)| all_known && !reader.has(key)) {
        reader.missing(key, why, fix, report);
    }
    let surfaces = [("interactive", Surface::Interactive), ("background", Surface::Background)];
    let test = RawTest {
        span: node.span.clone(),
        segment: reader.text("segment", report),
        surface: reader.word("surface", &surfaces, &[], report).map(|it| it.value),
        tokens: reader.whole("tokens", 0..=10_000_000, report).map(|it| it.value),
        needs: needs(&reader, report),
        given: given(&reader, report),
        expect: reader.entry("expect").and_then(|it| expect(&it.node, number, report)).unwrap_or_default(),
        name: reader.text("name", report)?,
        ask: reader.text("ask", report)?,
    };
    if test.name.value.trim().is_empty() {
        report.add(
            Diagnostic::error(codes::BAD_VALUE, &test.name.span, "a test has an empty name")
                .label("what does it promise?")
                .fix("name = \"openai down: claude answers\""),
        );
    }
    (report.n_errors() == n_errors).then_some(test)
}

fn needs(reader: &Reader<'_>, report: &mut Report<'_>) -> Capabilities {
    let mut needs = Capabilities::NONE;
    let Some(names) = reader.texts("needs", report) else { return needs };
    for name in &names.value {
        let known = NEEDS.map(Capability::name);
        match NEEDS.iter().find(|it| it.name() == name.value) {
            Some(it) => needs = needs.with(*it),
            None => report.add(unknown(reader, "needs", name, &known)),
        }
    }
    needs
}

fn given(reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<(At<String>, Vec<Play>)> {
    let Some(entry) = reader.entry("given") else { return Vec::new() };
    let Value::Table(table) = &entry.node.value else {
        reader.wrong_type("given", &entry.node, "a table", "given = { \"openai/*\" = \"timeout\" }", report);
        return Vec::new();
    };
    let each = table.entries.iter().filter_map(|it| {
        let plays = match &it.node.value {
            Value::List(items) if items.is_empty() || items.len() > MOST_PLAYS => {
                report.add(
                    Diagnostic::error(
                        codes::OUT_OF_RANGE,
                        &it.node.span,
                        format!("a sequence in {} has {} calls", reader.place, items.len()),
                    )
                    .label(format!("1 to {MOST_PLAYS}"))
                    .fix("[\"500\", \"ok\"]"),
                );
                return None;
            }
            Value::List(items) => items.iter().map(|node| play(reader, node, report)).collect::<Option<Vec<_>>>()?,
            _ => vec![play(reader, &it.node, report)?],
        };
        Some((At { value: it.key.clone(), span: it.key_span.clone() }, plays))
    });
    each.collect()
}

/// One call: a fault, or a fault with the time when it comes.
fn play(test: &Reader<'_>, node: &Node, report: &mut Report<'_>) -> Option<Play> {
    match &node.value {
        Value::Text(text) => {
            let fault = fault(test, &At { value: text.clone(), span: node.span.clone() }, report)?;
            Some(Play { fault, after: None })
        }
        Value::Table(_) => {
            let n_errors = report.n_errors();
            let reader = Reader::open(node, &PLAY, format!("a fault of {}", test.place), report)?;
            if !reader.has("fault") && report.n_errors() == n_errors {
                reader.missing("fault", "what happens then?", "fault = \"ok\"", report);
            }
            let after = reader.time("after", Duration::ZERO..=*CLOCK.end(), report);
            let fault = fault(test, &reader.text("fault", report)?, report)?;
            if let Some(after) = after.as_ref().filter(|_| fault.effect == Effect::Disabled) {
                report.add(
                    Diagnostic::error(
                        codes::BAD_VALUE,
                        &after.span,
                        format!("{}: what is disabled is not called", test.place),
                    )
                    .label("nothing comes after any time")
                    .fix("remove after"),
                );
                return None;
            }
            Some(Play { fault, after: after.map(|it| it.value) })
        }
        _ => {
            test.wrong_type("given", node, "a fault, a table or a list of them", "\"timeout\"", report);
            None
        }
    }
}

fn fault(reader: &Reader<'_>, name: &At<String>, report: &mut Report<'_>) -> Option<&'static FaultRow> {
    let found = FaultRow::named(&name.value);
    if found.is_none() {
        report.add(unknown(reader, "given", name, &FaultRow::names().collect::<Vec<_>>()));
    }
    found
}

fn expect(node: &Node, number: usize, report: &mut Report<'_>) -> Option<RawExpect> {
    let reader = Reader::open(node, &EXPECT, format!("expect of [[test]] {number}"), report)?;
    if reader.entries().is_empty() {
        report.add(
            Diagnostic::error(codes::BAD_VALUE, &node.span, format!("{} asks nothing", reader.place))
                .label("it could never fail")
                .fix("expect = { outcome = \"recovered\" }"),
        );
    }
    Some(RawExpect {
        served_by: reader.text("served-by", report),
        outcome: reader.word("outcome", &OUTCOMES.map(|it| (it.name(), it)), &["deferred"], report).map(|it| it.value),
        rung: reader.whole("rung", 1..=1_000, report),
        attempts: reader.whole("attempts", 0..=20, report).map(|it| it.value),
        code: reader.text("code", report).map(|it| it.value),
        why: reader
            .word("why", &WHYS.map(|it| (it.name(), it)), &["balance", "drill", "alias"], report)
            .map(|it| it.value),
        within: reader.time("within", CLOCK, report).map(|it| it.value),
    })
}

fn unknown(reader: &Reader<'_>, key: &str, name: &At<String>, known: &[&'static str]) -> Diagnostic {
    let near = closest(&name.value, known.iter().copied());
    let write = near.map_or_else(String::new, |it| format!("write \"{it}\"; "));
    Diagnostic::error(
        codes::UNKNOWN_VALUE,
        &name.span,
        format!("`{key}` in {} cannot hold {}", reader.place, shown(&name.value)),
    )
    .label(near.map_or_else(|| "not one of its values".to_owned(), |it| format!("did you mean \"{it}\"?")))
    .fix(format!("{write}its values are: {}", listed(known.iter().copied())))
}
