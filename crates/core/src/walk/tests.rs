//! The walk against what a caller would notice. A test says what each route answers, call by call.

use std::collections::HashMap;
use std::time::Duration;

use super::*;
use crate::breaker::BreakerRules;
use crate::derive::About;
use crate::failure::Detail;
use crate::id::RequestId;
use crate::outcome::Outcome;
use crate::policy::{PerSurface, RetryWait, Surface};
use crate::policy::{Repair, Require};
use crate::record::Object;
use crate::route::{Capabilities, Capability, Deployment, Deployments, Provider, Route};
use FailureClass as C;

mod clocks;
mod deployments;
mod policy_decisions;
mod repair;

const MS: Duration = Duration::from_millis(1);
const ALL: Deployments = Deployments::ALL;

/// A policy with routes a, b, c at one provider each, and one task.
fn policy(ladder: Vec<Rung>, change: impl FnOnce(&mut Policy)) -> Arc<Policy> {
    let provider = |name: &str| Provider { name: name.into(), region: None, n_keys: 1 };
    let route = |name: &str, provider| Route {
        name: name.into(),
        deployments: vec![Deployment::plain(provider, &format!("p{name}/m"))],
    };
    let task = Task {
        name: "t".into(),
        names: Vec::new(),
        about: None,
        kind: "chat".into(),
        contract: None,
        native: true,
        repair: Repair::default(),
        require: Require::default(),
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
    let it = Try {
        route: RouteId(route),
        role,
        retries,
        timeout: 30_000 * MS,
        first_token: None,
        idle: 20_000 * MS,
        with: Vec::new(),
        instruction: None,
    };
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
        tags: Vec::new(),
        pinned: None,
        alias: false,
        promised: false,
        blocked: None,
    }
}

fn about() -> About {
    About {
        request_id: RequestId::new(0, 0),
        arrived_ms: 0,
        stream: false,
        key: None,
        client: None,
        client_retry: None,
        config: "x".into(),
        exhausted_status: 424,
    }
}

/// What a walk came to.
struct Seen {
    object: Object,
    /// Calls per route, in order.
    calls: Vec<&'static str>,
    /// Regions of the calls, in order; empty where none is known.
    regions: Vec<String>,
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
    let (mut calls, mut regions, mut ending) = (Vec::new(), Vec::new(), None);
    let mut seen = Observation::Begin;
    for _ in 0..64 {
        seen = match walk.next(now, seen, health) {
            Step::Call(call) => {
                let name = ["a", "b", "c"][call.route.index()];
                calls.push(name);
                let region = policy.routes[call.route.index()].deployments[call.deployment].region.as_deref();
                regions.push(region.unwrap_or_default().to_owned());
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
    Seen { object: walk.object(&about()), calls, regions, ending, took: now.since(Now::ZERO) }
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
    health.disable(RouteId(0), ALL, None);
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
fn what_a_route_cannot_do_is_not_the_callers_first_rung() {
    let policy = policy(vec![primary(0), try_as(1, Role::Equivalent, 0), safe()], |it| {
        it.routes[0].deployments[0].cannot = Capabilities::NONE.with(Capability::Images);
        it.routes[1].deployments[0].context = Some(1_000);
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
