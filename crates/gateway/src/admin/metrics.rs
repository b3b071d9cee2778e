//! `/metrics`: what was counted, and how things stand.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use switchback_core::id::{Name, RouteId};

use super::{Admin, Refused, routes};
use crate::state::Shared;
use crate::telemetry::{self, Gauges};

/// What Prometheus and its kin ask for.
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn page(State(admin): State<Admin>) -> Result<Response, Refused> {
    let gauges = gauges(&admin);
    let page = telemetry::text(&admin.shared.metrics, gauges)
        .map_err(|_| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written"))?;
    Ok(([(header::CONTENT_TYPE, FORMAT)], page).into_response())
}

fn gauges(admin: &Admin) -> Gauges {
    let shared = &admin.shared;
    let overrides = shared.overrides.all();
    Gauges {
        rejected: shared.rejected.counts().map(|(reason, n)| (reason.to_owned(), n)).collect(),
        breakers: breakers(shared),
        overrides: overrides.iter().map(|it| [it.route.as_str().into(), it.kind.as_str().into()]).collect(),
        routes: infos(shared),
        last_reload_ok: admin.reloader.as_ref().and_then(|it| it.last()).is_none_or(|it| it.ok),
        records_dropped: shared.store.dropped(),
    }
}

/// A route's bucket is as the best deployment that can be called has it: that is what requests meet.
fn breakers(shared: &Shared) -> Vec<[Name; 3]> {
    let mut found = Vec::new();
    for row in routes::rows(shared) {
        let each = buckets(&row.deployments);
        found.extend(each.map(|(bucket, state)| [Name::clone(&row.route), bucket.into(), state.into()]));
    }
    found
}

/// Every bucket that any deployment has, with its best state. A deployment that can be called and has had no call of the
/// bucket yet would take one: there it is closed.
fn buckets(deployments: &[routes::DeploymentRow]) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut best: BTreeMap<&'static str, &'static str> = BTreeMap::new();
    let names: BTreeSet<&'static str> = deployments.iter().flat_map(|it| &it.buckets).map(|it| it.bucket).collect();
    let callable = |it: &&routes::DeploymentRow| !matches!(it.state, "disabled" | "gone");
    let none = !deployments.iter().any(|it| callable(&it));
    for it in deployments.iter().filter(|it| none || callable(it)) {
        for name in &names {
            let state = it.buckets.iter().find(|it| it.bucket == *name).map_or("closed", |it| it.state);
            let kept = best.entry(name).or_insert(state);
            if routes::rank(state) < routes::rank(kept) {
                *kept = state;
            }
        }
    }
    best.into_iter()
}

fn infos(shared: &Shared) -> Vec<[Name; 4]> {
    let snapshot = shared.snapshot.load();
    let mut found = Vec::new();
    for place in 0_u32.. {
        let Some(route) = snapshot.policy.route(RouteId(place)) else { return found };
        for it in &route.deployments {
            let provider = snapshot.policy.provider(it.provider).map_or_else(|| "".into(), |it| Name::clone(&it.name));
            let region = it.region.clone().unwrap_or_else(|| "".into());
            found.push([Name::clone(&route.name), Name::clone(&it.model), provider, region]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::routes::{BucketRow, DeploymentRow};
    use super::*;

    fn deployment(state: &'static str, buckets: &[(&'static str, &'static str)]) -> DeploymentRow {
        let bucket = |(bucket, state): &(&'static str, &'static str)| BucketRow {
            bucket,
            state,
            calls: 0,
            failed: 0,
            median_ms: None,
            next_probe_ms: None,
        };
        DeploymentRow {
            call: "a/m".into(),
            region: None,
            tags: Vec::new(),
            order: 1,
            weight: 1,
            state,
            keys: 1,
            keys_cooling: 0,
            keys_dry: 0,
            keys_off: 0,
            next_probe_ms: None,
            buckets: buckets.iter().map(bucket).collect(),
        }
    }

    fn told(deployments: &[DeploymentRow]) -> Vec<(&'static str, &'static str)> {
        buckets(deployments).collect()
    }

    #[test]
    fn a_route_is_not_open_while_a_deployment_that_nobody_has_called_would_take_the_request() {
        let open = || deployment("open", &[("short", "open")]);
        assert_eq!(told(&[open(), deployment("closed", &[])]), [("short", "closed")]);
        assert_eq!(told(&[open()]), [("short", "open")]);
        assert_eq!(told(&[open(), deployment("disabled", &[])]), [("short", "open")]);
        assert_eq!(told(&[open(), deployment("gone", &[("short", "closed")])]), [("short", "open")]);
        let half = deployment("half_open", &[("short", "half_open"), ("tools", "open")]);
        assert_eq!(told(&[open(), half]), [("short", "half_open"), ("tools", "closed")]);
    }
}
