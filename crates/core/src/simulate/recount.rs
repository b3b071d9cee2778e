//! A naive breaker: it keeps every event and recounts them by brute force.
//!
//! It decides when the real one must open, probe and close. How long it stays open is jittered by dice that the model
//! does not share, so that instant is taken from the engine and held against the bounds of the rules.

use std::time::Duration;

use crate::breaker::{BreakerRules, State};
use crate::failure::{Detail, FailureClass};
use crate::simulate::check::Found;
use crate::simulate::report::Rule;
use crate::simulate::scopes::{Start, Truth};
use crate::time::Now;

/// What a call says about health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    Counts(Counted),
    FailsProbe,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Ok,
    Hard,
    Soft,
}

/// What the breaker gave a call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Leave {
    epoch: u64,
    pub(crate) probe: bool,
}

/// One deployment and bucket.
#[derive(Debug, Clone)]
pub(crate) struct Breaker {
    rules: BreakerRules,
    phase: Phase,
    epoch: u64,
    /// Number of the tenth of a window, and what was counted in it.
    events: Vec<(u128, Counted)>,
    in_a_row: u32,
    last_ok: Option<Now>,
    closed_since: Now,
    probe_lease: Option<Now>,
    /// Opened by an operator, and by nothing since.
    pub(crate) tripped: bool,
    pub(crate) n_opened: u64,
    pub(crate) n_closed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Closed,
    /// Has just opened; never shorter than the provider asked.
    Opening {
        asked: Duration,
    },
    Open(Now),
    Half(u32),
}

/// By the table of the decisions, section 2.
pub(crate) fn says(truth: &Truth) -> Says {
    use FailureClass as C;
    let Some(failure) = &truth.failure else { return Says::Counts(Counted::Ok) };
    match failure.class {
        C::Timeout if truth.cut_by_deadline => Says::Nothing,
        C::Transport | C::Timeout | C::ServerError => Says::Counts(Counted::Hard),
        C::Contract if failure.detail == Some(Detail::Malformed) => Says::Counts(Counted::Hard),
        C::Overloaded => Says::Counts(Counted::Soft),
        C::Contract | C::Truncated | C::Refusal | C::LowQuality => Says::Counts(Counted::Ok),
        C::RateLimited if failure.detail == Some(Detail::TooLargeForLimit) => Says::Nothing,
        C::RateLimited => Says::FailsProbe,
        C::QuotaExhausted
        | C::Auth
        | C::NotFound
        | C::ContextWindow
        | C::Capability
        | C::Budget
        | C::Deadline
        | C::PolicyBlocked
        | C::Residency
        | C::InvalidRequest
        | C::Cancelled => Says::Nothing,
    }
}

impl Says {
    pub(crate) fn is_good(self) -> bool {
        self == Says::Counts(Counted::Ok)
    }
}

