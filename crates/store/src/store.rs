//! The store as the rest of the house sees it: hand over, ask, change, close.
//!
//! Cheap to clone. Nothing here runs SQL on the caller's thread.

use std::fmt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};

use rusqlite::{Connection, Transaction};
use switchback_core::record::DecisionRecord;
use tokio::sync::watch;

use crate::connection::{Durability, Place, WriteConnection, transact};
use crate::error::StoreError;
use crate::operator::{self, AuditEntry, Audited, Override};
use crate::reader::{self, Found, Reader};
use crate::retention::Keep;
use crate::writer::{self, Shared};

/// A handle of the record store.
///
/// [`close`](Self::close) it at the end: the last handle that is merely dropped still has its queue written, but
/// nobody waits for that.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    place: Place,
    shared: Arc<Shared>,
    settled: watch::Receiver<u64>,
    reader: Reader,
}

// === impl Store ===

impl Store {
    /// Opens the store at `path`, or creates it there, readable by its owner alone; `:memory:` is one that ends with
    /// its handles and holds at most 1 GiB. Brings older schemas to the newest. Blocks for a few commits.
    ///
    /// # Errors
    ///
    /// The file cannot be used ([`StoreError::Open`], [`StoreError::Damaged`], [`StoreError::Busy`]), is not ours
    /// ([`StoreError::Foreign`]) or comes from a later version ([`StoreError::Newer`]). The file is then untouched.
    pub fn open(path: &Path, keep: Keep) -> Result<Self, StoreError> {
        let place = Place::new(path);
        let shared = Arc::<Shared>::default();
        let settled = writer::start(&place, keep, Arc::clone(&shared))?;
        let reader = Reader::start(place.clone()).inspect_err(|_| shared.queue.close())?;
        let inner = Arc::new(Inner { place, shared, settled, reader });
        Ok(Self { inner })
    }

