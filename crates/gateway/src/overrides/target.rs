//! What an act is about: routes, or some of their deployments; how that is named, kept and selected.

use switchback_core::id::RouteId;
use switchback_core::policy::Policy;
use switchback_core::route::{Deployments, Route};

/// A route with those of its deployments that a change is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) route: RouteId,
    pub(crate) which: Deployments,
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

/// What a kept name means in this policy. A route whose model is a star stands for every model that was made of it, also
/// for those that nobody has asked for yet.
pub(crate) fn meant(policy: &Policy, kept: &str) -> Vec<Target> {
    let mut targets = Vec::new();
    for (route, id) in policy.routes.iter().zip(0_u32..) {
        let mine = route.deployments.iter().enumerate().filter(|(_, it)| covers(kept, route, &it.call));
        let which = mine.fold(Deployments::default(), |which, (place, _)| which.with(place));
        if !which.is_empty() {
            targets.push(Target { route: RouteId(id), which });
        }
    }
    targets
}

/// Whether a kept name covers this call of a route.
fn covers(kept: &str, route: &Route, call: &str) -> bool {
    let whole = *kept == *route.name || (kept.contains('*') && switchback_config::glob::matches(kept, &route.name));
    whole || kept.split_once('=').is_some_and(|(name, one)| *name == *route.name && one == call)
}

/// What is left of these targets without those.
pub(crate) fn without(targets: &[Target], those: &[Target]) -> Vec<Target> {
    let left = targets.iter().map(|it| {
        let taken = those.iter().filter(|other| other.route == it.route);
        Target { which: taken.fold(it.which, |left, other| left.minus(other.which)), ..*it }
    });
    left.filter(|it| !it.which.is_empty()).collect()
}

pub(crate) fn all_of(route: &Route) -> Deployments {
    (0..route.deployments.len()).fold(Deployments::default(), Deployments::with)
}

/// What a selector names: a glob over route names or calls, optionally `@region`. One deployment of a route leaves the
/// others.
pub(crate) fn select(policy: &Policy, selector: &str) -> Vec<Target> {
    let named = switchback_config::select::select(policy, selector);
    named.into_iter().map(|(route, which)| Target { route, which }).collect()
}
