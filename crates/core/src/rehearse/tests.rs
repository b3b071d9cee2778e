//! A rehearsal against what a request would meet.

use super::*;
use crate::failure::ClassSet;
use crate::policy::{PerSurface, Repair, Require, RetryWait, Role, Rung, Try};
use crate::route::{Deployment, Provider, Route};

const MS: Duration = Duration::from_millis(1);

fn rung(name: &str, kind: RungKind) -> Rung {
    let when = if matches!(kind, RungKind::Fail { .. }) { ClassSet::all() } else { ClassSet::usual() };
    Rung { kind, name: name.into(), segments: None, surface: None, when, place: None }
}

fn call(route: u32, role: Role) -> RungKind {
    RungKind::Try(Try {
        route: crate::id::RouteId(route),
        role,
        retries: 1,
        timeout: 8_000 * MS,
        first_token: None,
        idle: 1_000 * MS,
        with: Vec::new(),
        instruction: None,
    })
}

/// Route a, route b, a ready answer, and the error.
fn policy() -> Arc<Policy> {
    let provider = |name: &str| Provider { name: name.into(), region: None, n_keys: 1 };
    let route = |name: &str, provider| Route {
        name: name.into(),
        deployments: vec![Deployment::plain(provider, &format!("p{name}/m"))],
    };
    let ladder = vec![
        rung("a", call(0, Role::Primary)),
        rung("b", call(1, Role::Equivalent)),
        rung("answer", RungKind::Answer { text: "busy".into() }),
        rung("fail", RungKind::Fail { message: "no".into() }),
    ];
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
    Arc::new(Policy {
        providers: vec![provider("pa"), provider("pb")],
        routes: vec![route("a", 0), route("b", 1)],
        tasks: vec![task],
        ..Policy::default()
    })
}

fn plays(faults: &[&str]) -> Vec<Play> {
    faults.iter().map(|it| Play { fault: FaultRow::named(it).unwrap(), after: None }).collect()
}

fn given(rungs: &[usize], plays: Vec<Play>) -> Given {
    Given { hits: rungs.iter().map(|it| (*it, Deployments::ALL)).collect(), plays }
}

fn scenario(given: Vec<Given>) -> Scenario {
    Scenario { given, ..Scenario::plain(TaskId(0)) }
}

fn record(given: Vec<Given>) -> DecisionRecord {
    let policy = policy();
    rehearse(&policy, &scenario(given), &Health::new(&policy), Now::ZERO).unwrap()
}

#[test]
fn nothing_wrong_is_answered_by_the_first_rung() {
    let record = record(Vec::new());
    assert_eq!((&*record.object.outcome, record.object.served_by.as_deref(), record.total_ms), ("ok", Some("a"), 100));
    assert_eq!(walked(&record), "a●");
}

#[test]
fn silence_takes_the_attempts_whole_time_and_an_error_takes_none_of_it() {
    let silent = record(vec![given(&[0], plays(&["timeout"]))]);
    assert_eq!((silent.total_ms, walked(&silent).as_str()), (8_100, "a✕timeout → b●"));
    let failing = record(vec![given(&[0], plays(&["500"]))]);
    assert_eq!(walked(&failing), "a✕server_error ×2 → b●");
    assert!((500..=2_500).contains(&failing.total_ms), "two errors, one wait, one answer: {} ms", failing.total_ms);
}

#[test]
fn an_answer_that_comes_later_than_the_timeout_is_a_timeout() {
    let late = |ms| {
        let fault = FaultRow::named("ok").unwrap();
        record(vec![given(&[0], vec![Play { fault, after: Some(ms * MS) }])])
    };
    assert_eq!(late(7_999).object.served_by.as_deref(), Some("a"));
    assert_eq!(walked(&late(8_001)), "a✕timeout → b●");
}

#[test]
fn a_sequence_is_one_for_each_call_and_its_last_one_for_ever() {
    let once = record(vec![given(&[0], plays(&["500", "ok"]))]);
    assert_eq!((walked(&once).as_str(), &*once.object.outcome), ("a✕server_error → a●", "recovered"));
    let for_ever = record(vec![given(&[0, 1], plays(&["503", "reset"]))]);
    assert_eq!(walked(&for_ever), "a✕overloaded → a✕transport → b✕transport ×2 → answer●");
}

