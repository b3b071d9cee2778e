//! `[defaults]` and `[task.NAME]`.

use std::time::Duration;

use switchback_core::policy::{RetryWait, StreamMode, Surface};

use super::keys::Family;
use super::reader::Reader;
use super::rung::{self, RawRung};
use super::tree::{At, Entry, Node, Value};
use crate::codes;
use crate::diagnostic::{Code, Diagnostic, Report, Span, listed, shown};
use crate::units;

/// Keys of a task whose feature is not built yet.
macro_rules! later {
    ($($more:literal),*) => {
        &[
            "spend", "max-output", "job", "input", "require", "guard", "tools", "when-degraded", "reviews", "slo",
            "min-rate", "native", "latency-target", $($more),*
        ]
    };
}

pub(crate) const DEFAULTS: Family = Family {
    name: "[defaults]",
    known: &[
        "kind",
        "contract",
        "surface",
        "deadline",
        "max-attempts",
        "retry-wait",
        "timeout",
        "stream",
        "resume",
        "stream-deadline",
        "refusals",
    ],
    later: later!("ladder", "accept"),
    hints: &[
        ("about", "`about` is said of one task; it belongs in [task.NAME]"),
        ("names", "`names` are of one task; they belong in [task.NAME]"),
        ("like", "`like` is said of one task; it belongs in [task.NAME]"),
        ("retries", "`retries` is said of a rung: { try = \"…\", retries = 1 }"),
        ("idle", "`idle` is said of a rung: { try = \"…\", idle = \"20s\" }"),
    ],
};

pub(crate) const TASK: Family = Family {
    name: "[task.NAME]",
    known: &[
        "about",
        "kind",
        "contract",
        "surface",
        "deadline",
        "max-attempts",
        "retry-wait",
        "timeout",
        "stream",
        "resume",
        "stream-deadline",
        "refusals",
        "accept",
        "ladder",
    ],
    later: later!("names", "like"),
    hints: &[
        ("rungs", "the rungs are the list `ladder`"),
        ("retries", "`retries` is said of a rung: { try = \"…\", retries = 1 }"),
        ("idle", "`idle` is said of a rung: { try = \"…\", idle = \"20s\" }"),
    ],
};

/// Kinds of task, by what this version does with them.
const KINDS: &[&str] = &[
    "chat",
    "extraction",
    "classification",
    "rewrite",
    "retrieval_answer",
    "reasoning",
    "code",
    "multimodal",
    "tool_execution",
];
const LATER_KINDS: &[&str] = &["safety_review", "embedding", "rerank", "moderation"];

/// Shortest and longest time that a clock of a request may have.
pub(crate) const CLOCK: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(86_400);

/// What `[defaults]` and a task share, as it was written.
#[derive(Debug, Default)]
pub(crate) struct RawSettings {
    pub(crate) kind: Option<At<&'static str>>,
    pub(crate) contract: Option<At<String>>,
    pub(crate) surface: Option<Surface>,
    pub(crate) deadline: RawDeadline,
    pub(crate) max_attempts: Option<At<u32>>,
    pub(crate) retry_wait: Option<RetryWait>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream: Option<At<StreamMode>>,
    pub(crate) stream_deadline: Option<Duration>,
}

/// A deadline per surface, with the place of each.
#[derive(Debug, Default)]
pub(crate) struct RawDeadline {
    pub(crate) interactive: Option<At<Duration>>,
    pub(crate) background: Option<At<Duration>>,
}

/// `[task.NAME]` as it was written.
#[derive(Debug)]
pub(crate) struct RawTask {
    pub(crate) name: At<String>,
    pub(crate) about: Option<At<String>>,
    pub(crate) settings: RawSettings,
    pub(crate) accept: Vec<Code>,
    pub(crate) ladder: Vec<RawRung>,
    /// Whether every rung of the file could be read; else findings about the whole ladder would mislead.
    pub(crate) whole: bool,
    /// Whether the table had no error at all; warnings are only given then.
    pub(crate) sound: bool,
}

pub(crate) fn read_defaults(node: &Node, report: &mut Report<'_>) -> RawSettings {
    Reader::open(node, &DEFAULTS, "[defaults]".to_owned(), report)
        .map(|reader| settings(&reader, report))
        .unwrap_or_default()
}

pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Option<RawTask> {
    let n_errors = report.n_errors();
    let reader = Reader::open(&entry.node, &TASK, format!("[task.{}]", entry.key), report)?;
    let settings = settings(&reader, report);
    let (ladder, whole) = ladder(&reader, &entry.key, report);
    let accept = accept(&reader, report);
    Some(RawTask {
        name: At { value: entry.key.clone(), span: entry.key_span.clone() },
        about: reader.text("about", report),
        settings,
        accept,
        ladder,
        whole,
        sound: report.n_errors() == n_errors,
    })
}

/// A clock of one attempt; learned ones come with the latency model.
pub(crate) fn timeout(reader: &Reader<'_>, key: &str, report: &mut Report<'_>) -> Option<At<Duration>> {
    if let Some(Value::Text(text)) = reader.entry(key).map(|it| &it.node.value) {
        let quantile = text.strip_prefix('p').is_some_and(|it| it.parse::<f64>().is_ok());
        if text == "auto" || quantile {
            let text = reader.text(key, report)?;
            reader.value_not_yet(key, &text, &format!("{key} = \"30s\""), report);
            return None;
        }
    }
    reader.time(key, CLOCK, report)
}

