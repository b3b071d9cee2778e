//! The state of one simulator that its connections share: the script of faults, the limits, the log of calls, and the front.
//!
//! The order of calls, what is left for each and the fault of each are settled under one lock, so that a sequence means the same
//! for every caller.
//! The desk answers nothing itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use http::StatusCode;
use serde::Serialize;
use tokio::time::Instant;

use crate::SimSettings;
use crate::ask::Mark;
use crate::fault::{Fault, UnknownFault};
use crate::front::{Front, Parting};
use crate::limits::{KeyUse, LimitRule, Limits, Meter, Over, Standing, last_four};
use crate::script::{Rule, Script};
use crate::shape::Shape;

/// The log keeps this many calls, the newest.
const MOST_CALLS: usize = 10_000;
/// So many marked beginnings of prompts are remembered, the newest.
const MOST_MARKS: usize = 1_024;

/// One call as the simulated provider saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeenCall {
    /// Which call of this simulator it was, from 0.
    pub number: u64,
    /// When its body had been read, in milliseconds since the simulator started.
    pub at_ms: u64,
    /// The model it asked for; empty if the body named none. At most 256 characters.
    pub model: String,
    /// The last four characters of the key it brought; never the whole key.
    pub key: Option<String>,
    /// The shape it came in.
    pub shape: Shape,
    /// Whether it asked for a stream.
    pub stream: bool,
    /// The fault it met.
    pub fault: Option<Fault>,
    /// Whether a limit of its key turned it away with 429; the fault `429` does not count.
    pub limited: bool,
    /// The HTTP status it was answered with; nothing yet, or never, if no answer began.
    pub status: Option<u16>,
    /// Whether the whole answer went out. False while it is being answered, when the caller hung up, and when the fault kept or cut
    /// the answer.
    pub finished: bool,
}

/// What `GET /_sim/state` shows.
#[derive(Debug, Serialize)]
pub(crate) struct State {
    name: String,
    seed: u64,
    open_calls: usize,
    refusing: bool,
    faults: Vec<Rule>,
    limits: Vec<LimitRule>,
    keys: Vec<KeyUse>,
}

/// What the connections of one simulator share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) settings: SimSettings,
    pub(crate) front: Front,
    started: Instant,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    script: Script,
    meter: Meter,
    /// Beginnings of prompts that a provider would have in its cache.
    marks: VecDeque<u64>,
    calls: VecDeque<SeenCall>,
    next: u64,
    open: usize,
}

/// What a call brought, as far as the log wants to know.
#[derive(Debug)]
pub(crate) struct Brought {
    pub(crate) model: String,
    pub(crate) key: Option<String>,
    pub(crate) shape: Shape,
    pub(crate) stream: bool,
    /// Nothing is counted and no fault used up: a wrong key, an unreadable body.
    pub(crate) spared: bool,
    pub(crate) prompt_tokens: usize,
}

/// What a call meets at the desk.
#[derive(Debug)]
pub(crate) enum Met {
    /// The model, with this fault or none.
    Model(Option<Fault>),
    /// A model name that asks for a fault which does not exist.
    NoSuchFault(UnknownFault),
    /// A limit of its key.
    Limit(Over, Standing),
}

/// A call that is being answered. Dropping it closes the call: that is how a caller who hung up is noticed.
#[derive(Debug)]
pub(crate) struct OpenCall {
    desk: Arc<Desk>,
    number: u64,
    key: Option<String>,
    finished: bool,
}

// === impl Desk ===

impl Desk {
    pub(crate) fn new(settings: SimSettings, front: Front) -> Desk {
        Desk { settings, front, started: Instant::now(), ledger: Mutex::default() }
    }

    /// Enters a call in the log and says what it meets. A call that its limits turn away uses no fault up.
    pub(crate) fn open(self: &Arc<Self>, brought: &Brought) -> (OpenCall, Met) {
        let now = Instant::now();
        let mut ledger = self.ledger();
        let met = if brought.spared { Met::Model(None) } else { ledger.meet(brought, now) };
        let number = ledger.next;
        ledger.next += 1;
        ledger.open += 1;
        if ledger.calls.len() >= MOST_CALLS {
            ledger.calls.pop_front();
        }
        ledger.calls.push_back(SeenCall {
            number,
            at_ms: u64::try_from(now.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX),
            model: brought.model.chars().take(256).collect(),
            key: brought.key.as_deref().map(last_four),
            shape: brought.shape,
            stream: brought.stream,
            fault: if let Met::Model(fault) = &met { *fault } else { None },
            limited: matches!(met, Met::Limit(..)),
            status: None,
            finished: false,
        });
        if ledger.script.refuses() {
            self.front.shut(Parting::Drain);
        }
        (OpenCall { desk: self.clone(), number, key: brought.key.clone(), finished: false }, met)
    }

