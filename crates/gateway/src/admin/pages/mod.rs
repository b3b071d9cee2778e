//! The dashboard as it is served: each page from a view of what is, the files that pages load, and the forms.
//!
//! Everything is rendered by the console's crate, complete without JavaScript. Nothing here decides who may: that is
//! [`guard`]'s.

mod acts;
mod guard;
mod lately;
mod list;
mod sign;
mod views;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, FromRef, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::Deserialize;
use switchback_config::HeaderMode;
use switchback_console::{Asset, Filter, RoutesView, StoryView};
use switchback_core::record::{DecisionRecord, SERVED};
use switchback_store::{Audited, Found};

pub(super) use guard::session;

use super::session::{Sessions, Visitor};
use super::{Admin, Refused, live, routes};
use crate::headers;
use lately::Lately;
use list::Lists;

/// Longest form in bytes.
const LONGEST_FORM: usize = 16 * 1024;
/// Audit entries that one change can have made, as far as a notice tells of them.
const MOST_TOLD: usize = 50;

/// What the pages work with.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(super) admin: Admin,
    pub(super) sessions: Arc<Sessions>,
    lately: Arc<Lately>,
    lists: Arc<Lists>,
}

/// What has just been done, as a link says: the revision that it led to.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Noticed {
    done: String,
}

impl Desk {
    pub(super) fn new(admin: Admin) -> Self {
        Self { admin, sessions: Arc::new(Sessions::new()), lately: Arc::default(), lists: Arc::default() }
    }

    /// Whether a visitor who was let in would still be.
    pub(super) fn holds(&self, visitor: &Visitor) -> bool {
        self.sessions.holds(visitor, self.token().as_deref(), self.admin.shared.clock.now())
    }

    /// The admin token, where there is one.
    pub(super) fn token(&self) -> Option<String> {
        self.admin.shared.snapshot.load().server.admin_token.as_ref().map(|it| it.expose().to_owned())
    }
}

impl FromRef<Desk> for Admin {
    fn from_ref(desk: &Desk) -> Self {
        desk.admin.clone()
    }
}

/// Every path of the dashboard.
pub(super) fn router(desk: &Desk) -> Router<Desk> {
    let pages = Router::new()
        .route("/", get(now))
        .route("/requests", get(requests))
        .route("/requests/{id}", get(story))
        .route("/routes", get(routes_page))
        .route("/routes/{act}", get(acts::page))
        .route("/admin/routes/{act}", post(acts::done))
        .route("/sign-out", post(sign::sign_out))
        .route("/live/now", get(live::now))
        .route("/live/requests", get(live::requests))
        .route("/live/routes", get(live::routes))
        .layer(from_fn_with_state(desk.clone(), guard::guard));
    Router::new()
        .route("/assets/{name}", get(asset))
        .route("/sign-in", post(sign::sign_in).get(|| async { Redirect::to("/") }))
        .merge(pages)
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(map_response(|it: Response| async { guard::secured(it) }))
}

/// What is answered under a path without a page: to programs as JSON, to people as a page, if they may see one.
pub(super) async fn elsewhere(State(desk): State<Desk>, request: Request<Body>) -> Response {
    let path = request.uri().path();
    let wants_page = guard::accepts_html(request.headers());
    if path.starts_with("/admin/") || !wants_page {
        return Refused::new(StatusCode::NOT_FOUND, "nothing is served under this path").into_response();
    }
    guard::secured(match guard::visitor(&desk, &request) {
        Ok(visitor) => lost(&desk, &visitor),
        Err(turned) => *turned,
    })
}

/// The page for an address without one.
fn lost(desk: &Desk, visitor: &Visitor) -> Response {
    missing(desk, visitor, "There is no such page", "Nothing is served under this address.")
}

fn missing(desk: &Desk, visitor: &Visitor, what: &str, why: &str) -> Response {
    let frame = views::frame(desk, visitor);
    html(StatusCode::NOT_FOUND, switchback_console::not_found(&frame, what, why))
}

