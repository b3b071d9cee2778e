//! The list of requests under a filter that stands in the address.

use switchback_console::{Choices, Filter, Listed, RequestsView};
use switchback_store::{StoreError, Wanted};

use super::super::session::Visitor;
use super::Desk;
use super::lately::records;
use super::views;

/// Requests of one page.
const MOST: usize = 50;

/// The page under this filter.
pub(super) async fn view(desk: &Desk, visitor: &Visitor, filter: Filter) -> RequestsView {
    let listed = match wanted(desk, &filter) {
        Err(why) => Listed::NotUnderstood { why },
        Ok(wanted) => {
            let is_all = wanted == all();
            look(desk, wanted, is_all).await.unwrap_or_else(|it| Listed::Unavailable { why: it.to_string() })
        }
    };
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
    Choices {
        tasks: policy.tasks.iter().filter(|it| !it.direct).map(|it| it.name.to_string()).collect(),
        routes: policy.routes.iter().map(|it| it.name.to_string()).collect(),
        keys: snapshot.keys.names(),
    }
}
