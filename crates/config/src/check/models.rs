//! Models that the catalogue does not have or that are being retired, and routes of several models.
//!
//! Said of a route once, wherever it is used; silent where every task that uses the route accepts it. Only of providers
//! that the catalogue knows: of a server of one's own nothing is expected.

use switchback_core::id::RouteId;
use switchback_core::policy::RungKind;
use switchback_core::route::Route;
use switchback_wire::catalogue;

use crate::codes;
use crate::compile::{Draft, Model};
use crate::diagnostic::{Code, Diagnostic, Report, shown};

/// Checks every route.
pub(super) fn check(draft: &Draft<'_>, report: &mut Report<'_>) {
    // An error elsewhere may be the reason of what would be said here.
    if report.n_errors() > 0 {
        return;
    }
    for (at, (route, models)) in draft.policy.routes.iter().zip(&draft.models).enumerate() {
        let id = RouteId(u32::try_from(at).unwrap_or(u32::MAX));
        for model in models {
            let found = [not_listed(route, model), deprecated(route, model)];
            for diagnostic in found.into_iter().flatten().filter(|it| !is_accepted(draft, id, it.code)) {
                report.add(diagnostic);
            }
        }
        if let Some(diagnostic) = different(route, models).filter(|it| !is_accepted(draft, id, it.code)) {
            report.add(diagnostic);
        }
    }
}

/// Whether all tasks that call the route accept the warning.
fn is_accepted(draft: &Draft<'_>, id: RouteId, code: Code) -> bool {
    let mut users = draft.ladders.iter().filter(|ladder| {
        ladder.rungs.iter().any(|(_, rung)| matches!(&rung.kind, RungKind::Try(call) if call.route == id))
    });
    let first = users.next();
    first.is_some_and(|it| it.written.accepts(code)) && users.all(|it| it.written.accepts(code))
}

fn not_listed(route: &Route, model: &Model) -> Option<Diagnostic> {
    let (provider, name) = model.listed.as_ref()?;
    if model.is_known || (model.is_declared && !model.by_is) {
        return None;
    }
    let near = catalogue::near(provider, name);
    let full = format!("{provider}/{name}");
    let label = match near {
        Some(near) => format!("did you mean {}?", shown(near)),
        None if model.by_is && catalogue::provider(provider).is_none() => {
            "the catalogue has no such provider".to_owned()
        }
        None => "not in the built-in catalogue".to_owned(),
    };
    let declare =
        "declare its route with context and usd-per-mtok, or is = \"provider/model\" of a model that is the same";
    let fix = match near {
        Some(near) if model.by_is => format!("is = \"{provider}/{near}\""),
        Some(near) => format!("write {near}; if the name is right, {declare}"),
        None if model.by_is => "correct `is`, or declare context and usd-per-mtok instead of it".to_owned(),
        None => declare.to_owned(),
    };
    Some(
        Diagnostic::warning(
            codes::NOT_LISTED,
            &model.span,
            format!("the catalogue does not have {} (route {})", shown(&full), route.name),
        )
        .label(label)
        .effect(if model.is_declared {
            "What `is` names adds nothing to what the file declares."
        } else {
            "Its context window and its price are unknown: no request is too large for it, and its cost is shown as ?."
        })
        .fix(fix),
    )
}

fn deprecated(route: &Route, model: &Model) -> Option<Diagnostic> {
    let (provider, name) = model.listed.as_ref().filter(|_| model.is_deprecated)?;
    Some(
        Diagnostic::warning(
            codes::DEPRECATED,
            &model.span,
            format!("{provider} is retiring {} (route {})", shown(name), route.name),
        )
        .label("its provider has announced the end of it")
        .effect("One day it answers 404, and the route is switched off.")
        .fix("name its successor; if it is meant: accept = [\"SB215\"] in the tasks that use it"),
    )
}

/// The first deployment that is another model than the first one of which the model is known.
fn different(route: &Route, models: &[Model]) -> Option<Diagnostic> {
    // What a provider calls another owner's model ends in the owner's name for it.
    let own = |model: &Model| {
        let (_, name) = model.listed.as_ref().filter(|_| model.by_is || model.is_known)?;
        Some(name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase())
    };
    let mut named = models.iter().filter_map(|it| own(it).map(|name| (it, name)));
    let (_, first) = named.next()?;
    let (other, name) = named.find(|(_, name)| *name != first)?;
    Some(
        Diagnostic::warning(
            codes::DIFFERENT_MODELS,
            &other.span,
            format!("route {} is both {} and {}", route.name, shown(&first), shown(&name)),
        )
        .label("another model")
        .effect("Which of the two answers is decided by weight and health, and no answer says that it was moved.")
        .fix("make a route of its own and another rung of it; if both are one model, say so: is = \"provider/model\""),
    )
}
