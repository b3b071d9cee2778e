//! What a change would do to each task, said before it is made.

use switchback_core::health::Asking;
use switchback_core::policy::{RungKind, Task};
use switchback_core::route::{Bucket, Deployments};
use switchback_core::time::Now;

use super::target::{Target, all_of};
use crate::state::Snapshot;

/// What a change would do to a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) harm: Harm,
    /// In a sentence.
    pub(crate) sentence: String,
}

/// What a task is left with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Harm {
    /// A rung of full quality.
    #[default]
    Bearable,
    /// Less than full quality.
    Degrades,
    /// Nothing that can answer.
    Breaks,
}

/// What it would do to each task if nothing of these targets could be called.
pub(crate) fn effect(snapshot: &Snapshot, targets: &[Target], now: Now) -> Vec<Effect> {
    let tasks = snapshot.policy.tasks.iter().filter(|it| !it.direct);
    let mut effects: Vec<Effect> = tasks.filter_map(|task| effect_on(snapshot, task, targets, now)).collect();
    // Of a task with a star there are as many as models were called: the same is said once.
    let mut said = std::collections::HashSet::new();
    effects.retain(|it| said.insert(it.sentence.clone()));
    effects
}

fn effect_on(snapshot: &Snapshot, task: &Task, targets: &[Target], now: Now) -> Option<Effect> {
    let hit =
        |kind: &RungKind| matches!(kind, RungKind::Try(it) if targets.iter().any(|target| target.route == it.route));
    if !task.ladder.iter().any(|rung| hit(&rung.kind)) {
        return None;
    }
    let left = task.ladder.iter().enumerate().find(|(_, rung)| match &rung.kind {
        RungKind::Try(it) => {
            let all = snapshot.policy.route(it.route).map(all_of).unwrap_or_default();
            let hit = targets.iter().filter(|target| target.route == it.route);
            let mut fits = hit.fold(all, |left, target| left.minus(target.which));
            for (place, deployment) in
                snapshot.policy.route(it.route).iter().flat_map(|it| it.deployments.iter().enumerate())
            {
                if !task.require.is_met(deployment.region.as_deref(), &deployment.tags) {
                    fits = fits.minus(Deployments::default().with(place));
                }
            }
            let asking = Asking {
                bucket: Bucket::Short,
                fits,
                tried: &[],
                waited: false,
                covered: true,
                prompt_tokens: 1,
                ends: now,
            };
            !fits.is_empty() && snapshot.health.obstacle(it.route, &asking, now).is_none()
        }
        RungKind::Answer { .. } => true,
        RungKind::Fail { .. } => false,
    });
    let name = &task.name;
    let (harm, sentence) = match left {
        None => {
            (Harm::Breaks, format!("{name}: no rung is left that can answer; every request would get the plain error"))
        }
        Some((place, rung)) => match &rung.kind {
            RungKind::Try(it) if it.role.degrades() => (
                Harm::Degrades,
                format!("{name} would start at rung {}, {}, which counts as degraded", place + 1, rung.name),
            ),
            RungKind::Try(_) if hit(&rung.kind) => (
                Harm::Bearable,
                format!("{name} would go on with the other deployments of {} (rung {})", rung.name, place + 1),
            ),
            RungKind::Try(_) => (Harm::Bearable, format!("{name} would start at rung {}, {}", place + 1, rung.name)),
            RungKind::Answer { .. } | RungKind::Fail { .. } => (
                Harm::Degrades,
                format!(
                    "{name}: no model is left; rung {} gives the ready answer, which counts as degraded",
                    place + 1
                ),
            ),
        },
    };
    Some(Effect { harm, sentence })
}
