//! The writer thread: changes first, then a group of records, then a step of the sweep, and again.
//!
//! A write that fails costs its own records and nothing else: they are counted, the trouble is announced at most
//! once a minute, and the next group is tried as if nothing had been. Never ends before it is told to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::params;
use switchback_core::record::DecisionRecord;
use tokio::sync::watch;

use crate::connection::{Durability, Place, WriteConnection, stored, transact};
use crate::error::StoreError;
use crate::minutes::Minutes;
use crate::queue::Queue;
use crate::retention::{Keep, Sweep};

/// What the thread shares with everybody else.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) queue: Queue,
    /// Records that were not kept.
    pub(crate) dropped: AtomicU64,
    /// Whether the last write failed.
    pub(crate) failing: AtomicBool,
}

struct Writer {
    conn: WriteConnection,
    shared: Arc<Shared>,
    sweep: Sweep,
    sweep_at: Instant,
    herald: Herald,
    // Last, so that who waits for its end finds the connection closed.
    settled: watch::Sender<u64>,
}

/// Says what is lost, and that it is over; not more than once a minute.
#[derive(Default)]
struct Herald {
    /// Drops that were told of.
    told: u64,
    spoke: Option<Instant>,
    /// What SQLite said last.
    why: Option<rusqlite::Error>,
}

/// Leaves nobody waiting for a thread that is gone.
struct Farewell(Arc<Shared>);

/// Time between two sweeps.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Time between two warnings.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Starts the thread; the receiver tells how many records are committed or given up, and ends with the thread.
pub(crate) fn start(place: &Place, keep: Keep, shared: Arc<Shared>) -> Result<watch::Receiver<u64>, StoreError> {
    let (settled, watcher) = watch::channel(0);
    let writer = Writer {
        conn: place.writer()?,
        shared,
        sweep: Sweep::new(keep),
        sweep_at: Instant::now(),
        herald: Herald::default(),
        settled,
    };
    std::thread::Builder::new()
        .name("switchback-write".into())
        .spawn(move || writer.run())
        .map_err(|error| place.cannot_open(&error.to_string()))?;
    Ok(watcher)
}

// === impl Writer ===

impl Writer {
    fn run(mut self) {
        let _farewell = Farewell(Arc::clone(&self.shared));
        loop {
            let work = self.shared.queue.take(self.sweep_at);
            for change in work.changes {
                let worked = change(&mut self.conn);
                self.worked(worked);
            }
            if !work.records.is_empty() {
                self.keep(&work.records);
            }
            if work.last {
                break;
            }
            if Instant::now() >= self.sweep_at {
                self.sweep();
            }
            self.herald.speak(&self.shared);
        }
        // Best effort: what is not moved into the database now is found in the log at the next start.
        let moved = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        if let Err(error) = moved {
            tracing::debug!(%error, "the record store was closed without a checkpoint");
        }
    }

    /// Commits a group, or gives it up.
    fn keep(&mut self, records: &VecDeque<Box<DecisionRecord>>) {
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let lost = match transact(&mut self.conn, Durability::Batched, |tx| insert(tx, records)) {
            Ok(unreadable) => {
                self.worked(true);
                unreadable
            }
            Err(error) => {
                self.herald.why = Some(error);
                self.worked(false);
                count
            }
        };
        self.shared.dropped.fetch_add(lost, Ordering::Relaxed);
        self.settled.send_modify(|settled| *settled += count);
    }

    fn sweep(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        match self.sweep.step(&mut self.conn, now_ms) {
            // Due again at once, behind whatever waits.
            Ok(true) => {}
            Ok(false) => self.sweep_at = Instant::now() + SWEEP_EVERY,
            Err(error) => {
                tracing::warn!(%error, "old decision records could not be deleted, trying again in a minute");
                self.sweep_at = Instant::now() + SWEEP_EVERY;
            }
        }
    }

    fn worked(&self, worked: bool) {
        let failing = self.shared.failing.swap(!worked, Ordering::Relaxed);
        if failing && worked {
            let dropped = self.shared.dropped.load(Ordering::Relaxed);
            tracing::info!(dropped, "the record store can be written again");
        }
    }
}

// === impl Herald ===

impl Herald {
    fn speak(&mut self, shared: &Shared) {
        let dropped = shared.dropped.load(Ordering::Relaxed);
        let quiet = self.spoke.is_none_or(|spoke| spoke.elapsed() >= WARN_EVERY);
        if dropped == self.told || !quiet {
            return;
        }
        let lost = dropped - self.told;
        let why = self.why.take().map_or_else(|| "the queue was full".to_owned(), |why| why.to_string());
        tracing::warn!(lost, dropped, why, "decision records were not kept; requests are still answered");
        self.told = dropped;
        self.spoke = Some(Instant::now());
    }
}

// === impl Farewell ===

impl Drop for Farewell {
    fn drop(&mut self) {
        let lost = u64::try_from(self.0.queue.abandon()).unwrap_or(u64::MAX);
        self.0.dropped.fetch_add(lost, Ordering::Relaxed);
        if std::thread::panicking() {
            self.0.failing.store(true, Ordering::Relaxed);
        }
    }
}

/// Writes a group; how many of it could not be put as JSON. A second record of the same id changes nothing.
fn insert(tx: &rusqlite::Transaction<'_>, records: &VecDeque<Box<DecisionRecord>>) -> rusqlite::Result<u64> {
    let mut insert = tx.prepare(
        "INSERT INTO records (id, arrived_ms, task, outcome, json) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO NOTHING",
    )?;
    let (mut unreadable, mut minutes) = (0, Minutes::default());
    for record in records {
        let Ok(json) = serde_json::to_string(record) else {
            unreadable += 1;
            continue;
        };
        let object = &record.object;
        let n_new = insert.execute(params![
            &*object.request_id,
            stored(record.arrived_ms),
            &*object.task,
            &*object.outcome,
            json
        ])?;
        if n_new > 0 {
            minutes.add(record);
        }
    }
    minutes.write(tx)?;
    Ok(unreadable)
}
