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
    if !record.object.dropped.is_empty() {
        let names: Vec<&str> = record.object.dropped.iter().map(|it| &**it).collect();
        let _ = writeln!(text, "  DROPPED     {}: the answer was asked for without.", names.join(", "));
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
    let error = record.error.as_ref();
    let tale = match &*object.outcome {
        "ok" => format!("{served} answered at the first try, in {total}."),
        "recovered" if object.attempts.len() == 1 && record.moves.is_empty() => {
            let mended = mended_words(record).unwrap_or_default();
            format!("The caller got a full-quality answer from {served}, in {total}; it was mended first ({mended}).")
        }
        "recovered" => {
            let later = match object.added_ms {
                Some(0) => "at once".to_owned(),
                Some(ms) => format!("{} later than if the first try had worked", seconds(ms)),
                None => "later than if the first try had worked".to_owned(),
            };
            format!("The caller got a full-quality answer from {served}, {later}.")
        }
        "degraded" => {
            let why = object.degraded.as_deref().unwrap_or("the ladder had nothing better");
            format!("The caller got less than full quality from {served}: {why}.")
        }
        "refused" => refused(record, served),
        _ if was_cancelled(record) => format!("The caller went away after {total}."),
        _ if record.committed => {
            let last = object.attempts.last();
            let class = last.and_then(|it| it.class.as_deref()).unwrap_or("?");
            let route = last.map_or("?", |it| &*it.route);
            format!("The answer of {route} broke off after it had begun (class {class}), after {total}.")
        }
        _ => error.map_or_else(
            || format!("No answer after {total}."),
            |it| format!("The caller got an error after {total}: {} ({}).", it.code, it.status),
        ),
    };
    let said = error
        .filter(|_| !was_cancelled(record))
        .map_or_else(String::new, |it| format!("  {:<12}{}\n", "SAID", it.message));
    format!("{} {}   {tale}\n{said}", mark(&object.outcome), object.outcome.to_uppercase())
}

