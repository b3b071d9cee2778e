//! `/metrics`: what was counted, and how things stand.

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

/// A route's bucket is as its best deployment has it: that is what requests meet.
fn breakers(shared: &Shared) -> Vec<[Name; 3]> {
    let mut found = Vec::new();
    for row in routes::rows(shared) {
        let mut buckets: Vec<&routes::BucketRow> = row.buckets.iter().collect();
        buckets.sort_by_key(|it| (it.bucket, routes::rank(it.state)));
        buckets.dedup_by_key(|it| it.bucket);
        let each = buckets.iter().map(|it| [Name::clone(&row.route), it.bucket.into(), it.state.into()]);
        found.extend(each);
    }
    found
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
