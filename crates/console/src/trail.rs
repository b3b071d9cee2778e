//! A request's way in one line: what was called, what came of it, what was skipped. Most questions end here.

use maud::{Markup, html};
use switchback_core::record::{Attempt, DecisionRecord, NotRun, SERVED};

use crate::words::{class_words, clip_to, reason_words, seconds_or_unknown};

/// Most chips of one line; what is left out is counted.
const MOST: usize = 12;
/// Most characters of a name in a chip.
const LONGEST: usize = 40;

/// One step of the way.
enum Step<'a> {
    Called(&'a Attempt),
    Skipped(&'a NotRun),
    /// A rung that is no call gave the answer.
    Given(&'a str),
}

/// The way as a list of chips.
pub(crate) fn trail(record: &DecisionRecord) -> Markup {
    let object = &record.object;
    let steps = steps(record);
    let n_unreached = object.not_run.iter().filter(|it| &*it.reason == "not_reached").count();
    html! {
        ol class="trail" {
            @for step in steps.iter().take(MOST) { (chip(step)) }
            @if steps.len() > MOST { li class="chip quiet" { (steps.len() - MOST) " more" } }
            @if n_unreached > 0 { li class="chip quiet" { (n_unreached) " not reached" } }
        }
    }
}

fn steps(record: &DecisionRecord) -> Vec<Step<'_>> {
    let object = &record.object;
    let mut steps: Vec<(u32, Step<'_>)> = object.attempts.iter().map(|it| (it.rung, Step::Called(it))).collect();
    let skipped = object.not_run.iter().filter(|it| &*it.reason != "not_reached");
    steps.extend(skipped.map(|it| (it.rung, Step::Skipped(it))));
    if let Some(rung) = object.rung.filter(|rung| !object.attempts.iter().any(|it| it.rung == *rung)) {
        steps.push((rung, Step::Given(object.served_by.as_deref().unwrap_or("answer"))));
    }
    steps.sort_by_key(|(rung, _)| *rung);
    steps.into_iter().map(|(_, step)| step).collect()
}

fn chip(step: &Step<'_>) -> Markup {
    match step {
        Step::Called(it) => {
            let (style, shape, class) = result(it);
            let title = format!("{} {}", it.route, class_words(class).unwrap_or(class));
            html! {
                li class={ "chip " (style) } title=(clip_to(&title, 200)) {
                    (clip_to(&it.route, LONGEST)) " "
                    span class="shape" aria-hidden="true" { (shape) }
                    " " (clip_to(class, LONGEST)) " "
                    span class="num" { (seconds_or_unknown(it.ms)) }
                }
            }
        }
        Step::Skipped(it) => {
            let words = reason_words(&it.reason).unwrap_or(&it.reason);
            html! {
                li class="chip skipped" title=(clip_to(words, 200)) {
                    (clip_to(&it.name, LONGEST)) " " span class="shape" aria-hidden="true" { "–" } " "
                    (clip_to(&it.reason, LONGEST))
                }
            }
        }
        Step::Given(name) => html! {
            li class="chip given" { (clip_to(name, LONGEST)) " " span class="shape" aria-hidden="true" { "●" } " given" }
        },
    }
}

/// Style, shape and class of what came of an attempt.
pub(crate) fn result(it: &Attempt) -> (&'static str, &'static str, &str) {
    match it.class.as_deref() {
        Some(SERVED) => ("served", "●", SERVED),
        Some(class) => ("lost", "✕", class),
        None => ("open", "…", "unfinished"),
    }
}