#[test]
fn of_several_that_match_a_call_the_first_holds() {
    let record = record(vec![given(&[0], plays(&["ok"])), given(&[0, 1], plays(&["down"]))]);
    assert_eq!(walked(&record), "a●");
}

#[test]
fn what_is_disabled_is_never_called() {
    let record = record(vec![given(&[0], plays(&["disabled"]))]);
    assert_eq!(walked(&record), "a: disabled → b●");
    assert_eq!(record.object.why.as_deref(), Some("operator"));
}

#[test]
fn the_same_scenario_always_gives_the_same_record() {
    let one = || record(vec![given(&[0, 1], plays(&["529"]))]);
    assert_eq!(one(), one());
}

#[test]
fn every_difference_is_told_with_what_came_instead() {
    let record = record(vec![given(&[0, 1], plays(&["down"]))]);
    let met = Expect {
        served_by: Some("answer".into()),
        outcome: Some(crate::outcome::Outcome::Degraded),
        rung: Some(3),
        attempts: Some(4),
        within: Some(60_000 * MS),
        ..Expect::default()
    };
    assert_eq!(met.differences(&record), []);
    let missed = Expect { rung: Some(2), code: Some("all_rungs_failed".into()), within: Some(MS), ..Expect::default() };
    let found = missed.differences(&record);
    let told: Vec<_> = found.iter().map(|it| (it.key, it.expected.as_str(), it.got.as_str())).collect();
    let (keys, took) = (told.iter().map(|it| it.0).collect::<Vec<_>>(), &found[2].got);
    assert_eq!(keys, ["rung", "code", "within"]);
    assert_eq!((told[0], told[1]), (("rung", "2", "3"), ("code", "all_rungs_failed", "nothing")));
    assert!(took.ends_with('s') && found[2].expected == "1ms", "{took}");
}

fn verdicts(given: Vec<Given>) -> (Forecast, Vec<String>) {
    let policy = policy();
    let forecast = forecast(&policy, &scenario(given), &Health::new(&policy), Now::ZERO).unwrap();
    let rungs = forecast.rungs.iter().map(|it| format!("{} {} {}: {}", it.rung, it.name, it.verdict, it.reason));
    let rungs = rungs.collect();
    (forecast, rungs)
}

#[test]
fn a_forecast_says_of_every_rung_whether_it_serves_is_skipped_or_waits() {
    let (forecast, rungs) = verdicts(vec![given(&[0], plays(&["disabled"]))]);
    assert_eq!((forecast.would_serve.as_deref(), &*forecast.outcome), (Some("b"), "recovered"));
    assert_eq!(
        rungs,
        [
            "1 a skipped: disabled",
            "2 b serves: recovered, after about 100 ms",
            "3 answer if_needed: if b fails",
            "4 fail if_needed: otherwise"
        ]
    );
}

#[test]
fn a_forecast_of_an_exhausted_ladder_serves_nothing_but_the_error() {
    let (forecast, rungs) = verdicts(vec![given(&[0, 1], plays(&["400"]))]);
    assert_eq!((forecast.would_serve, &*forecast.outcome), (None, "failed"));
    assert_eq!(rungs[0], "1 a skipped: invalid_request");
    assert_eq!(rungs[1], "2 b if_needed: if a fails");
}

#[test]
fn every_fault_has_one_name_and_every_class_that_a_call_can_end_with_is_one() {
    let names: Vec<String> = FaultRow::names().map(|it| it.replace('_', "-")).collect();
    let different: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(names.len(), different.len(), "{names:?}");
    for row in &crate::failure::CLASSES {
        let fault = FaultRow::named(row.name);
        if matches!(row.class, FailureClass::Budget | FailureClass::Deadline | FailureClass::Cancelled) {
            assert!(fault.is_none(), "{} is not what a call ends with", row.name);
            continue;
        }
        match fault.unwrap_or_else(|| panic!("{}", row.name)).effect {
            Effect::Failure(trouble) => assert_eq!(trouble.class, row.class),
            effect => assert_eq!((effect, row.class), (Effect::Silence, FailureClass::Timeout)),
        }
    }
}
