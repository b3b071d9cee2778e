//! Rehearsal: one request walked down a ladder in virtual time, with every call's end given beforehand.
//!
//! It drives the real [`Walk`] and [`Health`], and gives the decision record that a real request would leave. `test` holds
//! the record against what is expected, [`forecast()`] tells it rung by rung. It makes no call, reads no clock, and the
//! same scenario always gives the same record.

use std::sync::Arc;
use std::time::Duration;

use crate::derive::About;
use crate::dice::Dice;
use crate::failure::{Detail, Failure, FailureClass};
use crate::health::Health;
use crate::id::{Name, RequestId, TaskId};
use crate::plan::Ask;
use crate::policy::{Policy, RungKind, Surface, Task};
use crate::record::DecisionRecord;
use crate::route::{Capabilities, Deployments};
use crate::step::{Call, Facts, Observation, Step};
use crate::time::Now;
use crate::walk::Walk;

mod expect;
mod fault;
mod forecast;
mod words;

pub use expect::{Difference, Expect};
pub use fault::{Effect, FAULTS, FaultRow, Trouble};
pub use forecast::{Forecast, ForecastRung, forecast};
pub use words::walked;

/// How long an answer or an error takes that does not say otherwise.
pub const USUAL: Duration = Duration::from_millis(100);

/// Steps after which a walk would be stopped; real ones end after some dozen.
const MOST_STEPS: u32 = 10_000;

/// A request, and what its calls meet.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The task that is asked for.
    pub task: TaskId,
    /// The caller's segment.
    pub segment: Option<Name>,
    /// The surface; `None`: the task's.
    pub surface: Option<Surface>,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// What a route must be able to do.
    pub needs: Capabilities,
    /// What calls meet. Of several that a call matches the first holds; a call that matches none is answered.
    pub given: Vec<Given>,
}

/// What some of the calls meet.
#[derive(Debug, Clone)]
pub struct Given {
    /// Rungs of the task, from zero, with the deployments of their routes.
    pub hits: Vec<(usize, Deployments)>,
    /// One for each call in turn, the last one for ever after. Never empty; a disabled route stands alone.
    pub plays: Vec<Play>,
}

/// How one call goes.
#[derive(Debug, Clone, Copy)]
pub struct Play {
    /// What it meets.
    pub fault: &'static FaultRow,
    /// When the answer or the failure comes; `None`: after [`USUAL`], and silence lasts until the attempt's clock ends it.
    pub after: Option<Duration>,
}

// === impl Scenario ===

impl Scenario {
    /// A short text request for a task, with nothing going wrong.
    #[must_use]
    pub const fn plain(task: TaskId) -> Self {
        Self { task, segment: None, surface: None, prompt_tokens: 100, needs: Capabilities::NONE, given: Vec::new() }
    }

    fn ask(&self, task: &Task, now: Now) -> Ask {
        let surface = self.surface.unwrap_or(task.surface);
        Ask {
            arrived: now,
            deadline: now + task.deadline.of(surface),
            deadline_is_clients: false,
            segment: self.segment.clone(),
            surface,
            needs: self.needs,
            prompt_tokens: self.prompt_tokens,
            output_cap: None,
            tags: Vec::new(),
            pinned: None,
            alias: false,
            promised: task.contract.is_some(),
            blocked: None,
        }
    }

    /// Takes out what is given as disabled.
    fn disable(&self, task: &Task, health: &Health) {
        let disabled = |it: &&Given| it.plays.iter().any(|play| play.fault.effect == Effect::Disabled);
        for (rung, which) in self.given.iter().filter(disabled).flat_map(|it| &it.hits) {
            if let Some(RungKind::Try(it)) = task.ladder.get(*rung).map(|rung| &rung.kind) {
                health.disable(it.route, *which, None);
            }
        }
    }
}

/// Walks the scenario. Changes `health`, as a real request does: give a copy of one that is in use.
///
/// `None` when the task is not of this policy.
#[must_use]
pub fn rehearse(policy: &Arc<Policy>, scenario: &Scenario, health: &Health, now: Now) -> Option<DecisionRecord> {
    let task = policy.task(scenario.task)?;
    scenario.disable(task, health);
    let ask = scenario.ask(task, now);
    let mut walk = Walk::new(Arc::clone(policy), scenario.task, ask, Dice::seeded(0))?;
    let mut n_calls = vec![0; scenario.given.len()];
    let mut now = now;
    let mut seen = Observation::Begin;
    for _ in 0..MOST_STEPS {
        seen = match walk.next(now, seen, health) {
            Step::Call(call) => {
                let (ended, seen) = play(scenario, &call, &mut n_calls, now);
                now = ended;
                seen
            }
            Step::Wait { until } => {
                now = until;
                Observation::Elapsed
            }
            // `check` refuses a ready answer that does not fit its task.
            Step::Local { .. } => Observation::Given,
            Step::Answer | Step::Done | Step::End(_) => break,
        };
    }
    Some(walk.record(&about(), now))
}

/// How a call ends, and when.
fn play(scenario: &Scenario, call: &Call, n_calls: &mut [usize], now: Now) -> (Now, Observation) {
    let hit = |it: &Given| it.hits.iter().any(|(rung, which)| *rung == call.rung && which.has(call.deployment));
    let found = scenario.given.iter().zip(n_calls).find(|(given, _)| hit(given));
    let play = found.and_then(|(given, n)| {
        let play = given.plays.get(*n).or(given.plays.last());
        *n += 1;
        play
    });
    let facts = Facts::default();
    let after = play.and_then(|it| it.after);
    let (ends, failure) = match play.map_or(Effect::Answer { late: Duration::ZERO }, |it| it.fault.effect) {
        Effect::Answer { late } => (now + after.unwrap_or(USUAL + late), None),
        Effect::Failure(trouble) => (now + after.unwrap_or(USUAL), Some(trouble.failure())),
        // Nobody calls what is disabled.
        Effect::Silence | Effect::Disabled => (after.map_or(call.ends, |it| now + it), Some(too_long())),
    };
    if ends > call.ends {
        return (call.ends, Observation::Failed(too_long(), facts));
    }
    match failure {
        Some(failure) => (ends, Observation::Failed(failure, facts)),
        None => (ends, Observation::Sound(facts)),
    }
}

fn too_long() -> Failure {
    Failure::new(FailureClass::Timeout).with_detail(Detail::Total)
}

fn about() -> About {
    About {
        request_id: RequestId::new(0, 0),
        arrived_ms: 0,
        stream: false,
        key: None,
        client: None,
        client_retry: None,
        config: "".into(),
        exhausted_status: 424,
    }
}

#[cfg(test)]
mod tests;
