//! What a request may be given at all: rungs and deployments that fit it, whatever the state of anything.
//!
//! Written anew from the decisions, sections 3 and 9, and never from the engine's own plan.

use crate::failure::{ClassSet, Family};
use crate::plan::Ask;
use crate::policy::{Policy, Rung, RungKind, Task, Try};
use crate::route::{CAPABILITIES, Deployment};

/// Why a deployment does not fit; a later one is nearer to fitting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Misfit {
    Residency,
    Pinned,
    NoCapability,
    ContextTooSmall,
}

impl Misfit {
    /// The reason that the record must give.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Misfit::Residency => "residency",
            Misfit::Pinned => "pinned",
            Misfit::NoCapability => "no_capability",
            Misfit::ContextTooSmall => "context_too_small",
        }
    }
}

/// Whether a rung is for this caller at all, whatever happens.
pub(crate) fn is_for(rung: &Rung, ask: &Ask) -> bool {
    let segment = rung.segments.as_ref().is_none_or(|all| ask.segment.as_ref().is_some_and(|it| all.contains(it)));
    segment && rung.surface.is_none_or(|it| it == ask.surface)
}

/// Why a deployment may not or cannot serve a request of this task.
pub(crate) fn misfit(it: &Deployment, ask: &Ask, task: &Task) -> Option<Misfit> {
    let here = it.region.as_deref().unwrap_or("?");
    let inside = |wanted: &str| here == wanted || here.starts_with(&format!("{wanted}-"));
    let region = task.require.region.is_empty() || task.require.region.iter().any(|wanted| inside(wanted));
    let carries = |tag| it.tags.iter().any(|mine| mine == tag);
    let wanted = ask.prompt_tokens + ask.output_cap.unwrap_or(0);
    if !region || !task.require.tags.iter().all(carries) || !ask.tags.iter().all(carries) {
        return Some(Misfit::Residency);
    }
    if ask.pinned.is_some() && ask.pinned != Some(it.provider) {
        return Some(Misfit::Pinned);
    }
    if CAPABILITIES.iter().any(|(what, _)| ask.needs.has(*what) && it.cannot.has(*what)) {
        return Some(Misfit::NoCapability);
    }
    (it.context.unwrap_or(u64::MAX) < wanted).then_some(Misfit::ContextTooSmall)
}

/// The deployments of a rung's route, and why each does not fit.
pub(crate) fn misfits(it: &Try, ask: &Ask, task: &Task, policy: &Policy) -> Vec<Option<Misfit>> {
    let deployments = policy.route(it.route).map(|it| it.deployments.as_slice()).unwrap_or_default();
    deployments.iter().map(|deployment| misfit(deployment, ask, task)).collect()
}

/// Whether any deployment of the rung's route fits.
pub(crate) fn is_capable(it: &Try, ask: &Ask, task: &Task, policy: &Policy) -> bool {
    misfits(it, ask, task, policy).contains(&None)
}

/// Whether something below this place could answer after a technical failure, if it were well.
pub(crate) fn is_covered(place: usize, ask: &Ask, task: &Task, policy: &Policy) -> bool {
    task.ladder.iter().skip(place + 1).any(|rung| {
        let takes = rung.when.meets(ClassSet::of_family(Family::Technical));
        let answers = match &rung.kind {
            RungKind::Try(it) => is_capable(it, ask, task, policy),
            RungKind::Answer { .. } => true,
            RungKind::Fail { .. } => false,
        };
        is_for(rung, ask) && takes && answers
    })
}
