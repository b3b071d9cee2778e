//! What operators have done: overrides in force, and the trail of who did what and why.
//!
//! Every change is one transaction with `synchronous=FULL`. Whether an override's time has passed is for the caller
//! to judge: nothing here looks at a clock.

use rusqlite::{Connection, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::connection::{Durability, stored, transact, unstored};
use crate::error::StoreError;
use crate::reader::rows;
use crate::store::Store;

/// Something that an operator has switched on a route; at most one of a kind per route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The route.
    pub route: String,
    /// What was done: `disable`.
    pub kind: String,
    /// When it ends, Unix milliseconds; `None`: when somebody clears it.
    pub until_ms: Option<u64>,
    /// Why, in the operator's words.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When it began, Unix milliseconds.
    pub since_ms: u64,
}

/// One thing that an operator did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When, Unix milliseconds.
    pub at_ms: u64,
    /// Who.
    pub by: String,
    /// What: `routes disable`.
    pub action: String,
    /// To what.
    pub target: String,
    /// Why, in the operator's words.
    pub reason: String,
    /// What it changed, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
}

/// An entry of the trail with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audited {
    /// Grows with every entry and is never given twice.
    pub number: u64,
    /// What was done.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

// === impl Store ===

impl Store {
    /// Sets overrides, clears others by route and kind, and adds to the audit trail, in one transaction: all of it is on
    /// the disk when this returns, or none. Blocks for some milliseconds: call it from a thread that may.
    ///
    /// # Errors
    ///
    /// Nothing was changed: the store is damaged, closed, busy, full or failing.
    pub fn change_overrides(
        &self,
        set: Vec<Override>,
        cleared: Vec<(String, String)>,
        told: Vec<AuditEntry>,
    ) -> Result<(), StoreError> {
        self.on_writer(move |conn| {
            transact(conn, Durability::Durable, |tx| {
                set.iter().try_for_each(|it| set_override(tx, it))?;
                cleared.iter().try_for_each(|(route, kind)| clear_override(tx, route, kind).map(|_| ()))?;
                told.iter().try_for_each(|it| audit(tx, it).map(|_| ()))
            })
        })
    }
}

pub(crate) fn overrides(conn: &Connection) -> rusqlite::Result<Vec<Override>> {
    rows(conn, "SELECT route, kind, until_ms, reason, by, since_ms FROM overrides ORDER BY route, kind", [], |row| {
        Ok(Override {
            route: row.get(0)?,
            kind: row.get(1)?,
            until_ms: row.get::<_, Option<i64>>(2)?.map(unstored),
            reason: row.get(3)?,
            by: row.get(4)?,
            since_ms: unstored(row.get(5)?),
        })
    })
}

pub(crate) fn set_override(tx: &Transaction<'_>, it: &Override) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT OR REPLACE INTO overrides (route, kind, until_ms, reason, by, since_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            it.route,
            it.kind,
            it.until_ms.map(stored),
            it.reason,
            it.by,
            stored(it.since_ms)
        ],
    )?;
    Ok(())
}

pub(crate) fn clear_override(tx: &Transaction<'_>, route: &str, kind: &str) -> rusqlite::Result<bool> {
    let gone = tx.execute("DELETE FROM overrides WHERE route = ?1 AND kind = ?2", [route, kind])?;
    Ok(gone > 0)
}

pub(crate) fn audit(tx: &Transaction<'_>, it: &AuditEntry) -> rusqlite::Result<u64> {
    tx.execute(
        "INSERT INTO audit (at_ms, by, action, target, reason, effect) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![stored(it.at_ms), it.by, it.action, it.target, it.reason, it.effect],
    )?;
    Ok(unstored(tx.last_insert_rowid()))
}

/// Newest first.
pub(crate) fn audits(conn: &Connection, limit: i64) -> rusqlite::Result<Vec<Audited>> {
    rows(
        conn,
        "SELECT number, at_ms, by, action, target, reason, effect FROM audit ORDER BY number DESC LIMIT ?1",
        [limit],
        audited,
    )
}

fn audited(row: &Row<'_>) -> rusqlite::Result<Audited> {
    Ok(Audited {
        number: unstored(row.get(0)?),
        entry: AuditEntry {
            at_ms: unstored(row.get(1)?),
            by: row.get(2)?,
            action: row.get(3)?,
            target: row.get(4)?,
            reason: row.get(5)?,
            effect: row.get(6)?,
        },
    })
}
