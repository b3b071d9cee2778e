//! The list of requests under a filter that stands in the address.

use std::collections::BTreeSet;
use std::time::Duration;

use switchback_console::{Choices, Filter, Listed, RequestsView};
use switchback_core::time::Now;
use switchback_store::{StoreError, Wanted};
use tokio::sync::Mutex;

use super::super::session::Visitor;
use super::Desk;
use super::lately::records;
use super::views;

/// Requests of one page.
const MOST: usize = 50;

/// How old an answer may be that followers share.
const FRESH: Duration = Duration::from_millis(900);
/// The same as a multiple of the time that it took: all that is followed together never keeps the reading thread busy by
/// more than a tenth. A filter that nothing matches reads thousands of records each time.
const FRESH_TIMES: u32 = 10;
/// Answers that are kept: as many as there can be followers.
const MOST_KEPT: usize = 64;

/// What was found under the filters that are followed.
#[derive(Debug, Default)]
pub(super) struct Lists(Mutex<Vec<Answer>>);

#[derive(Debug)]
struct Answer {
    filter: Filter,
    listed: Listed,
    at: Now,
    /// How long the store took.
    took: Duration,
}

// === impl Lists ===

impl Lists {
    /// What is found under a filter now, or was a moment ago for another follower.
    async fn told(&self, filter: &Filter, now: impl Fn() -> Now, look: impl Future<Output = Listed>) -> Listed {
        let mut kept = self.0.lock().await;
        let began = now();
        let share = FRESH_TIMES.saturating_mul(u32::try_from(kept.len().max(1)).unwrap_or(u32::MAX));
        kept.retain(|it| began.since(it.at) < FRESH.max(it.took.saturating_mul(share)));
        if let Some(answer) = kept.iter().find(|it| it.filter == *filter) {
            return answer.listed.clone();
        }
        let listed = look.await;
        if kept.len() >= MOST_KEPT {
            kept.remove(0);
        }
        let at = now();
        kept.push(Answer { filter: filter.clone(), listed: listed.clone(), at, took: at.since(began) });
        listed
    }
}

/// The page under this filter, for one of those that follow it.
pub(super) async fn followed(desk: &Desk, visitor: &Visitor, filter: Filter) -> RequestsView {
    let now = || desk.admin.shared.clock.now();
    let listed = desk.lists.told(&filter, now, listed(desk, &filter)).await;
    RequestsView { frame: views::frame(desk, visitor), filter, choices: choices(desk), listed }
}

async fn listed(desk: &Desk, filter: &Filter) -> Listed {
    match wanted(desk, filter) {
        Err(why) => Listed::NotUnderstood { why },
        Ok(wanted) => {
            let is_all = wanted == all();
            look(desk, wanted, is_all).await.unwrap_or_else(|it| Listed::Unavailable { why: it.to_string() })
        }
    }
}

/// The page under this filter.
pub(super) async fn view(desk: &Desk, visitor: &Visitor, filter: Filter) -> RequestsView {
    let listed = listed(desk, &filter).await;
    RequestsView { frame: views::frame(desk, visitor), filter, choices: choices(desk), listed }
}

/// The page for an address whose filter is none.
pub(super) fn not_understood(desk: &Desk, visitor: &Visitor, why: String) -> RequestsView {
    let frame = views::frame(desk, visitor);
    RequestsView { frame, filter: Filter::default(), choices: choices(desk), listed: Listed::NotUnderstood { why } }
}

fn all() -> Wanted {
    Wanted { limit: MOST, ..Wanted::default() }
}

async fn look(desk: &Desk, wanted: Wanted, is_all: bool) -> Result<Listed, StoreError> {
    let store = &desk.admin.shared.store;
    // What was answered a moment ago may still wait to be written.
    store.flush().await;
    let page = store.search(wanted).await?;
    if !page.records.is_empty() || page.older.is_some() {
        return Ok(Listed::Rows { records: records(&page.records), older: page.older });
    }
    if is_all || store.last().await?.is_none() {
        return Ok(Listed::NoneYet { endpoint: views::endpoint(desk) });
    }
    Ok(Listed::NoneMatch { without: None })
}

/// What is asked for; an error in words where that cannot be understood.
fn wanted(desk: &Desk, filter: &Filter) -> Result<Wanted, String> {
    let given = |it: &Option<String>| it.as_deref().map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
    let outcome = given(&filter.outcome);
    let moved = outcome.as_deref() == Some("moved");
    let clock = &desk.admin.shared.clock;
    let since_ms = match given(&filter.since) {
        None => None,
        Some(span) => {
            let span = switchback_config::duration(&span).map_err(|it| format!("“Arrived within” is a time: {it}"))?;
            let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            Some(clock.unix_ms(clock.now()).saturating_sub(span))
        }
    };
    Ok(Wanted {
        task: given(&filter.task),
        outcome: outcome.filter(|_| !moved),
        moved,
        route: given(&filter.route),
        class: given(&filter.class),
        key: given(&filter.key),
        since_ms,
        id: given(&filter.id),
        before: given(&filter.before),
        limit: MOST,
    })
}

fn choices(desk: &Desk) -> Choices {
    let snapshot = desk.admin.shared.snapshot.load();
    let policy = &snapshot.policy;
    // One name may stand for several ladders.
    let mut named = BTreeSet::new();
    Choices {
        tasks: policy
            .tasks
            .iter()
            .filter(|it| !it.direct && named.insert(&it.name))
            .map(|it| it.name.to_string())
            .collect(),
        routes: policy.routes.iter().map(|it| it.name.to_string()).collect(),
        keys: snapshot.keys.names(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn followers_of_one_filter_share_a_look_and_a_long_one_is_not_taken_again_soon() {
        let (lists, clock, n_looks) = (Lists::default(), Cell::new(0_u64), Cell::new(0));
        let now = || Now::ZERO + Duration::from_millis(clock.get());
        let follow = async |task: &str, takes: u64| {
            let filter = Filter { task: Some(task.to_owned()), ..Filter::default() };
            let look = async {
                n_looks.set(n_looks.get() + 1);
                clock.set(clock.get() + takes);
                Listed::NoneMatch { without: None }
            };
            lists.told(&filter, now, look).await
        };
        for _ in 0..64 {
            assert_eq!(follow("nobody", 200).await, Listed::NoneMatch { without: None });
        }
        assert_eq!(n_looks.get(), 1);
        clock.set(2_100);
        follow("nobody", 200).await;
        assert_eq!(n_looks.get(), 1, "looking would keep the reader busy");
        clock.set(2_200);
        follow("nobody", 200).await;
        assert_eq!(n_looks.get(), 2);
        follow("another", 1).await;
        assert_eq!(n_looks.get(), 3, "another filter is another question");
        clock.set(4_000);
        follow("another", 1).await;
        assert_eq!(n_looks.get(), 4, "a short one is asked again at once");
    }
}
