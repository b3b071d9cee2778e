//! Routes: how they are, and switching them off and on.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use switchback_core::breaker;
use switchback_core::health::{BucketView, DeploymentView, MOST_RETRIES};
use switchback_core::id::{Name, RouteId};
use switchback_core::policy::RungKind;
use switchback_core::record::{DecisionRecord, SERVED};
use switchback_core::route::Deployment;
use switchback_core::time::{Now, millis};
use switchback_store::Override;

use super::credentials::{self, Credential};
use super::{Admin, Refused, by, is_current, reason};
use crate::overrides::{self, Change, Changing, Harm};
use crate::state::{Shared, Snapshot};

/// One route as an operator sees it.
#[derive(Debug, Serialize)]
pub(crate) struct RouteRow {
    pub(crate) route: Name,
    /// The call; of several deployments, all of them.
    pub(crate) call: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<Name>,
    /// `closed`, `half_open`, `open`, `tripped`, `gone` or `disabled`: the worst bucket of the best deployment.
    pub(crate) state: &'static str,
    pub(crate) keys: usize,
    pub(crate) keys_cooling: usize,
    pub(crate) keys_dry: usize,
    pub(crate) keys_off: usize,
    pub(crate) calls: u32,
    pub(crate) failed: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) median_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_probe_ms: Option<u64>,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) buckets: Vec<BucketRow>,
    pub(crate) deployments: Vec<DeploymentRow>,
    pub(crate) used_by: Vec<String>,
}

/// Retries that a route may still make.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct RetryBudget {
    /// Tokens that are there; a retry takes one.
    pub(crate) left: f64,
    /// Tokens that it can hold.
    pub(crate) most: u32,
}

/// One route with what was done to it and how it failed lately.
#[derive(Debug, Serialize)]
pub(super) struct RouteInFull {
    #[serde(flatten)]
    row: RouteRow,
    /// Every key at every deployment.
    credentials: Vec<Credential>,
    overrides: Vec<Override>,
    /// Newest first.
    last_failures: Vec<LastFailure>,
}

/// A failed call.
#[derive(Debug, Serialize)]
struct LastFailure {
    at_ms: u64,
    request_id: Name,
    class: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Box<str>>,
}

/// Most failures that are told of a route, and most records that are looked through for them.
const MOST_FAILURES: usize = 5;
const LOOKED_THROUGH: usize = 500;

/// One deployment of a route.
#[derive(Debug, Serialize)]
pub(crate) struct DeploymentRow {
    pub(crate) call: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<Name>,
    pub(crate) tags: Vec<Name>,
    pub(crate) order: u32,
    pub(crate) weight: u32,
    pub(crate) state: &'static str,
    pub(crate) keys: usize,
    pub(crate) keys_cooling: usize,
    pub(crate) keys_dry: usize,
    pub(crate) keys_off: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_probe_ms: Option<u64>,
    pub(crate) buckets: Vec<BucketRow>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct BucketRow {
    pub(crate) bucket: &'static str,
    pub(crate) state: &'static str,
    pub(crate) calls: u32,
    pub(crate) failed: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) median_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_probe_ms: Option<u64>,
}

/// States, worst last.
const STATES: [&str; 6] = ["closed", "half_open", "open", "tripped", "gone", "disabled"];

impl RouteRow {
    /// Its name and state.
    pub(super) fn state(&self) -> (String, &'static str) {
        (self.route.to_string(), self.state)
    }

