//! The walk down a task's ladder: one request's state machine.
//!
//! ```text
//! on success            → answer
//! on failure of class c → same route again, if c allows it, the rung has retries left and the wait fits
//!                       → else the next rung below that takes a class met so far and is eligible now
//!                         (after contract or low_quality: the next such rung that is stronger, if there is one)
//!                       → else the safe failure
//! ```
//!
//! [`Walk::next`] is called with the time and with what was seen, and returns the next step. It writes the decision
//! record as it goes, so that nothing is told twice and nothing moves silently. It never performs a step itself.

use std::sync::Arc;

use crate::dice::Dice;
use crate::failure::{ClassSet, Detail, Failure, FailureClass};
use crate::health::{Admission, Ended, Health};
use crate::id::{RouteId, TaskId};
use crate::outcome::{Skip, Why};
use crate::plan::{Ask, Planner, RESERVE, Standing};
use crate::policy::{Policy, Role, Rung, RungKind, Task, Try};
use crate::record::Ending;
use crate::step::{Call, Facts, Observation, Step};
use crate::time::Now;

mod same_route;

/// One request's way down its ladder.
#[derive(Debug)]
pub struct Walk {
    pub(crate) policy: Arc<Policy>,
    pub(crate) task: TaskId,
    pub(crate) ask: Ask,
    pub(crate) rungs: Vec<RungState>,
    pub(crate) tried: Vec<Tried>,
    pub(crate) waits: Vec<Waited>,
    pub(crate) moves: Vec<Moved>,
    pub(crate) ended: Option<HowEnded>,
    pub(crate) committed: Option<Now>,
    dice: Dice,
    met: ClassSet,
    /// The rung the walk is on.
    current: Option<usize>,
    in_flight: Option<Admission>,
    n_retries: u32,
    tried_keys: u64,
    took_other_key: bool,
    /// The field that is left out on this rung.
    without: Option<&'static str>,
}

/// A model rung of a task at an instant: what most decisions look at together.
#[derive(Clone, Copy)]
struct Spot<'a> {
    task: &'a Task,
    place: usize,
    rung: &'a Try,
    now: Now,
    health: &'a Health,
}

/// What became of a rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RungState {
    NotReached,
    Ran,
    Skipped(Skip),
}

/// One upstream call.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) rung: usize,
    pub(crate) route: RouteId,
    pub(crate) key: usize,
    pub(crate) kind: &'static str,
    pub(crate) started: Now,
    pub(crate) ended: Option<Now>,
    /// Whether the request's deadline, not the route's timeout, bounds it.
    pub(crate) cut_by_deadline: bool,
    /// Whether the first content has a clock of its own, shorter than both.
    pub(crate) own_first_token: bool,
    pub(crate) without: Option<&'static str>,
    pub(crate) failure: Option<Failure>,
    pub(crate) facts: Facts,
}

/// A wait before a retry.
#[derive(Debug)]
pub(crate) struct Waited {
    pub(crate) rung: usize,
    pub(crate) asked_for: bool,
    pub(crate) from: Now,
    pub(crate) until: Now,
}

/// Leaving a rung.
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) class: &'static str,
    pub(crate) why: Why,
}

/// How the walk ended.
#[derive(Debug)]
pub(crate) enum HowEnded {
    /// By the answer of the last call.
    Served,
    /// By the ready answer of this rung.
    Given(usize),
    /// By an error.
    Failed(Ending),
}

// === impl Walk ===

impl Walk {
    /// A walk for an admitted request. `None` when the task is not of this policy.
    #[must_use]
    pub fn new(policy: Arc<Policy>, task: TaskId, ask: Ask, dice: Dice) -> Option<Self> {
        let n_rungs = policy.task(task)?.ladder.len();
        let met =
            if ask.blocked.is_some() { ClassSet::EMPTY.with(FailureClass::PolicyBlocked) } else { ClassSet::EMPTY };
        Some(Self {
            policy,
            task,
            ask,
            rungs: vec![RungState::NotReached; n_rungs],
            tried: Vec::new(),
            waits: Vec::new(),
            moves: Vec::new(),
            ended: None,
            committed: None,
            dice,
            met,
            current: None,
            in_flight: None,
            n_retries: 0,
            tried_keys: 0,
            took_other_key: false,
            without: None,
        })
    }

