//! What operators change: one change at a time, kept in the store before it holds, told in the audit.
//!
//! Overrides are held by health, and ended by time or by hand. A reload is a change like any other: whoever makes one
//! holds [`Changing`], so that nobody acts on what another is just replacing.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use switchback_core::id::RouteId;
use switchback_core::policy::Policy;
use switchback_core::route::Deployments;
use switchback_core::time::Now;
use switchback_store::{AuditEntry, Override, StoreError};

use crate::state::{Shared, Snapshot};

mod effect;
mod target;

pub(crate) use effect::{Harm, effect};
pub(crate) use target::{Target, names, select};

use target::{meant, without};

/// Nothing is called, probes included.
const DISABLE: &str = "disable";
/// Treated as down until probes have closed it again.
const TRIP: &str = "trip";

/// The overrides that are in force, and the turn of whoever changes something.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    kept: Mutex<Vec<Override>>,
    /// Held during a change. What the last one was, in a sentence: for whoever comes too late.
    turn: Mutex<Option<String>>,
}

/// The turn of one change: no other begins before it is dropped. Waiting for it and using it block the thread.
pub(crate) struct Changing<'a> {
    shared: &'a Shared,
    last: MutexGuard<'a, Option<String>>,
}

/// A change that an operator asks for.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) targets: Vec<Target>,
    pub(crate) by: String,
    pub(crate) reason: String,
    /// When a disable ends by itself.
    pub(crate) until: Option<Now>,
}

/// Somebody acted first.
#[derive(Debug)]
pub(crate) struct Stale {
    /// Who did what, in a sentence.
    pub(crate) last: String,
    /// The revision that is.
    pub(crate) revision: u64,
}

// === impl Overrides ===

impl Overrides {
    pub(crate) fn new(kept: Vec<Override>) -> Self {
        Self { kept: Mutex::new(kept), turn: Mutex::default() }
    }