    /// What is wrong with it, in a sentence.
    pub(crate) fn problem(&self) -> Option<String> {
        let name = &self.route;
        match self.state {
            "open" => {
                Some(format!("{name} is open: {} of {} calls failed within its window.", self.failed, self.calls))
            }
            "tripped" => Some(format!("{name} is treated as down by an operator; probes bring it back.")),
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

/// One route by its name.
pub(super) async fn one(State(admin): State<Admin>, Path(named): Path<String>) -> Result<Json<RouteInFull>, Refused> {
    let found = rows(&admin.shared).into_iter().find(|it| *it.route == *named);
    let row = found.ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, format!("no route is named {named}")))?;
    let is_part =
        |it: &Override| it.route.strip_prefix(&*row.route).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
    let overrides = admin.shared.overrides.all().into_iter().filter(is_part).collect();
    let last_failures = last_failures(&admin.shared, &row.route).await?;
    let credentials = credentials::of(&admin.shared, &row.route);
    Ok(Json(RouteInFull { row, credentials, overrides, last_failures }))
}

async fn last_failures(shared: &Shared, route: &str) -> Result<Vec<LastFailure>, Refused> {
    shared.store.flush().await;
    let records = shared.store.recent(LOOKED_THROUGH, None, None).await.map_err(|it| Refused::store(&it))?;
    let records = records.iter().filter_map(|it| serde_json::from_str::<DecisionRecord>(it).ok());
    let failures = records.flat_map(|record| {
        let (id, arrived) = (Name::clone(&record.object.request_id), record.arrived_ms);
        let mine = record.object.attempts.into_iter().rev().filter(|it| *it.route == *route);
        mine.filter_map(move |it| {
            let story = it.story.unwrap_or_default();
            let class = it.class.filter(|class| **class != *SERVED)?;
            let at_ms = arrived + story.at_ms + it.ms.unwrap_or(0);
            Some(LastFailure { at_ms, request_id: Name::clone(&id), class, status: it.status, message: story.message })
        })
    });
    Ok(failures.take(MOST_FAILURES).collect())
}

/// Every route with its state.
pub(crate) fn rows(shared: &Shared) -> Vec<RouteRow> {
    let snapshot = shared.snapshot.load();
    let n_routes = u32::try_from(snapshot.policy.routes.len()).unwrap_or(u32::MAX);
    (0..n_routes).filter_map(|place| row(shared, &snapshot, RouteId(place))).collect()
}

fn row(shared: &Shared, snapshot: &Snapshot, id: RouteId) -> Option<RouteRow> {
    let now = shared.clock.now();
    let route = snapshot.policy.route(id)?;
    let view = snapshot.health.view(id, now)?;
    let tripped = overrides::tripped(shared, &snapshot.policy, id);
    let each = route.deployments.iter().zip(&view.deployments).enumerate();
    let deployments: Vec<DeploymentRow> =
        each.map(|(place, (it, view))| deployment(it, view, tripped.has(place), now)).collect();
    let best = deployments.iter().min_by_key(|it| rank(it.state))?;
    let buckets: Vec<BucketRow> = deployments.iter().flat_map(|it| it.buckets.clone()).collect();
    let mut regions: Vec<Name> = deployments.iter().filter_map(|it| it.region.clone()).collect();
    regions.dedup();
    let sum = |count: fn(&DeploymentRow) -> usize| deployments.iter().map(count).sum();
    let calls: Vec<&str> = deployments.iter().map(|it| &*it.call).collect();
    Some(RouteRow {
        route: Name::clone(&route.name),
        call: calls.join(", "),
        region: regions.first().filter(|_| regions.len() == 1).cloned(),
        state: best.state,
        keys: sum(|it| it.keys),
        keys_cooling: sum(|it| it.keys_cooling),
        keys_dry: sum(|it| it.keys_dry),
        keys_off: sum(|it| it.keys_off),
        calls: buckets.iter().map(|it| it.calls).sum(),
        failed: buckets.iter().map(|it| it.failed).sum(),
        median_ms: buckets.iter().filter_map(|it| it.median_ms).min(),
        next_probe_ms: deployments.iter().filter_map(|it| it.next_probe_ms).min(),
        retry_budget: RetryBudget { left: (view.retry_budget * 10.0).floor() / 10.0, most: MOST_RETRIES },
        used_by: used_by(snapshot, id),
        buckets,
        deployments,
    })
}

/// How bad a state is.
pub(crate) fn rank(state: &str) -> usize {
    STATES.iter().position(|it| *it == state).unwrap_or(0)
}

fn deployment(of: &Deployment, view: &DeploymentView, is_tripped: bool, now: Now) -> DeploymentRow {
    let bucket = |it: &BucketView| BucketRow {
        bucket: it.bucket.name(),
        state: name(it.state),
        calls: it.calls,
        failed: it.failed,
        median_ms: it.median.map(millis),
        next_probe_ms: probe_in(it, now),
    };
    let worst = |wanted| view.buckets.iter().any(|it| name(it.state) == wanted);
    let state = match () {
        () if view.disabled => "disabled",
        () if view.gone => "gone",
        () if is_tripped => "tripped",
        () if worst("open") => "open",
        () if worst("half_open") => "half_open",
        () => "closed",
    };
    let until = view.buckets.iter().filter_map(|it| probe_in(it, now));
    DeploymentRow {
        call: Name::clone(&of.call),
        region: of.region.clone(),
        tags: of.tags.clone(),
        order: of.order,
        weight: of.weight,
        state,
        keys: view.keys,
        keys_cooling: view.keys_cooling,
        keys_dry: view.keys_dry,
        keys_off: view.keys_off,
        next_probe_ms: until.min(),
        buckets: view.buckets.iter().map(bucket).collect(),
    }
}

fn probe_in(bucket: &BucketView, now: Now) -> Option<u64> {
    match bucket.state {
        breaker::State::Open { until } => Some(millis(now.until(until))),
        breaker::State::Closed | breaker::State::HalfOpen { .. } => None,
    }
}

fn name(state: breaker::State) -> &'static str {
    match state {
        breaker::State::Closed => "closed",
        breaker::State::Open { .. } => "open",
        breaker::State::HalfOpen { .. } => "half_open",
    }
}

