//! What one request was promised, checked at every step of its walk.
//!
//! A watch sees what a bystander would: calls, how they really ended, and what the engine said next.

use crate::failure::{Detail, Failure, FailureClass};
use crate::plan::Ask;
use crate::policy::{Policy, RungKind, Task, Try};
use crate::simulate::faults::own_timeout;
use crate::simulate::fits::{Misfit, is_for, misfits};
use crate::simulate::policy_maker::ms;
use crate::simulate::report::Rule;
use crate::simulate::scopes::Truth;
use crate::step::{Call, Step};
use crate::time::Now;

/// Broken promises with words.
pub(crate) type Found = Vec<(Rule, String)>;

/// What surrounds a step.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) task: &'a Task,
    pub(crate) ask: &'a Ask,
    pub(crate) now: Now,
}

/// One request as a bystander saw it.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) calls: Vec<Seen>,
    pub(crate) n_waits: usize,
    /// Ready answers that were asked for, and whether they were given.
    pub(crate) locals: Vec<(usize, bool)>,
    /// When the answer went to the caller, and as what.
    pub(crate) served: Option<Served>,
    pub(crate) committed: bool,
    pub(crate) ended: bool,
    pub(crate) gone: bool,
    waiting_until: Option<Now>,
}

/// A call.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) rung: usize,
    pub(crate) call: Call,
    pub(crate) probe: bool,
    pub(crate) truth: Option<Truth>,
    /// Whether a wait on the same rung came before it.
    pub(crate) is_retry: bool,
}

/// Who gave the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Served {
    ByCall,
    ByRung(usize),
}

/// Words of the model or of an output filter that the caller receives as they are.
pub(crate) fn is_providers_words(failure: &Failure) -> bool {
    let cut = failure.class == FailureClass::PolicyBlocked && failure.detail == Some(Detail::Output);
    failure.words_kept && (failure.class == FailureClass::Refusal || cut)
}

// === impl Watch ===

impl Watch {
    /// Whether a policy decision stands.
    pub(crate) fn is_blocked(&self, ask: &Ask) -> bool {
        ask.blocked.is_some() || self.failures().any(|it| it.class == FailureClass::PolicyBlocked)
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.calls.iter().filter_map(|it| it.truth.as_ref()?.failure.as_ref())
    }

    pub(crate) fn last_failure(&self) -> Option<&Failure> {
        self.calls.last()?.truth.as_ref()?.failure.as_ref()
    }

    /// How the last call really ended.
    pub(crate) fn call_ended(&mut self, truth: &Truth) {
        if let Some(it) = self.calls.last_mut() {
            it.truth = Some(truth.clone());
        }
    }

    /// The call that has just begun probes an open breaker, or not.
    pub(crate) fn call_started(&mut self, probe: bool) {
        if let Some(it) = self.calls.last_mut() {
            it.probe = probe;
        }
    }

    /// Whether a ready answer is what the request waits for.
    pub(crate) fn is_asked_locally(&self) -> bool {
        self.waiting_until.is_none() && !self.locals.is_empty()
    }

    /// A ready answer was given, or did not fit.
    pub(crate) fn local_ended(&mut self, given: bool) {
        if let Some((_, it)) = self.locals.last_mut() {
            *it = given;
        }
    }

    /// Checks the engine's next step.
    pub(crate) fn step(&mut self, scene: &Scene<'_>, step: &Step, found: &mut Found) {
        if self.ended {
            found.push((Rule::NothingAfterTheEnd, format!("{step:?} after the end")));
        }
        if self.gone && !matches!(step, Step::End(_) | Step::Done) {
            found.push((Rule::NothingAfterTheEnd, format!("{step:?} although the caller has gone")));
        }
        if !self.committed && scene.now > scene.ask.deadline + ms(50) {
            let late = scene.now.since(scene.ask.deadline);
            found.push((Rule::EndsInTime, format!("still walking {late:?} after the deadline")));
        }
        match step {
            Step::Call(call) => self.check_call(scene, call, found),
            Step::Wait { until } => self.check_wait(scene, *until, found),
            Step::Local { rung } => self.check_local(scene, *rung, found),
            Step::Answer => self.check_answer(found),
            Step::Done => {
                self.ended = true;
                let whole = self.last_failure().is_none_or(is_providers_words);
                if !self.committed || !whole {
                    found.push((Rule::AfterCommit, "ended as if the stream had been whole".to_owned()));
                }
            }
            Step::End(ending) => {
                self.ended = true;
                if self.served.is_some() && !self.committed {
                    found.push((Rule::OneEnding, format!("answered, then {}", ending.code)));
                }
            }
        }
        if !matches!(step, Step::Wait { .. }) {
            self.waiting_until = None;
        }
    }

