//! How a ladder ends: statuses, codes, and whether it is worth coming back.

use crate::kit::{Gateway, Seen, ask, chat, chat_with, file, sim};

/// Both rungs fail this way; `server` and `task` go into the file.
async fn ended(fault: &str, server: &str, task: &str, headers: &[(&str, &str)]) -> Seen {
    let sim = sim().await;
    let text = file(&sim.base_url(), &format!("large+{fault}"), "").server(server).task(task).text();
    let gateway = Gateway::start_with(&text.replace("sim/spare", &format!("sim/spare+{fault}")), &[]).await;
    let seen = chat_with(gateway.listen, headers, &ask("chat", false, "anybody?")).await;
    let record = &gateway.records_of(1).await[0];
    assert_eq!(record["outcome"], seen.object()["outcome"]);
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_ladder_is_424_and_forbids_to_come_back() {
    let seen = ended("500", "", "", &[]).await;
    assert_eq!((seen.status, seen.code()), (424, "all_rungs_failed".to_owned()), "{seen:?}");
    assert_eq!((seen.header("x-should-retry"), seen.header("retry-after")), (Some("false"), None));
    let message = seen.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("primary") && message.contains("backup"), "it names what failed: {message}");
    assert_eq!(seen.object()["attempts"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_an_exhausted_ladder_can_be_503() {
    let seen = ended("500", "exhausted-status = 503", "", &[]).await;
    assert_eq!((seen.status, seen.code()), (503, "all_rungs_failed".to_owned()), "{seen:?}");
    assert_eq!(seen.header("x-should-retry"), Some("false"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_rate_limits_left_is_429_with_a_time() {
    let seen = ended("429-retry-after-long", "", "", &[]).await;
    assert_eq!((seen.status, seen.code()), (429, "all_rungs_rate_limited".to_owned()), "{seen:?}");
    let after: u64 = seen.header("retry-after").unwrap().parse().unwrap();
    assert!((110..=121).contains(&after), "{after}");
    assert_eq!(seen.header("x-should-retry"), None);
    assert!(
        seen.object()["retry_after_ms"].as_u64().is_some_and(|it| it.div_ceil(1_000) == after),
        "{}",
        seen.object()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_rung_can_take_is_the_callers_to_change() {
    let seen = ended("context", "", "", &[]).await;
    assert_eq!((seen.status, seen.code()), (400, "context_length_exceeded".to_owned()), "{seen:?}");
    let seen = ended("unsupported", "", "", &[]).await;
    assert_eq!((seen.status, seen.code()), (400, "unsupported".to_owned()), "{seen:?}");
    let seen = ended("400", "", "", &[]).await;
    assert_eq!((seen.status, seen.header("x-switchback-attempts")), (400, Some("1")), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_own_deadline_ends_the_walk() {
    let seen = ended("hang", "", "", &[("x-switchback-deadline", "400ms")]).await;
    assert_eq!((seen.status, seen.code()), (424, "deadline".to_owned()), "{seen:?}");
    assert_eq!(seen.header("x-should-retry"), Some("false"));
    assert_eq!(seen.object()["attempts"][0]["class"], "timeout");
    // It lowers the task's deadline and never raises it.
    let seen = ended("hang", "", "deadline = \"500ms\"", &[("x-switchback-deadline", "50s")]).await;
    assert_eq!(seen.code(), "deadline", "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_own_timeout_is_a_deadline_too() {
    let seen = ended("hang", "", "", &[("x-stainless-read-timeout", "0.6")]).await;
    assert_eq!(seen.code(), "deadline", "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_that_the_route_cannot_take_is_left_out_once_and_said() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let asked = async |body: &str| {
        sim.set_fault("large", vec![switchback_sim::Fault::Unsupported, switchback_sim::Fault::Ok]);
        chat(gateway.listen, body).await
    };
    let plain = ask("chat", false, "hint?");
    let seen = asked(&plain.replace("}]}", "}],\"temperature\":0.5}")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("primary"), "{seen:?}");
    assert_eq!(seen.header("x-switchback-outcome"), Some("recovered"), "{seen:?}");
    assert_eq!(seen.object()["dropped"], serde_json::Value::from(vec!["temperature"]), "{seen:?}");
    assert_eq!(sim.calls().len(), 2);
    let seen = asked(&plain).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("backup"), "the same request again is no cure: {seen:?}");
    assert_eq!(sim.calls().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_never_more_than_allowed() {
    let seen = ended("500", "", "max-attempts = 2", &[]).await;
    let told = seen.object();
    let routes: Vec<&str> = told["attempts"].as_array().unwrap().iter().filter_map(|it| it["route"].as_str()).collect();
    assert_eq!(routes, ["primary", "backup"], "a retry does not starve the ladder");
}

const RUNGS: &str = r#"
[segment.free]
[segment.pro]
[task.tiers]
ladder = [
  { try = "primary", segments = ["pro"] },
  { try = "backup", surfaces = ["background"] },
  { try = "sim/last", as = "cheaper" },
  { answer = "Nobody is in.", when = ["technical"] },
  { fail = "We are closed." },
]
"#;

async fn tiers() -> (Gateway, switchback_sim::Sim) {
    let sim = sim().await;
    let server = "segment-from = \"header:x-switchback-segment\"";
    (Gateway::start(&file(&sim.base_url(), "large", "").server(server).rest(RUNGS)).await, sim)
}

#[tokio::test(flavor = "multi_thread")]
async fn rungs_of_other_segments_and_surfaces_are_not_the_callers() {
    let (gateway, _sim) = tiers().await;
    let (segment, surface) = ("x-switchback-segment", "x-switchback-surface");
    for (headers, by, outcome, not_run) in [
        (vec![(segment, "pro")], "primary", "ok", ""),
        (vec![(surface, "background")], "backup", "ok", "primary=wrong_segment"),
        (vec![(segment, "free"), (surface, "background")], "backup", "ok", "primary=wrong_segment"),
        (vec![(segment, "unknown")], "sim/last", "degraded", "primary=wrong_segment, backup=wrong_surface"),
        (vec![], "sim/last", "degraded", "primary=wrong_segment, backup=wrong_surface"),
    ] {
        let seen = chat_with(gateway.listen, &headers, &ask("tiers", false, "me?")).await;
        assert_eq!(seen.header("x-switchback-served-by"), Some(by), "{headers:?}: {seen:?}");
        assert_eq!(seen.header("x-switchback-outcome"), Some(outcome), "{headers:?}: {seen:?}");
        let told = seen.header("x-switchback-not-run").unwrap();
        let skipped: Vec<&str> = told.split(", ").filter(|it| !it.ends_with("not_reached")).collect();
        assert_eq!(skipped.join(", "), not_run, "{headers:?}");
        assert_eq!(seen.header("x-switchback-degraded").is_some(), outcome == "degraded", "{headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_answer_is_marked_and_the_operators_sentence_ends_the_ladder() {
    let (gateway, sim) = tiers().await;
    sim.set_fault("*", vec![switchback_sim::Fault::ServerError]);
    for stream in [false, true] {
        let seen = chat(gateway.listen, &ask("tiers", stream, "me?")).await;
        assert_eq!((seen.status, seen.header("x-switchback-outcome")), (200, Some("degraded")), "{seen:?}");
        assert!(seen.body.contains("Nobody is in."), "{seen:?}");
        assert_eq!(seen.header("x-switchback-served-by"), Some("answer"));
        let degraded = seen.header("x-switchback-degraded").unwrap();
        assert!(degraded.is_ascii() && !degraded.is_empty(), "{degraded}");
        assert_eq!(seen.object()["degraded"], *degraded);
    }
    sim.set_fault("*", vec![switchback_sim::Fault::BrokenJson]);
    let body = ask("tiers", false, "me?").replace("}]}", "}],\"response_format\":{\"type\":\"json_object\"}}");
    let seen = chat(gateway.listen, &body).await;
    assert_eq!(seen.status, 424, "a ready answer that is no JSON is not given where JSON was promised: {seen:?}");
    assert_eq!(seen.json()["error"]["message"], "We are closed.");
}
