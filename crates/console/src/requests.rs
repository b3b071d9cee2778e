//! Requests: the list in which each row tells its way, with its filters in the URL.

use maud::{Markup, html};
use switchback_core::failure::CLASSES;
use switchback_core::record::DecisionRecord;

use crate::frame::{Frame, Here, Page, as_of, document, fragment, strips};
use crate::query::{Filter, encoded, path};
use crate::trail::trail;
use crate::words::{MARKS, badge, clip, clip_to, count, dollars, moment, plural, seconds};

/// Most rows of a page; what is left out is counted.
const MOST: usize = 500;
/// Most choices of one filter.
const MOST_CHOICES: usize = 500;
/// How long ago, as the filter offers it.
const SINCE: [(&str, &str); 4] = [("15m", "15 minutes"), ("1h", "1 hour"), ("24h", "24 hours"), ("168h", "7 days")];

/// What the page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestsView {
    /// What every page tells.
    pub frame: Frame,
    /// What is asked for, as it stood in the URL.
    pub filter: Filter,
    /// What the filters offer.
    pub choices: Choices,
    /// What was found.
    pub listed: Listed,
}

/// Names that the filters offer; outcomes and classes are known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// Tasks.
    pub tasks: Vec<String>,
    /// Routes.
    pub routes: Vec<String>,
    /// Application keys, by name.
    pub keys: Vec<String>,
}

/// What was found: each empty page says which emptiness it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Listed {
    /// Records, newest first.
    Rows {
        /// At least one.
        records: Vec<DecisionRecord>,
        /// The cursor of the next page: the id of the last record, where older ones match as well.
        older: Option<String>,
    },
    /// No request has ever been recorded.
    NoneYet {
        /// Where applications call, such as `http://127.0.0.1:4000/v1`.
        endpoint: String,
    },
    /// There are records, and none matches.
    NoneMatch {
        /// How many there are without the filter, where that was counted.
        without: Option<u64>,
    },
    /// The records cannot be read.
    Unavailable {
        /// Why, in words.
        why: String,
    },
    /// The filter cannot be understood.
    NotUnderstood {
        /// Why, in words.
        why: String,
    },
}

/// The page.
#[must_use]
pub fn requests(view: &RequestsView) -> String {
    // An older page stands still: it is where somebody reads.
    let live = view.filter.cursor().is_none().then(|| view.filter.path("/live/requests", None));
    let above = html! {
        div class="heading" { h1 { "Requests" } }
        (form(view))
    };
    let title = "Requests".to_owned();
    let page = Page { here: Here::Requests, title, live: live.as_deref(), above, body: content(view) };
    document(&view.frame, &page)
}

/// The live region of the page, as one line.
#[must_use]
pub fn requests_live(view: &RequestsView) -> String {
    fragment(content(view))
}

fn content(view: &RequestsView) -> Markup {
    html! {
        div data-title="Requests · Switchback" {
            (strips(&view.frame))
            (as_of(&view.frame))
            @match &view.listed {
                Listed::Rows { records, older } => {
                    (table(records, &view.frame))
                    (pages(view, older.as_deref()))
                },
                Listed::NoneYet { endpoint } => (first_request(endpoint, view.choices.tasks.first().map(|it| &**it))),
                Listed::NoneMatch { without } => {
                    section class="empty" aria-labelledby="none" {
                        h2 id="none" { "No request matches" }
                        p {
                            @match without {
                                Some(n) => { (plural(*n, "request")) " without the filter." },
                                None => "There are others without the filter.",
                            }
                            " " a class="button" href="/requests" { "Clear the filter" }
                        }
                    }
                },
                Listed::Unavailable { why } => (trouble("The records cannot be read", why, true)),
                Listed::NotUnderstood { why } => (trouble("The filter cannot be understood", why, false)),
            }
        }
    }
}

fn trouble(what: &str, why: &str, serving: bool) -> Markup {
    html! {
        section class="empty trouble" aria-labelledby="none" {
            h2 id="none" { span aria-hidden="true" { "✕ " } (what) }
            p { (clip(why)) }
            @if serving { p { "Requests are still answered. Whether any came is not known from here." } }
            @else { p { a class="button" href="/requests" { "Clear the filter" } } }
        }
    }
}

/// What stands where nothing has ever come: how the first request is made.
pub(crate) fn first_request(endpoint: &str, task: Option<&str>) -> Markup {
    let task = serde_json::Value::from(task.unwrap_or("TASK"));
    let body = format!("{{\"model\": {task}, \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}");
    let quoted = body.replace('\'', "'\\''");
    html! {
        section class="empty" aria-labelledby="none" {
            h2 id="none" { "Nothing has come through yet" }
            p { "Point an application at " code { (clip(endpoint)) } " and ask for a task as its " code { "model" } ":" }
            pre { "curl " (clip(endpoint)) "/chat/completions \\\n  -H 'content-type: application/json' \\\n  -d '" (clip(&quoted)) "'" }
            p class="note" { "Where application keys are configured, add " code { "-H 'authorization: Bearer KEY'" } "." }
        }
    }
}

fn table(records: &[DecisionRecord], frame: &Frame) -> Markup {
    html! {
        div class="scroll" id="scroll-requests" data-hold="" tabindex="0" role="region" aria-label="Requests" {
            table class="requests" {
                caption class="unseen" { "Requests, newest first, each with its way down the ladder" }
                thead { tr {
                    th scope="col" { "Arrived (UTC)" }
                    th scope="col" { "Outcome" }
                    th scope="col" { "Task" }
                    th scope="col" { "Way down the ladder" }
                    th scope="col" class="num" { "Took" }
                    th scope="col" class="num" { "Cost" }
                    th scope="col" { "Key" }
                    th scope="col" { "Request" }
                } }
                tbody { @for it in records.iter().take(MOST) { (row(it, frame)) } }
            }
        }
        @if records.len() > MOST { p class="note" { (records.len() - MOST) " more are not shown." } }
    }
}

