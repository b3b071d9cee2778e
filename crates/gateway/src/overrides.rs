//! What operators change: one change at a time, kept in the store before it holds, told in the audit.
//!
//! Overrides are held by health, and ended by time or by hand. A reload is a change like any other: whoever makes one
//! holds [`Changing`], so that nobody acts on what another is just replacing.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use switchback_core::health::Asking;
use switchback_core::id::RouteId;
use switchback_core::policy::{Policy, RungKind, Task};
use switchback_core::route::Bucket;
use switchback_core::time::Now;
use switchback_store::{AuditEntry, Override, StoreError};

use crate::state::{Shared, Snapshot};

/// The only kind of override there is.
const DISABLE: &str = "disable";

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
    pub(crate) routes: Vec<RouteId>,
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
        let since_ms = self.now_ms();
        let names = names(snapshot, &change.routes);
        let set = names.iter().map(|route| Override {
            route: route.clone(),
            kind: DISABLE.to_owned(),
            until_ms: change.until.map(|it| self.shared.clock.unix_ms(it)),
            reason: change.reason.clone(),
            by: change.by.clone(),
            since_ms,
        });
        let set: Vec<Override> = set.collect();
        let told = names.iter().map(|it| self.entry(&change.by, DISABLE, it, &change.reason)).collect();
        self.shared.store.change_overrides(set.clone(), Vec::new(), told)?;
        let mut kept = self.shared.overrides.kept();
        kept.retain(|it| !names.contains(&it.route));
        kept.extend(set);
        drop(kept);
        change.routes.iter().for_each(|route| snapshot.health.disable(*route, change.until));
        self.done(format!("{} disabled {}: {}", change.by, names.join(", "), change.reason));
        Ok(())
    }

    /// Ends a disable, and lets a route that was switched off be tried at once.
    ///
    /// # Errors
    ///
    /// The store cannot keep it; then no route is enabled and nothing is told.
    pub(crate) fn enable(&mut self, snapshot: &Snapshot, change: &Change) -> Result<(), StoreError> {
        let names = names(snapshot, &change.routes);
        let cleared = names.iter().map(|it| (it.clone(), DISABLE.to_owned())).collect();
        let told = names.iter().map(|it| self.entry(&change.by, "enable", it, &change.reason)).collect();
        self.shared.store.change_overrides(Vec::new(), cleared, told)?;
        self.shared.overrides.kept().retain(|it| !names.contains(&it.route));
        change.routes.iter().for_each(|route| snapshot.health.enable(*route));
        self.done(format!("{} enabled {}: {}", change.by, names.join(", "), change.reason));
        Ok(())
    }

    /// Takes away what has ended by itself, and says so in the audit. Health has let go of it at its time already,
    /// whether or not the store can be told.
    pub(crate) fn expire(&mut self) {
        let now_ms = self.now_ms();
        let mut kept = self.shared.overrides.kept();
        let (over, held) = kept.drain(..).partition(|it| it.until_ms.is_some_and(|until| until <= now_ms));
        *kept = held;
        drop(kept);
        let over: Vec<Override> = over;
        if over.is_empty() {
            return;
        }
        let why = "the time that was given is over";
        let told = over.iter().map(|it| self.entry("switchback", "expire", &it.route, why)).collect();
        let cleared = over.iter().map(|it| (it.route.clone(), it.kind.clone())).collect();
        let routes = over.iter().map(|it| it.route.as_str()).collect::<Vec<_>>().join(", ");
        if let Err(error) = self.shared.store.change_overrides(Vec::new(), cleared, told) {
            tracing::warn!(%error, routes, "expired overrides could not be taken out of the store");
        }
        self.done(format!("the disable of {routes} ended by itself"));
    }

    /// Makes a configuration the one that serves, with the overrides that are in force. Requests in flight finish under
    /// the one before.
    ///
    /// # Errors
    ///
    /// The store cannot keep the audit; the configuration before still serves.
    pub(crate) fn reload(&mut self, snapshot: Snapshot, by: &str, reason: &str) -> Result<(), StoreError> {
        let hash = snapshot.hash.to_string();
        self.shared.store.audit(&self.entry(by, "reload", &hash, reason))?;
        apply(self.shared, &snapshot);
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

/// Disables in a snapshot what operators have disabled; routes that are gone from the file are passed over.
pub(crate) fn apply(shared: &Shared, snapshot: &Snapshot) {
    for it in shared.overrides.all() {
        if let Some(route) = snapshot.policy.route_named(&it.route) {
            snapshot.health.disable(route, it.until_ms.map(|ms| shared.clock.at_unix_ms(ms)));
        }
    }
}

fn names(snapshot: &Snapshot, routes: &[RouteId]) -> Vec<String> {
    routes.iter().filter_map(|it| snapshot.policy.route(*it)).map(|it| it.name.to_string()).collect()
}

/// Routes that a selector names: a glob over route names or calls, optionally `@region`.
pub(crate) fn select(policy: &Policy, selector: &str) -> Vec<RouteId> {
    let (glob, region) = selector.split_once('@').map_or((selector, None), |(glob, region)| (glob, Some(region)));
    let named = policy.routes.iter().enumerate().filter(|(_, route)| {
        let call = policy.provider(route.provider).map(|it| route.call(it)).unwrap_or_default();
        let matches = |text: &str| switchback_config::glob::matches(glob, text);
        let here = region
            .is_none_or(|it| route.region.as_deref().is_some_and(|own| switchback_config::glob::matches(it, own)));
        here && (matches(&route.name) || matches(&call))
    });
    named.filter_map(|(place, _)| u32::try_from(place).ok().map(RouteId)).collect()
}

/// What disabling these routes would do to each task, in sentences.
pub(crate) fn effect(snapshot: &Snapshot, routes: &[RouteId], now: Now) -> Vec<String> {
    let tasks = snapshot.policy.tasks.iter().filter(|it| !it.direct);
    tasks.filter_map(|task| effect_on(snapshot, task, routes, now)).collect()
}

fn effect_on(snapshot: &Snapshot, task: &Task, routes: &[RouteId], now: Now) -> Option<String> {
    let hit = |kind: &RungKind| matches!(kind, RungKind::Try(it) if routes.contains(&it.route));
    if !task.ladder.iter().any(|rung| hit(&rung.kind)) {
        return None;
    }
    let left = task.ladder.iter().enumerate().find(|(_, rung)| match &rung.kind {
        RungKind::Try(it) => {
            let asking = Asking { bucket: Bucket::Short, tried_keys: 0, waited: false, ends: now };
            !routes.contains(&it.route) && snapshot.health.obstacle(it.route, &asking, now).is_none()
        }
        RungKind::Answer { .. } => true,
        RungKind::Fail { .. } => false,
    });
    let name = &task.name;
    Some(match left {
        None => format!("{name}: no rung is left that can answer; every request would get the plain error"),
        Some((place, rung)) => match &rung.kind {
            RungKind::Try(it) if it.role.degrades() => {
                format!("{name} would start at rung {}, {}, which counts as degraded", place + 1, rung.name)
            }
            RungKind::Try(_) => format!("{name} would start at rung {}, {}", place + 1, rung.name),
            RungKind::Answer { .. } | RungKind::Fail { .. } => {
                format!("{name}: no model is left; rung {} gives the ready answer, which counts as degraded", place + 1)
            }
        },
    })
}
