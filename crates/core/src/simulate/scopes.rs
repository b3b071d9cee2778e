//! A naive model of what may be called: every scope of health, recounted from what happened.
//!
//! Breakers are kept as lists of events and recounted by brute force; switches remember who was told what and when.
//! The engine's own state is read through its operator's view only, to compare it, never to excuse it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::failure::{Detail, Failure, FailureClass};
use crate::health::RouteView;
use crate::id::RouteId;
use crate::limits::Limits;
use crate::policy::Policy;
use crate::route::{Bucket, Deployments};
use crate::simulate::check::Found;
use crate::simulate::places::{Place, Slot};
use crate::simulate::policy_maker::ms;
use crate::simulate::recount::{Breaker, Leave, says};
use crate::simulate::report::Rule;
use crate::simulate::switches::{Key, Stock, Switch};
use crate::simulate::tokens::Tokens;
use crate::step::Facts;
use crate::time::Now;

/// What really became of a call.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    /// What went wrong; `None`: a sound answer.
    pub(crate) failure: Option<Failure>,
    /// Whether it was ended by the request's own deadline.
    pub(crate) cut_by_deadline: bool,
    /// What is known of it besides.
    pub(crate) facts: Facts,
}

/// A call that begins.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// Calls are numbered in the order in which they begin.
    pub(crate) id: u64,
    pub(crate) generation: usize,
    pub(crate) route: RouteId,
    pub(crate) deployment: usize,
    pub(crate) key: usize,
    pub(crate) bucket: Bucket,
    pub(crate) at: Now,
    /// When its permits are reclaimed.
    pub(crate) lease: Now,
    pub(crate) prompt_tokens: u64,
    /// Whether something below could answer.
    pub(crate) covered: bool,
    /// Deployments that fit the request.
    pub(crate) fits: Deployments,
    /// Deployments and keys that it has called in vain, where it ought to go elsewhere.
    pub(crate) tried: Vec<(usize, usize)>,
}

/// The model: what policies share is kept once, and every policy says where.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    slots: Vec<Slot>,
    credentials: Vec<Vec<Switch>>,
    generations: Vec<Generation>,
    /// The call that began last.
    last_id: u64,
    /// Calls per deployment since shares are counted.
    shares: BTreeMap<usize, u32>,
}

#[derive(Debug)]
struct Generation {
    slots: Vec<usize>,
    /// Per route and deployment: its provider's credentials.
    credentials: Vec<Vec<usize>>,
}

// === impl Scopes ===

impl Scopes {
    /// A policy is put in place; `old` is the policy before, the last generation.
    pub(crate) fn put_in_place(&mut self, old: Option<&Policy>, new: &Policy) {
        let first_credentials = self.credentials.len();
        self.credentials.extend(new.providers.iter().map(|it| vec![Switch::default(); it.n_keys.max(1)]));
        let before = self.generations.last().map(|it| it.slots.clone()).unwrap_or_default();
        let same_rules = old.is_some_and(|old| old.breaker == new.breaker);
        let mut slots = Vec::new();
        for route in &new.routes {
            let place = old.and_then(|old| old.routes.iter().position(|it| it.name == route.name));
            let kept = place.and_then(|it| before.get(it)).copied();
            let mut fresh = Slot::new(new, route);
            let was = kept.and_then(|it| self.slots.get_mut(it));
            slots.push(match (was, kept) {
                (Some(was), Some(kept)) if same_rules && was.calls_like(&fresh) => {
                    // A reload is how an operator says that a key was mended.
                    was.deployments.iter_mut().flat_map(|it| &mut it.keys).for_each(|it| it.off = Switch::default());
                    kept
                }
                (was, _) => {
                    if let Some(was) = was {
                        fresh.take_over(was, same_rules);
                    }
                    self.slots.push(fresh);
                    self.slots.len() - 1
                }
            });
        }
        let credentials = new
            .routes
            .iter()
            .map(|route| route.deployments.iter().map(|it| first_credentials + it.provider.index()).collect());
        self.generations.push(Generation { slots, credentials: credentials.collect() });
    }

    pub(crate) fn disable(&mut self, route: RouteId, which: Deployments, until: Option<Now>) {
        self.each(route, which, |it, _| it.disabled = Some(until));
    }

    pub(crate) fn enable(&mut self, route: RouteId, which: Deployments) {
        self.each(route, which, |it, credentials| {
            it.disabled = None;
            it.gone = Switch::default();
            it.keys.iter_mut().for_each(|it| it.off = Switch::default());
            credentials.iter_mut().for_each(|it| *it = Switch::default());
        });
    }

    pub(crate) fn trip(&mut self, route: RouteId, which: Deployments) {
        self.each(route, which, |it, _| it.breakers.iter_mut().for_each(Breaker::trip));
    }

