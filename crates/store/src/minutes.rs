//! What the requests of each minute came to, and how long answers had to be waited for: the numbers of a page that is
//! looked at again and again, so that none of them reads more than a bounded part of the file.
//!
//! Counts are added up as records are written, in the same transaction: they hold what the records hold. They outlive
//! the records they were made of by at most a day, and are never corrected afterwards.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, params};
use serde::Deserialize;
use switchback_core::id::Name;
use switchback_core::record::DecisionRecord;

use crate::caller;
use crate::connection::{stored, unstored};
use crate::error::StoreError;
use crate::reader::rows;
use crate::store::Store;

/// The requests of one task that arrived in one minute and had one outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct MinuteCount {
    /// The start of the minute, Unix milliseconds.
    pub start_ms: u64,
    /// The task.
    pub task: String,
    /// The outcome; [`CALLER`](crate::CALLER) for those that failed by their caller's own doing.
    pub outcome: String,
    /// When the first of them arrived, Unix milliseconds.
    pub first_ms: u64,
    /// How many.
    pub n: u64,
    /// The sum of their known costs, in dollars; 0 where none is known.
    pub cost_usd: f64,
    /// Requests whose cost is not known; they are not in the sum.
    pub n_cost_unknown: u64,
}

/// How long answers had to be waited for: from arrival to the start of the attempt that answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// Half of them at most this many milliseconds.
    pub p50_ms: u64,
    /// All but a twentieth at most this many milliseconds.
    pub p95_ms: u64,
    /// Of how many answers.
    pub n: u64,
}

/// Counts that wait for the end of their group.
#[derive(Debug, Default)]
pub(crate) struct Minutes(BTreeMap<(u64, Name, Name), Sum>);

#[derive(Debug)]
struct Sum {
    first_ms: u64,
    n: u64,
    cost_usd: f64,
    n_cost_unknown: u64,
}

/// What of a record says how long was waited.
#[derive(Deserialize)]
struct Waited {
    added_ms: Option<u64>,
}

/// A minute in milliseconds.
const MINUTE: u64 = 60_000;
/// How long counts are kept.
const KEPT: u64 = 24 * 60 * MINUTE;
/// Records that a question about waiting reads at most: the newest.
const MOST_SAMPLED: i64 = 2_000;
/// Rows that a question about minutes answers with at most: an hour of 800 tasks.
const MOST_COUNTS: i64 = 100_000;

// === impl Minutes ===

impl Minutes {
    /// Counts a record that was written.
    pub(crate) fn add(&mut self, record: &DecisionRecord) {
        let object = &record.object;
        let minute = record.arrived_ms - record.arrived_ms % MINUTE;
        let key = (minute, Name::clone(&object.task), caller::counted_as(record));
        let none = Sum { first_ms: record.arrived_ms, n: 0, cost_usd: 0.0, n_cost_unknown: 0 };
        let sum = self.0.entry(key).or_insert(none);
        sum.first_ms = sum.first_ms.min(record.arrived_ms);
        sum.n += 1;
        match object.cost_usd.filter(|it| it.is_finite()) {
            Some(cost) => sum.cost_usd += cost,
            None => sum.n_cost_unknown += 1,
        }
    }

    /// Adds everything to what is in the file, and drops what is a day older than the newest.
    pub(crate) fn write(self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let Some(newest) = self.0.keys().next_back().map(|(minute, ..)| *minute) else { return Ok(()) };
        let mut add = tx.prepare(
            "INSERT INTO minutes (start_ms, task, outcome, first_ms, n, cost_usd, n_cost_unknown)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (start_ms, task, outcome) DO UPDATE SET first_ms = MIN(first_ms, excluded.first_ms),
                 n = n + excluded.n, cost_usd = cost_usd + excluded.cost_usd,
                 n_cost_unknown = n_cost_unknown + excluded.n_cost_unknown",
        )?;
        for ((minute, task, outcome), sum) in &self.0 {
            add.execute(params![
                stored(*minute),
                &**task,
                &**outcome,
                stored(sum.first_ms),
                stored(sum.n),
                sum.cost_usd,
                stored(sum.n_cost_unknown)
            ])?;
        }
        tx.execute("DELETE FROM minutes WHERE start_ms < ?1", [stored(newest.saturating_sub(KEPT))])?;
        Ok(())
    }
}

// === impl Store ===

impl Store {
    /// What the requests came to that arrived in the minute of `since_ms` (Unix milliseconds) or later, by minute, task
    /// and outcome, oldest first; the last 24 hours are there. Reads counts and no record.
    ///
    /// # Errors
    ///
    /// The store is damaged, closed or failing.
    pub async fn minutes_since(&self, since_ms: u64) -> Result<Vec<MinuteCount>, StoreError> {
        self.ask(move |conn| minutes_since(conn, since_ms)).await
    }

    /// How long the answers of requests that arrived at `since_ms` (Unix milliseconds) or later had to be waited for,
    /// from the newest 2,000 records. `None` where fewer than five of them were answered: too few to tell.
    ///
    /// # Errors
    ///
    /// The store is damaged, closed or failing.
    pub async fn added_since(&self, since_ms: u64) -> Result<Option<Added>, StoreError> {
        self.ask(move |conn| added_since(conn, since_ms)).await
    }
}

fn minutes_since(conn: &Connection, since_ms: u64) -> rusqlite::Result<Vec<MinuteCount>> {
    let mut newest_first = rows(
        conn,
        "SELECT start_ms, task, outcome, first_ms, n, cost_usd, n_cost_unknown FROM minutes WHERE start_ms >= ?1
         ORDER BY start_ms DESC, task DESC, outcome DESC LIMIT ?2",
        [stored(since_ms - since_ms % MINUTE), MOST_COUNTS],
        |row| {
            Ok(MinuteCount {
                start_ms: unstored(row.get(0)?),
                task: row.get(1)?,
                outcome: row.get(2)?,
                first_ms: unstored(row.get(3)?),
                n: unstored(row.get(4)?),
                cost_usd: row.get(5)?,
                n_cost_unknown: unstored(row.get(6)?),
            })
        },
    )?;
    newest_first.reverse();
    Ok(newest_first)
}

fn added_since(conn: &Connection, since_ms: u64) -> rusqlite::Result<Option<Added>> {
    let newest: Vec<String> = rows(
        conn,
        "SELECT json FROM records WHERE arrived_ms >= ?1 ORDER BY arrived_ms DESC LIMIT ?2",
        [stored(since_ms), MOST_SAMPLED],
        |row| row.get(0),
    )?;
    let waited = newest.iter().filter_map(|json| serde_json::from_str::<Waited>(json).ok()?.added_ms);
    let mut waited: Vec<u64> = waited.collect();
    waited.sort_unstable();
    Ok(added(&waited))
}

/// Fewest answers that say anything.
const FEWEST: usize = 5;

fn added(sorted: &[u64]) -> Option<Added> {
    let n = sorted.len();
    // The smallest value that at least so many twentieths do not exceed.
    let at = |twentieths: usize| sorted.get((n * twentieths).div_ceil(20).saturating_sub(1)).copied();
    let n_told = u64::try_from(n).unwrap_or(u64::MAX);
    (n >= FEWEST).then_some(Added { p50_ms: at(10)?, p95_ms: at(19)?, n: n_told })
}
