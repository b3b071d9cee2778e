//! The health of what can be called: five scopes, never one cooldown.
//!
//! A refused credential is not an outage, a rate limit is not a failure, and a bad bucket of long calls must not
//! close the short ones. So: **credential** (off after 401 or an empty account), **key × model** (cooling after a
//! rate limit, off after 403), **route** (disabled by an operator, or gone), **route × bucket** (the breaker). What a
//! class does to which scope is the table in [`failure`](crate::failure). One lock per route and per provider, held
//! for a few instructions; nothing here waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::breaker::{Breaker, Permit, State, Verdict};
use crate::dice::Dice;
use crate::failure::{Detail, Failure, FailureClass, HealthEffect};
use crate::id::RouteId;
use crate::latency::Latency;
use crate::outcome::Skip;
use crate::policy::Policy;
use crate::route::{BUCKETS, Bucket};
use crate::time::Now;

mod switch;

use switch::{KeyHealth, Switch};

/// State of everything that can be called, in the order of the policy's routes and providers.
#[derive(Debug)]
pub struct Health {
    routes: Vec<Arc<Mutex<RouteHealth>>>,
    credentials: Vec<Arc<Mutex<Vec<Switch>>>>,
    providers_of_routes: Vec<usize>,
}

/// State of one route.
#[derive(Debug)]
struct RouteHealth {
    /// Disabled by an operator, until this instant or until enabled.
    disabled: Option<Option<Now>>,
    gone: Switch,
    breakers: [Breaker; BUCKETS.len()],
    latencies: [Latency; BUCKETS.len()],
    keys: Vec<KeyHealth>,
    /// Whose turn it is among the keys.
    turn: usize,
}

/// Leave to call a route with a key; settled exactly once with [`Health::settle`].
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Admission {
    /// The route.
    pub route: RouteId,
    /// The key, as a position among its provider's.
    pub key: usize,
    bucket: Bucket,
    permit: Permit,
    at: Now,
    lease: Now,
}

/// Who asks for an admission.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// The workload.
    pub bucket: Bucket,
    /// Keys that this rung has tried already, as a bit set.
    pub tried_keys: u64,
    /// Whether a cooling key may be used: the request waited as long as its provider asked.
    pub waited: bool,
    /// When the call ends at the latest; a permit that is not settled by a second later is reclaimed.
    pub ends: Now,
}

/// How a call ended, for the scopes.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// What went wrong; `None`: a sound answer.
    pub failure: Option<&'a Failure>,
    /// Whether the call was cut by the request's own deadline rather than by the route's timeout.
    pub cut_by_deadline: bool,
    /// How long it took.
    pub took: Duration,
}

/// What an operator sees of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteView {
    /// Disabled by an operator.
    pub disabled: bool,
    /// Switched off because the model is gone.
    pub gone: bool,
    /// Breaker state, calls and failures inside the window, per bucket that has seen calls or is not closed.
    pub buckets: Vec<BucketView>,
    /// Keys that are cooling, and keys that are off.
    pub keys_cooling: usize,
    /// Keys that were switched off.
    pub keys_off: usize,
    /// All keys.
    pub keys: usize,
}

/// What an operator sees of one bucket of a route.
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

// === impl Admission ===

impl Admission {
    /// Whether the call probes an open breaker.
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        self.permit.probe
    }
}

// === impl Health ===

