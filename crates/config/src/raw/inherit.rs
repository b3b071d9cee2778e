//! What a task takes from another one (`like`) and from `[defaults]`: after this a task holds all that is said of it.
//!
//! The task's own key wins, then that of the task it is like, then that of the defaults. One step only: who reads a
//! task must find what it means in at most one other place.

use super::task::{RawDeadline, RawSettings, RawTask, no_ladder};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, shown};
use crate::suggest::closest;

/// Fills in what each task takes from elsewhere.
pub(super) fn fill(tasks: &mut [RawTask], defaults: &RawSettings, report: &mut Report<'_>) {
    let taken: Vec<Taken> = (0..tasks.len()).map(|at| taken(tasks, at, report)).collect();
    for (task, taken) in tasks.iter_mut().zip(taken) {
        match taken {
            Taken::Nothing => {}
            Taken::From(settings, sound) => {
                task.settings.take(&settings);
                task.sound &= sound;
            }
            Taken::Unresolved => task.sound = false,
        }
        task.settings.take(defaults);
        // A task that is like another may take its ladder; where that has none, it is told there.
        if task.settings.ladder.is_none() && task.like.is_none() {
            report.add(no_ladder(&task.span, format!("[task.{}] has no ladder", task.name.value)));
            task.sound = false;
        }
    }
}

/// What `like` gives.
enum Taken {
    /// There is no `like`.
    Nothing,
    /// What the other task says, and whether it says it without an error.
    From(Box<RawSettings>, bool),
    /// It names no task that can be followed; reported.
    Unresolved,
}

fn taken(tasks: &[RawTask], at: usize, report: &mut Report<'_>) -> Taken {
    let Some(task) = tasks.get(at) else { return Taken::Nothing };
    let Some(like) = &task.like else { return Taken::Nothing };
    let name = task.name.value.as_str();
    let others = tasks.iter().filter(|it| it.name.value != name);
    let refuse = |message: String, label: String, fix: String| {
        Diagnostic::error(codes::BAD_LIKE, &like.span, message).label(label).fix(fix)
    };
    let Some(other) = others.clone().find(|it| it.name.value == like.value) else {
        let known = || others.clone().map(|it| it.name.value.as_str());
        let near = closest(&like.value, known());
        let itself = like.value == name;
        report.add(if itself {
            refuse(format!("{name} cannot be like itself"), "its own name".to_owned(), "remove like".to_owned())
        } else {
            let label = match near {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "no other task has this name".to_owned(),
            };
            Diagnostic::error(
                codes::UNKNOWN_TASK,
                &like.span,
                format!("{name}: there is no task called {}", shown(&like.value)),
            )
            .label(label)
            .fix(near.map_or_else(|| "remove like, or declare the task".to_owned(), |it| format!("like = \"{it}\"")))
        });
        return Taken::Unresolved;
    };
    if let Some(further) = &other.like {
        report.add(refuse(
            format!("{name} is like {}, which is like another task itself", other.name.value),
            "a chain".to_owned(),
            format!("like = \"{}\", or give {name} its own keys", further.value),
        ));
        return Taken::Unresolved;
    }
    Taken::From(Box::new(other.settings.clone()), other.sound)
}

// === impl RawSettings ===

impl RawSettings {
    /// Takes each key that is not given from another table.
    fn take(&mut self, other: &RawSettings) {
        fn key<T: Clone>(own: &mut Option<T>, other: &Option<T>) {
            if own.is_none() {
                own.clone_from(other);
            }
        }
        let Self { kind, contract, native, require, surface, deadline, max_attempts, retry_wait, timeout, .. } = self;
        let RawDeadline { interactive, background } = deadline;
        key(kind, &other.kind);
        key(contract, &other.contract);
        key(native, &other.native);
        key(require, &other.require);
        key(surface, &other.surface);
        key(interactive, &other.deadline.interactive);
        key(background, &other.deadline.background);
        key(max_attempts, &other.max_attempts);
        key(retry_wait, &other.retry_wait);
        key(timeout, &other.timeout);
        key(&mut self.stream, &other.stream);
        key(&mut self.stream_deadline, &other.stream_deadline);
        key(&mut self.accept, &other.accept);
        key(&mut self.ladder, &other.ladder);
    }
}
