//! The decision record in sentences: why did this request go where it went, was that expected, did the user notice?
//!
//! Four lines answer the incident's questions, then the evidence: every attempt and wait, and every rung that did not
//! run with its reason. Everything is built from the record; nothing is guessed, unknown is shown as `?`.

use std::fmt::Write as _;

use crate::failure::{CLASSES, FailureClass};
use crate::outcome::SKIPS;
use crate::record::{Attempt, DecisionRecord, Move, SERVED};

/// Width of the bars, in characters.
const BAR: u64 = 32;

/// The whole story as text, for a terminal of at least 100 columns.
#[must_use]
pub fn story(record: &DecisionRecord) -> String {
    let mut text = headline(record);
    if let Some(moved) = moved(record) {
        let _ = writeln!(text, "  MOVED       {moved}");
    }
    for (label, line) in [("EXPECTED?", expected(record)), ("USER SAW", user_saw(record))] {
        let _ = writeln!(text, "  {label:<12}{line}");
    }
    text.push('\n');
    evidence(record, &mut text);
    footer(record, &mut text);
    text
}

fn headline(record: &DecisionRecord) -> String {
    let object = &record.object;
    let served = object.served_by.as_deref().unwrap_or("nobody");
    let total = seconds(record.total_ms);
    let tale = match &*object.outcome {
        "ok" => format!("{served} answered at the first try, in {total}."),
        "recovered" => {
            let added = object.added_ms.map_or_else(|| "?".to_owned(), seconds);
            format!(
                "The caller got a full-quality answer from {served}, {added} later than if the first try had worked."
            )
        }
        "degraded" => {
            let why = object.degraded.as_deref().unwrap_or("the ladder had nothing better");
            format!("The caller got less than full quality: {why}.")
        }
        "refused" => record.error.as_ref().map_or_else(
            || format!("{served} declined or its filter stopped the answer; its own words were passed on."),
            |it| format!("A policy decision stands: {}", it.message),
        ),
        _ if was_cancelled(record) => format!("The caller went away after {total}."),
        _ => record.error.as_ref().map_or_else(
            || format!("No answer after {total}."),
            |it| format!("The caller got an error, {} ({}): {}", it.code, it.status, it.message),
        ),
    };
    format!("{} {}   {tale}\n", mark(&object.outcome), object.outcome.to_uppercase())
}

fn mark(outcome: &str) -> &'static str {
    match outcome {
        "ok" => "●",
        "recovered" => "◐",
        "degraded" => "▼",
        "refused" => "■",
        _ => "✕",
    }
}

fn was_cancelled(record: &DecisionRecord) -> bool {
    record.error.as_ref().is_some_and(|it| &*it.code == FailureClass::Cancelled.name())
}

/// `gpt → claude, because gpt took too long (8.0 s) and then was overloaded (503)`.
fn moved(record: &DecisionRecord) -> Option<String> {
    let last = record.moves.last()?;
    let mut path = vec![record.moves.first().map_or("", |it| &*it.from)];
    path.extend(record.moves.iter().map(|it| &*it.to));
    let reasons = record.moves.iter().map(|it| reason(record, it)).collect::<Vec<_>>();
    Some(format!("{}, because {} (class {}, why {})", path.join(" → "), reasons.join("; "), last.class, last.why))
}

fn reason(record: &DecisionRecord, it: &Move) -> String {
    if let Some(row) = SKIPS.iter().find(|row| row.name == &*it.class) {
        return format!("{} was skipped: {}", it.from, row.words);
    }
    let failed = record.object.attempts.iter().filter(|attempt| attempt.route == it.from);
    let parts: Vec<String> = failed.filter_map(failed_words).collect();
    match parts.split_first() {
        Some((first, [])) => format!("{} {first}", it.from),
        Some((first, rest)) => format!("{} {first} and then {}", it.from, rest.join(", then ")),
        None => format!("{} met {}", it.from, it.class),
    }
}

fn failed_words(attempt: &Attempt) -> Option<String> {
    let class = attempt.class.as_deref().filter(|it| *it != SERVED)?;
    let words = CLASSES.iter().find(|row| row.name == class).map_or(class, |row| row.words);
    let took = attempt.ms.map(seconds);
    let evidence = attempt.status.filter(|it| *it != 200).map(|it| it.to_string()).or(took);
    Some(evidence.map_or_else(|| words.to_owned(), |it| format!("{words} ({it})")))
}

fn expected(record: &DecisionRecord) -> String {
    let unclassified = record.moves.iter().find(|it| &*it.why == "unclassified");
    let place = record.moves.last().and_then(|it| it.place.as_deref());
    match (record.moves.last(), unclassified) {
        (None, _) if record.object.attempts.len() > 1 => "Yes: a retry on the same rung; nothing moved.".to_owned(),
        (None, _) => "Yes: nothing moved.".to_owned(),
        (Some(_), Some(it)) => format!(
            "No: {} failed in a way that no row of the signal table knows; it was treated as {}.",
            it.from, it.class
        ),
        (Some(last), None) => {
            let place = place.map_or_else(String::new, |it| format!("   {it}"));
            format!("Yes: {}. The ladder says so.{place}", expected_words(last))
        }
    }
}

