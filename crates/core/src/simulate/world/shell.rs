//! The shell as the world plays it: it makes calls, keeps the clocks and tells the engine what was seen.
//!
//! Here the truth of a call and what the engine is told of it part, where a bug is planted.

use std::sync::Arc;
use std::time::Duration;

use super::{Event, Flight, Request, World};
use crate::failure::{Failure, FailureClass};
use crate::route::Deployments;
use crate::simulate::check::{Found, Scene};
use crate::simulate::fits;
use crate::simulate::planted::{Planted, told, told_facts};
use crate::simulate::policy_maker::{chance, ms};
use crate::simulate::scopes::{Start, Truth};
use crate::step::{Call, Facts, Observation, Step};
use crate::time::Now;

impl World {
    /// Something that a request waited for has come.
    pub(super) fn turn(&mut self, id: u64, turn: u64) {
        let Some(mut request) = self.running.remove(&id) else { return };
        if request.turn != turn {
            self.running.insert(id, request);
            return;
        }
        let committing = request.flight.as_mut().and_then(|it| it.ends.take());
        let observation = match (&request.flight, committing) {
            (Some(_), Some(ends)) => {
                request.watch.committed = true;
                self.trace(id, || "first content: commits".to_owned());
                let facts = self.head(&mut request);
                self.turns(&mut request, ends);
                Observation::Committed(facts)
            }
            (Some(_), None) => self.landed(&mut request),
            (None, _) if request.watch.is_asked_locally() => {
                let given = chance(&mut self.dice, 80);
                request.watch.local_ended(given);
                if given { Observation::Given } else { Observation::Missed }
            }
            (None, _) => Observation::Elapsed,
        };
        self.drive(request, observation);
    }

    /// The call in flight ends as it was going to.
    fn landed(&mut self, request: &mut Request) -> Observation {
        let committed = request.watch.committed;
        if !committed {
            self.head(request);
        }
        let truth = self.land(request, None);
        let facts = told_facts(self.options.planted, &truth.as_ref().map(|it| it.facts.clone()).unwrap_or_default());
        match truth.and_then(|it| it.failure) {
            None if self.options.planted == Some(Planted::SuccessIsRateLimit) => {
                Observation::Failed(Failure::new(FailureClass::RateLimited), Facts::default())
            }
            None if committed => Observation::Finished(facts),
            None => Observation::Sound(facts),
            Some(failure) => {
                self.report.faults += 1;
                self.report.broken_streams += u64::from(committed);
                match told(self.options.planted, &failure) {
                    Some(_) if committed && self.options.planted == Some(Planted::BrokenStreamIsFinished) => {
                        Observation::Finished(facts)
                    }
                    Some(told) => Observation::Failed(told, facts),
                    None if committed => Observation::Finished(facts),
                    None => Observation::Sound(facts),
                }
            }
        }
    }

    /// The head of a reply tells of the provider's limits, where one has come.
    fn head(&mut self, request: &mut Request) -> Facts {
        let policy = self.generations.get(request.generation).map(|it| Arc::clone(&it.policy));
        let (Some(flight), Some(policy)) = (&mut request.flight, policy) else { return Facts::default() };
        let truth = &mut flight.truth;
        if request.watch.committed {
            // Nothing is mended of what leaves as it comes.
            truth.facts.mended.clear();
        }
        let replied = truth.facts.status.or(truth.failure.as_ref().and_then(|it| it.status)).is_some();
        let start = &flight.start;
        let call = policy.route(start.route).and_then(|it| it.deployments.get(start.deployment)).map(|it| &it.call);
        if let (true, Some(call)) = (replied, call) {
            truth.facts.limits = self.faults.limits(call, start.key, self.now);
            self.scopes.told(start, &truth.facts.limits, self.now);
        }
        let dropped = truth.facts.dropped.clone();
        let facts = Facts { limits: truth.facts.limits, status: Some(200), dropped, ..Facts::default() };
        told_facts(self.options.planted, &facts)
    }

    /// Tells the checkers how the call in flight really ended.
    pub(super) fn land(&mut self, request: &mut Request, otherwise: Option<&Truth>) -> Option<Truth> {
        let flight = request.flight.take()?;
        let truth = otherwise.cloned().unwrap_or(flight.truth);
        self.scopes.ended(&flight.start, flight.leave, &truth, self.now);
        if truth.failure.is_none() {
            self.longest = self.longest.max(self.now.since(flight.start.at));
        }
        request.watch.call_ended(&truth);
        let id = request.id;
        self.trace(id, || format!("the call ends: {truth:?}"));
        Some(truth)
    }

    /// Makes the call: the provider's script, cut by the clocks of the attempt.
    pub(super) fn call(&mut self, request: &mut Request, scene: &Scene<'_>, call: Call, found: &mut Found) {
        let now = self.now;
        self.n_calls += 1;
        self.report.calls += 1;
        let Scene { policy, task, ask, .. } = *scene;
        let route = policy.route(call.route);
        let deployments = route.map(|it| it.deployments.as_slice()).unwrap_or_default();
        let fitting = deployments.iter().enumerate().filter(|(_, it)| fits::misfit(it, ask, task).is_none());
        let start = Start {
            id: self.n_calls,
            generation: request.generation,
            route: call.route,
            deployment: call.deployment,
            key: call.key,
            bucket: ask.bucket(),
            at: now,
            lease: call.ends + Duration::from_secs(1),
            prompt_tokens: ask.prompt_tokens,
            covered: fits::is_covered(call.rung, ask, task, policy),
            fits: fitting.fold(Deployments::default(), |all, (place, _)| all.with(place)),
            tried: request.watch.tried_before(&call),
        };
        let leave = self.scopes.started(&start, found);
        request.watch.call_started(leave.probe);
        if self.options.planted == Some(Planted::CallsTwice) && self.n_calls.is_multiple_of(20) {
            request.watch.step(scene, &Step::Call(call), found);
        }
        let name = deployments.get(call.deployment).map_or_else(|| "".into(), |it| Arc::clone(&it.call));
        let script = self.faults.play(&name, call.key, ask.prompt_tokens, now);
        self.report.window_limits += u64::from(script.is_limited);
        let live = request.stream && !request.ask.promised;
        let plan = script.cut(&call, scene, request.stream, live);
        let first_event = plan.commits.unwrap_or(plan.ends);
        let late = match self.options.planted {
            Some(Planted::LateTimers) => ms(5_000),
            _ if plan.by_timer => self.lateness(),
            _ => Duration::ZERO,
        };
        let ends = plan.commits.map(|_| plan.ends + late);
        request.flight = Some(Flight { start, leave, truth: plan.truth, ends });
        self.turns(request, if ends.is_some() { first_event } else { first_event + late });
    }

    /// The next event of this request; whatever was planned before comes to nothing.
    pub(super) fn turns(&mut self, request: &mut Request, at: Now) {
        request.turn += 1;
        if self.options.planted == Some(Planted::ForgetsToSettle) && request.flight.is_some() && request.id % 50 == 7 {
            return;
        }
        let event = Event::Turns { request: request.id, turn: request.turn };
        self.after(self.now.until(at), event);
    }

    /// Timers fire a little late.
    pub(super) fn lateness(&mut self) -> Duration {
        if chance(&mut self.dice, 20) { self.dice.span(ms(3)) } else { Duration::ZERO }
    }
}
