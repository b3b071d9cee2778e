//! Routes: how each one is, why, who uses it, and what can be done about it.

use maud::{Markup, html};

use crate::act::Act;
use crate::frame::{Frame, Here, Override, Page, as_of, document, fragment, strips};
use crate::query::path;
use crate::requests::list_of;
use crate::words::{ENOUGH, clip, clip_to, count, moment, seconds, share, span};

mod brief;

pub(crate) use brief::brief;

/// Most routes of the page; what is left out is counted.
const MOST: usize = 300;
/// Most calls of a route, and most users of one, that are shown.
const MOST_OF_ONE: usize = 100;

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoutesView {
    /// What every page tells.
    pub frame: Frame,
    /// Every route, in the order of the configuration.
    pub routes: Vec<RouteCard>,
    /// What has just been done, in a sentence.
    pub notice: Option<String>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteCard {
    /// Its name.
    pub route: String,
    /// The worst of its calls.
    pub state: RouteState,
    /// Since when it is so, Unix milliseconds, where that is known.
    pub since_ms: Option<u64>,
    /// What it calls: at least one.
    pub calls: Vec<Call>,
    /// What is left of its retry budget, where it has one.
    pub retry_budget: Option<RetryBudget>,
    /// What an operator has changed.
    pub over: Option<Override>,
    /// The rungs that call it.
    pub used_by: Vec<Use>,
}

/// One deployment of a route.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// `provider/model`.
    pub call: String,
    /// Its region.
    pub region: Option<String>,
    /// Weight, order, tags: each as it is shown, such as `weight 3`.
    pub notes: Vec<String>,
    /// How it is.
    pub state: RouteState,
    /// All keys.
    pub keys: u64,
    /// Keys that wait after a rate limit.
    pub keys_cooling: u64,
    /// Keys that were refused or have no quota left.
    pub keys_off: u64,
    /// Its workload buckets that have seen calls or are not closed.
    pub buckets: Vec<BucketRow>,
}

/// One workload bucket of a call: each has its own breaker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BucketRow {
    /// Its name.
    pub bucket: String,
    /// Its breaker.
    pub state: RouteState,
    /// Calls inside the breaker's window.
    pub calls: u64,
    /// Failures among them.
    pub failed: u64,
    /// Half of its sound calls took at most this many milliseconds; unknown from few.
    pub median_ms: Option<u64>,
    /// Milliseconds to the next probe, of an open breaker.
    pub next_probe_ms: Option<u64>,
}

/// Retries that a route may still make; it fills as calls succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudget {
    /// Retries that are left.
    pub left: u64,
    /// At most.
    pub of: u64,
}

/// A rung that calls a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The task.
    pub task: String,
    /// The rung, from one.
    pub rung: u32,
}

/// How a route, a call or a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RouteState {
    /// Calls pass.
    #[default]
    Closed,
    /// Single calls pass, to see whether it works again.
    HalfOpen,
    /// Its breaker lets nothing pass.
    Open,
    /// An operator treats it as down; probes bring it back.
    Tripped,
    /// Switched off: the provider does not have the model.
    Gone,
    /// An operator stopped every call.
    Disabled,
}

// === impl RouteState ===

impl RouteState {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            RouteState::Closed => "closed",
            RouteState::HalfOpen => "half-open",
            RouteState::Open => "open",
            RouteState::Tripped => "tripped",
            RouteState::Gone => "gone",
            RouteState::Disabled => "disabled",
        }
    }

    const fn shape(self) -> &'static str {
        match self {
            RouteState::Closed => "●",
            RouteState::HalfOpen => "◑",
            RouteState::Open => "○",
            RouteState::Tripped => "⊖",
            RouteState::Gone => "✕",
            RouteState::Disabled => "⊘",
        }
    }

    /// What it means for calls.
    const fn words(self) -> &'static str {
        match self {
            RouteState::Closed => "calls pass",
            RouteState::HalfOpen => "single calls pass, to see whether it works again",
            RouteState::Open => "its breaker lets no call pass",
            RouteState::Tripped => "treated as down by an operator; probes bring it back",
            RouteState::Gone => "switched off: the provider does not have the model",
            RouteState::Disabled => "an operator stopped every call, probes included",
        }
    }
}

// === impl RouteCard ===

impl RouteCard {
    fn sums(&self) -> (u64, u64) {
        let buckets = self.calls.iter().flat_map(|it| &it.buckets);
        buckets.fold((0, 0), |(calls, failed), it| (calls + it.calls, failed + it.failed))
    }

