//! What `model` means: a task, one of a task's other names, or a route that may be called directly.
//!
//! Looked up in a table, however many there are. A name that a star matches may stand for a model of its own: then the
//! task's rungs with a star are made for that model, once, and kept with limits and breakers of their own.

use std::collections::HashMap;

use switchback_core::id::{Name, RouteId, TaskId};
use switchback_core::policy::{Policy, RungKind, Task};
use switchback_core::route::{Deployment, Route};

/// Most models that are made from stars in one configuration.
const MOST_STARRED: usize = 256;
/// Longest name of such a model.
const LONGEST: usize = 256;

/// Every name that a request may use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    exact: HashMap<Name, Meant>,
    /// Names with a star, as written, in file order.
    globs: Vec<(Name, TaskId)>,
    /// The task that takes the rest.
    rest: Option<TaskId>,
    n_starred: usize,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meant {
    pub(crate) task: TaskId,
    /// Whether it is one of the task's other names.
    pub(crate) alias: bool,
}

/// What was found for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Known(Meant),
    /// A task whose rungs must first be made for the model that the star matched.
    Starred {
        task: TaskId,
        model: String,
    },
    /// A task that only makes sense for a named model.
    NeedsModel,
    /// A star stands for it, and for too many others already.
    TooMany,
    Unknown,
}

// === impl Names ===

impl Names {
    /// The names of a policy. A task wins over a route of its name.
    pub(crate) fn new(policy: &Policy) -> Self {
        let mut names = Self::default();
        let tasks = || policy.tasks.iter().zip(0_u32..).map(|(task, place)| (task, TaskId(place)));
        for (task, id) in tasks() {
            names.exact.entry(Name::clone(&task.name)).or_insert(Meant { task: id, alias: false });
        }
        for (task, id) in tasks() {
            for name in &task.names {
                match &**name {
                    "*" => names.rest = Some(id),
                    glob if glob.contains('*') => names.globs.push((Name::clone(name), id)),
                    _ => {
                        names.exact.entry(Name::clone(name)).or_insert(Meant { task: id, alias: true });
                    }
                }
            }
        }
        names
    }

    /// What this name stands for.
    pub(crate) fn find(&self, policy: &Policy, named: &str) -> Found {
        let known = self.exact.get(named);
        let direct = |it: &&Meant| policy.task(it.task).is_some_and(|task| task.direct);
        // A task's own ladder is worth more than the bare call of a route that happens to have the name.
        if let Some(meant) = known.filter(|it| !direct(it)) {
            let needs_model = !meant.alias && policy.task(meant.task).is_some_and(|task| has_star(policy, task));
            return if needs_model { Found::NeedsModel } else { Found::Known(*meant) };
        }
        let glob = self.globs.iter().find_map(|(glob, id)| Some((*id, matched(glob, named)?)));
        match (glob, known, self.rest) {
            (Some((task, star)), _, _) => self.of_glob(policy, task, star),
            (None, Some(direct), _) => Found::Known(*direct),
            (None, None, Some(task)) => self.of_glob(policy, task, named),
            (None, None, None) => Found::Unknown,
        }
    }

    fn of_glob(&self, policy: &Policy, task: TaskId, star: &str) -> Found {
        if !policy.task(task).is_some_and(|it| has_star(policy, it)) {
            return Found::Known(Meant { task, alias: true });
        }
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "._:/@+-".contains(it);
        if star.is_empty() || star.len() > LONGEST || !star.chars().all(is_plain) {
            return Found::Unknown;
        }
        if self.n_starred >= MOST_STARRED {
            return Found::TooMany;
        }
        Found::Starred { task, model: star.to_owned() }
    }

    /// From now on the name stands for this task, which was made for its model.
    pub(crate) fn keep(&mut self, named: &str, task: TaskId) {
        self.n_starred += 1;
        self.exact.insert(named.into(), Meant { task, alias: true });
    }
}

/// The policy with this task made for the model that a star matched, and the new task. Routes that are there already
/// under the name are used.
pub(crate) fn starred(
    policy: &Policy,
    of: TaskId,
    model: &str,
    named: impl Fn(&Deployment) -> Option<Deployment>,
) -> Option<(Policy, TaskId)> {
    let mut policy = policy.clone();
    let mut task = policy.task(of)?.clone();
    for rung in &mut task.ladder {
        let RungKind::Try(it) = &mut rung.kind else { continue };
        let route = policy.route(it.route)?;
        if !route.name.contains('*') {
            continue;
        }
        let deployments = route.deployments.iter().map(&named).collect::<Option<Vec<_>>>()?;
        let made = Route { name: route.name.replacen('*', model, 1).into(), deployments };
        rung.name = Name::clone(&made.name);
        it.route = match policy.route_named(&made.name) {
            Some(known) => known,
            None => {
                let id = RouteId(u32::try_from(policy.routes.len()).ok()?);
                policy.routes.push(made);
                id
            }
        };
    }
    let id = TaskId(u32::try_from(policy.tasks.len()).ok()?);
    policy.tasks.push(task);
    Some((policy, id))
}

fn has_star(policy: &Policy, task: &Task) -> bool {
    task.ladder.iter().any(|rung| match &rung.kind {
        RungKind::Try(it) => policy.route(it.route).is_some_and(|route| route.name.contains('*')),
        RungKind::Answer { .. } | RungKind::Fail { .. } => false,
    })
}

/// What the first star of a glob matches, where the whole name matches.
fn matched<'n>(glob: &str, named: &'n str) -> Option<&'n str> {
    let (before, after) = glob.split_once('*')?;
    let rest = named.strip_prefix(before)?;
    if after.contains('*') {
        return switchback_config::glob::matches(glob, named).then_some(rest);
    }
    rest.strip_suffix(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_what_it_matched() {
        assert_eq!(matched("openai/*", "openai/gpt-5"), Some("gpt-5"));
        assert_eq!(matched("gpt-*-eu", "gpt-5-eu"), Some("5"));
        assert_eq!(matched("gpt-*-eu", "gpt-eu"), None);
        assert_eq!(matched("openai/*", "azure/gpt-5"), None);
    }
}
