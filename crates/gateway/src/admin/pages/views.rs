//! Fills the dashboard's views from what is: state, overrides, and what the records tell. Every number is measured here
//! or is shown as unknown.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use switchback_console::{
    About, AddedWait, BucketRow, Call, Cost, Frame, Minute, NowView, Outcomes, Override, Problem, Reload, RetryBudget,
    RouteCard, RouteState, TaskRow, Use,
};
use switchback_core::time::millis;
use switchback_store::{CALLER, MinuteCount};

use super::super::session::Visitor;
use super::super::{routes, status};
use super::Desk;
use super::lately::{MINUTE, MINUTES, Telling, Told};

/// Failures that are this far apart are of two troubles.
const APART: u64 = 5 * MINUTE;

/// What every page tells.
pub(super) fn frame(desk: &Desk, visitor: &Visitor) -> Frame {
    let shared = &desk.admin.shared;
    let now = shared.clock.now();
    Frame {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        config: shared.snapshot.load().hash.to_string(),
        revision: shared.revision.load(Ordering::Acquire),
        up_ms: millis(now.since_origin()),
        now_ms: shared.clock.unix_ms(now),
        simulated: desk.admin.simulated,
        draining: shared.draining.load(Ordering::Relaxed),
        overrides: overrides(desk),
        sign_out: visitor.session.and(visitor.form_token.clone()),
    }
}

fn overrides(desk: &Desk) -> Vec<Override> {
    let mut kept = desk.admin.shared.overrides.all();
    kept.sort_by_key(|it| it.since_ms);
    let shown = |it: switchback_store::Override| Override {
        route: it.route,
        kind: it.kind,
        by: it.by,
        reason: it.reason,
        since_ms: it.since_ms,
        until_ms: it.until_ms,
    };
    kept.into_iter().map(shown).collect()
}

