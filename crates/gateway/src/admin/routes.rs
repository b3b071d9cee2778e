//! Routes: how they are, and switching them off and on.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use switchback_core::breaker;
use switchback_core::id::{Name, RouteId};
use switchback_core::policy::RungKind;
use switchback_core::time::millis;

use super::{Admin, Refused, by, is_current, reason};
use crate::overrides::{self, Change, Changing};
use crate::state::{Shared, Snapshot};

/// One route as an operator sees it.
#[derive(Debug, Serialize)]
pub(super) struct RouteRow {
    route: Name,
    call: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Name>,
    /// `closed`, `open`, `half_open`, `disabled` or `gone`: the worst of its buckets.
    state: &'static str,
    keys: usize,
    keys_cooling: usize,
    keys_off: usize,
    calls: u32,
    failed: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    median_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_probe_ms: Option<u64>,
    buckets: Vec<BucketRow>,
    used_by: Vec<String>,
}

#[derive(Debug, Serialize)]
struct BucketRow {
    bucket: &'static str,
    state: &'static str,
    calls: u32,
    failed: u32,
}

impl RouteRow {
    /// Its name and state.
    pub(super) fn state(&self) -> (String, &'static str) {
        (self.route.to_string(), self.state)
    }

    /// What is wrong with it, in a sentence.
    pub(super) fn problem(&self) -> Option<String> {
        let name = &self.route;
        match self.state {
            "open" => {
                Some(format!("{name} is open: {} of {} calls failed within its window.", self.failed, self.calls))
            }
            "gone" => Some(format!("{name} is switched off: the provider does not have the model.")),
            _ if self.keys_off >= self.keys => {
                Some(format!("{name}: every credential was refused or has no quota left."))
            }
            _ => None,
        }
    }
}

pub(super) async fn list(State(admin): State<Admin>) -> Json<Vec<RouteRow>> {
    Json(rows(&admin.shared))
}

pub(super) fn rows(shared: &Shared) -> Vec<RouteRow> {
    let snapshot = shared.snapshot.load();
    let n_routes = u32::try_from(snapshot.policy.routes.len()).unwrap_or(u32::MAX);
    (0..n_routes).filter_map(|place| row(shared, &snapshot, RouteId(place))).collect()
}

fn row(shared: &Shared, snapshot: &Snapshot, id: RouteId) -> Option<RouteRow> {
    let now = shared.clock.now();
    let route = snapshot.policy.route(id)?;
    let provider = snapshot.policy.provider(route.provider)?;
    let view = snapshot.health.view(id, now)?;
    let buckets: Vec<BucketRow> = view
        .buckets
        .iter()
        .map(|it| BucketRow { bucket: it.bucket.name(), state: name(it.state), calls: it.calls, failed: it.failed })
        .collect();
    let worst = |state| buckets.iter().any(|it| it.state == state);
    let state = match () {
        () if view.disabled => "disabled",
        () if view.gone => "gone",
        () if worst("open") => "open",
        () if worst("half_open") => "half_open",
        () => "closed",
    };
    let until = view.buckets.iter().filter_map(|it| match it.state {
        breaker::State::Open { until } => Some(millis(now.until(until))),
        breaker::State::Closed | breaker::State::HalfOpen { .. } => None,
    });
    Some(RouteRow {
        route: Name::clone(&route.name),
        call: route.call(provider),
        region: route.region.clone(),
        state,
        keys: view.keys,
        keys_cooling: view.keys_cooling,
        keys_off: view.keys_off,
        calls: buckets.iter().map(|it| it.calls).sum(),
        failed: buckets.iter().map(|it| it.failed).sum(),
        median_ms: view.buckets.iter().find_map(|it| it.median).map(millis),
        next_probe_ms: until.min(),
        used_by: used_by(snapshot, id),
        buckets,
    })
}

fn name(state: breaker::State) -> &'static str {
    match state {
        breaker::State::Closed => "closed",
        breaker::State::Open { .. } => "open",
        breaker::State::HalfOpen { .. } => "half_open",
    }
}

