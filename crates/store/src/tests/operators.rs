//! What operators do is kept, and is on the disk when they are told so.

use crate::connection::{Durability, number, transact};
use crate::tests::{in_memory, open, place, record, wreck};
use crate::{AuditEntry, Override, StoreError};

fn disable(route: &str, reason: &str) -> Override {
    Override {
        route: route.into(),
        kind: "disable".into(),
        until_ms: Some(99_000),
        reason: reason.into(),
        by: "mara".into(),
        since_ms: 1_000,
    }
}

fn entry(target: &str) -> AuditEntry {
    AuditEntry {
        at_ms: 1_000,
        by: "mara".into(),
        action: "routes disable".into(),
        target: target.into(),
        reason: "it answers in Klingon".into(),
        effect: Some("2 tasks move to rung 2".into()),
    }
}

#[tokio::test]
async fn an_override_survives_the_end_of_the_process_one_instant_later() {
    let (_folder, path) = place();
    let store = open(&path);
    let forever = Override { until_ms: None, ..disable("a", "broken") };
    store.set_override(&forever).unwrap();
    store.set_override(&disable("b", "slow")).unwrap();
    let number = store.audit(&entry("b")).unwrap();
    let (_other, copy) = wreck(&path);
    let survivor = open(&copy);
    assert_eq!(survivor.overrides().unwrap(), [forever, disable("b", "slow")]);
    let trail = survivor.audits(10).await.unwrap();
    assert_eq!(trail.len(), 1);
    assert_eq!((trail[0].number, &trail[0].entry), (number, &entry("b")));
}

#[test]
fn a_later_override_of_a_route_replaces_the_earlier() {
    let store = in_memory();
    store.set_override(&disable("a", "first")).unwrap();
    store.set_override(&disable("a", "second")).unwrap();
    assert_eq!(store.overrides().unwrap(), [disable("a", "second")]);
}

#[test]
fn clearing_says_whether_there_was_anything() {
    let store = in_memory();
    store.set_override(&disable("a", "first")).unwrap();
    assert!(!store.clear_override("a", "trip").unwrap());
    assert!(store.clear_override("a", "disable").unwrap());
    assert!(!store.clear_override("a", "disable").unwrap());
    assert!(store.overrides().unwrap().is_empty());
}

#[tokio::test]
async fn audit_numbers_grow_and_the_newest_comes_first() {
    let (_folder, path) = place();
    let store = open(&path);
    let first = store.audit(&entry("a")).unwrap();
    store.close().await;
    let store = open(&path);
    let second = store.audit(&entry("b")).unwrap();
    assert!(second > first);
    let targets: Vec<_> = store.audits(10).await.unwrap();
    assert_eq!(targets.iter().map(|it| &*it.entry.target).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(store.audits(1).await.unwrap().len(), 1);
}

#[test]
fn an_audited_entry_reads_as_one_object() {
    let store = in_memory();
    let number = store.audit(&entry("a")).unwrap();
    let audited = crate::Audited { number, entry: entry("a") };
    let json = serde_json::to_string(&audited).unwrap();
    assert!(json.starts_with(r#"{"number":1,"at_ms":1000,"by":"mara""#), "{json}");
}

#[tokio::test]
async fn changes_after_closing_are_refused() {
    let store = in_memory();
    let other = store.clone();
    store.close().await;
    assert!(matches!(other.set_override(&disable("a", "late")), Err(StoreError::Closed)));
}

#[tokio::test]
async fn changes_commit_with_a_sync_and_records_without() {
    const NORMAL: i64 = 1;
    const FULL: i64 = 2;
    let (_folder, path) = place();
    let store = open(&path);
    let level = |durability| {
        store.on_writer(move |conn| transact(conn, durability, |tx| number(tx, "PRAGMA synchronous"))).unwrap()
    };
    assert_eq!(level(Durability::Durable), FULL);
    assert_eq!(level(Durability::Batched), NORMAL);
    store.set_override(&disable("a", "slow")).unwrap();
    let after_change = store.on_writer(|conn| number(conn, "PRAGMA synchronous")).unwrap();
    assert_eq!(after_change, FULL);
    store.put(record(1, 0, "chat", "ok"));
    store.flush().await;
    let after_record = store.on_writer(|conn| number(conn, "PRAGMA synchronous")).unwrap();
    assert_eq!(after_record, NORMAL);
}

#[tokio::test]
async fn of_a_change_of_several_routes_all_is_kept_or_nothing() {
    let store = in_memory();
    store.change_overrides(vec![disable("c", "before")], Vec::new(), vec![entry("c")]).unwrap();
    let refuse = "CREATE TEMP TRIGGER refuse BEFORE INSERT ON audit WHEN NEW.target = 'b'
                  BEGIN SELECT RAISE(FAIL, 'not this one'); END";
    store.on_writer(|conn| conn.execute_batch(refuse)).unwrap();
    let both = || vec![disable("a", "bad"), disable("b", "bad")];
    let cleared = || vec![("c".to_owned(), "disable".to_owned())];
    let refused = store.change_overrides(both(), cleared(), vec![entry("a"), entry("b")]);
    assert!(refused.is_err());
    assert_eq!(store.overrides().unwrap(), [disable("c", "before")]);
    assert_eq!(store.audits(10).await.unwrap().len(), 1);
    store.on_writer(|conn| conn.execute_batch("DROP TRIGGER refuse")).unwrap();
    store.change_overrides(both(), cleared(), vec![entry("a"), entry("b")]).unwrap();
    assert_eq!(store.overrides().unwrap(), both());
    assert_eq!(store.audits(10).await.unwrap().len(), 3);
}
