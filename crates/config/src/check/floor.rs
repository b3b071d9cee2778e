//! Calls that `require` never lets through.

use switchback_core::policy::{RungKind, Try};

use super::Case;
use crate::codes;
use crate::compile::Draft;
use crate::diagnostic::{Diagnostic, Report};
use crate::raw::Raw;
use crate::raw::rung::RawRung;

/// Model rungs of which no deployment satisfies the task's `require`: an error where none is left, else warnings.
pub(super) fn rungs(case: &mut Case<'_, '_, '_>) {
    let policy = &case.draft.policy;
    let require = &case.task.require;
    let is_outside = |call: &Try| {
        policy
            .route(call.route)
            .is_some_and(|route| !route.deployments.iter().any(|it| require.is_met(it.region.as_deref(), &it.tags)))
    };
    let models: Vec<(&RawRung, bool)> = case
        .ladder
        .rungs
        .iter()
        .filter_map(|(written, rung)| match &rung.kind {
            RungKind::Try(call) => Some((*written, is_outside(call))),
            RungKind::Answer { .. } | RungKind::Fail { .. } => None,
        })
        .collect();
    let demand = require_words(&require.region, &require.tags);
    let task = &case.task.name;
    if !models.is_empty() && models.iter().all(|(_, is_outside)| *is_outside) {
        let own = case.ladder.written.settings.require.as_ref().or(case.raw.defaults.require.as_ref());
        let span = own.map_or_else(|| case.ladder.written.name.span.clone(), |it| it.span.clone());
        case.report.add(
            Diagnostic::error(codes::REQUIRE_NOBODY, &span, format!("{task}: no model rung satisfies its `require`"))
                .label(format!("it asks for {demand}"))
                .effect("Every request would fail as no_compliant_route, or go to a rung that calls no model.")
                .fix("give the routes that are there region and tags: region = \"eu\", tags = [\"gdpr\"]"),
        );
        return;
    }
    for (written, _) in models.into_iter().filter(|(_, is_outside)| *is_outside) {
        let message = format!("{task}, rung {} is outside of the task's `require`", written.number);
        case.warn(codes::OUTSIDE_REQUIRE, &written.span, message, |it| {
            it.label(format!("it asks for {demand}"))
                .effect("The rung never runs: it is skipped as residency.")
                .fix("give its route region and tags if they are true, or remove the rung")
        });
    }
}

/// Providers whose `relay` passes requests outside of the `require` of the defaults.
pub(super) fn relays(raw: &Raw, draft: &Draft<'_>, report: &mut Report<'_>) {
    let Some(floor) = &raw.defaults.require else { return };
    for (written, provider) in raw.providers.iter().zip(&draft.policy.providers) {
        let Some(first) = written.relay.first() else { continue };
        if floor.value.is_met(provider.region.as_deref(), &written.tags) {
            continue;
        }
        let demand = require_words(&floor.value.region, &floor.value.tags);
        report.add(
            Diagnostic::error(
                codes::REQUIRE_NOBODY,
                &first.span,
                format!("[provider.{}] relays outside of the `require` of [defaults]", written.name.value),
            )
            .label(format!("[defaults] asks for {demand}"))
            .effect("What is relayed carries requests too.")
            .fix("give the provider region and tags if they are true, or remove relay"),
        );
    }
}

fn require_words(region: &[switchback_core::id::Name], tags: &[switchback_core::id::Name]) -> String {
    let names = |names: &[switchback_core::id::Name], last: &str| names.join(last);
    match (region.is_empty(), tags.is_empty()) {
        (false, true) => format!("region {}", names(region, " or ")),
        (true, false) => format!("tags {}", names(tags, " and ")),
        _ => format!("region {} and tags {}", names(region, " or "), names(tags, " and ")),
    }
}
