//! Reading: one thread with a connection of its own, so that no question waits for a commit or blocks a runtime.
//!
//! Never writes: the connection is `query_only`.

use rusqlite::{Connection, OptionalExtension, Params, Row};
use tokio::sync::{mpsc, oneshot};

use crate::caller::COUNTED_AS;
use crate::connection::{Place, stored, unstored};
use crate::error::StoreError;

/// What a search for a request brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The one record, as JSON.
    One(String),
    /// The ids that begin so, newest first, at most [`MOST_CANDIDATES`].
    Many(Vec<String>),
    /// None begins so.
    None {
        /// Arrival of the oldest record that is still kept, Unix milliseconds; `None` where none is.
        oldest_ms: Option<u64>,
    },
}

/// Most ids that an ambiguous search answers with.
pub const MOST_CANDIDATES: usize = 10;

/// Most rows that one question answers with.
pub const MOST_ROWS: usize = 1_000;

/// Questions that may wait for the thread; those who ask more wait for a place.
const WAITING: usize = 64;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The reading side.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    place: Place,
    questions: mpsc::Sender<Question>,
}

// === impl Reader ===

impl Reader {
    /// Starts the thread; it ends with the last clone.
    pub(crate) fn start(place: Place) -> Result<Self, StoreError> {
        let conn = place.reader()?;
        let (questions, mut asked) = mpsc::channel::<Question>(WAITING);
        std::thread::Builder::new()
            .name("switchback-read".into())
            .spawn(move || {
                while let Some(question) = asked.blocking_recv() {
                    question(&conn);
                }
            })
            .map_err(|error| place.cannot_open(&error.to_string()))?;
        Ok(Self { place, questions })
    }

    /// Asks the thread.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |conn| {
            // Whoever went away needs no answer.
            if !reply.is_closed() {
                drop(reply.send(ask(conn)));
            }
        });
        self.questions.send(question).await.map_err(|_| StoreError::Closed)?;
        let answer = answer.await.map_err(|_| StoreError::Closed)?;
        answer.map_err(|error| self.place.failed(error))
    }
}

/// All rows of a statement.
pub(crate) fn rows<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    conn.prepare(sql)?.query_map(params, read)?.collect()
}

pub(crate) fn find(conn: &Connection, asked: &str) -> rusqlite::Result<Found> {
    let (from, to) = prefix_range(asked);
    if let Some(json) = by_id(conn, &from)? {
        return Ok(Found::One(json));
    }
    let most = i64::try_from(MOST_CANDIDATES).unwrap_or(i64::MAX);
    let ids: Vec<String> = rows(
        conn,
        "SELECT id FROM records WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
        rusqlite::params![from, to, most],
        |row| row.get(0),
    )?;
    let json = match ids.as_slice() {
        [] => None,
        // Deleted between the two looks, it is as gone as one that never was.
        [id] => by_id(conn, id)?,
        _ => return Ok(Found::Many(ids)),
    };
    Ok(match json {
        Some(json) => Found::One(json),
        None => Found::None { oldest_ms: oldest(conn)? },
    })
}

/// The first id that begins as typed, and what comes after the last.
pub(crate) fn prefix_range(typed: &str) -> (String, String) {
    let typed = typed.trim();
    let bare = typed.strip_prefix("req_").unwrap_or(typed);
    // Ids are in capitals; people who type them need not be.
    let from = format!("req_{}", bare.to_ascii_uppercase());
    // Text is compared by bytes and nothing sorts after this character: the range is that of the prefix, which an
    // index can walk, and no sign in it means more than itself.
    let to = format!("{from}\u{10FFFF}");
    (from, to)
}

pub(crate) fn recent(
    conn: &Connection,
    limit: usize,
    task: Option<&str>,
    outcome: Option<&str>,
) -> rusqlite::Result<Vec<String>> {
    let limit = row_limit(limit);
    // Two statements, because a rare outcome is what is looked for at night: it has an index of its own.
    match outcome {
        Some(outcome) => rows(
            conn,
            "SELECT json FROM records WHERE outcome = ?1 AND (?2 IS NULL OR task = ?2)
             ORDER BY arrived_ms DESC, rowid DESC LIMIT ?3",
            rusqlite::params![outcome, task, limit],
            |row| row.get(0),
        ),
        None => rows(
            conn,
            "SELECT json FROM records WHERE (?1 IS NULL OR task = ?1)
             ORDER BY arrived_ms DESC, rowid DESC LIMIT ?2",
            rusqlite::params![task, limit],
            |row| row.get(0),
        ),
    }
}

pub(crate) fn counts_since(conn: &Connection, since_ms: u64) -> rusqlite::Result<Vec<(String, String, u64)>> {
    rows(
        conn,
        &format!(
            "SELECT task, {COUNTED_AS} AS counted, COUNT(*) FROM records WHERE arrived_ms >= ?1 GROUP BY task, counted ORDER BY task, counted"
        ),
        [stored(since_ms)],
        |row| Ok((row.get(0)?, row.get(1)?, unstored(row.get(2)?))),
    )
}

/// A limit within [`MOST_ROWS`], as SQLite takes it.
pub(crate) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit.min(MOST_ROWS)).unwrap_or(i64::MAX)
}

fn oldest(conn: &Connection) -> rusqlite::Result<Option<u64>> {
    let oldest: Option<i64> = conn.query_row("SELECT MIN(arrived_ms) FROM records", [], |row| row.get(0))?;
    Ok(oldest.map(unstored))
}

fn by_id(conn: &Connection, id: &str) -> rusqlite::Result<Option<String>> {
    conn.query_row("SELECT json FROM records WHERE id = ?1", [id], |row| row.get(0)).optional()
}