/// `task rung`, for every rung that calls the route.
fn used_by(snapshot: &Snapshot, id: RouteId) -> Vec<String> {
    let tasks = snapshot.policy.tasks.iter().filter(|it| !it.direct);
    let rungs = tasks.flat_map(|task| task.ladder.iter().enumerate().map(move |(place, rung)| (task, place, rung)));
    let mine = rungs.filter(|(_, _, rung)| matches!(&rung.kind, RungKind::Try(it) if it.route == id));
    mine.map(|(task, place, _)| format!("{} {}", task.name, place + 1)).collect()
}

/// What a change is asked with.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    select: Option<String>,
    reason: Option<String>,
    revision: Option<u64>,
    #[serde(rename = "for")]
    span: Option<String>,
    by: Option<String>,
    surface: Option<String>,
    task: Option<String>,
    /// Only says what it would do.
    #[serde(default)]
    preview: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Changed {
    routes: Vec<Name>,
    effect: Vec<String>,
    revision: u64,
    preview: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<u64>,
}

pub(super) async fn disable(State(admin): State<Admin>, Json(asked): Json<Asked>) -> Result<Json<Changed>, Refused> {
    blocking(move || change(&admin, &asked, true)).await
}

pub(super) async fn enable(State(admin): State<Admin>, Json(asked): Json<Asked>) -> Result<Json<Changed>, Refused> {
    blocking(move || change(&admin, &asked, false)).await
}

/// Changes block until they are durable; they get a thread of their own.
pub(super) async fn blocking<T: Send + 'static>(
    change: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(change).await;
    done.unwrap_or_else(|_| Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the change was not made")))
}

fn change(admin: &Admin, asked: &Asked, disables: bool) -> Result<Json<Changed>, Refused> {
    let shared = &admin.shared;
    // First the turn, then the look at what is: nothing can change in between.
    let mut changing = (!asked.preview).then(|| Changing::begin(shared));
    let snapshot = shared.snapshot.load();
    let change = understood(shared, &snapshot, asked)?;
    let effect = if disables { overrides::effect(&snapshot, &change.routes, shared.clock.now()) } else { Vec::new() };
    if let Some(changing) = &mut changing {
        is_current(changing, asked.revision)?;
        let done = if disables { Changing::disable } else { Changing::enable };
        done(changing, &snapshot, &change).map_err(|it| Refused::store(&it))?;
    }
    let names = change.routes.iter().filter_map(|it| snapshot.policy.route(*it)).map(|it| Name::clone(&it.name));
    Ok(Json(Changed {
        routes: names.collect(),
        effect,
        revision: shared.revision.load(Ordering::Acquire),
        preview: asked.preview,
        until_ms: change.until.map(|it| shared.clock.unix_ms(it)),
    }))
}

fn understood(shared: &Shared, snapshot: &Snapshot, asked: &Asked) -> Result<Change, Refused> {
    let unprocessable = |message: &str| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, message);
    if asked.surface.is_some() || asked.task.is_some() {
        return Err(unprocessable("`surface` and `task` are not supported yet; a change holds for every task"));
    }
    let selector = asked.select.as_deref().ok_or_else(|| unprocessable("`select` names the routes"))?;
    let routes = overrides::select(&snapshot.policy, selector);
    if routes.is_empty() {
        return Err(Refused::new(StatusCode::NOT_FOUND, format!("no route matches {selector}")));
    }
    let reason = match asked.preview {
        true => String::new(),
        false => reason(asked.reason.as_deref())?,
    };
    let until = match &asked.span {
        None => None,
        Some(span) => {
            let span = switchback_config::duration(span).map_err(|it| unprocessable(&it))?;
            Some(shared.clock.now() + span)
        }
    };
    Ok(Change { routes, by: by(asked.by.as_deref()), reason, until })
}

/// How many entries are asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    limit: Option<usize>,
}

/// Who changed what, when and why; newest first.
pub(super) async fn audit(
    State(admin): State<Admin>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<switchback_store::Audited>>, Refused> {
    let entries = admin.shared.store.audits(page.limit.unwrap_or(100).min(1_000)).await;
    let entries = entries.map_err(|it| Refused::store(&it))?;
    Ok(Json(entries))
}
