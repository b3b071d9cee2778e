//! A circuit breaker that can be asked before a call and told long after it.
//!
//! Closed it counts; open it admits nothing; half-open it admits one probe at a time. A probe is a permit with the
//! epoch in which it was given and a lease: a verdict from an older epoch changes nothing, and a permit that nobody
//! returns is reclaimed when its lease ends. Both are lessons of gateways that sat half-open for days because one
//! probe never settled. The built-in trip rules, and why there are two, are those of `docs/failures.md`:
//! consecutive failures see a total outage within seconds, the rate sees a partial one, and each alone is wrong half
//! of the time. Semantics were taken from linkerd2-proxy's unified breaker and tower-resilience's permit epochs.

use std::time::Duration;

use crate::dice::Dice;
use crate::time::Now;
use crate::window::{Count, Counts, Window};

/// When a breaker opens, probes and closes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerRules {
    /// Opens after this many hard failures in a row; `None`: never by this rule.
    pub consecutive: Option<Consecutive>,
    /// Opens at this share of failures.
    pub rate: Rate,
    /// Time between opening and the first probe; doubles while probes fail.
    pub probe_every: Duration,
    /// Longest time between probes.
    pub probe_cap: Duration,
    /// Successful probes needed to close; at least one.
    pub closes_after: u32,
    /// Whether the time to a probe is jittered by a fifth either way. The built-in rules are; an operator's
    /// `probe-every` is taken as written.
    pub jitter: bool,
}

/// The rule of failures in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Consecutive {
    /// How many.
    pub failures: u32,
    /// And no success for this long, so that a busy route with a fifth of failures is not tripped by bad luck.
    pub no_success_for: Duration,
}

/// The rule of the share of failures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Share of failures, 0 to 1.
    pub failing: f64,
    /// Of at least this many calls.
    pub of_at_least: u32,
    /// Within this window.
    pub within: Duration,
}

impl Default for BreakerRules {
    /// Five in a row without a success for 2 s, or half of at least ten within 60 s; probes after 5 s, doubling to
    /// 300 s; three good probes close.
    fn default() -> Self {
        Self {
            consecutive: Some(Consecutive { failures: 5, no_success_for: Duration::from_secs(2) }),
            rate: Rate { failing: 0.5, of_at_least: 10, within: Duration::from_secs(60) },
            probe_every: Duration::from_secs(5),
            probe_cap: Duration::from_secs(300),
            closes_after: 3,
            jitter: true,
        }
    }
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls pass.
    Closed,
    /// No call passes before this instant.
    Open {
        /// When the first probe may be made.
        until: Now,
    },
    /// One probe at a time passes.
    HalfOpen {
        /// Good probes so far.
        successes: u32,
    },
}

/// Leave to make one call, to be settled with a [`Verdict`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    epoch: u32,
    /// Whether the call is a probe.
    pub probe: bool,
}

/// What a call says about the health of the route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It works.
    Success,
    /// A hard failure.
    Hard,
    /// A failure that counts in the rate only.
    Soft,
    /// It says nothing, but a probe that met it is not a success either: a rate limit.
    FailsProbe,
    /// It says nothing: the caller's mistake, a cancellation, a credential.
    Ignored,
}

