//! The world: virtual time, requests, callers, operators and providers, interleaved by one queue of events.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use crate::dice::Dice;
use crate::failure::{Failure, FailureClass};
use crate::health::Health;
use crate::id::{RouteId, TaskId};
use crate::plan::Ask;
use crate::policy::Policy;
use crate::record::Object;
use crate::simulate::check::{Found, Scene, Watch};
use crate::simulate::faults::Faults;
use crate::simulate::planted::{Planted, told_ask, told_policy};
use crate::simulate::policy_maker::{chance, make, ms, one_of};
use crate::simulate::recount::Leave;
use crate::simulate::report::{Report, Rule, Violation};
use crate::simulate::scopes::{Scopes, Start, Truth};
use crate::simulate::{Options, arrivals, record_check};
use crate::step::{Facts, Observation, Step};
use crate::time::Now;
use crate::walk::Walk;

mod effort;
mod operators;
mod shell;

/// Everything, at an instant.
#[derive(Debug)]
pub(crate) struct World {
    options: Options,
    dice: Dice,
    pub(crate) now: Now,
    queue: BinaryHeap<Reverse<(Now, u64, Event)>>,
    n_events: u64,
    generations: Vec<Generation>,
    pub(crate) faults: Faults,
    pub(crate) scopes: Scopes,
    running: BTreeMap<u64, Request>,
    n_calls: u64,
    pace: Duration,
    /// The longest sound call so far: what has more time left than this is never too late.
    longest: Duration,
    pub(crate) report: Report,
}

/// A policy with the state of its routes.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) policy: Arc<Policy>,
    /// The policy as the engine knows it.
    told: Arc<Policy>,
    pub(crate) health: Health,
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: u64,
    generation: usize,
    task: TaskId,
    ask: Ask,
    walk: Walk,
    stream: bool,
    watch: Watch,
    /// What the next event of its own must carry: what was planned before a hang-up comes to nothing.
    turn: u64,
    flight: Option<Flight>,
    at_answer: Option<Object>,
}

/// A call in flight.
#[derive(Debug)]
struct Flight {
    start: Start,
    leave: Leave,
    /// How it will end if nobody interferes.
    truth: Truth,
    /// When a committed stream ends.
    ends: Option<Now>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrives,
    /// What a request waits for: a commit, the end of a call or of a wait, a ready answer.
    Turns {
        request: u64,
        turn: u64,
    },
    HangsUp {
        request: u64,
    },
    Operates,
    Reloads,
}

// === impl World ===

impl World {
    pub(crate) fn new(options: Options) -> Self {
        let mut dice = Dice::seeded(options.seed);
        let policy = make(&mut dice);
        let faults = Faults::new(Dice::seeded(dice.bits()));
        let pace = one_of(&mut dice, ms(1_000), &[ms(40), ms(300), ms(6_000)]);
        let mut scopes = Scopes::default();
        scopes.put_in_place(None, &policy);
        let told = Arc::new(told_policy(options.planted, &policy));
        let generation = Generation { health: Health::new(&told), policy: Arc::new(policy), told };
        Self {
            options,
            dice,
            now: Now::ZERO,
            queue: BinaryHeap::new(),
            n_events: 0,
            generations: vec![generation],
            faults,
            scopes,
            running: BTreeMap::new(),
            n_calls: 0,
            pace,
            longest: Duration::ZERO,
            report: Report { worlds: 1, hash: options.seed, ..Report::default() },
        }
    }

    /// Faults and safety, then no faults and liveness.
    pub(crate) fn run(mut self) -> Report {
        self.after(Duration::ZERO, Event::Arrives);
        self.after(ms(3_000), Event::Operates);
        self.after(ms(20_000), Event::Reloads);
        self.drain();
        self.recover();
        for (id, request) in std::mem::take(&mut self.running) {
            let what = format!("never ended, with {} calls", request.watch.calls.len());
            self.violate(id, Rule::OneEnding, what);
        }
        (self.report.opened, self.report.closed) = self.scopes.turns();
        if self.report.requests != self.report.records && self.report.violations.is_empty() {
            self.violate(u64::MAX, Rule::OneEnding, "requests and records differ in number".to_owned());
        }
        self.report
    }