fn settings(reader: &Reader<'_>, report: &mut Report<'_>) -> RawSettings {
    let surfaces = [("interactive", Surface::Interactive), ("background", Surface::Background)];
    let modes = [("live", StreamMode::Live), ("assured", StreamMode::Assured)];
    reader.word("resume", &[("error", ())], &["continue", "replay"], report);
    reader.word("refusals", &[("stop", ())], &["try-equivalent"], report);
    RawSettings {
        kind: kind(reader, report),
        contract: reader.text("contract", report),
        surface: reader.word("surface", &surfaces, &[], report).map(|it| it.value),
        deadline: deadline(reader, report),
        max_attempts: reader
            .whole("max-attempts", 1..=20, report)
            .map(|it| it.map(|count| u32::try_from(count).unwrap_or(1))),
        retry_wait: retry_wait(reader, report),
        timeout: timeout(reader, "timeout", report).map(|it| it.value),
        stream: reader.word("stream", &modes, &["guarded"], report),
        stream_deadline: reader.time("stream-deadline", CLOCK, report).map(|it| it.value),
    }
}

fn kind(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<At<&'static str>> {
    let kinds: Vec<(&str, &'static str)> = KINDS.iter().map(|it| (*it, *it)).collect();
    reader.word("kind", &kinds, LATER_KINDS, report)
}

fn deadline(reader: &Reader<'_>, report: &mut Report<'_>) -> RawDeadline {
    const EACH: Family = Family { name: "a deadline", known: &["interactive", "background"], later: &[], hints: &[] };
    let Some(entry) = reader.entry("deadline") else { return RawDeadline::default() };
    if let Value::Table(_) = entry.node.value {
        let place = format!("deadline in {}", reader.place);
        let Some(each) = Reader::open(&entry.node, &EACH, place, report) else { return RawDeadline::default() };
        return RawDeadline {
            interactive: each.time("interactive", CLOCK, report),
            background: each.time("background", CLOCK, report),
        };
    }
    let one = reader.as_time(&entry.node, "deadline", CLOCK, report);
    RawDeadline { interactive: one.clone(), background: one }
}

fn retry_wait(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<RetryWait> {
    const LONGEST: Duration = Duration::from_secs(300);
    let wait = reader.unit("retry-wait", "a range of times", units::range, report)?;
    let (low, high) = wait.value;
    if high <= LONGEST {
        return Some(RetryWait { low, high });
    }
    report.add(
        Diagnostic::error(
            codes::OUT_OF_RANGE,
            &wait.span,
            format!("`retry-wait` in {} must end at 5m or below", reader.place),
        )
        .label("out of range")
        .fix("retry-wait = \"200ms..2s\""),
    );
    None
}

fn ladder(reader: &Reader<'_>, task: &str, report: &mut Report<'_>) -> (Vec<RawRung>, bool) {
    let no_ladder = |span: &Span, what: String| {
        Diagnostic::error(codes::NO_LADDER, span, what)
            .label("at least one rung")
            .effect("Every request for this task would fail at once.")
            .fix("ladder = [{ try = \"provider/model\" }]")
    };
    let Some(entry) = reader.entry("ladder") else {
        report.add(no_ladder(&reader.span, format!("{} has no ladder", reader.place)));
        return (Vec::new(), false);
    };
    let Value::List(items) = &entry.node.value else {
        reader.wrong_type("ladder", &entry.node, "a list of rungs", "ladder = [{ try = \"provider/model\" }]", report);
        return (Vec::new(), false);
    };
    if items.is_empty() {
        report.add(no_ladder(&entry.node.span, format!("the ladder of {} is empty", reader.place)));
    }
    let rungs: Vec<RawRung> =
        items.iter().enumerate().filter_map(|(at, node)| rung::read(node, task, at + 1, report)).collect();
    let whole = rungs.len() == items.len() && !rungs.is_empty();
    (rungs, whole)
}

fn accept(reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<Code> {
    let Some(names) = reader.texts("accept", report) else { return Vec::new() };
    let mut accepted = Vec::new();
    for name in names.value {
        if let Some(code) = codes::ACCEPTABLE.iter().find(|it| it.0 == name.value) {
            accepted.push(*code);
            continue;
        }
        if codes::LATER_WARNINGS.contains(&name.value.as_str()) {
            reader.value_not_yet("accept", &name, "remove it", report);
            continue;
        }
        let label = if codes::CODES.iter().any(|(code, ..)| *code == name.value) {
            "not a warning about a task"
        } else {
            "no such code"
        };
        report.add(
            Diagnostic::error(
                codes::BAD_ACCEPT,
                &name.span,
                format!("{} cannot be accepted in {}", shown(&name.value), reader.place),
            )
            .label(label)
            .fix(format!("remove it; what can be accepted: {}", listed(codes::ACCEPTABLE.iter().map(|it| it.0)))),
        );
    }
    accepted
}
