//! Records arrive, stay, and are found.

use std::time::Duration;

use rusqlite::Connection;
use switchback_core::record::DecisionRecord;

use crate::tests::{all, count, id, in_memory, open, place, record, wreck};
use crate::{Found, MOST_CANDIDATES, MOST_ROWS};

#[tokio::test]
async fn a_record_comes_back_as_it_was_put() {
    let store = in_memory();
    let put = record(1_000, 7, "chat", "ok");
    store.put(put.clone());
    store.flush().await;
    assert_eq!(all(&store).await, [put]);
    assert!(store.healthy());
}

#[tokio::test]
async fn records_survive_a_restart() {
    let (_folder, path) = place();
    let store = open(&path);
    store.put(record(1_000, 1, "chat", "ok"));
    store.close().await;
    let store = open(&path);
    assert_eq!(all(&store).await, [record(1_000, 1, "chat", "ok")]);
}

#[tokio::test]
async fn closing_writes_what_is_queued_and_empties_the_log() {
    let (_folder, path) = place();
    let store = open(&path);
    let other = store.clone();
    for at in 0..2_000 {
        store.put(record(at, 0, "chat", "ok"));
    }
    store.close().await;
    let log = std::fs::metadata(format!("{}-wal", path.display())).map_or(0, |it| it.len());
    assert_eq!(log, 0);
    assert_eq!(count(&Connection::open(&path).unwrap()), 2_000);
    other.put(record(9_999, 0, "chat", "ok"));
    assert_eq!(other.dropped(), 1, "what is put after closing is counted, not forgotten");
    other.flush().await;
}

#[tokio::test]
async fn what_was_flushed_survives_the_end_of_the_process() {
    let (_folder, path) = place();
    let store = open(&path);
    for at in 0..700 {
        store.put(record(at, 0, "chat", "ok"));
    }
    store.flush().await;
    let (_other, copy) = wreck(&path);
    let survivor = open(&copy);
    assert_eq!(all(&survivor).await.len(), 700);
}

#[tokio::test]
async fn a_handle_that_is_merely_dropped_still_has_its_queue_written() {
    let (_folder, path) = place();
    let store = open(&path);
    store.put(record(1, 0, "chat", "ok"));
    drop(store);
    let look = Connection::open(&path).unwrap();
    let seen = (0..2_000).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        count(&look) == 1
    });
    assert!(seen);
}

#[tokio::test]
async fn concurrent_puts_all_arrive() {
    let store = in_memory();
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let store = store.clone();
            scope.spawn(move || {
                for n in 0..500 {
                    store.put(record(n, u128::from(thread), "chat", "ok"));
                }
            });
        }
    });
    store.flush().await;
    assert_eq!(store.dropped(), 0);
    assert_eq!(store.counts_since(0).await.unwrap(), [("chat".to_owned(), "ok".to_owned(), 4_000)]);
}

#[tokio::test]
async fn of_two_records_with_one_id_the_first_is_kept() {
    let store = in_memory();
    store.put(record(1, 0, "chat", "ok"));
    store.put(record(1, 0, "chat", "failed"));
    store.flush().await;
    assert_eq!(all(&store).await, [record(1, 0, "chat", "ok")]);
    assert!(store.healthy());
}

#[tokio::test]
async fn recent_is_newest_first_and_filtered() {
    let store = in_memory();
    for (at, task, outcome) in [
        (3, "chat", "ok"),
        (1, "chat", "failed"),
        (4, "extract", "failed"),
        (2, "extract", "ok"),
        (5, "chat", "failed"),
    ] {
        store.put(record(at, 0, task, outcome));
    }
    store.flush().await;
    let recent = async |limit, task, outcome| {
        let rows = store.recent(limit, task, outcome).await.unwrap();
        rows.iter()
            .map(|json| serde_json::from_str::<switchback_core::record::DecisionRecord>(json).unwrap().arrived_ms)
            .collect::<Vec<_>>()
    };
    assert_eq!(recent(10, None, None).await, [5, 4, 3, 2, 1]);
    assert_eq!(recent(2, None, None).await, [5, 4]);
    assert_eq!(recent(10, Some("chat"), None).await, [5, 3, 1]);
    assert_eq!(recent(10, None, Some("failed")).await, [5, 4, 1]);
    assert_eq!(recent(10, Some("chat"), Some("failed")).await, [5, 1]);
    assert!(recent(10, Some("chat' OR 1=1 --"), None).await.is_empty());
    let last: DecisionRecord = serde_json::from_str(&store.last().await.unwrap().unwrap()).unwrap();
    assert_eq!(last.arrived_ms, 5);
}

