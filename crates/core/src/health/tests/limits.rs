//! What providers tell of their rate limits: dry keys are left alone while there is another way.

use super::*;
use crate::limits::Window;

fn left(left: u64, limit: Option<u64>, resets_in: Duration) -> Limits {
    Limits { requests: Some(Window { limit, left, resets_in: Some(resets_in) }), ..Limits::default() }
}

/// A sound call whose reply tells this.
fn told(health: &Health, limits: Limits, now: Now) -> usize {
    let admission = admit(health, A, now);
    let ended = Ended { failure: None, cut_by_deadline: false, took: 100 * MS, limits };
    health.settle(admission, &ended, now, &mut Dice::seeded(1));
    admission.key
}

#[test]
fn a_dry_key_is_passed_and_when_all_are_dry_only_the_last_resort_calls_one() {
    let health = Health::new(&policy(2));
    assert_eq!(told(&health, left(0, None, S * 60), at(0)), 0);
    for n in 1..4 {
        assert_eq!(call(&health, A, None, at(n)), 1);
    }
    assert_eq!(told(&health, left(0, None, S * 30), at(4)), 1);
    assert_eq!(obstacle(&health, A, at(5)), Some(Skip::Cooling), "something below could answer");
    let alone = Asking { covered: false, ..asking(at(5)) };
    assert_eq!(health.obstacle(A, &alone, at(5)), None, "nothing could: it is worth a try");
    assert_eq!(view(&health, A, at(5)).map(|it| it.keys_dry), Some(2));
    assert_eq!(health.callable_in(A, &asking(at(5)), at(5)), Some(S * 29));
    assert_eq!(call(&health, A, None, at(34)), 1);
}

#[test]
fn a_limit_of_zero_or_below_the_prompt_does_not_keep_a_key_off_for_ever() {
    for limit in [0, 5] {
        let health = Health::new(&policy(1));
        let tokens = Window { limit: Some(limit), left: limit, resets_in: Some(S) };
        let mut n_calls = 0;
        for n in 0..20 {
            if let Ok(admission) = health.admit(A, &asking(at(n)), at(n)) {
                let limits = Limits { tokens: Some(tokens), ..Limits::default() };
                let ended = Ended { failure: None, cut_by_deadline: false, took: 100 * MS, limits };
                health.settle(admission, &ended, at(n), &mut Dice::seeded(1));
                n_calls += 1;
            }
        }
        assert!((5..=20).contains(&n_calls), "{n_calls} calls with a limit of {limit}");
    }
}

#[test]
fn a_reset_does_not_lose_count_of_calls_in_flight() {
    let health = Health::new(&policy(1));
    let flying: Vec<Admission> = (0..50).map(|_| admit(&health, A, at(0))).collect();
    health.reset(A, Deployments::ALL, at(1));
    let older = Ended { failure: None, cut_by_deadline: false, took: S, limits: left(9, None, S * 60) };
    for admission in flying {
        health.settle(admission, &older, at(1), &mut Dice::seeded(1));
    }
    told(&health, left(3, None, S * 60), at(2));
    let made = (0..20).take_while(|_| health.admit(A, &asking(at(3)), at(3)).is_ok()).count();
    assert_eq!(made, 3);
}

#[test]
fn of_many_calls_at_once_no_more_go_out_than_were_left() {
    let health = Health::new(&policy(3));
    for n in 0..3 {
        told(&health, left(4, Some(10), S * 60), at(n));
    }
    let made: Vec<usize> =
        (0..40).map_while(|_| health.admit(A, &asking(at(3)), at(3)).ok()).map(|it| it.key).collect();
    let per_key = [0, 1, 2].map(|key| made.iter().filter(|it| **it == key).count());
    assert_eq!(per_key, [4, 4, 4]);
}

#[test]
fn a_provider_that_tells_no_more_of_its_limits_is_called_as_one_that_never_did() {
    let health = Health::new(&policy(1));
    told(&health, left(1, Some(2), S), at(0));
    // The window after the one that was told may be like it, until a reply tells nothing.
    call(&health, A, None, at(5));
    let made = (0..20).take_while(|_| health.admit(A, &asking(at(5)), at(5)).is_ok()).count();
    assert_eq!(made, 20);
}

#[test]
fn after_a_reset_every_reply_is_news() {
    let health = Health::new(&policy(1));
    let older = admit(&health, A, at(0));
    told(&health, left(9, None, S * 60), at(1));
    health.reset(A, Deployments::ALL, at(2));
    let ended = Ended { failure: None, cut_by_deadline: false, took: S, limits: left(0, None, S * 60) };
    health.settle(older, &ended, at(3), &mut Dice::seeded(1));
    assert_eq!(obstacle(&health, A, at(4)), Some(Skip::Cooling));
}
