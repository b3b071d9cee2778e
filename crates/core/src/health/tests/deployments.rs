//! Several deployments of one route: whose turn it is, what keeps one out, and what a reload keeps.

use super::*;
use proptest::prelude::*;

/// Route a with these deployments, as order and weight, each at a provider of its own with so many keys.
fn several(of: &[(u32, u32)], n_keys: usize) -> Policy {
    let mut policy = policy(n_keys);
    policy.providers = (0..of.len()).map(|n| Provider { name: format!("p{n}").into(), region: None, n_keys }).collect();
    let deployments = of.iter().zip(0..).map(|((order, weight), n)| Deployment {
        order: *order,
        weight: *weight,
        ..Deployment::plain(n, &format!("p{n}/m"))
    });
    policy.routes = vec![Route { name: "a".into(), deployments: deployments.collect() }];
    policy
}

fn called(health: &Health, asking: &Asking<'_>, now: Now) -> Result<(usize, usize), Skip> {
    let admission = health.admit(A, asking, now)?;
    settle(health, admission, None, now);
    Ok((admission.deployment, admission.key))
}

/// Lets a call to one deployment end so.
fn fail_at(health: &Health, deployment: usize, failure: &Failure, now: Now) {
    let only = Asking { fits: Deployments::default().with(deployment), ..asking(now) };
    let admission = health.admit(A, &only, now).expect("admitted");
    settle(health, admission, Some(failure), now);
}

proptest! {
    #[test]
    fn over_a_cycle_every_deployment_gets_exactly_its_weight(weights in prop::collection::vec(1u32..12, 1..6)) {
        let of: Vec<(u32, u32)> = weights.iter().map(|it| (1, *it)).collect();
        let health = Health::new(&several(&of, 1));
        let cycle: u32 = weights.iter().sum();
        for _ in 0..3 {
            let mut counts = vec![0; weights.len()];
            for _ in 0..cycle {
                counts[called(&health, &asking(at(0)), at(0)).expect("admitted").0] += 1;
            }
            prop_assert_eq!(&counts, &weights);
        }
    }

    #[test]
    fn shares_stay_near_the_weights_whichever_deployments_requests_fit(
        weights in prop::collection::vec(1u32..6, 3),
        fits in prop::collection::vec(1u64..8, 300),
    ) {
        // Nothing is owed without bound to a deployment that some requests cannot use.
        let of: Vec<(u32, u32)> = weights.iter().map(|it| (1, *it)).collect();
        let health = Health::new(&several(&of, 1));
        for set in fits {
            let mine = (0..3).filter(|n| set >> n & 1 == 1).fold(Deployments::default(), Deployments::with);
            let (got, _) = called(&health, &Asking { fits: mine, ..asking(at(0)) }, at(0)).expect("admitted");
            prop_assert!(mine.has(got));
        }
        let cycle: u32 = weights.iter().sum();
        let mut counts = vec![0_i64; 3];
        for _ in 0..cycle * 10 {
            counts[called(&health, &asking(at(0)), at(0)).expect("admitted").0] += 1;
        }
        for (count, weight) in counts.iter().zip(&weights) {
            let off = count - i64::from(*weight) * 10;
            prop_assert!(off.abs() <= i64::from(cycle) * 3, "{counts:?} of {weights:?}");
        }
    }
}

#[test]
fn a_higher_order_is_called_only_while_no_lower_one_can_be() {
    let health = Health::new(&several(&[(1, 1), (2, 9)], 1));
    for _ in 0..5 {
        assert_eq!(called(&health, &asking(at(0)), at(0)), Ok((0, 0)));
    }
    health.disable(A, Deployments::default().with(0), Some(at(10)));
    assert_eq!(called(&health, &asking(at(5)), at(5)), Ok((1, 0)));
    assert_eq!(called(&health, &asking(at(10)), at(10)), Ok((0, 0)));
    let retry = Asking { tried: &[(0, 0)], waited: true, ..asking(at(11)) };
    assert_eq!(called(&health, &retry, at(11)), Ok((1, 0)), "a retry goes where this request has not been");
    let both = Asking { tried: &[(0, 0), (1, 0)], ..retry };
    assert_eq!(called(&health, &both, at(11)), Ok((0, 0)), "and then back to the first");
}

#[test]
fn a_route_is_out_only_when_none_of_its_deployments_can_be_called() {
    let health = Health::new(&several(&[(1, 1), (1, 1)], 1));
    for _ in 0..5 {
        fail_at(&health, 0, &f(C::ServerError, 500), at(0));
    }
    assert_eq!(obstacle(&health, A, at(1)), None);
    assert_eq!(called(&health, &asking(at(1)), at(1)), Ok((1, 0)));
    let only_first = Asking { fits: Deployments::default().with(0), ..asking(at(1)) };
    assert_eq!(health.obstacle(A, &only_first, at(1)), Some(Skip::BreakerOpen));
    fail_at(&health, 1, &f(C::NotFound, 404), at(1));
    assert_eq!(obstacle(&health, A, at(2)), Some(Skip::BreakerOpen));
}

#[test]
fn of_several_reasons_the_one_that_is_over_soonest_is_named_whatever_their_order() {
    for swapped in [false, true] {
        let health = Health::new(&several(&[(1, 1), (1, 1)], 1));
        let (one, other) = if swapped { (1, 0) } else { (0, 1) };
        health.disable(A, Deployments::default().with(one), None);
        fail_at(&health, other, &f(C::NotFound, 404), at(0));
        assert_eq!(obstacle(&health, A, at(1)), Some(Skip::Gone));
    }
}