impl Breaker {
    pub(crate) const fn new(rules: BreakerRules) -> Self {
        Self {
            rules,
            phase: Phase::Closed,
            epoch: 0,
            events: Vec::new(),
            in_a_row: 0,
            last_ok: None,
            closed_since: Now::ZERO,
            probe_lease: None,
            tripped: false,
            n_opened: 0,
            n_closed: 0,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// An operator opens it.
    pub(crate) fn trip(&mut self) {
        self.open(Duration::ZERO);
        self.n_opened -= 1;
        self.tripped = true;
    }

    /// An operator closes it.
    pub(crate) fn reset(&mut self, now: Now) {
        self.close(now);
        self.n_closed -= 1;
    }

    /// What it did under another policy is counted there.
    pub(crate) fn begin_count(&mut self) {
        (self.n_opened, self.n_closed) = (0, 0);
    }

    pub(crate) fn longest_open(&self) -> Duration {
        self.rules.probe_cap.mul_f64(1.2)
    }

    pub(crate) fn started(&mut self, start: &Start, found: &mut Found) -> Leave {
        match self.phase {
            Phase::Closed => return Leave { epoch: self.epoch, probe: false },
            Phase::Open(until) => {
                if start.at < until {
                    let early = start.at.until(until);
                    found.push((Rule::OpenIsClosed, format!("{:?} was called {early:?} too early", start.route)));
                }
                self.phase = Phase::Half(0);
            }
            Phase::Opening { .. } => {
                found.push((Rule::OpenIsClosed, format!("{:?} was called when it had just opened", start.route)));
            }
            Phase::Half(_) => {
                if self.probe_lease.is_some_and(|lease| start.at < lease) {
                    found.push((Rule::OneProbe, format!("{:?} is probed twice at once", start.route)));
                }
            }
        }
        self.epoch += 1;
        self.probe_lease = Some(start.lease);
        Leave { epoch: self.epoch, probe: true }
    }

    pub(crate) fn ended(&mut self, leave: Leave, says: Says, retry_after: Option<Duration>, now: Now) {
        if leave.epoch != self.epoch {
            return;
        }
        let asked = retry_after.unwrap_or_default().min(self.rules.probe_cap);
        match (self.phase, says) {
            (Phase::Closed, Says::Counts(what)) => {
                self.count(what, now);
                if what != Counted::Ok && self.must_open(now) {
                    self.open(asked);
                }
            }
            (Phase::Half(good), _) if leave.probe => {
                self.probe_lease = None;
                match says {
                    Says::Counts(Counted::Ok) if good + 1 >= self.rules.closes_after => self.close(now),
                    Says::Counts(Counted::Ok) => self.phase = Phase::Half(good + 1),
                    Says::Counts(Counted::Hard | Counted::Soft) | Says::FailsProbe => self.open(asked),
                    Says::Nothing => {}
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, what: Counted, now: Now) {
        let tenth = self.tenth(now);
        self.events.retain(|(at, _)| *at + 10 > tenth);
        self.events.push((tenth, what));
        match what {
            Counted::Ok => {
                self.in_a_row = 0;
                self.last_ok = Some(now);
            }
            Counted::Hard => self.in_a_row += 1,
            Counted::Soft => {}
        }
    }

    fn must_open(&self, now: Now) -> bool {
        let (total, failed) = self.counts(now);
        let rate = self.rules.rate;
        let by_share = total >= rate.of_at_least && failed > 0 && f64::from(failed) >= rate.failing * f64::from(total);
        let by_row = self.rules.consecutive.is_some_and(|rule| {
            let guarded = self.last_ok.is_some_and(|at| now.since(at.max(self.closed_since)) < rule.no_success_for);
            self.in_a_row >= rule.failures && !guarded
        });
        by_share || by_row
    }

    fn open(&mut self, asked: Duration) {
        self.phase = Phase::Opening { asked };
        self.tripped = false;
        self.epoch += 1;
        self.probe_lease = None;
        self.n_opened += 1;
    }

    fn close(&mut self, now: Now) {
        self.phase = Phase::Closed;
        self.tripped = false;
        self.epoch += 1;
        self.probe_lease = None;
        self.events.clear();
        self.in_a_row = 0;
        self.closed_since = now;
        self.n_closed += 1;
    }

    fn tenth(&self, now: Now) -> u128 {
        now.since_origin().as_nanos() / (self.rules.rate.within.as_nanos() / 10).max(1)
    }

    /// Calls and failures inside the window.
    fn counts(&self, now: Now) -> (u32, u32) {
        let tenth = self.tenth(now);
        let inside = self.events.iter().filter(|(at, _)| *at + 10 > tenth);
        inside.fold((0, 0), |(total, failed), (_, what)| (total + 1, failed + u32::from(*what != Counted::Ok)))
    }

    /// What is wrong with the engine's state; afterwards the model follows it, so that one fault is told once.
    pub(crate) fn compare(&mut self, state: State, counts: (u32, u32), now: Now) -> Found {
        let mut found = Found::new();
        match (self.phase, state) {
            (Phase::Opening { asked }, State::Open { until }) => {
                let (low, high) = if self.rules.jitter { (0.8, 1.2) } else { (1.0, 1.0) };
                let shortest = self.rules.probe_every.min(self.rules.probe_cap).mul_f64(low).max(asked);
                let longest = self.rules.probe_cap.mul_f64(high).max(asked);
                let open = until.since(now);
                if open < shortest || open > longest {
                    let what = format!("opened for {open:?}, not within {shortest:?} and {longest:?}");
                    found.push((Rule::OpenTime, what));
                }
            }
            (Phase::Closed, State::Open { .. }) => {
                let (total, failed) = self.counts(now);
                let what = format!("opened at {failed} of {total} failures, {} in a row", self.in_a_row);
                found.push((Rule::OpensForCause, what));
            }
            (Phase::Closed, State::Closed) => {}
            (Phase::Open(mine), State::Open { until }) if mine == until => {}
            (Phase::Half(mine), State::HalfOpen { successes }) if mine == successes => {}
            (mine, its) => found.push((Rule::Recount, format!("is {its:?}, a recount says {mine:?}"))),
        }
        let recounted = self.counts(now);
        if found.is_empty() && counts != recounted {
            found.push((Rule::Recount, format!("counts {counts:?}, a recount {recounted:?}")));
        }
        self.phase = match state {
            State::Closed => Phase::Closed,
            State::Open { until } => Phase::Open(until),
            State::HalfOpen { successes } => Phase::Half(successes),
        };
        found
    }
}
