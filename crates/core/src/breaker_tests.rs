//! The breaker against what an operator would notice.

use super::*;

fn at(ms: u64) -> Now {
    Now::from_origin(Duration::from_millis(ms))
}

fn dice() -> Dice {
    Dice::seeded(7)
}

fn fail(breaker: &mut Breaker, now: Now, verdict: Verdict) {
    let permit = breaker.admit(now, now + Duration::from_secs(30)).expect("admitted");
    breaker.settle(now, permit, verdict, None, &mut dice());
}

fn opened(now: Now) -> Breaker {
    let mut breaker = Breaker::new(BreakerRules::default());
    for _ in 0..5 {
        fail(&mut breaker, now, Verdict::Hard);
    }
    assert!(matches!(breaker.state(), State::Open { .. }));
    breaker
}

#[test]
fn five_hard_failures_in_a_row_open_a_dead_route() {
    let breaker = opened(at(1_000));
    assert!(!breaker.would_admit(at(1_500)));
}

#[test]
fn overload_alone_opens_by_share_not_by_a_row() {
    let mut breaker = Breaker::new(BreakerRules::default());
    for n in 0..9 {
        fail(&mut breaker, at(n), Verdict::Soft);
        assert_eq!(breaker.state(), State::Closed);
    }
    fail(&mut breaker, at(10), Verdict::Soft);
    assert!(matches!(breaker.state(), State::Open { .. }));
}

#[test]
fn a_busy_route_with_a_recent_success_is_not_tripped_by_a_row() {
    let mut breaker = Breaker::new(BreakerRules::default());
    for n in 0..20 {
        fail(&mut breaker, at(n), Verdict::Success);
    }
    for n in 20..27 {
        fail(&mut breaker, at(n), Verdict::Hard);
    }
    assert_eq!(breaker.state(), State::Closed);
    fail(&mut breaker, at(2_100), Verdict::Hard);
    assert!(matches!(breaker.state(), State::Open { .. }));
}

#[test]
fn ignored_results_change_nothing() {
    let mut breaker = Breaker::new(BreakerRules::default());
    for n in 0..100 {
        fail(&mut breaker, at(n), Verdict::Ignored);
        fail(&mut breaker, at(n), Verdict::FailsProbe);
    }
    assert_eq!(breaker.counts(at(100)), Counts::default());
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn half_open_admits_one_probe_at_a_time_and_three_successes_close() {
    let mut breaker = opened(at(0));
    let mut now = at(10_000);
    for n in 0..3 {
        let probe = breaker.admit(now, now + Duration::from_secs(5)).expect("probe");
        assert!(probe.probe);
        assert!(breaker.admit(now, now + Duration::from_secs(5)).is_none(), "second probe {n}");
        breaker.settle(now, probe, Verdict::Success, None, &mut dice());
        now = now + Duration::from_millis(10);
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_probe_that_never_settles_is_reclaimed_and_its_late_verdict_ignored() {
    let mut breaker = opened(at(0));
    let lost = breaker.admit(at(10_000), at(11_000)).expect("probe");
    assert!(breaker.admit(at(10_999), at(12_000)).is_none());
    let next = breaker.admit(at(11_000), at(12_000)).expect("reclaimed");
    breaker.settle(at(11_001), lost, Verdict::Hard, None, &mut dice());
    assert!(matches!(breaker.state(), State::HalfOpen { .. }), "a stale verdict reopened it");
    breaker.settle(at(11_002), next, Verdict::Success, None, &mut dice());
    assert_eq!(breaker.state(), State::HalfOpen { successes: 1 });
}

#[test]
fn a_returned_probe_frees_the_permit() {
    let mut breaker = opened(at(0));
    let probe = breaker.admit(at(10_000), at(20_000)).expect("probe");
    breaker.settle(at(10_001), probe, Verdict::Ignored, None, &mut dice());
    assert!(breaker.would_admit(at(10_001)));
}

#[test]
fn failed_probes_wait_longer_each_time_up_to_the_cap_and_never_less_than_asked() {
    let rules = BreakerRules { jitter: false, probe_cap: Duration::from_secs(60), ..BreakerRules::default() };
    let mut breaker = Breaker::new(rules);
    for _ in 0..5 {
        fail(&mut breaker, at(0), Verdict::Hard);
    }
    let mut waits = Vec::new();
    let mut now = at(0);
    for _ in 0..6 {
        let State::Open { until } = breaker.state() else { panic!("not open") };
        waits.push(until.since(now).as_secs());
        now = until;
        let probe = breaker.admit(now, now + Duration::from_secs(1)).expect("probe");
        breaker.settle(now, probe, Verdict::Hard, None, &mut dice());
    }
    assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
    let State::Open { until } = breaker.state() else { panic!("not open") };
    let probe = breaker.admit(until, until + Duration::from_secs(1)).expect("probe");
    breaker.settle(until, probe, Verdict::Soft, Some(Duration::from_secs(50)), &mut dice());
    let State::Open { until: next } = breaker.state() else { panic!("not open") };
    assert!(next.since(until) >= Duration::from_secs(50));
}

#[test]
fn results_from_before_the_trip_do_not_decide_a_probe() {
    let mut breaker = Breaker::new(BreakerRules::default());
    let early = breaker.admit(at(0), at(60_000)).expect("closed");
    for _ in 0..5 {
        fail(&mut breaker, at(1), Verdict::Hard);
    }
    let _probe = breaker.admit(at(10_000), at(20_000)).expect("probe");
    breaker.settle(at(10_001), early, Verdict::Success, None, &mut dice());
    assert_eq!(breaker.state(), State::HalfOpen { successes: 0 });
}
