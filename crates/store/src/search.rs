//! Looking for requests by what they met: newest first, page by page, with a bound on what one look reads.
//!
//! Task, outcome and time are found in indexes; a route, a class, a key or a move stands only inside the record. A look
//! reads at most [`MOST_READ`] records and passes over at most [`MOST_PASSED`] rows of an index. Where that was not
//! enough it says from where to look on, so that nothing is ever left out silently.

use std::borrow::Cow;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Rows, Statement, params_from_iter};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::connection::stored;
use crate::error::StoreError;
use crate::reader::{MOST_ROWS, prefix_range};
use crate::store::Store;

/// Which requests are looked for. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The task.
    pub task: Option<String>,
    /// The outcome.
    pub outcome: Option<String>,
    /// Only those that moved to another rung, or made more than one attempt.
    pub moved: bool,
    /// A route that was called.
    pub route: Option<String>,
    /// The class of any of its attempts.
    pub class: Option<String>,
    /// The application key's name.
    pub key: Option<String>,
    /// Arrival at this time or later, Unix milliseconds.
    pub since_ms: Option<u64>,
    /// What the id begins with; `req_` may be left out, and small letters will do.
    pub id: Option<String>,
    /// Only older ones than the one with this id.
    pub before: Option<String>,
    /// At most so many, and never more than [`MOST_ROWS`].
    pub limit: usize,
}

/// What a look for requests brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Records as JSON, newest first.
    pub records: Vec<String>,
    /// Where to look on, as [`Wanted::before`]; `None` where nothing older matches. There may be fewer records than the
    /// limit, even none, and still something older: then this look had read all that it may.
    pub older: Option<String>,
}

/// Records that one look reads.
pub(crate) const MOST_READ: usize = 20_000;
/// Rows of an index that one look passes over.
pub(crate) const MOST_PASSED: usize = 500_000;

/// Every outcome that a request can have which moved or tried again: `ok` is the first attempt of the first rung.
const MOVED: [&str; 4] = ["recovered", "degraded", "refused", "failed"];

/// What of a record is looked at.
#[derive(Deserialize)]
struct Looked<'a> {
    #[serde(borrow)]
    task: Cow<'a, str>,
    #[serde(borrow)]
    outcome: Cow<'a, str>,
    #[serde(borrow)]
    key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    attempts: Vec<LookedAttempt<'a>>,
    #[serde(default)]
    moves: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct LookedAttempt<'a> {
    #[serde(borrow)]
    route: Cow<'a, str>,
    #[serde(borrow)]
    class: Option<Cow<'a, str>>,
}

/// A row of an index: where the record is, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    arrived_ms: i64,
    number: i64,
    task: String,
}

// === impl Store ===

impl Store {
    /// One page of the requests that are wanted.
    ///
    /// # Errors
    ///
    /// The store is damaged, closed or failing.
    pub async fn search(&self, wanted: Wanted) -> Result<Page, StoreError> {
        self.ask(move |conn| search(conn, &wanted)).await
    }
}

// === impl Wanted ===

impl Wanted {
    /// Whether only the record itself can tell.
    fn looks_inside(&self) -> bool {
        self.moved || self.route.is_some() || self.class.is_some() || self.key.is_some() || self.id.is_some()
    }

    fn takes(&self, json: &str) -> bool {
        let Ok(it) = serde_json::from_str::<Looked<'_>>(json) else { return false };
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|it| it == found);
        let any = |wanted: &Option<String>, has: &dyn Fn(&LookedAttempt<'_>, &str) -> bool| {
            wanted.as_deref().is_none_or(|wanted| it.attempts.iter().any(|attempt| has(attempt, wanted)))
        };
        let moved = !self.moved || !it.moves.is_empty() || it.attempts.len() > 1;
        let key = self.key.as_deref().is_none_or(|wanted| it.key.as_deref() == Some(wanted));
        let route = any(&self.route, &|attempt, wanted| attempt.route == wanted);
        let class = any(&self.class, &|attempt, wanted| attempt.class.as_deref() == Some(wanted));
        moved && key && route && class && is(&self.task, &it.task) && is(&self.outcome, &it.outcome)
    }
}

fn search(conn: &Connection, wanted: &Wanted) -> rusqlite::Result<Page> {
    let cursor = match &wanted.before {
        None => (i64::MAX, i64::MAX),
        Some(id) => match place(conn, id)? {
            Some(place) => place,
            // The oldest are deleted first: with the cursor, all that was older is gone.
            None => return Ok(Page::default()),
        },
    };
    let mut statements = walks(conn, wanted, cursor)?;
    let mut walks: Vec<Rows<'_>> = Vec::new();
    for (statement, params) in &mut statements {
        walks.push(statement.query(params_from_iter(params.iter()))?);
    }
    read(conn, wanted, &mut walks)
}

