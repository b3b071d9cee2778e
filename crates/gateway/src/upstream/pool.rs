//! Connections that wait for their next request, kept apart by credential.
//!
//! Nobody watches an idle connection: whether its peer has closed it is seen when it is taken out. What is kept is
//! bounded in number and in time, and connections of one lane are never handed to another. A plain lock is enough: it
//! is held for a push or a pop.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::lease::Wire;

/// Idle connections of one endpoint.
#[derive(Debug)]
pub(super) struct Pool {
    max_idle: usize,
    idle_for: Duration,
    lanes: Mutex<HashMap<usize, VecDeque<Idle>>>,
}

#[derive(Debug)]
struct Idle {
    wire: Box<Wire>,
    since: Instant,
}

// === impl Pool ===

impl Pool {
    pub(super) fn new(max_idle: usize, idle_for: Duration) -> Self {
        Self { max_idle, idle_for, lanes: Mutex::default() }
    }

    /// The connection of this lane that was used last, if it is young enough. The last used keeps busy ones warm and
    /// lets the others age out.
    pub(super) fn take(&self, lane: usize) -> Option<Box<Wire>> {
        let mut lanes = self.lanes();
        let waiting = lanes.get_mut(&lane)?;
        let idle = waiting.pop_back()?;
        if idle.since.elapsed() < self.idle_for {
            return Some(idle.wire);
        }
        // The youngest is too old, so all of them are.
        waiting.clear();
        None
    }

    /// Keeps a connection for the next request of this lane, in place of the oldest where there are enough.
    pub(super) fn put(&self, lane: usize, wire: Box<Wire>) {
        let since = Instant::now();
        let mut lanes = self.lanes();
        let waiting = lanes.entry(lane).or_default();
        while waiting.front().is_some_and(|it| since - it.since >= self.idle_for) || waiting.len() >= self.max_idle {
            if waiting.pop_front().is_none() {
                return;
            }
        }
        waiting.push_back(Idle { wire, since });
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<usize, VecDeque<Idle>>> {
        // No code that can panic runs under the lock, so what a poisoned one guards is whole.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