fn row(record: &DecisionRecord, frame: &Frame) -> Markup {
    let object = &record.object;
    html! {
        tr {
            td class="num when" { (moment(record.arrived_ms, frame.now_ms)) }
            td { (badge(&object.outcome)) }
            td { (clip_to(&object.task, 60)) @if let Some(it) = &object.segment { " " span class="quiet" { (clip_to(it, 30)) } } }
            td class="way" { (trail(record)) }
            td class="num" { (seconds(record.total_ms)) }
            td class="num" { (dollars(object.cost_usd)) }
            td { (record.key.as_deref().map_or_else(|| "–".to_owned(), |it| clip_to(it, 40))) }
            td { (link(record)) }
        }
    }
}

/// A link to the story, under the end of the id: the beginning is the time.
fn link(record: &DecisionRecord) -> Markup {
    let id = &*record.object.request_id;
    let n = id.chars().count();
    let end: String = id.chars().skip(n.saturating_sub(8)).collect();
    html! {
        a id={ "r-" (id) } class="id" href={ "/requests/" (encoded(id)) } title=(clip(id)) {
            span class="unseen" { "Story of request " } "…" (end)
        }
    }
}

fn pages(view: &RequestsView, older: Option<&str>) -> Markup {
    html! {
        nav class="pages" aria-label="Pages of the list" {
            @if view.filter.cursor().is_some() {
                a class="button" rel="first" href=(view.filter.path("/requests", None)) { "Newest" }
            }
            @match older {
                Some(cursor) => a class="button" rel="next" href=(view.filter.path("/requests", Some(cursor))) { "Older" },
                None => span class="quiet" { "No older request matches." },
            }
        }
    }
}

/// The newest requests that moved, for the page Now.
pub(crate) fn moved_list(records: &[DecisionRecord], frame: &Frame) -> Markup {
    html! {
        section aria-labelledby="moved" {
            h2 id="moved" { "Newest moves and retries" }
            @if records.is_empty() {
                p class="empty" { "No recorded request has moved or tried again." }
            } @else {
                ol class="moved" data-hold="" id="moved-list" {
                    @for it in records.iter().take(20) {
                        li {
                            (moment(it.arrived_ms, frame.now_ms)) " " (badge(&it.object.outcome)) " "
                            span class="task" { (clip_to(&it.object.task, 60)) } " "
                            (trail(it)) " " (link(it))
                        }
                    }
                }
                p { a class="button" href="/requests?outcome=moved" { "All that moved" } }
            }
        }
    }
}

fn form(view: &RequestsView) -> Markup {
    let filter = &view.filter;
    let outcomes: Vec<(String, String)> = std::iter::once(("moved".to_owned(), "any that moved or retried".to_owned()))
        .chain(MARKS.iter().map(|it| (it.word.to_owned(), it.word.to_owned())))
        .collect();
    let classes: Vec<(String, String)> = CLASSES.iter().map(|it| (it.name.to_owned(), it.name.to_owned())).collect();
    let since: Vec<(String, String)> = SINCE.iter().map(|(value, words)| ((*value).into(), (*words).into())).collect();
    let choices = &view.choices;
    html! {
        form class="filters" method="get" action="/requests" role="search" aria-label="Filter requests" {
            (select("task", "Task", filter.task.as_deref(), &same(&choices.tasks)))
            (select("outcome", "Outcome", filter.outcome.as_deref(), &outcomes))
            (select("route", "Route", filter.route.as_deref(), &same(&choices.routes)))
            (select("class", "Failure class", filter.class.as_deref(), &classes))
            (select("key", "Key", filter.key.as_deref(), &same(&choices.keys)))
            (select("since", "Arrived within", filter.since.as_deref(), &since))
            label { span { "Request id" } input name="id" value=[filter.id.as_deref()] placeholder="req_…" maxlength="60" autocomplete="off" spellcheck="false"; }
            div class="act" {
                button type="submit" { "Filter" }
                @let n = filter.given().count();
                @if n > 0 { a href="/requests" { "Clear " (count(n as u64)) } }
            }
        }
    }
}

fn same(names: &[String]) -> Vec<(String, String)> {
    names.iter().map(|it| (it.clone(), clip_to(it, 60))).collect()
}

/// One choice among names. What stands in the URL is among them even if nothing of this name is left.
fn select(name: &str, label: &str, chosen: Option<&str>, all: &[(String, String)]) -> Markup {
    let chosen = chosen.map(str::trim).filter(|it| !it.is_empty());
    let missing = chosen.filter(|it| !all.iter().take(MOST_CHOICES).any(|(value, _)| value == it));
    html! {
        label {
            span { (label) }
            select name=(name) {
                option value="" { "any" }
                @if let Some(it) = missing { option value=(it) selected { (clip_to(it, 60)) } }
                @for (value, words) in all.iter().take(MOST_CHOICES) {
                    option value=(value) selected[chosen == Some(value)] { (words) }
                }
            }
        }
    }
}

/// A link to the list of what a filter field asks for.
pub(crate) fn list_of(field: &str, value: &str) -> String {
    path("/requests", [(field, value)])
}
