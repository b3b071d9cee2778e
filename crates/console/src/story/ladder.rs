//! The ladder beside the waterfall: every rung in its order, and beside it each attempt and each wait in its time.
//!
//! One table holds both, so that whoever cannot see the bars reads the same facts in the same places. Calls are
//! blocks and waits are thin dotted lines, each on a line of its own: where the time went must not be guessed.

use std::collections::BTreeSet;

use maud::{Markup, html};
use switchback_core::record::{Attempt, DecisionRecord, Wait};

use crate::trail::result;
use crate::words::{class_words, clip_to, dollars, reason_words, seconds, seconds_or_unknown};

/// Most rungs, and most lines of one rung, that are drawn; the configuration allows far fewer.
pub(super) const MOST: usize = 512;
/// Width of the drawing in its own units: as many as the scale is long.
const WIDTH: u64 = 1_000;
/// Most characters of a name.
const LONGEST: usize = 120;

/// What happened on a rung at some time.
enum Line<'a> {
    Attempt(&'a Attempt, usize),
    Wait(&'a Wait),
}

/// One rung: its name, how it stands, and what happened on it.
struct Rung<'a> {
    n: u32,
    name: &'a str,
    lines: Vec<(u64, Line<'a>)>,
    /// Style, shape and words of a rung on which nothing was called.
    stands: Option<(&'static str, &'static str, String)>,
}

/// The ladder of a record.
pub(super) fn ladder(record: &DecisionRecord) -> Markup {
    let rungs = rungs(record);
    let scale = scale(record);
    html! {
        section aria-labelledby="ladder" {
            h2 id="ladder" { "Ladder of " (clip_to(&record.object.task, LONGEST)) }
            div class="scroll" id="scroll-ladder" tabindex="0" role="region" aria-labelledby="ladder" {
                table class="ladder" {
                    caption class="unseen" { "Every rung in order, with its attempts and waits in time" }
                    thead { tr {
                        th scope="col" { "Rung" }
                        th scope="col" { "What" }
                        th scope="col" class="time" { (axis(scale)) }
                        th scope="col" { "Result" }
                        th scope="col" class="num" { "At" }
                        th scope="col" class="num" { "Took" }
                        th scope="col" class="num" { "Cost" }
                    } }
                    @for it in rungs.iter().take(MOST) { (rung(it, scale)) }
                    tfoot { tr {
                        th scope="row" colspan="3" { "Total" }
                        td colspan="2" { "deadline " (seconds(record.deadline_ms)) }
                        td class="num" data-label="took" { (seconds(record.total_ms)) }
                        td class="num" data-label="cost" { (dollars(record.object.cost_usd)) }
                    } }
                }
            }
            @if rungs.len() > MOST { p class="note" { (rungs.len() - MOST) " more rungs are in the record as JSON." } }
            p class="note keys" {
                (key("call served", "answered")) " " (key("call lost", "failed")) " " (wait_key()) " waited"
            }
        }
    }
}

fn rungs(record: &DecisionRecord) -> Vec<Rung<'_>> {
    let object = &record.object;
    let bound = u32::try_from(MOST).unwrap_or(u32::MAX);
    let mut numbers: BTreeSet<u32> = (1..=object.rungs.min(bound)).collect();
    numbers.extend(object.attempts.iter().map(|it| it.rung));
    numbers.extend(object.not_run.iter().map(|it| it.rung));
    numbers.extend(record.waits.iter().map(|it| it.rung));
    numbers.extend(object.rung);
    numbers.into_iter().map(|n| read(record, n)).collect()
}