impl Health {
    /// Everything healthy.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let n_keys = |route: &crate::route::Route| policy.provider(route.provider).map_or(1, |it| it.n_keys.max(1));
        let fresh = |route| Arc::new(Mutex::new(RouteHealth::new(policy, n_keys(route))));
        let credentials = policy.providers.iter().map(|it| vec![Switch::default(); it.n_keys.max(1)]);
        Self {
            routes: policy.routes.iter().map(fresh).collect(),
            credentials: credentials.map(|it| Arc::new(Mutex::new(it))).collect(),
            providers_of_routes: policy.routes.iter().map(|it| it.provider.index()).collect(),
        }
    }

    /// State for a new policy: a route that is still the same call keeps what is known of it, unless the trip rules
    /// changed. Credentials begin anew: a reload is how an operator says that a key was mended.
    #[must_use]
    pub fn carried_over(&self, old: &Policy, new: &Policy) -> Self {
        let mut health = Self::new(new);
        for (place, route) in new.routes.iter().enumerate() {
            let same = old.routes.iter().position(|it| {
                let providers = (old.provider(it.provider), new.provider(route.provider));
                let same_provider = matches!(providers, (Some(a), Some(b)) if a.name == b.name && a.n_keys == b.n_keys);
                it.name == route.name && it.model == route.model && same_provider
            });
            let kept = same.and_then(|it| self.routes.get(it));
            let named = old.routes.iter().position(|it| it.name == route.name).and_then(|it| self.routes.get(it));
            let disabled = named.and_then(|it| it.lock().unwrap_or_else(PoisonError::into_inner).disabled);
            if let Some(slot) = health.routes.get(place) {
                slot.lock().unwrap_or_else(PoisonError::into_inner).disabled = disabled;
            }
            if let (Some(kept), Some(slot), true) = (kept, health.routes.get_mut(place), old.breaker == new.breaker) {
                // A key that was refused for this model may have been mended; what it waits for still holds.
                let mut state = kept.lock().unwrap_or_else(PoisonError::into_inner);
                state.keys.iter_mut().for_each(|key| key.off.on());
                drop(state);
                *slot = Arc::clone(kept);
            }
        }
        health
    }

    /// Why the route cannot be called now; `None` when it can. Changes nothing.
    #[must_use]
    pub fn obstacle(&self, route: RouteId, asking: &Asking, now: Now) -> Option<Skip> {
        let state = self.route(route)?;
        if state.is_disabled(now) {
            return Some(Skip::Disabled);
        }
        if let Some(skip) = state.gone.obstacle(now) {
            return Some(skip);
        }
        if !state.breaker(asking.bucket).is_none_or(|it| it.would_admit(now)) {
            return Some(Skip::BreakerOpen);
        }
        let credentials = self.credentials(route)?;
        state.choose_key(&credentials, asking, now).err()
    }

    /// Takes leave to call the route.
    ///
    /// # Errors
    ///
    /// The reason why it cannot be called now, as [`Self::obstacle`] gives it.
    pub fn admit(&self, route: RouteId, asking: &Asking, now: Now) -> Result<Admission, Skip> {
        let (Some(mut state), Some(mut credentials)) = (self.route(route), self.credentials(route)) else {
            return Err(Skip::Gone);
        };
        if state.is_disabled(now) {
            return Err(Skip::Disabled);
        }
        if let Some(skip) = state.gone.obstacle(now) {
            return Err(skip);
        }
        let key = state.choose_key(&credentials, asking, now)?;
        let lease = asking.ends + Duration::from_secs(1);
        let permit = state.breaker_mut(asking.bucket).and_then(|it| it.admit(now, lease)).ok_or(Skip::BreakerOpen)?;
        state.gone.probe(lease);
        state.turn = key + 1;
        if let Some(it) = state.keys.get_mut(key) {
            it.off.probe(lease);
        }
        if let Some(it) = credentials.get_mut(key) {
            it.probe(lease);
        }
        Ok(Admission { route, key, bucket: asking.bucket, permit, at: now, lease })
    }

    /// Tells the scopes how an admitted call ended.
    pub fn settle(&self, admission: Admission, ended: &Ended<'_>, now: Now, dice: &mut Dice) {
        let (Some(mut state), Some(mut credentials)) = (self.route(admission.route), self.credentials(admission.route))
        else {
            return;
        };
        let retry_after = ended.failure.and_then(|it| it.retry_after);
        let verdict = verdict(ended);
        if let Some(breaker) = state.breaker_mut(admission.bucket) {
            breaker.settle(now, admission.permit, verdict, retry_after, dice);
        }
        if verdict == Verdict::Success {
            if let (Some(latency), None) = (state.latencies.get_mut(admission.bucket as usize), ended.failure) {
                latency.add(ended.took);
            }
            state.gone.succeeded(admission.at);
            if let Some(it) = state.keys.get_mut(admission.key) {
                it.succeeded(admission.at);
            }
            if let Some(it) = credentials.get_mut(admission.key) {
                it.succeeded(admission.at);
            }
        }
        state.gone.return_probe(admission.lease);
        if let Some(it) = state.keys.get_mut(admission.key) {
            it.off.return_probe(admission.lease);
        }
        if let Some(it) = credentials.get_mut(admission.key) {
            it.return_probe(admission.lease);
        }
        if let Some(failure) = ended.failure {
            state.take_effect(&mut credentials, &admission, failure, now);
        }
    }

    /// Median duration of the route's sound calls in a bucket, from five on.
    #[must_use]
    pub fn expected(&self, route: RouteId, bucket: Bucket) -> Option<Duration> {
        self.route(route)?.latencies.get(bucket as usize)?.median()
    }

    /// How long until the route could be called again, as far as health knows; `None` when nothing but an operator or
    /// a probe can tell.
    #[must_use]
    pub fn callable_in(&self, route: RouteId, bucket: Bucket, now: Now) -> Option<Duration> {
        let state = self.route(route)?;
        if state.is_disabled(now) {
            return state.disabled.flatten().map(|until| now.until(until));
        }
        if let Some(off) = &state.gone.off {
            return Some(now.until(off.probe_at));
        }
        let open = match state.breaker(bucket)?.state() {
            State::Open { until } => now.until(until),
            State::Closed | State::HalfOpen { .. } => Duration::ZERO,
        };
        let cooling = state.keys.iter().map(|it| it.cools_for(now)).min();
        Some(open.max(cooling.unwrap_or_default()))
    }

    /// Stops every call to the route, probes included, until an instant or until enabled.
    pub fn disable(&self, route: RouteId, until: Option<Now>) {
        if let Some(mut state) = self.route(route) {
            state.disabled = Some(until);
        }
    }

    /// Ends a disable, and lets a route or credential that was switched off be tried at once.
    pub fn enable(&self, route: RouteId) {
        if let Some(mut state) = self.route(route) {
            state.disabled = None;
            state.gone.on();
            for key in &mut state.keys {
                key.off.on();
            }
        }
        if let Some(mut credentials) = self.credentials(route) {
            credentials.iter_mut().for_each(Switch::on);
        }
    }

    /// What an operator sees of a route.
    #[must_use]
    pub fn view(&self, route: RouteId, now: Now) -> Option<RouteView> {
        let state = self.route(route)?;
        let credentials = self.credentials(route)?;
        let buckets = BUCKETS.iter().filter_map(|(bucket, _)| state.bucket_view(*bucket, now)).collect();
        let off = |place: usize, key: &KeyHealth| {
            key.off.off.is_some() || credentials.get(place).is_some_and(|it| it.off.is_some())
        };
        Some(RouteView {
            disabled: state.is_disabled(now),
            gone: state.gone.off.is_some(),
            buckets,
            keys_cooling: state.keys.iter().filter(|it| !it.cools_for(now).is_zero()).count(),
            keys_off: state.keys.iter().enumerate().filter(|(place, it)| off(*place, it)).count(),
            keys: state.keys.len(),
        })
    }

    fn route(&self, route: RouteId) -> Option<MutexGuard<'_, RouteHealth>> {
        self.routes.get(route.index()).map(|it| it.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Always locked after the route, so that two requests cannot wait for each other.
    fn credentials(&self, route: RouteId) -> Option<MutexGuard<'_, Vec<Switch>>> {
        let provider = self.providers_of_routes.get(route.index())?;
        self.credentials.get(*provider).map(|it| it.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a finished call says to the breaker.
fn verdict(ended: &Ended<'_>) -> Verdict {
    let Some(failure) = ended.failure else {
        return Verdict::Success;
    };
    if failure.class == FailureClass::Timeout && ended.cut_by_deadline {
        return Verdict::Ignored;
    }
    match failure.class.row().health {
        HealthEffect::Hard => Verdict::Hard,
        HealthEffect::Soft => Verdict::Soft,
        HealthEffect::CoolsKey if failure.detail == Some(Detail::TooLargeForLimit) => Verdict::Ignored,
        HealthEffect::CoolsKey => Verdict::FailsProbe,
        HealthEffect::CredentialOff | HealthEffect::RouteOff => Verdict::Ignored,
        HealthEffect::None => match failure.class {
            // The protocol itself was broken: that is health. A well-formed answer with bad content is not.
            FailureClass::Contract if failure.detail == Some(Detail::Malformed) => Verdict::Hard,
            FailureClass::Contract | FailureClass::Truncated | FailureClass::LowQuality | FailureClass::Refusal => {
                Verdict::Success
            }
            _ => Verdict::Ignored,
        },
    }
}

// === impl RouteHealth ===

impl RouteHealth {
    fn new(policy: &Policy, n_keys: usize) -> Self {
        Self {
            disabled: None,
            gone: Switch::default(),
            breakers: std::array::from_fn(|_| Breaker::new(policy.breaker)),
            latencies: std::array::from_fn(|_| Latency::default()),
            keys: vec![KeyHealth::default(); n_keys],
            turn: 0,
        }
    }

    fn is_disabled(&self, now: Now) -> bool {
        self.disabled.is_some_and(|until| until.is_none_or(|until| now < until))
    }

    fn breaker(&self, bucket: Bucket) -> Option<&Breaker> {
        self.breakers.get(bucket as usize)
    }

    fn breaker_mut(&mut self, bucket: Bucket) -> Option<&mut Breaker> {
        self.breakers.get_mut(bucket as usize)
    }

    /// The next usable key in turn, or why there is none: a cooling key may come back soonest, so it is named first.
    fn choose_key(&self, credentials: &[Switch], asking: &Asking, now: Now) -> Result<usize, Skip> {
        let mut why = None;
        let n_keys = self.keys.len();
        for place in (0..n_keys).map(|step| (self.turn + step) % n_keys.max(1)) {
            let Some(key) = self.keys.get(place) else { continue };
            if place < 64 && asking.tried_keys & (1 << place) != 0 && !asking.waited {
                continue;
            }
            let cooling = key.is_cooling(asking.waited, now);
            let off = credentials.get(place).and_then(|it| it.obstacle(now));
            let off = off.or_else(|| key.off.obstacle(now));
            match (cooling, off) {
                (false, None) => return Ok(place),
                (true, None) => why = Some(Skip::Cooling),
                (_, Some(skip)) => why = why.or(Some(skip)),
            }
        }
        Err(why.unwrap_or(Skip::Cooling))
    }

    fn take_effect(&mut self, credentials: &mut [Switch], admission: &Admission, failure: &Failure, now: Now) {
        let (key, at) = (admission.key, admission.at);
        match failure.class.row().health {
            // One request that is larger than the whole limit says nothing about the others.
            HealthEffect::CoolsKey if failure.detail == Some(Detail::TooLargeForLimit) => {}
            HealthEffect::CoolsKey => {
                if let Some(it) = self.keys.get_mut(key) {
                    it.limited(at, failure.retry_after, now);
                }
            }
            HealthEffect::CredentialOff if failure.class == FailureClass::Auth && failure.status == Some(403) => {
                if let Some(it) = self.keys.get_mut(key) {
                    it.off.switch_off(Skip::Auth, at, now);
                }
            }
            HealthEffect::CredentialOff => {
                let skip = if failure.class == FailureClass::QuotaExhausted { Skip::Quota } else { Skip::Auth };
                if let Some(it) = credentials.get_mut(key) {
                    it.switch_off(skip, at, now);
                }
            }
            HealthEffect::RouteOff => self.gone.switch_off(Skip::Gone, at, now),
            HealthEffect::None | HealthEffect::Hard | HealthEffect::Soft => {}
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

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
