//! What a simulation found: counts, violations, and the hash of everything that happened.

use std::fmt;

use crate::time::{Now, millis};

/// Violations kept per seed and promise; the first ones tell the story.
const MOST_PER_RULE: usize = 5;

/// A promise that is checked. The numbers are those of the decisions, section 11 (D), and of the reference on
/// resilience, section 3.5 (R).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Every accepted request ends once, with one record (D1, R34).
    OneEnding,
    /// Not more calls than `max-attempts` (D2, R1).
    MaxAttempts,
    /// Not more calls on a rung than its retries and one other key allow (R2).
    RungLimit,
    /// No call begins after the deadline or without time to run in (R3).
    StartsInTime,
    /// Every request ends by its deadline, with slack for timers (D2, R4).
    EndsInTime,
    /// No key is called before the end of the wait that its provider asked for (R5).
    RetryAfter,
    /// A wait lies between the shortest and the longest wait of the task, or is the one asked for; and ends on time.
    WaitBounds,
    /// Nothing runs after the end, and no step follows one (R7).
    NothingAfterTheEnd,
    /// A blocked request never reaches a model (D3, R8).
    PolicyBlock,
    /// A rung that is not eligible is never called: segment, surface, capability, window, `when` (D10).
    Eligible,
    /// Rungs run in the order of the ladder (R10).
    Order,
    /// A class that forbids it is never retried on the same rung: a caller's error above all (R13).
    SameRungAgain,
    /// An answer that is served was sound, or is the provider's own refusal (D4, D5).
    Sound,
    /// After the commit point nothing moves, and a break ends in an error (D5).
    AfterCommit,
    /// A disabled route receives nothing at all (D6).
    Disabled,
    /// A route, key or credential that was switched off receives probes only, one at a time (D6, R20).
    SwitchedOff,
    /// An open breaker receives nothing before its time (D6, R15).
    OpenIsClosed,
    /// Half-open never has two probes at once (D6, R15, R16).
    OneProbe,
    /// A breaker opens for what counts only: never for callers, credentials, quotas or cancellations (D7, R18).
    OpensForCause,
    /// State and counts of a breaker equal a recount of what happened (R17, R21).
    Recount,
    /// How long a breaker stays open lies between its rules' bounds (R19).
    OpenTime,
    /// No deployment outside the request's region, tags or owner is ever called (D11, R9).
    Residency,
    /// A deployment of a higher order, or one that was tried, is called only where no other is free.
    LowerFirst,
    /// Deployments of the same order get calls by their weights.
    Shares,
    /// A key of which its provider said that nothing is left is called only as the last resort.
    DryKeys,
    /// Retries and repairs of a route are paid by its budget (D8, R22).
    RetryBudget,
    /// A repair follows a repairable answer on its own rung, as often on a walk as the task says.
    Repair,
    /// A retry or repair leaves an attempt for every model rung below that could run.
    Starves,
    /// What an attempt cost is what its tokens cost, and the total is their sum, or unknown.
    CostTrue,
    /// The record tells every call, every wait and every rung exactly once (D10, R34).
    RecordComplete,
    /// Outcome, rung and route in object and record are what happened, as of commit too (D9).
    RecordTrue,
    /// When the faults have stopped, everything that receives traffic comes back (D15, R19).
    ComesBack,
}

/// A broken promise.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The promise.
    pub rule: Rule,
    /// The seed of the world.
    pub seed: u64,
    /// The request, in order of arrival.
    pub request: u64,
    /// When.
    pub at: Now,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = millis(self.at.since_origin());
        write!(f, "{:?}: {} (seed {}, request {}, at {ms} ms)", self.rule, self.what, self.seed, self.request)
    }
}

/// What one or more worlds came to.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Worlds.
    pub worlds: u64,
    /// Requests that were accepted.
    pub requests: u64,
    /// Requests that ended with a record.
    pub records: u64,
    /// Upstream calls.
    pub calls: u64,
    /// Calls that failed, timeouts included.
    pub faults: u64,
    /// Waits before retries.
    pub waits: u64,
    /// Broken answers that were shown to their model.
    pub repairs: u64,
    /// Calls that met the end of a provider's window.
    pub window_limits: u64,
    /// Callers who hung up while something ran.
    pub hang_ups: u64,
    /// Live streams that broke after their commit point.
    pub broken_streams: u64,
    /// Breakers that opened.
    pub opened: u64,
    /// Breakers that closed again.
    pub closed: u64,
    /// Policies that were put in place while requests were in flight.
    pub reloads: u64,
    /// Requests by outcome: ok, recovered, degraded, refused, failed.
    pub outcomes: [u64; 5],
    /// Broken promises, the first ones of every world and promise.
    pub violations: Vec<Violation>,
    /// Every step of the traced request.
    pub trace: Vec<String>,
    /// A hash of everything that happened, in order.
    pub hash: u64,
}

impl Report {
    /// Adds another world.
    pub fn add(&mut self, other: Report) {
        self.worlds += other.worlds;
        self.requests += other.requests;
        self.records += other.records;
        self.calls += other.calls;
        self.faults += other.faults;
        self.waits += other.waits;
        self.repairs += other.repairs;
        self.window_limits += other.window_limits;
        self.hang_ups += other.hang_ups;
        self.broken_streams += other.broken_streams;
        self.opened += other.opened;
        self.closed += other.closed;
        self.reloads += other.reloads;
        for (mine, its) in self.outcomes.iter_mut().zip(other.outcomes) {
            *mine += its;
        }
        self.violations.extend(other.violations);
        self.trace.extend(other.trace);
        self.digest(other.hash);
    }

    pub(crate) fn violate(&mut self, violation: Violation) {
        if self.violations.iter().filter(|it| it.rule == violation.rule).count() < MOST_PER_RULE {
            self.violations.push(violation);
        }
    }

    /// Folds a number into the hash (FNV-1a over its bytes).
    pub(crate) fn digest(&mut self, number: u64) {
        for byte in number.to_le_bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ok, recovered, degraded, refused, failed] = self.outcomes;
        writeln!(f, "worlds {} · requests {} · records {}", self.worlds, self.requests, self.records)?;
        writeln!(f, "calls {} · faults {} · waits {}", self.calls, self.faults, self.waits)?;
        writeln!(f, "repairs {} · met the end of a window {}", self.repairs, self.window_limits)?;
        writeln!(f, "hang-ups {} · broken streams {} · reloads {}", self.hang_ups, self.broken_streams, self.reloads)?;
        writeln!(f, "breakers opened {} · closed {}", self.opened, self.closed)?;
        writeln!(f, "ok {ok} · recovered {recovered} · degraded {degraded} · refused {refused} · failed {failed}")?;
        write!(f, "violations {} · hash {:016x}", self.violations.len(), self.hash)
    }
}
