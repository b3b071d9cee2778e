//! Every fault, as a caller meets it: with a stream and without.

use serde_json::Value;
use switchback_sim::Fault;
use tokio::net::TcpStream;

use crate::client::{End, Seen, ask, chat, json, meet, sim};

#[tokio::test]
async fn faults_that_are_a_status_look_alike_with_and_without_a_stream() {
    let sim = sim().await;
    for (fault, status, code, kind) in [
        (Fault::ServerError, 500, Value::Null, "server_error"),
        (Fault::Unavailable, 503, "server_is_overloaded".into(), "service_unavailable_error"),
        (Fault::Overloaded, 529, Value::Null, "overloaded_error"),
        (Fault::RateLimited, 429, "rate_limit_exceeded".into(), "requests"),
        (Fault::RateLimitedShort, 429, "rate_limit_exceeded".into(), "requests"),
        (Fault::RateLimitedLong, 429, "rate_limit_exceeded".into(), "requests"),
        (Fault::Quota, 429, "insufficient_quota".into(), "insufficient_quota"),
        (Fault::Unauthorized, 401, "invalid_api_key".into(), "invalid_request_error"),
        (Fault::Forbidden, 403, "unsupported_country_region_territory".into(), "request_forbidden"),
        (Fault::NotFound, 404, "model_not_found".into(), "invalid_request_error"),
        (Fault::BadRequest, 400, Value::Null, "invalid_request_error"),
        (Fault::RequestTimeout, 408, Value::Null, "timeout"),
        (Fault::Context, 400, "context_length_exceeded".into(), "invalid_request_error"),
        (Fault::Policy, 400, "content_policy_violation".into(), "invalid_request_error"),
        (Fault::Unsupported, 400, "unsupported_parameter".into(), "invalid_request_error"),
    ] {
        for stream in [false, true] {
            let seen = meet(&sim, fault, stream).await;
            assert_eq!((seen.status, seen.end), (status, End::Proper), "{fault}");
            let error = &seen.json()["error"];
            assert_eq!((&error["code"], &error["type"]), (&code, &kind.into()), "{fault}");
            assert!(!error["message"].as_str().unwrap().is_empty(), "{fault}");
            assert!(seen.header("x-request-id").is_some(), "{fault}");
        }
    }
}

#[tokio::test]
async fn only_the_rate_limits_that_promise_it_say_when_to_come_back() {
    let sim = sim().await;
    for (fault, after) in [
        (Fault::RateLimited, None),
        (Fault::RateLimitedShort, Some("1")),
        (Fault::RateLimitedLong, Some("120")),
        (Fault::Quota, None),
        (Fault::Unavailable, None),
    ] {
        let seen = meet(&sim, fault, false).await;
        assert_eq!(seen.header("retry-after"), after, "{fault}");
        assert_eq!(seen.header("x-ratelimit-reset-requests").is_some(), after.is_some(), "{fault}");
    }
}

#[tokio::test]
async fn pages_are_html_whatever_was_asked() {
    let sim = sim().await;
    for (fault, status) in [(Fault::BadGateway, 502), (Fault::GatewayTimeout, 504), (Fault::Html, 200)] {
        for stream in [false, true] {
            let seen = meet(&sim, fault, stream).await;
            assert_eq!((seen.status, seen.end), (status, End::Proper), "{fault}");
            assert_eq!(seen.header("content-type"), Some("text/html"));
            assert!(seen.body.starts_with("<html>"));
        }
    }
}

#[tokio::test]
async fn connections_that_fail_give_not_one_byte() {
    let sim = sim().await;
    for (fault, end) in [(Fault::Reset, End::Reset), (Fault::Refused, End::Reset), (Fault::Hang, End::Silence)] {
        for stream in [false, true] {
            let seen = meet(&sim, fault, stream).await;
            assert_eq!((seen.status, seen.head.as_str(), seen.end), (0, "", end), "{fault}");
        }
    }
}