    pub(crate) fn reset(&mut self, route: RouteId, which: Deployments, now: Now) {
        self.each(route, which, |it, credentials| {
            it.breakers.iter_mut().for_each(|it| it.reset(now));
            it.gone = Switch::default();
            it.keys.iter_mut().for_each(Key::reset);
            credentials.iter_mut().for_each(|it| *it = Switch::default());
        });
    }

    fn each(&mut self, route: RouteId, which: Deployments, mut act: impl FnMut(&mut Place, &mut Vec<Switch>)) {
        let Some(generation) = self.generations.len().checked_sub(1) else { return };
        for deployment in (0..64).filter(|it| which.has(*it)) {
            if let Some((it, credentials)) = self.of((generation, route), deployment) {
                act(it, credentials);
            }
        }
    }

    /// A call begins: was it allowed, and was there nothing better?
    pub(crate) fn started(&mut self, start: &Start, found: &mut Found) -> Leave {
        self.last_id = start.id;
        *self.shares.entry(start.deployment).or_default() += 1;
        self.check_choice(start, found);
        let who = format!("{:?} deployment {} key {}", start.route, start.deployment, start.key);
        let Some((place, credentials)) = self.of((start.generation, start.route), start.deployment) else {
            return Leave::default();
        };
        if place.is_disabled(start.at) {
            found.push((Rule::Disabled, format!("{who} is disabled and was called")));
        }
        let mut off = |switch: &mut Switch, what: &str| {
            if let Err(why) = switch.started(start) {
                found.push((Rule::SwitchedOff, format!("{what} of {who}: {why}")));
            }
        };
        off(&mut place.gone, "the model");
        if let Some(it) = credentials.get_mut(start.key) {
            off(it, "the credential");
        }
        if let Some(key) = place.keys.get_mut(start.key) {
            off(&mut key.off, "the key for the model");
            if start.at < key.asked_until {
                let early = start.at.until(key.asked_until);
                found.push((Rule::RetryAfter, format!("{who} was called {early:?} before its reset")));
            }
            key.started(start);
        }
        match place.breakers.get_mut(start.bucket as usize) {
            Some(it) => it.started(start, found),
            None => Leave::default(),
        }
    }

    /// An empty key is the last resort of a request that nothing below could answer; a deployment of a higher order, or one
    /// that was tried, is called only where no other is certainly free.
    fn check_choice(&mut self, start: &Start, found: &mut Found) {
        let at = (start.generation, start.route);
        let Some((place, _)) = self.of(at, start.deployment) else { return };
        let order = place.order;
        let empty = place.keys.get(start.key).is_some_and(|it| it.stock(start.prompt_tokens, start.at) == Stock::Empty);
        let tried = start.tried.contains(&(start.deployment, start.key));
        let better = self.certainly_free(at, start).into_iter().find(|it| (empty, tried, order) > (false, false, *it));
        let who = format!("{:?} deployment {} key {}", start.route, start.deployment, start.key);
        if empty && (start.covered || better.is_some()) {
            let covered = start.covered;
            found.push((Rule::DryKeys, format!("{who} is empty; covered {covered}, one of order {better:?} is free")));
        } else if let Some(better) = better {
            let what = format!("{who} (order {order}, tried {tried}); one of order {better} is free");
            found.push((Rule::LowerFirst, what));
        }
    }

    /// Orders of the deployments that surely could take this call on a key that it has not tried.
    fn certainly_free(&mut self, at: (usize, RouteId), start: &Start) -> Vec<u32> {
        let mut orders = Vec::new();
        for deployment in (0..64).filter(|it| start.fits.has(*it)) {
            let Some((place, credentials)) = self.of(at, deployment) else { break };
            let well = !place.is_disabled(start.at)
                && place.gone.off_at.is_none()
                && place.breakers.get(start.bucket as usize).is_some_and(Breaker::is_closed);
            let free = place.keys.iter().enumerate().any(|(number, key)| {
                let on = key.off.off_at.is_none() && credentials.get(number).is_some_and(|it| it.off_at.is_none());
                let rested = start.at >= key.asked_until && key.limited.is_none();
                let enough = key.stock(start.prompt_tokens, start.at) == Stock::Enough;
                on && rested && enough && !start.tried.contains(&(deployment, number))
            });
            if well && free {
                orders.push(place.order);
            }
        }
        orders
    }

    /// Whether such a call of a route could surely be made now.
    pub(crate) fn is_certainly_free(&mut self, start: &Start) -> bool {
        !self.certainly_free((start.generation, start.route), start).is_empty()
    }

    /// What the head of a reply told of limits.
    pub(crate) fn told(&mut self, start: &Start, limits: &Limits, now: Now) {
        let place = self.of((start.generation, start.route), start.deployment);
        if let Some(key) = place.and_then(|(it, _)| it.keys.get_mut(start.key)) {
            key.told(limits, start.id, now);
        }
    }