/// The breaker of one route and workload bucket.
#[derive(Debug, Clone)]
pub struct Breaker {
    rules: BreakerRules,
    state: State,
    epoch: u32,
    window: Window,
    n_consecutive: u32,
    last_success: Option<Now>,
    /// How often it opened without closing for good: doubles the time to the next probe.
    n_reopened: u32,
    /// When the running probe's lease ends.
    probe_lease: Option<Now>,
    closed_since: Now,
    /// Whether an operator opened it, and nothing since has shown that it should be.
    tripped: bool,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(rules: BreakerRules) -> Self {
        Self {
            rules,
            state: State::Closed,
            epoch: 0,
            window: Window::new(rules.rate.within),
            n_consecutive: 0,
            last_success: None,
            n_reopened: 0,
            probe_lease: None,
            closed_since: Now::ZERO,
            tripped: false,
        }
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Counts inside the window at an instant.
    #[must_use]
    pub fn counts(&self, now: Now) -> Counts {
        self.window.at(now)
    }

    /// Whether a call would be admitted at this instant; changes nothing.
    #[must_use]
    pub fn would_admit(&self, now: Now) -> bool {
        match self.state {
            State::Closed => true,
            State::Open { until } => now >= until,
            State::HalfOpen { .. } => self.probe_lease.is_none_or(|lease| now >= lease),
        }
    }

    /// Takes a permit for a call that ends before `lease`; `None` when no call may be made now.
    pub fn admit(&mut self, now: Now, lease: Now) -> Option<Permit> {
        if !self.would_admit(now) {
            return None;
        }
        let probe = self.state != State::Closed;
        if probe {
            if matches!(self.state, State::Open { .. }) {
                self.state = State::HalfOpen { successes: 0 };
            }
            // A new epoch for every probe: the verdict of one whose lease was reclaimed goes nowhere.
            self.epoch = self.epoch.wrapping_add(1);
            self.probe_lease = Some(lease);
        }
        Some(Permit { epoch: self.epoch, probe })
    }

    /// Settles a permit.
    pub fn settle(
        &mut self,
        now: Now,
        permit: Permit,
        verdict: Verdict,
        retry_after: Option<Duration>,
        dice: &mut Dice,
    ) {
        if permit.epoch != self.epoch {
            return;
        }
        match self.state {
            State::Closed => self.settle_closed(now, verdict, retry_after, dice),
            State::HalfOpen { successes } if permit.probe => {
                self.probe_lease = None;
                match verdict {
                    Verdict::Success if successes + 1 >= self.rules.closes_after => self.close(now),
                    Verdict::Success => self.state = State::HalfOpen { successes: successes + 1 },
                    Verdict::Hard | Verdict::Soft | Verdict::FailsProbe => {
                        self.n_reopened = self.n_reopened.saturating_add(1);
                        self.open(now, retry_after, dice);
                    }
                    Verdict::Ignored => {}
                }
            }
            State::HalfOpen { .. } | State::Open { .. } => {}
        }
    }

    /// Opens it as if it had tripped: an operator knows better than the window. Probes close it as ever.
    pub fn trip(&mut self, now: Now, dice: &mut Dice) {
        self.open(now, None, dice);
        self.tripped = true;
    }

    /// Whether it is open for no other reason than that an operator tripped it.
    #[must_use]
    pub const fn is_only_tripped(&self) -> bool {
        self.tripped
    }

    /// Closes it if it is open for no other reason than a trip, which is over.
    pub fn end_trip(&mut self, now: Now) {
        if self.tripped {
            self.close(now);
        }
    }

    /// Closes it and forgets what was counted.
    pub fn reset(&mut self, now: Now) {
        self.n_reopened = 0;
        self.close(now);
    }

    fn settle_closed(&mut self, now: Now, verdict: Verdict, retry_after: Option<Duration>, dice: &mut Dice) {
        match verdict {
            Verdict::Success => {
                self.window.add(now, Count::Ok);
                self.n_consecutive = 0;
                self.last_success = Some(now);
                self.forget_old_openings(now);
            }
            Verdict::Hard => {
                self.window.add(now, Count::Hard);
                self.n_consecutive = self.n_consecutive.saturating_add(1);
            }
            Verdict::Soft => self.window.add(now, Count::Soft),
            Verdict::FailsProbe | Verdict::Ignored => return,
        }
        if verdict != Verdict::Success && self.trips(now) {
            self.open(now, retry_after, dice);
        }
    }

    fn trips(&self, now: Now) -> bool {
        let in_a_row = self.rules.consecutive.is_some_and(|rule| {
            let quiet_since = self.last_success.unwrap_or(self.closed_since).max(self.closed_since);
            // A route that never succeeded has no success to guard.
            let quiet = self.last_success.is_none() || now.since(quiet_since) >= rule.no_success_for;
            self.n_consecutive >= rule.failures && quiet
        });
        let counts = self.window.at(now);
        let rate = self.rules.rate;
        let share = f64::from(counts.failed()) >= rate.failing * f64::from(counts.total());
        in_a_row || (counts.total() >= rate.of_at_least && counts.failed() > 0 && share)
    }

    fn open(&mut self, now: Now, retry_after: Option<Duration>, dice: &mut Dice) {
        let doubled = self.rules.probe_every.saturating_mul(2_u32.saturating_pow(self.n_reopened.min(20)));
        let mut wait = doubled.min(self.rules.probe_cap);
        if self.rules.jitter {
            wait = wait.mul_f64(0.8) + dice.span(wait.mul_f64(0.4));
        }
        let asked = retry_after.unwrap_or_default().min(self.rules.probe_cap);
        self.state = State::Open { until: now + wait.max(asked) };
        self.tripped = false;
        self.epoch = self.epoch.wrapping_add(1);
        self.probe_lease = None;
    }

    fn close(&mut self, now: Now) {
        self.state = State::Closed;
        self.tripped = false;
        self.epoch = self.epoch.wrapping_add(1);
        self.probe_lease = None;
        self.window.clear();
        self.n_consecutive = 0;
        self.closed_since = now;
    }

    /// One doubling is forgotten for every healthy window, so that a flapping route stays out longer.
    fn forget_old_openings(&mut self, now: Now) {
        if self.n_reopened > 0 && now.since(self.closed_since) >= self.rules.rate.within {
            self.n_reopened -= 1;
            self.closed_since = now;
        }
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