#[tokio::test]
async fn silence_after_the_headers_and_after_some_content() {
    let sim = sim().await;
    for stream in [false, true] {
        let hung = meet(&sim, Fault::HangAfterHeaders, stream).await;
        assert_eq!((hung.status, hung.body.as_str(), hung.end), (200, "", End::Silence));
        assert_eq!(hung.streamed(), stream);
        let stalled = meet(&sim, Fault::Stall, stream).await;
        assert_eq!((stalled.status, stalled.end), (200, End::Silence));
        assert!(!stalled.body.is_empty());
    }
    let stalled = meet(&sim, Fault::Stall, true).await;
    assert!(stalled.content().starts_with("Simulated answer"), "{stalled:?}");
    assert_eq!(stalled.finish(), None);
}

#[tokio::test]
async fn a_cut_answer_has_begun_and_has_no_end() {
    let sim = sim().await;
    let whole = meet(&sim, Fault::Ok, true).await.content().len();
    for (fault, end) in [(Fault::Cut, End::Cut), (Fault::CutClean, End::Proper)] {
        let streamed = meet(&sim, fault, true).await;
        assert_eq!((streamed.status, streamed.end), (200, end), "{fault}");
        assert!((1..whole).contains(&streamed.content().len()), "{fault}: {streamed:?}");
        assert_eq!((streamed.finish(), streamed.done()), (None, false), "{fault}");
        let at_once = meet(&sim, fault, false).await;
        assert_eq!((at_once.status, at_once.end), (200, end), "{fault}");
        assert!(at_once.body.starts_with("{\"id\""));
        assert!(serde_json::from_str::<Value>(&at_once.body).is_err(), "{fault}");
    }
}

