//! What callers got, minute by minute: full quality above the line, what they noticed below it.
//!
//! The line is what makes the picture readable in grey and from across a room: nothing below it means that nobody
//! noticed anything. The drawing is stretched to its place, so it holds no text; axis, legend and the same numbers as
//! a table stand beside it.

use maud::{Markup, html};

use crate::now::{Minute, Outcomes};
use crate::words::{MARKS, count, minute, plural};

/// Units of the drawing, of which one is about a pixel.
const HEIGHT: u64 = 120;
/// What is there is seen, however little it is.
const LEAST: u64 = 2;
/// Most minutes of a chart; the newest are kept.
const MOST: usize = 180;
/// A label of the axis every this many minutes.
const EVERY: u64 = 10;

/// The chart with its legend, its sentence and its table.
pub(crate) fn chart(minutes: &[Minute]) -> Markup {
    let minutes = minutes.get(minutes.len().saturating_sub(MOST)..).unwrap_or_default();
    let all = minutes.iter().fold(Outcomes::default(), |sum, it| sum.plus(&it.outcomes));
    let peak = |of: fn(&Outcomes) -> u64| minutes.iter().map(|it| of(&it.outcomes)).max().unwrap_or(0);
    let (up, down) = (peak(Outcomes::full_quality), peak(Outcomes::noticed));
    html! {
        figure class="chart" {
            figcaption {
                "Requests per minute, " (plural(minutes.len() as u64, "minute")) ". "
                "Above the line: full quality. Below it: what callers noticed."
            }
            @if all.total() == 0 {
                p class="empty" { "No request ended in this time." }
            } @else {
                div class="plot" {
                    p class="scale" aria-hidden="true" { span { (count(up)) } span { (count(down)) } }
                    (drawing(minutes, up, down))
                    p class="axis" aria-hidden="true" { (axis(minutes)) }
                }
                (legend(&all))
                (table(minutes))
            }
        }
    }
}

fn drawing(minutes: &[Minute], up: u64, down: u64) -> Markup {
    let width = minutes.len().max(1) * 10;
    let least_below = if down > 0 { 3 * LEAST } else { 1 };
    let share = u128::from(HEIGHT) * u128::from(up) / (u128::from(up) + u128::from(down)).max(1);
    let line = u64::try_from(share).unwrap_or(HEIGHT).clamp(2 * LEAST, HEIGHT - least_below);
    html! {
        svg class="bars" viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" aria-hidden="true"
            focusable="false" {
            defs {
                @for it in ["recovered", "degraded"] {
                    pattern id={ "p-" (it) } width="10" height="4" patternUnits="userSpaceOnUse" {
                        rect class={ "under " (it) } width="10" height="4" {}
                        rect class={ "over " (it) } width="10" height="2" {}
                    }
                }
            }
            @for (place, it) in minutes.iter().enumerate() { (bar(place * 10, it, line, (up, down))) }
            line class="base" x1="0" x2=(width) y1=(line) y2=(line) vector-effect="non-scaling-stroke" {}
        }
    }
}

/// One minute: stacked up from the line, and down from it.
fn bar(x: usize, minute: &Minute, line: u64, (up, down): (u64, u64)) -> Markup {
    let it = &minute.outcomes;
    let above = stack([("ok", it.ok), ("recovered", it.recovered)], line, up);
    let below = stack([("failed", it.failed), ("degraded", it.degraded), ("refused", it.refused)], HEIGHT - line, down);
    html! {
        g {
            title { (self::minute(minute.start_ms)) " UTC: " (it.sentence()) }
            @for (style, from, height) in above {
                rect class={ "bar " (style) } x=(x + 1) y=(line - from - height) width="8" height=(height) {}
            }
            @for (style, from, height) in below {
                rect class={ "bar " (style) } x=(x + 1) y=(line + from) width="8" height=(height) {}
            }
        }
    }
}

/// Parts on each other, from the line on: style, distance from the line, height. They never leave the room there is.
fn stack<const N: usize>(parts: [(&'static str, u64); N], room: u64, peak: u64) -> Vec<(&'static str, u64, u64)> {
    let mut from = 0;
    let mut stacked = Vec::with_capacity(N);
    for (style, n) in parts.into_iter().filter(|(_, n)| *n > 0) {
        let scaled = u128::from(room) * u128::from(n) / u128::from(peak.max(1));
        let height = u64::try_from(scaled).unwrap_or(room).max(LEAST).min(room.saturating_sub(from));
        stacked.push((style, from, height));
        from += height;
    }
    stacked
}

fn axis(minutes: &[Minute]) -> Markup {
    html! {
        @for (place, it) in minutes.iter().enumerate() {
            // A label needs the room of a few minutes.
            @let on = it.start_ms / 60_000 % EVERY == 0 && place + 3 < minutes.len();
            @if on { span class="tick" { (minute(it.start_ms)) } } @else { span {} }
        }
    }
}

fn legend(all: &Outcomes) -> Markup {
    html! {
        ul class="legend" {
            @for (mark, n) in MARKS.into_iter().zip(all.each()) {
                li class=(mark.style) {
                    svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true" focusable="false" {
                        rect class={ "bar " (mark.style) } width="10" height="10" {}
                    }
                    " " (mark.shape) " " (mark.word) " " span class="num" { (count(n)) }
                }
            }
        }
    }
}

fn table(minutes: &[Minute]) -> Markup {
    html! {
        details id="as-table" {
            summary { "As a table" }
            div class="scroll" id="scroll-minutes" tabindex="0" role="region" aria-label="Requests per minute" {
                table class="narrow" {
                    caption class="unseen" { "Requests per minute by outcome" }
                    thead { tr {
                        th scope="col" { "Minute (UTC)" }
                        @for mark in MARKS { th scope="col" class="num" { (mark.word) } }
                    } }
                    tbody {
                        @for it in minutes.iter().rev().filter(|it| it.outcomes.total() > 0) {
                            tr {
                                th scope="row" { (minute(it.start_ms)) }
                                @for n in it.outcomes.each() { td class="num" { (count(n)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_among_thousands_is_still_seen() {
        let stacked = stack([("failed", 1), ("degraded", 0), ("refused", 4_000)], 60, 4_001);
        assert_eq!(stacked[0], ("failed", 0, LEAST));
        assert!(stacked.iter().map(|(_, _, height)| height).sum::<u64>() <= 60);
    }

    #[test]
    fn bars_of_any_numbers_stay_inside_the_drawing() {
        for up in [0, 1, 7, u64::MAX / 4] {
            for down in [0, 1, 7, u64::MAX / 4] {
                let outcomes = Outcomes { ok: up, failed: down, ..Outcomes::default() };
                let html = chart(&[Minute { start_ms: 0, outcomes }]).into_string();
                assert_eq!(html.contains("class=\"bar failed\" x"), down > 0);
                assert_eq!(html.contains("class=\"bar ok\" x"), up > 0);
            }
        }
    }
}
