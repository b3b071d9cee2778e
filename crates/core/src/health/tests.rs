//! Health scopes against what an operator would notice.

use super::*;
use crate::breaker::{BreakerRules, State};
use crate::route::{Deployment, Provider};
use FailureClass as C;

mod deployments;
mod limits;
mod reloads;

const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);
const A: RouteId = RouteId(0);
const B: RouteId = RouteId(1);

fn at(seconds: u32) -> Now {
    Now::ZERO + S * seconds
}

/// Routes a and b at one provider, c at another; so many keys each.
fn policy(n_keys: usize) -> Policy {
    let provider = |name: &str| Provider { name: name.into(), region: None, n_keys };
    let route = |name: &str, provider| Route {
        name: name.into(),
        deployments: vec![Deployment::plain(provider, &format!("p/{name}"))],
    };
    Policy {
        providers: vec![provider("one"), provider("two")],
        routes: vec![route("a", 0), route("b", 0), route("c", 1)],
        ..Policy::default()
    }
}

fn asking(now: Now) -> Asking<'static> {
    let fits = Deployments::ALL;
    Asking {
        bucket: Bucket::Short,
        fits,
        tried: &[],
        waited: false,
        covered: true,
        prompt_tokens: 10,
        ends: now + S * 10,
    }
}

fn f(class: FailureClass, status: u16) -> Failure {
    Failure { status: Some(status), ..Failure::new(class) }
}

fn admit(health: &Health, route: RouteId, now: Now) -> Admission {
    health.admit(route, &asking(now), now).expect("admitted")
}

fn settle(health: &Health, admission: Admission, failure: Option<&Failure>, now: Now) {
    let ended = Ended { failure, cut_by_deadline: false, took: 100 * MS, limits: Limits::default() };
    health.settle(admission, &ended, now, &mut Dice::seeded(1));
}

/// One call that ends at once; gives the key that was used.
fn call(health: &Health, route: RouteId, failure: Option<&Failure>, now: Now) -> usize {
    let admission = admit(health, route, now);
    settle(health, admission, failure, now);
    admission.key
}

/// What an operator sees of a route's only deployment.
fn view(health: &Health, route: RouteId, now: Now) -> Option<DeploymentView> {
    health.view(route, now)?.deployments.into_iter().next()
}

fn callable_in(health: &Health, route: RouteId, now: Now) -> Option<Duration> {
    health.callable_in(route, &asking(now), now)
}

fn obstacle(health: &Health, route: RouteId, now: Now) -> Option<Skip> {
    health.obstacle(route, &asking(now), now)
}

/// Seconds from each failure to the next admission, with a call that fails the same way whenever one is admitted.
fn waits(health: &Health, failure: &Failure, n: usize) -> Vec<u64> {
    let mut now = at(0);
    let mut waits = Vec::new();
    call(health, A, Some(failure), now);
    for _ in 0..n {
        let failed_at = now;
        while obstacle(health, A, now).is_some() {
            now = now + 100 * MS;
        }
        waits.push(now.since(failed_at).as_secs());
        call(health, A, Some(failure), now);
    }
    waits
}

#[test]
fn a_401_switches_the_credential_off_for_every_route_of_its_provider_and_for_no_other() {
    let health = Health::new(&policy(1));
    call(&health, A, Some(&f(C::Auth, 401)), at(0));
    let seen = [A, B, RouteId(2)].map(|it| obstacle(&health, it, at(1)));
    assert_eq!(seen, [Some(Skip::Auth), Some(Skip::Auth), None]);
    assert_eq!(view(&health, B, at(1)).map(|it| it.keys_off), Some(1));
}

#[test]
fn a_403_switches_the_key_off_for_this_model_only() {
    let health = Health::new(&policy(1));
    call(&health, A, Some(&f(C::Auth, 403)), at(0));
    assert_eq!([A, B].map(|it| obstacle(&health, it, at(1))), [Some(Skip::Auth), None]);
}

#[test]
fn an_empty_account_switches_its_credential_off_and_leaves_the_other_key_in_use() {
    let health = Health::new(&policy(2));
    let empty = call(&health, A, Some(&f(C::QuotaExhausted, 429)), at(0));
    for _ in 0..4 {
        assert_ne!(call(&health, B, None, at(1)), empty);
    }
    let other = call(&health, A, Some(&f(C::QuotaExhausted, 402)), at(2));
    assert_ne!(other, empty);
    assert_eq!(obstacle(&health, A, at(3)), Some(Skip::Quota));
}

