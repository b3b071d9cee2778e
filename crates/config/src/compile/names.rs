//! Other values of `model` that mean a task: no two tasks may claim one, and a star in a rung needs one to stand for.

use crate::codes;
use crate::diagnostic::{Diagnostic, Report, shown};
use crate::glob;
use crate::raw::Raw;
use crate::raw::task::RawTask;
use crate::raw::tree::At;

/// The pattern that takes what nothing else does; the only one that may overlap with others.
const REST: &str = "*";

/// Reports patterns that could mean two tasks, or a task and a route that is declared.
pub(super) fn overlaps(raw: &Raw, report: &mut Report<'_>) {
    for (at, task) in raw.tasks.iter().enumerate() {
        for pattern in &task.names {
            if let Some(other) = claimed(raw, at, pattern) {
                report.add(
                    Diagnostic::error(
                        codes::NAMES_OVERLAP,
                        &pattern.span,
                        format!("{}: {} could also mean {other}", task.name.value, shown(&pattern.value)),
                    )
                    .label("two things for one name")
                    .effect("Which of them a request gets would depend on the order of the file.")
                    .fix("write narrower patterns; only \"*\", in one task, may overlap with others"),
                );
            }
        }
    }
}

/// What else a pattern of the task at `at` could mean. Of two tasks the lower one is told.
fn claimed(raw: &Raw, at: usize, pattern: &At<String>) -> Option<String> {
    let is_rest = pattern.value == REST;
    let above = raw.tasks.iter().take(at);
    for other in above {
        let same = other
            .names
            .iter()
            .find(|it| (it.value == REST) == is_rest && (is_rest || glob::overlap(&it.value, &pattern.value)));
        if let Some(same) = same {
            return Some(format!("{} (its names have {})", other.name.value, shown(&same.value)));
        }
    }
    if is_rest {
        return None;
    }
    let fits = |name: &At<String>| glob::matches(&pattern.value, &name.value);
    let others = raw.tasks.iter().enumerate().filter(|(place, _)| *place != at).map(|(_, it)| it);
    if let Some(other) = others.map(|it| &it.name).find(|it| fits(it)) {
        return Some(format!("the task {}", other.value));
    }
    raw.routes.iter().map(|it| &it.name).find(|it| fits(it)).map(|it| format!("the route {}", it.value))
}

/// Whether `try` may hold a star in this task: then each of its names has exactly one, which is the model.
pub(super) fn star_stands(route: &At<String>, task: &RawTask, place: &str, report: &mut Report<'_>) -> bool {
    let (provider, model) = route.value.split_once('/').unwrap_or((&route.value, ""));
    let n_stars = |text: &str| text.matches('*').count();
    let refuse = |label: String, fix: String| {
        Diagnostic::error(codes::STAR, &route.span, format!("{place}: nothing says what {} calls", shown(&route.value)))
            .label(label)
            .effect("The star of a rung is the text that the star in the task's `names` stood for in the request.")
            .fix(fix)
    };
    let problem = if n_stars(provider) > 0 || n_stars(model) != 1 {
        let provider = if crate::raw::is_name(provider) { provider } else { "provider" };
        Some(refuse("one star, in the model".to_owned(), format!("try = \"{provider}/*\"")))
    } else if task.names.is_empty() {
        let fix = format!("give {} names = [\"{provider}/*\"], or name one model", task.name.value);
        Some(refuse("the task has no `names`".to_owned(), fix))
    } else {
        task.names.iter().find(|it| n_stars(&it.value) != 1).map(|name| {
            let n_stars = if n_stars(&name.value) == 0 { "no star" } else { "more than one star" };
            let label = format!("{} in `names` has {n_stars}", shown(&name.value));
            refuse(label, "give every name of the task exactly one star, or name one model in the rung".to_owned())
        })
    };
    let stands = problem.is_none();
    if let Some(problem) = problem {
        report.add(problem);
    }
    stands
}
