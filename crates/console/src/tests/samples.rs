//! Views for the tests: an incident as it looks at 03:00.

use switchback_core::record::DecisionRecord;

use crate::*;

/// 2025-11-20 14:12:00 UTC.
pub(super) const NOW_MS: u64 = 1_763_647_920_000;

pub(super) fn frame() -> Frame {
    Frame {
        version: "0.1.0".into(),
        config: "9c1e4f2".into(),
        revision: 41,
        up_ms: 6 * 86_400_000,
        now_ms: NOW_MS,
        simulated: false,
        draining: false,
        overrides: vec![over("gpt")],
        sign_out: None,
    }
}

pub(super) fn over(route: &str) -> Override {
    Override {
        route: route.into(),
        kind: "disable".into(),
        by: "mira".into(),
        reason: "INC-231 OpenAI timeouts".into(),
        since_ms: NOW_MS - 960_000,
        until_ms: Some(NOW_MS + 44 * 60_000),
    }
}

/// gpt timed out, was asked again after a wait, was overloaded; claude answered.
pub(super) fn recovered() -> DecisionRecord {
    record(
        r#"{"request_id":"req_01K9TQ7F3MHYV551E12Y9MP472","task":"extract-invoice","segment":"enterprise","surface":"interactive",
        "outcome":"recovered","why":"ladder","served_by":"claude","provider":"anthropic","region":"eu","rung":2,"rungs":5,
        "attempts":[
          {"rung":1,"route":"gpt","kind":"first","class":"timeout","status":null,"ms":8000,"cost_usd":null,"at_ms":0,"key":1,"detail":"first_token"},
          {"rung":1,"route":"gpt","kind":"retry","class":"overloaded","status":503,"ms":420,"cost_usd":null,"at_ms":8310,"key":2,
           "code":"server_overloaded","message":"The server is currently overloaded with other requests.","retry_after_ms":20000,"provider_request_id":"req-9f2"},
          {"rung":2,"route":"claude","kind":"first","class":"served","status":200,"ms":3100,"cost_usd":0.0183,"at_ms":8740,"key":1,
           "first_token_ms":640,"model":"claude-sonnet-4-5-20250929","usage":{"prompt":1240,"completion":318,"cached":900,"reasoning":null},"provider_request_id":"msg_01"}],
        "not_run":[{"rung":3,"name":"gpt-pro","reason":"wrong_segment"},{"rung":4,"name":"answer","reason":"not_reached"},{"rung":5,"name":"fail","reason":"not_reached"}],
        "dropped":["seed"],"cost_usd":null,"added_ms":8740,
        "arrived_ms":1763647600000,"total_ms":11840,"deadline_ms":60000,"stream":true,"committed":true,
        "waits":[{"rung":1,"kind":"backoff","at_ms":8000,"ms":310}],
        "moves":[{"from_rung":1,"to_rung":2,"from":"gpt","to":"claude","class":"overloaded","why":"ladder","place":"switchback.toml:75"}],
        "key":"app-ledger","client":"OpenAI/Python 2.1.0","client_retry":0,"config":"9c1e4f2"}"#,
    )
}

/// Everything was limited or open; a ready answer was given.
pub(super) fn degraded() -> DecisionRecord {
    record(
        r#"{"request_id":"req_01K9TQ8B11HYV551E12Y9MP473","task":"support-reply","surface":"interactive",
        "outcome":"degraded","why":"breaker","served_by":"answer","rung":4,"rungs":4,
        "attempts":[{"rung":1,"route":"claude","kind":"first","class":"rate_limited","status":429,"ms":210,"cost_usd":null,"at_ms":0,"key":1,"retry_after_ms":20000}],
        "not_run":[{"rung":2,"name":"gpt","reason":"disabled"},{"rung":3,"name":"mini","reason":"breaker_open"}],
        "degraded":"a ready answer was given, because the usual model is not available","cost_usd":null,
        "arrived_ms":1763647603000,"total_ms":214,"deadline_ms":20000,"stream":false,"committed":false,
        "moves":[{"from_rung":1,"to_rung":4,"from":"claude","to":"answer","class":"rate_limited","why":"ladder","place":"switchback.toml:91"}],
        "key":"app-web","config":"9c1e4f2"}"#,
    )
}

/// Both model rungs failed, and the walk ended in an error.
pub(super) fn failed() -> DecisionRecord {
    record(
        r#"{"request_id":"req_01K9TQ8C22HYV551E12Y9MP474","task":"extract-invoice","surface":"background",
        "outcome":"failed","why":"ladder","rungs":3,
        "attempts":[
          {"rung":1,"route":"gpt","kind":"first","class":"transport","status":null,"ms":31,"cost_usd":null,"at_ms":0,"key":1,"detail":"connect"},
          {"rung":2,"route":"claude","kind":"first","class":"contract","status":200,"ms":2900,"cost_usd":0.0171,"at_ms":32,"key":1,"detail":"json","message":"expected `,` at line 3"}],
        "not_run":[],"cost_usd":null,
        "arrived_ms":1763647611000,"total_ms":2935,"deadline_ms":60000,"stream":false,"committed":false,
        "moves":[{"from_rung":1,"to_rung":2,"from":"gpt","to":"claude","class":"transport","why":"ladder"},
                 {"from_rung":2,"to_rung":3,"from":"claude","to":"fail","class":"contract","why":"ladder","place":"switchback.toml:78"}],
        "error":{"status":424,"code":"all_rungs_failed","message":"extract-invoice could not be answered: gpt lost the connection, claude broke the contract. Nothing was booked."},
        "key":"app-ledger","config":"9c1e4f2"}"#,
    )
}

