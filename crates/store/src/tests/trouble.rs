//! Full queues, full disks, locked, damaged and foreign files: requests are answered, and the loss is told.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::Connection;

use crate::queue::{CHANGES, Queue, RECORDS};
use crate::tests::{EVERYTHING, all, in_memory, open, place, record};
use crate::{Override, Store, StoreError};

/// Stops the writer until the sender is dropped.
fn pause(store: &Store) -> mpsc::Sender<()> {
    let (gate, closed) = mpsc::channel::<()>();
    let (paused, reached) = mpsc::channel();
    let store = store.clone();
    std::thread::spawn(move || {
        store.on_writer(move |_| {
            paused.send(()).unwrap();
            let _opened = closed.recv();
            Ok(())
        })
    });
    reached.recv().unwrap();
    gate
}

fn error_of(path: &Path) -> StoreError {
    Store::open(path, EVERYTHING).unwrap_err()
}

#[tokio::test]
async fn a_full_queue_drops_counts_and_never_blocks() {
    let store = in_memory();
    let gate = pause(&store);
    let most = u64::try_from(RECORDS).unwrap();
    for n in 0..most + 100 {
        store.put(record(n, 0, "chat", "ok"));
    }
    assert_eq!(store.dropped(), 100);
    drop(gate);
    store.flush().await;
    assert_eq!(store.dropped(), 100);
    assert_eq!(store.counts_since(0).await.unwrap()[0].2, most);
}

#[test]
fn too_many_waiting_changes_are_refused() {
    let queue = Queue::default();
    for _ in 0..CHANGES {
        queue.change(Box::new(|_| true)).unwrap();
    }
    assert!(matches!(queue.change(Box::new(|_| true)), Err(StoreError::Busy)));
}

#[tokio::test]
async fn a_writer_that_dies_leaves_nobody_waiting() {
    let store = in_memory();
    store.put(record(1, 0, "chat", "ok"));
    store.flush().await;
    let died: Result<(), _> = store.on_writer(|_| panic!("this test ends the writer on purpose"));
    assert!(matches!(died, Err(StoreError::Closed)));
    store.put(record(2, 0, "chat", "ok"));
    store.flush().await;
    assert_eq!(store.dropped(), 1);
    assert!(!store.healthy());
    assert!(matches!(store.overrides(), Err(StoreError::Closed)));
    assert_eq!(all(&store).await.len(), 1, "what was written can still be read");
    store.close().await;
}

#[tokio::test]
async fn a_locked_database_costs_records_and_heals() {
    let (_folder, path) = place();
    let store = open(&path);
    store.on_writer(|conn| conn.busy_timeout(Duration::from_millis(1))).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    store.put(record(1, 0, "chat", "ok"));
    store.flush().await;
    assert_eq!(store.dropped(), 1);
    assert!(!store.healthy());
    assert!(matches!(store.clear_override("a", "disable"), Err(StoreError::Busy)));
    other.execute_batch("ROLLBACK").unwrap();
    store.put(record(2, 0, "chat", "ok"));
    store.flush().await;
    assert!(store.healthy());
    assert_eq!(all(&store).await, [record(2, 0, "chat", "ok")]);
    assert_eq!(store.dropped(), 1);
}

#[tokio::test]
async fn a_full_disk_costs_records_and_heals() {
    let (_folder, path) = place();
    let store = open(&path);
    let limit = |pages: i64| {
        store.on_writer(move |conn| conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))).unwrap();
    };
    limit(1);
    for n in 0..400 {
        store.put(record(n, 0, "chat", "ok"));
    }
    store.flush().await;
    assert_eq!(store.dropped(), 400);
    assert!(!store.healthy());
    let large = Override {
        route: "a".into(),
        kind: "disable".into(),
        until_ms: None,
        reason: "x".repeat(100_000),
        by: "mara".into(),
        since_ms: 1,
    };
    assert!(matches!(store.set_override(&large), Err(StoreError::Full)));
    assert!(store.overrides().unwrap().is_empty());
    limit(1_000_000);
    store.put(record(1_000, 0, "chat", "ok"));
    store.flush().await;
    assert!(store.healthy());
    assert_eq!(all(&store).await.len(), 1);
}

#[test]
fn a_file_that_is_no_database_is_named_and_left_alone() {
    let (_folder, path) = place();
    let text = "this is a shopping list, not a database\n".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let error = error_of(&path);
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("records.db") && said.contains("move it") && said.contains("damaged"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_store_damaged_in_the_middle_is_an_error_and_not_a_panic() {
    let (_folder, path) = place();
    let store = open(&path);
    for n in 0..2_000 {
        store.put(record(n, 0, "chat", "ok"));
    }
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let head = bytes.len() / 20;
    bytes[head..].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    // Opening looks at the head of the file only; whichever look meets the damage says so.
    let said = match Store::open(&path, EVERYTHING) {
        Ok(store) => store.recent(1_000, None, None).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(said, StoreError::Damaged { .. }), "{said:?}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let (_folder, path) = place();
    open(&path).close().await;
    let other = Connection::open(&path).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    let said = error_of(&path).to_string();
    assert!(said.contains("schema 99") && said.contains("newer version"), "{said}");
    let version: i64 = other.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let (_folder, path) = place();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE customers (name TEXT)").unwrap();
    let error = error_of(&path);
    assert!(matches!(error, StoreError::Foreign { .. }), "{error:?}");
    let tables: i64 = other.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let (folder, _) = place();
    let path = folder.path().join("nowhere").join("records.db");
    let error = error_of(&path);
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = place();
    let store = open(&path);
    store.put(record(1, 0, "chat", "ok"));
    store.flush().await;
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 3, "the database, its log and the log's index");
}
