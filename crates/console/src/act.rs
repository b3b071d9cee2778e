//! The page on which an operator acts on routes: what it would do, why, for how long, and then the one button.
//!
//! It is a page of its own and not a dialog, so that it works without JavaScript, can be sent to somebody, and stands
//! still while the rest moves. Friction grows with harm: the more callers lose, the more has to be typed.

use maud::{Markup, html};

use crate::frame::{Frame, Here, Page, document, strips};
use crate::words::{clip, clip_to};

/// Longest reason, in characters; the gateway keeps no more.
const LONGEST_REASON: u32 = 500;
/// How long a disable lasts unless another time is chosen.
const USUAL_SPAN: &str = "1h";
/// How long a disable lasts, as the form offers it.
const SPANS: [(&str, &str); 5] = [
    ("15m", "15 minutes"),
    (USUAL_SPAN, "1 hour"),
    ("4h", "4 hours"),
    ("24h", "24 hours"),
    ("", "until somebody enables it"),
];

/// What an operator does to routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Stops every call, probes included.
    Disable,
    /// Ends a disable, and tries at once what was switched off.
    Enable,
    /// Treats it as down now; probes bring it back.
    Trip,
    /// Forgets what its breakers know.
    Reset,
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActView {
    /// What every page tells.
    pub frame: Frame,
    /// What would be done.
    pub act: Act,
    /// The selector, as it was given.
    pub select: String,
    /// What it would do; an error in words where it would do nothing.
    pub preview: Result<Preview, String>,
    /// Proves that the form came from this page.
    pub form_token: String,
    /// The revision that the preview was made of.
    pub revision: u64,
    /// Why the form came back, in a sentence.
    pub refusal: Option<String>,
    /// The reason, as it was typed before.
    pub reason: String,
    /// The span, as it was chosen before; empty: until somebody ends it, `None`: not chosen yet.
    pub span: Option<String>,
    /// Who acts, as it was typed before.
    pub by: String,
}

/// What an act would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// The routes that the selector means, each as `name` and what it calls.
    pub routes: Vec<(String, String)>,
    /// What callers would get, one sentence each.
    pub effect: Vec<String>,
    /// How hard it should be made.
    pub friction: Friction,
}

/// How hard an act is made, by its harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Friction {
    /// Every task keeps a rung of full quality.
    #[default]
    Reason,
    /// A task is left with less than full quality: the selector has to be typed.
    TypeName,
    /// A task is left with nothing: the selector has to be typed, under a warning.
    Warned,
}

// === impl Act ===

impl Act {
    /// Every act.
    pub const ALL: [Act; 4] = [Act::Disable, Act::Enable, Act::Trip, Act::Reset];

    /// As it stands in paths: `disable`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Act::Disable => "disable",
            Act::Enable => "enable",
            Act::Trip => "trip",
            Act::Reset => "reset",
        }
    }

    /// The act of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// As it stands on a button.
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Act::Disable => "Disable",
            Act::Enable => "Enable",
            Act::Trip => "Trip",
            Act::Reset => "Reset",
        }
    }

    /// The page that asks for it; `select` is added as a query.
    pub(crate) fn page(self) -> String {
        format!("/routes/{}", self.name())
    }

    const fn words(self) -> &'static str {
        match self {
            Act::Disable => "Stops every call, probes included. Calls in flight will finish.",
            Act::Enable => "Lets calls pass again, and tries at once what was switched off.",
            Act::Trip => "Treats it as down from now on. Probes go on; when they succeed it comes back by itself.",
            Act::Reset => "Forgets what its breakers have seen. The next request calls it.",
        }
    }
}