#[test]
fn a_route_that_is_not_of_this_policy_cannot_be_called() {
    assert_eq!(obstacle(&Health::new(&policy(1)), RouteId(99), at(0)), Some(Skip::Gone));
}

#[test]
fn a_reload_that_reorders_deployments_keeps_what_is_known_of_each() {
    let old = several(&[(1, 1), (1, 1)], 1);
    let health = Health::new(&old);
    for _ in 0..5 {
        fail_at(&health, 0, &f(C::ServerError, 500), at(0));
    }
    health.disable(A, Deployments::default().with(1), None);
    let mut new = old.clone();
    new.routes[0].deployments.swap(0, 1);
    let after = health.carried_over(&old, &new);
    let skips =
        [0, 1].map(|n| after.obstacle(A, &Asking { fits: Deployments::default().with(n), ..asking(at(1)) }, at(1)));
    assert_eq!(skips, [Some(Skip::Disabled), Some(Skip::BreakerOpen)]);
}

#[test]
fn a_reload_that_adds_a_deployment_or_changes_the_rules_keeps_the_waits_that_providers_asked_for() {
    let old = several(&[(1, 1)], 1);
    let health = Health::new(&old);
    let asks = Failure { retry_after: Some(S * 60), ..f(C::RateLimited, 429) };
    fail_at(&health, 0, &asks, at(0));
    let first = |health: &Health| {
        health.obstacle(A, &Asking { fits: Deployments::default().with(0), ..asking(at(59)) }, at(59))
    };
    assert_eq!(first(&health.carried_over(&old, &several(&[(1, 1), (2, 1)], 1))), Some(Skip::Cooling));
    let rules = Policy { breaker: BreakerRules { closes_after: 1, ..BreakerRules::default() }, ..old.clone() };
    assert_eq!(first(&health.carried_over(&old, &rules)), Some(Skip::Cooling));
    assert_eq!(first(&health.carried_over(&old, &several(&[(1, 1)], 2))), None, "which key is which is not known");
}

#[test]
fn a_reload_keeps_the_retry_budget_of_a_route_whatever_else_changed() {
    let old = several(&[(1, 1)], 1);
    let health = Health::new(&old);
    while health.pay_retry(A, at(0)) {}
    for new in [several(&[(1, 1)], 1), several(&[(1, 1), (2, 1)], 3)] {
        assert!(!health.carried_over(&old, &new).pay_retry(A, at(1)));
    }
}

#[test]
fn an_operator_acts_on_one_deployment_and_leaves_the_others() {
    let health = Health::new(&several(&[(1, 1), (1, 1)], 1));
    let first = Deployments::default().with(0);
    health.trip(A, first, at(0), &mut Dice::seeded(1));
    for n in 0..4 {
        assert_eq!(called(&health, &asking(at(n)), at(n)), Ok((1, 0)), "tripped");
    }
    let only_first = |now| Asking { fits: first, ..asking(now) };
    for probe in [at(7), at(8), at(9)] {
        assert_eq!(called(&health, &only_first(probe), probe), Ok((0, 0)), "its own probes close it");
    }
    let open = |now| view(&health, A, now).expect("route").buckets.iter().any(|it| it.state != State::Closed);
    // A trip is of every workload, and so is its end.
    assert!(!open(at(10)));
    health.trip(A, first, at(10), &mut Dice::seeded(1));
    assert!(open(at(10)));
    health.reset(A, first, at(11));
    assert!(!open(at(11)));
}

#[test]
fn a_trip_that_is_over_closes_no_workload_that_failed_its_own_probe() {
    let health = Health::new(&several(&[(1, 1)], 1));
    let long = |now| Asking { bucket: Bucket::Long, ..asking(now) };
    let settled = |asking: &Asking<'_>, failure: Option<&Failure>, now| {
        settle(&health, health.admit(A, asking, now).expect("a probe"), failure, now);
    };
    health.trip(A, Deployments::ALL, at(0), &mut Dice::seeded(1));
    settled(&long(at(7)), Some(&f(C::ServerError, 500)), at(7));
    for probe in [at(8), at(9), at(10)] {
        settled(&asking(probe), None, probe);
    }
    assert_eq!(health.obstacle(A, &asking(at(11)), at(11)), None);
    assert_eq!(health.obstacle(A, &long(at(11)), at(11)), Some(Skip::BreakerOpen));
}

#[test]
fn a_reset_warms_keys_and_forgets_refusals_but_does_not_enable() {
    let health = Health::new(&several(&[(1, 1)], 1));
    let asks = Failure { retry_after: Some(S * 60), ..f(C::RateLimited, 429) };
    fail_at(&health, 0, &asks, at(0));
    health.reset(A, Deployments::ALL, at(1));
    assert_eq!(obstacle(&health, A, at(1)), None);
    fail_at(&health, 0, &f(C::Auth, 401), at(1));
    health.disable(A, Deployments::ALL, None);
    health.reset(A, Deployments::ALL, at(2));
    assert_eq!(obstacle(&health, A, at(2)), Some(Skip::Disabled));
    health.enable(A, Deployments::ALL);
    assert_eq!(obstacle(&health, A, at(2)), None);
}
