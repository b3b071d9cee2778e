//! What an operator sees of health: plain values, read under the locks and then free of them.

use std::time::Duration;

use crate::breaker::State;
use crate::failure::FailureClass;
use crate::health::Health;
use crate::health::deployment::DeploymentHealth;
use crate::health::switch::{KeyHealth, Switch};
use crate::id::RouteId;
use crate::latency::Latency;
use crate::route::{BUCKETS, Bucket};
use crate::time::Now;

/// What an operator sees of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteView {
    /// Its deployments, in their order.
    pub deployments: Vec<DeploymentView>,
    /// Retries that the route's budget could pay.
    pub retry_budget: f64,
}

/// What an operator sees of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentView {
    /// Disabled by an operator.
    pub disabled: bool,
    /// Switched off because the model is gone.
    pub gone: bool,
    /// Breaker state, calls and failures inside the window, per bucket that has seen calls or is not closed.
    pub buckets: Vec<BucketView>,
    /// Keys that are cooling after a rate limit.
    pub keys_cooling: usize,
    /// Keys of which the provider said that nothing is left.
    pub keys_dry: usize,
    /// Keys that were switched off.
    pub keys_off: usize,
    /// All keys.
    pub keys: usize,
    /// Every key, in their order.
    pub each_key: Vec<KeyView>,
}

/// What an operator sees of a key at a deployment; never the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyView {
    /// `ready`, `cooling`, `dry` or `off`.
    pub state: &'static str,
    /// Why it is not ready, where that has a name.
    pub why: Option<&'static str>,
    /// How long until it is used or tried again, where it is not ready.
    pub again_in: Option<Duration>,
}

/// What an operator sees of one bucket of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketView {
    /// The bucket.
    pub bucket: Bucket,
    /// Its breaker.
    pub state: State,
    /// Calls inside the window.
    pub calls: u32,
    /// Failures inside the window.
    pub failed: u32,
    /// Median duration of sound calls, from five on.
    pub median: Option<Duration>,
}

impl Health {
    /// What an operator sees of a route.
    #[must_use]
    pub fn view(&self, route: RouteId, now: Now) -> Option<RouteView> {
        let state = self.route(route)?;
        let seen = |(place, it): (usize, &DeploymentHealth)| {
            it.view(self.credentials(route, place).as_deref().map_or(&[], Vec::as_slice), now)
        };
        let deployments = state.deployments.iter().enumerate().map(seen).collect();
        Some(RouteView { deployments, retry_budget: state.budget.tokens(now) })
    }
}

impl DeploymentHealth {
    pub(super) fn view(&self, credentials: &[Switch], now: Now) -> DeploymentView {
        let off = |place: usize, key: &KeyHealth| {
            key.off.off.is_some() || credentials.get(place).is_some_and(|it| it.off.is_some())
        };
        DeploymentView {
            disabled: self.is_disabled(now),
            gone: self.gone.off.is_some(),
            buckets: BUCKETS.iter().filter_map(|(bucket, _)| self.bucket_view(*bucket, now)).collect(),
            keys_cooling: self.keys.iter().filter(|it| !it.cools_for(now).is_zero()).count(),
            keys_dry: self.keys.iter().filter(|it| it.allowance.is_dry(1, now)).count(),
            keys_off: self.keys.iter().enumerate().filter(|(place, it)| off(*place, it)).count(),
            keys: self.keys.len(),
            each_key: self.keys.iter().zip(credentials).map(|(key, whole)| key_view(key, whole, now)).collect(),
        }
    }

    fn bucket_view(&self, bucket: Bucket, now: Now) -> Option<BucketView> {
        let breaker = self.breaker(bucket)?;
        let counts = breaker.counts(now);
        let view = BucketView {
            bucket,
            state: breaker.state(),
            calls: counts.total(),
            failed: counts.failed(),
            median: self.latencies.get(bucket as usize).and_then(Latency::median),
        };
        (view.calls > 0 || view.state != State::Closed).then_some(view)
    }
}

fn key_view(key: &KeyHealth, credential: &Switch, now: Now) -> KeyView {
    let cools_for = key.cools_for(now);
    let (state, why) = match credential.off.as_ref().or(key.off.off.as_ref()) {
        Some(off) => ("off", Some(off.skip.name())),
        None if !cools_for.is_zero() => ("cooling", Some(FailureClass::RateLimited.name())),
        None if key.allowance.is_dry(1, now) => ("dry", None),
        None => ("ready", None),
    };
    let probed_in = credential.probed_in(true, now).max(key.off.probed_in(true, now));
    let again_in = probed_in.max(cools_for).max(key.allowance.dry_for(1, now));
    KeyView { state, why, again_in: (state != "ready").then_some(again_in) }
}
