//! `[defaults]` and `[task.NAME]`.

use std::time::Duration;

use switchback_core::policy::{Require, RetryWait, StreamMode, Surface};

use super::keys::{DEADLINE, DEFAULTS, TASK};
use super::place::require;
use super::reader::Reader;
use super::rung::{self, RawRung};
use super::tree::{At, Entry, Node, Value};
use crate::codes;
use crate::diagnostic::{Code, Diagnostic, Report, Span, listed, shown};
use crate::units;

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
#[derive(Debug, Default, Clone)]
pub(crate) struct RawSettings {
    pub(crate) kind: Option<At<&'static str>>,
    pub(crate) contract: Option<At<String>>,
    pub(crate) native: Option<bool>,
    pub(crate) require: Option<At<Require>>,
    pub(crate) surface: Option<Surface>,
    pub(crate) deadline: RawDeadline,
    pub(crate) max_attempts: Option<At<u32>>,
    pub(crate) retry_wait: Option<RetryWait>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream: Option<At<StreamMode>>,
    pub(crate) stream_deadline: Option<Duration>,
    pub(crate) accept: Option<Vec<Code>>,
    pub(crate) ladder: Option<RawLadder>,
}

/// A deadline per surface, with the place of each.
#[derive(Debug, Default, Clone)]
pub(crate) struct RawDeadline {
    pub(crate) interactive: Option<At<Duration>>,
    pub(crate) background: Option<At<Duration>>,
}

/// `ladder` as it was written.
#[derive(Debug, Default, Clone)]
pub(crate) struct RawLadder {
    pub(crate) rungs: Vec<RawRung>,
    /// Whether every rung of the file could be read; else findings about the whole ladder would mislead.
    pub(crate) whole: bool,
}

/// `[task.NAME]` as it was written; what it takes from `like` and `[defaults]` is filled in by `inherit`.
#[derive(Debug)]
pub(crate) struct RawTask {
    pub(crate) name: At<String>,
    /// Place of the table, for what is missing in it.
    pub(crate) span: Span,
    pub(crate) about: Option<At<String>>,
    pub(crate) names: Vec<At<String>>,
    pub(crate) like: Option<At<String>>,
    pub(crate) settings: RawSettings,
    /// Whether the table had no error at all; warnings are only given then.
    pub(crate) sound: bool,
}

// === impl RawTask ===

impl RawTask {
    /// Its rungs, as far as they could be read.
    pub(crate) fn rungs(&self) -> &[RawRung] {
        self.settings.ladder.as_ref().map_or(&[], |it| &it.rungs)
    }

    /// Whether a warning was read and is meant.
    pub(crate) fn accepts(&self, code: Code) -> bool {
        self.settings.accept.as_ref().is_some_and(|it| it.contains(&code))
    }
}

pub(crate) fn read_defaults(node: &Node, report: &mut Report<'_>) -> RawSettings {
    Reader::open(node, &DEFAULTS, "[defaults]".to_owned(), report)
        .map(|reader| settings(&reader, "[defaults]", report))
        .unwrap_or_default()
}

pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Option<RawTask> {
    let n_errors = report.n_errors();
    let reader = Reader::open(&entry.node, &TASK, format!("[task.{}]", entry.key), report)?;
    Some(RawTask {
        name: At { value: entry.key.clone(), span: entry.key_span.clone() },
        span: reader.span.clone(),
        about: reader.text("about", report),
        names: names(&reader, report),
        like: reader.text("like", report),
        settings: settings(&reader, &entry.key, report),
        sound: report.n_errors() == n_errors,
    })
}

