//! What `explain` says of five requests, word for word, so that a person can judge it.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::derive::About;
use crate::dice::Dice;
use crate::failure::{ClassSet, Detail, Failure, FailureClass as C};
use crate::health::Health;
use crate::id::{RequestId, RouteId, TaskId};
use crate::plan::Ask;
use crate::policy::{PerSurface, Policy, Repair, Require, RetryWait, Role, Rung, RungKind, Surface, Task, Try};
use crate::route::{Capabilities, Deployment, Provider, Route};
use crate::step::{Facts, Observation};
use crate::time::Now;
use crate::walk::Walk;

mod deployments;

fn at(ms: u64) -> Now {
    Now::ZERO + Duration::from_millis(ms)
}

fn rung(name: &str, line: u32, kind: RungKind) -> Rung {
    let (when, place) = (ClassSet::usual(), Some(format!("switchback.toml:{line}").into()));
    Rung { kind, name: name.into(), segments: None, surface: None, when, place }
}

fn call(route: u32, role: Role) -> RungKind {
    RungKind::Try(Try {
        route: RouteId(route),
        role,
        retries: 1,
        timeout: Duration::from_secs(8),
        first_token: None,
        idle: Duration::from_secs(20),
        with: Vec::new(),
        instruction: None,
    })
}

/// gpt, then claude, then the cheaper mini for professionals, then a ready answer, then a clear error.
fn policy() -> Arc<Policy> {
    let names = ["gpt", "claude", "mini"];
    let provider = |name: &str| Provider { name: name.into(), region: None, n_keys: 1 };
    let route = |(place, name): (usize, &&str)| Route {
        name: (*name).into(),
        deployments: vec![Deployment::plain(u32::try_from(place).expect("small"), &format!("{name}/m"))],
    };
    let mini = Rung { segments: Some(vec!["pro".into()]), ..rung("mini", 76, call(2, Role::Cheaper)) };
    let task = Task {
        name: "extract-invoice".into(),
        names: Vec::new(),
        about: None,
        kind: "chat".into(),
        contract: None,
        native: true,
        repair: Repair::default(),
        require: Require::default(),
        surface: Surface::Interactive,
        deadline: PerSurface::both(Duration::from_secs(60)),
        max_attempts: 4,
        retry_wait: RetryWait { low: Duration::from_millis(300), high: Duration::from_millis(300) },
        stream: None,
        stream_deadline: Duration::from_secs(600),
        ladder: vec![
            rung("gpt", 74, call(0, Role::Primary)),
            rung("claude", 75, call(1, Role::Equivalent)),
            mini,
            rung("answer", 77, RungKind::Answer { text: "Later.".into() }),
            rung("fail", 78, RungKind::Fail { message: "Nothing was booked.".into() }),
        ],
        direct: false,
    };
    Arc::new(Policy {
        providers: names.iter().map(|it| provider(it)).collect(),
        routes: names.iter().enumerate().map(route).collect(),
        tasks: vec![task],
        ..Policy::default()
    })
}

/// The story of a request that sees this, each at its time in milliseconds; the last one ends it.
fn told(segment: Option<&str>, stream: bool, seen: Vec<(u64, Observation)>) -> String {
    let policy = policy();
    told_under(&policy, &Health::new(&policy), segment, stream, seen)
}

fn told_under(
    policy: &Arc<Policy>,
    health: &Health,
    segment: Option<&str>,
    stream: bool,
    seen: Vec<(u64, Observation)>,
) -> String {
    let ask = Ask {
        arrived: Now::ZERO,
        deadline: at(60_000),
        deadline_is_clients: false,
        segment: segment.map(Into::into),
        surface: Surface::Interactive,
        needs: Capabilities::NONE,
        prompt_tokens: 100,
        output_cap: None,
        tags: Vec::new(),
        pinned: None,
        alias: false,
        promised: false,
        blocked: None,
    };
    let mut walk = Walk::new(Arc::clone(policy), TaskId(0), ask, Dice::seeded(1)).expect("task");
    let mut last = 0;
    walk.next(at(0), Observation::Begin, health);
    for (ms, observation) in seen {
        last = ms;
        walk.next(at(ms), observation, health);
    }
    assert!(walk.is_over());
    let about = About {
        request_id: RequestId::new(1_700_000_000_000, 7),
        arrived_ms: 1_700_000_000_000,
        stream,
        key: Some("app-ledger".into()),
        client: Some("OpenAI/Python 2.1.0".into()),
        client_retry: Some(0),
        config: "9c1e4f2".into(),
        exhausted_status: 424,
    };
    story(&walk.record(&about, at(last)))
}

