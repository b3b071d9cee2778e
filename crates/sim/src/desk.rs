//! The state of one simulator that its connections share: the script of faults, the log of calls, and the front.
//!
//! The order of calls and the fault of each are settled under one lock, so that a sequence means the same for every caller.
//! The desk answers nothing itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fastrand::Rng;
use serde::Serialize;

use crate::SimSettings;
use crate::fault::{Fault, UnknownFault};
use crate::front::{Front, Parting};
use crate::script::{Rule, Script};

/// The log keeps this many calls, the newest.
const MOST_CALLS: usize = 10_000;

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
    /// Whether it asked for a stream.
    pub stream: bool,
    /// The fault it met.
    pub fault: Option<Fault>,
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
    calls: VecDeque<SeenCall>,
    next: u64,
    open: usize,
}

/// What a call brought, as far as the log wants to know.
#[derive(Debug)]
pub(crate) struct Brought {
    pub(crate) model: String,
    pub(crate) key: Option<String>,
    pub(crate) stream: bool,
}

/// A call that is being answered. Dropping it closes the call: that is how a caller who hung up is noticed.
#[derive(Debug)]
pub(crate) struct OpenCall {
    desk: Arc<Desk>,
    number: u64,
    finished: bool,
}

// === impl Desk ===

impl Desk {
    pub(crate) fn new(settings: SimSettings, front: Front) -> Desk {
        Desk { settings, front, started: Instant::now(), ledger: Mutex::default() }
    }

    /// Enters a call in the log and says which fault it meets. `spared` calls (a wrong key, an unreadable body) use no fault up.
    ///
    /// # Errors
    /// [`UnknownFault`] if the model name asks for a fault that does not exist; the call is logged all the same.
    pub(crate) fn open(
        self: &Arc<Self>,
        brought: &Brought,
        spared: bool,
    ) -> (OpenCall, Result<Option<Fault>, UnknownFault>) {
        let mut ledger = self.ledger();
        let fault = if spared { Ok(None) } else { ledger.script.take(&brought.model) };
        let number = ledger.next;
        ledger.next += 1;
        ledger.open += 1;
        if ledger.calls.len() >= MOST_CALLS {
            ledger.calls.pop_front();
        }
        ledger.calls.push_back(SeenCall {
            number,
            at_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            model: brought.model.chars().take(256).collect(),
            key: brought.key.as_deref().map(last_four),
            stream: brought.stream,
            fault: fault.clone().unwrap_or_default(),
            finished: false,
        });
        if ledger.script.refuses() {
            self.front.shut(Parting::Drain);
        }
        (OpenCall { desk: self.clone(), number, finished: false }, fault)
    }

    /// Changes the faults; in force when this returns.
    pub(crate) fn set_fault(&self, model: &str, faults: Vec<Fault>) {
        self.change(|script| script.set(model, faults));
    }

    /// Forgets all run-time faults; in force when this returns.
    pub(crate) fn clear_faults(&self) {
        self.change(Script::clear);
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
        }
    }

    fn close(&self, call: &OpenCall) {
        let mut ledger = self.ledger();
        ledger.open = ledger.open.saturating_sub(1);
        let oldest = ledger.calls.front().map_or(u64::MAX, |oldest| oldest.number);
        let place = call.number.checked_sub(oldest).and_then(|place| usize::try_from(place).ok());
        if let Some(seen) = place.and_then(|place| ledger.calls.get_mut(place)) {
            seen.finished = call.finished;
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl OpenCall ===

impl OpenCall {
    /// Which call of this simulator it is, from 0.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The source of chance of this call: the same for the same seed and the same place in the order of calls.
    pub(crate) fn rng(&self) -> Rng {
        // The odd factor spreads neighbouring numbers over all bits (Knuth's multiplicative hashing, 2^64 / golden ratio).
        Rng::with_seed(self.desk.settings.seed ^ self.number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
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

fn last_four(key: &str) -> String {
    key.chars().skip(key.chars().count().saturating_sub(4)).collect()
}
