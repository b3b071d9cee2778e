//! How long and how much is kept: the oldest records go first, in steps small enough to write between them.
//!
//! Overrides and audit entries are never deleted here. A file smaller than its limit keeps its free pages for new
//! records, up to a tenth; the rest goes back to the disk.

use std::time::Duration;

use rusqlite::Connection;

use crate::connection::{Durability, WriteConnection, number, stored, transact};

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Age, counted from arrival, at which a record is deleted.
    pub span: Duration,
    /// Size of the database file in bytes above which the oldest records are deleted, a tenth at a time. The
    /// write-ahead log beside it is not counted: some MiB, and cut to 64 MiB after a burst.
    pub bytes: u64,
}

/// One pass over the store, taken in steps.
#[derive(Debug)]
pub(crate) struct Sweep {
    keep: Keep,
    /// Records that still go because the file is too large.
    surplus: i64,
}

/// Records deleted by one step: some milliseconds of the writer's time.
const ROWS: i64 = 500;

/// Pages given back by one step: 4 MiB.
const PAGES: i64 = 1_024;

// === impl Sweep ===

impl Sweep {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, surplus: 0 }
    }

    /// Does one step; whether there is more to do. `now_ms` is Unix milliseconds.
    pub(crate) fn step(&mut self, conn: &mut WriteConnection, now_ms: u64) -> rusqlite::Result<bool> {
        let span = u64::try_from(self.keep.span.as_millis()).unwrap_or(u64::MAX);
        if delete(conn, stored(now_ms.saturating_sub(span)), ROWS)? > 0 {
            return Ok(true);
        }
        if self.surplus > 0 {
            let gone = delete(conn, i64::MAX, self.surplus.min(ROWS))?;
            self.surplus = if gone == 0 { 0 } else { self.surplus - gone };
            return Ok(true);
        }
        let size = number(conn, "PRAGMA page_size")?.max(1);
        let pages = number(conn, "PRAGMA page_count")?;
        let free = number(conn, "PRAGMA freelist_count")?;
        let room = stored(self.keep.bytes) / size;
        if free > pages / 10 || (free > 0 && pages > room) {
            give_back(conn)?;
            return Ok(number(conn, "PRAGMA page_count")? < pages);
        }
        if pages > room {
            self.surplus = tenth(conn)?;
        }
        Ok(self.surplus > 0)
    }
}

/// Deletes at most `rows` of the records that arrived before `before_ms`, oldest first.
fn delete(conn: &mut WriteConnection, before_ms: i64, rows: i64) -> rusqlite::Result<i64> {
    let gone = transact(conn, Durability::Batched, |tx| {
        tx.execute(
            "DELETE FROM records WHERE rowid IN
                (SELECT rowid FROM records WHERE arrived_ms < ?1 ORDER BY arrived_ms LIMIT ?2)",
            [before_ms, rows],
        )
    })?;
    Ok(i64::try_from(gone).unwrap_or(i64::MAX))
}

/// A tenth of the records, at least one where there is one. Rows are only ever taken from one end, so that the span
/// of their numbers is their count within a few; counting them would read the whole index.
fn tenth(conn: &Connection) -> rusqlite::Result<i64> {
    let rows =
        number(conn, "SELECT COALESCE((SELECT MAX(rowid) FROM records) - (SELECT MIN(rowid) FROM records) + 1, 0)")?;
    Ok((rows + 9) / 10)
}

/// Gives free pages back to the disk.
fn give_back(conn: &mut WriteConnection) -> rusqlite::Result<()> {
    transact(conn, Durability::Batched, |tx| {
        let mut vacuum = tx.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut freed = vacuum.query([])?;
        while freed.next()?.is_some() {}
        Ok(())
    })
}
