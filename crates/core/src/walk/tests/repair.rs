//! Showing a model its broken answer, and what retries and repairs may cost a route.

use super::*;

/// Broke its schema; the answer is at hand.
fn mendable() -> Failure {
    Failure { repairable: true, ..f(C::Contract).with_detail(Detail::Schema) }
}

fn kinds(seen: &Seen) -> Vec<&str> {
    seen.object.attempts.iter().map(|it| &*it.kind).collect()
}

/// The budget of route a is spent.
fn spent(policy: &Policy) -> Health {
    let health = Health::new(policy);
    while health.pay_retry(RouteId(0), Now::ZERO) {}
    health
}

#[test]
fn a_broken_answer_is_shown_to_the_model_once_and_a_mended_one_is_recovered() {
    let seen = run(&usual(), &[("a", vec![mendable()])]);
    assert_eq!((seen.calls.as_slice(), kinds(&seen)), (["a", "a"].as_slice(), vec!["first", "repair"]));
    assert_eq!((&*seen.object.outcome, seen.object.why.as_deref()), ("recovered", None));
    assert_eq!(seen.took, 200 * MS, "without a wait");
    let seen = run(&usual(), &[("a", vec![mendable(); 3])]);
    assert_eq!(kinds(&seen), ["first", "repair", "retry", "first"]);
    assert_eq!(seen.object.served_by.as_deref(), Some("b"));
}

#[test]
fn what_a_repair_did_not_mend_goes_to_a_stronger_model_at_once() {
    let ladder = vec![primary(2), try_as(1, Role::Equivalent, 1), try_as(2, Role::Stronger, 1), safe()];
    let seen = run(&policy(ladder, |_| {}), &[("a", vec![mendable(); 4])]);
    assert_eq!((seen.calls.as_slice(), kinds(&seen)), (["a", "a", "c"].as_slice(), vec!["first", "repair", "first"]));
}

#[test]
fn tries_are_of_the_walk_and_zero_turns_repair_off() {
    let ladder = || vec![primary(0), try_as(1, Role::Equivalent, 0), safe()];
    let tries = |tries| policy(ladder(), |it| it.tasks[0].repair.tries = tries);
    let broken = [("a", vec![mendable(); 4]), ("b", vec![mendable(); 4])];
    assert_eq!(kinds(&run(&tries(0), &broken)), ["first", "first"]);
    assert_eq!(kinds(&run(&tries(1), &broken)), ["first", "repair", "first"]);
    assert_eq!(kinds(&run(&tries(2), &broken)), ["first", "repair", "repair", "first"]);
}

#[test]
fn what_cannot_be_told_in_words_is_not_repaired() {
    let seen = run(&usual(), &[("a", vec![f(C::Contract).with_detail(Detail::Malformed)])]);
    assert_eq!(kinds(&seen), ["first", "retry"]);
}

#[test]
fn a_repair_never_starves_the_rungs_below() {
    let ladder = vec![primary(0), try_as(1, Role::Equivalent, 0), safe()];
    let tight = policy(ladder, |it| it.tasks[0].max_attempts = 2);
    let seen = run(&tight, &[("a", vec![mendable()])]);
    assert_eq!((seen.calls.as_slice(), kinds(&seen)), (["a", "b"].as_slice(), vec!["first", "first"]));
}

