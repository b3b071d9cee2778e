//! What stands around every page: head, navigation, strips that concern everybody, foot.

use maud::{DOCTYPE, Markup, html};

use crate::asset::{Asset, asset_path};
use crate::query::path;
use crate::words::{clip, moment, span};

/// What every page tells of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// The version that runs.
    pub version: String,
    /// The hash of the configuration that serves.
    pub config: String,
    /// The number that grows with every change of an operator.
    pub revision: u64,
    /// Milliseconds since the start.
    pub up_ms: u64,
    /// When the view was made, Unix milliseconds. Every age and time left on the page counts from here.
    pub now_ms: u64,
    /// Whether simulated providers answer.
    pub simulated: bool,
    /// Whether the gateway takes no new request because it is stopping.
    pub draining: bool,
    /// What operators have changed and what still holds, oldest first.
    pub overrides: Vec<Override>,
    /// The form token of the session, where there is one to sign out of.
    pub sign_out: Option<String>,
}

/// A change by an operator that holds until it ends or is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The route.
    pub route: String,
    /// `disable` or `trip`.
    pub kind: String,
    /// Who did it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when, Unix milliseconds.
    pub since_ms: u64,
    /// When it ends by itself, Unix milliseconds; `None`: not before somebody ends it.
    pub until_ms: Option<u64>,
}

/// The page that a link in the navigation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Here {
    Now,
    Requests,
    Routes,
    Elsewhere,
}

/// A page without its frame.
pub(crate) struct Page<'a> {
    pub(crate) here: Here,
    /// What the tab says; the name of the product is added.
    pub(crate) title: String,
    /// Where the live fragment comes from, on a page that moves.
    pub(crate) live: Option<&'a str>,
    /// What stands above the live region and never moves: forms.
    pub(crate) above: Markup,
    /// The live region, or the whole content.
    pub(crate) body: Markup,
}

// === impl Override ===

impl Override {
    /// `disabled`, `tripped`: what was done to the route.
    pub(crate) fn done(&self) -> &str {
        match &*self.kind {
            "disable" => "disabled",
            "trip" => "tripped",
            other => other,
        }
    }

    /// `44 min left`, or that it ends by hand only.
    pub(crate) fn left(&self, now_ms: u64) -> String {
        self.until_ms.map_or_else(
            || "until somebody ends it".to_owned(),
            |until| format!("{} left", span(until.saturating_sub(now_ms))),
        )
    }

    /// The page that takes it back, and what the link says.
    pub(crate) fn undo(&self) -> (String, &'static str) {
        let (page, word) = if self.kind == "trip" { ("/routes/reset", "Reset") } else { ("/routes/enable", "Enable") };
        (path(page, [("select", &*self.route)]), word)
    }
}

/// A whole document.
pub(crate) fn document(frame: &Frame, page: &Page<'_>) -> String {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&page.title))
            body class=[frame.simulated.then_some("simulated")] {
                a class="skip" href="#main" { "Skip to the content" }
                (top(frame, page))
                main id="main" tabindex="-1" {
                    (page.above)
                    @match page.live {
                        Some(from) => div id="live" data-live=(from) { (page.body) },
                        None => (page.body),
                    }
                    @if page.live.is_some() {
                        p id="announce" class="unseen" role="status" aria-live="polite" {}
                    }
                }
                (foot(frame))
            }
        }
    };
    html.into_string()
}

/// The head of a document.
pub(crate) fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="referrer" content="same-origin";
            title { (title) " · Switchback" }
            link rel="icon" type="image/svg+xml" href=(asset_path(Asset::Icon));
            link rel="stylesheet" href=(asset_path(Asset::Style));
            script src=(asset_path(Asset::Script)) defer {}
        }
    }
}

/// The wordmark.
pub(crate) fn brand() -> Markup {
    html! {
        a class="brand" href="/" {
            svg viewBox="0 0 16 16" width="18" height="18" aria-hidden="true" focusable="false" {
                path d="M4 12.5h6a2 2 0 0 0 0-4.25H6A2 2 0 0 1 6 4h6" class="road" {}
            }
            "Switchback"
        }
    }
}

fn top(frame: &Frame, page: &Page<'_>) -> Markup {
    let links =
        [(Here::Now, "/", "Now"), (Here::Requests, "/requests", "Requests"), (Here::Routes, "/routes", "Routes")];
    html! {
        header class="top" {
            (brand())
            nav aria-label="Pages" {
                ul {
                    @for (here, href, word) in links {
                        li { a href=(href) aria-current=[(here == page.here).then_some("page")] { (word) } }
                    }
                }
            }
            div class="state" {
                @if page.live.is_some() {
                    span id="live-state" class="live-state" hidden {}
                    button id="live-toggle" type="button" hidden { "Pause" }
                    a id="reload" href="" { "Reload" }
                }
                @if let Some(token) = &frame.sign_out {
                    form method="post" action="/sign-out" {
                        input type="hidden" name="form_token" value=(token);
                        button type="submit" { "Sign out" }
                    }
                }
            }
        }
    }
}

fn foot(frame: &Frame) -> Markup {
    html! {
        footer {
            p {
                "Switchback " (clip(&frame.version))
                " · times are UTC · what is here as JSON: "
                a href="/admin/v1/status" { "status" } ", "
                a href="/admin/v1/requests" { "requests" } ", "
                a href="/admin/v1/routes" { "routes" }
            }
        }
    }
}

/// What concerns everybody, whatever page they read: first in every live region.
pub(crate) fn strips(frame: &Frame) -> Markup {
    html! {
        @if frame.simulated {
            p class="strip sim" { b { "SIMULATED" } " Every answer and failure here is made up. No provider is called." }
        }
        @if frame.draining {
            p class="strip warn" { b { "STOPPING" } " Requests in flight are finished; new ones are turned away." }
        }
        @for it in &frame.overrides {
            @let (href, word) = it.undo();
            p class="strip override" {
                b { span aria-hidden="true" { "⊘ " } "OVERRIDE" } " "
                span {
                    strong { (clip(&it.route)) } " was " (clip(it.done())) " by " (clip(&it.by)) " at "
                    (moment(it.since_ms, frame.now_ms)) ", " (it.left(frame.now_ms)) ": " (clip(&it.reason))
                }
                " " a class="button" href=(href) { (word) " " (clip(&it.route)) "…" }
            }
        }
    }
}

/// The line under a page's heading: as of when, and what runs.
pub(crate) fn as_of(frame: &Frame) -> Markup {
    html! {
        p class="as-of" {
            "As of " (moment(frame.now_ms, frame.now_ms)) " UTC · up " (span(frame.up_ms))
            " · config " code { (clip(&frame.config)) }
        }
    }
}

/// A fragment as one line: it travels as one `data:` field of an event.
pub(crate) fn fragment(html: Markup) -> String {
    html.into_string().replace('\r', "&#13;").replace('\n', "&#10;")
}
