//! The health of what can be called: scopes, never one cooldown.
//!
//! A refused credential is not an outage, a rate limit is not a failure, and a bad bucket of long calls must not
//! close the short ones. So: **credential** (off after 401 or an empty account), **key × model** (cooling after a
//! rate limit, dry when the provider says that nothing is left, off after 403), **deployment** (disabled by an operator,
//! or gone), **deployment × bucket** (the breaker), and **route** (its retry budget). A route is out only when none of its
//! deployments can be called. What a class does to which scope is the table in [`failure`](crate::failure). One lock per
//! route and per provider, held for a few instructions; nothing here waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::breaker::{Permit, State, Verdict};
use crate::dice::Dice;
use crate::failure::{Detail, Failure, FailureClass, HealthEffect};
use crate::id::RouteId;
use crate::limits::Limits;
use crate::outcome::Skip;
use crate::policy::Policy;
use crate::route::{Bucket, Deployments, Route};
use crate::time::Now;

mod allowance;
mod budget;
mod carry;
mod deployment;
mod operate;
mod switch;
mod view;

use allowance::Spent;
pub use budget::MOST_RETRIES;

use budget::Budget;
use deployment::{Candidate, DeploymentHealth};
use switch::Switch;

pub use view::{BucketView, DeploymentView, KeyView, RouteView};

/// State of everything that can be called, in the order of the policy's routes and providers.
#[derive(Debug)]
pub struct Health {
    routes: Vec<Arc<Mutex<RouteHealth>>>,
    credentials: Vec<Arc<Mutex<Vec<Switch>>>>,
    /// Provider of each deployment of each route.
    providers: Vec<Vec<usize>>,
}

/// State of one route.
#[derive(Debug, Clone)]
struct RouteHealth {
    deployments: Vec<DeploymentHealth>,
    budget: Budget,
}

/// Leave to call a deployment of a route with a key; settled exactly once with [`Health::settle`].
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Admission {
    /// The route.
    pub route: RouteId,
    /// Which of its deployments.
    pub deployment: usize,
    /// The key, as a position among its provider's.
    pub key: usize,
    bucket: Bucket,
    permit: Permit,
    at: Now,
    lease: Now,
    spent: Spent,
}

