//! Routes with several deployments, and requests that only some of them may serve.

use super::*;
use crate::id::ProviderId;
use crate::limits::{self, Limits};
use crate::money::{PicoPerToken, Price, Rates};
use crate::record::Usage;

/// Route a in the United States at provider pa and in Europe at provider pb; route b at pc in Europe.
fn regions(ladder: Vec<Rung>) -> Arc<Policy> {
    policy(ladder, |it| {
        let here = |provider, call: &str, region: &str| Deployment {
            region: Some(region.into()),
            ..Deployment::plain(provider, call)
        };
        it.routes[0].deployments = vec![here(0, "pa/m", "us"), here(1, "pb/m", "eu-west")];
        it.routes[1].deployments = vec![here(2, "pc/m", "eu")];
    })
}

fn in_europe(policy: &Arc<Policy>) -> Arc<Policy> {
    let mut policy = Policy::clone(policy);
    policy.tasks[0].require.region = vec!["eu".into()];
    Arc::new(policy)
}

fn fresh(policy: &Arc<Policy>, ask: Ask, script: &[(&'static str, Vec<Failure>)]) -> Seen {
    walk(policy, &Health::new(policy), ask, script)
}

#[test]
fn a_call_never_leaves_the_region_that_is_required() {
    let policy = in_europe(&regions(vec![primary(1), safe()]));
    let health = Health::new(&policy);
    for _ in 0..3 {
        let seen = walk(&policy, &health, ask(), &[("a", vec![f(C::Overloaded)])]);
        assert_eq!(seen.regions, ["eu-west", "eu-west"]);
        assert_eq!(seen.object.region.as_deref(), Some("eu-west"));
        assert_eq!(seen.object.provider.as_deref(), Some("pb"));
    }
}

#[test]
fn a_retry_goes_to_another_deployment_first() {
    let policy = regions(vec![primary(1), safe()]);
    let seen = fresh(&policy, ask(), &[("a", vec![f(C::Overloaded)])]);
    assert_eq!(seen.regions, ["us", "eu-west"]);
    let limited = Failure { retry_after: Some(60_000 * MS), ..f(C::RateLimited) };
    let seen = fresh(&policy, ask(), &[("a", vec![limited])]);
    assert_eq!(seen.regions, ["us", "eu-west"]);
    assert_eq!(seen.took, 200 * MS, "without a wait");
    let seen = fresh(&policy, ask(), &[("a", vec![f(C::NotFound)])]);
    assert_eq!(seen.regions, ["us", "eu-west"], "the other one may have the model");
}

#[test]
fn what_nobody_may_serve_ends_as_no_compliant_route_and_was_never_the_first_rung() {
    let policy = regions(vec![primary(0), try_as(1, Role::Equivalent, 0)]);
    let tagged = Ask { tags: vec!["gdpr".into()], ..ask() };
    let seen = fresh(&policy, tagged, &[]);
    let ending = seen.ending.clone().expect("error");
    assert_eq!((ending.status, &*ending.code), (424, "no_compliant_route"));
    assert_eq!((seen.reason("a"), seen.reason("b")), ("residency", "residency"));
    let pinned = Ask { pinned: Some(ProviderId(2)), ..ask() };
    let seen = fresh(&policy, pinned, &[]);
    assert_eq!((seen.reason("a"), seen.calls.as_slice()), ("pinned", ["b"].as_slice()));
    assert_eq!((&*seen.object.outcome, seen.object.why.as_deref()), ("ok", None));
}

#[test]
fn the_reason_is_that_of_the_deployment_that_came_nearest() {
    // The one in Europe could serve it but for its window.
    let mut policy = Policy::clone(&in_europe(&regions(vec![primary(0), safe()])));
    policy.routes[0].deployments[1].context = Some(10);
    let policy = Arc::new(policy);
    let seen = fresh(&policy, ask(), &[]);
    assert_eq!(seen.reason("a"), "context_too_small");
    assert_eq!(&*seen.ending.expect("error").code, "context_length_exceeded");
}

#[test]
fn an_owner_outside_the_region_is_no_compliant_route() {
    let mut policy = Policy::clone(&in_europe(&regions(vec![primary(0), try_as(1, Role::Equivalent, 0), safe()])));
    policy.routes[0].deployments.pop();
    let policy = Arc::new(policy);
    let seen = fresh(&policy, Ask { pinned: Some(ProviderId(0)), ..ask() }, &[]);
    assert_eq!(&*seen.ending.expect("error").code, "no_compliant_route");
}

#[test]
fn a_rung_outside_the_region_does_not_hide_that_only_rate_limits_are_left() {
    let mut policy = Policy::clone(&in_europe(&regions(vec![primary(0), try_as(1, Role::Equivalent, 0), safe()])));
    policy.routes[0].deployments.pop();
    let policy = Arc::new(policy);
    let limited = Failure { retry_after: Some(30_000 * MS), ..f(C::RateLimited) };
    let seen = fresh(&policy, ask(), &[("b", vec![limited])]);
    let ending = seen.ending.clone().expect("error");
    assert_eq!((ending.status, &*ending.code), (429, "all_rungs_rate_limited"));
}

#[test]
fn when_to_come_back_is_when_a_deployment_that_fits_can_be_called() {
    let policy = in_europe(&regions(vec![primary(0), safe()]));
    let health = Health::new(&policy);
    let limited = |wait| Failure { retry_after: Some(wait), ..f(C::RateLimited) };
    let seen = walk(&policy, &health, ask(), &[("a", vec![limited(30_000 * MS)])]);
    assert_eq!(seen.ending.expect("error").retry_after, Some(30_000 * MS), "though the other one is free");
}

#[test]
fn a_rung_below_that_takes_nothing_technical_covers_no_probe() {
    let only_contract = Rung { when: ClassSet::EMPTY.with(C::Contract), ..ready() };
    let policy = policy(vec![primary(0), only_contract, safe()], |_| {});
    let health = Health::new(&policy);
    let dry = Limits {
        requests: Some(limits::Window { limit: None, left: 0, resets_in: Some(60_000 * MS) }),
        ..Limits::default()
    };
    let mut it = Walk::new(Arc::clone(&policy), TaskId(0), ask(), Dice::seeded(1)).expect("task");
    it.next(Now::ZERO, Observation::Begin, &health);
    it.next(Now::ZERO + MS, Observation::Sound(Facts { limits: dry, ..Facts::default() }), &health);
    assert_eq!(walk(&policy, &health, ask(), &[]).calls, ["a"], "nothing else could answer");
}

#[test]
fn limits_are_told_at_the_head_of_a_stream_and_not_once_more_at_its_end() {
    let policy = policy(vec![primary(0), ready()], |_| {});
    let health = Health::new(&policy);
    let window = limits::Window { limit: None, left: 0, resets_in: Some(6_000 * MS) };
    let facts = || Facts { limits: Limits { requests: Some(window), ..Limits::default() }, ..Facts::default() };
    let mut it = Walk::new(Arc::clone(&policy), TaskId(0), ask(), Dice::seeded(1)).expect("task");
    it.next(Now::ZERO, Observation::Begin, &health);
    it.next(Now::ZERO + MS, Observation::Committed(facts()), &health);
    assert_eq!(walk(&policy, &health, ask(), &[]).reason("a"), "cooling", "while the stream runs");
    it.next(Now::ZERO + 30_000 * MS, Observation::Finished(facts()), &health);
    let later = Now::ZERO + 30_001 * MS;
    let late = Ask { arrived: later, deadline: later + 60_000 * MS, ..ask() };
    assert_eq!(walk(&policy, &health, late, &[]).calls, ["a"], "that window was over long ago");
}

#[test]
fn another_name_of_the_task_is_the_why_where_nothing_moved() {
    let alias = || Ask { alias: true, ..ask() };
    assert_eq!(fresh(&usual(), alias(), &[]).object.why.as_deref(), Some("alias"));
    let seen = fresh(&usual(), alias(), &[("a", vec![f(C::Timeout)])]);
    assert_eq!(seen.object.why.as_deref(), Some("ladder"));
}

/// A walk at 1 and 10 dollars per million tokens whose calls end so; the cost of each and of all.
fn costs(ends: Vec<Observation>) -> (Vec<Option<f64>>, Option<f64>) {
    let rates = Rates {
        input: PicoPerToken(1_000_000),
        cached: None,
        cache_write: None,
        output: PicoPerToken(10_000_000),
        reasoning: None,
    };
    let policy = policy(vec![primary(0), try_as(1, Role::Equivalent, 0), safe()], |it| {
        it.routes.iter_mut().for_each(|route| route.deployments[0].price = Some(Price::flat(rates)));
    });
    let health = Health::new(&policy);
    let mut it = Walk::new(Arc::clone(&policy), TaskId(0), ask(), Dice::seeded(1)).expect("task");
    it.next(Now::ZERO, Observation::Begin, &health);
    for (n, seen) in (1..).zip(ends) {
        it.next(Now::ZERO + n * MS, seen, &health);
    }
    let object = it.object(&about());
    (object.attempts.iter().map(|it| it.cost_usd).collect(), object.cost_usd)
}

fn with_usage(status: u16) -> Facts {
    let usage = Usage { prompt: Some(1_000), completion: Some(100), ..Usage::default() };
    Facts { status: Some(status), usage: Some(usage), ..Facts::default() }
}

#[test]
fn all_attempts_are_charged_the_ones_that_failed_too() {
    let broken = Observation::Failed(f(C::Contract), with_usage(200));
    let (each, all) = costs(vec![broken, Observation::Sound(with_usage(200))]);
    assert_eq!((each, all), (vec![Some(0.002), Some(0.002)], Some(0.004)));
}

#[test]
fn what_a_provider_refused_or_never_got_costs_nothing() {
    let refused = Observation::Failed(f(C::Overloaded), Facts { status: Some(503), ..Facts::default() });
    let (each, all) = costs(vec![refused, Observation::Sound(with_usage(200))]);
    assert_eq!((each, all), (vec![Some(0.0), Some(0.002)], Some(0.002)));
    // The status may stand in the failure only.
    let refused = Observation::Failed(Failure { status: Some(429), ..f(C::RateLimited) }, Facts::default());
    assert_eq!(costs(vec![refused]).0[0], Some(0.0));
    let unsent = Observation::Failed(f(C::Transport).with_detail(Detail::Dns), Facts::default());
    assert_eq!(costs(vec![unsent]).0[0], Some(0.0));
}

#[test]
fn what_was_cut_after_it_was_sent_is_unknown_and_so_is_the_sum() {
    let cut = Observation::Failed(f(C::Timeout), Facts::default());
    let (each, all) = costs(vec![cut, Observation::Sound(with_usage(200))]);
    assert_eq!((each, all), (vec![None, Some(0.002)], None));
    // An error in a stream that began well: what it had said may have been charged.
    let in_band = Failure { status: Some(500), ..f(C::ServerError) };
    let in_band = Observation::Failed(in_band, Facts { status: Some(200), ..Facts::default() });
    assert_eq!(costs(vec![in_band]).0[0], None);
}

#[test]
fn a_count_beyond_all_measure_is_unknown_and_no_panic() {
    // Each of them still fits its number; their sum does not.
    let huge = Usage { prompt: Some(12_000_000_000_000_000), completion: Some(0), ..Usage::default() };
    let facts = || Facts { usage: Some(huge), ..Facts::default() };
    let (each, all) = costs(vec![Observation::Failed(f(C::Contract), facts()), Observation::Sound(facts())]);
    assert!(each.iter().all(Option::is_some));
    assert_eq!(all, None);
}