fn sound() -> Observation {
    Observation::Sound(Facts { status: Some(200), ..Facts::default() })
}

fn failed(class: C, detail: Option<Detail>, status: Option<u16>) -> Observation {
    let failure = Failure { detail, status, ..Failure::new(class) };
    Observation::Failed(failure, Facts::default())
}

/// The text without the bars and without trailing blanks; they are checked on their own.
fn without_bars(text: &str) -> String {
    let lines = text.lines().map(|it| it.trim_end_matches(['█', '░', ' ']));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

fn assert_told(told: &str, expected: &str) {
    let (told, expected) = (without_bars(told), expected.trim_start_matches('\n'));
    assert!(told == expected, "told:\n{told}\nexpected:\n{expected}");
}

fn recovered() -> String {
    told(
        None,
        false,
        vec![
            (420, failed(C::Transport, Some(Detail::Reset), None)),
            (720, Observation::Elapsed),
            (1_140, failed(C::Overloaded, None, Some(503))),
            (4_240, sound()),
        ],
    )
}

const A_FIRST_TRY: &str = "
● OK   gpt answered at the first try, in 0.84 s.
  EXPECTED?   Yes: nothing moved.
  USER SAW    The answer.

  rung  what       result               at      took
  1.1   try   gpt  ● served           0 ms    0.84 s
  2     claude     · not_reached
  3     mini       · not_reached
  4     answer     · not_reached
  5     fail       · not_reached
  total 0.84 s of 60.00 s · cost ?

  task extract-invoice · surface interactive · key app-ledger · client OpenAI/Python 2.1.0 · config 9c1e4f2
  req_01HF7YAT000000000000000007
";

#[test]
fn a_first_try() {
    assert_told(&told(None, false, vec![(840, sound())]), A_FIRST_TRY);
}

const RECOVERED_AFTER_TWO_FAILURES_AND_A_WAIT: &str = "
◐ RECOVERED   The caller got a full-quality answer from claude, 1.14 s later than if the first try had worked.
  MOVED       gpt → claude, because gpt lost the connection (0.42 s), then was overloaded (503) (class overloaded, why ladder)
  EXPECTED?   Yes: claude takes overloaded. The ladder says so.   switchback.toml:75
  USER SAW    Nothing odd except the wait. Nothing of an answer had been sent before.

  rung  what          result                     at      took
  1.1   try   gpt     ✕ transport · reset      0 ms    0.42 s
        wait          backoff                0.42 s    0.30 s
  1.2   retry gpt     ✕ overloaded · 503     0.72 s    0.42 s
  2.1   try   claude  ● served               1.14 s    3.10 s
  3     mini          · not_reached
  4     answer        · not_reached
  5     fail          · not_reached
  total 4.24 s of 60.00 s · cost ?

  task extract-invoice · surface interactive · key app-ledger · client OpenAI/Python 2.1.0 · config 9c1e4f2
  req_01HF7YAT000000000000000007
";

#[test]
fn recovered_after_two_failures_and_a_wait() {
    assert_told(&recovered(), RECOVERED_AFTER_TWO_FAILURES_AND_A_WAIT);
}

const DEGRADED_TO_A_SMALLER_MODEL: &str = "
▼ DEGRADED   The caller got less than full quality from mini: a smaller model answered, because the usual model is not available.
  MOVED       gpt → claude → mini, because gpt took too long (8.00 s); claude does not have this model (404) (class not_found, why ladder)
  EXPECTED?   Yes: mini takes not_found. The ladder says so.   switchback.toml:76
  USER SAW    An answer that is marked as degraded in header and body.

  rung  what          result                   at      took
  1.1   try   gpt     ✕ timeout · total      0 ms    8.00 s
  2.1   try   claude  ✕ not_found · 404    8.00 s    0.10 s
  3.1   try   mini    ● served             8.10 s    1.20 s
  4     answer        · not_reached
  5     fail          · not_reached
  total 9.30 s of 60.00 s · cost ?

  task extract-invoice · surface interactive · key app-ledger · segment pro · client OpenAI/Python 2.1.0 · config 9c1e4f2
  req_01HF7YAT000000000000000007
";

#[test]
fn degraded_to_a_smaller_model() {
    let seen = vec![
        (8_000, failed(C::Timeout, Some(Detail::Total), None)),
        (8_100, failed(C::NotFound, None, Some(404))),
        (9_300, sound()),
    ];
    assert_told(&told(Some("pro"), false, seen), DEGRADED_TO_A_SMALLER_MODEL);
}

const REFUSED_BY_POLICY: &str = "
■ REFUSED   gpt blocked the request (class policy_blocked).
  SAID        Nothing was booked.
  EXPECTED?   Yes: a policy or safety decision is never routed around.
  USER SAW    A clear error with the policy's code. No other route was asked afterwards.

  rung  what       result                                                                             at      took
  1.1   try   gpt  ✕ policy_blocked · input · 400 · content_filter · The request was filtered.      0 ms     95 ms
  2     claude     · wrong_class: does not take what went wrong
  3     mini       · wrong_segment: is for other segments
  4     answer     · wrong_class: does not take what went wrong
  5     fail       ● reached: the walk ended in an error
  total 95 ms of 60.00 s · cost $0

  task extract-invoice · surface interactive · key app-ledger · client OpenAI/Python 2.1.0 · config 9c1e4f2
  req_01HF7YAT000000000000000007
";

#[test]
fn refused_by_policy() {
    let blocked = Failure {
        code: Some("content_filter".into()),
        message: Some("The request was filtered.".into()),
        status: Some(400),
        ..Failure::new(C::PolicyBlocked).with_detail(Detail::Input)
    };
    assert_told(&told(None, false, vec![(95, Observation::Failed(blocked, Facts::default()))]), REFUSED_BY_POLICY);
}

const BROKEN_OFF_IN_MID_STREAM: &str = "
✕ FAILED   The answer of gpt broke off after it had begun (class transport), after 2.60 s.
  SAID        extract-invoice: the answer broke off after it had begun: gpt lost the connection. What was received is incomplete.
  EXPECTED?   Yes: after its first byte has left an answer never moves to another model.
  USER SAW    A part of the answer, then an error event. Nothing pretended to be complete.

  rung  what       result                          at      took
  1.1   try   gpt  ✕ transport · unfinished      0 ms    2.60 s
  2     claude     · not_reached
  3     mini       · not_reached
  4     answer     · not_reached
  5     fail       · not_reached
  total 2.60 s of 60.00 s · cost ?

  task extract-invoice · surface interactive · key app-ledger · client OpenAI/Python 2.1.0 · config 9c1e4f2
  req_01HF7YAT000000000000000007
";

#[test]
fn broken_off_in_mid_stream() {
    let seen = vec![
        (600, Observation::Committed(Facts { status: Some(200), ..Facts::default() })),
        (2_600, failed(C::Transport, Some(Detail::Unfinished), None)),
    ];
    assert_told(&told(None, true, seen), BROKEN_OFF_IN_MID_STREAM);
}

#[test]
fn the_first_lines_name_from_to_class_outcome_and_whether_it_was_expected() {
    let text = recovered();
    let first: Vec<&str> = text.lines().take(4).collect();
    assert!(first[0].contains("RECOVERED"), "{text}");
    for word in ["gpt → claude", "gpt lost the connection", "overloaded (503)", "class overloaded", "why ladder"] {
        assert!(first[1].contains(word), "{word} is missing: {text}");
    }
    assert!(first[2].starts_with("  EXPECTED?   Yes") && first[2].ends_with("switchback.toml:75"), "{text}");
    assert!(first[3].starts_with("  USER SAW"), "{text}");
}

#[test]
fn a_failure_that_no_row_knows_was_not_expected() {
    let unknown = failed(C::ServerError, Some(Detail::Unclassified), Some(418));
    let again = failed(C::ServerError, Some(Detail::Unclassified), Some(418));
    let text = told(None, false, vec![(10, unknown), (310, Observation::Elapsed), (320, again), (900, sound())]);
    let expected = text.lines().find(|it| it.contains("EXPECTED?")).expect("line");
    assert!(expected.contains("No: gpt") && expected.contains("server_error"), "{text}");
}

#[test]
fn bars_lie_in_order_of_time_and_inside_their_width() {
    let text = recovered();
    let bars: Vec<&str> = text.lines().filter(|it| it.contains(['█', '░'])).collect();
    let starts: Vec<usize> = bars.iter().filter_map(|it| it.chars().position(|it| it == '█' || it == '░')).collect();
    assert_eq!(bars.len(), 4, "three calls and a wait: {text}");
    assert!(starts.is_sorted(), "{text}");
    let longest = bars.iter().filter(|it| it.contains("claude")).map(|it| it.matches('█').count());
    assert!(longest.clone().all(|it| (20..=32).contains(&it)), "{text}");
}