    /// Milliseconds to the next probe; of a route that is not probed there is none.
    fn next_probe_ms(&self) -> Option<u64> {
        if matches!(self.state, RouteState::Disabled | RouteState::Gone) {
            return None;
        }
        self.calls.iter().flat_map(|it| &it.buckets).filter_map(|it| it.next_probe_ms).min()
    }

    /// What can be done about it now, the likeliest first.
    fn acts(&self) -> Vec<Act> {
        match self.state {
            RouteState::Disabled => vec![Act::Enable, Act::Disable],
            RouteState::Tripped | RouteState::Open | RouteState::HalfOpen => vec![Act::Disable, Act::Reset],
            RouteState::Gone => vec![Act::Enable, Act::Disable],
            RouteState::Closed => vec![Act::Disable, Act::Trip],
        }
    }

    fn has_trouble(&self) -> bool {
        self.state != RouteState::Closed || self.calls.iter().any(|it| it.keys_off > 0 || it.keys_cooling > 0)
    }
}

/// The page.
#[must_use]
pub fn routes(view: &RoutesView) -> String {
    let (title, above) = ("Routes".to_owned(), html! {});
    let page = Page { here: Here::Routes, title, live: Some("/live/routes"), above, body: content(view) };
    document(&view.frame, &page)
}

/// The live region of the page, as one line.
#[must_use]
pub fn routes_live(view: &RoutesView) -> String {
    fragment(content(view))
}

fn content(view: &RoutesView) -> Markup {
    let trouble: Vec<&str> = view.routes.iter().filter(|it| it.has_trouble()).map(|it| &*it.route).collect();
    html! {
        div data-title={ "Routes" (if trouble.is_empty() { "" } else { " ▲" }) " · Switchback" } {
            div class="heading" { h1 { "Routes" } (as_of(&view.frame)) }
            (strips(&view.frame))
            @if let Some(it) = &view.notice { p class="strip done" role="status" { b { "✓ DONE" } " " (clip(it)) } }
            p class="lead" data-say="" { (lead(view, &trouble)) }
            @for it in view.routes.iter().take(MOST) { (card(it, &view.frame)) }
            @if view.routes.len() > MOST { p class="note" { (view.routes.len() - MOST) " more are in the routes as JSON." } }
        }
    }
}

fn lead(view: &RoutesView, trouble: &[&str]) -> String {
    match (view.routes.len(), trouble.len()) {
        (0, _) => "The configuration has no route.".to_owned(),
        (1, 0) => "The one route takes calls.".to_owned(),
        (n, 0) => format!("All {n} routes take calls."),
        (n, bad) => {
            let names = clip_to(&trouble.iter().take(8).copied().collect::<Vec<_>>().join(", "), 200);
            format!("{bad} of {n} routes are in trouble: {names}.")
        }
    }
}

/// Shape and word of a state.
fn state_badge(state: RouteState) -> Markup {
    html! {
        span class={ "mark state-" (state.name()) } title=(state.words()) {
            span class="shape" aria-hidden="true" { (state.shape()) } " " (state.name())
        }
    }
}

fn card(card: &RouteCard, frame: &Frame) -> Markup {
    let (calls, failed) = card.sums();
    html! {
        section class={ "card state-" (card.state.name()) } id={ "route-" (card.route) } aria-label={ "Route " (clip(&card.route)) } {
            div class="card-head" {
                h2 { (clip(&card.route)) }
                p class="how" {
                    (state_badge(card.state)) " "
                    span class="quiet" {
                        (card.state.words())
                        @if let Some(since) = card.since_ms { ", since " (moment(since, frame.now_ms)) }
                        @if let Some(ms) = card.next_probe_ms() { ", next probe in " (span(ms)) }
                    }
                }
                p class="actions" {
                    @for act in card.acts() {
                        a class="button" href=(path(&act.page(), [("select", &*card.route)])) {
                            (act.verb()) span class="unseen" { " " (clip(&card.route)) } "…"
                        } " "
                    }
                }
            }
            @if let Some(over) = &card.over {
                p class="over" {
                    span aria-hidden="true" { "⊘ " } (clip(over.done())) " by " (clip(&over.by)) " at "
                    (moment(over.since_ms, frame.now_ms)) ", " (over.left(frame.now_ms)) ": " (clip(&over.reason))
                }
            }
            dl class="inline" {
                div { dt { "Failing" } dd { (failing(failed, calls)) span class="quiet" { " in the window" } } }
                div { dt { "Retry budget" } dd { (budget(card.retry_budget)) } }
                div { dt { "Used by" } dd { (used_by(card)) } }
                div { dt { "Requests" } dd { a href=(list_of("route", &card.route)) { "that called it" } } }
            }
            (calls_table(card))
        }
    }
}