fn html(status: StatusCode, page: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

async fn now(State(desk): State<Desk>, Extension(visitor): Extension<Visitor>) -> Response {
    let told = desk.lately.told(&desk.admin, true).await;
    html(StatusCode::OK, switchback_console::now(&views::now(&desk, &visitor, &told)))
}

/// The live region of Now.
pub(super) async fn now_live(desk: &Desk, visitor: &Visitor) -> String {
    let told = desk.lately.told(&desk.admin, false).await;
    switchback_console::now_live(&views::now(desk, visitor, &told))
}

async fn requests(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Response {
    let view = match filter {
        Ok(Query(filter)) => list::view(&desk, &visitor, filter).await,
        Err(why) => list::not_understood(&desk, &visitor, why.body_text()),
    };
    html(StatusCode::OK, switchback_console::requests(&view))
}

/// The live region of the list under a filter.
pub(super) async fn requests_live(desk: &Desk, visitor: &Visitor, filter: &Filter) -> String {
    switchback_console::requests_live(&list::followed(desk, visitor, filter.clone()).await)
}

async fn story(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let store = &desk.admin.shared.store;
    store.flush().await;
    let failed = |it: switchback_store::StoreError| Refused::store(&it);
    let found = match &*id {
        "last" => store.last().await.map_err(failed)?.map_or(Found::None { oldest_ms: None }, Found::One),
        _ => store.find(&id).await.map_err(failed)?,
    };
    Ok(match found {
        Found::One(json) => match serde_json::from_str::<DecisionRecord>(&json) {
            Ok(record) => {
                let headers = told_headers(&desk, &record);
                let view = StoryView { frame: views::frame(&desk, &visitor), record, headers };
                html(StatusCode::OK, switchback_console::story(&view))
            }
            Err(_) => missing(&desk, &visitor, "This record cannot be shown", "It is there as JSON only."),
        },
        Found::Many(_) => {
            let typed: String = id.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '_').collect();
            Redirect::to(&format!("/requests?id={typed}")).into_response()
        }
        Found::None { oldest_ms } => {
            let why = oldest_ms.map_or_else(
                || "No request has been recorded yet.".to_owned(),
                |ms| format!("The oldest request that is kept is from {}.", crate::clock::shown(ms)),
            );
            missing(&desk, &visitor, "No such request", &why)
        }
    })
}

/// The headers of the decision as of the request's end. A stream's head leaves before its cost and the length of its call are known; where it
/// left before the outcome was, only what stood in it for certain is told.
fn told_headers(desk: &Desk, record: &DecisionRecord) -> Vec<(String, String)> {
    if desk.admin.shared.snapshot.load().server.headers == HeaderMode::Off {
        return Vec::new();
    }
    let mut map = HeaderMap::new();
    headers::put(&mut map, "x-request-id", &record.object.request_id);
    if record.stream && record.error.as_ref().is_some_and(|it| record.committed || it.status == 200) {
        headers::put(&mut map, "x-switchback-task", &record.object.task);
    } else {
        let mut object = record.object.clone();
        let served = object.attempts.iter_mut().find(|it| record.stream && it.class.as_deref() == Some(SERVED));
        if let Some(it) = served {
            it.ms = None;
        }
        headers::tell(&mut map, &object, !record.stream || record.error.is_some());
    }
    let shown = |value: &axum::http::HeaderValue| value.to_str().unwrap_or("?").to_owned();
    map.iter().map(|(name, value)| (name.to_string(), shown(value))).collect()
}

async fn routes_page(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Query(noticed): Query<Noticed>,
) -> Response {
    let mut view = routes_view(&desk, &visitor);
    // Told from the audit, and only while nothing has changed since: a link can make nobody believe what was not done.
    if noticed.done.parse() == Ok(view.frame.revision) {
        let newest = desk.admin.shared.store.audits(MOST_TOLD).await.unwrap_or_default();
        view.notice = notice(&newest);
    }
    html(StatusCode::OK, switchback_console::routes(&view))
}

/// The live region of the routes.
pub(super) fn routes_live(desk: &Desk, visitor: &Visitor) -> String {
    switchback_console::routes_live(&routes_view(desk, visitor))
}

fn routes_view(desk: &Desk, visitor: &Visitor) -> RoutesView {
    let frame = views::frame(desk, visitor);
    let rows = routes::rows(&desk.admin.shared);
    RoutesView { routes: views::cards(&rows, &frame.overrides), frame, notice: None }
}

/// The newest change in a sentence: one change makes an entry for each route.
fn notice(newest: &[Audited]) -> Option<String> {
    let last = &newest.first()?.entry;
    let same = newest.iter().map(|it| &it.entry).take_while(|it| it.at_ms == last.at_ms && it.action == last.action);
    let targets: Vec<&str> = same.map(|it| &*it.target).collect();
    Some(format!("{} of {} by {}: {}", last.action, targets.join(", "), last.by, last.reason))
}

/// The files that pages load: public, they tell nothing of the gateway. A path names one version for ever.
async fn asset(Path(name): Path<String>) -> Response {
    let Some(asset) = Asset::at(&format!("/assets/{name}")) else {
        return Refused::new(StatusCode::NOT_FOUND, "nothing is served under this path").into_response();
    };
    let headers =
        [(header::CONTENT_TYPE, asset.content_type()), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, asset.body()).into_response()
}
