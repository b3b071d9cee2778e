//! One request's story: why did it go where it went, was that expected, did the user notice? Then the evidence.
//!
//! Everything on the page is the decision record's: the sentences are those of `explain`, and the ladder shows every
//! rung, those that did not run included.

use maud::{Markup, html};
use switchback_core::explain;
use switchback_core::record::{Attempt, AttemptStory, DecisionRecord, Usage};

use crate::frame::{Frame, Here, Page, document, strips};
use crate::query::{encoded, path};
use crate::requests::list_of;
use crate::trail::result;
use crate::words::{class_words, clip, clip_to, count, dollars, mark, moment, seconds, seconds_or_unknown, span};

mod ladder;
mod told;

use ladder::ladder;
use told::told;

/// Most attempts, moves and headers that are listed; records hold far fewer.
const MOST: usize = 300;

/// What the page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct StoryView {
    /// What every page tells.
    pub frame: Frame,
    /// The record.
    pub record: DecisionRecord,
    /// The headers of the decision as of the request's end, in their order; empty where they are switched off.
    pub headers: Vec<(String, String)>,
}

/// The page.
#[must_use]
pub fn story(view: &StoryView) -> String {
    let object = &view.record.object;
    let title =
        format!("{} {} {}", mark(&object.outcome).shape, clip_to(&object.task, 40), clip_to(&object.request_id, 40));
    let page = Page { here: Here::Requests, title, live: None, above: html! {}, body: content(view) };
    document(&view.frame, &page)
}

fn content(view: &StoryView) -> Markup {
    let record = &view.record;
    let text = explained(record);
    html! {
        div class="heading" {
            h1 { "Request " code class="id" { (clip(&record.object.request_id)) } }
            p class="as-of" {
                (clip(&record.object.task)) " · arrived " (moment(record.arrived_ms, view.frame.now_ms)) " UTC"
                " · " a href={ "/admin/v1/requests/" (encoded(&record.object.request_id)) } { "explain as JSON" }
            }
        }
        (strips(&view.frame))
        (verdict(record, &text))
        (ladder(record))
        div class="columns" {
            (attempts(record))
            div { (moves(record)) (identity(record, &view.frame)) }
        }
        (headers(&view.headers))
        details id="as-text" {
            summary { "As text, as " code { "switchback explain" } " tells it" }
            pre { (clip_to(&text, 100_000)) }
        }
    }
}

/// What `explain` says. It goes through every rung that the record claims to have: a claim beyond reason is cut.
fn explained(record: &DecisionRecord) -> String {
    let most = u32::try_from(ladder::MOST).unwrap_or(u32::MAX);
    if record.object.rungs <= most {
        return explain::story(record);
    }
    let mut cut = record.clone();
    cut.object.rungs = most;
    explain::story(&cut)
}

fn verdict(record: &DecisionRecord, text: &str) -> Markup {
    let object = &record.object;
    let mark = mark(&object.outcome);
    let told = told(text);
    html! {
        section class={ "verdict " (mark.style) } aria-labelledby="verdict" {
            h2 id="verdict" {
                span class="outcome" {
                    span class="shape" aria-hidden="true" { (mark.shape) } " " (clip_to(&object.outcome, 40))
                }
                " " span { (clip(&told.tale)) }
            }
            dl class="told" {
                @for (label, sentence) in &told.lines { dt { (told::label(label)) } dd { (clip(sentence)) } }
            }
            @if object.simulated { p class="note" { "A simulated provider answered or failed." } }
        }
    }
}

fn attempts(record: &DecisionRecord) -> Markup {
    let all = &record.object.attempts;
    html! {
        section aria-labelledby="attempts" {
            h2 id="attempts" { "Attempts" }
            @if all.is_empty() { p class="empty" { "No route was called." } }
            @for it in all.iter().take(MOST) { (attempt(it)) }
            @if all.len() > MOST { p class="note" { (all.len() - MOST) " more are in the record as JSON." } }
        }
    }
}

fn attempt(it: &Attempt) -> Markup {
    let (style, shape, class) = result(it);
    let none = AttemptStory::default();
    let story = it.story.as_ref().unwrap_or(&none);
    html! {
        div class={ "attempt " (style) } {
            h3 {
                span class="shape" aria-hidden="true" { (shape) } " " (clip_to(&it.route, 60)) " " (clip_to(class, 40))
                span class="quiet" { " rung " (it.rung) ", " (clip_to(&it.kind, 20)) }
            }
            dl class="facts" {
                @if let Some(words) = class_words(class) { (fact("What went wrong", words)) }
                (fact_if("In detail", story.detail.as_deref()))
                (fact_if("The provider's code", story.code.as_deref()))
                @if let Some(it) = &story.message { dt { "Its words" } dd { q { (clip(it)) } } }
                @if story.low_confidence { (fact("How sure", "only a text matched")) }
                (fact_if("Status", it.status.map(|it| it.to_string()).as_deref()))
                (fact("Took", &seconds_or_unknown(it.ms)))
                (fact_if("First content after", story.first_token_ms.map(seconds).as_deref()))
                (fact_if("Asked to wait", story.retry_after_ms.map(seconds).as_deref()))
                (fact_if("Model that it reported", story.model.as_deref()))
                @if let Some(usage) = &story.usage { (fact("Tokens", &tokens(usage))) }
                (fact("Cost", &dollars(it.cost_usd)))
                @if story.key > 0 { (fact("Key", &format!("number {} of its provider's", story.key))) }
                @if let Some(it) = &story.provider_request_id { dt { "The provider's id" } dd { code { (clip(it)) } } }
            }
        }
    }
}

