//! The walk against what a caller would notice. A test says what each route answers, call by call.

use std::collections::HashMap;
use std::time::Duration;

use super::*;
use crate::breaker::BreakerRules;
use crate::derive::About;
use crate::id::{ProviderId, RequestId};
use crate::outcome::Outcome;
use crate::policy::{PerSurface, RetryWait, Surface};
use crate::record::Object;
use crate::route::{Capabilities, Capability, Provider, Route};
use FailureClass as C;

const MS: Duration = Duration::from_millis(1);

/// A policy with routes a, b, c at one provider each, and one task.
fn policy(ladder: Vec<Rung>, change: impl FnOnce(&mut Policy)) -> Arc<Policy> {
    let provider = |name: &str| Provider { name: name.into(), region: None, n_keys: 1 };
    let route = |name: &str, provider| Route {
        name: name.into(),
        provider: ProviderId(provider),
        model: "m".into(),
        region: None,
        context: None,
        can: None,
    };
    let task = Task {
        name: "t".into(),
        about: None,
        kind: "chat".into(),
        contract: None,
        surface: Surface::Interactive,
        deadline: PerSurface::both(60_000 * MS),
        max_attempts: 4,
        retry_wait: RetryWait { low: 200 * MS, high: 2_000 * MS },
        stream: None,
        stream_deadline: 600_000 * MS,
        ladder,
        direct: false,
    };
    let mut policy = Policy {
        providers: vec![provider("pa"), provider("pb"), provider("pc")],
        routes: vec![route("a", 0), route("b", 1), route("c", 2)],
        tasks: vec![task],
        breaker: BreakerRules::default(),
        ..Policy::default()
    };
    change(&mut policy);
    Arc::new(policy)
}

fn try_as(route: u32, role: Role, retries: u32) -> Rung {
    let it = Try { route: RouteId(route), role, retries, timeout: 30_000 * MS, first_token: None, idle: 20_000 * MS };
    let name = ["a", "b", "c"][route as usize];
    let when = ClassSet::usual();
    Rung { kind: RungKind::Try(it), name: name.into(), segments: None, surface: None, when, place: None }
}

fn primary(retries: u32) -> Rung {
    try_as(0, Role::Primary, retries)
}

fn ready() -> Rung {
    let kind = RungKind::Answer { text: "busy".into() };
    Rung { kind, name: "answer".into(), segments: None, surface: None, when: ClassSet::usual(), place: None }
}

fn safe() -> Rung {
    let kind = RungKind::Fail { message: "Nothing was booked.".into() };
    Rung { kind, name: "fail".into(), segments: None, surface: None, when: ClassSet::all(), place: None }
}

fn ask() -> Ask {
    Ask {
        arrived: Now::ZERO,
        deadline: Now::ZERO + 60_000 * MS,
        deadline_is_clients: false,
        segment: None,
        surface: Surface::Interactive,
        needs: Capabilities::NONE,
        prompt_tokens: 100,
        output_cap: None,
        promised: false,
        blocked: None,
    }
}

/// What a walk came to.
struct Seen {
    object: Object,
    /// Calls per route, in order.
    calls: Vec<&'static str>,
    ending: Option<Ending>,
    took: Duration,
}

impl Seen {
    fn reason(&self, name: &str) -> &str {
        self.object.not_run.iter().find(|it| &*it.name == name).map_or("ran", |it| &it.reason)
    }
}