    /// Until nothing is left to happen.
    pub(crate) fn drain(&mut self) {
        while let Some(Reverse((at, _, event))) = self.queue.pop() {
            self.now = self.now.max(at);
            match event {
                Event::Arrives => self.arrive(),
                Event::Turns { request, turn } => self.turn(request, turn),
                Event::HangsUp { request } => self.hang_up(request),
                Event::Operates => self.operate(),
                Event::Reloads => self.reload(),
            }
        }
    }

    pub(crate) fn newest(&self) -> Option<&Generation> {
        self.generations.last()
    }

    pub(crate) fn generations(&self) -> usize {
        self.generations.len()
    }

    fn after(&mut self, span: Duration, event: Event) {
        self.n_events += 1;
        self.queue.push(Reverse((self.now + span, self.n_events, event)));
    }

    fn is_busy(&self) -> bool {
        self.report.requests < self.options.requests
    }

    pub(crate) fn violate(&mut self, request: u64, rule: Rule, what: String) {
        let (seed, at) = (self.options.seed, self.now);
        self.report.violate(Violation { rule, seed, request, at, what });
    }

    fn trace(&mut self, request: u64, what: impl FnOnce() -> String) {
        if self.options.traced == Some(request) {
            let line = format!("{:>9} ms  {}", crate::time::millis(self.now.since_origin()), what());
            self.report.trace.push(line);
        }
    }

    fn arrive(&mut self) {
        let Some(policy) = self.newest().map(|it| Arc::clone(&it.policy)) else { return };
        let n_tasks = policy.tasks.len().saturating_sub(policy.routes.len());
        let task = TaskId(u32::try_from(self.dice.below(n_tasks as u64)).unwrap_or(0));
        if let Some(it) = policy.task(task) {
            let ask = arrivals::ask(&mut self.dice, it, self.now);
            let stream = chance(&mut self.dice, 40);
            self.admit(task, ask, stream);
        }
        if self.is_busy() {
            let gap = arrivals::gap(&mut self.dice, self.pace);
            self.after(gap, Event::Arrives);
        }
    }

    pub(crate) fn admit(&mut self, task: TaskId, ask: Ask, stream: bool) {
        let id = self.report.requests;
        self.report.requests += 1;
        let dice = Dice::seeded(self.dice.bits());
        let Some(policy) = self.newest().map(|it| Arc::clone(&it.told)) else { return };
        let told = told_ask(self.options.planted, &ask);
        let Some(walk) = Walk::new(policy, task, told, dice) else { return };
        if !self.faults.calm && chance(&mut self.dice, 6) {
            let patience = one_of(&mut self.dice, ms(100), &[ms(5), ms(1_500), ms(20_000)]);
            let when = self.dice.span(patience);
            self.after(when, Event::HangsUp { request: id });
        }
        self.trace(id, || format!("arrives: {ask:?}, stream {stream}"));
        let generation = self.generations.len() - 1;
        let watch = Watch::default();
        let request =
            Request { id, generation, task, ask, walk, stream, watch, turn: 0, flight: None, at_answer: None };
        self.drive(request, Observation::Begin);
    }

    fn hang_up(&mut self, id: u64) {
        let Some(mut request) = self.running.remove(&id) else { return };
        self.report.hang_ups += 1;
        self.trace(id, || "the caller hangs up".to_owned());
        request.watch.gone = true;
        if self.options.planted == Some(Planted::IgnoresHangUps) {
            self.running.insert(id, request);
            return;
        }
        let gone = Truth {
            failure: Some(Failure::new(FailureClass::Cancelled)),
            cut_by_deadline: false,
            facts: Facts::default(),
        };
        let flew = request.flight.is_some();
        self.land(&mut request, Some(&gone));
        let observation = match self.options.planted {
            Some(Planted::CancellationIsTransport) if flew => {
                Observation::Failed(Failure::new(FailureClass::Transport), Facts::default())
            }
            _ => Observation::Gone,
        };
        self.drive(request, observation);
    }

