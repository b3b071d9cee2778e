//! Streams: nothing leaves before it is sound, nothing pretends to be whole, nothing just ends.

use std::time::Duration;

use crate::kit::{Gateway, Seen, TOOLS, ask, ask_with, chat, file, sim, slow_sim};

const QUICK: &str = r#", timeout = "3s", first-token = "2s", idle = "500ms""#;
const FORM: &str = r#","response_format":{"type":"json_schema","json_schema":{"name":"form","strict":true,"schema":{"type":"object","properties":{"city":{"type":"string"},"count":{"type":"integer"}},"required":["city","count"],"additionalProperties":false}}}}"#;

async fn streamed(model: &str, more: &str, said: &str) -> (Seen, Gateway, switchback_sim::Sim) {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), model, QUICK)).await;
    let seen = chat(gateway.listen, &ask_with("chat", true, said, more)).await;
    (seen, gateway, sim)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_after_it_began_ends_in_an_error_event_and_never_in_done() {
    for fault in ["cut", "cut-clean", "stall", "malformed-chunk", "error-event-late", "drip"] {
        let (seen, gateway, sim) = streamed(&format!("large+{fault}"), "", "hello out there").await;
        assert_eq!((seen.status, seen.whole, seen.is_done()), (200, true, false), "{fault}: {seen:?}");
        assert!(!seen.body.contains("[DONE]") && !seen.body.contains("garbage"), "{fault}: {}", seen.body);
        assert!(seen.body.ends_with("\n\n"), "{fault}: the error is an event of its own: {}", seen.body);
        let events = seen.events();
        let finishes = events.iter().filter(|it| it["choices"][0]["finish_reason"].is_string()).count();
        assert_eq!((finishes, seen.code()), (0, "all_rungs_failed".to_owned()), "{fault}: {}", seen.body);
        assert_eq!(seen.object()["outcome"], "failed", "{fault}");
        assert_eq!(gateway.records_of(1).await[0]["outcome"], "failed", "{fault}");
        assert_eq!(sim.calls().len(), 1, "{fault}: nothing moves after the commit point");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_before_content_moves_without_a_trace_of_the_first_try() {
    for fault in ["malformed-first", "error-event", "hang-after-headers", "slow-first-token", "empty", "no-choices"] {
        let (seen, _gateway, _sim) = streamed(&format!("large+{fault}"), "", "hello out there").await;
        assert!(seen.is_done() && seen.whole, "{fault}: {seen:?}");
        assert!(!seen.body.contains("large"), "{fault}: {}", seen.body);
        assert_eq!(seen.text().matches("Simulated answer").count(), 1, "{fault}");
        assert_eq!(seen.header("x-switchback-outcome"), Some("recovered"), "{fault}");
        assert_eq!(seen.object()["served_by"], "backup", "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_an_answer_that_broke_its_promise_leaves() {
    for fault in
        ["broken-json", "missing-field", "truncated", "cut", "cut-clean", "malformed-chunk", "error-event-late"]
    {
        let (seen, _gateway, _sim) = streamed(&format!("large+{fault}"), FORM, "fill it in").await;
        assert!(seen.is_done(), "{fault}: {seen:?}");
        assert!(!seen.body.contains("large") && !seen.body.contains("oops"), "{fault}: {}", seen.body);
        let form: serde_json::Value = serde_json::from_str(&seen.text()).unwrap();
        assert!(form["city"].is_string() && form["count"].is_i64(), "{fault}: {form}");
        assert_eq!(seen.object()["outcome"], "recovered", "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_in_the_place_of_a_tool_call_that_was_asked_for_again_are_no_answer() {
    for stream in [true, false] {
        let sim = sim().await;
        let gateway = Gateway::start(&file(&sim.base_url(), "large+missing-field", QUICK)).await;
        // Shown its call and what is wrong with it, this model says `{}`, which answers nothing that the caller said.
        let seen = chat(gateway.listen, &ask_with("chat", stream, "use a tool", TOOLS)).await;
        let object = seen.object();
        assert_eq!((&object["outcome"], &object["served_by"]), (&"recovered".into(), &"backup".into()), "{object}");
        let attempts = object["attempts"].as_array().unwrap();
        let told: Vec<_> = attempts.iter().map(|it| (it["kind"].as_str(), it["class"].as_str())).collect();
        assert_eq!(told[1], (Some("repair"), Some("contract")), "{object}");
        assert!(seen.body.contains("look_up"), "the same call comes from the next route: {}", seen.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_call_is_held_until_it_is_whole_and_valid() {
    for fault in ["undeclared-tool", "bad-arguments", "broken-json", "truncated", "cut", "malformed-chunk"] {
        let (seen, _gateway, _sim) = streamed(&format!("large+{fault}"), TOOLS, "use a tool").await;
        assert!(seen.is_done(), "{fault}: {seen:?}");
        // An argument of the wrong type is mended where nothing of it is lost: then the first route has answered.
        let mended = fault == "bad-arguments";
        assert!(mended || !seen.body.contains("large"), "{fault}: {}", seen.body);
        assert!(!seen.body.contains("drop_tables"), "{fault}: {}", seen.body);
        assert_eq!(seen.object()["outcome"], "recovered", "{fault}");
        let arguments: String = seen
            .events()
            .iter()
            .filter_map(|it| {
                Some(it["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()?.to_owned())
            })
            .collect();
        let arguments: serde_json::Value = serde_json::from_str(&arguments).unwrap();
        assert!(arguments["word"].is_string(), "{fault}: {arguments}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undeclared_tool_call_never_leaves_where_no_tool_was_offered() {
    let (seen, _gateway, _sim) = streamed("large+undeclared-tool", "", "hello").await;
    assert!(!seen.body.contains("drop_tables"), "{}", seen.body);
    assert_eq!(seen.object()["outcome"], "recovered");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_a_filter_cut_is_never_asked_for_elsewhere() {
    for (more, said) in [("", "hello"), (FORM, "fill it in"), (TOOLS, "use a tool")] {
        let (seen, _gateway, sim) = streamed("large+filtered", more, said).await;
        assert!(sim.calls().iter().all(|it| it.model == "large+filtered"), "{more}: {:?}", sim.calls());
        assert_eq!(seen.object()["outcome"], "refused", "{more}: {}", seen.body);
        assert!(seen.body.contains("content_filter"), "{more}: {}", seen.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_cannot_wait_says_that_the_rest_is_pending() {
    let sim = slow_sim(Duration::from_millis(1_500)).await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", QUICK).server("hold-head = \"300ms\"")).await;
    let seen = chat(gateway.listen, &ask("chat", true, "patience")).await;
    assert_eq!((seen.status, seen.header("x-switchback-pending")), (200, Some("true")), "{seen:?}");
    assert_eq!(seen.header("x-switchback-outcome"), None, "what is not known is not claimed");
    assert_eq!(seen.header("x-switchback-task"), Some("chat"));
    assert!(seen.is_done() && seen.text().contains("patience"), "{seen:?}");
    assert_eq!(seen.object()["outcome"], "ok");
    let whole = chat(gateway.listen, &ask("chat", false, "patience")).await;
    assert_eq!(whole.header("x-switchback-pending"), None, "only streams are pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_stream_that_fails_ends_in_an_error_event() {
    let sim = sim().await;
    let rung = r#", timeout = "900ms""#;
    let text = file(&sim.base_url(), "large+hang", rung).server("hold-head = \"300ms\"").text();
    let gateway = Gateway::start_with(&text.replace("sim/spare", "sim/spare+hang"), &[]).await;
    let seen = chat(gateway.listen, &ask("chat", true, "patience")).await;
    assert_eq!((seen.status, seen.header("x-switchback-pending")), (200, Some("true")), "{seen:?}");
    assert_eq!((seen.whole, seen.is_done(), seen.code()), (true, false, "all_rungs_failed".to_owned()), "{seen:?}");
    assert_eq!(seen.object()["outcome"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_end_marker_after_a_finish_reason_is_a_complete_stream() {
    let (seen, _gateway, sim) = streamed("large+no-done", "", "hello").await;
    assert!(seen.is_done() && seen.object()["outcome"] == "ok", "{seen:?}");
    assert_eq!(sim.calls().len(), 1);
}
