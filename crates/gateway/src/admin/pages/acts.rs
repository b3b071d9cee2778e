//! Acting on routes by a form: what it would do, and then the same change as by the JSON API.
//!
//! Reason, revision and audit are the API's own rules. What the form adds is friction: where a task would be left with
//! less, the selector is typed again, and that is checked here and not only in the page.

use std::sync::atomic::Ordering;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;
use switchback_console::{Act, ActView, Friction, Preview};

use super::super::Refused;
use super::super::routes::{self, Asked, Changed, blocking, change};
use super::super::session::Visitor;
use super::{Desk, html, lost, views};
use crate::overrides::Harm;

/// What is asked for by a link.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Selected {
    select: String,
}

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    form_token: String,
    revision: String,
    select: String,
    reason: String,
    by: String,
    #[serde(rename = "for")]
    span: Option<String>,
    confirm: String,
}

/// The page that asks for it.
pub(super) async fn page(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Path(named): Path<String>,
    Query(selected): Query<Selected>,
) -> Response {
    let Some(act) = Act::named(&named) else { return lost(&desk, &visitor) };
    let sent = Sent { select: selected.select, ..Sent::default() };
    let view = view(&desk, &visitor, act, sent);
    let status = if view.preview.is_ok() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    html(status, switchback_console::act(&view))
}

/// Does it, or shows the form again and why.
pub(super) async fn done(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Path(named): Path<String>,
    Form(sent): Form<Sent>,
) -> Response {
    let Some(act) = Act::named(&named) else { return lost(&desk, &visitor) };
    match tried(&desk, &visitor, act, &sent).await {
        Ok(revision) => Redirect::to(&format!("/routes?done={revision}")).into_response(),
        Err(Refused(status, why, _)) => {
            let mut view = view(&desk, &visitor, act, sent);
            view.refusal = Some(sentence(&why));
            html(status, switchback_console::act(&view))
        }
    }
}

/// Makes the change; the revision that it led to.
async fn tried(desk: &Desk, visitor: &Visitor, act: Act, sent: &Sent) -> Result<u64, Refused> {
    if !visitor.made(&sent.form_token) {
        let message = "This form was made before you signed in anew, or before the gateway was started anew. Look at \
                       it again, and then send it";
        return Err(Refused::new(StatusCode::FORBIDDEN, message));
    }
    let revision = sent.revision.parse().ok();
    let harm = previewed(desk, act, &sent.select)?.harm;
    // Numbers only grow: an older one is refused below, with who acted first, which is worth more to know.
    let is_stale = revision.is_some_and(|it: u64| it < desk.admin.shared.revision.load(Ordering::Acquire));
    if !is_stale && friction(harm) != Friction::Reason && sent.confirm.trim() != sent.select.trim() {
        let message = "A task would be left with less: type the name to confirm";
        return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    let text = |it: &str| Some(it.trim().to_owned()).filter(|it| !it.is_empty());
    let asked = Asked {
        select: Some(sent.select.clone()),
        reason: text(&sent.reason),
        revision,
        span: sent.span.as_deref().and_then(text).filter(|_| act == Act::Disable),
        by: text(&sent.by),
        ..Asked::default()
    };
    let admin = desk.admin.clone();
    let changed = blocking(move || change(&admin, &asked, kind(act))).await?;
    Ok(changed.0.revision)
}

fn view(desk: &Desk, visitor: &Visitor, act: Act, sent: Sent) -> ActView {
    // First the number, then the look: what changes in between makes the form stale, never wrong.
    let frame = views::frame(desk, visitor);
    let preview = previewed(desk, act, &sent.select).map_err(|it| sentence(&it.1));
    ActView {
        act,
        preview: preview.map(|it| preview_of(desk, it)),
        form_token: visitor.form_token.clone().unwrap_or_default(),
        revision: frame.revision,
        refusal: None,
        select: sent.select,
        reason: sent.reason,
        span: sent.span,
        by: sent.by,
        frame,
    }
}

fn previewed(desk: &Desk, act: Act, select: &str) -> Result<Changed, Refused> {
    if select.trim().is_empty() {
        return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "no route was named"));
    }
    let asked = Asked { select: Some(select.to_owned()), preview: true, ..Asked::default() };
    change(&desk.admin, &asked, kind(act)).map(|it| it.0)
}

fn preview_of(desk: &Desk, changed: Changed) -> Preview {
    let rows = routes::rows(&desk.admin.shared);
    let calls = |name: String| match rows.iter().find(|it| *it.route == *name) {
        Some(row) => (name, row.call.clone()),
        None => name.split_once('=').map(|(route, call)| (route.to_owned(), call.to_owned())).unwrap_or_default(),
    };
    Preview {
        routes: changed.routes.into_iter().map(calls).collect(),
        effect: changed.effect.iter().map(|it| format!("{it}.")).collect(),
        friction: friction(changed.harm),
    }
}

/// Friction grows with harm.
const fn friction(harm: Harm) -> Friction {
    match harm {
        Harm::Bearable => Friction::Reason,
        Harm::Degrades => Friction::TypeName,
        Harm::Breaks => Friction::Warned,
    }
}

const fn kind(act: Act) -> routes::Act {
    match act {
        Act::Disable => routes::Act::Disable,
        Act::Enable => routes::Act::Enable,
        Act::Trip => routes::Act::Trip,
        Act::Reset => routes::Act::Reset,
    }
}

/// An API's message as a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}