    fn check_call(&mut self, scene: &Scene<'_>, call: &Call, found: &mut Found) {
        let Scene { policy, task, ask, now } = *scene;
        let mut violate = |rule, what: String| found.push((rule, what));
        if self.served.is_some() {
            violate(Rule::AfterCommit, "another call after the answer".to_owned());
        }
        if self.is_blocked(ask) {
            violate(Rule::PolicyBlock, format!("rung {} is called although policy blocked it", call.rung));
        }
        if let Some(it) = self.failures().find(|it| forbids_every_call(it.class)) {
            violate(Rule::SameRungAgain, format!("another call after {}", it.class));
        }
        if self.calls.last().is_some_and(|it| it.truth.is_none()) {
            violate(Rule::NothingAfterTheEnd, "a call while another is running".to_owned());
        }
        let n_calls = u32::try_from(self.calls.len()).unwrap_or(u32::MAX) + 1;
        if n_calls > task.max_attempts || call.attempt != n_calls {
            violate(Rule::MaxAttempts, format!("call {n_calls} of {} as attempt {}", task.max_attempts, call.attempt));
        }
        let timers = call.ends > now && call.ends <= ask.deadline && call.first_token <= call.ends;
        if now >= ask.deadline || !timers {
            violate(Rule::StartsInTime, format!("a call with {:?} left and {call:?}", now.until(ask.deadline)));
        }
        if self.waiting_until.is_some_and(|until| now < until) {
            violate(Rule::RetryAfter, "a call before the wait was over".to_owned());
        }
        self.check_order(call.rung, found);
        self.check_repair(task, call, found);
        let rung = task.ladder.get(call.rung);
        match rung.map(|it| (it, &it.kind)) {
            Some((rung, RungKind::Try(it))) => {
                let misfit = misfits(it, ask, task, policy).get(call.deployment).copied();
                let who = format!("rung {} deployment {}", call.rung, call.deployment);
                match misfit {
                    Some(Some(why @ (Misfit::Residency | Misfit::Pinned))) => {
                        found.push((Rule::Residency, format!("{who}: {}", why.reason())));
                    }
                    Some(None) if it.route == call.route && is_for(rung, ask) => {}
                    _ => found.push((Rule::Eligible, format!("{who} is not for this request: {misfit:?}"))),
                }
                if call.ends.since(now) > own_timeout(scene, it.timeout, call.repair) {
                    found.push((Rule::StartsInTime, format!("more time than its timeout: {call:?}")));
                }
                self.check_again(it, call, found);
            }
            _ => found.push((Rule::Eligible, format!("rung {} calls no route", call.rung))),
        }
        self.calls.push(Seen {
            rung: call.rung,
            call: *call,
            probe: false,
            truth: None,
            is_retry: self.is_retry(call),
        });
    }

    fn check_order(&self, rung: usize, found: &mut Found) {
        let last = self.calls.iter().map(|it| it.rung).chain(self.locals.iter().map(|(rung, _)| *rung)).max();
        if last.is_some_and(|it| rung < it) {
            found.push((Rule::Order, format!("rung {rung} after rung {last:?}")));
        }
    }

    /// A second call on the same rung needs a class that allows it.
    fn check_again(&self, it: &Try, call: &Call, found: &mut Found) {
        let here: Vec<&Seen> = self.calls.iter().filter(|seen| seen.rung == call.rung).collect();
        let waited = self.is_retry(call);
        let retries = here.iter().filter(|it| it.is_retry).count() + usize::from(waited);
        let repairs = here.iter().filter(|it| it.call.repair).count() + usize::from(call.repair);
        let n_retries = usize::try_from(it.retries).unwrap_or(usize::MAX);
        if retries > n_retries || here.len() > n_retries + 2 + repairs {
            let what = format!("call {} on a rung with {} retries", here.len() + 1, it.retries);
            found.push((Rule::RungLimit, what));
        }
        self.check_left_out(&here, call, found);
        let Some(last) = here.last() else { return };
        let Some(failure) = last.truth.as_ref().and_then(|it| it.failure.as_ref()) else { return };
        let other_place = last.call.deployment != call.deployment;
        let other_key = other_place || last.call.key != call.key;
        let changed = call.without.is_some() && last.call.without.is_none();
        use FailureClass as C;
        let allowed = match failure.class {
            C::Transport | C::Overloaded | C::ServerError | C::Contract => waited,
            C::Timeout => waited && failure.detail == Some(Detail::Connect),
            C::RateLimited => waited || other_key,
            C::Auth | C::QuotaExhausted => other_key,
            C::NotFound => other_place,
            C::Capability => changed,
            _ => false,
        };
        let repaired = call.repair && failure.repairable;
        if !(allowed || repaired) || (failure.forbids_same_route && !other_key && !changed && !repaired) {
            let what = format!("rung {} again after {} (waited: {waited})", call.rung, failure.class);
            found.push((Rule::SameRungAgain, what));
        }
    }

