//! What a policy or safety decision and a refusal end.

use super::*;

#[test]
fn a_policy_block_never_reaches_another_model() {
    let ready_for_policy = Rung { when: ClassSet::usual().with(C::PolicyBlocked), ..ready() };
    let ladder = vec![primary(1), try_as(1, Role::Equivalent, 1), ready(), ready_for_policy, safe()];
    // The block comes after a timeout, which the rungs below would take.
    let blocked = f(C::PolicyBlocked).with_detail(Detail::Input);
    let seen = run(&policy(ladder, |_| {}), &[("a", vec![f(C::ServerError), blocked.clone()])]);
    assert_eq!(seen.calls, ["a", "a"]);
    assert_eq!((&*seen.object.outcome, seen.object.rung), ("refused", Some(4)));

    let seen = run(&usual(), &[("a", vec![blocked])]);
    let ending = seen.ending.clone().expect("error");
    assert_eq!((ending.status, &*ending.code), (400, "content_filter"));
    assert_eq!(seen.object.outcome.as_ref(), "refused");
    assert_eq!(seen.reason("b"), "wrong_class");
}

#[test]
fn a_sticky_block_calls_nobody() {
    let policy = usual();
    let blocked = Ask { blocked: Some("content_policy_violation".into()), ..ask() };
    let seen = walk(&policy, &Health::new(&policy), blocked, &[]);
    assert!(seen.calls.is_empty());
    assert_eq!(&*seen.ending.expect("error").code, "content_policy_violation");
    assert_eq!(&*seen.object.outcome, "refused");
    assert_eq!(seen.object.cost_usd, Some(0.0));
}

#[test]
fn a_refusal_is_passed_on_in_the_models_own_words() {
    let seen = run(&usual(), &[("a", vec![f(C::Refusal)])]);
    assert!(seen.ending.is_none());
    assert_eq!((&*seen.object.outcome, seen.object.served_by.as_deref()), ("refused", Some("a")));
    assert_eq!(seen.object.attempts[0].class.as_deref(), Some("refusal"));
}

#[test]
fn a_refusal_that_came_as_an_error_ends_the_walk_with_a_clear_error() {
    let refusal = Failure { words_kept: false, ..f(C::Refusal) };
    let seen = run(&usual(), &[("a", vec![refusal])]);
    assert_eq!((seen.calls.as_slice(), &*seen.object.outcome), (["a"].as_slice(), "refused"));
    assert_eq!(seen.ending.map(|it| it.status), Some(400));
}
