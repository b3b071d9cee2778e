//! The operator's side: a JSON API on its own address, with its own token.
//!
//! Every change is a POST with JSON `{reason, revision, for?}` on every door: without a reason 422, with a stale
//! revision 409 and who acted, from a foreign origin or not as JSON 403.

mod requests;
mod routes;
mod status;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use subtle::ConstantTimeEq as _;
use tower_service::Service as _;

use crate::listen::{self, Drain, Limits};
use crate::reload::Reloader;
use crate::state::Shared;

/// What the operator's side works with.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) shared: Arc<Shared>,
    /// Absent where the configuration is not a file.
    pub(crate) reloader: Option<Arc<Reloader>>,
    pub(crate) simulated: bool,
}

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(crate) struct Refused(StatusCode, String, Option<u64>);

#[derive(Serialize)]
struct RefusedBody {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self(status, message.into(), None)
    }

    /// Somebody acted first.
    pub(crate) fn stale(message: impl Into<String>, revision: u64) -> Self {
        Self(StatusCode::CONFLICT, message.into(), Some(revision))
    }

    pub(crate) fn store(error: &switchback_store::StoreError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("the store: {error}"))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, axum::Json(RefusedBody { error: self.1, revision: self.2 })).into_response()
    }
}

/// All paths of the operator's side.
pub(crate) fn router(admin: Admin) -> Router {
    let api = Router::new()
        .route("/admin/v1/status", get(status::status))
        .route("/admin/v1/requests", get(requests::list))
        .route("/admin/v1/requests/{id}", get(requests::one))
        .route("/admin/v1/tasks", get(status::tasks))
        .route("/admin/v1/routes", get(routes::list))
        .route("/admin/v1/routes/disable", post(routes::disable))
        .route("/admin/v1/routes/enable", post(routes::enable))
        .route("/admin/v1/audit", get(routes::audit))
        .route("/admin/v1/reload", post(status::reload))
        .layer(from_fn_with_state(admin.clone(), guard));
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .merge(api)
        .fallback(|| async { Refused::new(StatusCode::NOT_FOUND, "nothing is served under this path") })
        .with_state(admin)
}

/// Every route with its state.
pub(crate) fn states(shared: &Shared) -> Vec<(String, &'static str)> {
    routes::rows(shared).iter().map(routes::RouteRow::state).collect()
}

/// Serves operators until its task is stopped: operators can look on while requests drain. By our own listener, which
/// has the timers that a general one lacks.
pub(crate) async fn serve(listener: tokio::net::TcpListener, admin: Admin) {
    let router = router(admin);
    let service = move |request: hyper::Request<hyper::body::Incoming>| router.clone().call(request);
    // Never begun: the task is stopped when everything else has drained.
    let drain = Drain::new();
    listen::serve(listener, Limits::default(), service, drain.signal(), Duration::ZERO).await;
}

/// Ready: a configuration is loaded and requests are taken. Never tied to providers.
async fn readyz(State(admin): State<Admin>) -> Response {
    if admin.shared.draining.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    "ready\n".into_response()
}

/// Who may: the token where one is set; a browser only from our own pages.
async fn guard(State(admin): State<Admin>, request: Request<Body>, next: Next) -> Response {
    let headers = request.headers();
    let token = admin.shared.snapshot.load().server.admin_token.as_ref().map(|it| it.expose().to_owned());
    let sent = text(headers, "authorization").and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
    if token.is_some_and(|token| !bool::from(token.as_bytes().ct_eq(sent.as_bytes()))) {
        return Refused::new(StatusCode::UNAUTHORIZED, "send the admin token as `Authorization: Bearer …`")
            .into_response();
    }
    if !is_own_host(headers) {
        return Refused::new(StatusCode::FORBIDDEN, "this host name is not one of ours").into_response();
    }
    if request.method() == Method::POST && !is_own_json(headers) {
        return Refused::new(StatusCode::FORBIDDEN, "a change is JSON, and never from a foreign origin")
            .into_response();
    }
    next.run(request).await
}

/// A name that somebody pointed at a loopback address must not reach us through a browser.
fn is_own_host(headers: &HeaderMap) -> bool {
    let Some(host) = text(headers, header::HOST.as_str()) else { return true };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost"
        || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
        || text(headers, "authorization").is_some()
}

fn is_own_json(headers: &HeaderMap) -> bool {
    let own = match (text(headers, "origin"), text(headers, "host")) {
        (None, _) => true,
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, it)| it == host),
        (Some(_), None) => false,
    };
    let json =
        text(headers, "content-type").is_some_and(|it| it.trim().to_ascii_lowercase().starts_with("application/json"));
    own && json
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
