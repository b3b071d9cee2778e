//! What would happen to the next request, rung by rung: a rehearsal told in verdicts. Behind `plan`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::failure::{ClassSet, FailureClass};
use crate::health::Health;
use crate::id::Name;
use crate::plan::{Planner, Standing};
use crate::policy::{Policy, Rung, RungKind, Task};
use crate::record::DecisionRecord;
use crate::rehearse::{Scenario, rehearse};
use crate::time::Now;

/// What would happen to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// The task.
    pub task: Name,
    /// The route that would answer, or the kind of the rung; `null` where nothing would.
    pub would_serve: Option<Name>,
    /// What the caller would get.
    pub outcome: Name,
    /// Every rung of the ladder.
    pub rungs: Vec<ForecastRung>,
}

/// What would become of a rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastRung {
    /// The rung, from one.
    pub rung: u32,
    /// `try`, `answer` or `fail`.
    pub kind: Name,
    /// The route, or the kind.
    pub name: Name,
    /// `serves`, `skipped` or `if_needed`.
    pub verdict: Name,
    /// Of a skipped rung the skip, or the class with which its calls would fail; of the others in words.
    pub reason: Name,
}

/// Tells the scenario rung by rung. Changes `health`, as [`rehearse`] does.
///
/// `None` when the task is not of this policy.
#[must_use]
pub fn forecast(policy: &Arc<Policy>, scenario: &Scenario, health: &Health, now: Now) -> Option<Forecast> {
    let task = policy.task(scenario.task)?;
    let record = rehearse(policy, scenario, health, now)?;
    let ask = scenario.ask(task, now);
    let planner = Planner { policy, task, ask: &ask, health };
    let standing = Standing { met: ClassSet::EMPTY, attempts_left: task.max_attempts, now };
    let rungs = task.ladder.iter().enumerate().map(|(place, rung)| {
        let (verdict, reason) = verdict(&record, task, place, rung, &planner, &standing);
        ForecastRung {
            rung: number(place),
            kind: kind(&rung.kind).into(),
            name: Name::clone(&rung.name),
            verdict: verdict.into(),
            reason,
        }
    });
    Some(Forecast {
        task: Name::clone(&task.name),
        would_serve: record.object.served_by.clone(),
        outcome: Name::clone(&record.object.outcome),
        rungs: rungs.collect(),
    })
}

fn verdict(
    record: &DecisionRecord,
    task: &Task,
    place: usize,
    rung: &Rung,
    planner: &Planner<'_>,
    standing: &Standing,
) -> (&'static str, Name) {
    let object = &record.object;
    let here = number(place);
    if object.rung == Some(here) && object.served_by.is_some() {
        return ("serves", format!("{}, {}", object.outcome, took(record.total_ms)).into());
    }
    if let Some(skipped) = object.not_run.iter().find(|it| it.rung == here && &*it.reason != "not_reached") {
        return ("skipped", Name::clone(&skipped.reason));
    }
    if let Some(failed) = object.attempts.iter().rfind(|it| it.rung == here) {
        return ("skipped", failed.class.clone().unwrap_or_else(|| "?".into()));
    }
    if matches!(rung.kind, RungKind::Fail { .. }) {
        let ends_here = record.error.is_some() && object.not_run.iter().all(|it| it.rung != here);
        return if ends_here { ("serves", "ends the walk".into()) } else { ("if_needed", "otherwise".into()) };
    }
    match planner.judge(place, rung, standing) {
        Err(skip) => ("skipped", skip.name().into()),
        Ok(()) => ("if_needed", needed(rung, task, place)),
    }
}

/// When a rung that is not reached would run.
fn needed(rung: &Rung, task: &Task, place: usize) -> Name {
    if rung.when == ClassSet::usual() {
        let above = task.ladder.iter().take(place).rev().find(|it| matches!(it.kind, RungKind::Try(_)));
        return above.map_or_else(|| "if nothing above answers".into(), |it| format!("if {} fails", it.name).into());
    }
    let taken: Vec<&str> = rung.when.iter().map(FailureClass::name).collect();
    format!("only after {}", taken.join(", ")).into()
}

const fn kind(kind: &RungKind) -> &'static str {
    match kind {
        RungKind::Try(_) => "try",
        RungKind::Answer { .. } => "answer",
        RungKind::Fail { .. } => "fail",
    }
}

fn took(ms: u64) -> String {
    if ms < 1_000 {
        format!("after about {ms} ms")
    } else {
        format!("after about {}.{} s", ms / 1_000, ms % 1_000 / 100)
    }
}

fn number(place: usize) -> u32 {
    u32::try_from(place + 1).unwrap_or(u32::MAX)
}
