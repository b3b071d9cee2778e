//! `routes show`, `trip` and `reset`: one route in full, and what an operator does to its breaker.

use serde_json::Value;

use crate::kit::operators::Operators;
use crate::kit::{Gateway, Ran, ask, chat, file, run, sim};

const ROWS: &str = r#"[
    {"route":"gpt","call":"openai/gpt-5","region":"us","state":"open","keys":3,"keys_cooling":1,"keys_off":1,"calls":12,"failed":7,"used_by":["chat 1"]},
    {"route":"openai/gpt-5-mini","call":"openai/gpt-5-mini","region":"us","state":"closed","keys":1,"keys_cooling":0,"keys_off":0,"calls":0,"failed":0,"used_by":[]},
    {"route":"claude","call":"anthropic/claude-sonnet-5","region":"eu","state":"closed","keys":1,"keys_cooling":0,"keys_off":0,"calls":0,"failed":0,"used_by":["chat 2"]}]"#;

const GPT: &str = r#"{"route":"gpt","call":"openai/gpt-5","region":"us","tags":["gdpr"],"state":"open","next_probe_ms":8400,
    "cooling_ms":12000,"median_ms":2900,"keys":3,"keys_cooling":1,"keys_off":1,"calls":12,"failed":7,"something_new":[1],
    "buckets":[{"bucket":"short","state":"open","calls":10,"failed":7,"median_ms":2900,"next_probe_ms":8400},
               {"bucket":"tools","state":"closed","calls":2,"failed":0}],
    "deployments":[{"call":"azure/gpt5-prod","region":"eu","state":"closed","weight":3,"order":1}],
    "credentials":[{"key":1,"state":"ready"},{"key":2,"state":"cooling","why":"rate_limited","again_ms":12000},
                   {"key":3,"state":"off","why":"auth","again_ms":240000}],
    "retry_budget":{"left":3.2,"most":50},
    "overrides":[{"route":"gpt","kind":"trip","by":"mira","reason":"INC-231","since_ms":1800000000000,"until_ms":1800002700000}],
    "used_by":["chat 1","support 2"],
    "last_failures":[{"at_ms":1800000000000,"class":"timeout","request_id":"req_7","message":"no answer"},
                     {"at_ms":1799999999000,"class":"overloaded","request_id":"req_6","status":503}]}"#;

async fn fake() -> Operators {
    let operators = Operators::start().await;
    operators.answers("GET /admin/v1/routes", 200, ROWS);
    operators.answers("GET /admin/v1/routes/gpt", 200, GPT);
    let bare = r#"{"route":"openai/gpt-5-mini","call":"openai/gpt-5-mini","state":"closed","keys":1,"keys_cooling":0,"keys_off":0,"calls":0,"failed":0,"buckets":[],"used_by":[]}"#;
    operators.answers("GET /admin/v1/routes/openai%2Fgpt-5-mini", 200, bare);
    operators
}

