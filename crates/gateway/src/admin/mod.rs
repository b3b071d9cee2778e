//! The operator's side: the dashboard and a JSON API on their own address, with their own token.
//!
//! Every change is a POST with JSON `{reason, revision, for?}` on every door: without a reason 422, with a stale
//! revision 409 and who acted, from a foreign origin or not as JSON 403.

mod credentials;
mod events;
mod live;
mod metrics;
mod pages;
mod plan;
mod requests;
mod routes;
mod session;
mod status;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use subtle::ConstantTimeEq as _;
use tower_service::Service as _;

use crate::listen::{self, Drain, Limits};
use crate::origin::{self, text};
use crate::overrides::{Changing, Stale};
use crate::reload::Reloader;
use crate::state::Shared;
use crate::tasks::Tasks;

pub(crate) use events::Followers;
use pages::Desk;

/// Most characters of a reason that are kept.
const LONGEST_REASON: usize = 500;
/// Most characters of a name that are kept.
const LONGEST_BY: usize = 80;

/// What the operator's side works with.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) shared: Arc<Shared>,
    /// Absent where the configuration is not a file.
    pub(crate) reloader: Option<Arc<Reloader>>,
    pub(crate) simulated: bool,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) followers: Arc<Followers>,
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
    let desk = Desk::new(admin);
    let api = Router::new()
        .route("/metrics", get(metrics::page))
        .route("/admin/v1/events", get(events::follow))
        .route("/admin/v1/status", get(status::status))
        .route("/admin/v1/requests", get(requests::list))
        .route("/admin/v1/requests/{id}", get(requests::one))
        .route("/admin/v1/plan", get(plan::plan))
        .route("/admin/v1/tasks", get(status::tasks))
        .route("/admin/v1/routes", get(routes::list))
        .route("/admin/v1/routes/disable", post(routes::disable))
        .route("/admin/v1/routes/enable", post(routes::enable))
        .route("/admin/v1/routes/trip", post(routes::trip))
        .route("/admin/v1/routes/reset", post(routes::reset))
        .route("/admin/v1/routes/{name}", get(routes::one))
        .route("/admin/v1/audit", get(routes::audit))
        .route("/admin/v1/reload", post(status::reload))
        .layer(from_fn_with_state(desk.clone(), guard));
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .merge(api)
        .merge(pages::router(&desk))
        .fallback(pages::elsewhere)
        .with_state(desk)
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
async fn guard(State(desk): State<Desk>, mut request: Request<Body>, next: Next) -> Response {
    let headers = request.headers();
    let matches = bearer(&desk.admin, headers);
    // A person who has signed in may follow the links of a page; changes take the token itself, or a page's form.
    let visitor = match matches {
        None | Some(true) => Some(desk.sessions.without(desk.token().as_deref())),
        Some(false) => pages::session(&desk, headers).filter(|_| request.method() == Method::GET),
    };
    let Some(visitor) = visitor else {
        return Refused::new(StatusCode::UNAUTHORIZED, "send the admin token as `Authorization: Bearer …`")
            .into_response();
    };
    // Only a token that we gave out shows that no page borrows a browser here: any page can send any header to a name
    // that it has pointed at us.
    if matches.is_none() && !origin::is_own_host(headers) {
        let message = "without an admin token this side answers only to an IP address or localhost as its host";
        return Refused::new(StatusCode::FORBIDDEN, message).into_response();
    }
    if request.method() == Method::POST && !is_own_json(headers) {
        return Refused::new(StatusCode::FORBIDDEN, "a change is JSON, and never from a foreign origin")
            .into_response();
    }
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

/// Whether the admin token is sent; `None` where there is none to send.
fn bearer(admin: &Admin, headers: &HeaderMap) -> Option<bool> {
    let token = admin.shared.snapshot.load().server.admin_token.as_ref().map(|it| it.expose().to_owned());
    let sent = text(headers, "authorization").and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
    token.map(|token| bool::from(token.as_bytes().ct_eq(sent.as_bytes())))
}

/// Whoever acts must have seen what is.
pub(crate) fn is_current(changing: &Changing<'_>, revision: Option<u64>) -> Result<(), Refused> {
    let message = "a change carries the `revision` that `status` showed, so that nobody acts on what is no longer so";
    let revision = revision.ok_or_else(|| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, message))?;
    let stale = |it: Stale| Refused::stale(format!("somebody acted first: {}", it.last), it.revision);
    changing.since(revision).map_err(stale)
}

/// Why somebody acts, as it is kept.
pub(crate) fn reason(sent: Option<&str>) -> Result<String, Refused> {
    let kept = plain(sent.unwrap_or_default(), LONGEST_REASON);
    if kept.is_empty() {
        return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "a change needs a reason"));
    }
    Ok(kept)
}

/// Who acts, as it is kept.
pub(crate) fn by(sent: Option<&str>) -> String {
    let kept = plain(sent.unwrap_or_default(), LONGEST_BY);
    if kept.is_empty() { "admin".to_owned() } else { kept }
}

/// One line of text without what steers a terminal: it is shown on those of others. The first `most` characters.
fn plain(sent: &str, most: usize) -> String {
    let spaced = sent.chars().map(|it| if it.is_whitespace() { ' ' } else { it });
    let shown: String = spaced.filter(|it| !it.is_control()).take(most).collect();
    shown.trim().to_owned()
}

fn is_own_json(headers: &HeaderMap) -> bool {
    let json =
        text(headers, "content-type").is_some_and(|it| it.trim().to_ascii_lowercase().starts_with("application/json"));
    json && !origin::is_foreign_page(headers)
}
