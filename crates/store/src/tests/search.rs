//! Requests are found by what they met, page by page, and no look reads without end.

use switchback_core::record::{Attempt, DecisionRecord, Move};

use crate::search::{MOST_READ, Page};
use crate::tests::{id, in_memory, record};
use crate::{Store, Wanted};

fn attempt(route: &str, class: &str) -> Attempt {
    Attempt {
        rung: 1,
        route: route.into(),
        kind: "first".into(),
        class: Some(class.into()),
        status: Some(200),
        ms: Some(5),
        cost_usd: None,
        story: None,
    }
}

fn called(at: u64, outcome: &str, attempts: &[(&str, &str)]) -> DecisionRecord {
    let mut made = record(at, 0, "chat", outcome);
    made.object.attempts = attempts.iter().map(|(route, class)| attempt(route, class)).collect();
    made
}

fn arrivals(page: &Page) -> Vec<u64> {
    page.records.iter().map(|it| serde_json::from_str::<DecisionRecord>(it).unwrap().arrived_ms).collect()
}

async fn found(store: &Store, wanted: Wanted) -> Vec<u64> {
    let page = store.search(Wanted { limit: 100, ..wanted }).await.unwrap();
    assert_eq!(page.older, None);
    arrivals(&page)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

async fn sample() -> Store {
    let store = in_memory();
    let mut skipped = called(40, "recovered", &[("claude", "served")]);
    skipped.moves = vec![Move {
        from_rung: 1,
        to_rung: 2,
        from: "gpt".into(),
        to: "claude".into(),
        class: "breaker_open".into(),
        why: "breaker".into(),
        place: None,
    }];
    let mut keyed = called(50, "ok", &[("gpt \"five\"", "served")]);
    keyed.key = Some("mobile".into());
    for it in [
        called(10, "ok", &[("gpt", "served")]),
        called(20, "recovered", &[("gpt", "timeout"), ("gpt", "served")]),
        called(30, "failed", &[("gpt", "overloaded")]),
        skipped,
        keyed,
        record(60, 0, "extract", "ok"),
    ] {
        store.put(it);
    }
    store.flush().await;
    store
}

#[tokio::test]
async fn requests_are_found_by_what_they_met() {
    let store = sample().await;
    assert_eq!(found(&store, Wanted::default()).await, [60, 50, 40, 30, 20, 10]);
    assert_eq!(found(&store, Wanted { task: some("extract"), ..Wanted::default() }).await, [60]);
    assert_eq!(found(&store, Wanted { outcome: some("ok"), ..Wanted::default() }).await, [60, 50, 10]);
    assert_eq!(found(&store, Wanted { route: some("gpt"), ..Wanted::default() }).await, [30, 20, 10]);
    assert_eq!(found(&store, Wanted { route: some("gpt \"five\""), ..Wanted::default() }).await, [50]);
    assert_eq!(found(&store, Wanted { class: some("timeout"), ..Wanted::default() }).await, [20]);
    assert_eq!(found(&store, Wanted { key: some("mobile"), ..Wanted::default() }).await, [50]);
    assert_eq!(found(&store, Wanted { since_ms: Some(40), ..Wanted::default() }).await, [60, 50, 40]);
    assert_eq!(found(&store, Wanted { outcome: some("failed"), route: some("gpt"), ..Wanted::default() }).await, [30]);
    assert!(found(&store, Wanted { key: some("mobile' OR 1=1 --"), ..Wanted::default() }).await.is_empty());
}

#[tokio::test]
async fn a_skip_and_a_retry_are_moves_and_a_single_failed_attempt_is_none() {
    let store = sample().await;
    assert_eq!(found(&store, Wanted { moved: true, ..Wanted::default() }).await, [40, 20]);
    assert_eq!(found(&store, Wanted { moved: true, since_ms: Some(30), ..Wanted::default() }).await, [40]);
}

#[tokio::test]
async fn the_beginning_of_an_id_is_enough_and_the_other_filters_hold_with_it() {
    let store = sample().await;
    let typed = id(30, 0).to_ascii_lowercase();
    assert_eq!(found(&store, Wanted { id: Some(typed.clone()), ..Wanted::default() }).await, [30]);
    assert_eq!(found(&store, Wanted { id: Some(typed), outcome: some("ok"), ..Wanted::default() }).await, [0; 0]);
    assert_eq!(found(&store, Wanted { id: some("0"), outcome: some("ok"), ..Wanted::default() }).await, [60, 50, 10]);
}

#[tokio::test]
async fn pages_together_are_the_list_and_no_request_is_on_two() {
    let store = in_memory();
    for n in 0..97_u64 {
        // Many of the same millisecond: the cursor must tell them apart.
        let outcome = ["ok", "failed", "recovered"][usize::try_from(n % 3).unwrap()];
        let mut it = called(n / 20, outcome, &[("gpt", "timeout"), ("gpt", "served")]);
        it.object.request_id = id(n / 20, u128::from(n)).into();
        store.put(it);
    }
    store.flush().await;
    for filter in [
        Wanted::default(),
        Wanted { moved: true, ..Wanted::default() },
        Wanted { outcome: some("failed"), ..Wanted::default() },
        Wanted { id: some("0"), ..Wanted::default() },
    ] {
        let whole = store.search(Wanted { limit: 1_000, ..filter.clone() }).await.unwrap();
        assert_eq!(whole.older, None);
        let (mut together, mut before) = (Vec::new(), None);
        loop {
            let page = store.search(Wanted { limit: 7, before, ..filter.clone() }).await.unwrap();
            together.extend(page.records);
            before = page.older;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(together, whole.records, "{filter:?}");
    }
}

#[tokio::test]
async fn a_look_ends_at_its_bound_and_says_where_to_look_on() {
    let store = in_memory();
    store.put(called(1, "ok", &[("rare", "served")]));
    let n = u64::try_from(MOST_READ).unwrap();
    for at in 0..n {
        store.put(record(at + 10, 0, "chat", "ok"));
        if at % 4_000 == 0 {
            store.flush().await;
        }
    }
    store.flush().await;
    let rare = Wanted { route: some("rare"), limit: 10, ..Wanted::default() };
    let first = store.search(rare.clone()).await.unwrap();
    assert!(first.records.is_empty());
    assert_eq!(first.older, Some(id(10, 0)), "the last that was looked at");
    let second = store.search(Wanted { before: first.older, ..rare }).await.unwrap();
    assert_eq!((arrivals(&second), second.older), (vec![1], None));
}

#[tokio::test]
async fn a_cursor_that_is_gone_has_nothing_older() {
    let store = sample().await;
    let gone = Wanted { before: Some(id(99, 9)), limit: 10, ..Wanted::default() };
    assert_eq!(store.search(gone).await.unwrap(), Page::default());
}