/// Where applications call.
pub(super) fn endpoint(desk: &Desk) -> String {
    let mut listen = desk.admin.shared.snapshot.load().server.listen;
    if listen.ip().is_unspecified() {
        listen.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{listen}/v1")
}

/// The page Now.
pub(super) fn now(desk: &Desk, visitor: &Visitor, told: &Told) -> NowView {
    let admin = &desk.admin;
    let frame = frame(desk, visitor);
    let rows = routes::rows(&admin.shared);
    let reload = admin.reloader.as_ref().and_then(|it| it.last());
    let telling = told.as_ref().ok();
    let tasks = telling.map_or(&[][..], |it| &it.tasks);
    let found = status::problems(admin, tasks, &rows, reload.as_ref());
    let since = |it: &status::About| match it {
        status::About::Task(task) => failing_since(telling?, task),
        status::About::Configuration => reload.as_ref().map(|it| it.at_ms),
        status::About::Route(_) | status::About::Records => None,
    };
    let mut problems: Vec<Problem> = found
        .into_iter()
        .map(|it| Problem { since_ms: since(&it.about), text: it.text, about: about(it.about) })
        .collect();
    problems.sort_by_key(|it| match it.about {
        About::Task(_) => 0,
        About::Route(_) => 1,
        About::Gateway => 2,
    });
    NowView {
        tasks: told.as_ref().map(task_rows).map_err(String::clone),
        minutes: telling.map(minutes).unwrap_or_default(),
        problems,
        in_flight: admin.shared.in_flight.load(Ordering::Relaxed),
        last_reload: reload.map(|it| Reload { at_ms: it.at_ms, ok: it.ok, why: it.why }),
        records_dropped: admin.shared.store.dropped(),
        rejected: admin.shared.rejected.counts().map(|(reason, n)| (reason.to_owned(), n)).collect(),
        routes: cards(&rows, &frame.overrides),
        added: telling.and_then(|it| it.added).map(|it| AddedWait { p50_ms: it.p50_ms, p95_ms: it.p95_ms, n: it.n }),
        cost: telling.map(cost).unwrap_or_default(),
        moved: telling.map(|it| it.moved.clone()).unwrap_or_default(),
        endpoint: endpoint(desk),
        frame,
    }
}

fn about(it: status::About) -> About {
    match it {
        status::About::Task(name) => About::Task(name),
        status::About::Route(name) => About::Route(name),
        status::About::Configuration | status::About::Records => About::Gateway,
    }
}

/// The first failure of the trouble at hand; unknown where it is older than what is told.
fn failing_since(telling: &Telling, task: &str) -> Option<u64> {
    let failing = telling.minutes.iter().filter(|it| it.task == task && it.outcome == "failed");
    let mut newest_first = failing.rev().map(|it| it.first_ms);
    let mut since = newest_first.next()?;
    while let Some(at) = newest_first.next().filter(|at| since.saturating_sub(*at) <= APART) {
        since = at;
    }
    (since > telling.from_ms + APART).then_some(since)
}

fn task_rows(telling: &Telling) -> Vec<TaskRow> {
    let hour = |name: &str| {
        let mine = telling.minutes.iter().filter(|it| it.task == name);
        mine.fold(Outcomes::default(), |mut sum, it| {
            add(&mut sum, it);
            sum
        })
    };
    let row = |it: &status::TaskRow| TaskRow {
        task: it.task.clone(),
        about: it.about.clone(),
        last_5_min: outcomes(&it.last_5_min),
        last_hour: hour(&it.task),
        in_flight: None,
    };
    telling.tasks.iter().map(row).collect()
}

fn outcomes(counted: &BTreeMap<String, u64>) -> Outcomes {
    let n = |outcome: &str| counted.get(outcome).copied().unwrap_or(0);
    Outcomes {
        ok: n("ok"),
        recovered: n("recovered"),
        degraded: n("degraded"),
        refused: n("refused"),
        failed: n("failed"),
        caller: n(CALLER),
    }
}

fn add(sum: &mut Outcomes, it: &MinuteCount) {
    match &*it.outcome {
        "ok" => sum.ok += it.n,
        "recovered" => sum.recovered += it.n,
        "degraded" => sum.degraded += it.n,
        "refused" => sum.refused += it.n,
        CALLER => sum.caller += it.n,
        _ => sum.failed += it.n,
    }
}

fn minutes(telling: &Telling) -> Vec<Minute> {
    let start = |place: u64| telling.from_ms + place * MINUTE;
    let mut all: Vec<Minute> =
        (0..MINUTES).map(|it| Minute { start_ms: start(it), outcomes: Outcomes::default() }).collect();
    for it in &telling.minutes {
        let place = usize::try_from(it.start_ms.saturating_sub(telling.from_ms) / MINUTE).unwrap_or(usize::MAX);
        if let Some(minute) = all.get_mut(place) {
            add(&mut minute.outcomes, it);
        }
    }
    all
}

fn cost(telling: &Telling) -> Cost {
    let all = telling.minutes.iter();
    let (usd, n_known, n_unknown) = all.fold((0.0, 0, 0), |(usd, known, unknown), it| {
        (usd + it.cost_usd, known + it.n.saturating_sub(it.n_cost_unknown), unknown + it.n_cost_unknown)
    });
    Cost { usd: (n_known > 0).then_some(usd), n_unknown }
}

/// Every route, in the order of the configuration.
pub(super) fn cards(rows: &[routes::RouteRow], overrides: &[Override]) -> Vec<RouteCard> {
    rows.iter().map(|it| card(it, overrides)).collect()
}

fn card(row: &routes::RouteRow, overrides: &[Override]) -> RouteCard {
    let of = |name: &str| name == &*row.route || name.strip_prefix(&*row.route).is_some_and(|it| it.starts_with('='));
    let over = overrides.iter().find(|it| it.route == *row.route).or_else(|| overrides.iter().find(|it| of(&it.route)));
    let state = state(row.state);
    let by_hand = matches!(state, RouteState::Disabled | RouteState::Tripped);
    // Whole retries only: a part of one pays for none.
    let most = row.retry_budget.most;
    let left = (0..=most).rev().find(|n| f64::from(*n) <= row.retry_budget.left).unwrap_or(0);
    RouteCard {
        route: row.route.to_string(),
        state,
        since_ms: over.filter(|it| by_hand && it.route == *row.route).map(|it| it.since_ms),
        calls: row.deployments.iter().map(call).collect(),
        retry_budget: Some(RetryBudget { left: left.into(), of: most.into() }),
        over: over.cloned(),
        used_by: row.used_by.iter().filter_map(|it| used(it)).collect(),
    }
}

fn call(row: &routes::DeploymentRow) -> Call {
    let mut notes: Vec<String> = Vec::new();
    if row.order > 1 {
        notes.push(format!("order {}", row.order));
    }
    if row.weight > 1 {
        notes.push(format!("weight {}", row.weight));
    }
    notes.extend(row.tags.iter().map(ToString::to_string));
    if row.keys_dry > 0 {
        notes.push(format!("{} of {} keys have nothing left for now", row.keys_dry, row.keys));
    }
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    Call {
        call: row.call.to_string(),
        region: row.region.as_ref().map(ToString::to_string),
        notes,
        state: state(row.state),
        keys: count(row.keys),
        keys_cooling: count(row.keys_cooling),
        keys_off: count(row.keys_off),
        buckets: row.buckets.iter().map(bucket).collect(),
    }
}

fn bucket(row: &routes::BucketRow) -> BucketRow {
    BucketRow {
        bucket: row.bucket.to_owned(),
        state: state(row.state),
        calls: row.calls.into(),
        failed: row.failed.into(),
        median_ms: row.median_ms,
        next_probe_ms: row.next_probe_ms,
    }
}

fn state(named: &str) -> RouteState {
    match named {
        "disabled" => RouteState::Disabled,
        "gone" => RouteState::Gone,
        "tripped" => RouteState::Tripped,
        "open" => RouteState::Open,
        "half_open" => RouteState::HalfOpen,
        _ => RouteState::Closed,
    }
}

/// `task rung`, apart again.
fn used(text: &str) -> Option<Use> {
    let (task, rung) = text.rsplit_once(' ')?;
    Some(Use { task: task.to_owned(), rung: rung.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telling(failed: &[u64]) -> Telling {
        let minute = |at: &u64| MinuteCount {
            start_ms: at * MINUTE,
            task: "chat".into(),
            outcome: "failed".into(),
            first_ms: at * MINUTE + 7,
            n: 1,
            cost_usd: 0.5,
            n_cost_unknown: 1,
        };
        let minutes = failed.iter().map(minute).collect();
        Telling { from_ms: 100 * MINUTE, tasks: Vec::new(), minutes, added: None, moved: Vec::new() }
    }

    #[test]
    fn a_trouble_begins_with_its_first_failure_and_not_with_an_older_one() {
        let since = |failed: &[u64]| failing_since(&telling(failed), "chat").map(|it| it / MINUTE);
        assert_eq!(since(&[]), None);
        assert_eq!(since(&[120, 140, 144, 145]), Some(140));
        assert_eq!(since(&[101, 104, 107]), None, "it may have begun before the hour");
        assert_eq!(failing_since(&telling(&[140]), "another"), None);
    }

    #[test]
    fn a_cost_that_nobody_knows_is_unknown_and_not_nothing() {
        assert_eq!(cost(&telling(&[120])), Cost { usd: None, n_unknown: 1 });
        let mut some = telling(&[120, 121]);
        some.minutes[0].n = 3;
        assert_eq!(cost(&some), Cost { usd: Some(1.0), n_unknown: 2 });
    }

    #[test]
    fn every_minute_of_the_hour_is_there_and_each_count_in_its_own() {
        let all = minutes(&telling(&[100, 159]));
        assert_eq!(all.len(), 60);
        let failed: Vec<u64> = all.iter().map(|it| it.outcomes.failed).collect();
        assert_eq!((failed[0], failed[59], failed.iter().sum::<u64>()), (1, 1, 2));
    }
}
