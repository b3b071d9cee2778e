//! A naive model of what may be called: every scope of health, recounted from what happened.
//!
//! Breakers are kept as lists of events and recounted by brute force; switches remember who was told what and when.
//! The engine's own state is read through its operator's view only, to compare it, never to excuse it.

use std::time::Duration;

use crate::breaker::State;
use crate::failure::{Detail, Failure, FailureClass};
use crate::health::RouteView;
use crate::id::RouteId;
use crate::policy::Policy;
use crate::route::{BUCKETS, Bucket};
use crate::simulate::check::Found;
use crate::simulate::policy_maker::ms;
use crate::simulate::recount::{Breaker, Leave, says};
use crate::simulate::report::Rule;
use crate::time::Now;

/// What really became of a call.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    /// What went wrong; `None`: a sound answer.
    pub(crate) failure: Option<Failure>,
    /// Whether it was ended by the request's own deadline.
    pub(crate) cut_by_deadline: bool,
}

/// A call that begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// Calls are numbered in the order in which they begin.
    pub(crate) id: u64,
    pub(crate) generation: usize,
    pub(crate) route: RouteId,
    pub(crate) key: usize,
    pub(crate) bucket: Bucket,
    pub(crate) at: Now,
    /// When its permits are reclaimed.
    pub(crate) lease: Now,
}

/// The shortest time before something that was switched off is probed.
const FIRST_OFF: Duration = Duration::from_secs(60);

/// The model: what policies share is kept once, and every policy says where.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    slots: Vec<Slot>,
    credentials: Vec<Vec<Switch>>,
    generations: Vec<Generation>,
    /// The call that began last.
    last_id: u64,
}

#[derive(Debug)]
struct Generation {
    slots: Vec<usize>,
    /// Per route: its provider's credentials.
    credentials: Vec<usize>,
}

/// A route.
#[derive(Debug)]
struct Slot {
    disabled: Option<Option<Now>>,
    gone: Switch,
    keys: Vec<Key>,
    breakers: [Breaker; BUCKETS.len()],
}

#[derive(Debug, Clone, Default)]
struct Key {
    asked_until: Now,
    off: Switch,
}

/// Something that is off since an instant, and probed.
#[derive(Debug, Clone, Default)]
struct Switch {
    off_at: Option<Now>,
    /// The last call that had begun when it was switched off: what that call and older ones say is old news.
    last_id: u64,
    probe: Option<(u64, Now)>,
}

// === impl Scopes ===

impl Scopes {
    /// A policy is put in place; `old` is the policy before, the last generation.
    pub(crate) fn put_in_place(&mut self, old: Option<&Policy>, new: &Policy) {
        let first_credentials = self.credentials.len();
        self.credentials.extend(new.providers.iter().map(|it| vec![Switch::default(); it.n_keys.max(1)]));
        let before = self.generations.last().map(|it| it.slots.clone()).unwrap_or_default();
        let mut slots = Vec::new();
        for route in &new.routes {
            let named = old.and_then(|old| Some((old, old.routes.iter().position(|it| it.name == route.name)?)));
            let kept = named.and_then(|(old, place)| Some((old, old.routes.get(place)?, *before.get(place)?)));
            let provider = new.provider(route.provider);
            let same = kept.filter(|(old, was, _)| {
                let same_keys = match (old.provider(was.provider), provider) {
                    (Some(a), Some(b)) => a.name == b.name && a.n_keys == b.n_keys,
                    _ => false,
                };
                was.model == route.model && same_keys && old.breaker == new.breaker
            });
            slots.push(match (same, kept) {
                (Some((_, _, slot)), _) => {
                    // A reload is how an operator says that a key was mended.
                    if let Some(it) = self.slots.get_mut(slot) {
                        it.keys.iter_mut().for_each(|it| it.off = Switch::default());
                    }
                    slot
                }
                (None, kept) => {
                    // What an operator disabled stays disabled, whatever else changed about the route.
                    let disabled = kept.and_then(|(_, _, slot)| self.slots.get(slot)).and_then(|it| it.disabled);
                    let keys = vec![Key::default(); provider.map_or(1, |it| it.n_keys.max(1))];
                    let breakers = std::array::from_fn(|_| Breaker::new(new.breaker));
                    self.slots.push(Slot { disabled, gone: Switch::default(), keys, breakers });
                    self.slots.len() - 1
                }
            });
        }
        let credentials = new.routes.iter().map(|it| first_credentials + it.provider.index()).collect();
        self.generations.push(Generation { slots, credentials });
    }