/// First rung, first attempt.
pub(super) fn plain() -> DecisionRecord {
    record(
        r#"{"request_id":"req_01K9TQ9D33HYV551E12Y9MP475","task":"support-reply","surface":"interactive",
        "outcome":"ok","served_by":"claude","provider":"anthropic","rung":1,"rungs":2,
        "attempts":[{"rung":1,"route":"claude","kind":"first","class":"served","status":200,"ms":1210,"cost_usd":0.004,"at_ms":2,"key":1}],
        "not_run":[{"rung":2,"name":"fail","reason":"not_reached"}],"cost_usd":0.004,"added_ms":2,
        "arrived_ms":1763647640000,"total_ms":1215,"deadline_ms":20000,"stream":false,"committed":false,"config":"9c1e4f2"}"#,
    )
}

pub(super) fn record(json: &str) -> DecisionRecord {
    serde_json::from_str(json).expect("a record")
}

pub(super) fn story_of(record: DecisionRecord) -> StoryView {
    let headers = vec![("x-switchback-outcome".to_owned(), record.object.outcome.to_string())];
    StoryView { frame: frame(), record, headers }
}

pub(super) fn minutes() -> Vec<Minute> {
    let start = NOW_MS - NOW_MS % 60_000 - 59 * 60_000;
    let outcomes = |it: u64| match it {
        0..44 => Outcomes { ok: 640 + (it * 37) % 90, recovered: it % 3, ..Outcomes::default() },
        44..52 => {
            Outcomes { ok: 300 + it * 2, recovered: 260, degraded: 40 + it, failed: it - 40, ..Outcomes::default() }
        }
        _ => Outcomes { ok: 180, recovered: 300, degraded: 170 + it, refused: 2, failed: 6, caller: 0 },
    };
    (0..60).map(|it| Minute { start_ms: start + it * 60_000, outcomes: outcomes(it) }).collect()
}

pub(super) fn routes_list() -> Vec<RouteCard> {
    let bucket = |name: &str, state, calls, failed| BucketRow {
        bucket: name.into(),
        state,
        calls,
        failed,
        median_ms: (calls > 5).then_some(1_120),
        next_probe_ms: (state == RouteState::Open).then_some(8_400),
    };
    let call = |name: &str, buckets| Call { call: name.into(), keys: 2, buckets, ..Call::default() };
    let card = |name: &str, state, calls| RouteCard {
        route: name.into(),
        state,
        calls,
        used_by: vec![Use { task: "extract-invoice".into(), rung: 1 }, Use { task: "support-reply".into(), rung: 2 }],
        retry_budget: Some(RetryBudget { left: 7, of: 10 }),
        ..RouteCard::default()
    };
    let (open, closed) = (RouteState::Open, RouteState::Closed);
    let limited = Call { keys_cooling: 1, ..call("anthropic/claude-sonnet", vec![bucket("chat", closed, 3_655, 438)]) };
    vec![
        RouteCard {
            over: Some(over("gpt")),
            since_ms: Some(NOW_MS - 960_000),
            ..card("gpt", RouteState::Disabled, vec![call("openai/gpt-5", vec![bucket("chat", open, 212, 129)])])
        },
        card("claude", closed, vec![limited]),
        RouteCard {
            since_ms: Some(NOW_MS - 320_000),
            retry_budget: Some(RetryBudget { left: 0, of: 10 }),
            ..card(
                "mini",
                open,
                vec![
                    Call {
                        state: open,
                        region: Some("eu".into()),
                        notes: vec!["weight 3".into()],
                        ..call("openai/gpt-5-mini", vec![bucket("chat", open, 14, 9), bucket("long", closed, 4, 0)])
                    },
                    Call {
                        region: Some("us".into()),
                        notes: vec!["weight 1".into()],
                        ..call("azure/gpt-5-mini", vec![])
                    },
                ],
            )
        },
        card("gpt-pro", closed, vec![call("openai/gpt-5-pro", vec![bucket("chat", closed, 4, 0)])]),
    ]
}

