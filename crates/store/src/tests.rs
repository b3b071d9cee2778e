//! What every test of the store needs: records, files, and looking at a file as another program would.

mod minutes;
mod operators;
mod records;
mod retention;
mod search;
mod trouble;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use switchback_core::id::RequestId;
use switchback_core::record::{DecisionRecord, Object};
use tempfile::TempDir;

use crate::{Keep, Store};

/// Keeps whatever a test writes, however long ago it "arrived".
const EVERYTHING: Keep = Keep { span: Duration::MAX, bytes: u64::MAX };

fn id(arrived_ms: u64, random: u128) -> String {
    RequestId::new(arrived_ms, random).to_string()
}

fn record(arrived_ms: u64, random: u128, task: &str, outcome: &str) -> DecisionRecord {
    DecisionRecord {
        object: Object {
            request_id: id(arrived_ms, random).into(),
            task: task.into(),
            segment: None,
            surface: "chat".into(),
            outcome: outcome.into(),
            why: None,
            served_by: None,
            provider: None,
            region: None,
            rung: None,
            rungs: 2,
            attempts: Vec::new(),
            not_run: Vec::new(),
            degraded: None,
            dropped: Vec::new(),
            cost_usd: None,
            added_ms: None,
            retry_after_ms: None,
            simulated: false,
        },
        arrived_ms,
        total_ms: 12,
        deadline_ms: 30_000,
        stream: false,
        committed: false,
        waits: Vec::new(),
        moves: Vec::new(),
        error: None,
        key: None,
        client: None,
        client_retry: None,
        config: "abc1234".into(),
    }
}

/// A folder that goes with the test, and a file in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.db");
    (folder, path)
}

fn open(path: &Path) -> Store {
    Store::open(path, EVERYTHING).unwrap()
}

fn in_memory() -> Store {
    open(Path::new(":memory:"))
}

/// The file as the end of the process would leave it now: what was written, without any leave-taking.
fn wreck(path: &Path) -> (TempDir, PathBuf) {
    let (folder, copy) = place();
    for side in ["", "-wal"] {
        let from = format!("{}{side}", path.display());
        if Path::new(&from).exists() {
            std::fs::copy(from, format!("{}{side}", copy.display())).unwrap();
        }
    }
    (folder, copy)
}

/// Everything in the store, newest first, as records again.
async fn all(store: &Store) -> Vec<DecisionRecord> {
    let rows = store.recent(1_000, None, None).await.unwrap();
    rows.iter().map(|json| serde_json::from_str(json).unwrap()).collect()
}

fn count(conn: &Connection) -> i64 {
    conn.query_row("SELECT COUNT(*) FROM records", [], |row| row.get(0)).unwrap()
}
