//! Signing in with the admin token, and out again.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;
use switchback_console::SignInView;

use super::super::Refused;
use super::super::session::{Unsigned, Visitor};
use super::Desk;
use super::guard::{cookie, local, secured, unsigned_page};
use crate::origin;

/// How long every answer waits where too many wrong tokens were sent lately: guessing gets slow, and nobody is kept out.
const SLOWED: Duration = Duration::from_secs(1);

/// What the form sends.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct SignIn {
    token: String,
    next: String,
}

/// What the button sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SignOut {
    form_token: String,
}

impl Default for SignIn {
    fn default() -> Self {
        Self { token: String::new(), next: "/".to_owned() }
    }
}

/// Takes the token and gives a session for it.
pub(super) async fn sign_in(State(desk): State<Desk>, headers: HeaderMap, Form(sent): Form<SignIn>) -> Response {
    if origin::is_foreign_page(&headers) {
        let message = "nobody signs in from a page of another origin";
        return Refused::new(StatusCode::FORBIDDEN, message).into_response();
    }
    let shared = &desk.admin.shared;
    let next = local(&sent.next).to_owned();
    let snapshot = shared.snapshot.load();
    let Some(token) = &snapshot.server.admin_token else { return secured(Redirect::to(&next).into_response()) };
    if desk.sessions.is_tried(shared.clock.now()) {
        tokio::time::sleep(SLOWED).await;
    }
    let (status, why) = match desk.sessions.sign_in(sent.token.trim(), token.expose(), shared.clock.now()) {
        Ok(session) => return signed(&desk, &session, &next),
        Err(Unsigned::Wrong) => (StatusCode::UNAUTHORIZED, "This is not the admin token."),
        Err(Unsigned::TooMany) => {
            (StatusCode::TOO_MANY_REQUESTS, "Too many wrong tokens were sent. Try again in a minute.")
        }
        Err(Unsigned::NoChance) => {
            (StatusCode::SERVICE_UNAVAILABLE, "The system gives no randomness, so nobody can sign in.")
        }
    };
    unsigned_page(&SignInView { next, refusal: Some(why.to_owned()) }, status)
}

/// Ends the session.
pub(super) async fn sign_out(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Form(sent): Form<SignOut>,
) -> Response {
    if !visitor.made(&sent.form_token) {
        return Refused::new(StatusCode::FORBIDDEN, "this form is not of one of your pages").into_response();
    }
    desk.sessions.sign_out(&visitor);
    signed(&desk, "", "/")
}

/// Onwards, with or without a session.
fn signed(desk: &Desk, session: &str, next: &str) -> Response {
    let mut response = Redirect::to(next).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie(desk, session)) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    secured(response)
}
