//! The page of metrics: what was counted, and how things stand at this moment.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use switchback_core::id::Name;

use super::Metrics;
use super::labels::Labels;

const BREAKER: [&str; 3] = ["route", "bucket", "state"];
const OVERRIDE: [&str; 2] = ["route", "kind"];
const ROUTE_INFO: [&str; 4] = ["route", "model", "provider", "region"];
const REASON: [&str; 1] = ["reason"];

type Levels<const N: usize> = Family<Labels<N>, Gauge<i64, AtomicI64>>;

/// How things stand at this moment.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    /// Requests that were not accepted, by reason.
    pub(crate) rejected: Vec<(String, u64)>,
    /// Route, bucket and state of every breaker that is not untouched.
    pub(crate) breakers: Vec<[Name; 3]>,
    /// Route and kind of every override.
    pub(crate) overrides: Vec<[Name; 2]>,
    /// Route, model, provider and region of every deployment.
    pub(crate) routes: Vec<[Name; 4]>,
    pub(crate) last_reload_ok: bool,
    pub(crate) records_dropped: u64,
}

/// The page, as OpenMetrics text.
///
/// # Errors
///
/// Never in practice: writing to a string does not fail.
pub(crate) fn text(metrics: &Metrics, gauges: Gauges) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("switchback");
    metrics.register(&mut registry);
    let rejected = Family::<Labels<1>, Counter>::default();
    for (reason, n) in gauges.rejected {
        rejected.get_or_create(&Labels::new(&REASON, [reason.into()])).inc_by(n);
    }
    registry.register("rejected", "Requests that were not accepted", rejected);
    let breakers = Levels::<3>::default();
    for [route, bucket, state] in gauges.breakers {
        for each in ["closed", "open", "half_open"] {
            let labels = [Name::clone(&route), Name::clone(&bucket), each.into()];
            breakers.get_or_create(&Labels::new(&BREAKER, labels)).set(i64::from(&*state == each));
        }
    }
    registry.register("breaker_state", "1 for the state that a breaker is in", breakers);
    let overrides = Levels::<2>::default();
    for it in gauges.overrides {
        overrides.get_or_create(&Labels::new(&OVERRIDE, it)).set(1);
    }
    registry.register("override_active", "Overrides of operators in force", overrides);
    let routes = Levels::<4>::default();
    for it in gauges.routes {
        routes.get_or_create(&Labels::new(&ROUTE_INFO, it)).set(1);
    }
    registry.register("route_info", "Deployments of routes", routes);
    let reloaded: Gauge<i64, AtomicI64> = Gauge::default();
    reloaded.set(i64::from(gauges.last_reload_ok));
    registry.register("config_last_reload_successful", "Whether the last reload was taken", reloaded);
    let dropped: Counter = Counter::default();
    dropped.inc_by(gauges.records_dropped);
    registry.register("records_dropped", "Records that could not be kept", dropped);
    let mut page = String::new();
    encode(&mut page, &registry)?;
    Ok(page)
}
