//! Ladders that are shorter than they look: one provider, one large window, too few attempts.

use switchback_core::failure::FailureClass;
use switchback_core::route::Route;

use super::{Case, ModelRung, World};
use crate::codes;

/// All model rungs behind one provider, in some world that has at least two of them.
pub(super) fn one_outage(case: &mut Case<'_, '_, '_>) {
    let policy = &case.draft.policy;
    let provider_of = |it: &ModelRung<'_>| policy.route(it.call.route).and_then(Route::only_provider);
    for world in case.worlds {
        let models = world.model_rungs();
        let [first, .., last] = models.as_slice() else { continue };
        let Some(provider) = provider_of(first) else { continue };
        if models.iter().any(|it| provider_of(it) != Some(provider)) {
            continue;
        }
        let name = policy.provider(provider).map_or("", |it| &it.name);
        let above: Vec<String> = models.iter().rev().skip(1).rev().map(|it| it.written.number.to_string()).collect();
        let message = format!(
            "{}: rungs {} and {} are all at {name}; one outage removes them",
            case.task.name,
            above.join(", "),
            last.written.number
        );
        let span = last.written.span.clone();
        case.warn(codes::ONE_OUTAGE, &span, message, |it| {
            it.label("the same provider again")
                .fix("add a rung at another provider; if it is meant: accept = [\"SB204\"] in the task")
        });
        return;
    }
}

/// A smaller window below a larger one, and no rung with room below it.
pub(super) fn smaller_context(case: &mut Case<'_, '_, '_>) {
    let policy = &case.draft.policy;
    let mut told: Vec<usize> = Vec::new();
    for world in case.worlds {
        let models = world.model_rungs();
        for (at, here) in models.iter().enumerate() {
            let Some(context) = policy.route(here.call.route).and_then(Route::context) else { continue };
            let above = models
                .iter()
                .take(at)
                .filter_map(|it| policy.route(it.call.route).and_then(Route::context).map(|context| (context, it)));
            let Some((largest, larger)) = above.max_by_key(|(context, _)| *context) else { continue };
            let has_room = |it: &ModelRung<'_>| {
                let room = policy.route(it.call.route).is_some_and(|it| it.context().is_none_or(|it| it >= largest));
                room && it.rung.when.has(FailureClass::ContextWindow)
            };
            let number = here.written.number;
            if context >= largest || told.contains(&number) || models.iter().skip(at + 1).any(has_room) {
                continue;
            }
            told.push(number);
            let message = format!(
                "{}, rung {number} ({}) is smaller than rung {} ({}): {} against {} tokens of context",
                case.task.name,
                here.rung.name,
                larger.written.number,
                larger.rung.name,
                grouped(context),
                grouped(largest)
            );
            let effect = format!(
                "Requests above {} tokens skip {} (context_too_small) and find no model below it.",
                grouped(context),
                here.rung.name
            );
            let span = here.written.span.clone();
            case.warn(codes::SMALLER_CONTEXT, &span, message, |it| {
                it.label("less room than above")
                    .effect(effect)
                    .fix("add a rung with room below it; if it is meant: accept = [\"SB206\"] in the task")
            });
        }
    }
}

/// Fewer attempts than model rungs.
pub(super) fn few_attempts(case: &mut Case<'_, '_, '_>) {
    let most = case.worlds.iter().map(World::model_rungs).max_by_key(Vec::len).unwrap_or_default();
    let allowed = case.task.max_attempts;
    let Ok(needed) = u32::try_from(most.len()) else { return };
    let Some(cut) = most.get(usize::try_from(allowed).unwrap_or(usize::MAX)) else { return };
    let own = case.ladder.written.settings.max_attempts.as_ref();
    let span = own.map_or_else(|| cut.written.span.clone(), |it| it.span.clone());
    let usual = match (own, &case.raw.defaults.max_attempts) {
        (Some(_), _) => "",
        (None, Some(_)) => " (from [defaults])",
        (None, None) => " (the default)",
    };
    let message = format!("{}: {needed} model rungs and only {allowed} attempts{usual}", case.task.name);
    let effect =
        format!("When the rungs above fail, rung {} ({}) never runs (no_attempts).", cut.written.number, cut.rung.name);
    case.warn(codes::FEW_ATTEMPTS, &span, message, |it| {
        it.label("attempts of a whole walk").effect(effect).fix(format!("max-attempts = {}", needed.min(20)))
    });
}

/// A number with groups of three: `200 000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + 6);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