#[tokio::test]
async fn recent_never_answers_with_more_than_its_limit() {
    let store = in_memory();
    for at in 0..1_100 {
        store.put(record(at, 0, "chat", "ok"));
    }
    store.flush().await;
    assert_eq!(store.recent(usize::MAX, None, None).await.unwrap().len(), MOST_ROWS);
}

#[tokio::test]
async fn an_empty_store_answers() {
    let store = in_memory();
    store.flush().await;
    assert_eq!(store.last().await.unwrap(), None);
    assert_eq!(store.find("req_01").await.unwrap(), Found::None { oldest_ms: None });
    assert!(store.counts_since(0).await.unwrap().is_empty());
}

#[tokio::test]
async fn counts_begin_at_the_given_time() {
    let store = in_memory();
    for (at, outcome) in [(10, "ok"), (20, "ok"), (20, "failed"), (30, "ok")] {
        store.put(record(at, u128::from(outcome == "ok"), "chat", outcome));
    }
    store.flush().await;
    let chat = |outcome: &str, n| ("chat".to_owned(), outcome.to_owned(), n);
    assert_eq!(store.counts_since(20).await.unwrap(), [chat("failed", 1), chat("ok", 2)]);
    assert!(store.counts_since(u64::MAX).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_request_is_found_by_its_id_however_it_is_typed() {
    let store = in_memory();
    let at = 1_770_000_000_000;
    store.put(record(at, 5, "chat", "ok"));
    store.put(record(at + 99_000_000, 6, "chat", "failed"));
    store.flush().await;
    let full = id(at, 5);
    let bare = full.strip_prefix("req_").unwrap().to_owned();
    let short = bare[..8].to_owned();
    for typed in [full.clone(), bare.clone(), bare.to_ascii_lowercase(), format!("req_{short}"), format!(" {short}\n")]
    {
        let Found::One(json) = store.find(&typed).await.unwrap() else {
            panic!("{typed:?} was not found");
        };
        assert!(json.contains(&full));
    }
}

#[tokio::test]
async fn an_ambiguous_id_lists_candidates_newest_first() {
    let store = in_memory();
    for random in 0..20 {
        store.put(record(1_000, random, "chat", "ok"));
    }
    store.flush().await;
    let prefix = id(1_000, 0)[..20].to_owned();
    let Found::Many(ids) = store.find(&prefix).await.unwrap() else {
        panic!("the prefix is not unique");
    };
    let newest: Vec<_> = (0..20).rev().take(MOST_CANDIDATES).map(|it| id(1_000, it)).collect();
    assert_eq!(ids, newest);
}

#[tokio::test]
async fn a_request_that_is_not_there_says_how_far_back_records_go() {
    let store = in_memory();
    store.put(record(4_000, 0, "chat", "ok"));
    store.put(record(3_000, 0, "chat", "ok"));
    store.flush().await;
    for typed in ["ZZZZ", "%", "_", "req_' OR ''='", "\u{10FFFF}", "nicht-da-ü"] {
        assert_eq!(store.find(typed).await.unwrap(), Found::None { oldest_ms: Some(3_000) }, "{typed:?}");
    }
}

#[tokio::test]
async fn stores_in_memory_are_apart() {
    let (one, two) = (in_memory(), in_memory());
    one.put(record(1, 0, "chat", "ok"));
    one.flush().await;
    two.flush().await;
    assert_eq!(all(&one).await.len(), 1);
    assert!(all(&two).await.is_empty());
}
