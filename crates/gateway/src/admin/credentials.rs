//! The keys of a route, one by one: which are used, which are not, and until when. By their places; never what they are.

use serde::Serialize;
use switchback_core::id::Name;
use switchback_core::time::millis;

use crate::state::Shared;

/// One key at one deployment.
#[derive(Debug, Serialize)]
pub(super) struct Credential {
    call: Name,
    /// Its place among its provider's, from one.
    key: usize,
    /// `ready`, `cooling`, `dry` or `off`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    /// Until it is used or tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    again_ms: Option<u64>,
}

/// Those of every deployment of a route, in order.
pub(super) fn of(shared: &Shared, route: &str) -> Vec<Credential> {
    let snapshot = shared.snapshot.load();
    let policy = &snapshot.policy;
    let id = policy.route_named(route);
    let view = id.and_then(|id| snapshot.health.view(id, shared.clock.now()));
    let (Some(route), Some(view)) = (id.and_then(|id| policy.route(id)), view) else { return Vec::new() };
    let each = route.deployments.iter().zip(&view.deployments);
    let keys = each.flat_map(|(of, it)| it.each_key.iter().zip(1..).map(move |(key, place)| (of, key, place)));
    keys.map(|(of, it, key)| Credential {
        call: Name::clone(&of.call),
        key,
        state: it.state,
        why: it.why,
        again_ms: it.again_in.map(millis),
    })
    .collect()
}
