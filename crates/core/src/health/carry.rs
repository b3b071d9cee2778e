//! A reload: what is known of routes that are still there stays known.

use std::sync::{Arc, Mutex, PoisonError};

use crate::health::Health;
use crate::health::deployment::DeploymentHealth;
use crate::policy::Policy;
use crate::route::{Deployment, Route};

impl Health {
    /// The same state apart: what happens to the copy does not happen here.
    #[must_use]
    pub fn copied(&self) -> Self {
        fn apart<T: Clone>(kept: &[Arc<Mutex<T>>]) -> Vec<Arc<Mutex<T>>> {
            let copy = |it: &Arc<Mutex<T>>| it.lock().unwrap_or_else(PoisonError::into_inner).clone();
            kept.iter().map(|it| Arc::new(Mutex::new(copy(it)))).collect()
        }
        Self { routes: apart(&self.routes), credentials: apart(&self.credentials), providers: self.providers.clone() }
    }

    /// State for a new policy: a route that still has the same deployments keeps what is known of it, unless the trip
    /// rules changed; of one that has others, each deployment that is still there does. Credentials begin anew: a reload
    /// is how an operator says that a key was mended.
    #[must_use]
    pub fn carried_over(&self, old: &Policy, new: &Policy) -> Self {
        let mut health = Self::new(new);
        let same_rules = old.breaker == new.breaker;
        for (route, slot) in new.routes.iter().zip(&mut health.routes) {
            let Some(at) = old.routes.iter().position(|it| it.name == route.name) else { continue };
            let (Some(was), Some(kept)) = (old.routes.get(at), self.routes.get(at)) else { continue };
            let mut before = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if same_rules && is_same(old, was, new, route) {
                // A key that was refused for this model may have been mended; what it waits for still holds.
                before.deployments.iter_mut().flat_map(|it| &mut it.keys).for_each(|key| key.off.on());
                drop(before);
                *slot = Arc::clone(kept);
                continue;
            }
            let mut now = slot.lock().unwrap_or_else(PoisonError::into_inner);
            now.budget = before.budget.clone();
            for (deployment, state) in route.deployments.iter().zip(&mut now.deployments) {
                carry_deployment((old, was, &before.deployments), (new, route, deployment), same_rules, state);
            }
        }
        health
    }
}

/// Whether a route of a new policy calls the same as it did.
fn is_same(old: &Policy, was: &Route, new: &Policy, is: &Route) -> bool {
    let same = |(a, b): (&Deployment, &Deployment)| {
        calls_the_same(old, a, new, b) && a.order == b.order && a.weight == b.weight
    };
    was.deployments.len() == is.deployments.len() && was.deployments.iter().zip(&is.deployments).all(same)
}

/// Keeps of one deployment what still holds under a new policy.
fn carry_deployment(
    (old, was, before): (&Policy, &Route, &[DeploymentHealth]),
    (new, route, deployment): (&Policy, &Route, &Deployment),
    same_rules: bool,
    state: &mut DeploymentHealth,
) {
    // A route of one deployment is the deployment, whatever it calls.
    let lone = route.deployments.len() == 1 && was.deployments.len() == 1;
    let place = was.deployments.iter().position(|it| lone || it.call == deployment.call);
    let Some((then, had)) = place.and_then(|at| Some((was.deployments.get(at)?, before.get(at)?))) else { return };
    state.disabled = had.disabled;
    if !calls_the_same(old, then, new, deployment) {
        return;
    }
    state.keys.clone_from(&had.keys);
    state.keys.iter_mut().for_each(|key| key.off.on());
    if same_rules {
        state.gone = had.gone.clone();
        state.breakers.clone_from(&had.breakers);
        state.latencies.clone_from(&had.latencies);
    }
}

/// Whether a deployment calls the same model, with as many keys.
fn calls_the_same(old: &Policy, was: &Deployment, new: &Policy, is: &Deployment) -> bool {
    let providers = (old.provider(was.provider), new.provider(is.provider));
    let same_keys = matches!(providers, (Some(a), Some(b)) if a.name == b.name && a.n_keys == b.n_keys);
    was.call == is.call && same_keys
}