/// Who asks for an admission.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The workload.
    pub bucket: Bucket,
    /// The deployments that may serve the request.
    pub fits: Deployments,
    /// Deployments and keys that this rung has called already.
    pub tried: &'a [(usize, usize)],
    /// Whether a cooling key may be used: the request waited as long as its provider asked.
    pub waited: bool,
    /// Whether something below could still answer: what is doubtful is tried with such requests.
    pub covered: bool,
    /// Estimated tokens of the prompt.
    pub prompt_tokens: u64,
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
    /// What the provider said of its rate limits.
    pub limits: Limits,
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
        let fresh = |route| Arc::new(Mutex::new(RouteHealth::new(policy, route)));
        let credentials = policy.providers.iter().map(|it| vec![Switch::default(); it.n_keys.max(1)]);
        let providers = policy.routes.iter().map(|it| it.deployments.iter().map(|it| it.provider.index()).collect());
        Self {
            routes: policy.routes.iter().map(fresh).collect(),
            credentials: credentials.map(|it| Arc::new(Mutex::new(it))).collect(),
            providers: providers.collect(),
        }
    }

    /// State for a policy to which routes were appended: everything that is known stays known.
    #[must_use]
    pub fn grown(&self, new: &Policy) -> Self {
        let mut health = Self::new(new);
        health.routes.iter_mut().zip(&self.routes).for_each(|(slot, kept)| *slot = Arc::clone(kept));
        health.credentials.iter_mut().zip(&self.credentials).for_each(|(slot, kept)| *slot = Arc::clone(kept));
        health
    }

    /// Why the route cannot be called now; `None` when it can. Changes nothing.
    #[must_use]
    pub fn obstacle(&self, route: RouteId, asking: &Asking<'_>, now: Now) -> Option<Skip> {
        match self.route(route) {
            Some(state) => self.candidates(&state, route, asking, now).err(),
            None => Some(Skip::Gone),
        }
    }

    /// Takes leave to call the route.
    ///
    /// # Errors
    ///
    /// The reason why it cannot be called now, as [`Self::obstacle`] gives it.
    pub fn admit(&self, route: RouteId, asking: &Asking<'_>, now: Now) -> Result<Admission, Skip> {
        let mut state = self.route(route).ok_or(Skip::Gone)?;
        state.renew(now);
        let (_, among) = self.candidates(&state, route, asking, now)?;
        let deployment = state.take_turn(among).ok_or(Skip::Gone)?;
        let mut credentials = self.credentials(route, deployment).ok_or(Skip::Gone)?;
        let it = state.deployments.get_mut(deployment).ok_or(Skip::Gone)?;
        // Another route of the provider may have met a refusal in between.
        let key = it.candidate(deployment, &credentials, asking, now)?.key;
        let lease = asking.ends + Duration::from_secs(1);
        let permit = it.breaker_mut(asking.bucket).and_then(|it| it.admit(now, lease)).ok_or(Skip::BreakerOpen)?;
        it.gone.probe(lease);
        it.turn = key + 1;
        let mut spent = Spent::default();
        if let Some(it) = it.keys.get_mut(key) {
            it.off.probe(lease);
            spent = it.allowance.admit(asking.prompt_tokens);
        }
        if let Some(it) = credentials.get_mut(key) {
            it.probe(lease);
        }
        Ok(Admission { route, deployment, key, bucket: asking.bucket, permit, at: now, lease, spent })
    }

    /// The best usable key of all deployments, and the deployments that have one as good.
    fn candidates(
        &self,
        state: &RouteHealth,
        route: RouteId,
        asking: &Asking<'_>,
        now: Now,
    ) -> Result<(Candidate, Deployments), Skip> {
        let mut best: Option<(Candidate, Deployments)> = None;
        let mut why: Option<Skip> = None;
        for (place, it) in state.deployments.iter().enumerate().filter(|(place, _)| asking.fits.has(*place)) {
            let credentials = self.credentials(route, place);
            match it.candidate(place, credentials.as_deref().map_or(&[], Vec::as_slice), asking, now) {
                Ok(mine) => {
                    let rank = |it: &Candidate| (it.dry, it.tried, it.order);
                    let alone = (mine, Deployments::default().with(place));
                    best = Some(match best {
                        Some((held, among)) if rank(&held) == rank(&mine) => (held, among.with(place)),
                        Some((held, among)) if rank(&held) < rank(&mine) => (held, among),
                        Some(_) | None => alone,
                    });
                }
                Err(skip) => why = Some(why.map_or(skip, |it| sooner(it, skip))),
            }
        }
        best.ok_or(why.unwrap_or(Skip::Gone))
    }

    /// Tells the scopes how an admitted call ended.
    pub fn settle(&self, admission: Admission, ended: &Ended<'_>, now: Now, dice: &mut Dice) {
        let Some(mut state) = self.route(admission.route) else { return };
        let Some(mut credentials) = self.credentials(admission.route, admission.deployment) else { return };
        let retry_after = ended.failure.and_then(|it| it.retry_after);
        let verdict = verdict(ended);
        if verdict == Verdict::Success && ended.failure.is_none() {
            state.budget.succeeded(now);
        }
        let Some(it) = state.deployments.get_mut(admission.deployment) else { return };
        let mut trip_is_over = false;
        if let Some(breaker) = it.breaker_mut(admission.bucket) {
            let was_tripped = breaker.is_only_tripped();
            breaker.settle(now, admission.permit, verdict, retry_after, dice);
            trip_is_over = was_tripped && breaker.state() == State::Closed;
        }
        if trip_is_over {
            // The operator said it of every workload, and probes of one have shown otherwise: those that nobody asks for
            // would stay tripped for ever.
            it.breakers.iter_mut().for_each(|it| it.end_trip(now));
        }
        if verdict == Verdict::Success {
            if let (Some(latency), None) = (it.latencies.get_mut(admission.bucket as usize), ended.failure) {
                latency.add(ended.took);
            }
            it.gone.succeeded(admission.at);
            if let Some(it) = it.keys.get_mut(admission.key) {
                it.succeeded(admission.at);
            }
            if let Some(it) = credentials.get_mut(admission.key) {
                it.succeeded(admission.at);
            }
        }
        it.gone.return_probe(admission.lease);
        if let Some(it) = it.keys.get_mut(admission.key) {
            it.off.return_probe(admission.lease);
            it.allowance.told(&ended.limits, admission.spent, now);
            if ended.failure.is_none() {
                it.allowance.silent(admission.spent);
            }
        }
        if let Some(it) = credentials.get_mut(admission.key) {
            it.return_probe(admission.lease);
        }
        if let Some(failure) = ended.failure {
            it.take_effect(&mut credentials, &admission, failure, now);
        }
    }

    /// Tells what the reply to a call that goes on said of the provider's rate limits; what [`Self::settle`] is told at its
    /// end is then nothing new.
    pub fn told_limits(&self, admission: &Admission, limits: &Limits, now: Now) {
        let Some(mut state) = self.route(admission.route) else { return };
        let deployment = state.deployments.get_mut(admission.deployment);
        if let Some(key) = deployment.and_then(|it| it.keys.get_mut(admission.key)) {
            key.allowance.told(limits, admission.spent, now);
        }
    }

    /// Median duration of the route's sound calls in a bucket, from five on; of its fastest deployment that fits.
    #[must_use]
    pub fn expected(&self, route: RouteId, bucket: Bucket, fits: Deployments) -> Option<Duration> {
        let state = self.route(route)?;
        let mine = state.deployments.iter().enumerate().filter(|(place, _)| fits.has(*place));
        mine.filter_map(|(_, it)| it.latencies.get(bucket as usize)?.median()).min()
    }

    /// Takes a retry or repair from the route's budget; whether it was there.
    pub fn pay_retry(&self, route: RouteId, now: Now) -> bool {
        self.route(route).is_some_and(|mut it| it.budget.pay(now))
    }

    /// Returns what was paid for a retry that was not made.
    pub fn refund_retry(&self, route: RouteId, now: Now) {
        if let Some(mut it) = self.route(route) {
            it.budget.refund(now);
        }
    }

    /// How long until the route could be called again for such a request, as far as health knows; `None` when nothing but
    /// an operator can tell, and where no deployment fits.
    #[must_use]
    pub fn callable_in(&self, route: RouteId, asking: &Asking<'_>, now: Now) -> Option<Duration> {
        let state = self.route(route)?;
        let mine = state.deployments.iter().enumerate().filter(|(place, _)| asking.fits.has(*place));
        let each = mine.filter_map(|(place, it)| {
            let credentials = self.credentials(route, place);
            it.callable_in(credentials.as_deref().map_or(&[], Vec::as_slice), asking, now)
        });
        each.min()
    }

    fn route(&self, route: RouteId) -> Option<MutexGuard<'_, RouteHealth>> {
        self.routes.get(route.index()).map(|it| it.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Always locked after the route, one at a time, so that two requests cannot wait for each other.
    fn credentials(&self, route: RouteId, deployment: usize) -> Option<MutexGuard<'_, Vec<Switch>>> {
        let provider = self.providers.get(route.index())?.get(deployment)?;
        self.credentials.get(*provider).map(|it| it.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Of two reasons the one that may be over sooner; a disable last, because only people end it.
fn sooner(one: Skip, other: Skip) -> Skip {
    let order = [Skip::Cooling, Skip::BreakerOpen, Skip::Auth, Skip::Quota, Skip::Gone];
    order.into_iter().find(|it| [one, other].contains(it)).unwrap_or(one)
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
    fn new(policy: &Policy, route: &Route) -> Self {
        let deployments = route.deployments.iter().map(|it| DeploymentHealth::new(policy, it)).collect();
        Self { deployments, budget: Budget::default() }
    }

    fn renew(&mut self, now: Now) {
        self.deployments.iter_mut().flat_map(|it| &mut it.keys).for_each(|key| key.allowance.renew(now));
    }

    /// Smooth weighted turns: each of the set gains its weight, the richest goes and pays all that was gained.
    fn take_turn(&mut self, among: Deployments) -> Option<usize> {
        let mut all = 0;
        let mut richest: Option<(i64, usize)> = None;
        for (place, it) in self.deployments.iter_mut().enumerate().filter(|(place, _)| among.has(*place)) {
            all += i64::from(it.weight);
            it.credit = it.credit.saturating_add(i64::from(it.weight));
            if richest.is_none_or(|(credit, _)| it.credit > credit) {
                richest = Some((it.credit, place));
            }
        }
        let (_, place) = richest?;
        let it = self.deployments.get_mut(place)?;
        it.credit = it.credit.saturating_sub(all);
        Some(place)
    }
}

#[cfg(test)]
mod tests;