fn on(operators: &Operators, args: &[&str]) -> Ran {
    let admin = operators.url();
    run(&[&["--admin", &admin], args].concat(), &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_shown_in_full() {
    let operators = fake().await;
    let ran = on(&operators, &["routes", "show", "gpt"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    for fact in [
        "gpt  openai/gpt-5  @us  [gdpr]  ◌ open, probe in 9 s, cooling for 12 s",
        "⏻ tripped by mira since 2027-01-15 08:00:00 UTC, until 2027-01-15 08:45:00 UTC: INC-231",
        "azure/gpt5-prod  @eu  order 1  weight 3  ● closed",
        "1 of 3 ready, 1 cooling, 1 off",
        "key 2 cooling (rate_limited), tried again in 12 s",
        "key 3 off (auth), tried again in 4 min",
        "short       ◌ open, probe in 9 s, 7 of 10 calls failed in its window (70 %), median 2900 ms",
        "tools       ● closed, 0 of 2 calls failed in its window (0 %)",
        "3.2 of 50 left for retries",
        "used by     chat 1 · support 2",
        "2027-01-15 08:00:00 UTC  timeout  req_7  no answer",
        "overloaded 503  req_6",
        "switchback routes reset 'gpt'",
    ] {
        assert!(ran.out.contains(fact), "{fact}\n{}", ran.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gateway_does_not_tell_is_left_out() {
    let operators = fake().await;
    let ran = on(&operators, &["routes", "show", "*mini@us"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("● closed") && ran.out.contains("used by     no task"), "{ran:?}");
    for absent in ["budget", "failures", "override", "median", "deployments"] {
        assert!(!ran.out.contains(absent), "{absent}\n{}", ran.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selector_shows_all_that_it_matches_and_json_is_a_list() {
    let operators = fake().await;
    let ran = on(&operators, &["routes", "show", "openai/*", "--json"]);
    let routes: Vec<&str> = ran
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["route"].as_str().unwrap())
        .map(|it| match it {
            "gpt" => "gpt",
            _ => "mini",
        })
        .collect();
    assert_eq!(routes, ["gpt", "mini"]);
    assert_eq!(ran.json()[0], serde_json::from_str::<Value>(GPT).unwrap(), "nothing is taken away");
    let none = on(&operators, &["routes", "show", "openai/*@eu"]);
    assert_eq!((none.code, none.out.as_str()), (5, ""), "{none:?}");
    assert!(none.err.contains("claude"), "it says which there are: {none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tripping_shows_its_effect_asks_and_acts_on_what_was_shown() {
    let operators = fake().await;
    let body = r#"{"routes":["gpt"],"effect":["chat would start at rung 2, claude"],"revision":41,"preview":true}"#;
    operators.answers("POST /admin/v1/routes/trip", 200, body);
    let ran = on(&operators, &["routes", "trip", "gpt", "--reason", "slow", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("Treats gpt as down from now on. Probes"), "{ran:?}");
    assert!(ran.err.contains("chat would start at rung 2, claude"), "{ran:?}");
    assert!(ran.out.contains("✓ gpt tripped") && ran.out.contains("undo: switchback routes reset 'gpt'"), "{ran:?}");
    let bodies: Vec<Value> = operators.asked().iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect();
    assert_eq!((&bodies[0]["preview"], bodies[0].get("revision")), (&true.into(), None), "{bodies:?}");
    assert_eq!((&bodies[1]["preview"], &bodies[1]["revision"]), (&false.into(), &41.into()), "{bodies:?}");
    for body in &bodies {
        assert_eq!((&body["select"], &body["reason"], body.get("for")), (&"gpt".into(), &"slow".into(), None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_tripped_or_reset_without_a_reason_and_a_yes() {
    let operators = fake().await;
    let body = r#"{"routes":["gpt"],"effect":[],"revision":41,"preview":true}"#;
    operators.answers("POST /admin/v1/routes/trip", 200, body);
    operators.answers("POST /admin/v1/routes/reset", 200, body);
    for (args, code) in [
        (&["routes", "trip", "gpt", "--yes"][..], 4),
        (&["routes", "trip", "gpt", "--reason", "x"], 4),
        (&["routes", "trip", "gpt", "--reason", "x", "--no-input"], 4),
        (&["routes", "trip", "gpt", "--reason", "x", "--yes", "--for", "45m"], 2),
        (&["routes", "reset", "gpt"], 4),
        (&["routes", "reset"], 2),
    ] {
        let ran = on(&operators, args);
        assert!(ran.code == code && ran.out.is_empty() && !ran.err.is_empty(), "{args:?} {ran:?}");
    }
    let acted = operators.asked().iter().filter(|it| it.body.contains(r#""preview":false"#)).count();
    assert_eq!(acted, 0);
    let ran = on(&operators, &["routes", "reset", "gpt", "--reason", "well again"]);
    assert!(ran.code == 0 && ran.out.contains("✓ gpt reset"), "{ran:?}");
    operators.answers("POST /admin/v1/routes/reset", 409, r#"{"error":"somebody acted first: mira","revision":42}"#);
    let ran = on(&operators, &["routes", "reset", "gpt", "--reason", "well again"]);
    assert!(ran.code == 4 && ran.err.contains("mira"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_route_is_tripped_shown_and_reset() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let ran = gateway.cli(&["routes", "trip", "primary", "--reason", "slow since noon", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("rung 2, backup"), "{ran:?}");
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("backup"), "{seen:?}");
    let shown = gateway.cli(&["routes", "show", "primary"]);
    assert!(shown.code == 0 && shown.out.contains("slow since noon"), "{shown:?}");
    assert_eq!(gateway.cli(&["routes", "reset", "primary", "--reason", "fine again"]).code, 0);
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("primary"), "{seen:?}");
    let shown = gateway.cli(&["routes", "show", "sim/*", "--json"]).json();
    assert_eq!(shown.as_array().map(Vec::len), Some(2), "{shown}");
}