    /// The request that walks.
    #[must_use]
    pub const fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Whether nothing is left to decide.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.ended.is_some() && self.in_flight.is_none()
    }

    /// The next step after what was seen.
    ///
    /// Every call gets exactly one observation that ends it; whatever comes after the end changes nothing.
    pub fn next(&mut self, now: Now, seen: Observation, health: &Health) -> Step {
        if self.is_over() {
            return Step::Done;
        }
        match seen {
            Observation::Begin => self.descend(0, now, health),
            Observation::Sound(facts) => {
                self.settle(now, None, facts, health);
                self.ended = Some(HowEnded::Served);
                Step::Answer
            }
            Observation::Committed(facts) => {
                self.committed = Some(now);
                self.note(facts);
                self.ended = Some(HowEnded::Served);
                Step::Answer
            }
            Observation::Finished(facts) => {
                self.settle(now, None, facts, health);
                Step::Done
            }
            Observation::Failed(failure, facts) if self.committed.is_some() => {
                self.break_off(now, failure, facts, health)
            }
            Observation::Failed(failure, facts) => self.fail(now, &failure, facts, health),
            Observation::Elapsed => self.try_again(now, health),
            Observation::Given => {
                self.note_move(self.current.unwrap_or_default());
                self.ended = Some(HowEnded::Given(self.current.unwrap_or_default()));
                Step::Answer
            }
            Observation::Missed => {
                let current = self.current.unwrap_or_default();
                self.skip(current, Skip::Miss);
                self.descend(current + 1, now, health)
            }
            Observation::Gone => {
                self.settle(now, Some(Failure::new(FailureClass::Cancelled)), Facts::default(), health);
                self.end(Ending::cancelled())
            }
        }
    }

    /// Runs the first eligible rung from this place on.
    fn descend(&mut self, from: usize, now: Now, health: &Health) -> Step {
        let policy = Arc::clone(&self.policy);
        let Some(task) = policy.task(self.task) else {
            return self.end(Ending::cancelled());
        };
        let prefer = self.stronger_below(task, from, now, health);
        for (place, rung) in task.ladder.iter().enumerate().skip(from) {
            if let Err(skip) = self.planner(task, health).judge(place, rung, &self.standing(task, now)) {
                self.skip(place, skip);
                continue;
            }
            if prefer.is_some_and(|it| place < it) {
                self.skip(place, Skip::PassedOver);
                continue;
            }
            match self.enter(task, place, rung, now, health) {
                Ok(step) => return step,
                Err(skip) => self.skip(place, skip),
            }
        }
        let ending = self.ending(task, now, health, None);
        self.end(ending)
    }

    /// After an answer that broke its contract a stronger rung is worth more than the next one.
    fn stronger_below(&self, task: &Task, from: usize, now: Now, health: &Health) -> Option<usize> {
        let last = self.tried.last()?.failure.as_ref()?.class;
        if !matches!(last, FailureClass::Contract | FailureClass::LowQuality) {
            return None;
        }
        let standing = self.standing(task, now);
        let stronger = |rung: &Rung| matches!(&rung.kind, RungKind::Try(it) if it.role == Role::Stronger);
        let mut below = task.ladder.iter().enumerate().skip(from);
        let found = below
            .find(|(place, rung)| stronger(rung) && self.planner(task, health).judge(*place, rung, &standing).is_ok());
        found.map(|(place, _)| place)
    }

    fn enter(&mut self, task: &Task, place: usize, rung: &Rung, now: Now, health: &Health) -> Result<Step, Skip> {
        let step = match &rung.kind {
            RungKind::Try(it) => {
                self.tried_keys = 0;
                let admission = self.admit(&Spot { task, place, rung: it, now, health }, false)?;
                self.n_retries = 0;
                self.took_other_key = false;
                self.without = None;
                self.note_move(place);
                self.call(place, it, admission, "first", now)
            }
            // A move is noted when the answer turns out to fit.
            RungKind::Answer { .. } => Step::Local { rung: place },
            RungKind::Fail { message } => {
                let ending = self.ending(task, now, health, Some(message));
                self.rungs_mut(place, RungState::Ran);
                return Ok(self.end(ending));
            }
        };
        self.current = Some(place);
        self.rungs_mut(place, RungState::Ran);
        Ok(step)
    }

    fn admit(&self, at: &Spot<'_>, waited: bool) -> Result<Admission, Skip> {
        let mut asking = self.planner(at.task, at.health).asking(at.rung, at.now);
        asking.tried_keys = self.tried_keys;
        asking.waited = waited;
        // Timers fire late: a call that could only end at once is not made.
        if at.now >= asking.ends {
            return Err(Skip::NoTime);
        }
        at.health.admit(at.rung.route, &asking, at.now)
    }

    fn call(&mut self, place: usize, it: &Try, admission: Admission, kind: &'static str, now: Now) -> Step {
        let last = self.ask.deadline - RESERVE;
        let ends = (now + it.timeout).min(last);
        let first_token = it.first_token.map_or(ends, |span| (now + span).min(ends));
        if admission.key < 64 {
            self.tried_keys |= 1 << admission.key;
        }
        self.tried.push(Tried {
            rung: place,
            route: it.route,
            key: admission.key,
            kind: if admission.is_probe() { "probe" } else { kind },
            started: now,
            ended: None,
            // A client in a hurry, or time that earlier calls have spent, is not the route's fault.
            cut_by_deadline: now + it.timeout > last && (self.ask.deadline_is_clients || !self.tried.is_empty()),
            own_first_token: first_token < ends,
            without: self.without,
            failure: None,
            facts: Facts::default(),
        });
        self.in_flight = Some(admission);
        let attempt = u32::try_from(self.tried.len()).unwrap_or(u32::MAX);
        let key = admission.key;
        Step::Call(Call {
            attempt,
            rung: place,
            route: it.route,
            key,
            ends,
            first_token,
            idle: it.idle,
            without: self.without,
        })
    }

    /// A call failed before anything reached the caller.
    fn fail(&mut self, now: Now, failure: &Failure, facts: Facts, health: &Health) -> Step {
        let class = failure.class;
        self.met = self.met.with(class);
        self.settle(now, Some(failure.clone()), facts, health);
        let policy = Arc::clone(&self.policy);
        let (Some(task), Some(place)) = (policy.task(self.task), self.current) else {
            return self.end(Ending::cancelled());
        };
        if failure.has_providers_words() {
            self.ended = Some(HowEnded::Served);
            return Step::Answer;
        }
        if class == FailureClass::PolicyBlocked {
            // Never routed around: from here on only what takes a policy block may run.
            self.met = ClassSet::EMPTY.with(class);
            return self.descend(place + 1, now, health);
        }
        if !class.row().moves {
            let ending = self.ending(task, now, health, None);
            return self.end(ending);
        }
        let Some(RungKind::Try(it)) = task.ladder.get(place).map(|rung| &rung.kind) else {
            return self.descend(place + 1, now, health);
        };
        let at = Spot { task, place, rung: it, now, health };
        if let Some(step) = self.take_other_key(&at, failure).or_else(|| self.leave_out(&at, failure)) {
            return step;
        }
        match self.wait_before_retry(&at, failure) {
            Some((until, asked_for)) => {
                self.n_retries += 1;
                self.waits.push(Waited { rung: place, asked_for, from: now, until });
                Step::Wait { until }
            }
            None => self.descend(place + 1, now, health),
        }
    }

    /// A live stream failed after its commit point: nothing may pretend, nothing may move.
    fn break_off(&mut self, now: Now, failure: Failure, facts: Facts, health: &Health) -> Step {
        let words = failure.has_providers_words();
        let policy = Arc::clone(&self.policy);
        self.met = self.met.with(failure.class);
        self.settle(now, Some(failure), facts, health);
        match policy.task(self.task) {
            Some(_) if words => Step::Done,
            Some(task) => {
                let ending = self.broken_ending(task);
                self.end(ending)
            }
            None => self.end(Ending::cancelled()),
        }
    }

    fn settle(&mut self, now: Now, failure: Option<Failure>, facts: Facts, health: &Health) {
        let Some(admission) = self.in_flight.take() else { return };
        let Some(tried) = self.tried.last_mut() else { return };
        tried.ended = Some(now);
        // A clock of the route's own that ran out before the deadline says as much as ever.
        let at_deadline = self.committed.is_none() && now >= self.ask.deadline - RESERVE;
        let silent = failure.as_ref().is_some_and(|it| it.detail == Some(Detail::FirstToken));
        let cut_by_deadline = tried.cut_by_deadline && at_deadline && !(silent && tried.own_first_token);
        // A live stream has done what its deadline asks for when it commits.
        let took = self.committed.unwrap_or(now).since(tried.started);
        let ended = Ended { failure: failure.as_ref(), cut_by_deadline, took };
        health.settle(admission, &ended, now, &mut self.dice);
        tried.failure = failure;
        self.note(facts);
    }

    /// Keeps what is known of the last call; what was known before stays known.
    fn note(&mut self, facts: Facts) {
        let Some(tried) = self.tried.last_mut() else { return };
        let known = &mut tried.facts;
        known.status = facts.status.or(known.status);
        known.model = facts.model.or_else(|| known.model.take());
        known.usage = facts.usage.or(known.usage);
        known.first_token = facts.first_token.or(known.first_token);
        known.provider_request_id = facts.provider_request_id.or_else(|| known.provider_request_id.take());
        known.simulated |= facts.simulated;
    }

    fn end(&mut self, ending: Ending) -> Step {
        // What was served before the caller left was served; the record shows the cancellation on the attempt.
        self.ended = Some(HowEnded::Failed(ending.clone()));
        Step::End(ending)
    }

    fn skip(&mut self, place: usize, skip: Skip) {
        if self.met.has(FailureClass::PolicyBlocked) {
            self.rungs_mut(place, RungState::Skipped(skip));
            return;
        }
        self.met = self.met.union(skip.row().counts_as.classes());
        self.rungs_mut(place, RungState::Skipped(skip));
    }

    fn rungs_mut(&mut self, place: usize, state: RungState) {
        if let Some(it) = self.rungs.get_mut(place) {
            *it = state;
        }
    }

    /// Notes a move into this rung, if the caller's first rung lies above it.
    fn note_move(&mut self, to: usize) {
        let from_failure = self.tried.last().and_then(|it| Some((it.rung, it.failure.as_ref()?)));
        let operator = self.skipped_above(to).any(|(_, skip)| skip == Skip::Disabled);
        let last_skip = self.skipped_above(to).filter_map(|(at, skip)| Some((at, skip, skip.row().why?))).last();
        let moved = match (from_failure, last_skip) {
            (Some((from, failure)), _) if operator => Some((from, failure.class.name(), Why::Operator)),
            (Some((from, failure)), _) => {
                Some((from, failure.class.name(), Why::after(failure.class, failure.unclassified())))
            }
            (None, Some((from, skip, _))) if operator => Some((from, skip.name(), Why::Operator)),
            (None, Some((from, skip, why))) => Some((from, skip.name(), why)),
            (None, None) => None,
        };
        let blocked = self.ask.blocked.is_some() && self.tried.is_empty();
        let moved = if blocked { None } else { moved };
        if let Some((from, class, why)) = moved {
            self.moves.push(Moved { from, to, class, why });
        }
    }

    fn skipped_above(&self, to: usize) -> impl Iterator<Item = (usize, Skip)> {
        self.rungs.iter().enumerate().take(to).filter_map(|(at, state)| match state {
            RungState::Skipped(skip) => Some((at, *skip)),
            RungState::Ran | RungState::NotReached => None,
        })
    }

    fn planner<'a>(&'a self, task: &'a Task, health: &'a Health) -> Planner<'a> {
        Planner { policy: &self.policy, task, ask: &self.ask, health }
    }

    fn standing(&self, task: &Task, now: Now) -> Standing {
        let n_tried = u32::try_from(self.tried.len()).unwrap_or(u32::MAX);
        Standing { met: self.met, attempts_left: task.max_attempts.saturating_sub(n_tried), now }
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