    /// Asks the engine for the next step, checks it, and does it.
    fn drive(&mut self, mut request: Request, seen: Observation) {
        let (id, now) = (request.id, self.now);
        let mut found = Found::new();
        let touched = request.watch.calls.last().map(|it| it.call.route);
        let Some(generation) = self.generations.get(request.generation) else { return };
        let policy = Arc::clone(&generation.policy);
        let mut step = if self.options.planted == Some(Planted::ForgetsHealth) {
            request.walk.next(now, seen, &Health::new(&generation.told))
        } else {
            request.walk.next(now, seen, &generation.health)
        };
        if let (Some(Planted::CallsFirstDeployment), Step::Call(call)) = (self.options.planted, &mut step) {
            call.deployment = 0;
        }
        self.digest(id, &step);
        self.trace(id, || format!("{step:?}"));
        let Some(task) = policy.task(request.task) else { return };
        let ask = request.ask.clone();
        let scene = Scene { policy: &policy, task, ask: &ask, now };
        self.count_retry(&request, &step, &mut found);
        request.watch.step(&scene, &step, &mut found);
        self.check_starving(&request, &scene, &step, &mut found);
        let called = match step {
            Step::Call(call) => {
                self.call(&mut request, &scene, call, &mut found);
                Some(call.route)
            }
            Step::Wait { until } => {
                self.report.waits += 1;
                let early = self.options.planted == Some(Planted::WakesEarly);
                let until = if early { now + now.until(until) / 2 } else { until + self.lateness() };
                self.turns(&mut request, until);
                None
            }
            Step::Local { .. } => {
                self.turns(&mut request, now);
                None
            }
            Step::Answer => {
                request.at_answer = Some(request.walk.object(&arrivals::about(id, ask.arrived, request.stream)));
                None
            }
            Step::Done | Step::End(_) => None,
        };
        self.compare(request.generation, touched, called, &mut found);
        if request.watch.ended {
            self.finish(&request, &scene, &mut found);
        } else {
            self.running.insert(id, request);
        }
        for (rule, what) in found {
            self.violate(id, rule, what);
        }
    }

    fn compare(&mut self, generation: usize, touched: Option<RouteId>, called: Option<RouteId>, found: &mut Found) {
        if self.options.planted == Some(Planted::ForgetsHealth) {
            return;
        }
        for route in touched.into_iter().chain(called.filter(|it| Some(*it) != touched)) {
            let view = self.generations.get(generation).and_then(|it| it.health.view(route, self.now));
            if let Some(view) = view {
                self.scopes.compare((generation, route), &view, self.now, found);
            }
        }
    }

    fn finish(&mut self, request: &Request, scene: &Scene<'_>, found: &mut Found) {
        let about = arrivals::about(request.id, request.ask.arrived, request.stream);
        let record = request.walk.record(&about, self.now);
        self.report.records += 1;
        let outcomes = ["ok", "recovered", "degraded", "refused", "failed"];
        let place = outcomes.iter().position(|it| *it == &*record.object.outcome);
        if let Some(n) = place.and_then(|it| self.report.outcomes.get_mut(it)) {
            *n += 1;
        }
        self.report.digest(place.unwrap_or(9) as u64);
        self.trace(request.id, || crate::explain::story(&record));
        record_check::check(scene, &request.watch, &record, request.at_answer.as_ref(), found);
        if request.flight.is_some() || !request.walk.is_over() {
            found.push((Rule::NothingAfterTheEnd, "a call still runs after the end".to_owned()));
        }
        if request.id.is_multiple_of(64) {
            record_check::check_as_text(&record, found);
        }
    }

    fn digest(&mut self, id: u64, step: &Step) {
        let (code, more) = match step {
            Step::Call(call) => (1, (call.rung as u64) << 16 | (call.deployment as u64) << 8 | call.key as u64),
            Step::Wait { until } => (2, crate::time::millis(until.since_origin())),
            Step::Local { rung } => (3, *rung as u64),
            Step::Answer => (4, 0),
            Step::Done => (5, 0),
            Step::End(ending) => (6, u64::from(ending.status)),
        };
        let now = u64::try_from(self.now.since_origin().as_micros()).unwrap_or(u64::MAX);
        for number in [now, id, code, more] {
            self.report.digest(number);
        }
    }
}