/// `1 200 in (900 cached), 340 out (? reasoning)`: what the provider did not count is unknown.
fn tokens(usage: &Usage) -> String {
    let n = |it: Option<u64>| it.map_or_else(|| "?".to_owned(), count);
    let part = |it: Option<u64>, word: &str| it.map_or_else(String::new, |it| format!(" ({} {word})", count(it)));
    format!(
        "{} in{}, {} out{}",
        n(usage.prompt),
        part(usage.cached, "cached"),
        n(usage.completion),
        part(usage.reasoning, "reasoning")
    )
}

fn fact(name: &str, value: &str) -> Markup {
    html! { dt { (name) } dd { (clip(value)) } }
}

fn fact_if(name: &str, value: Option<&str>) -> Markup {
    html! { @if let Some(it) = value { (fact(name, it)) } }
}

fn moves(record: &DecisionRecord) -> Markup {
    html! {
        section aria-labelledby="moves" {
            h2 id="moves" { "Moves" }
            @if record.moves.is_empty() { p class="empty" { "None: the walk stayed on its rung." } }
            ol class="moves" {
                @for it in record.moves.iter().take(MOST) {
                    li {
                        span class="num" { (it.from_rung) } " " strong { (clip_to(&it.from, 60)) }
                        span aria-hidden="true" { " → " } span class="unseen" { " to " }
                        span class="num" { (it.to_rung) } " " strong { (clip_to(&it.to, 60)) }
                        " " span class="reason" {
                            (clip_to(&it.class, 40))
                            @if let Some(words) = class_words(&it.class).or_else(|| crate::words::reason_words(&it.class)) {
                                ": " (words)
                            }
                        }
                        span class="quiet" {
                            " why " b { (clip_to(&it.why, 40)) }
                            @if let Some(place) = &it.place { ", " code { (clip_to(place, 200)) } }
                        }
                    }
                }
            }
            @if record.moves.len() > MOST { p class="note" { (record.moves.len() - MOST) " more are in the record as JSON." } }
        }
    }
}

fn identity(record: &DecisionRecord, frame: &Frame) -> Markup {
    let object = &record.object;
    let failed: Vec<&str> = failed_routes(record);
    html! {
        section aria-labelledby="who" {
            h2 id="who" { "The request" }
            dl class="facts" {
                dt { "Task" } dd { a href=(list_of("task", &object.task)) { (clip(&object.task)) } }
                (fact("Surface", &object.surface))
                (fact_if("Segment", object.segment.as_deref()))
                @if let Some(it) = &record.key { dt { "Key" } dd { a href=(list_of("key", it)) { (clip(it)) } } }
                (fact_if("Client", record.client.as_deref()))
                (fact_if("The client's own retry", record.client_retry.map(|it| it.to_string()).as_deref()))
                dt { "Arrived" } dd { (moment(record.arrived_ms, frame.now_ms)) ", " (span(frame.now_ms.saturating_sub(record.arrived_ms))) " ago" }
                (fact("Took", &format!("{} of {}", seconds(record.total_ms), seconds(record.deadline_ms))))
                (fact_if("Waited for the answer's attempt", object.added_ms.map(seconds).as_deref()))
                (fact("Cost of all attempts", &dollars(object.cost_usd)))
                (fact("Stream", stream_words(record)))
                (fact_if("Served by", object.served_by.as_deref()))
                (fact_if("Provider", object.provider.as_deref()))
                (fact_if("Region", object.region.as_deref()))
                (fact_if("Degraded", object.degraded.as_deref()))
                @if !object.dropped.is_empty() { (fact("Not passed on", &object.dropped.join(", "))) }
                @if let Some(it) = &record.error {
                    dt { "Error" } dd { (it.status) " " code { (clip(&it.code)) } ": " (clip(&it.message)) }
                }
                (fact_if("May ask again in", object.retry_after_ms.map(seconds).as_deref()))
                dt { "Configuration" } dd { code { (clip(&record.config)) } @if *record.config != *frame.config { " (not the one that serves now)" } }
            }
            @if !failed.is_empty() {
                p class="actions" {
                    @for it in failed.into_iter().take(8) {
                        a class="button" href={ "/routes#route-" (encoded(it)) } { "How " (clip_to(it, 60)) " is" } " "
                        a class="button" href=(path("/routes/disable", [("select", it)])) { "Disable " (clip_to(it, 60)) "…" } " "
                    }
                }
            }
        }
    }
}

const fn stream_words(record: &DecisionRecord) -> &'static str {
    match (record.stream, record.committed) {
        (false, _) => "no",
        (true, true) => "yes, and bytes of it had left when the walk ended",
        (true, false) => "yes, and no byte of it had left when the walk ended",
    }
}

/// Routes of attempts that did not answer, each once.
fn failed_routes(record: &DecisionRecord) -> Vec<&str> {
    let mut failed: Vec<&str> = Vec::new();
    for it in record.object.attempts.iter().filter(|it| result(it).0 == "lost") {
        if !failed.contains(&&*it.route) && failed.len() < MOST {
            failed.push(&it.route);
        }
    }
    failed
}

fn headers(headers: &[(String, String)]) -> Markup {
    html! {
        details id="headers" {
            summary { "Headers of the decision, as of the end" }
            p class="note" { "An answer whose head had to leave before the end carried what was known by then." }
            @if headers.is_empty() {
                p class="empty" { "Only " code { "x-request-id" } ": the others are switched off." }
            }
            dl class="facts wide" {
                @for (name, value) in headers.iter().take(MOST) { dt { code { (clip(name)) } } dd { code { (clip_to(value, 4_000)) } } }
            }
        }
    }
}