#[tokio::test]
async fn even_the_shortest_answer_can_be_cut() {
    let sim = sim().await;
    let mut body = ask("gpt-sim+cut", true, "one digit");
    body["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "digit", "schema": {"type": "integer"}}});
    let seen = chat(sim.addr(), &body).await;
    assert_eq!((seen.content().as_str(), seen.finish(), seen.end), ("1", None, End::Cut));
}

#[tokio::test]
async fn garbage_stands_first_or_after_the_first_content() {
    let sim = sim().await;
    for (fault, place) in [(Fault::MalformedFirst, 0), (Fault::MalformedChunk, 2)] {
        let seen = meet(&sim, fault, true).await;
        let data = seen.data();
        let broken: Vec<_> = (0..data.len() - 1).filter(|i| serde_json::from_str::<Value>(data[*i]).is_err()).collect();
        assert_eq!(broken, [place], "{fault}");
        let at_once = meet(&sim, fault, false).await;
        assert_eq!((at_once.status, at_once.end), (200, End::Proper));
        assert!(serde_json::from_str::<Value>(&at_once.body).is_err());
    }
}

#[tokio::test]
async fn errors_in_a_200_come_before_or_after_content() {
    let sim = sim().await;
    let early = meet(&sim, Fault::ErrorEvent, true).await;
    assert_eq!((early.status, early.data().len(), early.end), (200, 1, End::Proper));
    assert_eq!(early.chunks()[0]["error"]["type"], "server_error");
    let early = meet(&sim, Fault::ErrorEvent, false).await;
    assert_eq!(early.status, 200);
    assert_eq!(early.json()["error"]["type"], "server_error");
    let late = meet(&sim, Fault::ErrorEventLate, true).await;
    assert!(late.content().starts_with("Simulated"), "{late:?}");
    assert_eq!(late.chunks().last().unwrap()["error"]["type"], "server_error");
    assert_eq!((late.finish(), late.done()), (None, false));
    let late = meet(&sim, Fault::ErrorEventLate, false).await.json();
    assert_eq!(
        (&late["error"]["type"], &late["choices"][0]["finish_reason"]),
        (&"server_error".into(), &"error".into())
    );
}

#[tokio::test]
async fn a_stream_without_done_still_has_its_finish_reason() {
    let sim = sim().await;
    let seen = meet(&sim, Fault::NoDone, true).await;
    assert_eq!((seen.finish().as_deref(), seen.done(), seen.end), (Some("stop"), false, End::Proper));
}

#[tokio::test]
async fn answers_that_say_nothing() {
    let sim = sim().await;
    for stream in [false, true] {
        let empty = meet(&sim, Fault::Empty, stream).await;
        assert_eq!((empty.content().as_str(), empty.finish().as_deref()), ("", Some("stop")));
        let none = meet(&sim, Fault::NoChoices, stream).await;
        let bodies = if stream { none.chunks() } else { vec![none.json()] };
        assert!(!bodies.is_empty() && bodies.iter().all(|body| body["choices"] == json!([])), "{none:?}");
        let refused = meet(&sim, Fault::Refusal, stream).await;
        assert_eq!((refused.content().as_str(), refused.finish().as_deref()), ("", Some("stop")));
        assert!(refused.body.contains("\"refusal\":\"I'm"), "{refused:?}");
    }
}

#[tokio::test]
async fn shortened_answers_say_why() {
    let sim = sim().await;
    let whole = meet(&sim, Fault::Ok, false).await.content();
    for stream in [false, true] {
        for (fault, finish) in [(Fault::Truncated, "length"), (Fault::Filtered, "content_filter")] {
            let seen = meet(&sim, fault, stream).await;
            assert_eq!((seen.finish().as_deref(), seen.end), (Some(finish), End::Proper));
            assert!((1..whole.len()).contains(&seen.content().len()), "{seen:?}");
        }
    }
}

#[tokio::test]
async fn another_model_can_answer() {
    let sim = sim().await;
    for stream in [false, true] {
        let seen = meet(&sim, Fault::WrongModel, stream).await;
        let model = if stream { seen.chunks()[0]["model"].clone() } else { seen.json()["model"].clone() };
        assert!(!model.as_str().unwrap().contains("gpt-sim"), "{model}");
    }
}

fn with_schema(model: &str, stream: bool) -> Value {
    let mut body = ask(model, stream, "who?");
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"]}}});
    body
}

fn with_tool(model: &str, stream: bool) -> Value {
    let mut body = ask(model, stream, "use a tool");
    body["tools"] = json!([{"type": "function", "function": {"name": "weather", "parameters": {"type": "object",
        "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]);
    body
}

#[tokio::test]
async fn promised_json_can_be_broken_incomplete_or_cut_short() {
    let sim = sim().await;
    for stream in [false, true] {
        for fault in ["broken-json", "truncated"] {
            let seen = chat(sim.addr(), &with_schema(&format!("gpt-sim+{fault}"), stream)).await;
            assert!(serde_json::from_str::<Value>(&seen.content()).is_err(), "{fault}");
        }
        let incomplete = chat(sim.addr(), &with_schema("gpt-sim+missing-field", stream)).await;
        assert_eq!(serde_json::from_str::<Value>(&incomplete.content()).unwrap(), json!({"age": 1}));
        assert_eq!(incomplete.finish().as_deref(), Some("stop"));
    }
    let prose = meet(&sim, Fault::BrokenJson, false).await;
    assert!(serde_json::from_str::<Value>(&prose.content()).is_err());
    assert_eq!(meet(&sim, Fault::MissingField, false).await.content(), "{}");
}

#[tokio::test]
async fn tool_calls_can_be_wrong_in_every_way() {
    let sim = sim().await;
    let calls = |seen: &Seen| seen.calls().into_iter().next().unwrap();
    for stream in [false, true] {
        for fault in ["broken-json", "truncated"] {
            let (name, arguments) = calls(&chat(sim.addr(), &with_tool(&format!("gpt-sim+{fault}"), stream)).await);
            assert_eq!(name, "weather");
            assert!(serde_json::from_str::<Value>(&arguments).is_err(), "{arguments}");
        }
        let (name, arguments) = calls(&chat(sim.addr(), &with_tool("gpt-sim+bad-arguments", stream)).await);
        assert_eq!(name, "weather");
        assert!(serde_json::from_str::<Value>(&arguments).unwrap()["city"].is_number(), "{arguments}");
        let (_, arguments) = calls(&chat(sim.addr(), &with_tool("gpt-sim+missing-field", stream)).await);
        assert_eq!(arguments, "{}");
        for body in [with_tool("gpt-sim+undeclared-tool", stream), ask("gpt-sim+bad-arguments", stream, "hello")] {
            assert_eq!(calls(&chat(sim.addr(), &body).await).0, "drop_tables");
        }
    }
}

/// Virtual time: the pauses are seconds and the test takes none.
#[tokio::test(start_paused = true)]
async fn slow_answers_come_whole() {
    let sim = sim().await;
    for (fault, least) in [(Fault::SlowFirstToken, 5), (Fault::Drip, 20)] {
        for stream in [false, true] {
            let begun = tokio::time::Instant::now();
            let body = ask(&format!("gpt-sim+{fault}"), stream, "hello");
            let mut connection =
                crate::client::open(sim.addr(), "POST", "/v1/chat/completions", &body.to_string()).await;
            let seen = patiently(&mut connection).await;
            assert!(seen.contains("stop"), "{fault}: {seen}");
            assert!(begun.elapsed().as_secs() >= least, "{fault} took {:?}", begun.elapsed());
        }
    }
}

async fn patiently(connection: &mut TcpStream) -> String {
    use tokio::io::AsyncReadExt;
    let mut text = String::new();
    let mut part = [0; 4096];
    while !text.contains("\"finish_reason\":\"stop\"") {
        let length = connection.read(&mut part).await.unwrap();
        assert!(length > 0, "ended early: {text}");
        text.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    text
}

#[tokio::test]
async fn signs_of_life_are_no_content() {
    let sim = sim().await;
    let stream = meet(&sim, Fault::PingsOnly, true).await;
    assert_eq!((stream.status, stream.body.as_str(), stream.end), (200, ": keep-alive\n\n", End::Silence));
    let at_once = meet(&sim, Fault::PingsOnly, false).await;
    assert_eq!((at_once.status, at_once.body.as_str(), at_once.end), (200, "\n", End::Silence));
}

/// Virtual time: the pauses are seconds and the test takes none.
#[tokio::test(start_paused = true)]
async fn signs_of_life_never_end() {
    use tokio::io::AsyncReadExt;
    let sim = sim().await;
    let body = ask("gpt-sim+pings-only", true, "hello").to_string();
    let mut connection = crate::client::open(sim.addr(), "POST", "/v1/chat/completions", &body).await;
    let mut text = String::new();
    let mut part = [0; 4096];
    while text.matches(": keep-alive").count() < 50 {
        let length = connection.read(&mut part).await.unwrap();
        assert!(length > 0, "ended: {text}");
        text.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    assert!(!text.contains("data:"), "{text}");
}

#[tokio::test]
async fn a_silently_cut_prompt_shows_in_the_usage_only() {
    let sim = sim().await;
    let long = "word ".repeat(400);
    let usage = async |fault: &str| {
        let seen = chat(sim.addr(), &ask(&format!("gpt-sim+{fault}"), false, &long)).await;
        assert_eq!((seen.status, seen.finish().as_deref()), (200, Some("stop")));
        let usage = seen.json()["usage"].clone();
        assert_eq!(
            usage["total_tokens"].as_u64().unwrap(),
            usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap()
        );
        usage["prompt_tokens"].as_u64().unwrap()
    };
    let (whole, cut) = (usage("ok").await, usage("prompt_cut").await);
    assert!(cut > 0 && cut * 5 < whole, "{cut} of {whole}");
}

#[tokio::test]
async fn every_fault_but_ok_changes_what_a_caller_sees() {
    let sim = sim().await;
    // Slow answers are whole in the end, and a cut prompt shows in the usage only.
    let alike = [Fault::Ok, Fault::SlowFirstToken, Fault::Drip, Fault::PromptCut];
    for row in Fault::TABLE.iter().filter(|row| !alike.contains(&row.fault)) {
        let healthy = chat(sim.addr(), &ask("gpt-sim", true, "hello")).await;
        let seen = meet(&sim, row.fault, true).await;
        let signature = |seen: &Seen| {
            let of_stream = seen.streamed().then(|| {
                let chunks = seen.chunks();
                let model = chunks.first().and_then(|chunk| Some(chunk["model"].as_str()?.contains("gpt-sim")));
                let meant = seen.content().starts_with("Simulated") && seen.calls().is_empty();
                (model, meant, seen.finish(), seen.done(), seen.body.contains("<<garbage>>"))
            });
            (seen.status, seen.end, of_stream)
        };
        assert_ne!(signature(&seen), signature(&healthy), "{}", row.name);
    }
}
