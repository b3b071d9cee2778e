//! Now: is it on fire, do users feel it, since when, and what can I do?

use maud::{Markup, html};
use switchback_core::record::DecisionRecord;

use crate::chart::chart;
use crate::frame::{Frame, Here, Page, as_of, document, fragment, strips};
use crate::query::{encoded, path};
use crate::requests::{first_request, moved_list};
use crate::routes::{RouteCard, brief};
use crate::words::{badge, clip, count, dollars, moment, plural, seconds, share, span};

mod verdict;

use verdict::verdict;

/// Most rows of a table on this page; what is left out is counted.
const MOST: usize = 100;

/// What the page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct NowView {
    /// What every page tells.
    pub frame: Frame,
    /// Tasks with what their requests came to; an error in words where the records cannot be read.
    pub tasks: Result<Vec<TaskRow>, String>,
    /// Each of the last sixty minutes, oldest first, empty ones included.
    pub minutes: Vec<Minute>,
    /// What is wrong, in sentences, the worst first.
    pub problems: Vec<Problem>,
    /// Requests that have not ended.
    pub in_flight: u64,
    /// The last time that the configuration was asked to be taken anew.
    pub last_reload: Option<Reload>,
    /// Records that were lost since the start.
    pub records_dropped: u64,
    /// Requests that were not accepted since the start, by reason.
    pub rejected: Vec<(String, u64)>,
    /// Every route, as on the page of routes.
    pub routes: Vec<RouteCard>,
    /// How much later answers came because the first try did not give them, in the last five minutes.
    pub added: Option<AddedWait>,
    /// What the last hour cost.
    pub cost: Cost,
    /// The newest requests that moved or tried again, newest first.
    pub moved: Vec<DecisionRecord>,
    /// Where applications call, such as `http://127.0.0.1:4000/v1`: shown while nothing has come.
    pub endpoint: String,
}

/// Requests by what their callers got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// First rung, first attempt.
    pub ok: u64,
    /// Full quality, but not at first try.
    pub recovered: u64,
    /// Less than full quality, and marked as such.
    pub degraded: u64,
    /// A policy or safety decision stood.
    pub refused: u64,
    /// A clear error.
    pub failed: u64,
    /// Ended by the caller's own doing: cancelled, or nothing that a provider takes. Not in any total.
    pub caller: u64,
}

/// A task and its requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskRow {
    /// Its name.
    pub task: String,
    /// What it is for, as the configuration says.
    pub about: Option<String>,
    /// Requests that ended in the last five minutes.
    pub last_5_min: Outcomes,
    /// Requests that ended in the last hour.
    pub last_hour: Outcomes,
    /// Requests that have not ended, where they are counted by task.
    pub in_flight: Option<u64>,
}

/// The requests that ended in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Minute {
    /// Its start, Unix milliseconds.
    pub start_ms: u64,
    /// What they came to.
    pub outcomes: Outcomes,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// One sentence.
    pub text: String,
    /// Since when, Unix milliseconds, where that is known.
    pub since_ms: Option<u64>,
    /// What it concerns: decides what can be done about it.
    pub about: About,
}

/// What a problem concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A task, by its name.
    Task(String),
    /// A route, by its name.
    Route(String),
    /// The gateway itself: its configuration or its records.
    Gateway,
}

/// A reload, as it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reload {
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// Whether the file was taken.
    pub ok: bool,
    /// What was wrong with it: the diagnostics as text, line by line.
    pub why: Option<String>,
}

/// Time from arrival to the start of the attempt that answered, over the requests that were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddedWait {
    /// Half of them waited at most this many milliseconds.
    pub p50_ms: u64,
    /// All but a twentieth waited at most this many milliseconds.
    pub p95_ms: u64,
    /// Of how many requests.
    pub n: u64,
}

/// What requests cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Sum of what is known, in dollars; `None` where nothing is.
    pub usd: Option<f64>,
    /// Requests whose cost is not known; they are not in the sum.
    pub n_unknown: u64,
}

// === impl Outcomes ===

impl Outcomes {
    /// All that count for how well callers are served, in the order of the marks.
    pub(crate) const fn each(&self) -> [u64; 5] {
        [self.ok, self.recovered, self.degraded, self.refused, self.failed]
    }

    pub(crate) fn total(&self) -> u64 {
        self.each().into_iter().fold(0, u64::saturating_add)
    }

    /// Answers of full quality.
    pub(crate) const fn full_quality(&self) -> u64 {
        self.ok.saturating_add(self.recovered)
    }

