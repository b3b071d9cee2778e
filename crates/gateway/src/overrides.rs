//! What operators change: one change at a time, kept in the store before it holds, told in the audit.
//!
//! Overrides are held by health, and ended by time or by hand. A reload is a change like any other: whoever makes one
//! holds [`Changing`], so that nobody acts on what another is just replacing.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use switchback_core::health::Asking;
use switchback_core::id::RouteId;
use switchback_core::policy::{Policy, RungKind, Task};
use switchback_core::route::{Bucket, Deployments, Route};
use switchback_core::time::Now;
use switchback_store::{AuditEntry, Override, StoreError};

use crate::state::{Shared, Snapshot};

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

/// A route with those of its deployments that a change is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) route: RouteId,
    pub(crate) which: Deployments,
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

/// What a change would do to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) harm: Harm,
    /// In a sentence.
    pub(crate) sentence: String,
}

/// What a task is left with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Harm {
    /// A rung of full quality.
    #[default]
    Bearable,
    /// Less than full quality.
    Degrades,
    /// Nothing that can answer.
    Breaks,
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
        change.targets.iter().for_each(|it| snapshot.health.disable(it.route, it.which, change.until));
        self.done(format!("{} disabled {}: {}", change.by, names.join(", "), change.reason));
        Ok(())
    }

    /// Ends a disable, and lets a route that was switched off be tried at once.
    ///
    /// # Errors
    ///
    /// The store cannot keep it; then no route is enabled and nothing is told.
    pub(crate) fn enable(&mut self, snapshot: &Snapshot, change: &Change) -> Result<(), StoreError> {
        let names = self.let_go(snapshot, change, "enable", &[DISABLE])?;
        change.targets.iter().for_each(|it| snapshot.health.enable(it.route, it.which));
        apply(self.shared, snapshot);
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
        let names = self.let_go(snapshot, change, "reset", &[TRIP])?;
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

    /// Lets go of overrides of these kinds: of the targets themselves, and of parts of them that were acted on one by
    /// one.
    fn let_go(
        &mut self,
        snapshot: &Snapshot,
        change: &Change,
        action: &str,
        kinds: &[&str],
    ) -> Result<Vec<String>, StoreError> {
        let names = names(&snapshot.policy, &change.targets);
        let is_meant = |it: &Override| {
            let held = target(&snapshot.policy, &it.route);
            let part =
                |held: Target| change.targets.iter().any(|it| it.route == held.route && it.which.covers(held.which));
            kinds.contains(&&*it.kind) && (names.contains(&it.route) || held.is_some_and(part))
        };
        let kept = self.shared.overrides.all();
        let cleared = kept.iter().filter(|it| is_meant(it)).map(|it| (it.route.clone(), it.kind.clone())).collect();
        let told = names.iter().map(|it| self.entry(&change.by, action, it, &change.reason)).collect();
        self.shared.store.change_overrides(Vec::new(), cleared, told)?;
        self.shared.overrides.kept().retain(|it| !is_meant(it));
        Ok(names)
    }

    /// Takes away what has ended by itself, and says so in the audit: a disable whose time is over, a trip whose routes
    /// have been closed by their probes. Health has let go of them already, whether or not the store can be told.
    pub(crate) fn expire(&mut self) {
        let now_ms = self.now_ms();
        let snapshot = self.shared.snapshot.load();
        let is_over = |it: &Override| {
            let closed = |held: Target| snapshot.health.is_closed(held.route, held.which);
            let closed = it.kind == TRIP && target(&snapshot.policy, &it.route).is_some_and(closed);
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
        self.done(format!("{ended} ended by itself"));
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
    for it in shared.overrides.all().iter().filter(|it| it.kind == DISABLE) {
        if let Some(held) = target(&snapshot.policy, &it.route) {
            let until = it.until_ms.map(|ms| shared.clock.at_unix_ms(ms));
            snapshot.health.disable(held.route, held.which, until);
        }
    }
}

/// Treats as down what was tripped before the gateway was started anew.
pub(crate) fn trip_again(shared: &Shared, snapshot: &Snapshot) {
    let tripped = shared.overrides.all();
    let tripped = tripped.iter().filter(|it| it.kind == TRIP).filter_map(|it| target(&snapshot.policy, &it.route));
    trip(shared, snapshot, tripped);
}

fn trip(shared: &Shared, snapshot: &Snapshot, targets: impl Iterator<Item = Target>) {
    let (now, mut dice) = (shared.clock.now(), shared.dice());
    targets.for_each(|it| snapshot.health.trip(it.route, it.which, now, &mut dice));
}

/// How targets are kept: a whole route by its name, one deployment as `route=provider/model`.
pub(crate) fn names(policy: &Policy, targets: &[Target]) -> Vec<String> {
    let mut names = Vec::new();
    for it in targets {
        let Some(route) = policy.route(it.route) else { continue };
        if it.which.covers(all_of(route)) {
            names.push(route.name.to_string());
            continue;
        }
        let mine = route.deployments.iter().enumerate().filter(|(place, _)| it.which.has(*place));
        names.extend(mine.map(|(_, deployment)| format!("{}={}", route.name, deployment.call)));
    }
    names
}

/// What a kept name means in this policy.
fn target(policy: &Policy, kept: &str) -> Option<Target> {
    if let Some(route) = policy.route_named(kept) {
        return Some(Target { route, which: all_of(policy.route(route)?) });
    }
    let (name, call) = kept.split_once('=')?;
    let route = policy.route_named(name)?;
    let place = policy.route(route)?.deployments.iter().position(|it| &*it.call == call)?;
    Some(Target { route, which: Deployments::default().with(place) })
}

/// The deployments of a route that an operator has tripped and no probe has closed yet.
pub(crate) fn tripped(shared: &Shared, policy: &Policy, route: RouteId) -> Deployments {
    let kept = shared.overrides.kept();
    let trips = kept.iter().filter(|it| it.kind == TRIP).filter_map(|it| target(policy, &it.route));
    trips.filter(|it| it.route == route).fold(Deployments::default(), |all, it| all.union(it.which))
}

fn all_of(route: &Route) -> Deployments {
    (0..route.deployments.len()).fold(Deployments::default(), Deployments::with)
}

/// What a selector names: a glob over route names or calls, optionally `@region`. One deployment of a route leaves the
/// others.
pub(crate) fn select(policy: &Policy, selector: &str) -> Vec<Target> {
    let (glob, region) = selector.split_once('@').map_or((selector, None), |(glob, region)| (glob, Some(region)));
    let matches = |text: &str| switchback_config::glob::matches(glob, text);
    let mut targets = Vec::new();
    for (place, route) in policy.routes.iter().enumerate() {
        let named = matches(&route.name);
        let mine = route.deployments.iter().enumerate().filter(|(_, it)| {
            let here = region.is_none_or(|wanted| {
                it.region.as_deref().is_some_and(|own| switchback_config::glob::matches(wanted, own))
            });
            here && (named || matches(&it.call))
        });
        let which = mine.fold(Deployments::default(), |which, (place, _)| which.with(place));
        if let (false, Ok(id)) = (which.is_empty(), u32::try_from(place)) {
            targets.push(Target { route: RouteId(id), which });
        }
    }
    targets
}

/// What it would do to each task if nothing of these targets could be called.
pub(crate) fn effect(snapshot: &Snapshot, targets: &[Target], now: Now) -> Vec<Effect> {
    let tasks = snapshot.policy.tasks.iter().filter(|it| !it.direct);
    tasks.filter_map(|task| effect_on(snapshot, task, targets, now)).collect()
}

fn effect_on(snapshot: &Snapshot, task: &Task, targets: &[Target], now: Now) -> Option<Effect> {
    let hit =
        |kind: &RungKind| matches!(kind, RungKind::Try(it) if targets.iter().any(|target| target.route == it.route));
    if !task.ladder.iter().any(|rung| hit(&rung.kind)) {
        return None;
    }
    let left = task.ladder.iter().enumerate().find(|(_, rung)| match &rung.kind {
        RungKind::Try(it) => {
            let all = snapshot.policy.route(it.route).map(all_of).unwrap_or_default();
            let hit = targets.iter().filter(|target| target.route == it.route);
            let fits = hit.fold(all, |left, target| left.minus(target.which));
            let asking = Asking {
                bucket: Bucket::Short,
                fits,
                tried: &[],
                waited: false,
                covered: true,
                prompt_tokens: 1,
                ends: now,
            };
            !fits.is_empty() && snapshot.health.obstacle(it.route, &asking, now).is_none()
        }
        RungKind::Answer { .. } => true,
        RungKind::Fail { .. } => false,
    });
    let name = &task.name;
    let (harm, sentence) = match left {
        None => {
            (Harm::Breaks, format!("{name}: no rung is left that can answer; every request would get the plain error"))
        }
        Some((place, rung)) => match &rung.kind {
            RungKind::Try(it) if it.role.degrades() => (
                Harm::Degrades,
                format!("{name} would start at rung {}, {}, which counts as degraded", place + 1, rung.name),
            ),
            RungKind::Try(_) if hit(&rung.kind) => (
                Harm::Bearable,
                format!("{name} would go on with the other deployments of {} (rung {})", rung.name, place + 1),
            ),
            RungKind::Try(_) => (Harm::Bearable, format!("{name} would start at rung {}, {}", place + 1, rung.name)),
            RungKind::Answer { .. } | RungKind::Fail { .. } => (
                Harm::Degrades,
                format!(
                    "{name}: no model is left; rung {} gives the ready answer, which counts as degraded",
                    place + 1
                ),
            ),
        },
    };
    Some(Effect { harm, sentence })
}