    pub(crate) fn disable(&mut self, route: RouteId, until: Option<Now>) {
        if let Some((slot, _)) = self.newest(route) {
            slot.disabled = Some(until);
        }
    }

    pub(crate) fn enable(&mut self, route: RouteId) {
        if let Some((slot, credentials)) = self.newest(route) {
            slot.disabled = None;
            slot.gone = Switch::default();
            slot.keys.iter_mut().for_each(|it| it.off = Switch::default());
            credentials.iter_mut().for_each(|it| *it = Switch::default());
        }
    }

    /// A call begins: was it allowed?
    pub(crate) fn started(&mut self, start: &Start, found: &mut Found) -> Leave {
        self.last_id = start.id;
        let Some((slot, credentials)) = self.of(start.generation, start.route) else {
            return Leave::default();
        };
        if slot.is_disabled(start.at) {
            found.push((Rule::Disabled, format!("{:?} is disabled and was called", start.route)));
        }
        let mut off = |switch: &mut Switch, what: &str| {
            if let Err(why) = switch.started(start) {
                found.push((Rule::SwitchedOff, format!("{what} of {:?} key {}: {why}", start.route, start.key)));
            }
        };
        off(&mut slot.gone, "the model");
        if let Some(it) = credentials.get_mut(start.key) {
            off(it, "the credential");
        }
        if let Some(key) = slot.keys.get_mut(start.key) {
            off(&mut key.off, "the key for the model");
            if start.at < key.asked_until {
                let early = start.at.until(key.asked_until);
                let what = format!("{:?} key {} was called {early:?} before its reset", start.route, start.key);
                found.push((Rule::RetryAfter, what));
            }
        }
        match slot.breakers.get_mut(start.bucket as usize) {
            Some(it) => it.started(start, found),
            None => Leave::default(),
        }
    }

    /// A call ended.
    pub(crate) fn ended(&mut self, start: &Start, leave: Leave, truth: &Truth, now: Now) {
        let (id, last_id) = (start.id, self.last_id);
        let Some((slot, credentials)) = self.of(start.generation, start.route) else { return };
        let says = says(truth);
        let retry_after = truth.failure.as_ref().and_then(|it| it.retry_after);
        if let Some(it) = slot.breakers.get_mut(start.bucket as usize) {
            it.ended(leave, says, retry_after, now);
        }
        let (Some(key), Some(credential)) = (slot.keys.get_mut(start.key), credentials.get_mut(start.key)) else {
            return;
        };
        let good = says.is_good();
        for switch in [&mut slot.gone, &mut key.off, &mut *credential] {
            switch.ended(id, good);
        }
        let Some(failure) = &truth.failure else { return };
        match (failure.class, failure.status) {
            (FailureClass::RateLimited, _) if failure.detail == Some(Detail::TooLargeForLimit) => {}
            (FailureClass::RateLimited, _) => {
                let asked = retry_after.unwrap_or_default().min(Duration::from_secs(86_400));
                key.asked_until = key.asked_until.max(now + asked);
            }
            (FailureClass::Auth, Some(403)) => key.off.bad(id, last_id, now),
            (FailureClass::Auth | FailureClass::QuotaExhausted, _) => credential.bad(id, last_id, now),
            (FailureClass::NotFound, _) => slot.gone.bad(id, last_id, now),
            _ => {}
        }
    }

