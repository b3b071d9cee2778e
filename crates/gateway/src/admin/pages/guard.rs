//! Who may see the pages and act by them, and what every answer to a browser says about itself.
//!
//! The rules are those of the JSON API, with one door more: a session, for a person who has signed in with the admin
//! token. A cookie alone changes nothing: forms carry a token of their own, and the JSON API takes changes only with
//! the admin token itself.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use switchback_console::{CSP, SignInView};

use super::super::session::{LASTS, Visitor};
use super::super::{Refused, bearer};
use super::{Desk, html};
use crate::origin::{self, text};

/// What every answer to a browser carries. `same-origin`, because under `no-referrer` a form is sent with the origin
/// `null`, and could not be told from one of a foreign page.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Lets in who may, and tells the page who it is.
pub(super) async fn guard(State(desk): State<Desk>, mut request: Request<Body>, next: Next) -> Response {
    match visitor(&desk, &request) {
        Ok(visitor) => {
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        Err(turned) => *turned,
    }
}

/// Who asks, or what they are answered instead.
pub(super) fn visitor(desk: &Desk, request: &Request<Body>) -> Result<Visitor, Box<Response>> {
    let headers = request.headers();
    let refused = |it: Refused| Box::new(it.into_response());
    let visitor = match bearer(&desk.admin, headers) {
        None if !origin::is_own_host(headers) => {
            let message = "without an admin token this side answers only to an IP address or localhost as its host";
            return Err(refused(Refused::new(StatusCode::FORBIDDEN, message)));
        }
        None | Some(true) => desk.sessions.without(desk.token().as_deref()),
        Some(false) => match session(desk, headers) {
            Some(visitor) => visitor,
            None => return Err(Box::new(unsigned(request))),
        },
    };
    if request.method() == Method::POST && origin::is_foreign_page(headers) {
        let message = "a change is never taken from a page of another origin";
        return Err(refused(Refused::new(StatusCode::FORBIDDEN, message)));
    }
    Ok(visitor)
}

/// Whose session the cookie names.
pub(crate) fn session(desk: &Desk, headers: &HeaderMap) -> Option<Visitor> {
    let shared = &desk.admin.shared;
    let snapshot = shared.snapshot.load();
    let token = snapshot.server.admin_token.as_ref()?;
    let name = cookie_name(desk);
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut pairs = sent.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
    let value = pairs.find(|(found, _)| *found == name).map(|(_, value)| value)?;
    desk.sessions.visitor(value, token.expose(), shared.clock.now())
}

/// Cookies are shared by all ports of a host: the port in the name keeps two gateways on one machine apart.
fn cookie_name(desk: &Desk) -> String {
    format!("switchback-{}", desk.admin.shared.snapshot.load().server.admin.port())
}

/// The cookie of a session; an empty name ends it. No script reads it, and no other site's link or form sends it.
pub(super) fn cookie(desk: &Desk, session: &str) -> String {
    let age = if session.is_empty() { 0 } else { LASTS.as_secs() };
    format!("{}={session}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict", cookie_name(desk))
}

/// What a browser gets that has not signed in: the page to do so, which tells nothing of the gateway.
fn unsigned(request: &Request<Body>) -> Response {
    let path = request.uri().path();
    if path.starts_with("/live/") {
        return Refused::new(StatusCode::UNAUTHORIZED, "sign in first").into_response();
    }
    let wanted = match request.method() == Method::GET {
        true => request.uri().path_and_query().map_or("/", |it| it.as_str()),
        false => "/",
    };
    let next = local(wanted).to_owned();
    unsigned_page(&SignInView { next, refusal: None }, StatusCode::UNAUTHORIZED)
}

pub(super) fn unsigned_page(view: &SignInView, status: StatusCode) -> Response {
    let mut response = html(status, switchback_console::sign_in(view));
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    secured(response)
}

/// A path of this gateway, or its first page: nobody is sent elsewhere by what stands in a form.
pub(super) fn local(path: &str) -> &str {
    let elsewhere = path.starts_with("//") || path.contains('\\') || path.chars().any(char::is_control);
    if path.starts_with('/') && !elsewhere && !path.starts_with("/sign-") { path } else { "/" }
}

/// Adds what every answer to a browser says about itself.
pub(super) fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a page can be shown to whoever asks.
pub(super) fn accepts_html(headers: &HeaderMap) -> bool {
    text(headers, "accept").is_some_and(|it| it.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_host_after_signing_in() {
        for own in ["/", "/requests?task=a&x=//b", "/routes/disable?select=a%2Fb"] {
            assert_eq!(local(own), own);
        }
        for other in ["//evil.example", "/\\evil.example", "https://evil.example", "", "evil", "/a\r\nb", "/sign-in"] {
            assert_eq!(local(other), "/", "{other}");
        }
    }
}