    /// A repair mends the answer before it on the same rung, as often as the task says.
    fn check_repair(&self, task: &Task, call: &Call, found: &mut Found) {
        if !call.repair {
            return;
        }
        let before = self.calls.last().filter(|it| it.rung == call.rung);
        let failure = before.and_then(|it| it.truth.as_ref()?.failure.as_ref());
        if !failure.is_some_and(|it| it.repairable) || self.waiting_until.is_some() {
            found.push((Rule::Repair, format!("a repair after {:?}", failure.map(|it| it.class))));
        }
        let n_repairs = self.calls.iter().filter(|it| it.call.repair).count() + 1;
        if n_repairs > usize::try_from(task.repair.tries).unwrap_or(usize::MAX) {
            found.push((Rule::Repair, format!("repair {n_repairs} of {}", task.repair.tries)));
        }
    }

    /// Whether this call comes after a wait on its rung.
    pub(crate) fn is_retry(&self, call: &Call) -> bool {
        self.is_waiting() && self.calls.last().is_some_and(|it| it.rung == call.rung)
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting_until.is_some()
    }

    /// Deployments and keys that the last call, on its rung, ought to have avoided. A request that goes without a field, or that
    /// asks for a repair, may stay where it was.
    pub(crate) fn tried_before(&self, call: &Call) -> Vec<(usize, usize)> {
        let earlier = self.calls.iter().take(self.calls.len().saturating_sub(1));
        let here: Vec<&Seen> = earlier.filter(|it| it.rung == call.rung).collect();
        let changed = call.without.is_some() && here.last().is_some_and(|it| it.call.without.is_none());
        if call.repair || changed {
            return Vec::new();
        }
        here.iter().map(|it| (it.call.deployment, it.call.key)).collect()
    }

    /// A field is left out only where the route has said on this rung that it cannot take it, and then for good.
    fn check_left_out(&self, here: &[&Seen], call: &Call, found: &mut Found) {
        let failures = here.iter().filter_map(|it| it.truth.as_ref()?.failure.as_ref());
        let hinted = failures.filter_map(|it| it.hint).next();
        let before = here.last().and_then(|it| it.call.without);
        let now = call.without;
        if (now.is_some() && now != hinted) || (before.is_some() && now != before) {
            found.push((Rule::RungLimit, format!("left out {now:?}, before {before:?}, hinted {hinted:?}")));
        }
    }

    fn check_wait(&mut self, scene: &Scene<'_>, until: Now, found: &mut Found) {
        let Scene { task, ask, now, .. } = *scene;
        let wait = until.since(now);
        let asked = self.last_failure().and_then(|it| it.retry_after).unwrap_or_default();
        if wait < asked {
            found.push((Rule::RetryAfter, format!("waits {wait:?}, {asked:?} was asked for")));
        }
        let bounds = task.retry_wait;
        if wait < bounds.low || wait > bounds.high.max(asked) || until > ask.deadline {
            found.push((Rule::WaitBounds, format!("waits {wait:?} within {bounds:?}")));
        }
        if self.calls.len() >= usize::try_from(task.max_attempts).unwrap_or(usize::MAX) || self.served.is_some() {
            found.push((Rule::WaitBounds, "a wait after the last attempt".to_owned()));
        }
        self.n_waits += 1;
        self.waiting_until = Some(until);
    }

    fn check_local(&mut self, scene: &Scene<'_>, rung: usize, found: &mut Found) {
        let it = scene.task.ladder.get(rung);
        let ready = it.is_some_and(|it| matches!(it.kind, RungKind::Answer { .. }) && is_for(it, scene.ask));
        let takes = it.is_some_and(|it| it.when.has(FailureClass::PolicyBlocked));
        if !ready || self.served.is_some() {
            found.push((Rule::Eligible, format!("rung {rung} has no ready answer for this request")));
        }
        if self.is_blocked(scene.ask) && !takes {
            found.push((Rule::PolicyBlock, format!("rung {rung} does not take a policy block")));
        }
        if let Some(it) = self.failures().find(|it| forbids_every_call(it.class)) {
            found.push((Rule::SameRungAgain, format!("a ready answer after {}", it.class)));
        }
        self.check_order(rung, found);
        self.locals.push((rung, false));
    }

    fn check_answer(&mut self, found: &mut Found) {
        if self.served.is_some() {
            found.push((Rule::OneEnding, "answered twice".to_owned()));
        }
        let given = self.locals.last().filter(|(_, given)| *given).map(|(rung, _)| *rung);
        if let Some(rung) = given {
            self.served = Some(Served::ByRung(rung));
            self.ended = true;
            return;
        }
        self.served = Some(Served::ByCall);
        self.ended = !self.committed;
        let sound = match self.calls.last().and_then(|it| it.truth.as_ref()) {
            Some(truth) => truth.failure.as_ref().is_none_or(is_providers_words),
            None => self.committed,
        };
        if !sound {
            let class = self.last_failure().map(|it| it.class);
            found.push((Rule::Sound, format!("an answer that is not sound was served: {class:?}")));
        }
    }
}

/// Classes after which nothing is called any more, on any rung; a policy block has its own rule.
fn forbids_every_call(class: FailureClass) -> bool {
    matches!(class, FailureClass::InvalidRequest | FailureClass::Refusal | FailureClass::Cancelled)
}
