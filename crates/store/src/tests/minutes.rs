//! Counts by minute are those of the records, whatever is put in which order, and reach back over an upgrade.

use rusqlite::Connection;

use crate::tests::{in_memory, open, place, record};
use crate::{Added, MinuteCount};

const MINUTE: u64 = 60_000;

fn costing(at: u64, random: u128, cost_usd: Option<f64>) -> switchback_core::record::DecisionRecord {
    let mut it = record(at, random, "chat", "ok");
    it.object.cost_usd = cost_usd;
    it
}

fn counted(first_ms: u64, outcome: &str, n: u64, cost_usd: f64, n_cost_unknown: u64) -> MinuteCount {
    let start_ms = first_ms - first_ms % MINUTE;
    MinuteCount { start_ms, task: "chat".into(), outcome: outcome.into(), first_ms, n, cost_usd, n_cost_unknown }
}

#[tokio::test]
async fn minutes_hold_what_the_records_hold() {
    let store = in_memory();
    store.put(costing(MINUTE + 9, 0, Some(0.25)));
    store.put(costing(2 * MINUTE - 1, 0, None));
    store.put(record(2 * MINUTE, 0, "chat", "failed"));
    store.flush().await;
    store.put(costing(MINUTE + 5, 0, Some(0.5)));
    // A second record of the same request is not kept, and not counted.
    store.put(costing(MINUTE + 9, 0, Some(9.0)));
    store.flush().await;
    let all = [counted(MINUTE + 5, "ok", 3, 0.75, 1), counted(2 * MINUTE, "failed", 1, 0.0, 1)];
    assert_eq!(store.minutes_since(0).await.unwrap(), all);
    assert_eq!(store.minutes_since(2 * MINUTE + 7).await.unwrap(), all[1..]);
}

#[tokio::test]
async fn minutes_are_kept_for_a_day() {
    let store = in_memory();
    let day = 24 * 60 * MINUTE;
    store.put(record(0, 0, "chat", "ok"));
    store.put(record(MINUTE, 0, "chat", "ok"));
    store.put(record(day + MINUTE, 0, "chat", "ok"));
    store.flush().await;
    let starts: Vec<u64> = store.minutes_since(0).await.unwrap().iter().map(|it| it.start_ms).collect();
    assert_eq!(starts, [MINUTE, day + MINUTE]);
}

#[tokio::test]
async fn the_last_hour_of_an_older_file_is_counted_when_it_is_opened() {
    let (_folder, path) = place();
    let now = u64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis());
    let recent = now.unwrap() - 10 * MINUTE;
    let store = open(&path);
    store.put(costing(recent, 1, Some(0.5)));
    store.put(costing(recent, 2, None));
    store.put(costing(recent - 3 * 60 * MINUTE, 3, Some(0.5)));
    store.close().await;
    let before = Connection::open(&path).unwrap();
    before.execute_batch("DROP TABLE minutes; PRAGMA user_version = 1").unwrap();
    drop(before);
    assert_eq!(open(&path).minutes_since(0).await.unwrap(), [counted(recent, "ok", 2, 0.5, 1)]);
}

#[tokio::test]
async fn added_waits_are_told_of_answers_only_and_not_of_a_handful() {
    let store = in_memory();
    for n in 1..=4_u64 {
        let mut it = record(n, 0, "chat", "ok");
        it.object.added_ms = Some(n);
        store.put(it);
        store.put(record(n, 1, "chat", "failed"));
    }
    store.flush().await;
    assert_eq!(store.added_since(0).await.unwrap(), None);
    for n in 5..=100_u64 {
        let mut it = record(n, 0, "chat", "ok");
        it.object.added_ms = Some(n);
        store.put(it);
    }
    store.flush().await;
    assert_eq!(store.added_since(0).await.unwrap(), Some(Added { p50_ms: 50, p95_ms: 95, n: 100 }));
    assert_eq!(store.added_since(96).await.unwrap(), Some(Added { p50_ms: 98, p95_ms: 100, n: 5 }));
    assert_eq!(store.added_since(101).await.unwrap(), None);
}

#[tokio::test]
async fn what_fails_by_the_callers_own_doing_is_counted_apart() {
    use switchback_core::record::{Attempt, RecordedError};

    let store = in_memory();
    let failed = |random: u128, code: &str, class: Option<&str>| {
        let mut it = record(MINUTE, random, "chat", "failed");
        it.error = Some(RecordedError { status: 400, code: code.into(), message: "m".into() });
        let attempt = |class: &str| Attempt {
            rung: 1,
            route: "a".into(),
            kind: "first".into(),
            class: Some(class.into()),
            status: None,
            ms: None,
            cost_usd: None,
            story: None,
        };
        it.object.attempts = class.map(attempt).into_iter().collect();
        it
    };
    store.put(failed(1, "cancelled", None));
    store.put(failed(2, "unknown_parameter", Some("invalid_request")));
    store.put(failed(3, "all_rungs_failed", Some("server_error")));
    store.put(record(MINUTE, 4, "chat", "ok"));
    store.flush().await;
    let minutes = store.minutes_since(0).await.unwrap();
    let minutes: Vec<(&str, u64)> = minutes.iter().map(|it| (&*it.outcome, it.n)).collect();
    assert_eq!(minutes, [("caller", 2), ("failed", 1), ("ok", 1)]);
    let counts = store.counts_since(0).await.unwrap();
    let counts: Vec<(&str, u64)> = counts.iter().map(|(_, outcome, n)| (&**outcome, *n)).collect();
    assert_eq!(counts, minutes);
}
