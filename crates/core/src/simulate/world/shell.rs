//! The shell as the world plays it: it makes calls, keeps the clocks and tells the engine what was seen.
//!
//! Here the truth of a call and what the engine is told of it part, where a bug is planted.

use std::sync::Arc;
use std::time::Duration;

use super::{Event, Flight, Request, World};
use crate::failure::{Failure, FailureClass};
use crate::simulate::check::{Found, Scene};
use crate::simulate::planted::{Planted, told};
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
                self.turns(&mut request, ends);
                Observation::Committed(Facts::default())
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
        let truth = self.land(request, None);
        let facts = Facts { status: Some(200), ..Facts::default() };
        let committed = request.watch.committed;
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
                    Some(told) => Observation::Failed(told, Facts::default()),
                    None if committed => Observation::Finished(facts),
                    None => Observation::Sound(facts),
                }
            }
        }
    }

    /// Tells the checkers how the call in flight really ended.
    pub(super) fn land(&mut self, request: &mut Request, otherwise: Option<&Truth>) -> Option<Truth> {
        let flight = request.flight.take()?;
        let truth = otherwise.cloned().unwrap_or(flight.truth);
        self.scopes.ended(&flight.start, flight.leave, &truth, self.now);
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
        let start = Start {
            id: self.n_calls,
            generation: request.generation,
            route: call.route,
            key: call.key,
            bucket: request.ask.bucket(),
            at: now,
            lease: call.ends + Duration::from_secs(1),
        };
        let leave = self.scopes.started(&start, found);
        request.watch.call_started(leave.probe);
        if self.options.planted == Some(Planted::CallsTwice) && self.n_calls.is_multiple_of(20) {
            request.watch.step(scene, &Step::Call(call), found);
        }
        let name = scene.policy.route(call.route).map_or_else(|| "".into(), |it| Arc::clone(&it.name));
        let script = self.faults.play(&name, call.key, now);
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