#[test]
fn nothing_is_off_for_ever_a_refused_credential_is_probed_after_a_minute_doubling_to_an_hour() {
    let health = Health::new(&policy(1));
    assert_eq!(waits(&health, &f(C::Auth, 401), 8), [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
}

#[test]
fn a_model_that_is_gone_is_probed_after_a_minute_doubling_to_an_hour() {
    let health = Health::new(&policy(3));
    assert_eq!(waits(&health, &f(C::NotFound, 404), 8), [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
}

#[test]
fn a_probe_of_what_is_off_is_alone() {
    let health = Health::new(&policy(1));
    call(&health, A, Some(&f(C::NotFound, 404)), at(0));
    let probe = admit(&health, A, at(60));
    assert_eq!(obstacle(&health, A, at(60)), Some(Skip::Gone), "one probe at a time");
    settle(&health, probe, None, at(61));
    assert_eq!(health.obstacle(A, &asking(at(61)), at(61)), None, "the model is back");
}

#[test]
fn a_probe_that_never_ends_does_not_keep_a_credential_off() {
    let health = Health::new(&policy(1));
    call(&health, A, Some(&f(C::Auth, 401)), at(0));
    let _lost = admit(&health, A, at(60));
    assert_eq!(obstacle(&health, A, at(70)), Some(Skip::Auth));
    assert_eq!(obstacle(&health, A, at(71)), None, "its lease ended a second after the call");
}

#[test]
fn a_probe_that_says_nothing_about_the_credential_leaves_it_off_and_frees_the_probe() {
    let health = Health::new(&policy(1));
    call(&health, A, Some(&f(C::Auth, 401)), at(0));
    call(&health, A, Some(&f(C::Cancelled, 499)), at(60));
    assert_eq!(obstacle(&health, A, at(60)), None);
}

#[test]
fn rate_limits_without_a_reset_cool_a_key_ever_longer_up_to_a_minute() {
    let health = Health::new(&policy(1));
    assert_eq!(waits(&health, &f(C::RateLimited, 429), 8), [1, 2, 4, 8, 16, 32, 60, 60]);
}

#[test]
fn a_success_forgets_earlier_rate_limits() {
    let health = Health::new(&policy(1));
    call(&health, A, Some(&f(C::RateLimited, 429)), at(0));
    call(&health, A, Some(&f(C::RateLimited, 429)), at(1));
    call(&health, A, None, at(3));
    call(&health, A, Some(&f(C::RateLimited, 429)), at(4));
    assert_eq!(obstacle(&health, A, at(5)), None, "a second, as after the first");
}

#[test]
fn a_key_cools_for_the_model_that_was_limited_and_as_long_as_asked_but_never_more_than_a_day() {
    let health = Health::new(&policy(1));
    let asks = |wait| Failure { retry_after: Some(wait), ..f(C::RateLimited, 429) };
    call(&health, A, Some(&asks(S * 30)), at(0));
    assert_eq!([A, B].map(|it| obstacle(&health, it, at(29))), [Some(Skip::Cooling), None]);
    assert_eq!(callable_in(&health, A, at(10)), Some(S * 20));
    assert_eq!(obstacle(&health, A, at(30)), None);
    call(&health, A, Some(&asks(Duration::MAX)), at(100));
    assert_eq!(callable_in(&health, A, at(100)), Some(S * 86_400));
}

#[test]
fn keys_take_turns_and_a_limited_or_tried_one_is_passed() {
    let health = Health::new(&policy(3));
    let turns: Vec<usize> = (0..6).map(|n| call(&health, A, None, at(n))).collect();
    assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
    let limited = Failure { retry_after: Some(S * 60), ..f(C::RateLimited, 429) };
    assert_eq!(call(&health, A, Some(&limited), at(6)), 0);
    let turns: Vec<usize> = (7..11).map(|n| call(&health, A, None, at(n))).collect();
    assert_eq!(turns, [1, 2, 1, 2]);
    let tried = Asking { tried: &[(0, 1)], ..asking(at(11)) };
    assert_eq!(health.admit(A, &tried, at(11)).map(|it| it.key), Ok(2));
    let all = Asking { tried: &[(0, 1), (0, 2)], ..tried };
    assert_eq!(health.admit(A, &all, at(11)).map(|it| it.key), Err(Skip::Cooling));
}

#[test]
fn a_disabled_route_gets_nothing_probes_included_until_it_expires_or_is_enabled() {
    let health = Health::new(&policy(1));
    for _ in 0..5 {
        call(&health, A, Some(&f(C::ServerError, 500)), at(0));
    }
    health.disable(A, Deployments::ALL, Some(at(100)));
    assert_eq!(obstacle(&health, A, at(50)), Some(Skip::Disabled), "although a probe is due");
    assert_eq!(health.admit(A, &asking(at(50)), at(50)).map(|it| it.key), Err(Skip::Disabled));
    assert_eq!(callable_in(&health, A, at(40)), Some(S * 60));
    assert_eq!(obstacle(&health, A, at(100)), None, "expired");
    health.disable(A, Deployments::ALL, None);
    assert_eq!(callable_in(&health, A, at(9_999)), None, "only an operator can tell");
    assert_eq!(obstacle(&health, A, at(999_999)), Some(Skip::Disabled));
    health.enable(A, Deployments::ALL);
    assert_eq!(obstacle(&health, A, at(999_999)), None);
}

#[test]
fn enable_tries_at_once_what_was_switched_off() {
    let health = Health::new(&policy(1));
    call(&health, A, Some(&f(C::Auth, 401)), at(0));
    call(&health, RouteId(2), Some(&f(C::NotFound, 404)), at(0));
    for route in [A, RouteId(2)] {
        assert!(obstacle(&health, route, at(1)).is_some());
        health.enable(route, Deployments::ALL);
        assert_eq!(health.obstacle(route, &asking(at(1)), at(1)), None);
    }
}

#[test]
fn one_bad_workload_does_not_close_the_others() {
    let health = Health::new(&policy(1));
    for _ in 0..5 {
        call(&health, A, Some(&f(C::ServerError, 500)), at(0));
    }
    let long = Asking { bucket: Bucket::Long, ..asking(at(1)) };
    assert_eq!(obstacle(&health, A, at(1)), Some(Skip::BreakerOpen));
    assert_eq!(health.obstacle(A, &long, at(1)), None);
    let open_for = callable_in(&health, A, at(0)).expect("known");
    assert!((S * 4..=S * 6).contains(&open_for), "{open_for:?}");
    assert_eq!(health.callable_in(A, &long, at(0)), Some(Duration::ZERO));
    let buckets: Vec<Bucket> = view(&health, A, at(1)).expect("route").buckets.iter().map(|it| it.bucket).collect();
    assert_eq!(buckets, [Bucket::Short]);
}

#[test]
fn what_is_not_the_routes_fault_never_opens_its_breaker() {
    let innocent = [
        (C::InvalidRequest, None),
        (C::Cancelled, None),
        (C::Auth, None),
        (C::QuotaExhausted, None),
        (C::RateLimited, None),
        (C::NotFound, None),
        (C::PolicyBlocked, None),
        (C::ContextWindow, None),
        (C::Contract, Some(Detail::Schema)),
        (C::Truncated, None),
    ];
    for (class, detail) in innocent {
        let health = Health::new(&policy(1));
        call(&health, A, Some(&Failure { detail, ..Failure::new(class) }), at(0));
        let view = view(&health, A, at(0)).expect("route");
        assert!(view.buckets.iter().all(|it| it.failed == 0 && it.state == State::Closed), "{class} counts");
    }
    let health = Health::new(&policy(1));
    for _ in 0..5 {
        call(&health, A, Some(&Failure::new(C::Contract).with_detail(Detail::Malformed)), at(0));
    }
    assert_eq!(obstacle(&health, A, at(1)), Some(Skip::BreakerOpen), "a broken protocol is the route's fault");
}

#[test]
fn a_timeout_counts_unless_the_callers_own_deadline_was_the_shorter_one() {
    for (cut_by_deadline, skip) in [(true, None), (false, Some(Skip::BreakerOpen))] {
        let health = Health::new(&policy(1));
        for _ in 0..12 {
            let Ok(admission) = health.admit(A, &asking(at(0)), at(0)) else { break };
            let failure = Failure::new(C::Timeout);
            let ended = Ended { failure: Some(&failure), cut_by_deadline, took: S, limits: Limits::default() };
            health.settle(admission, &ended, at(0), &mut Dice::seeded(1));
        }
        assert_eq!(obstacle(&health, A, at(1)), skip);
    }
}

#[test]
fn a_route_that_is_not_of_this_policy_is_gone_not_a_panic() {
    let health = Health::new(&policy(1));
    assert_eq!(health.admit(RouteId(99), &asking(at(0)), at(0)).map(|it| it.key), Err(Skip::Gone));
    assert_eq!(health.view(RouteId(99), at(0)), None);
    assert_eq!(callable_in(&health, RouteId(99), at(0)), None);
}

#[test]
fn a_success_of_an_older_call_does_not_end_a_wait_that_the_provider_asked_for() {
    let health = Health::new(&policy(1));
    let older = admit(&health, A, at(0));
    call(&health, A, Some(&Failure { retry_after: Some(S * 60), ..f(C::RateLimited, 429) }), at(1));
    settle(&health, older, None, at(2));
    assert_eq!(obstacle(&health, A, at(3)), Some(Skip::Cooling));
}

#[test]
fn a_shorter_reset_does_not_shorten_a_longer_one() {
    let health = Health::new(&policy(1));
    let asks = |wait| Failure { retry_after: Some(wait), ..f(C::RateLimited, 429) };
    let both = [admit(&health, A, at(0)), admit(&health, A, at(0))];
    settle(&health, both[0], Some(&asks(S * 60)), at(1));
    settle(&health, both[1], Some(&asks(S)), at(1));
    assert_eq!(obstacle(&health, A, at(5)), Some(Skip::Cooling));
}

#[test]
fn a_request_that_waited_for_one_key_does_not_take_another_that_still_cools() {
    let health = Health::new(&policy(2));
    let asks = |wait| Failure { retry_after: Some(wait), ..f(C::RateLimited, 429) };
    let first = call(&health, A, Some(&asks(S * 60)), at(0));
    let second = call(&health, A, Some(&asks(S)), at(0));
    let waited = Asking { waited: true, tried: &[(0, second)], ..asking(at(1)) };
    assert_ne!(health.admit(A, &waited, at(1)).map(|it| it.key), Ok(first));
}

#[test]
fn calls_that_were_in_flight_when_a_credential_was_revoked_are_one_refusal() {
    let health = Health::new(&policy(1));
    let flying: Vec<Admission> = (0..10).map(|_| admit(&health, A, at(0))).collect();
    for admission in flying {
        settle(&health, admission, Some(&f(C::Auth, 401)), at(1));
    }
    assert_eq!(obstacle(&health, A, at(61)), None, "probed after a minute, not after an hour");
}

#[test]
fn ten_limited_calls_at_once_cool_a_key_for_a_second_not_for_a_minute() {
    let health = Health::new(&policy(1));
    let flying: Vec<Admission> = (0..10).map(|_| admit(&health, A, at(0))).collect();
    for admission in flying {
        settle(&health, admission, Some(&f(C::RateLimited, 429)), at(1));
    }
    assert_eq!(obstacle(&health, A, at(2)), None);
}

#[test]
fn a_success_from_before_the_switch_off_proves_nothing() {
    let health = Health::new(&policy(1));
    let older = admit(&health, A, at(0));
    call(&health, A, Some(&f(C::Auth, 401)), at(1));
    settle(&health, older, None, at(2));
    assert_eq!(obstacle(&health, A, at(3)), Some(Skip::Auth));
}

#[test]
fn an_older_call_does_not_return_the_running_probe() {
    let health = Health::new(&policy(1));
    let older = admit(&health, A, at(0));
    call(&health, A, Some(&f(C::Auth, 401)), at(1));
    let _probe = admit(&health, A, at(61));
    settle(&health, older, Some(&f(C::Cancelled, 499)), at(62));
    assert_eq!(obstacle(&health, A, at(62)), Some(Skip::Auth), "one probe at a time");
}

#[test]
fn a_403_for_an_empty_account_switches_the_whole_credential_off() {
    let health = Health::new(&policy(1));
    call(&health, A, Some(&f(C::QuotaExhausted, 403)), at(0));
    assert_eq!(obstacle(&health, B, at(1)), Some(Skip::Quota));
}

#[test]
fn a_request_that_waited_returns_to_its_own_key_and_not_to_one_that_cools_for_everybody() {
    let health = Health::new(&policy(2));
    let mine = call(&health, A, Some(&f(C::RateLimited, 429)), at(0));
    let others = call(&health, A, Some(&f(C::RateLimited, 429)), at(0));
    assert_ne!(mine, others);
    let waited = Asking { waited: true, tried: &[(0, mine)], ..asking(at(0)) };
    assert_eq!(health.admit(A, &waited, at(0)).map(|it| it.key), Ok(mine));
}