/// The page. Its form posts to `/admin/routes/{act}` the fields `form_token`, `revision`, `select`, `reason`, `by`,
/// for a disable `for` (a time such as `1h`; empty: until somebody enables it), and where the friction asks for it
/// `confirm` (the selector, typed again).
#[must_use]
pub fn act(view: &ActView) -> String {
    let body = html! {
        div class="heading" { h1 { (view.act.verb()) " " span class="name" { (clip_to(&view.select, 120)) } "?" } }
        (strips(&view.frame))
        @if let Some(why) = &view.refusal {
            p class="refusal" id="refusal" role="alert" { span aria-hidden="true" { "✕ " } b { "Nothing was changed." } " " (clip(why)) }
        }
        @match &view.preview {
            Err(why) => {
                p class="refusal" { (clip(why)) }
                p class="actions" { a class="button" href="/routes" { "Back to the routes" } }
            },
            Ok(preview) => { (effect(view.act, preview)) (form(view, preview.friction)) },
        }
    };
    let title = format!("{} {}?", view.act.verb(), clip_to(&view.select, 60));
    let page = Page { here: Here::Elsewhere, title, live: None, above: html! {}, body };
    document(&view.frame, &page)
}

fn effect(act: Act, preview: &Preview) -> Markup {
    const MOST: usize = 200;
    html! {
        section class="effect" aria-labelledby="effect" {
            h2 id="effect" { "What it would do" }
            p { (act.words()) }
            ul class="plain" {
                @for (name, call) in preview.routes.iter().take(MOST) {
                    li { strong { (clip(name)) } " " code { (clip(call)) } }
                }
                @if preview.routes.len() > MOST { li { (preview.routes.len() - MOST) " more" } }
            }
            @if preview.effect.is_empty() {
                p { "No task is affected." }
            } @else {
                ul { @for it in preview.effect.iter().take(MOST) { li { (clip(it)) } } }
                @if preview.effect.len() > MOST { p { (preview.effect.len() - MOST) " more" } }
            }
            @match preview.friction {
                Friction::Reason => {},
                Friction::TypeName => p class="strip warn" { b { "▼ LESS THAN FULL QUALITY" } " A task is left without a rung of full quality." },
                Friction::Warned => p class="strip bad" { b { "✕ ERRORS FOR EVERYBODY" } " A task is left with nothing that could answer." },
            }
        }
    }
}

fn form(view: &ActView, friction: Friction) -> Markup {
    let described = view.refusal.as_ref().map(|_| "refusal");
    html! {
        form class="act" method="post" action={ "/admin/routes/" (view.act.name()) } {
            input type="hidden" name="form_token" value=(view.form_token);
            input type="hidden" name="revision" value=(view.revision);
            input type="hidden" name="select" value=(view.select);
            label {
                span { "Why " em { "(needed; kept in the audit)" } }
                input name="reason" required autofocus maxlength=(LONGEST_REASON) value=(view.reason) autocomplete="off"
                    aria-describedby=[described];
            }
            @if view.act == Act::Disable { (spans(view.span.as_deref())) }
            label {
                span { "Who " em { "(for the audit)" } }
                input name="by" maxlength="80" value=(view.by) autocomplete="username";
            }
            @if friction != Friction::Reason {
                label {
                    span { "Type " code { (clip_to(&view.select, 120)) } " to confirm" }
                    input name="confirm" required autocomplete="off" autocapitalize="off" spellcheck="false";
                }
            }
            p class="actions" {
                button type="submit" class="main" { (view.act.verb()) " " (clip_to(&view.select, 60)) }
                " " a class="button" href="/routes" { "Cancel" }
            }
            p class="note" {
                "Made of revision " (view.revision) ". If somebody acts before you, nothing is changed and this page says who."
            }
        }
    }
}

fn spans(chosen: Option<&str>) -> Markup {
    let chosen = chosen.unwrap_or(USUAL_SPAN);
    html! {
        fieldset {
            legend { "For" }
            @for (value, words) in SPANS {
                label class="choice" { input type="radio" name="for" value=(value) checked[value == chosen]; " " (words) }
            }
        }
    }
}
