//! Pages that stand where something else was asked for: not here, and sign in first.

use maud::{DOCTYPE, html};

use crate::frame::{Frame, Here, Page, brand, document, head, strips};
use crate::words::clip;

/// What the page that asks for the admin token shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignInView {
    /// Where the person wanted to go: a path of this gateway, sent back as the field `next`.
    pub next: String,
    /// Why the last try did not work, in words.
    pub refusal: Option<String>,
}

/// The page for an address without one: what was looked for, and why it is not there. Both are one sentence.
#[must_use]
pub fn not_found(frame: &Frame, what: &str, why: &str) -> String {
    let body = html! {
        div class="heading" { h1 { (clip(what)) } }
        (strips(frame))
        p { (clip(why)) }
        p class="actions" {
            a class="button" href="/" { "Now" } " " a class="button" href="/requests" { "Requests" } " "
            a class="button" href="/routes" { "Routes" }
        }
    };
    let page = Page { here: Here::Elsewhere, title: clip(what), live: None, above: html! {}, body };
    document(frame, &page)
}

/// The page that asks for the admin token: a form that posts `token` and `next` to `/sign-in`. It tells nothing of the
/// gateway, because whoever reads it has not shown that they may.
#[must_use]
pub fn sign_in(view: &SignInView) -> String {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            (head("Sign in"))
            body {
                a class="skip" href="#main" { "Skip to the content" }
                header class="top" { (brand()) }
                main id="main" tabindex="-1" class="small" {
                    h1 { "Sign in" }
                    @if let Some(why) = &view.refusal {
                        p class="refusal" id="refusal" role="alert" { span aria-hidden="true" { "✕ " } (clip(why)) }
                    }
                    form class="act" method="post" action="/sign-in" {
                        input type="hidden" name="next" value=(view.next);
                        label {
                            span { "Admin token" }
                            input type="password" name="token" required autofocus autocomplete="current-password"
                                maxlength="1000" aria-describedby=[view.refusal.as_ref().map(|_| "refusal")];
                        }
                        p class="note" { "The value of " code { "server.admin-token" } " in the configuration." }
                        p class="actions" { button type="submit" class="main" { "Sign in" } }
                    }
                }
            }
        }
    };
    html.into_string()
}
