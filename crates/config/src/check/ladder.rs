//! Rungs that never run.

use switchback_core::failure::{CLASSES, ClassSet, FailureClass};
use switchback_core::policy::RungKind;

use super::World;
use crate::codes;
use crate::compile::Ladder;
use crate::diagnostic::{Diagnostic, Report};

/// A rung whose segments or surfaces are an empty list.
pub(super) fn for_nobody(ladder: &Ladder<'_>, report: &mut Report<'_>) {
    for rung in ladder.written.rungs() {
        let segments = rung.segments.as_ref().filter(|it| it.value.is_empty()).map(|it| (&it.span, "segments"));
        let surfaces = rung.surfaces.as_ref().filter(|it| it.value.is_empty()).map(|it| (&it.span, "surfaces"));
        for (span, key) in segments.into_iter().chain(surfaces) {
            report.add(
                Diagnostic::error(
                    codes::NOBODY,
                    span,
                    format!("{}, rung {} is for nobody", ladder.written.name.value, rung.number),
                )
                .label("an empty list")
                .fix(format!("remove {key}: without it the rung is for all")),
            );
        }
    }
}

/// A rung that another one above always keeps from running, in every world.
pub(super) fn never_runs(ladder: &Ladder<'_>, worlds: &[World<'_>], report: &mut Report<'_>) {
    for (written, _) in &ladder.rungs {
        let places = worlds.iter().filter_map(|world| {
            let at = world.rungs.iter().position(|it| std::ptr::eq(it.0, *written))?;
            Some(stopper(world, at))
        });
        let stoppers: Option<Vec<(usize, &str)>> = places.collect();
        let Some((above, kind)) = stoppers.and_then(|it| it.first().copied()) else { continue };
        let task = &ladder.written.name.value;
        let label = format!("the walk ends at rung {above}, {kind}");
        let fix = match kind {
            "fail" => format!("move rung {above} to the end, or remove rung {}", written.number),
            _ => format!("move rung {above} below it, or say with `when` which classes rung {above} takes"),
        };
        report.add(
            Diagnostic::error(
                codes::NEVER_RUNS,
                &written.span,
                format!("{task}, rung {} can never run", written.number),
            )
            .label(label)
            .fix(fix),
        );
    }
}

/// The rung above that ends every walk before this one, in one world: its number and kind.
fn stopper<'a>(world: &'a World<'_>, at: usize) -> Option<(usize, &'a str)> {
    let here = world.rungs.get(at)?;
    let mut open = leads_on();
    for (place, (written, rung)) in world.rungs.iter().take(at).map(|it| (it.0, &it.1)).enumerate() {
        match &rung.kind {
            RungKind::Try(_) => {}
            RungKind::Fail { .. } => return Some((written.number, "fail")),
            // While nothing has failed yet a rung runs whatever it takes.
            RungKind::Answer { .. } if place == 0 => return Some((written.number, "answer")),
            RungKind::Answer { .. } => open = minus(open, rung.when),
        }
        if open.is_empty() || !(open.meets(here.1.when)) {
            return Some((written.number, "answer"));
        }
    }
    None
}

/// The classes after which a lower rung may run; a policy block leads to `answer` and `fail` only.
fn leads_on() -> ClassSet {
    let moves = CLASSES.iter().filter(|row| row.moves).fold(ClassSet::EMPTY, |set, row| set.with(row.class));
    moves.with(FailureClass::PolicyBlocked)
}

fn minus(set: ClassSet, taken: ClassSet) -> ClassSet {
    taken.iter().fold(set, ClassSet::without)
}