#[test]
fn a_repair_has_a_clock_of_its_own_where_the_task_gives_it_one() {
    let policy = policy(vec![primary(0), safe()], |it| it.tasks[0].repair.timeout = Some(3_000 * MS));
    let health = Health::new(&policy);
    let mut it = Walk::new(Arc::clone(&policy), TaskId(0), ask(), Dice::seeded(1)).expect("task");
    it.next(Now::ZERO, Observation::Begin, &health);
    let now = Now::ZERO + 100 * MS;
    match it.next(now, Observation::Failed(mendable(), Facts::default()), &health) {
        Step::Call(call) => assert_eq!((call.repair, call.ends), (true, now + 3_000 * MS)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_budget_turns_retries_and_repairs_into_moves() {
    for failure in [f(C::ServerError), mendable(), Failure { retry_after: Some(MS), ..f(C::RateLimited) }] {
        let policy = usual();
        let seen = walk(&policy, &spent(&policy), ask(), &[("a", vec![failure])]);
        assert_eq!((seen.calls.as_slice(), seen.took), (["a", "b"].as_slice(), 200 * MS), "at once");
    }
}

#[test]
fn another_key_and_a_dropped_field_cost_the_budget_nothing() {
    let policy = policy(vec![primary(1), safe()], |it| it.providers[0].n_keys = 2);
    let limited = Failure { retry_after: Some(60_000 * MS), ..f(C::RateLimited) };
    let seen = walk(&policy, &spent(&policy), ask(), &[("a", vec![limited])]);
    assert_eq!((seen.calls.as_slice(), &*seen.object.outcome), (["a", "a"].as_slice(), "recovered"));
    let cannot = Failure { hint: Some("seed"), ..f(C::Capability) };
    let seen = walk(&policy, &spent(&policy), ask(), &[("a", vec![cannot])]);
    assert_eq!(seen.calls, ["a", "a"]);
}

#[test]
fn of_requests_that_fail_together_only_those_that_the_budget_pays_wait() {
    let policy = usual();
    let health = Health::new(&policy);
    while health.view(RouteId(0), Now::ZERO).expect("route").retry_budget > 1.5 {
        health.pay_retry(RouteId(0), Now::ZERO);
    }
    let steps = (0..5).map(|n| {
        let mut it = Walk::new(Arc::clone(&policy), TaskId(0), ask(), Dice::seeded(n)).expect("task");
        it.next(Now::ZERO, Observation::Begin, &health);
        it.next(Now::ZERO + MS, Observation::Failed(f(C::Overloaded), Facts::default()), &health)
    });
    let steps: Vec<Step> = steps.collect();
    let n_waits = steps.iter().filter(|it| matches!(it, Step::Wait { .. })).count();
    assert_eq!(n_waits, 1, "nobody waits for a retry that nobody pays: {steps:?}");
}

#[test]
fn a_retry_that_was_paid_and_not_made_is_given_back() {
    let policy = policy(vec![primary(1), safe()], |_| {});
    for hangs_up in [false, true] {
        let health = Health::new(&policy);
        let mut it = Walk::new(Arc::clone(&policy), TaskId(0), ask(), Dice::seeded(1)).expect("task");
        it.next(Now::ZERO, Observation::Begin, &health);
        let step = it.next(Now::ZERO + MS, Observation::Failed(f(C::Overloaded), Facts::default()), &health);
        assert!(matches!(step, Step::Wait { .. }));
        health.disable(RouteId(0), ALL, None);
        let then = if hangs_up { Observation::Gone } else { Observation::Elapsed };
        assert!(matches!(it.next(Now::ZERO + 2_000 * MS, then, &health), Step::End(_)));
        let left = health.view(RouteId(0), Now::ZERO + 2_000 * MS).expect("route").retry_budget;
        assert!((left - 10.0).abs() < 1e-9, "{left}");
    }
}

#[test]
fn a_repair_is_told_as_one_also_where_it_probes() {
    let policy = policy(vec![primary(0), safe()], |_| {});
    let health = Health::new(&policy);
    health.trip(RouteId(0), ALL, Now::ZERO, &mut Dice::seeded(1));
    let later = Now::ZERO + 10_000 * MS;
    let late = Ask { arrived: later, deadline: later + 60_000 * MS, ..ask() };
    let seen = walk(&policy, &health, late, &[("a", vec![mendable()])]);
    assert_eq!(kinds(&seen), ["probe", "repair"]);
}

#[test]
fn an_answer_that_was_mended_here_is_recovered_and_says_so() {
    let policy = usual();
    let health = Health::new(&policy);
    let mut it = Walk::new(Arc::clone(&policy), TaskId(0), ask(), Dice::seeded(1)).expect("task");
    it.next(Now::ZERO, Observation::Begin, &health);
    let facts = Facts { mended: vec!["fences".into()], ..Facts::default() };
    it.next(Now::ZERO + MS, Observation::Sound(facts), &health);
    assert_eq!(it.outcome(), Outcome::Recovered);
}
