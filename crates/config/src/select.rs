//! Selectors: which routes, calls or rungs something is said of. The same everywhere: `routes disable`, `given`, `--if`.

use switchback_core::id::RouteId;
use switchback_core::policy::{Policy, RungKind, Task};
use switchback_core::rehearse::{Effect, Given, Play};
use switchback_core::route::{Deployments, Route};

use crate::glob;

/// What a selector names: a glob over route names or calls, optionally `@region`. One deployment of a route leaves the
/// others. In the order of the policy's routes; empty when it names nothing.
#[must_use]
pub fn select(policy: &Policy, selector: &str) -> Vec<(RouteId, Deployments)> {
    let mut targets = Vec::new();
    for (place, route) in policy.routes.iter().enumerate() {
        let which = deployments(route, selector);
        if let (false, Ok(id)) = (which.is_empty(), u32::try_from(place)) {
            targets.push((RouteId(id), which));
        }
    }
    targets
}

/// What the calls of a task meet that a selector names: a glob as of [`select`], or `as:ROLE`.
///
/// # Errors
///
/// Why that cannot be, in a sentence: no rung of the task is named, or `disabled` is said of a role or in a sequence.
pub fn given(policy: &Policy, task: &Task, selector: &str, plays: Vec<Play>) -> Result<Given, String> {
    let disables = plays.iter().any(|it| it.fault.effect == Effect::Disabled);
    if disables && plays.len() > 1 {
        return Err("`disabled` is no call of a sequence: it stands alone".to_owned());
    }
    let role = selector.strip_prefix("as:");
    if disables && role.is_some() {
        return Err("routes are disabled, not roles: name the route".to_owned());
    }
    let rungs = task.ladder.iter().enumerate().filter_map(|(place, rung)| {
        let RungKind::Try(it) = &rung.kind else { return None };
        let which = match role {
            Some(role) if it.role.name() == role => Deployments::ALL,
            Some(_) => Deployments::default(),
            None => policy.route(it.route).map(|route| deployments(route, selector)).unwrap_or_default(),
        };
        (!which.is_empty()).then_some((place, which))
    });
    let hits: Vec<_> = rungs.collect();
    if hits.is_empty() {
        return Err(format!("no rung of {} calls anything that it names", task.name));
    }
    Ok(Given { hits, plays })
}

/// The deployments of a route that a glob with an optional region names.
fn deployments(route: &Route, selector: &str) -> Deployments {
    let (pattern, region) = selector.split_once('@').map_or((selector, None), |(glob, region)| (glob, Some(region)));
    let named = glob::matches(pattern, &route.name);
    let mine = route.deployments.iter().enumerate().filter(|(_, it)| {
        let here = region.is_none_or(|wanted| it.region.as_deref().is_some_and(|own| glob::matches(wanted, own)));
        here && (named || glob::matches(pattern, &it.call))
    });
    mine.fold(Deployments::default(), |which, (place, _)| which.with(place))
}
