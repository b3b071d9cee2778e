//! Narrower rungs that ask for what a rung above asked for already.

use switchback_core::policy::Role;

use super::Case;
use crate::codes;

/// A narrower rung that calls the route of a rung above it and changes nothing of the request.
pub(super) fn check(case: &mut Case<'_, '_, '_>) {
    let mut told: Vec<usize> = Vec::new();
    for world in case.worlds {
        let models = world.model_rungs();
        for (at, here) in models.iter().enumerate() {
            let number = here.written.number;
            let changes = here.call.instruction.is_some() || !here.call.with.is_empty();
            if here.call.role != Role::Narrower || changes || told.contains(&number) {
                continue;
            }
            let Some(above) = models.iter().take(at).find(|it| it.call.route == here.call.route) else { continue };
            told.push(number);
            let message = format!(
                "{}, rung {number} asks {} for the same as rung {}",
                case.task.name, here.rung.name, above.written.number
            );
            case.warn(codes::NOT_NARROWER, &here.written.span, message, |it| {
                it.label("narrower, and nothing is asked otherwise")
                    .effect("The same request goes to the same model again, and its answer is marked as degraded.")
                    .fix("instruction = \"…\" or with = { … } on the rung, or another model")
            });
        }
    }
}