/// Goes through the rows of all walks, newest first, until the page is full or the bound is reached.
fn read(conn: &Connection, wanted: &Wanted, walks: &mut [Rows<'_>]) -> rusqlite::Result<Page> {
    let limit = wanted.limit.clamp(1, MOST_ROWS);
    let mut fetch = conn.prepare("SELECT id, json FROM records WHERE rowid = ?1")?;
    let mut heads = walks.iter_mut().map(next).collect::<rusqlite::Result<Vec<_>>>()?;
    let (mut page, mut n_read, mut n_passed) = (Page::default(), 0, 0);
    let mut last = None;
    loop {
        let newest = heads.iter().enumerate().filter_map(|(at, it)| Some((it.as_ref()?, at))).max();
        let Some((row, at)) = newest.map(|(row, at)| (row.clone(), at)) else {
            page.older = None;
            return Ok(page);
        };
        if n_read >= MOST_READ || n_passed >= MOST_PASSED {
            page.older = last.map(|number| id_of(conn, number)).transpose()?.flatten();
            return Ok(page);
        }
        n_passed += 1;
        last = Some(row.number);
        if let (Some(head), Some(walk)) = (heads.get_mut(at), walks.get_mut(at)) {
            *head = next(walk)?;
        }
        if wanted.task.as_deref().is_some_and(|it| it != row.task) {
            continue;
        }
        n_read += 1;
        let found = fetch.query_row([row.number], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
        // Deleted between the two looks, it is as gone as one that never was.
        let Some((id, json)) = found.optional()? else { continue };
        if wanted.looks_inside() && !wanted.takes(&json) {
            continue;
        }
        if page.records.len() == limit {
            return Ok(page);
        }
        page.records.push(json);
        // Stands only if another is found.
        page.older = Some(id);
    }
}

/// The statements whose rows together are all candidates, each newest first.
fn walks<'c>(
    conn: &'c Connection,
    wanted: &Wanted,
    (arrived_ms, number): (i64, i64),
) -> rusqlite::Result<Vec<(Statement<'c>, Vec<Value>)>> {
    let since: Value = wanted.since_ms.map_or(i64::MIN, stored).into();
    if let Some(typed) = &wanted.id {
        let (from, to) = prefix_range(typed);
        let before = wanted.before.clone().map_or(Value::Null, Value::from);
        let sql = "SELECT arrived_ms, rowid, task FROM records WHERE id >= ?1 AND id < ?2 AND arrived_ms >= ?3
                   AND (?4 IS NULL OR id < ?4) ORDER BY id DESC";
        return Ok(vec![(conn.prepare(sql)?, vec![from.into(), to.into(), since, before])]);
    }
    let outcomes: &[&str] = match &wanted.outcome {
        Some(it) => &[it],
        None if wanted.moved => &MOVED,
        None => &[],
    };
    let older = "arrived_ms >= ?1 AND (arrived_ms, rowid) < (?2, ?3)";
    let newest_first = "ORDER BY arrived_ms DESC, rowid DESC";
    let place = [since, arrived_ms.into(), number.into()];
    if outcomes.is_empty() {
        let sql = format!("SELECT arrived_ms, rowid, task FROM records WHERE {older} {newest_first}");
        return Ok(vec![(conn.prepare(&sql)?, place.to_vec())]);
    }
    let sql = format!("SELECT arrived_ms, rowid, task FROM records WHERE outcome = ?4 AND {older} {newest_first}");
    let walk = |outcome: &&str| {
        let params = place.iter().cloned().chain([Value::from((*outcome).to_owned())]).collect();
        Ok((conn.prepare(&sql)?, params))
    };
    outcomes.iter().map(walk).collect()
}

fn next(walk: &mut Rows<'_>) -> rusqlite::Result<Option<Row>> {
    let Some(row) = walk.next()? else { return Ok(None) };
    Ok(Some(Row { arrived_ms: row.get(0)?, number: row.get(1)?, task: row.get(2)? }))
}

/// Where the record with this id stands among all.
fn place(conn: &Connection, id: &str) -> rusqlite::Result<Option<(i64, i64)>> {
    let sql = "SELECT arrived_ms, rowid FROM records WHERE id = ?1";
    conn.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

fn id_of(conn: &Connection, number: i64) -> rusqlite::Result<Option<String>> {
    conn.query_row("SELECT id FROM records WHERE rowid = ?1", [number], |row| row.get(0)).optional()
}
