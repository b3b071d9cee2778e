//! What a reload keeps and what begins anew.

use super::*;

#[test]
fn a_reload_keeps_what_is_known_of_routes_wherever_they_stand_now() {
    let old = policy(1);
    let health = Health::new(&old);
    for _ in 0..5 {
        call(&health, A, Some(&f(C::ServerError, 500)), at(0));
    }
    let mut new = policy(1);
    new.routes.reverse();
    let after = health.carried_over(&old, &new);
    let moved = RouteId(2);
    assert_eq!(obstacle(&after, moved, at(1)), Some(Skip::BreakerOpen));
    assert_eq!(obstacle(&after, A, at(1)), None);
    let probe = admit(&health, A, at(10));
    assert_eq!(obstacle(&after, moved, at(10)), Some(Skip::BreakerOpen), "one probe, whichever policy it runs under");
    settle(&health, probe, None, at(11));
    assert_eq!(obstacle(&after, moved, at(11)), None, "what was in flight still counts");
}

#[test]
fn a_reload_with_other_trip_rules_or_another_model_begins_anew() {
    let old = policy(1);
    let health = Health::new(&old);
    for _ in 0..5 {
        call(&health, A, Some(&f(C::ServerError, 500)), at(0));
    }
    let rules = Policy { breaker: BreakerRules { closes_after: 1, ..BreakerRules::default() }, ..policy(1) };
    assert_eq!(obstacle(&health.carried_over(&old, &rules), A, at(1)), None);
    let mut model = policy(1);
    model.routes[0].deployments[0].call = "another".into();
    assert_eq!(obstacle(&health.carried_over(&old, &model), A, at(1)), None);
}

#[test]
fn a_reload_is_how_an_operator_says_that_a_key_was_mended() {
    let old = policy(1);
    let health = Health::new(&old);
    call(&health, A, Some(&f(C::Auth, 401)), at(0));
    assert_eq!(obstacle(&health.carried_over(&old, &old), A, at(1)), None);
}

#[test]
fn what_an_operator_disabled_stays_disabled_over_a_reload_with_other_rules_or_keys() {
    let old = policy(1);
    let health = Health::new(&old);
    health.disable(A, Deployments::ALL, None);
    let rules = Policy { breaker: BreakerRules { closes_after: 1, ..BreakerRules::default() }, ..policy(1) };
    for new in [rules, policy(2)] {
        assert_eq!(obstacle(&health.carried_over(&old, &new), A, at(1)), Some(Skip::Disabled));
    }
}