/// Walks; every call takes 100 ms and fails as scripted for its route, then (script exhausted) succeeds.
fn walk(policy: &Arc<Policy>, health: &Health, ask: Ask, script: &[(&'static str, Vec<Failure>)]) -> Seen {
    let mut script: HashMap<_, _> = script.iter().map(|(name, it)| (*name, it.clone().into_iter())).collect();
    let mut now = ask.arrived;
    let mut walk = Walk::new(Arc::clone(policy), TaskId(0), ask, Dice::seeded(1)).expect("task");
    let (mut calls, mut ending) = (Vec::new(), None);
    let mut seen = Observation::Begin;
    for _ in 0..64 {
        seen = match walk.next(now, seen, health) {
            Step::Call(call) => {
                let name = ["a", "b", "c"][call.route.index()];
                calls.push(name);
                let failure = script.get_mut(name).and_then(Iterator::next);
                let slow = failure.as_ref().is_some_and(|it| it.class == C::Timeout && it.detail.is_none());
                now = if slow { call.ends } else { now + 100 * MS };
                failure.map_or(Observation::Sound(Facts::default()), |it| Observation::Failed(it, Facts::default()))
            }
            Step::Wait { until } => {
                now = until;
                Observation::Elapsed
            }
            Step::Local { .. } => Observation::Given,
            Step::Answer | Step::Done => break,
            Step::End(it) => {
                ending = Some(it);
                break;
            }
        };
    }
    let about = About {
        request_id: RequestId::new(0, 0),
        arrived_ms: 0,
        stream: false,
        key: None,
        client: None,
        client_retry: None,
        config: "x".into(),
        exhausted_status: 424,
    };
    Seen { object: walk.object(&about), calls, ending, took: now.since(Now::ZERO) }
}

fn run(policy: &Arc<Policy>, script: &[(&'static str, Vec<Failure>)]) -> Seen {
    walk(policy, &Health::new(policy), ask(), script)
}

fn f(class: FailureClass) -> Failure {
    Failure { words_kept: class == C::Refusal, ..Failure::new(class) }
}

fn usual() -> Arc<Policy> {
    policy(vec![primary(1), try_as(1, Role::Equivalent, 1), safe()], |_| {})
}

#[test]
fn a_sound_first_answer_is_ok() {
    let seen = run(&usual(), &[]);
    assert_eq!(seen.calls, ["a"]);
    assert_eq!(&*seen.object.outcome, Outcome::Ok.name());
    assert_eq!(seen.reason("b"), "not_reached");
    assert_eq!(seen.object.why, None);
}

#[test]
fn each_class_makes_the_calls_that_the_table_allows() {
    let connect = f(C::Timeout).with_detail(Detail::Connect);
    let cases = [
        (f(C::Transport), vec!["a", "a", "b"]),
        (f(C::Timeout), vec!["a", "b"]),
        (connect, vec!["a", "a", "b"]),
        (f(C::RateLimited), vec!["a", "a", "b"]),
        (f(C::QuotaExhausted), vec!["a", "b"]),
        (f(C::Overloaded), vec!["a", "a", "b"]),
        (f(C::ServerError), vec!["a", "a", "b"]),
        (f(C::Auth), vec!["a", "b"]),
        (f(C::NotFound), vec!["a", "b"]),
        (f(C::Contract), vec!["a", "a", "b"]),
        (f(C::Truncated), vec!["a", "b"]),
        (f(C::ContextWindow), vec!["a", "b"]),
        (f(C::Capability), vec!["a", "b"]),
        (f(C::Refusal), vec!["a"]),
        (f(C::PolicyBlocked), vec!["a"]),
        (f(C::InvalidRequest), vec!["a"]),
    ];
    for (failure, calls) in cases {
        let class = failure.class;
        let seen = run(&usual(), &[("a", vec![failure; 4])]);
        assert_eq!(seen.calls, calls, "{class}");
        let recovered = calls.last() == Some(&"b");
        assert_eq!(&*seen.object.outcome == "recovered", recovered, "{class}");
        assert_eq!(seen.object.served_by.as_deref() == Some("b"), recovered, "{class}");
    }
}

#[test]
fn a_recovered_retry_stays_on_its_rung_and_is_not_a_move() {
    let seen = run(&usual(), &[("a", vec![f(C::ServerError)])]);
    assert_eq!(seen.calls, ["a", "a"]);
    assert_eq!((&*seen.object.outcome, seen.object.why.as_deref()), ("recovered", None));
    assert_eq!(seen.object.rung, Some(1));
    assert!(seen.took >= 400 * MS && seen.took <= 600 * MS, "waited 200 to 400 ms between two calls of 100");
}

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
fn after_a_broken_contract_a_stronger_rung_is_preferred() {
    let ladder = vec![primary(0), try_as(1, Role::Equivalent, 0), try_as(2, Role::Stronger, 0), safe()];
    let policy = policy(ladder, |_| {});
    let seen = run(&policy, &[("a", vec![f(C::Contract)])]);
    assert_eq!(seen.calls, ["a", "c"]);
    assert_eq!(seen.reason("b"), "passed_over");
    let seen = run(&policy, &[("a", vec![f(C::Overloaded)])]);
    assert_eq!(seen.calls, ["a", "b"]);
}

#[test]
fn a_rung_runs_for_any_class_met_and_skips_count() {
    let only_limits = Rung { when: ClassSet::EMPTY.with(C::RateLimited), ..try_as(1, Role::Equivalent, 0) };
    let ladder = vec![primary(0), only_limits, try_as(2, Role::Equivalent, 0), safe()];
    let policy = policy(ladder, |_| {});
    let seen = run(&policy, &[("a", vec![f(C::Contract)])]);
    assert_eq!((seen.calls.as_slice(), seen.reason("b")), (["a", "c"].as_slice(), "wrong_class"));
    let health = Health::new(&policy);
    health.disable(RouteId(0), None);
    let seen = walk(&policy, &health, ask(), &[]);
    assert_eq!(seen.calls, ["b"], "a disabled route counts as technical");
    assert_eq!((&*seen.object.outcome, seen.object.why.as_deref()), ("recovered", Some("operator")));
}

#[test]
fn a_retry_after_that_fits_is_waited_for_and_a_longer_one_moves_on() {
    let short = Failure { retry_after: Some(1_500 * MS), ..f(C::RateLimited) };
    let seen = run(&usual(), &[("a", vec![short])]);
    assert_eq!(seen.calls, ["a", "a"]);
    assert!(seen.took >= 1_700 * MS);
    let long = Failure { retry_after: Some(10_000 * MS), ..f(C::RateLimited) };
    let seen = run(&usual(), &[("a", vec![long.clone()])]);
    assert_eq!(seen.calls, ["a", "b"]);
    let alone = policy(vec![primary(1), safe()], |_| {});
    let seen = run(&alone, &[("a", vec![long.clone()])]);
    assert_eq!(seen.calls, ["a", "a"], "nothing below: waited as long as the deadline allows");
    let too_long = Failure { retry_after: Some(90_000 * MS), ..long };
    let seen = run(&alone, &[("a", vec![too_long])]);
    assert_eq!(seen.calls, ["a"]);
    let ending = seen.ending.clone().expect("error");
    assert_eq!((ending.status, &*ending.code), (429, "all_rungs_rate_limited"));
    assert_eq!(ending.retry_after, Some(90_000 * MS));
}

#[test]
fn a_limited_key_gives_way_to_another_key_first() {
    let policy = policy(vec![primary(1), try_as(1, Role::Equivalent, 1), safe()], |it| it.providers[0].n_keys = 2);
    let long = Failure { retry_after: Some(60_000 * MS), ..f(C::RateLimited) };
    let health = Health::new(&policy);
    let seen = walk(&policy, &health, ask(), &[("a", vec![long.clone()])]);
    assert_eq!(seen.calls, ["a", "a"]);
    assert_eq!(seen.took, 200 * MS, "without a wait");
    let seen = walk(&policy, &health, ask(), &[("a", vec![long.clone()])]);
    assert_eq!(seen.calls, ["a", "b"], "the first key still cools");
    let seen = walk(&policy, &health, ask(), &[]);
    assert_eq!((seen.calls.as_slice(), seen.reason("a")), (["b"].as_slice(), "cooling"));
}

#[test]
fn retries_never_starve_the_ladder() {
    let ladder = vec![primary(3), try_as(1, Role::Equivalent, 3), try_as(2, Role::Equivalent, 3), safe()];
    let policy = policy(ladder, |it| it.tasks[0].max_attempts = 4);
    let dead = vec![f(C::ServerError); 9];
    let seen = run(&policy, &[("a", dead.clone()), ("b", dead.clone()), ("c", dead)]);
    assert_eq!(seen.calls, ["a", "a", "b", "c"]);
    let ending = seen.ending.clone().expect("error");
    assert_eq!((ending.status, &*ending.code, &*ending.message), (424, "all_rungs_failed", "Nothing was booked."));
}

#[test]
fn when_attempts_are_used_up_a_ready_answer_still_runs() {
    let policy = policy(vec![primary(0), try_as(1, Role::Equivalent, 0), ready()], |it| it.tasks[0].max_attempts = 1);
    let seen = run(&policy, &[("a", vec![f(C::ServerError)])]);
    assert_eq!((seen.reason("b"), &*seen.object.outcome), ("no_attempts", "degraded"));
    assert_eq!(seen.object.served_by.as_deref(), Some("answer"));
    assert!(seen.object.degraded.as_deref().is_some_and(str::is_ascii));
}

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
    let asking = crate::health::Asking {
        bucket: crate::route::Bucket::Short,
        tried_keys: 0,
        waited: false,
        ends: Now::ZERO + 20_000 * MS,
    };
    for route in [RouteId(0), RouteId(1)] {
        for _ in 0..5 {
            let admission = health.admit(route, &asking, Now::ZERO).expect("admitted");
            let ended = Ended { failure: None, cut_by_deadline: false, took: 10_000 * MS };
            health.settle(admission, &ended, Now::ZERO, &mut dice);
        }
    }
    let hasty = Ask { deadline: Now::ZERO + 5_000 * MS, ..ask() };
    let seen = walk(&policy, &health, hasty, &[]);
    assert_eq!((seen.calls.as_slice(), seen.reason("a")), (["b"].as_slice(), "no_time"));
    assert_eq!(seen.object.why.as_deref(), Some("deadline"));
}

#[test]
fn what_a_route_cannot_do_is_not_the_callers_first_rung() {
    let policy = policy(vec![primary(0), try_as(1, Role::Equivalent, 0), safe()], |it| {
        it.routes[0].can = Some(Capabilities::NONE.with(Capability::Json));
        it.routes[1].context = Some(1_000);
    });
    let images = Ask { needs: Capabilities::NONE.with(Capability::Images), ..ask() };
    let seen = walk(&policy, &Health::new(&policy), images.clone(), &[]);
    assert_eq!((seen.reason("a"), &*seen.object.outcome), ("no_capability", "ok"));
    let huge = Ask { prompt_tokens: 9_999, ..ask() };
    let seen = walk(&policy, &Health::new(&policy), huge.clone(), &[("a", vec![f(C::ContextWindow)])]);
    let ending = seen.ending.clone().expect("error");
    assert_eq!((ending.status, &*ending.code), (400, "context_length_exceeded"));
    let neither = Ask { needs: images.needs, ..huge };
    let seen = walk(&policy, &Health::new(&policy), neither, &[]);
    assert_eq!(seen.reason("b"), "context_too_small");
}

#[test]
fn segments_and_surfaces_choose_their_rungs() {
    let pro = Rung { segments: Some(vec!["pro".into()]), ..primary(0) };
    let jobs = Rung { surface: Some(Surface::Background), ..try_as(1, Role::Equivalent, 0) };
    let policy = policy(vec![pro, jobs, try_as(2, Role::Equivalent, 0)], |_| {});
    let seen = run(&policy, &[]);
    assert_eq!((seen.calls.as_slice(), &*seen.object.outcome), (["c"].as_slice(), "ok"));
    assert_eq!((seen.reason("a"), seen.reason("b")), ("wrong_segment", "wrong_surface"));
    let pro = Ask { segment: Some("pro".into()), ..ask() };
    assert_eq!(walk(&policy, &Health::new(&policy), pro, &[]).calls, ["a"]);
}

#[test]
fn a_cheaper_answer_says_that_it_is_degraded() {
    let policy = policy(vec![primary(0), try_as(1, Role::Cheaper, 0)], |_| {});
    let seen = run(&policy, &[("a", vec![f(C::Overloaded)])]);
    assert_eq!((&*seen.object.outcome, seen.object.why.as_deref()), ("degraded", Some("ladder")));
    assert!(seen.object.degraded.is_some());
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
fn a_break_after_commit_never_moves_and_never_looks_whole() {
    let policy = usual();
    let health = Health::new(&policy);
    let mut walk = Walk::new(Arc::clone(&policy), TaskId(0), ask(), Dice::seeded(1)).expect("task");
    assert!(matches!(walk.next(Now::ZERO, Observation::Begin, &health), Step::Call(_)));
    assert!(matches!(walk.next(Now::ZERO + 10 * MS, Observation::Committed(Facts::default()), &health), Step::Answer));
    assert_eq!(walk.outcome(), Outcome::Ok, "as of commit");
    let cut = f(C::Transport).with_detail(Detail::Unfinished);
    let step = walk.next(Now::ZERO + 20 * MS, Observation::Failed(cut, Facts::default()), &health);
    assert!(matches!(step, Step::End(_)));
    assert_eq!(walk.outcome(), Outcome::Failed);
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
    assert_eq!(health.view(RouteId(0), Now::ZERO + MS).map(|it| it.buckets.len()), Some(0));
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
    health.enable(RouteId(0));
    assert_eq!(walk(&policy, &health, late(), &[]).calls, ["a"]);
}

#[test]
fn a_field_that_a_route_cannot_take_is_left_out_once_and_said() {
    let cannot = Failure { hint: Some("temperature"), ..f(C::Capability) };
    let seen = run(&usual(), &[("a", vec![cannot.clone()])]);
    assert_eq!((seen.calls.as_slice(), &*seen.object.outcome), (["a", "a"].as_slice(), "recovered"));
    assert_eq!(seen.object.dropped, ["temperature".into()]);
    let seen = run(&usual(), &[("a", vec![cannot; 3])]);
    assert_eq!(seen.calls, ["a", "a", "b"]);
    assert!(seen.object.dropped.is_empty(), "the rung below was given it");
    let tight = policy(vec![primary(0), try_as(1, Role::Equivalent, 0)], |it| it.tasks[0].max_attempts = 2);
    let cannot = Failure { hint: Some("temperature"), ..f(C::Capability) };
    assert_eq!(run(&tight, &[("a", vec![cannot])]).calls, ["a", "b"], "the rung below is not starved");
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
fn a_refusal_that_came_as_an_error_ends_the_walk_with_a_clear_error() {
    let refusal = Failure { words_kept: false, ..f(C::Refusal) };
    let seen = run(&usual(), &[("a", vec![refusal])]);
    assert_eq!((seen.calls.as_slice(), &*seen.object.outcome), (["a"].as_slice(), "refused"));
    assert_eq!(seen.ending.map(|it| it.status), Some(400));
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
fn a_ready_answer_that_does_not_fit_is_no_move() {
    let policy = policy(vec![primary(0), ready()], |_| {});
    let health = Health::new(&policy);
    let mut walk = Walk::new(Arc::clone(&policy), TaskId(0), ask(), Dice::seeded(1)).expect("task");
    walk.next(Now::ZERO, Observation::Begin, &health);
    let step = walk.next(Now::ZERO + MS, Observation::Failed(f(C::Contract), Facts::default()), &health);
    assert!(matches!(step, Step::Local { .. }));
    assert!(matches!(walk.next(Now::ZERO + MS, Observation::Missed, &health), Step::End(_)));
    assert!(walk.moves.is_empty());
}