pub(super) fn now_view() -> NowView {
    let five = Outcomes { ok: 61, recovered: 88, degraded: 0, refused: 1, failed: 12, caller: 0 };
    let hour = Outcomes { ok: 8_420, recovered: 412, degraded: 0, refused: 3, failed: 31, caller: 0 };
    let row = |task: &str, about: &str, last_5_min, last_hour| TaskRow {
        task: task.into(),
        about: Some(about.into()),
        last_5_min,
        last_hour,
        in_flight: Some(3),
    };
    NowView {
        frame: frame(),
        tasks: Ok(vec![
            row("extract-invoice", "Emailed invoice to ledger JSON.", five, hour),
            row(
                "support-reply",
                "Draft of a reply to a customer.",
                Outcomes { ok: 902, recovered: 40, degraded: 260, ..Outcomes::default() },
                Outcomes { ok: 38_110, recovered: 210, degraded: 1_804, ..Outcomes::default() },
            ),
        ]),
        minutes: minutes(),
        problems: vec![
            Problem {
                text: "extract-invoice: 12 of 162 requests of the last 5 minutes failed.".into(),
                since_ms: Some(NOW_MS - 600_000),
                about: About::Task("extract-invoice".into()),
            },
            Problem {
                text: "mini is open: 9 of 14 calls failed within its window.".into(),
                since_ms: Some(NOW_MS - 320_000),
                about: About::Route("mini".into()),
            },
            Problem {
                text: "The last reload was refused, the file before it still serves: SB104 line 12: no route `gtp`"
                    .into(),
                since_ms: None,
                about: About::Gateway,
            },
        ],
        in_flight: 6,
        last_reload: Some(Reload {
            at_ms: NOW_MS - 900_000,
            ok: false,
            why: Some("SB104 no route `gtp`\n  switchback.toml:12:3".into()),
        }),
        records_dropped: 3,
        rejected: vec![("bad_key".into(), 14), ("too_large".into(), 1)],
        routes: routes_list(),
        added: Some(AddedWait { p50_ms: 90, p95_ms: 4_600, n: 1_340 }),
        cost: Cost { usd: Some(18.307), n_unknown: 412 },
        moved: vec![failed(), degraded(), recovered()],
        endpoint: "http://127.0.0.1:4000/v1".into(),
    }
}

pub(super) fn requests_view(listed: Listed) -> RequestsView {
    let choices = Choices {
        tasks: vec!["extract-invoice".into(), "support-reply".into()],
        routes: vec!["gpt".into(), "claude".into()],
        keys: vec!["app-ledger".into()],
    };
    RequestsView { frame: frame(), filter: Filter::default(), choices, listed }
}

pub(super) fn rows() -> Listed {
    let older = Some("req_01K9TQ7F3MHYV551E12Y9MP472".to_owned());
    Listed::Rows { records: vec![plain(), failed(), degraded(), recovered()], older }
}

pub(super) fn routes_view() -> RoutesView {
    RoutesView { frame: frame(), routes: routes_list(), notice: None }
}

pub(super) fn act_view(act: Act, preview: Result<Preview, String>) -> ActView {
    ActView {
        frame: frame(),
        act,
        select: "claude".into(),
        preview,
        form_token: "t0ken".into(),
        revision: 41,
        refusal: None,
        reason: String::new(),
        span: None,
        by: String::new(),
    }
}

pub(super) fn preview_of(friction: Friction) -> Preview {
    Preview {
        routes: vec![("claude".into(), "anthropic/claude-sonnet".into())],
        effect: vec![
            "extract-invoice: rung 2 is left out; rung 1 gpt is disabled, so rung 3 gpt-pro would serve".into(),
            "support-reply: would start at rung 3, mini, which counts as degraded".into(),
        ],
        friction,
    }
}

/// Every page there is, each with its name.
pub(super) fn every_page() -> Vec<(&'static str, String)> {
    vec![
        ("now", now(&now_view())),
        ("requests", requests(&requests_view(rows()))),
        (
            "requests-none-yet",
            requests(&requests_view(Listed::NoneYet { endpoint: "http://127.0.0.1:4000/v1".into() })),
        ),
        ("requests-none-match", requests(&requests_view(Listed::NoneMatch { without: Some(3_412) }))),
        ("requests-unavailable", requests(&requests_view(Listed::Unavailable { why: "the disk is full".into() }))),
        (
            "requests-not-understood",
            requests(&requests_view(Listed::NotUnderstood { why: "`since`: 5x is no time".into() })),
        ),
        ("story-recovered", story(&story_of(recovered()))),
        ("story-degraded", story(&story_of(degraded()))),
        ("story-failed", story(&story_of(failed()))),
        ("story-ok", story(&story_of(plain()))),
        ("routes", routes(&routes_view())),
        ("act", act(&act_view(Act::Disable, Ok(preview_of(Friction::Reason))))),
        ("act-warned", act(&act_view(Act::Trip, Ok(preview_of(Friction::Warned))))),
        ("act-none", act(&act_view(Act::Reset, Err("No route matches claude.".into())))),
        ("not-found", not_found(&frame(), "Not here", "req_1 is not here: the oldest is from yesterday.")),
        ("sign-in", sign_in(&SignInView { next: "/routes".into(), refusal: Some("That is not the token.".into()) })),
    ]
}