fn read(record: &DecisionRecord, n: u32) -> Rung<'_> {
    let object = &record.object;
    let attempts = object.attempts.iter().filter(|it| it.rung == n).enumerate();
    let mut lines: Vec<(u64, Line<'_>)> =
        attempts.map(|(place, it)| (at(it).unwrap_or(0), Line::Attempt(it, place + 1))).collect();
    lines.extend(record.waits.iter().filter(|it| it.rung == n).map(|it| (it.at_ms, Line::Wait(it))));
    lines.sort_by_key(|(at, _)| *at);
    let not_run = object.not_run.iter().find(|it| it.rung == n);
    let called = object.attempts.iter().find(|it| it.rung == n).map(|it| &*it.route);
    let given = object.served_by.as_deref().filter(|_| object.rung == Some(n));
    let name = called.or(not_run.map(|it| &*it.name)).or(given).unwrap_or("fail");
    let stands = match (not_run, called) {
        (Some(it), _) => {
            let style = if &*it.reason == "not_reached" { ("unreached", "□") } else { ("skipped", "⊟") };
            let unreached =
                if object.rung.is_some() { "an answer was found first" } else { "the walk had ended before" };
            let words = reason_words(&it.reason).or((style.0 == "unreached").then_some(unreached));
            let words = words.map_or_else(String::new, |words| format!(": {words}"));
            Some((style.0, style.1, format!("{}{words}", it.reason.replace('_', " "))))
        }
        (None, Some(_)) => None,
        (None, None) if given.is_some() => Some(("given", "●", "gave its answer".to_owned())),
        (None, None) => Some(("reached", "●", "reached: the walk ended in an error".to_owned())),
    };
    Rung { n, name, lines, stands }
}

fn at(it: &Attempt) -> Option<u64> {
    it.story.as_ref().map(|it| it.at_ms)
}

/// The time that the drawing spans, in milliseconds: everything that happened fits.
fn scale(record: &DecisionRecord) -> u64 {
    let attempts = record.object.attempts.iter().map(|it| at(it).unwrap_or(0).saturating_add(it.ms.unwrap_or(0)));
    let waits = record.waits.iter().map(|it| it.at_ms.saturating_add(it.ms));
    attempts.chain(waits).chain([record.total_ms, 1]).max().unwrap_or(1)
}

fn axis(scale: u64) -> Markup {
    html! {
        span class="unseen" { "Time, from 0 to " (seconds(scale)) }
        span class="axis" aria-hidden="true" {
            span { "0" } span { (seconds(scale / 2)) } span { (seconds(scale)) }
        }
    }
}

fn rung(rung: &Rung<'_>, scale: u64) -> Markup {
    let lines = rung.lines.get(..rung.lines.len().min(MOST)).unwrap_or_default();
    let n_more = rung.lines.len() - lines.len();
    let n_rows = lines.len() + usize::from(rung.stands.is_some()) + usize::from(n_more > 0);
    let style = rung.stands.as_ref().map_or("ran", |it| it.0);
    html! {
        tbody class=(style) {
            @if let Some((_, shape, words)) = &rung.stands {
                tr {
                    (name(rung, n_rows, shape))
                    td colspan="6" class="reason" { (clip_to(words, 300)) }
                }
            }
            @for (place, (at, line)) in lines.iter().enumerate() {
                tr {
                    @if place == 0 && rung.stands.is_none() { (name(rung, n_rows, "■")) }
                    @match line {
                        Line::Attempt(it, nth) => (attempt(rung.n, *nth, it, scale)),
                        Line::Wait(it) => (wait(*at, it, scale)),
                    }
                }
            }
            @if n_more > 0 { tr { td colspan="6" { (n_more) " more are in the record as JSON." } } }
        }
    }
}

fn name(rung: &Rung<'_>, n_rows: usize, shape: &str) -> Markup {
    html! {
        th scope="rowgroup" rowspan=(n_rows.max(1)) {
            span class="n" { (rung.n) } " "
            span class="shape" aria-hidden="true" { (shape) } " "
            span class="name" { (clip_to(rung.name, LONGEST)) }
        }
    }
}

