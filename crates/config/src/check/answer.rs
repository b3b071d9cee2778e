//! Ready answers against their task's contract.

use switchback_contract::{Answer, Promise};
use switchback_core::policy::{RungKind, Task};

use crate::codes;
use crate::compile::{Draft, Ladder};
use crate::diagnostic::{Diagnostic, Report, shown};
use crate::raw::rung::RawKind;

/// Holds every ready answer of the task against its contract, exactly as an answer of a model is held.
pub(super) fn check(task: &Task, ladder: &Ladder<'_>, draft: &Draft<'_>, report: &mut Report<'_>) {
    let Some(id) = task.contract else { return };
    let Some(Some(schema)) = draft.contracts.get(id.index()) else { return };
    let contract = draft.policy.contracts.get(id.index()).map_or("", |it| &**it);
    let promise = Promise::nothing().and_contract(schema.clone());
    for (written, rung) in &ladder.rungs {
        let (RungKind::Answer { text }, RawKind::Answer(source)) = (&rung.kind, &written.kind) else { continue };
        if text.trim().is_empty() {
            continue;
        }
        let answer = Answer { text: Some(text.as_ref().into()), ..Answer::default() };
        let Err(violation) = promise.judge(&answer) else { continue };
        let name = match source.value.strip_prefix("file:") {
            Some(path) => shown(path),
            None => "this text".to_owned(),
        };
        report.add(
            Diagnostic::error(
                codes::READY_ANSWER,
                &source.span,
                format!("{name} cannot be a ready answer for {}: it does not satisfy contract `{contract}`", task.name),
            )
            .label(format!("{}, rung {}", task.name, written.number))
            .effect(format!("{violation}\nCallers parse this; they would crash during your outage."))
            .fix("use { fail = \"…\" }, or give an answer file with valid JSON: { answer = \"file:PATH\" }"),
        );
    }
}
