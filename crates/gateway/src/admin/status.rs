//! One look at everything: is it well, and if not, what is wrong?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use switchback_core::id::Name;
use switchback_core::time::millis;

use super::routes::{RouteRow, blocking};
use super::{Admin, Refused, by, is_current, reason};
use crate::overrides::Changing;
use crate::reload::LastReload;

/// Outcomes are counted over this long.
const COUNTED_MS: u64 = 5 * 60 * 1_000;

/// The answer of `status`.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    ok: bool,
    /// What is wrong, in sentences.
    problems: Vec<String>,
    version: &'static str,
    simulated: bool,
    revision: u64,
    up_ms: u64,
    config: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_reload: Option<LastReload>,
    draining: bool,
    in_flight: u64,
    rejected: BTreeMap<&'static str, u64>,
    records_dropped: u64,
    overrides: Vec<switchback_store::Override>,
    tasks: Vec<TaskRow>,
    routes: Vec<RouteRow>,
}

/// One task with what its requests came to in the last five minutes; `caller` counts those that failed by their caller's
/// own doing, apart from `failed`.
#[derive(Debug, Serialize)]
pub(super) struct TaskRow {
    pub(super) task: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<String>,
    rungs: usize,
    pub(super) last_5_min: BTreeMap<String, u64>,
}

/// Something that is wrong.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) about: About,
    /// In a sentence.
    pub(super) text: String,
}

/// What a problem concerns.
#[derive(Debug)]
pub(super) enum About {
    /// A task, by its name.
    Task(String),
    /// A route, by its name.
    Route(String),
    /// The configuration.
    Configuration,
    /// The records.
    Records,
}

pub(super) async fn status(State(admin): State<Admin>) -> Result<Json<Status>, Refused> {
    let shared = &admin.shared;
    let tasks = rows(&admin).await?;
    let last_reload = admin.reloader.as_ref().and_then(|it| it.last());
    let routes = super::routes::rows(shared);
    let problems = problems(&admin, &tasks, &routes, last_reload.as_ref());
    let problems: Vec<String> = problems.into_iter().map(|it| it.text).collect();
    Ok(Json(Status {
        ok: problems.is_empty(),
        problems,
        version: env!("CARGO_PKG_VERSION"),
        simulated: admin.simulated,
        revision: shared.revision.load(Ordering::Acquire),
        up_ms: millis(shared.clock.now().since_origin()),
        config: shared.snapshot.load().hash.to_string(),
        last_reload,
        draining: shared.draining.load(Ordering::Relaxed),
        in_flight: shared.in_flight.load(Ordering::Relaxed),
        rejected: shared.rejected.counts().collect(),
        records_dropped: shared.store.dropped(),
        overrides: shared.overrides.all(),
        tasks,
        routes,
    }))
}

pub(super) async fn tasks(State(admin): State<Admin>) -> Result<Json<Vec<TaskRow>>, Refused> {
    rows(&admin).await.map(Json)
}

pub(super) async fn rows(admin: &Admin) -> Result<Vec<TaskRow>, Refused> {
    let shared = &admin.shared;
    shared.store.flush().await;
    let since = shared.clock.unix_ms(shared.clock.now()).saturating_sub(COUNTED_MS);
    let counts = shared.store.counts_since(since).await.map_err(|it| Refused::store(&it))?;
    let snapshot = shared.snapshot.load();
    let asked = |name: &str| counts.iter().any(|(task, ..)| task == name);
    // One name may stand for several ladders.
    let mut named = BTreeSet::new();
    let shown = snapshot.policy.tasks.iter().filter(|it| !it.direct || asked(&it.name));
    let rows = shown.filter(|it| named.insert(Name::clone(&it.name))).map(|task| TaskRow {
        task: task.name.to_string(),
        about: task.about.as_ref().map(ToString::to_string),
        rungs: task.ladder.len(),
        last_5_min: counts
            .iter()
            .filter(|(name, ..)| **name == *task.name)
            .map(|(_, outcome, n)| (outcome.clone(), *n))
            .collect(),
    });
    Ok(rows.collect())
}

/// What is wrong.
pub(super) fn problems(
    admin: &Admin,
    tasks: &[TaskRow],
    routes: &[RouteRow],
    reload: Option<&LastReload>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |about, text| problems.push(Problem { about, text });
    if let Some(it) = reload.filter(|it| !it.ok) {
        let why = it.why.as_deref().and_then(|it| it.lines().next()).unwrap_or_default();
        let text = format!("The last reload was refused, the file before it still serves: {why}");
        add(About::Configuration, text);
    }
    if !admin.shared.store.healthy() {
        add(About::Records, "Records cannot be written; requests are still answered.".to_owned());
    }
    if admin.shared.store.dropped() > 0 {
        add(About::Records, format!("{} records were dropped since the start.", admin.shared.store.dropped()));
    }
    for it in tasks {
        let n = |outcome: &str| it.last_5_min.get(outcome).copied().unwrap_or(0);
        let (failed, all) = (n("failed"), it.last_5_min.values().sum::<u64>() - n(switchback_store::CALLER));
        if failed > 0 {
            let text = format!("{}: {failed} of {all} requests of the last 5 minutes failed.", it.task);
            add(About::Task(it.task.clone()), text);
        }
    }
    for it in routes {
        if let Some(text) = it.problem() {
            add(About::Route(it.route.to_string()), text);
        }
    }
    problems
}

/// What a reload is asked with.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    reason: Option<String>,
    revision: Option<u64>,
    by: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Reloaded {
    config: String,
    revision: u64,
}

/// Takes the file as it is now.
pub(super) async fn reload(State(admin): State<Admin>, Json(asked): Json<Asked>) -> Result<Json<Reloaded>, Refused> {
    blocking(move || reloaded(&admin, &asked)).await
}

fn reloaded(admin: &Admin, asked: &Asked) -> Result<Json<Reloaded>, Refused> {
    let reason = reason(asked.reason.as_deref())?;
    let none = || Refused::new(StatusCode::CONFLICT, "this gateway does not run from a file");
    let reloader = admin.reloader.as_ref().ok_or_else(none)?;
    let mut changing = Changing::begin(&admin.shared);
    is_current(&changing, asked.revision)?;
    let config = reloader.reload(&mut changing, &by(asked.by.as_deref()), &reason);
    let config = config.map_err(|why| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, why))?;
    Ok(Json(Reloaded { config, revision: admin.shared.revision.load(Ordering::Acquire) }))
}