    /// A call ended.
    pub(crate) fn ended(&mut self, start: &Start, leave: Leave, truth: &Truth, now: Now) {
        let (id, last_id) = (start.id, self.last_id);
        if truth.failure.is_none()
            && let Some(slot) = self.slot((start.generation, start.route))
        {
            slot.budget.succeeded(now);
        }
        let Some((place, credentials)) = self.of((start.generation, start.route), start.deployment) else { return };
        let says = says(truth);
        let retry_after = truth.failure.as_ref().and_then(|it| it.retry_after);
        if let Some(it) = place.breakers.get_mut(start.bucket as usize) {
            let was_tripped = it.tripped;
            it.ended(leave, says, retry_after, now);
            if was_tripped && it.is_closed() {
                // What ends a trip ends it for every workload that did not fail by itself.
                place.breakers.iter_mut().filter(|it| it.tripped).for_each(|it| it.reset(now));
            }
        }
        let (Some(key), Some(credential)) = (place.keys.get_mut(start.key), credentials.get_mut(start.key)) else {
            return;
        };
        let good = says.is_good();
        for switch in [&mut place.gone, &mut key.off, &mut *credential] {
            switch.ended(id, good);
        }
        let Some(failure) = &truth.failure else {
            key.limited = key.limited.filter(|last| id <= *last);
            return;
        };
        match (failure.class, failure.status) {
            (FailureClass::RateLimited, _) if failure.detail == Some(Detail::TooLargeForLimit) => {}
            (FailureClass::RateLimited, _) => {
                let asked = retry_after.unwrap_or_default().min(Duration::from_secs(86_400));
                key.asked_until = key.asked_until.max(now + asked);
                key.limited = Some(last_id);
            }
            (FailureClass::Auth, Some(403)) => key.off.bad(id, last_id, now),
            (FailureClass::Auth | FailureClass::QuotaExhausted, _) => credential.bad(id, last_id, now),
            (FailureClass::NotFound, _) => place.gone.bad(id, last_id, now),
            _ => {}
        }
    }

    /// The retry budget of a route.
    pub(crate) fn budget(&mut self, at: (usize, RouteId)) -> Option<&mut Tokens> {
        self.slot(at).map(|it| &mut it.budget)
    }

    /// The engine's view of a route after a step must be what the model says.
    pub(crate) fn compare(&mut self, at: (usize, RouteId), view: &RouteView, now: Now, found: &mut Found) {
        if let Some(slot) = self.slot(at) {
            slot.budget.compare(view.retry_budget, now, found);
            for (deployment, (place, view)) in slot.deployments.iter_mut().zip(&view.deployments).enumerate() {
                place.compare(&format!("{:?} deployment {deployment}", at.1), view, now, found);
            }
        }
    }

    /// Begins to count calls per deployment.
    pub(crate) fn begin_shares(&mut self) {
        self.shares.clear();
    }

    /// Calls of this deployment since then.
    pub(crate) fn share(&self, deployment: usize) -> u32 {
        self.shares.get(&deployment).copied().unwrap_or(0)
    }

    /// How many breakers opened and closed.
    pub(crate) fn turns(&self) -> (u64, u64) {
        let breakers = self.slots.iter().flat_map(|it| &it.deployments).flat_map(|it| &it.breakers);
        breakers.fold((0, 0), |(opened, closed), it| (opened + it.n_opened, closed + it.n_closed))
    }

    /// The longest time until the deployment must be healthy again if traffic comes from now on.
    pub(crate) fn patience(&mut self, at: (usize, RouteId), deployment: usize, now: Now) -> Duration {
        let Some((place, credentials)) = self.of(at, deployment) else { return Duration::ZERO };
        let off = place.gone.off_at.is_some()
            || place.keys.iter().any(|it| it.off.off_at.is_some())
            || credentials.iter().any(|it| it.off_at.is_some());
        let cooling = place.keys.iter().map(|it| now.until(it.asked_until)).max().unwrap_or_default();
        let cap = place.breakers.first().map_or(Duration::ZERO, Breaker::longest_open);
        let off = if off { ms(3_600_000) } else { Duration::ZERO };
        // Own cooling and a told window are a minute at most; a lease ends a second after the longest attempt.
        cooling + off + cap + ms(60_000) + ms(121_000)
    }

    fn slot(&mut self, (generation, route): (usize, RouteId)) -> Option<&mut Slot> {
        let slot = *self.generations.get(generation)?.slots.get(route.index())?;
        self.slots.get_mut(slot)
    }

    fn of(&mut self, at: (usize, RouteId), deployment: usize) -> Option<(&mut Place, &mut Vec<Switch>)> {
        let generation = self.generations.get(at.0)?;
        let slot = self.slots.get_mut(*generation.slots.get(at.1.index())?)?;
        let credentials = *generation.credentials.get(at.1.index())?.get(deployment)?;
        Some((slot.deployments.get_mut(deployment)?, self.credentials.get_mut(credentials)?))
    }
}