    /// Hands a record over; it waits at most 50 ms for others and is then written with them, behind those that wait
    /// already. A process that is killed in between loses it. Never waits and never fails: where 8,192 records
    /// wait already, or the store is closed, the record is dropped and counted. Of two records with the same id the
    /// first is kept.
    pub fn put(&self, record: DecisionRecord) {
        if !self.inner.shared.queue.push(Box::new(record)) {
            self.inner.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that were not kept since the store was opened: the queue was full, or a write failed.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.inner.shared.dropped.load(Ordering::Relaxed)
    }

    /// Whether the last write worked; true before the first.
    #[must_use]
    pub fn healthy(&self) -> bool {
        !self.inner.shared.failing.load(Ordering::Relaxed)
    }

    /// Waits until every record put before is committed or given up.
    pub async fn flush(&self) {
        let target = self.inner.shared.queue.hurry();
        let mut settled = self.inner.settled.clone();
        // An error means that the thread is gone, and with it what was queued: given up.
        drop(settled.wait_for(|settled| *settled >= target).await);
    }

    /// Looks for the request whose id is `id`, or the only one whose id begins so; `req_` may be left out, and small
    /// letters will do. A record that is still queued is not found.
    ///
    /// # Errors
    ///
    /// The store is damaged, closed or failing.
    pub async fn find(&self, id: &str) -> Result<Found, StoreError> {
        let id = id.to_owned();
        self.inner.reader.ask(move |conn| reader::find(conn, &id)).await
    }

    /// The record, as JSON, of the request that arrived last.
    ///
    /// # Errors
    ///
    /// The store is damaged, closed or failing.
    pub async fn last(&self) -> Result<Option<String>, StoreError> {
        Ok(self.recent(1, None, None).await?.pop())
    }

    /// Records as JSON, newest arrival first, at most `limit` and never more than 1,000; of one task and of one
    /// outcome where they are given.
    ///
    /// # Errors
    ///
    /// The store is damaged, closed or failing.
    pub async fn recent(
        &self,
        limit: usize,
        task: Option<&str>,
        outcome: Option<&str>,
    ) -> Result<Vec<String>, StoreError> {
        let (task, outcome) = (task.map(str::to_owned), outcome.map(str::to_owned));
        self.inner.reader.ask(move |conn| reader::recent(conn, limit, task.as_deref(), outcome.as_deref())).await
    }

    /// Task, outcome and number of the requests that arrived at `since_ms` (Unix milliseconds) or later, sorted.
    ///
    /// # Errors
    ///
    /// The store is damaged, closed or failing.
    pub async fn counts_since(&self, since_ms: u64) -> Result<Vec<(String, String, u64)>, StoreError> {
        self.inner.reader.ask(move |conn| reader::counts_since(conn, since_ms)).await
    }

    /// All overrides, sorted by route, those included whose time has passed. Blocks for the commit at hand.
    ///
    /// # Errors
    ///
    /// The store is damaged, closed, busy or failing.
    pub fn overrides(&self) -> Result<Vec<Override>, StoreError> {
        self.on_writer(|conn| operator::overrides(conn))
    }

    /// Sets an override in place of the one of its route and kind. It is on the disk when this returns, which takes
    /// some milliseconds of blocking: call it from a thread that may.
    ///
    /// # Errors
    ///
    /// Nothing was changed: the store is damaged, closed, busy, full or failing.
    pub fn set_override(&self, it: &Override) -> Result<(), StoreError> {
        let it = it.clone();
        self.durably(move |tx| operator::set_override(tx, &it))
    }

    /// Clears an override; whether there was one. Durable and blocking like [`set_override`](Self::set_override).
    ///
    /// # Errors
    ///
    /// Nothing was changed: the store is damaged, closed, busy, full or failing.
    pub fn clear_override(&self, route: &str, kind: &str) -> Result<bool, StoreError> {
        let (route, kind) = (route.to_owned(), kind.to_owned());
        self.durably(move |tx| operator::clear_override(tx, &route, &kind))
    }

    /// Adds to the audit trail; the number of the entry. Durable and blocking like
    /// [`set_override`](Self::set_override). The trail is not subject to [`Keep`].
    ///
    /// # Errors
    ///
    /// Nothing was changed: the store is damaged, closed, busy, full or failing.
    pub fn audit(&self, entry: &AuditEntry) -> Result<u64, StoreError> {
        let entry = entry.clone();
        self.durably(move |tx| operator::audit(tx, &entry))
    }

    /// The audit trail, newest first, at most `limit` and never more than 1,000 entries.
    ///
    /// # Errors
    ///
    /// The store is damaged, closed or failing.
    pub async fn audits(&self, limit: usize) -> Result<Vec<Audited>, StoreError> {
        let limit = reader::row_limit(limit);
        self.inner.reader.ask(move |conn| operator::audits(conn, limit)).await
    }

    /// Writes what is queued, moves the write-ahead log into the database and ends the writer. Other handles can
    /// still ask; what they put is dropped and counted, what they change is refused as [`StoreError::Closed`].
    pub async fn close(self) {
        self.inner.shared.queue.close();
        let mut settled = self.inner.settled.clone();
        while settled.changed().await.is_ok() {}
    }

    /// Asks the reading thread.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.inner.reader.ask(ask).await
    }

    /// Runs a change in a durable transaction on the writer's thread.
    fn durably<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_writer(|conn| transact(conn, Durability::Durable, act))
    }

    /// Runs something on the writer's thread, before the records that wait, and blocks for its answer.
    pub(crate) fn on_writer<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut WriteConnection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.inner.shared.queue.change(Box::new(move |conn| {
            let done = act(conn);
            let worked = done.is_ok();
            // The caller blocks for this; a failure to send can only mean that its thread was torn down.
            drop(reply.send(done));
            worked
        }))?;
        let done = answer.recv().map_err(|_| StoreError::Closed)?;
        done.map_err(|error| self.inner.place.failed(error))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.inner.place.path)
            .field("dropped", &self.dropped())
            .field("healthy", &self.healthy())
            .finish_non_exhaustive()
    }
}

// === impl Inner ===

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}