    /// The engine's view of a route after a step must be what the model says.
    pub(crate) fn compare(&mut self, at: (usize, RouteId), view: &RouteView, now: Now, found: &mut Found) {
        let Some((slot, _)) = self.of(at.0, at.1) else { return };
        if view.disabled != slot.is_disabled(now) {
            found.push((Rule::Disabled, format!("{:?}: disabled is {}, not what was asked", at.1, view.disabled)));
        }
        for (bucket, name) in BUCKETS {
            let Some(breaker) = slot.breakers.get_mut(bucket as usize) else { continue };
            let seen = view.buckets.iter().find(|it| it.bucket == bucket);
            let state = seen.map_or(State::Closed, |it| it.state);
            let counts = seen.map_or((0, 0), |it| (it.calls, it.failed));
            for (rule, what) in breaker.compare(state, counts, now) {
                found.push((rule, format!("{:?} {name}: {what}", at.1)));
            }
        }
    }

    /// How many breakers opened and closed.
    pub(crate) fn turns(&self) -> (u64, u64) {
        let breakers = self.slots.iter().flat_map(|it| &it.breakers);
        breakers.fold((0, 0), |(opened, closed), it| (opened + it.n_opened, closed + it.n_closed))
    }

    /// The longest time until the route must be healthy again if traffic comes from now on.
    pub(crate) fn patience(&mut self, at: (usize, RouteId), now: Now) -> Duration {
        let Some((slot, credentials)) = self.of(at.0, at.1) else { return Duration::ZERO };
        let off = slot.gone.off_at.is_some()
            || slot.keys.iter().any(|it| it.off.off_at.is_some())
            || credentials.iter().any(|it| it.off_at.is_some());
        let cooling = slot.keys.iter().map(|it| now.until(it.asked_until)).max().unwrap_or_default();
        let cap = slot.breakers.first().map_or(Duration::ZERO, Breaker::longest_open);
        let off = if off { ms(3_600_000) } else { Duration::ZERO };
        // Own cooling is a minute at most; a lease ends a second after the longest attempt.
        cooling + off + cap + ms(60_000) + ms(121_000)
    }

    fn newest(&mut self, route: RouteId) -> Option<(&mut Slot, &mut Vec<Switch>)> {
        self.of(self.generations.len().checked_sub(1)?, route)
    }

    fn of(&mut self, generation: usize, route: RouteId) -> Option<(&mut Slot, &mut Vec<Switch>)> {
        let generation = self.generations.get(generation)?;
        let slot = self.slots.get_mut(*generation.slots.get(route.index())?)?;
        let credentials = self.credentials.get_mut(*generation.credentials.get(route.index())?)?;
        Some((slot, credentials))
    }
}

// === impl Slot ===

impl Slot {
    fn is_disabled(&self, now: Now) -> bool {
        self.disabled.is_some_and(|until| until.is_none_or(|until| now < until))
    }
}

// === impl Switch ===

impl Switch {
    fn started(&mut self, start: &Start) -> Result<(), &'static str> {
        let Some(off_at) = self.off_at else { return Ok(()) };
        let running = self.probe.replace((start.id, start.lease));
        if start.at < off_at + FIRST_OFF {
            return Err("was switched off and called before its time");
        }
        match running {
            Some((_, lease)) if start.at < lease => Err("was switched off and probed twice at once"),
            _ => Ok(()),
        }
    }

    fn ended(&mut self, id: u64, good: bool) {
        if good && id > self.last_id {
            *self = Self::default();
        }
        if self.probe.is_some_and(|(probe, _)| probe == id) {
            self.probe = None;
        }
    }

    /// Told that it must be off. What older calls say moves nothing while it is off already.
    fn bad(&mut self, id: u64, last_id: u64, now: Now) {
        if self.off_at.is_none() || id > self.last_id {
            *self = Self { off_at: Some(now), last_id, probe: None };
        }
    }
}