fn attempt(rung: u32, nth: usize, it: &Attempt, scale: u64) -> Markup {
    let (style, shape, class) = result(it);
    let story = it.story.as_ref();
    let kind = if &*it.kind == "first" { "try" } else { &*it.kind };
    let status = it.status.filter(|it| *it != 200).map(|it| it.to_string());
    let details =
        [story.and_then(|it| it.detail.as_deref()), status.as_deref(), story.and_then(|it| it.code.as_deref())];
    let began = at(it);
    html! {
        td class="what" { span class="n" { (rung) "." (nth) } " " (clip_to(kind, 20)) }
        td class="time" {
            @if let Some(began) = began {
                (bar(scale, began, it.ms, &format!("call {style}"), story.and_then(|it| it.first_token_ms)))
            } @else { span class="quiet" { "start not recorded" } }
        }
        td class={ "result " (style) } title=(class_words(class).unwrap_or(class)) {
            span class="shape" aria-hidden="true" { (shape) } " " b { (clip_to(class, LONGEST)) }
            @for it in details.into_iter().flatten() { " · " (clip_to(it, LONGEST)) }
        }
        td class="num" data-label="at" { (seconds_or_unknown(began)) }
        td class="num" data-label="took" { (seconds_or_unknown(it.ms)) }
        td class="num" data-label="cost" { (dollars(it.cost_usd)) }
    }
}

fn wait(at: u64, it: &Wait, scale: u64) -> Markup {
    let words = match &*it.kind {
        "backoff" => "backoff before the next attempt",
        "retry_after" => "the provider asked for it",
        _ => "",
    };
    html! {
        td class="what quiet" { "wait" }
        td class="time" {
            svg class="bar" viewBox={ "0 0 " (WIDTH) " 16" } preserveAspectRatio="none" aria-hidden="true" focusable="false" {
                @let (x, width) = place(scale, at, it.ms);
                line class="wait" x1=(x) x2=(x + width) y1="8" y2="8" vector-effect="non-scaling-stroke" {}
            }
        }
        td class="quiet" title=(words) { (clip_to(&it.kind.replace('_', "-"), LONGEST)) }
        td class="num" data-label="at" { (seconds(at)) }
        td class="num" data-label="took" { (seconds(it.ms)) }
        td class="num quiet" { "–" }
    }
}

/// A call as a block; one that has not ended reaches to the end. The thin mark is where content began.
fn bar(scale: u64, at: u64, ms: Option<u64>, style: &str, first_token_ms: Option<u64>) -> Markup {
    let (x, width) = place(scale, at, ms.unwrap_or(scale.saturating_sub(at)));
    html! {
        svg class="bar" viewBox={ "0 0 " (WIDTH) " 16" } preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect class=(style) x=(x) y="2" width=(width) height="12" vector-effect="non-scaling-stroke" {}
            @if let Some(after) = first_token_ms {
                @let (mark, _) = place(scale, at.saturating_add(after), 0);
                line class="first" x1=(mark) x2=(mark) y1="0" y2="16" vector-effect="non-scaling-stroke" {}
            }
        }
    }
}

/// Where a time stands in the drawing, and how wide it is: always inside, and never too thin to be seen.
fn place(scale: u64, at: u64, ms: u64) -> (u64, u64) {
    const LEAST: u64 = 3;
    let of = |ms: u64| u64::try_from(u128::from(ms) * u128::from(WIDTH) / u128::from(scale.max(1))).unwrap_or(WIDTH);
    let x = of(at).min(WIDTH - LEAST);
    (x, of(ms).clamp(LEAST, WIDTH - x))
}

fn key(style: &str, word: &str) -> Markup {
    html! {
        svg viewBox="0 0 16 12" width="16" height="12" aria-hidden="true" focusable="false" {
            rect class=(style) x="1" y="1" width="14" height="10" {}
        }
        " " (word)
    }
}

fn wait_key() -> Markup {
    html! {
        svg viewBox="0 0 16 12" width="16" height="12" aria-hidden="true" focusable="false" {
            line class="wait" x1="0" x2="16" y1="6" y2="6" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_always_inside_the_drawing_and_wide_enough_to_be_seen() {
        for (scale, at, ms) in [(1, 0, 0), (1_000, 999, 1), (1_000, 1_000, 0), (10, u64::MAX, u64::MAX), (0, 5, 5)] {
            let (x, width) = place(scale, at, ms);
            assert!(x + width <= WIDTH && width >= 3, "{scale} {at} {ms}: {x} + {width}");
        }
        assert_eq!(place(2_000, 500, 1_000), (250, 500));
    }
}