    pub(crate) fn all(&self) -> Vec<Override> {
        self.kept().clone()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Override>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Changing ===

impl<'a> Changing<'a> {
    /// Waits for the turn, at most for the changes that others have begun.
    pub(crate) fn begin(shared: &'a Shared) -> Self {
        Self { shared, last: shared.overrides.turn.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Whether nothing has changed since this revision was shown.
    ///
    /// # Errors
    ///
    /// Something has.
    pub(crate) fn since(&self, revision: u64) -> Result<(), Stale> {
        let current = self.shared.revision.load(Ordering::Acquire);
        if revision == current {
            return Ok(());
        }
        let anew = || "the gateway was started anew since this revision was shown".to_owned();
        Err(Stale { last: self.last.clone().unwrap_or_else(anew), revision: current })
    }

    /// Stops every call to the routes, probes included.
    ///
    /// # Errors
    ///
    /// The store cannot keep it; then no route is disabled and nothing is told.
    pub(crate) fn disable(&mut self, snapshot: &Snapshot, change: &Change) -> Result<(), StoreError> {
        let names = self.keep(snapshot, change, DISABLE)?;
        apply(self.shared, snapshot, 0);
        self.done(format!("{} disabled {}: {}", change.by, names.join(", "), change.reason));
        Ok(())
    }

    /// Ends a disable, and lets a route that was switched off be tried at once.
    ///
    /// # Errors
    ///
    /// The store cannot keep it; then no route is enabled and nothing is told.
    pub(crate) fn enable(&mut self, snapshot: &Snapshot, change: &Change) -> Result<(), StoreError> {
        let names = self.let_go(snapshot, change, "enable", DISABLE)?;
        change.targets.iter().for_each(|it| snapshot.health.enable(it.route, it.which));
        apply(self.shared, snapshot, 0);
        self.done(format!("{} enabled {}: {}", change.by, names.join(", "), change.reason));
        Ok(())
    }

    /// Treats the routes as down now; their own probes bring them back.
    ///
    /// # Errors
    ///
    /// The store cannot keep it; then nothing is tripped.
    pub(crate) fn trip(&mut self, snapshot: &Snapshot, change: &Change) -> Result<(), StoreError> {
        let names = self.keep(snapshot, change, TRIP)?;
        trip(self.shared, snapshot, change.targets.iter().copied());
        self.done(format!("{} tripped {}: {}", change.by, names.join(", "), change.reason));
        Ok(())
    }

    /// Forgets what keeps the routes from being called, a disable apart.
    ///
    /// # Errors
    ///
    /// The store cannot keep it; then nothing is reset.
    pub(crate) fn reset(&mut self, snapshot: &Snapshot, change: &Change) -> Result<(), StoreError> {
        let names = self.let_go(snapshot, change, "reset", TRIP)?;
        let now = self.shared.clock.now();
        change.targets.iter().for_each(|it| snapshot.health.reset(it.route, it.which, now));
        self.done(format!("{} reset {}: {}", change.by, names.join(", "), change.reason));
        Ok(())
    }

    /// Keeps an override of each target, in place of one of the same kind. The targets as they are kept.
    fn keep(&mut self, snapshot: &Snapshot, change: &Change, kind: &str) -> Result<Vec<String>, StoreError> {
        let since_ms = self.now_ms();
        let names = names(&snapshot.policy, &change.targets);
        let set = names.iter().map(|route| Override {
            route: route.clone(),
            kind: kind.to_owned(),
            until_ms: change.until.map(|it| self.shared.clock.unix_ms(it)),
            reason: change.reason.clone(),
            by: change.by.clone(),
            since_ms,
        });
        let set: Vec<Override> = set.collect();
        let told = names.iter().map(|it| self.entry(&change.by, kind, it, &change.reason)).collect();
        self.shared.store.change_overrides(set.clone(), Vec::new(), told)?;
        let mut kept = self.shared.overrides.kept();
        kept.retain(|it| it.kind != kind || !names.contains(&it.route));
        kept.extend(set);
        Ok(names)
    }

    /// Lets go of overrides of a kind as far as they are about the targets; what else they are about stays, part by part.
    fn let_go(
        &mut self,
        snapshot: &Snapshot,
        change: &Change,
        action: &str,
        kind: &str,
    ) -> Result<Vec<String>, StoreError> {
        let policy = &snapshot.policy;
        let names = names(policy, &change.targets);
        let (mut cleared, mut left) = (Vec::new(), Vec::new());
        for it in self.shared.overrides.all().iter().filter(|it| it.kind == kind) {
            let about = meant(policy, &it.route);
            let rest = without(&about, &change.targets);
            let is_touched = rest.iter().map(|it| it.which).ne(about.iter().map(|it| it.which));
            if is_touched || names.contains(&it.route) {
                cleared.push((it.route.clone(), it.kind.clone()));
                left.extend(self::names(policy, &rest).into_iter().map(|route| Override { route, ..it.clone() }));
            }
        }
        let told = names.iter().map(|it| self.entry(&change.by, action, it, &change.reason)).collect();
        self.shared.store.change_overrides(left.clone(), cleared.clone(), told)?;
        let mut kept = self.shared.overrides.kept();
        kept.retain(|it| !cleared.contains(&(it.route.clone(), it.kind.clone())));
        kept.retain(|it| !left.iter().any(|new| (&new.route, &new.kind) == (&it.route, &it.kind)));
        kept.extend(left);
        Ok(names)
    }

    /// Takes away what has ended by itself, and says so in the audit: a disable whose time is over, a trip whose routes
    /// have been closed by their probes. Health has let go of them already, whether or not the store can be told.
    pub(crate) fn expire(&mut self) {
        let now_ms = self.now_ms();
        let snapshot = self.shared.snapshot.load();
        let is_over = |it: &Override| {
            let is_closed = |held: &Target| snapshot.health.is_closed(held.route, held.which);
            let closed = it.kind == TRIP && meant(&snapshot.policy, &it.route).iter().all(is_closed);
            closed || it.until_ms.is_some_and(|until| until <= now_ms)
        };
        let mut kept = self.shared.overrides.kept();
        let (over, held) = kept.drain(..).partition(is_over);
        *kept = held;
        drop(kept);
        let over: Vec<Override> = over;
        if over.is_empty() {
            return;
        }
        let why =
            |it: &Override| if it.kind == TRIP { "its probes closed it" } else { "the time that was given is over" };
        let told = over.iter().map(|it| self.entry("switchback", "expire", &it.route, why(it))).collect();
        let cleared = over.iter().map(|it| (it.route.clone(), it.kind.clone())).collect();
        let ended = over.iter().map(|it| format!("the {} of {}", it.kind, it.route)).collect::<Vec<_>>().join(", ");
        if let Err(error) = self.shared.store.change_overrides(Vec::new(), cleared, told) {
            tracing::warn!(%error, ended, "overrides that are over could not be taken out of the store");
        }
        // A longer disable of the same deployments still holds.
        apply(self.shared, &snapshot, 0);
        self.done(format!("{ended} ended by itself"));
    }

    /// Makes a configuration the one that serves, with the overrides that are in force. Requests in flight finish under
    /// the one before.
    ///
    /// # Errors
    ///
    /// The store cannot keep the audit; the configuration before still serves.
    pub(crate) fn reload(&mut self, snapshot: Snapshot, by: &str, reason: &str) -> Result<(), StoreError> {
        self.expire();
        let hash = snapshot.hash.to_string();
        self.shared.store.audit(&self.entry(by, "reload", &hash, reason))?;
        apply(self.shared, &snapshot, 0);
        trip_again(self.shared, &snapshot, 0);
        self.shared.snapshot.store(snapshot.into());
        self.done(format!("{by} reloaded the configuration: {reason}"));
        Ok(())
    }

    /// The change holds: whoever saw what was before has a stale revision now.
    fn done(&mut self, what: String) {
        *self.last = Some(what);
        self.shared.next_revision();
    }

    fn entry(&self, by: &str, action: &str, target: &str, reason: &str) -> AuditEntry {
        AuditEntry {
            at_ms: self.now_ms(),
            by: by.to_owned(),
            action: action.to_owned(),
            target: target.to_owned(),
            reason: reason.to_owned(),
            effect: None,
        }
    }

    fn now_ms(&self) -> u64 {
        self.shared.clock.unix_ms(self.shared.clock.now())
    }
}

/// Disables in a snapshot what operators have disabled, in its routes from this place on; what is gone from the file is
/// passed over. Of several disables of one deployment the longest holds.
pub(crate) fn apply(shared: &Shared, snapshot: &Snapshot, from: u32) {
    let mut kept: Vec<Override> = shared.overrides.all().into_iter().filter(|it| it.kind == DISABLE).collect();
    // The last one told to health holds: for ever comes last.
    kept.sort_by_key(|it| it.until_ms.unwrap_or(u64::MAX));
    for it in kept {
        let until = it.until_ms.map(|ms| shared.clock.at_unix_ms(ms));
        for held in meant(&snapshot.policy, &it.route).iter().filter(|it| it.route.0 >= from) {
            snapshot.health.disable(held.route, held.which, until);
        }
    }
}

/// Treats as down what was tripped and is closed in this snapshot: the gateway was started anew, the configuration has
/// other deployments or rules, or a star stands for a model that it had not met. In its routes from this place on.
pub(crate) fn trip_again(shared: &Shared, snapshot: &Snapshot, from: u32) {
    let kept = shared.overrides.all();
    let held = kept.iter().filter(|it| it.kind == TRIP).flat_map(|it| meant(&snapshot.policy, &it.route));
    let closed = held.filter(|it| it.route.0 >= from && snapshot.health.is_closed(it.route, it.which));
    trip(shared, snapshot, closed);
}

/// The star whose disable holds for these targets and is not among them: what holds for every model of a star cannot be
/// taken back for one.
pub(crate) fn star_over(shared: &Shared, policy: &Policy, targets: &[Target]) -> Option<String> {
    let names = names(policy, targets);
    let kept = shared.overrides.all();
    let mut stars = kept.iter().filter(|it| it.kind == DISABLE && it.route.contains('*') && !names.contains(&it.route));
    let over =
        |it: &&Override| meant(policy, &it.route).iter().any(|held| targets.iter().any(|one| one.route == held.route));
    stars.find(over).map(|it| it.route.clone())
}

/// The deployments of a route that an operator has tripped and no probe has closed yet.
pub(crate) fn tripped(shared: &Shared, policy: &Policy, route: RouteId) -> Deployments {
    let kept = shared.overrides.kept();
    let trips = kept.iter().filter(|it| it.kind == TRIP).flat_map(|it| meant(policy, &it.route));
    trips.filter(|it| it.route == route).fold(Deployments::default(), |all, it| all.union(it.which))
}

fn trip(shared: &Shared, snapshot: &Snapshot, targets: impl Iterator<Item = Target>) {
    let (now, mut dice) = (shared.clock.now(), shared.dice());
    targets.for_each(|it| snapshot.health.trip(it.route, it.which, now, &mut dice));
}
