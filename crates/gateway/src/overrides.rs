//! What operators have switched off: kept in the store, held by health, ended by time or by hand.
//!
//! Every change is audited, has a reason, and says what it will do before it does it.

use std::sync::Mutex;
use std::sync::PoisonError;

use switchback_core::health::Asking;
use switchback_core::id::RouteId;
use switchback_core::policy::{Policy, RungKind, Task};
use switchback_core::route::Bucket;
use switchback_core::time::Now;
use switchback_store::{AuditEntry, Override, StoreError};

use crate::state::{Shared, Snapshot};

/// The overrides that are in force.
#[derive(Debug, Default)]
pub(crate) struct Overrides(Mutex<Vec<Override>>);

/// A change that an operator asks for.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) routes: Vec<RouteId>,
    pub(crate) by: String,
    pub(crate) reason: String,
    /// When a disable ends by itself.
    pub(crate) until: Option<Now>,
}

impl Overrides {
    pub(crate) fn new(kept: Vec<Override>) -> Self {
        Self(Mutex::new(kept))
    }

    pub(crate) fn all(&self) -> Vec<Override> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, it: Override) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|old| old.route != it.route);
        all.push(it);
    }

    fn remove(&self, route: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|it| it.route != route);
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

/// Stops every call to the routes, probes included.
///
/// # Errors
///
/// The store cannot keep it; nothing is changed then.
pub(crate) fn disable(shared: &Shared, snapshot: &Snapshot, change: &Change) -> Result<(), StoreError> {
    let now = shared.clock.now();
    for route in &change.routes {
        let Some(name) = snapshot.policy.route(*route).map(|it| it.name.to_string()) else { continue };
        let it = Override {
            route: name.clone(),
            kind: "disable".to_owned(),
            until_ms: change.until.map(|it| shared.clock.unix_ms(it)),
            reason: change.reason.clone(),
            by: change.by.clone(),
            since_ms: shared.clock.unix_ms(now),
        };
        // The audit first: an override that nobody accounts for must not exist.
        audit(shared, &change.by, "disable", &name, &change.reason)?;
        shared.store.set_override(&it)?;
        shared.overrides.put(it);
        snapshot.health.disable(*route, change.until);
    }
    shared.next_revision();
    Ok(())
}

/// Ends a disable, and lets a route that was switched off be tried at once.
///
/// # Errors
///
/// The store cannot keep it.
pub(crate) fn enable(shared: &Shared, snapshot: &Snapshot, change: &Change) -> Result<(), StoreError> {
    for route in &change.routes {
        let Some(name) = snapshot.policy.route(*route).map(|it| it.name.to_string()) else { continue };
        audit(shared, &change.by, "enable", &name, &change.reason)?;
        shared.store.clear_override(&name, "disable")?;
        shared.overrides.remove(&name);
        snapshot.health.enable(*route);
    }
    shared.next_revision();
    Ok(())
}

/// Takes away what has ended by itself, and says so in the audit.
pub(crate) fn expire(shared: &Shared) {
    let now_ms = shared.clock.unix_ms(shared.clock.now());
    for it in shared.overrides.all().iter().filter(|it| it.until_ms.is_some_and(|until| until <= now_ms)) {
        shared.overrides.remove(&it.route);
        let kept = shared.store.clear_override(&it.route, &it.kind);
        let told = audit(shared, "switchback", "expire", &it.route, "the time that was given is over");
        if let Err(error) = kept.map(|_| ()).and(told) {
            tracing::warn!(%error, route = it.route, "an expired override could not be taken out of the store");
        }
        shared.next_revision();
    }
}

fn audit(shared: &Shared, by: &str, action: &str, target: &str, reason: &str) -> Result<(), StoreError> {
    let entry = AuditEntry {
        at_ms: shared.clock.unix_ms(shared.clock.now()),
        by: by.to_owned(),
        action: action.to_owned(),
        target: target.to_owned(),
        reason: reason.to_owned(),
        effect: None,
    };
    shared.store.audit(&entry).map(|_| ())
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
