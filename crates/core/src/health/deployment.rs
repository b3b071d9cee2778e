//! The state of one deployment: its breakers, its keys, and whether its model is gone.

use std::time::Duration;

use crate::breaker::{Breaker, State};
use crate::failure::{Detail, Failure, FailureClass, HealthEffect};
use crate::health::switch::{KeyHealth, Switch};
use crate::health::{Admission, Asking};
use crate::latency::Latency;
use crate::outcome::Skip;
use crate::policy::Policy;
use crate::route::{BUCKETS, Bucket, Deployment};
use crate::time::Now;

/// State of one deployment of a route.
#[derive(Debug, Clone)]
pub(super) struct DeploymentHealth {
    /// Disabled by an operator, until this instant or until enabled.
    pub(super) disabled: Option<Option<Now>>,
    pub(super) gone: Switch,
    pub(super) breakers: [Breaker; BUCKETS.len()],
    pub(super) latencies: [Latency; BUCKETS.len()],
    pub(super) keys: Vec<KeyHealth>,
    /// Whose turn it is among the keys.
    pub(super) turn: usize,
    pub(super) order: u32,
    pub(super) weight: u32,
    /// Of smooth weighted turns: who has waited longest for its weight.
    pub(super) credit: i64,
}

/// A key that could be used, and how gladly: lower is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Its limits leave no room: only where nothing else is left.
    pub(super) dry: bool,
    /// This rung has called it before.
    pub(super) tried: bool,
    pub(super) order: u32,
    pub(super) key: usize,
}

// === impl DeploymentHealth ===

impl DeploymentHealth {
    pub(super) fn new(policy: &Policy, of: &Deployment) -> Self {
        let n_keys = policy.provider(of.provider).map_or(1, |it| it.n_keys.max(1));
        Self {
            disabled: None,
            gone: Switch::default(),
            breakers: std::array::from_fn(|_| Breaker::new(policy.breaker)),
            latencies: std::array::from_fn(|_| Latency::default()),
            keys: vec![KeyHealth::default(); n_keys],
            turn: 0,
            order: of.order,
            weight: of.weight.max(1),
            credit: 0,
        }
    }

    pub(super) fn is_disabled(&self, now: Now) -> bool {
        self.disabled.is_some_and(|until| until.is_none_or(|until| now < until))
    }

    pub(super) fn breaker(&self, bucket: Bucket) -> Option<&Breaker> {
        self.breakers.get(bucket as usize)
    }

    pub(super) fn breaker_mut(&mut self, bucket: Bucket) -> Option<&mut Breaker> {
        self.breakers.get_mut(bucket as usize)
    }

    /// The best usable key, or why there is none: a cooling key may come back soonest, so it is named first.
    pub(super) fn candidate(
        &self,
        place: usize,
        credentials: &[Switch],
        asking: &Asking<'_>,
        now: Now,
    ) -> Result<Candidate, Skip> {
        if self.is_disabled(now) {
            return Err(Skip::Disabled);
        }
        if let Some(skip) = self.gone.obstacle(asking.covered, now) {
            return Err(skip);
        }
        if !self.breaker(asking.bucket).is_none_or(|it| it.would_admit(now)) {
            return Err(Skip::BreakerOpen);
        }
        let n_keys = self.keys.len();
        let (mut best, mut why) = (None, None);
        for at in (0..n_keys).map(|step| (self.turn + step) % n_keys.max(1)) {
            let Some(key) = self.keys.get(at) else { continue };
            let tried = asking.tried.contains(&(place, at));
            if tried && !asking.waited {
                continue;
            }
            let off = credentials.get(at).and_then(|it| it.obstacle(asking.covered, now));
            let off = off.or_else(|| key.off.obstacle(asking.covered, now));
            // Who waited, waited for the keys that it had called: what cools the others still holds.
            match (key.is_cooling(asking.waited && tried, now), off) {
                (false, None) => {
                    let dry = key.allowance.is_dry(asking.prompt_tokens, now);
                    let mine = Candidate { dry, tried, order: self.order, key: at };
                    // Of equals the one whose turn it is.
                    let better = best.is_none_or(|it: Candidate| (dry, tried) < (it.dry, it.tried));
                    best = if better { Some(mine) } else { best };
                }
                (true, None) => why = Some(Skip::Cooling),
                (_, Some(skip)) => why = why.or(Some(skip)),
            }
        }
        match best {
            // Whoever has another rung goes there; the last resort is worth a try.
            Some(it) if it.dry && asking.covered => Err(Skip::Cooling),
            Some(it) => Ok(it),
            None => Err(why.unwrap_or(Skip::Cooling)),
        }
    }

    pub(super) fn take_effect(
        &mut self,
        credentials: &mut [Switch],
        admission: &Admission,
        failure: &Failure,
        now: Now,
    ) {
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

    /// How long until it could be called again for this asking; `None` when nothing but an operator can tell.
    pub(super) fn callable_in(&self, credentials: &[Switch], asking: &Asking<'_>, now: Now) -> Option<Duration> {
        let disabled = match self.disabled {
            Some(None) => return None,
            Some(Some(until)) => now.until(until),
            None => Duration::ZERO,
        };
        let open = match self.breaker(asking.bucket)?.state() {
            State::Open { until } => now.until(until),
            State::Closed | State::HalfOpen { .. } => Duration::ZERO,
        };
        let keys = self.keys.iter().enumerate().map(|(place, it)| {
            let credential = credentials.get(place).map_or(Duration::ZERO, |it| it.probed_in(asking.covered, now));
            let dry = if asking.covered { it.allowance.dry_for(asking.prompt_tokens, now) } else { Duration::ZERO };
            it.cools_for(now).max(dry).max(it.off.probed_in(asking.covered, now)).max(credential)
        });
        let key = keys.min().unwrap_or_default();
        Some(disabled.max(open).max(self.gone.probed_in(asking.covered, now)).max(key))
    }
}