    /// Changes the faults; in force when this returns.
    pub(crate) fn set_fault(&self, model: &str, faults: Vec<Fault>) {
        self.change(|script| script.set(model, faults));
    }

    /// Forgets all run-time faults; in force when this returns.
    pub(crate) fn clear_faults(&self) {
        self.change(Script::clear);
    }

    /// Changes the limits of keys; in force when this returns.
    pub(crate) fn set_limits(&self, key: &str, limits: Limits) {
        self.ledger().meter.set(key, limits);
    }

    /// Forgets all limits; in force when this returns.
    pub(crate) fn clear_limits(&self) {
        self.ledger().meter.clear();
    }

    fn change(&self, change: impl FnOnce(&mut Script)) {
        let mut ledger = self.ledger();
        change(&mut ledger.script);
        if ledger.script.refuses() {
            self.front.shut(Parting::Cut);
        } else {
            self.front.open();
        }
    }

    /// The log, newest last.
    pub(crate) fn calls(&self) -> Vec<SeenCall> {
        self.ledger().calls.iter().cloned().collect()
    }

    /// Empties the log; calls keep their numbers.
    pub(crate) fn forget_calls(&self) {
        self.ledger().calls.clear();
    }

    /// How many calls are being answered right now.
    pub(crate) fn open_calls(&self) -> usize {
        self.ledger().open
    }

    pub(crate) fn state(&self) -> State {
        let ledger = self.ledger();
        State {
            name: self.settings.name.clone(),
            seed: self.settings.seed,
            open_calls: ledger.open,
            refusing: ledger.script.refuses(),
            faults: ledger.script.rules(),
            limits: ledger.meter.rules(),
            keys: ledger.meter.uses(Instant::now()),
        }
    }

    fn close(&self, call: &OpenCall) {
        let mut ledger = self.ledger();
        ledger.open = ledger.open.saturating_sub(1);
        if let Some(seen) = ledger.seen(call.number) {
            seen.finished = call.finished;
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Ledger ===

impl Ledger {
    fn meet(&mut self, brought: &Brought, now: Instant) -> Met {
        let tokens = u64::try_from(brought.prompt_tokens).unwrap_or(u64::MAX);
        if let Err((over, standing)) = self.meter.admit(brought.key.as_deref(), tokens, now) {
            return Met::Limit(over, standing);
        }
        self.script.take(&brought.model).map_or_else(Met::NoSuchFault, Met::Model)
    }

    /// A call in the log, if it is still there.
    fn seen(&mut self, number: u64) -> Option<&mut SeenCall> {
        let oldest = self.calls.front()?.number;
        let place = usize::try_from(number.checked_sub(oldest)?).ok()?;
        self.calls.get_mut(place)
    }
}

// === impl OpenCall ===

impl OpenCall {
    /// Which call of this simulator it is, from 0.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// What tells it from all others of this seed, and is the same for the same place in the order of calls.
    pub(crate) fn id(&self) -> String {
        format!("{:x}-{}", self.desk.settings.seed, self.number)
    }

    /// The source of chance of this call: the same for the same seed and the same place in the order of calls.
    pub(crate) fn rng(&self) -> Rng {
        // The odd factor spreads neighbouring numbers over all bits (Knuth's multiplicative hashing, 2^64 / golden ratio).
        Rng::with_seed(self.desk.settings.seed ^ self.number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Counts the tokens of its answer, and says where its key stands; nothing for a key without limits.
    pub(crate) fn spend(&self, tokens: usize) -> Option<Standing> {
        let tokens = u64::try_from(tokens).unwrap_or(u64::MAX);
        self.desk.ledger().meter.spend(self.key.as_deref(), tokens, Instant::now())
    }

    /// Enters the marked beginnings of its prompt in the cache; the characters of the longest one that was there already.
    pub(crate) fn cached(&self, marks: &[Mark]) -> usize {
        let mut ledger = self.desk.ledger();
        let known = marks.iter().rev().find(|mark| ledger.marks.contains(&mark.hash)).map_or(0, |mark| mark.chars);
        for mark in marks {
            if !ledger.marks.contains(&mark.hash) {
                if ledger.marks.len() >= MOST_MARKS {
                    ledger.marks.pop_front();
                }
                ledger.marks.push_back(mark.hash);
            }
        }
        known
    }

    /// Notes with which status it is answered.
    pub(crate) fn answered(&self, status: StatusCode) {
        if let Some(seen) = self.desk.ledger().seen(self.number) {
            seen.status = Some(status.as_u16());
        }
    }

    /// Closes the call as answered to the end.
    pub(crate) fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.desk.close(self);
    }
}
