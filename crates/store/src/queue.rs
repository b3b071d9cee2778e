//! What waits for the writer thread: records, bounded, and changes by operators, which go first.
//!
//! A lock and a condition instead of a channel: the writer sleeps through the 50 ms of a group and is woken by its
//! first record and its last, not by each. Nothing here waits but the writer; whoever hands over a record holds the
//! lock for a few instructions.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use switchback_core::record::DecisionRecord;

use crate::connection::WriteConnection;
use crate::error::StoreError;

/// Records that may wait.
pub(crate) const RECORDS: usize = 8_192;

/// Changes that may wait; each has an operator behind it.
pub(crate) const CHANGES: usize = 64;

/// Records of one commit.
pub(crate) const GROUP: usize = 512;

/// How long the first record of a group waits for the others, who then share the price of one commit. While the disk
/// keeps up, this is what a killed process loses.
const GROUP_WAIT: Duration = Duration::from_millis(50);

/// Work on the writer's connection; it answers its caller by itself and says whether it succeeded.
pub(crate) type Change = Box<dyn FnOnce(&mut WriteConnection) -> bool + Send>;

/// The queue.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
}

/// What the writer does next.
#[derive(Default)]
pub(crate) struct Work {
    /// First these.
    pub(crate) changes: Vec<Change>,
    /// Then these, in one commit.
    pub(crate) records: VecDeque<Box<DecisionRecord>>,
    /// Whether nothing comes after.
    pub(crate) last: bool,
}

#[derive(Default)]
struct State {
    records: VecDeque<Box<DecisionRecord>>,
    changes: VecDeque<Change>,
    /// Records that were ever let in.
    accepted: u64,
    /// Whether somebody waits for what is queued.
    hurry: bool,
    closed: bool,
}

// === impl Queue ===

impl Queue {
    /// Lets a record in, or says that it was not.
    pub(crate) fn push(&self, record: Box<DecisionRecord>) -> bool {
        let mut state = self.lock();
        if state.closed || state.records.len() >= RECORDS {
            return false;
        }
        state.records.push_back(record);
        state.accepted += 1;
        let waiting = state.records.len();
        drop(state);
        if waiting == 1 || waiting == GROUP {
            self.wake.notify_one();
        }
        true
    }

    /// Lets a change in.
    pub(crate) fn change(&self, change: Change) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.closed {
            return Err(StoreError::Closed);
        }
        if state.changes.len() >= CHANGES {
            return Err(StoreError::Busy);
        }
        state.changes.push_back(change);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Ends the waiting of the group at hand; the number of records let in so far.
    pub(crate) fn hurry(&self) -> u64 {
        let mut state = self.lock();
        state.hurry = !state.records.is_empty();
        let accepted = state.accepted;
        drop(state);
        self.wake.notify_one();
        accepted
    }

    /// Lets nothing in any more; what is in is still worked on.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Closes, and forgets what waits: nobody is left to work on it. The number of records forgotten.
    pub(crate) fn abandon(&self) -> usize {
        let mut state = self.lock();
        state.closed = true;
        let changes = std::mem::take(&mut state.changes);
        let records = std::mem::take(&mut state.records);
        drop(state);
        drop(changes);
        records.len()
    }

    /// Waits for work, at most until `until`; nothing to do is an answer.
    pub(crate) fn take(&self, until: Instant) -> Work {
        let mut state = self
            .wait(self.lock(), until, |state| state.records.is_empty() && state.changes.is_empty() && !state.closed);
        if !state.records.is_empty() {
            state = self.wait(state, Instant::now() + GROUP_WAIT, |state| {
                state.records.len() < GROUP && state.changes.is_empty() && !state.hurry && !state.closed
            });
        }
        let group = state.records.len().min(GROUP);
        let work = Work {
            changes: state.changes.drain(..).collect(),
            records: state.records.drain(..group).collect(),
            last: state.closed && state.records.is_empty(),
        };
        state.hurry &= !state.records.is_empty();
        work
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        until: Instant,
        idle: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let patience = until.saturating_duration_since(Instant::now());
        self.wake.wait_timeout_while(state, patience, |state| idle(state)).unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under this lock, so that a poisoned state is still a whole one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