/// `task rung`, for every rung that calls the route, each once: one name may stand for several ladders.
fn used_by(snapshot: &Snapshot, id: RouteId) -> Vec<String> {
    let tasks = snapshot.policy.tasks.iter().filter(|it| !it.direct);
    let rungs = tasks.flat_map(|task| task.ladder.iter().enumerate().map(move |(place, rung)| (task, place, rung)));
    let mine = rungs.filter(|(_, _, rung)| matches!(&rung.kind, RungKind::Try(it) if it.route == id));
    let mut told = BTreeSet::new();
    let each = mine.filter(|(task, place, _)| told.insert((&task.name, *place)));
    each.map(|(task, place, _)| format!("{} {}", task.name, place + 1)).collect()
}

/// What a change is asked with.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    pub(super) select: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) revision: Option<u64>,
    #[serde(rename = "for")]
    pub(super) span: Option<String>,
    pub(super) by: Option<String>,
    pub(super) surface: Option<String>,
    pub(super) task: Option<String>,
    /// Only says what it would do.
    #[serde(default)]
    pub(super) preview: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Changed {
    pub(super) routes: Vec<String>,
    pub(super) effect: Vec<String>,
    /// The worst that it does to a task.
    #[serde(skip)]
    pub(super) harm: Harm,
    pub(super) revision: u64,
    preview: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<u64>,
}

pub(super) async fn disable(State(admin): State<Admin>, Json(asked): Json<Asked>) -> Result<Json<Changed>, Refused> {
    blocking(move || change(&admin, &asked, Act::Disable)).await
}

pub(super) async fn enable(State(admin): State<Admin>, Json(asked): Json<Asked>) -> Result<Json<Changed>, Refused> {
    blocking(move || change(&admin, &asked, Act::Enable)).await
}

pub(super) async fn trip(State(admin): State<Admin>, Json(asked): Json<Asked>) -> Result<Json<Changed>, Refused> {
    blocking(move || change(&admin, &asked, Act::Trip)).await
}

pub(super) async fn reset(State(admin): State<Admin>, Json(asked): Json<Asked>) -> Result<Json<Changed>, Refused> {
    blocking(move || change(&admin, &asked, Act::Reset)).await
}

/// What can be done to routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Disable,
    Enable,
    Trip,
    Reset,
}

/// Changes block until they are durable; they get a thread of their own.
pub(super) async fn blocking<T: Send + 'static>(
    change: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(change).await;
    done.unwrap_or_else(|_| Err(Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the change was not made")))
}

pub(crate) fn change(admin: &Admin, asked: &Asked, act: Act) -> Result<Json<Changed>, Refused> {
    let shared = &admin.shared;
    // First the turn, then the look at what is: nothing can change in between.
    let mut changing = (!asked.preview).then(|| Changing::begin(shared));
    let snapshot = shared.snapshot.load();
    let change = understood(shared, &snapshot, asked, act)?;
    let takes_away = matches!(act, Act::Disable | Act::Trip);
    let effect =
        if takes_away { overrides::effect(&snapshot, &change.targets, shared.clock.now()) } else { Vec::new() };
    if let Some(changing) = &mut changing {
        is_current(changing, asked.revision)?;
        let done = match act {
            Act::Disable => Changing::disable,
            Act::Enable => Changing::enable,
            Act::Trip => Changing::trip,
            Act::Reset => Changing::reset,
        };
        done(changing, &snapshot, &change).map_err(|it| Refused::store(&it))?;
    }
    Ok(Json(Changed {
        routes: overrides::names(&snapshot.policy, &change.targets),
        harm: effect.iter().map(|it| it.harm).max().unwrap_or_default(),
        effect: effect.into_iter().map(|it| it.sentence).collect(),
        revision: shared.revision.load(Ordering::Acquire),
        preview: asked.preview,
        until_ms: change.until.map(|it| shared.clock.unix_ms(it)),
    }))
}

fn understood(shared: &Shared, snapshot: &Snapshot, asked: &Asked, act: Act) -> Result<Change, Refused> {
    let unprocessable = |message: &str| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, message);
    if asked.surface.is_some() || asked.task.is_some() {
        return Err(unprocessable("`surface` and `task` are not supported yet; a change holds for every task"));
    }
    let selector = asked.select.as_deref().ok_or_else(|| unprocessable("`select` names the routes"))?;
    let mut targets = overrides::select(&snapshot.policy, selector);
    if matches!(act, Act::Trip | Act::Reset) {
        // Nothing calls a star itself: what it does not do cannot be tripped, and nothing would bring it back.
        targets.retain(|it| snapshot.policy.route(it.route).is_some_and(|route| !route.name.contains('*')));
    }
    if asked.span.is_some() && act != Act::Disable {
        return Err(unprocessable(
            "`for` is said of a disable: a trip ends by its probes, the others are done at once",
        ));
    }
    if let (Act::Enable, Some(star)) = (act, overrides::star_over(shared, &snapshot.policy, &targets)) {
        return Err(unprocessable(&format!(
            "{star} is disabled, and with it every model that it stands for: enable {star}"
        )));
    }
    if targets.is_empty() {
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
    Ok(Change { targets, by: by(asked.by.as_deref()), reason, until })
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