    /// What callers noticed beyond a wait.
    pub(crate) const fn noticed(&self) -> u64 {
        self.degraded.saturating_add(self.refused).saturating_add(self.failed)
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self {
            ok: self.ok.saturating_add(other.ok),
            recovered: self.recovered.saturating_add(other.recovered),
            degraded: self.degraded.saturating_add(other.degraded),
            refused: self.refused.saturating_add(other.refused),
            failed: self.failed.saturating_add(other.failed),
            caller: self.caller.saturating_add(other.caller),
        }
    }

    /// `12 ok, 3 recovered`: those that there are.
    pub(crate) fn sentence(&self) -> String {
        let marks = crate::words::MARKS.into_iter().zip(self.each()).filter(|(_, n)| *n > 0);
        let parts: Vec<String> = marks.map(|(mark, n)| format!("{} {}", count(n), mark.word)).collect();
        if parts.is_empty() { "no request".to_owned() } else { parts.join(", ") }
    }
}

/// The page.
#[must_use]
pub fn now(view: &NowView) -> String {
    let title = verdict(view).title;
    let page = Page { here: Here::Now, title, live: Some("/live/now"), above: html! {}, body: content(view) };
    document(&view.frame, &page)
}

/// The live region of the page, as one line.
#[must_use]
pub fn now_live(view: &NowView) -> String {
    fragment(content(view))
}

fn content(view: &NowView) -> Markup {
    let verdict = verdict(view);
    let frame = &view.frame;
    html! {
        div data-title={ (verdict.title) " · Switchback" } {
            div class="heading" { h1 { "Now" } (as_of(frame)) }
            (strips(frame))
            section class={ "verdict " (verdict.level.style()) } aria-labelledby="verdict" {
                h2 id="verdict" { span class="shape" aria-hidden="true" { (verdict.level.shape()) } " " (verdict.headline) }
                p data-say="" { (verdict.users) }
                (problems(view))
            }
            @if verdict.is_first_time { (first_request(&view.endpoint, first_task(view))) }
            (tiles(view))
            section aria-labelledby="got" {
                h2 id="got" { "What callers got" }
                @match &view.tasks {
                    Ok(_) => (chart(&view.minutes)),
                    Err(why) => p class="empty" { "The records cannot be read: " (clip(why)) },
                }
            }
            div class="columns" {
                (tasks(view))
                (brief(&view.routes, frame))
            }
            (moved_list(&view.moved, frame))
            (facts(view))
        }
    }
}

fn first_task(view: &NowView) -> Option<&str> {
    view.tasks.as_ref().ok().and_then(|it| it.first()).map(|it| &*it.task)
}

fn problems(view: &NowView) -> Markup {
    html! {
        @if !view.problems.is_empty() {
            ul class="problems" {
                @for it in view.problems.iter().take(MOST) {
                    li {
                        p {
                            span class="shape" aria-hidden="true" { "✕ " } (clip(&it.text))
                            @if let Some(since) = it.since_ms {
                                " Since " (moment(since, view.frame.now_ms)) ", "
                                (span(view.frame.now_ms.saturating_sub(since))) " ago."
                            }
                        }
                        (actions(&it.about))
                    }
                }
                @if view.problems.len() > MOST { li { (view.problems.len() - MOST) " more" } }
            }
        }
    }
}

/// What can be done about it, each one step away.
fn actions(about: &About) -> Markup {
    html! {
        @match about {
            About::Task(task) => p class="actions" {
                a class="button" href=(path("/requests", [("task", &**task), ("outcome", "failed")])) { "Failed requests" }
                " "
                a class="button" href=(path("/requests", [("task", &**task)])) { "All of " (clip(task)) }
            },
            About::Route(route) => p class="actions" {
                a class="button" href={ "/routes#route-" (encoded(route)) } { "How " (clip(route)) " is" }
                " "
                a class="button" href=(path("/requests", [("route", &**route)])) { "Its requests" }
                " "
                a class="button" href=(path("/routes/disable", [("select", &**route)])) { "Disable " (clip(route)) "…" }
            },
            About::Gateway => {},
        }
    }
}