/// Who refused, and with which class: a filter, a model, or a decision that still stands.
fn refused(record: &DecisionRecord, served: &str) -> String {
    let last = record.object.attempts.last();
    let class = last.and_then(|it| it.class.as_deref()).unwrap_or("policy_blocked");
    match (last, &record.error) {
        (Some(it), Some(_)) => format!("{} blocked the request (class {class}).", it.route),
        (None, _) => "A filter blocked the same request a short while ago, and the decision stands.".to_owned(),
        (Some(_), None) if served == "answer" => format!("A ready answer was given after a block (class {class})."),
        (Some(_), None) => {
            format!("{served} declined or its filter cut the answer (class {class}); its own words were passed on.")
        }
    }
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

/// What was mended of the answer that was served.
fn mended_words(record: &DecisionRecord) -> Option<String> {
    let last = record.object.attempts.last().filter(|it| it.class.as_deref() == Some(SERVED))?;
    let mended = last.story.as_ref().map(|it| it.mended.as_slice()).filter(|it| !it.is_empty())?;
    Some(mended.iter().map(|it| &**it).collect::<Vec<_>>().join(", "))
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
    let failed = record.object.attempts.iter().filter(|attempt| attempt.rung == it.from_rung);
    let mut parts: Vec<(&str, Vec<String>)> = Vec::new();
    for (words, evidence) in failed.filter_map(failed_words) {
        match parts.last_mut() {
            Some((last, all)) if *last == words => all.push(evidence),
            _ => parts.push((words, vec![evidence])),
        }
    }
    let parts: Vec<String> = parts.into_iter().map(|(words, all)| format!("{words} ({})", all.join(", "))).collect();
    if parts.is_empty() {
        return format!("{} met {}", it.from, it.class);
    }
    format!("{} {}", it.from, parts.join(", then "))
}

/// What went wrong, and the status or the time that it took.
fn failed_words(attempt: &Attempt) -> Option<(&str, String)> {
    let class = attempt.class.as_deref().filter(|it| *it != SERVED)?;
    let words = CLASSES.iter().find(|row| row.name == class).map_or(class, |row| row.words);
    let status = attempt.status.filter(|it| *it != 200).map(|it| it.to_string());
    Some((words, status.unwrap_or_else(|| attempt.ms.map_or_else(|| "?".to_owned(), seconds))))
}

fn expected(record: &DecisionRecord) -> String {
    let unclassified = record.moves.iter().find(|it| &*it.why == "unclassified");
    let place = record.moves.last().and_then(|it| it.place.as_deref());
    match (record.moves.last(), unclassified) {
        (None, _) if record.committed && record.error.is_some() => {
            "Yes: after its first byte has left an answer never moves to another model.".to_owned()
        }
        (_, None) if &*record.object.outcome == "refused" => {
            "Yes: a policy or safety decision is never routed around.".to_owned()
        }
        (None, _) if record.object.attempts.is_empty() && record.error.is_some() => {
            "Yes: no rung could be called; each one's reason stands below.".to_owned()
        }
        (None, _) if was_cancelled(record) => "Yes: nothing moved.".to_owned(),
        (None, _) if record.error.is_some() => ended_words(record).to_owned(),
        (None, _) if record.object.attempts.iter().any(|it| &*it.kind == "repair") => {
            "Yes: the model was shown its answer and asked to repair it; nothing moved.".to_owned()
        }
        (None, _) if record.object.attempts.len() > 1 => "Yes: a retry on the same rung; nothing moved.".to_owned(),
        (None, _) if mended_words(record).is_some() => {
            "Yes: the answer was mended here, without another call; nothing moved.".to_owned()
        }
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

/// Why a walk that moved nowhere ended where it did: by what kept the rungs below from running.
fn ended_words(record: &DecisionRecord) -> &'static str {
    let object = &record.object;
    let last = object.attempts.last();
    if last.and_then(|it| it.story.as_ref()).is_some_and(|it| it.detail.as_deref() == Some("unclassified")) {
        return "No: the failure is one that no row of the signal table knows.";
    }
    let from = last.map_or(0, |it| it.rung);
    let mut below = object.not_run.iter().filter(|it| it.rung > from).map(|it| &*it.reason).peekable();
    if below.peek().is_none() {
        return "Yes: there is no rung below that could answer.";
    }
    let below: Vec<&str> = below.collect();
    if below.iter().all(|it| matches!(*it, "wrong_class" | "wrong_segment" | "wrong_surface" | "not_reached")) {
        return "Yes: no rung below takes what went wrong.";
    }
    if below.iter().all(|it| matches!(*it, "residency" | "pinned" | "wrong_segment" | "wrong_surface")) {
        return "Yes: no rung below may be given this request; each one's reason stands below.";
    }
    "Yes: no rung below could be called; each one's reason stands below."
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
        "recovered" => "Nothing odd except the wait. Nothing of an answer had been sent before.".to_owned(),
        "degraded" => "An answer that is marked as degraded in header and body.".to_owned(),
        "refused" if object.served_by.as_deref() == Some("answer") => {
            "The ready answer. No other model was asked afterwards.".to_owned()
        }
        "refused" if record.error.is_some() => {
            "A clear error with the policy's code. No other route was asked afterwards.".to_owned()
        }
        "refused" => "The refusal, in the provider's own words. No other route was asked afterwards.".to_owned(),
        _ if was_cancelled(record) && record.committed => {
            "The part of the answer that came before it went. The upstream call was ended.".to_owned()
        }
        _ if was_cancelled(record) => "Nothing: it had gone. The upstream call was ended.".to_owned(),
        _ if record.committed => {
            "A part of the answer, then an error event. Nothing pretended to be complete.".to_owned()
        }
        _ => "A clear error. No part of an answer had been sent.".to_owned(),
    }
}

/// One line of the evidence.
struct Line {
    /// Rung, and when it was: lines are in this order.
    order: (u32, u64),
    rung: String,
    what: String,
    result: String,
    /// When it began and how long it took; `None` for what did not run.
    time: Option<(u64, Option<u64>)>,
    waited: bool,
}

fn evidence(record: &DecisionRecord, text: &mut String) {
    let mut lines = attempt_lines(record);
    lines.extend(record.waits.iter().map(|it| Line {
        order: (it.rung, it.at_ms),
        rung: String::new(),
        what: "wait".to_owned(),
        result: it.kind.replace('_', "-"),
        time: Some((it.at_ms, Some(it.ms))),
        waited: true,
    }));
    lines.extend((1..=record.object.rungs).filter_map(|rung| untried_line(record, rung)));
    lines.sort_by_key(|it| it.order);
    let width = |of: fn(&Line) -> &str, least: usize| {
        lines.iter().map(|it| of(it).chars().count()).max().unwrap_or(0).max(least)
    };
    let (what, result) = (width(|it| &it.what, 4), width(|it| &it.result, 6));
    let _ = writeln!(text, "  rung  {:<what$}  {:<result$}  {:>8}  {:>8}", "what", "result", "at", "took");
    for line in &lines {
        let Line { rung, what: done, result: came, .. } = line;
        let Some((at, ms)) = line.time else {
            let _ = writeln!(text, "  {rung:<4}  {done:<what$}  {came}");
            continue;
        };
        let took = ms.map_or_else(|| "?".to_owned(), seconds);
        let bar = bar(at, ms.unwrap_or(0), record.total_ms, if line.waited { '░' } else { '█' });
        let at = seconds(at);
        let _ = writeln!(text, "  {rung:<4}  {done:<what$}  {came:<result$}  {at:>8}  {took:>8}  {bar}");
    }
}

/// Attempts as `1.1`, `1.2`, …: the rung, and the how-manieth on it.
fn attempt_lines(record: &DecisionRecord) -> Vec<Line> {
    let several_keys = record.object.attempts.iter().any(|it| it.story.as_ref().is_some_and(|it| it.key > 1));
    let mut n_on = (0, 0);
    let lines = record.object.attempts.iter().map(|it| {
        n_on = if n_on.0 == it.rung { (it.rung, n_on.1 + 1) } else { (it.rung, 1) };
        let story = it.story.clone().unwrap_or_default();
        let region = story.region.as_ref().map_or_else(String::new, |it| format!(" in {it}"));
        let via = story.deployment.map_or_else(String::new, |_| format!(" via {}{region}", story.call));
        let key = if several_keys { format!(" (key {})", story.key) } else { String::new() };
        Line {
            order: (it.rung, story.at_ms),
            rung: format!("{}.{}", it.rung, n_on.1),
            what: format!("{:<5} {}{via}{key}", if &*it.kind == "first" { "try" } else { &*it.kind }, it.route),
            result: attempt_result(it),
            time: Some((story.at_ms, it.ms)),
            waited: false,
        }
    });
    lines.collect()
}

fn attempt_result(it: &Attempt) -> String {
    let class = it.class.as_deref().unwrap_or("unfinished");
    let mut result = if class == SERVED { "● served".to_owned() } else { format!("✕ {class}") };
    let story = it.story.as_ref();
    let status = it.status.filter(|it| *it != 200).map(|it| it.to_string());
    let detail = story.and_then(|it| it.detail.as_deref());
    let code = story.and_then(|it| it.code.as_deref());
    for part in [detail, status.as_deref(), code].into_iter().flatten() {
        let _ = write!(result, " · {part}");
    }
    if let Some(message) = story.and_then(|it| it.message.as_deref()) {
        let _ = write!(result, " · {}", shortened(message, 60));
    }
    let mended: Vec<&str> = story.iter().flat_map(|it| &it.mended).map(|it| &**it).collect();
    if !mended.is_empty() {
        let _ = write!(result, " · mended: {}", mended.join(", "));
    }
    if story.is_some_and(|it| it.unpaid) {
        result.push_str(" · not asked again: the route's retry budget is empty");
    }
    if let Some(cost) = it.cost_usd.filter(|cost| *cost > 0.0) {
        let _ = write!(result, " · ${cost}");
    }
    result
}

/// A rung without an attempt: why it did not run, or that it gave what it had.
fn untried_line(record: &DecisionRecord, rung: u32) -> Option<Line> {
    let object = &record.object;
    let (what, result) = match object.not_run.iter().find(|it| it.rung == rung) {
        Some(it) => {
            let words = SKIPS.iter().find(|row| row.name == &*it.reason).map(|row| row.words);
            let why = words.map_or_else(String::new, |it| format!(": {it}"));
            (it.name.to_string(), format!("· {}{why}", it.reason))
        }
        None if object.attempts.iter().any(|it| it.rung == rung) => return None,
        None if object.rung == Some(rung) => {
            (object.served_by.as_deref().unwrap_or("answer").to_owned(), "● given".to_owned())
        }
        None => ("fail".to_owned(), "● reached: the walk ended in an error".to_owned()),
    };
    Some(Line { order: (rung, 0), rung: rung.to_string(), what, result, time: None, waited: false })
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
    let named =
        [("region", &object.region), ("key", &record.key), ("segment", &object.segment), ("client", &record.client)];
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
mod tests;
