//! Deadlines, timeouts and the state that outlives a walk.

use super::*;
use crate::health::Ended;
use crate::limits::Limits;
use crate::route::Bucket;

#[test]
fn the_walk_ends_inside_its_deadline() {
    let ladder = vec![primary(1), try_as(1, Role::Equivalent, 1), try_as(2, Role::Equivalent, 1), safe()];
    let policy = policy(ladder, |_| {});
    let slow = vec![f(C::Timeout); 3];
    let seen = run(&policy, &[("a", slow.clone()), ("b", slow.clone()), ("c", slow)]);
    assert_eq!(seen.calls, ["a", "b"]);
    assert_eq!(seen.reason("c"), "no_time");
    assert!(seen.took <= 60_000 * MS);
    assert_eq!(&*seen.ending.expect("error").code, "deadline");
}

#[test]
fn a_rung_that_cannot_finish_is_not_started_but_the_last_one_gets_what_is_left() {
    let policy = usual();
    let health = Health::new(&policy);
    let mut dice = Dice::seeded(1);
    let asking = Asking {
        bucket: Bucket::Short,
        fits: ALL,
        tried: &[],
        waited: false,
        covered: true,
        prompt_tokens: 10,
        ends: Now::ZERO + 20_000 * MS,
    };
    for route in [RouteId(0), RouteId(1)] {
        for _ in 0..5 {
            let admission = health.admit(route, &asking, Now::ZERO).expect("admitted");
            let ended = Ended { failure: None, cut_by_deadline: false, took: 10_000 * MS, limits: Limits::default() };
            health.settle(admission, &ended, Now::ZERO, &mut dice);
        }
    }
    let hasty = Ask { deadline: Now::ZERO + 5_000 * MS, ..ask() };
    let seen = walk(&policy, &health, hasty, &[]);
    assert_eq!((seen.calls.as_slice(), seen.reason("a")), (["b"].as_slice(), "no_time"));
    assert_eq!(seen.object.why.as_deref(), Some("deadline"));
}

#[test]
fn a_first_token_timeout_counts_also_where_the_timeout_is_longer_than_the_deadline() {
    let mut rung = primary(0);
    if let RungKind::Try(it) = &mut rung.kind {
        it.timeout = 120_000 * MS;
        it.first_token = Some(1_000 * MS);
    }
    let policy = policy(vec![rung, safe()], |_| {});
    let health = Health::new(&policy);
    for _ in 0..5 {
        let mut it = Walk::new(Arc::clone(&policy), TaskId(0), ask(), Dice::seeded(1)).expect("task");
        let Step::Call(call) = it.next(Now::ZERO, Observation::Begin, &health) else { panic!("no call") };
        let silent = f(C::Timeout).with_detail(Detail::FirstToken);
        it.next(call.first_token, Observation::Failed(silent, Facts::default()), &health);
    }
    assert_eq!(walk(&policy, &health, ask(), &[]).reason("a"), "breaker_open");
}

#[test]
fn a_retry_whose_timer_fires_late_does_not_call_a_route_after_its_time() {
    let policy = policy(vec![primary(1), safe()], |_| {});
    let health = Health::new(&policy);
    let hasty = Ask { deadline: Now::ZERO + 1_000 * MS, ..ask() };
    let mut it = Walk::new(Arc::clone(&policy), TaskId(0), hasty, Dice::seeded(1)).expect("task");
    it.next(Now::ZERO, Observation::Begin, &health);
    let failed = Observation::Failed(f(C::ServerError), Facts::default());
    assert!(matches!(it.next(Now::ZERO + 300 * MS, failed, &health), Step::Wait { .. }));
    assert!(matches!(it.next(Now::ZERO + 985 * MS, Observation::Elapsed, &health), Step::End(_)));
}

#[test]
fn a_hang_counts_against_the_route_when_our_own_deadline_cuts_it_and_not_when_the_clients_does() {
    let hangs = |clients| {
        let policy = policy(vec![primary(0), safe()], |_| {});
        let health = Health::new(&policy);
        for _ in 0..6 {
            let ask = Ask { deadline: Now::ZERO + 500 * MS, deadline_is_clients: clients, ..ask() };
            walk(&policy, &health, ask, &[("a", vec![f(C::Timeout)])]);
        }
        walk(&policy, &health, ask(), &[]).calls.is_empty()
    };
    assert!(hangs(false), "its breaker is open");
    assert!(!hangs(true));
}

#[test]
fn a_dead_route_is_skipped_once_its_breaker_is_open_and_the_caller_is_told_when_to_come_back() {
    let policy = policy(vec![primary(0), safe()], |_| {});
    let health = Health::new(&policy);
    for _ in 0..5 {
        walk(&policy, &health, ask(), &[("a", vec![f(C::Transport)])]);
    }
    let seen = walk(&policy, &health, ask(), &[]);
    assert!(seen.calls.is_empty());
    assert_eq!(seen.reason("a"), "breaker_open");
    assert!(seen.object.retry_after_ms.is_some_and(|it| it > 0 && it <= 6_000));
    let later = Now::ZERO + 10_000 * MS;
    let seen = walk(&policy, &health, Ask { arrived: later, deadline: later + 60_000 * MS, ..ask() }, &[]);
    assert_eq!(seen.calls, ["a"]);
    assert_eq!(&*seen.object.attempts[0].kind, "probe");
}

#[test]
fn a_refused_credential_is_off_until_a_probe_and_enable_tries_at_once() {
    let policy = usual();
    let health = Health::new(&policy);
    let refused = Failure { status: Some(401), ..f(C::Auth) };
    assert_eq!(walk(&policy, &health, ask(), &[("a", vec![refused.clone()])]).calls, ["a", "b"]);
    let seen = walk(&policy, &health, ask(), &[]);
    assert_eq!((seen.calls.as_slice(), seen.reason("a")), (["b"].as_slice(), "auth"));
    let later = Now::ZERO + 61_000 * MS;
    let late = || Ask { arrived: later, deadline: later + 60_000 * MS, ..ask() };
    assert_eq!(walk(&policy, &health, late(), &[("a", vec![refused])]).calls, ["a", "b"]);
    assert_eq!(walk(&policy, &health, late(), &[]).calls, ["b"], "probed and still refused");
    health.enable(RouteId(0), ALL);
    assert_eq!(walk(&policy, &health, late(), &[]).calls, ["a"]);
}

#[test]
fn a_caller_who_leaves_costs_the_route_nothing() {
    let policy = usual();
    let health = Health::new(&policy);
    for _ in 0..20 {
        let mut walk = Walk::new(Arc::clone(&policy), TaskId(0), ask(), Dice::seeded(1)).expect("task");
        walk.next(Now::ZERO, Observation::Begin, &health);
        walk.next(Now::ZERO + MS, Observation::Gone, &health);
        assert_eq!(walk.outcome(), Outcome::Failed);
        assert!(walk.is_over());
    }
    let view = health.view(RouteId(0), Now::ZERO + MS).expect("route");
    assert!(view.deployments[0].buckets.is_empty());
}