fn expected_words(last: &Move) -> String {
    match &*last.why {
        "operator" => format!("an operator disabled a route above {}", last.to),
        "breaker" => format!("health keeps {} from being called", last.from),
        "capability" => format!("{} cannot do what was asked", last.from),
        "deadline" => format!("{} could not finish in time", last.from),
        "budget" => format!("the budget of the request rules {} out", last.from),
        _ => format!("{} takes {}", last.to, last.class),
    }
}

fn user_saw(record: &DecisionRecord) -> String {
    let object = &record.object;
    match &*object.outcome {
        "ok" => "The answer.".to_owned(),
        "recovered" if record.waits.is_empty() && object.attempts.len() < 2 => "The answer.".to_owned(),
        "recovered" => "Nothing odd except the wait. No bytes had been sent before the answer.".to_owned(),
        "degraded" => "An answer that is marked as degraded in header and body.".to_owned(),
        "refused" if record.error.is_some() => {
            "A clear error with the policy's code. No other route was asked.".to_owned()
        }
        "refused" => "The refusal, in the provider's own words. No other route was asked.".to_owned(),
        _ if was_cancelled(record) => "Nothing: it had gone. The upstream call was ended.".to_owned(),
        _ if record.committed => {
            "A part of the answer, then an error event. Nothing pretended to be complete.".to_owned()
        }
        _ => "A clear error. No part of an answer had been sent.".to_owned(),
    }
}

/// One line of the evidence, sortable by time.
struct Line {
    rung: u32,
    at_ms: u64,
    what: String,
    result: String,
    ms: Option<u64>,
    waited: bool,
}

fn evidence(record: &DecisionRecord, text: &mut String) {
    let mut lines: Vec<Line> = record.object.attempts.iter().map(attempt_line).collect();
    lines.extend(record.waits.iter().map(|it| Line {
        rung: it.rung,
        at_ms: it.at_ms,
        what: "wait".to_owned(),
        result: it.kind.replace('_', "-"),
        ms: Some(it.ms),
        waited: true,
    }));
    lines.sort_by_key(|it| (it.rung, it.at_ms));
    let _ = writeln!(text, "  {:<5} {:<26} {:<44} {:>9} {:>9}", "rung", "what", "result", "at", "took");
    for line in &lines {
        let took = line.ms.map_or_else(|| "?".to_owned(), seconds);
        let bar = bar(line.at_ms, line.ms.unwrap_or(0), record.total_ms, if line.waited { '░' } else { '█' });
        let at = seconds(line.at_ms);
        let _ = writeln!(text, "  {:<5} {:<26} {:<44} {at:>9} {took:>9}  {bar}", line.rung, line.what, line.result);
    }
    let total = record.object.rungs;
    for rung in 1..=total {
        for it in record.object.not_run.iter().filter(|it| it.rung == rung) {
            let words = SKIPS.iter().find(|row| row.name == &*it.reason).map(|row| row.words);
            let why = words.map_or_else(String::new, |it| format!(": {it}"));
            let _ = writeln!(text, "  {:<5} {:<26} · {}{why}", it.rung, it.name, it.reason);
        }
    }
}

fn attempt_line(it: &Attempt) -> Line {
    let story = it.story.clone().unwrap_or_default();
    let class = it.class.as_deref().unwrap_or("unfinished");
    let mut result = if class == SERVED { "● served".to_owned() } else { format!("✕ {class}") };
    let status = it.status.filter(|it| *it != 200).map(|it| it.to_string());
    for part in [story.detail.as_deref(), status.as_deref(), story.code.as_deref()].into_iter().flatten() {
        let _ = write!(result, " · {part}");
    }
    if let Some(message) = &story.message {
        let _ = write!(result, " · {}", shortened(message, 60));
    }
    let what = format!("{} {} (key {})", it.kind, it.route, story.key);
    Line { rung: it.rung, at_ms: story.at_ms, what, result, ms: it.ms, waited: false }
}

fn bar(at: u64, ms: u64, total: u64, fill: char) -> String {
    let scale = |it: u64| it.saturating_mul(BAR).checked_div(total.max(1)).unwrap_or(0).min(BAR);
    let before = scale(at).min(BAR - 1);
    let length = scale(ms).clamp(1, BAR - before);
    let blank = " ".repeat(usize::try_from(before).unwrap_or(0));
    blank + &fill.to_string().repeat(usize::try_from(length).unwrap_or(1))
}

fn footer(record: &DecisionRecord, text: &mut String) {
    let object = &record.object;
    let cost = object.cost_usd.map_or_else(|| "?".to_owned(), |it| format!("${it}"));
    let _ = writeln!(text, "  total {} of {} · cost {cost}", seconds(record.total_ms), seconds(record.deadline_ms));
    let _ = write!(text, "\n  task {} · surface {}", object.task, object.surface);
    let named = [("key", &record.key), ("segment", &object.segment), ("client", &record.client)];
    for (label, value) in named.into_iter().filter_map(|(label, value)| value.as_ref().map(|it| (label, it))) {
        let _ = write!(text, " · {label} {value}");
    }
    if let Some(n) = record.client_retry.filter(|it| *it > 0) {
        let _ = write!(text, " · the client's own retry {n}");
    }
    let simulated = if object.simulated { " · SIMULATED" } else { "" };
    let _ = writeln!(text, " · config {}{simulated}", record.config);
    let _ = writeln!(text, "  {}", object.request_id);
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// `0.31 s`, `8.00 s`, `120 ms` below a tenth of a second.
fn seconds(ms: u64) -> String {
    if ms < 100 {
        return format!("{ms} ms");
    }
    format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10)
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