/// A share with what it is a share of.
fn failing(failed: u64, calls: u64) -> String {
    match calls {
        0 => "no call".to_owned(),
        1..ENOUGH => format!("{} calls", share(failed, calls)),
        _ => format!("{} of {} calls", share(failed, calls), count(calls)),
    }
}

fn budget(budget: Option<RetryBudget>) -> Markup {
    html! {
        @match budget {
            None => span class="quiet" { "none" },
            Some(it) => {
                (count(it.left)) " of " (count(it.of)) " left"
                @if it.left == 0 { " " strong { "used up: no retry until calls succeed" } }
            },
        }
    }
}

fn used_by(card: &RouteCard) -> Markup {
    html! {
        @if card.used_by.is_empty() { span class="quiet" { "no task" } }
        @for (place, it) in card.used_by.iter().take(MOST_OF_ONE).enumerate() {
            @if place > 0 { ", " }
            a href=(list_of("task", &it.task)) { (clip_to(&it.task, 60)) } " rung " (it.rung)
        }
        @if card.used_by.len() > MOST_OF_ONE { ", " (card.used_by.len() - MOST_OF_ONE) " more" }
    }
}

fn calls_table(card: &RouteCard) -> Markup {
    html! {
        div class="scroll" id={ "scroll-" (card.route) } tabindex="0" role="region" aria-label={ "Calls of " (clip(&card.route)) } {
            table {
                caption class="unseen" { "What " (clip(&card.route)) " calls, by workload bucket" }
                thead { tr {
                    th scope="col" { "Calls" }
                    th scope="col" { "Bucket" }
                    th scope="col" { "State" }
                    th scope="col" class="num" { "Calls" }
                    th scope="col" class="num" { "Failing" }
                    th scope="col" class="num" { "Median" }
                    th scope="col" class="num" { "Next probe" }
                } }
                @for it in card.calls.iter().take(MOST_OF_ONE) { tbody { (call_rows(it)) } }
            }
        }
        @if card.calls.len() > MOST_OF_ONE { p class="note" { (card.calls.len() - MOST_OF_ONE) " more calls are in the routes as JSON." } }
    }
}

fn call_rows(call: &Call) -> Markup {
    html! {
        tr class="call" {
            th scope="rowgroup" rowspan=(call.buckets.len().max(1)) {
                code { (clip(&call.call)) }
                @if let Some(it) = &call.region { " " span class="quiet" { (clip(it)) } }
                @for it in call.notes.iter().take(20) { " " span class="tag" { (clip_to(it, 40)) } }
                span class="about" { (keys(call)) }
            }
            @match call.buckets.split_first() {
                None => { td class="quiet" { "–" } td { (state_badge(call.state)) } td class="num" { "0" } td class="num" { "–" } td class="num" { "–" } td class="num" { "–" } },
                Some((first, _)) => (bucket_cells(first)),
            }
        }
        @for it in call.buckets.iter().skip(1) { tr { (bucket_cells(it)) } }
    }
}

fn bucket_cells(it: &BucketRow) -> Markup {
    html! {
        td { (clip_to(&it.bucket, 60)) }
        td { (state_badge(it.state)) }
        td class="num" { (count(it.calls)) }
        td class="num" { (share(it.failed, it.calls)) }
        td class="num" { (it.median_ms.map_or_else(|| "–".to_owned(), seconds)) }
        td class="num" { (it.next_probe_ms.map_or_else(|| "–".to_owned(), |ms| format!("in {}", span(ms)))) }
    }
}

fn keys(call: &Call) -> String {
    let mut text = format!("{} key{}", call.keys, if call.keys == 1 { "" } else { "s" });
    if call.keys_cooling > 0 {
        text.push_str(&format!(", {} cooling after a rate limit", call.keys_cooling));
    }
    if call.keys_off > 0 {
        text.push_str(&format!(", {} off: refused, or no quota left", call.keys_off));
    }
    text
}
