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
use crate::failure::{ClassSet, Failure, FailureClass};
use crate::health::{Admission, Asking, Health};
use crate::id::{RouteId, TaskId};
use crate::outcome::Skip;
use crate::plan::{Ask, Planner, RESERVE, Standing};
use crate::policy::{Policy, Role, Rung, RungKind, Task, Try};
use crate::record::Ending;
use crate::step::{Call, Facts, Observation, Step};
use crate::time::Now;

mod account;
mod notes;
mod same_route;

pub(crate) use account::{HowEnded, Moved, RungState, Tried, Waited};

/// The kind of an attempt that shows the model its answer and what is wrong with it.
pub(crate) const REPAIR: &str = "repair";

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
    n_repairs: u32,
    /// The route whose budget has paid for a retry that is still to be made.
    paid: Option<RouteId>,
    /// Deployments and keys that this rung has called in vain.
    tried_here: Vec<(usize, usize)>,
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
            n_repairs: 0,
            paid: None,
            tried_here: Vec::new(),
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
                if let Some(admission) = &self.in_flight {
                    health.told_limits(admission, &facts.limits, now);
                }
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
                self.refund(now, health);
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
                self.tried_here.clear();
                let admission = self.admit(&Spot { task, place, rung: it, now, health }, false, &[])?;
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

    fn admit(&self, at: &Spot<'_>, waited: bool, tried: &[(usize, usize)]) -> Result<Admission, Skip> {
        let asking = Asking { tried, waited, ..self.asking(at)? };
        // Timers fire late: a call that could only end at once is not made.
        if at.now >= asking.ends {
            return Err(Skip::NoTime);
        }
        at.health.admit(at.rung.route, &asking, at.now)
    }

    /// Who asks on this rung now.
    fn asking(&self, at: &Spot<'_>) -> Result<Asking<'static>, Skip> {
        let planner = self.planner(at.task, at.health);
        Ok(planner.asking(at.place, at.rung, planner.fits(at.rung)?, at.now))
    }

    fn call(&mut self, place: usize, it: &Try, admission: Admission, kind: &'static str, now: Now) -> Step {
        let repair = kind == REPAIR;
        let own = self.policy.task(self.task).and_then(|task| task.repair.timeout).filter(|_| repair);
        let timeout = own.map_or(it.timeout, |own| own.min(it.timeout));
        let last = self.ask.deadline - RESERVE;
        let ends = (now + timeout).min(last);
        let first_token = it.first_token.map_or(ends, |span| (now + span).min(ends));
        self.tried.push(Tried {
            rung: place,
            route: it.route,
            deployment: admission.deployment,
            key: admission.key,
            // A repair is asked in other words than a probe, whatever else it tells.
            kind: if admission.is_probe() && !repair { "probe" } else { kind },
            started: now,
            ended: None,
            // A client in a hurry, or time that earlier calls have spent, is not the route's fault.
            cut_by_deadline: now + timeout > last && (self.ask.deadline_is_clients || !self.tried.is_empty()),
            own_first_token: first_token < ends,
            without: self.without,
            failure: None,
            unpaid: false,
            facts: Facts::default(),
        });
        self.in_flight = Some(admission);
        let attempt = u32::try_from(self.tried.len()).unwrap_or(u32::MAX);
        let (deployment, key) = (admission.deployment, admission.key);
        Step::Call(Call {
            attempt,
            rung: place,
            route: it.route,
            deployment,
            key,
            repair,
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
        self.tried_here.extend(self.tried.last().map(|it| (it.deployment, it.key)));
        let same = self.take_other_key(&at, failure).or_else(|| self.leave_out(&at, failure));
        if let Some(step) = same.or_else(|| self.ask_for_repair(&at, failure)) {
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

    fn end(&mut self, ending: Ending) -> Step {
        // What was served before the caller left was served; the record shows the cancellation on the attempt.
        self.ended = Some(HowEnded::Failed(ending.clone()));
        Step::End(ending)
    }

    pub(crate) fn planner<'a>(&'a self, task: &'a Task, health: &'a Health) -> Planner<'a> {
        Planner { policy: &self.policy, task, ask: &self.ask, health }
    }

    fn standing(&self, task: &Task, now: Now) -> Standing {
        let n_tried = u32::try_from(self.tried.len()).unwrap_or(u32::MAX);
        Standing { met: self.met, attempts_left: task.max_attempts.saturating_sub(n_tried), now }
    }
}

#[cfg(test)]
mod tests;