fn tiles(view: &NowView) -> Markup {
    let rows = view.tasks.as_ref().ok();
    let five = rows.map(|it| it.iter().fold(Outcomes::default(), |sum, it| sum.plus(&it.last_5_min)));
    let of = |part: fn(&Outcomes) -> u64| five.map_or_else(|| "?".to_owned(), |it| share(part(&it), it.total()));
    let n = five.map_or_else(|| "?".to_owned(), |it| plural(it.total(), "request"));
    html! {
        dl class="tiles" {
            div { dt { "Answered, 5 min" } dd { (of(|it| it.total() - it.failed)) } dd class="note" { (n) } }
            div { dt { "Full quality, 5 min" } dd { (of(Outcomes::full_quality)) } dd class="note" { "ok or recovered" } }
            div {
                dt { "Added wait, 5 min" }
                @match view.added {
                    Some(it) => {
                        dd { "p95 " (seconds(it.p95_ms)) }
                        dd class="note" { "p50 " (seconds(it.p50_ms)) " of " (plural(it.n, "answer")) }
                    },
                    None => { dd { "?" } dd class="note" { "too few answers to tell" } },
                }
            }
            div {
                dt { "Cost, 1 h" }
                dd { (dollars(view.cost.usd)) @if view.cost.n_unknown > 0 && view.cost.usd.is_some() { " + ?" } }
                dd class="note" {
                    @if view.cost.n_unknown > 0 { (plural(view.cost.n_unknown, "request")) " of unknown cost" }
                    @else if view.cost.usd.is_none() { "not known" }
                    @else { "every request's is known" }
                }
            }
            div { dt { "In flight" } dd { (count(view.in_flight)) } dd class="note" { "not ended yet" } }
        }
    }
}

fn tasks(view: &NowView) -> Markup {
    html! {
        section aria-labelledby="tasks" {
            h2 id="tasks" { "Tasks" }
            @match &view.tasks {
                Err(why) => p class="empty" { "The records cannot be read: " (clip(why)) },
                Ok(rows) if rows.is_empty() => p class="empty" { "The configuration has no task." },
                Ok(rows) => {
                    div class="scroll" id="scroll-tasks" tabindex="0" role="region" aria-labelledby="tasks" {
                        table {
                            caption class="unseen" { "Requests by task: in the last 5 minutes, and in the last hour" }
                            thead { tr {
                                th scope="col" { "Task" }
                                @for mark in crate::words::MARKS.into_iter().rev() {
                                    th scope="col" class="num" { span aria-hidden="true" { (mark.shape) " " } (mark.word) }
                                }
                                th scope="col" class="num" { "in flight" }
                            } }
                            tbody { @for it in rows.iter().take(MOST) { (task_row(it)) } }
                        }
                    }
                    p class="note" {
                        "5 min; beneath it 1 h."
                        @if rows.len() > MOST { " " (rows.len() - MOST) " more tasks are in the status as JSON." }
                    }
                },
            }
        }
    }
}

fn task_row(row: &TaskRow) -> Markup {
    // The worst first: on a narrow screen it is what must be seen without moving.
    let cells = crate::words::MARKS.into_iter().zip(row.last_5_min.each()).zip(row.last_hour.each()).rev();
    html! {
        tr {
            th scope="row" {
                a href=(path("/requests", [("task", &*row.task)])) { (clip(&row.task)) }
                @if let Some(about) = &row.about { span class="about" { (clip(about)) } }
            }
            @for ((mark, now), hour) in cells {
                td class={ "num " (if now > 0 { mark.style } else { "none" }) } {
                    (count(now)) span class="hour" { (count(hour)) }
                }
            }
            td class="num" { (row.in_flight.map_or_else(|| "–".to_owned(), count)) }
        }
    }
}

fn facts(view: &NowView) -> Markup {
    let now_ms = view.frame.now_ms;
    html! {
        section aria-labelledby="gateway" {
            h2 id="gateway" { "The gateway" }
            dl class="facts" {
                dt { "Configuration" }
                dd {
                    code { (clip(&view.frame.config)) } ", revision " (view.frame.revision)
                    @match &view.last_reload {
                        None => ", not reloaded since the start",
                        Some(it) if it.ok => { ", taken at " (moment(it.at_ms, now_ms)) },
                        Some(it) => {
                            "; a reload at " (moment(it.at_ms, now_ms)) " was refused, the file before it still serves"
                            @if let Some(why) = &it.why { pre { (clip(why)) } }
                        },
                    }
                }
                dt { "Records" }
                dd {
                    @if view.records_dropped == 0 { "none lost since the start" }
                    @else { (badge_of_loss(view.records_dropped)) }
                }
                dt { "Not accepted" }
                dd {
                    @if view.rejected.is_empty() { "no request was turned away since the start" }
                    @for (place, (reason, n)) in view.rejected.iter().take(MOST).enumerate() {
                        @if place > 0 { ", " } (count(*n)) " " (clip(reason))
                    }
                }
            }
        }
    }
}

fn badge_of_loss(n: u64) -> Markup {
    html! { (badge("failed")) " to be written: " (plural(n, "record")) " since the start. Explain has gaps." }
}
