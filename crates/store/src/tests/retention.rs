//! What is old goes, what is too much goes, and nothing else.

use std::time::Duration;

use rusqlite::Connection;

use crate::connection::number;
use crate::retention::Sweep;
use crate::tests::{all, count, open, place, record};
use crate::{AuditEntry, Keep, Store};

const HOUR: u64 = 3_600_000;

/// Sweeps on the writer's connection until there is nothing more to do.
fn sweep(store: &Store, keep: Keep, now_ms: u64) {
    store
        .on_writer(move |conn| {
            let mut sweep = Sweep::new(keep);
            for _ in 0..100_000 {
                if !sweep.step(conn, now_ms)? {
                    return Ok(());
                }
            }
            panic!("the sweep does not end");
        })
        .unwrap();
}

fn file_bytes(store: &Store) -> u64 {
    let bytes = store.on_writer(|conn| Ok(number(conn, "PRAGMA page_size")? * number(conn, "PRAGMA page_count")?));
    u64::try_from(bytes.unwrap()).unwrap()
}

#[tokio::test]
async fn records_past_their_span_are_deleted() {
    let (_folder, path) = place();
    let store = open(&path);
    for n in 0..1_300_u64 {
        store.put(record(n, 0, "chat", "ok"));
    }
    store.put(record(9 * HOUR, 0, "chat", "ok"));
    store.put(record(10 * HOUR, 0, "chat", "ok"));
    store.flush().await;
    let keep = Keep { span: Duration::from_secs(3_600), bytes: u64::MAX };
    sweep(&store, keep, 10 * HOUR);
    let kept: Vec<_> = all(&store).await.iter().map(|it| it.arrived_ms).collect();
    assert_eq!(kept, [10 * HOUR, 9 * HOUR]);
}

#[tokio::test]
async fn a_file_over_its_limit_loses_its_oldest_records_and_shrinks() {
    let (_folder, path) = place();
    let store = open(&path);
    for n in 0..4_000_u64 {
        store.put(record(n, 0, "chat", "ok"));
    }
    store.flush().await;
    let limit = file_bytes(&store) / 2;
    let keep = Keep { span: Duration::MAX, bytes: limit };
    sweep(&store, keep, HOUR);
    assert!(file_bytes(&store) <= limit);
    let kept = all(&store).await;
    assert_eq!(kept[0].arrived_ms, 3_999, "the newest stays");
    let left = store.counts_since(0).await.unwrap()[0].2;
    assert!(left > 1_000, "no more than is needed, within a tenth at a time: {left} left");
    let oldest = 4_000 - left;
    assert_eq!(store.counts_since(oldest).await.unwrap()[0].2, left, "only the oldest went");
    store.close().await;
    assert!(std::fs::metadata(&path).unwrap().len() <= limit);
}

#[tokio::test]
async fn overrides_and_audit_are_never_swept() {
    let (_folder, path) = place();
    let store = open(&path);
    let entry = AuditEntry {
        at_ms: 1,
        by: "mara".into(),
        action: "reload".into(),
        target: "config".into(),
        reason: "new price".into(),
        effect: None,
    };
    store.audit(&entry).unwrap();
    store.put(record(1, 0, "chat", "ok"));
    store.flush().await;
    let nothing = Keep { span: Duration::ZERO, bytes: 0 };
    sweep(&store, nothing, HOUR);
    assert!(all(&store).await.is_empty());
    assert_eq!(store.audits(10).await.unwrap()[0].entry, entry);
}

#[tokio::test]
async fn a_store_sweeps_when_it_is_opened() {
    let (_folder, path) = place();
    let store = open(&path);
    store.put(record(1, 0, "chat", "ok"));
    store.close().await;
    let keep = Keep { span: Duration::from_secs(3_600), bytes: u64::MAX };
    let _store = Store::open(&path, keep).unwrap();
    let look = Connection::open(&path).unwrap();
    let gone = (0..2_000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        count(&look) == 0
    });
    assert!(gone);
}