/// Other values of `model` that mean the task.
fn names(reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<At<String>> {
    const MOST: usize = 64;
    let Some(texts) = reader.texts("names", report) else { return Vec::new() };
    if texts.value.len() > MOST {
        report.add(
            Diagnostic::error(
                codes::OUT_OF_RANGE,
                &texts.span,
                format!("`names` in {} has more than {MOST} patterns", reader.place),
            )
            .label("too many")
            .fix("write fewer patterns: `*` stands for anything"),
        );
        return Vec::new();
    }
    let mut names: Vec<At<String>> = Vec::new();
    for text in texts.value {
        let sound = !text.value.is_empty()
            && text.value.len() <= 256
            && !text.value.chars().any(|it| it.is_control() || it.is_whitespace());
        let (code, problem, label) = if !sound {
            (codes::BAD_VALUE, "cannot be a value of `model`", "text without spaces, 256 characters at most")
        } else if names.iter().any(|it| it.value == text.value) {
            (codes::DUPLICATE, "is given twice", "once is enough")
        } else {
            names.push(text);
            continue;
        };
        report.add(
            Diagnostic::error(
                code,
                &text.span,
                format!("{} {problem} (`names` in {})", shown(&text.value), reader.place),
            )
            .label(label)
            .fix("remove it"),
        );
    }
    names
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

fn settings(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> RawSettings {
    let surfaces = [("interactive", Surface::Interactive), ("background", Surface::Background)];
    let modes = [("live", StreamMode::Live), ("assured", StreamMode::Assured)];
    reader.word("resume", &[("error", ())], &["continue", "replay"], report);
    reader.word("refusals", &[("stop", ())], &["try-equivalent"], report);
    RawSettings {
        kind: kind(reader, report),
        contract: reader.text("contract", report),
        native: reader.flag("native", report),
        require: require(reader, report),
        surface: reader.word("surface", &surfaces, &[], report).map(|it| it.value),
        deadline: deadline(reader, report),
        max_attempts: reader
            .whole("max-attempts", 1..=20, report)
            .map(|it| it.map(|count| u32::try_from(count).unwrap_or(1))),
        retry_wait: retry_wait(reader, report),
        timeout: timeout(reader, "timeout", report).map(|it| it.value),
        stream: reader.word("stream", &modes, &["guarded"], report),
        stream_deadline: reader.time("stream-deadline", CLOCK, report).map(|it| it.value),
        accept: accept(reader, report),
        ladder: ladder(reader, name, report),
    }
}

fn kind(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<At<&'static str>> {
    let kinds: Vec<(&str, &'static str)> = KINDS.iter().map(|it| (*it, *it)).collect();
    reader.word("kind", &kinds, LATER_KINDS, report)
}

fn deadline(reader: &Reader<'_>, report: &mut Report<'_>) -> RawDeadline {
    let Some(entry) = reader.entry("deadline") else { return RawDeadline::default() };
    if let Value::Table(_) = entry.node.value {
        let place = format!("deadline in {}", reader.place);
        let Some(each) = Reader::open(&entry.node, &DEADLINE, place, report) else { return RawDeadline::default() };
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

fn ladder(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<RawLadder> {
    let entry = reader.entry("ladder")?;
    let Value::List(items) = &entry.node.value else {
        reader.wrong_type("ladder", &entry.node, "a list of rungs", "ladder = [{ try = \"provider/model\" }]", report);
        return Some(RawLadder::default());
    };
    if items.is_empty() {
        report.add(no_ladder(&entry.node.span, format!("the ladder of {} is empty", reader.place)));
    }
    let rungs: Vec<RawRung> =
        items.iter().enumerate().filter_map(|(at, node)| rung::read(node, name, at + 1, report)).collect();
    let whole = rungs.len() == items.len() && !rungs.is_empty();
    Some(RawLadder { rungs, whole })
}

/// A task without a rung.
pub(crate) fn no_ladder(span: &Span, what: String) -> Diagnostic {
    Diagnostic::error(codes::NO_LADDER, span, what)
        .label("at least one rung")
        .effect("Every request for this task would fail at once.")
        .fix("ladder = [{ try = \"provider/model\" }]")
}

fn accept(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<Vec<Code>> {
    let names = reader.texts("accept", report)?;
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
    Some(accepted)
}
