//! Ladders and addresses that are well written and cannot do what they seem to promise.
//!
//! A ladder looks different to each *world*: a segment (or none) on a surface. Every check looks through all of
//! them, and says a thing once. Errors are found where all rungs of a ladder are known; warnings only where
//! nothing that the ladder builds on has an error, since they would mislead.

mod answer;
mod floor;
mod ladder;
mod models;
mod narrower;
mod network;
mod outage;
mod time;

use switchback_core::id::Name;
use switchback_core::policy::{Rung, RungKind, Surface, Task, Try};

use crate::compile::{Draft, Ladder};
use crate::diagnostic::{Code, Diagnostic, Report, Span};
use crate::raw::Raw;
use crate::raw::rung::RawRung;

/// Runs all checks.
pub(crate) fn run(raw: &Raw, draft: &Draft<'_>, report: &mut Report<'_>) {
    network::check(raw, draft, report);
    floor::relays(raw, draft, report);
    for (task, ladder) in draft.policy.tasks.iter().zip(&draft.ladders) {
        answer::check(task, ladder, draft, report);
        ladder::for_nobody(ladder, report);
        if !ladder.whole {
            continue;
        }
        let worlds = worlds(draft, ladder);
        ladder::never_runs(ladder, &worlds, report);
        if !ladder.sound {
            continue;
        }
        let mut case = Case { raw, draft, task, ladder, worlds: &worlds, report };
        time::check(&mut case);
        outage::one_outage(&mut case);
        outage::smaller_context(&mut case);
        outage::few_attempts(&mut case);
        floor::rungs(&mut case);
        narrower::check(&mut case);
    }
    models::check(draft, report);
}

/// A ladder as one kind of request sees it.
#[derive(Debug)]
struct World<'a> {
    surface: Surface,
    /// The rungs that are for it, in order.
    rungs: Vec<&'a (&'a RawRung, Rung)>,
}

/// A model rung of a world.
#[derive(Debug, Clone, Copy)]
struct ModelRung<'a> {
    written: &'a RawRung,
    rung: &'a Rung,
    call: &'a Try,
}

/// What a check of warnings looks at.
struct Case<'a, 'r, 't> {
    raw: &'a Raw,
    draft: &'a Draft<'r>,
    task: &'a Task,
    ladder: &'a Ladder<'r>,
    worlds: &'a [World<'a>],
    report: &'a mut Report<'t>,
}

impl Case<'_, '_, '_> {
    /// Gives a warning, unless the task accepts it.
    fn warn(&mut self, code: Code, span: &Span, message: String, finish: impl FnOnce(Diagnostic) -> Diagnostic) {
        if !self.ladder.written.accepts(code) {
            self.report.add(finish(Diagnostic::warning(code, span, message)));
        }
    }
}

impl<'a> World<'a> {
    fn model_rungs(&self) -> Vec<ModelRung<'a>> {
        let model = |it: &&'a (&'a RawRung, Rung)| match &it.1.kind {
            RungKind::Try(call) => Some(ModelRung { written: it.0, rung: &it.1, call }),
            RungKind::Answer { .. } | RungKind::Fail { .. } => None,
        };
        self.rungs.iter().filter_map(model).collect()
    }
}

/// Every segment that some rung of the ladder tells apart, and none, on both surfaces.
fn worlds<'a>(draft: &Draft<'_>, ladder: &'a Ladder<'_>) -> Vec<World<'a>> {
    let told_apart =
        |name: &Name| ladder.rungs.iter().any(|(_, rung)| rung.segments.as_ref().is_some_and(|it| it.contains(name)));
    let segments = draft.policy.segments.iter().filter(|it| told_apart(it)).map(Some);
    let mut worlds = Vec::new();
    for segment in std::iter::once(None).chain(segments) {
        for surface in [Surface::Interactive, Surface::Background] {
            let is_for = |rung: &Rung| {
                rung.surface.is_none_or(|it| it == surface)
                    && rung.segments.as_ref().is_none_or(|it| segment.is_some_and(|segment| it.contains(segment)))
            };
            let rungs = ladder.rungs.iter().filter(|(_, rung)| is_for(rung)).collect();
            worlds.push(World { surface, rungs });
        }
    }
    worlds
}
