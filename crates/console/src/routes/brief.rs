//! The routes in short, for the page Now: how each one is, and the likeliest act.

use maud::{Markup, html};

use super::{Call, MOST, RouteCard, state_badge};
use crate::frame::Frame;
use crate::query::{encoded, path};
use crate::words::{clip, clip_to, share, span};

/// Every route, those in trouble first.
pub(crate) fn brief(cards: &[RouteCard], frame: &Frame) -> Markup {
    let mut order: Vec<&RouteCard> = cards.iter().collect();
    order.sort_by_key(|it| !it.has_trouble());
    html! {
        section aria-labelledby="routes" {
            h2 id="routes" { a href="/routes" { "Routes" } }
            @if cards.is_empty() {
                p class="empty" { "The configuration has no route." }
            } @else {
                div class="scroll" id="scroll-routes" tabindex="0" role="region" aria-labelledby="routes" {
                    table {
                        caption class="unseen" { "How each route is" }
                        thead { tr {
                            th scope="col" { "Route" } th scope="col" { "State" }
                            th scope="col" class="num" { "Failing" } th scope="col" { "Act" }
                        } }
                        tbody { @for it in order.iter().take(MOST) { (brief_row(it, frame)) } }
                    }
                }
                @if cards.len() > MOST { p class="note" { (cards.len() - MOST) " more are in the routes as JSON." } }
            }
        }
    }
}

fn brief_row(card: &RouteCard, frame: &Frame) -> Markup {
    let (calls, failed) = card.sums();
    let sum = |of: fn(&Call) -> u64| card.calls.iter().map(of).sum::<u64>();
    let (off, cooling, all) = (sum(|it| it.keys_off), sum(|it| it.keys_cooling), sum(|it| it.keys));
    html! {
        tr {
            th scope="row" { a href={ "/routes#route-" (encoded(&card.route)) } { (clip_to(&card.route, 60)) } }
            td {
                (state_badge(card.state))
                @match (&card.over, card.next_probe_ms()) {
                    (Some(over), _) => span class="about" { (over.left(frame.now_ms)) },
                    (None, Some(ms)) => span class="about" { "next probe in " (span(ms)) },
                    (None, None) => {},
                }
                @if off > 0 { span class="about" { (off) " of " (all) " keys off" } }
                @if cooling > 0 { span class="about" { (cooling) " of " (all) " keys cooling" } }
            }
            td class="num" { (share(failed, calls)) }
            td {
                @if let Some(act) = card.acts().first() {
                    a class="button" href=(path(&act.page(), [("select", &*card.route)])) {
                        (act.verb()) span class="unseen" { " " (clip(&card.route)) } "…"
                    }
                }
            }
        }
    }
}
