//! Every fault in Anthropic's shape, as a caller meets it: with a stream and without.

use serde_json::Value;
use switchback_sim::{Elsewhere, Fault};

use crate::client::{End, Seen, json, sim};
use crate::message::{ask, events, kinds, meet, message, send};

#[tokio::test]
async fn faults_that_are_a_status_have_anthropics_type_and_words() {
    let sim = sim().await;
    for (fault, status, kind, words) in [
        (Fault::ServerError, 500, "api_error", "Internal server error"),
        (Fault::Unavailable, 503, "api_error", "unavailable"),
        (Fault::Overloaded, 529, "overloaded_error", "Overloaded"),
        (Fault::RateLimited, 429, "rate_limit_error", "rate limit"),
        (Fault::RateLimitedShort, 429, "rate_limit_error", "rate limit"),
        (Fault::RateLimitedLong, 429, "rate_limit_error", "rate limit"),
        (Fault::Quota, 400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API"),
        (Fault::Unauthorized, 401, "authentication_error", "invalid x-api-key"),
        (Fault::Forbidden, 403, "permission_error", "permission"),
        (Fault::NotFound, 404, "not_found_error", "model: claude-sim+404"),
        (Fault::BadRequest, 400, "invalid_request_error", "invalid"),
        (Fault::RequestTimeout, 408, "timeout_error", "too long"),
        (Fault::GatewayTimeout, 504, "timeout_error", "timed out"),
        (Fault::Context, 400, "invalid_request_error", "prompt is too long: "),
        (Fault::Policy, 400, "invalid_request_error", "blocked by content filtering policy"),
        (Fault::Unsupported, 400, "invalid_request_error", "temperature: Extra inputs are not permitted"),
    ] {
        for stream in [false, true] {
            let seen = meet(&sim, fault, stream).await;
            assert_eq!((seen.status, seen.end), (status, End::Proper), "{fault}");
            let body = seen.json();
            assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &kind.into()), "{fault}");
            assert!(body["error"]["message"].as_str().unwrap().contains(words), "{fault}: {body}");
            assert_eq!(body["request_id"].as_str(), seen.header("request-id"), "{fault}");
            assert_eq!(seen.header("x-switchback-simulated"), Some("true"));
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
        (Fault::Overloaded, None),
    ] {
        let seen = meet(&sim, fault, false).await;
        assert_eq!(seen.header("retry-after"), after, "{fault}");
        let reset = seen.header("anthropic-ratelimit-requests-reset");
        assert_eq!(reset.is_some_and(|reset| reset.ends_with('Z')), after.is_some(), "{fault}");
    }
}

#[tokio::test]
async fn pages_and_broken_connections_are_those_of_any_shape() {
    let sim = sim().await;
    for stream in [false, true] {
        for (fault, status) in [(Fault::BadGateway, 502), (Fault::Html, 200)] {
            let seen = meet(&sim, fault, stream).await;
            assert_eq!((seen.status, seen.header("content-type")), (status, Some("text/html")), "{fault}");
        }
        for (fault, end) in [(Fault::Reset, End::Reset), (Fault::Refused, End::Reset), (Fault::Hang, End::Silence)] {
            let seen = meet(&sim, fault, stream).await;
            assert_eq!((seen.status, seen.head.as_str(), seen.end), (0, "", end), "{fault}");
        }
        let hung = meet(&sim, Fault::HangAfterHeaders, stream).await;
        assert_eq!((hung.status, hung.body.as_str(), hung.end), (200, "", End::Silence));
        let stalled = meet(&sim, Fault::Stall, stream).await;
        assert_eq!((stalled.status, stalled.body.is_empty(), stalled.end), (200, false, End::Silence));
    }
    let status = |call: usize| sim.calls()[call].status;
    assert_eq!((status(0), status(2)), (Some(502), None), "a call without an answer has no status");
}

#[tokio::test]
async fn a_cut_answer_has_begun_and_has_no_end() {
    let sim = sim().await;
    let whole = message(&meet(&sim, Fault::Ok, true).await).text.len();
    for (fault, end) in [(Fault::Cut, End::Cut), (Fault::CutClean, End::Proper), (Fault::Stall, End::Silence)] {
        let seen = meet(&sim, fault, true).await;
        let said = message(&seen);
        assert_eq!((seen.end, said.stop, said.ended), (end, None, false), "{fault}");
        assert!((1..whole).contains(&said.text.len()), "{fault}: {seen:?}");
        let at_once = meet(&sim, fault, false).await;
        assert_eq!((at_once.status, at_once.end), (200, end), "{fault}");
        assert!(serde_json::from_str::<Value>(&at_once.body).is_err(), "{fault}");
    }
    let unstopped = meet(&sim, Fault::NoDone, true).await;
    let said = message(&unstopped);
    assert_eq!((said.stop.as_deref(), said.ended, unstopped.end), (Some("end_turn"), false, End::Proper));
}

#[tokio::test]
async fn pings_alone_are_no_content() {
    let sim = sim().await;
    let stream = meet(&sim, Fault::PingsOnly, true).await;
    assert_eq!((stream.status, stream.end), (200, End::Silence));
    assert_eq!(kinds(&stream), ["message_start", "ping"]);
    let at_once = meet(&sim, Fault::PingsOnly, false).await;
    assert_eq!((at_once.body.as_str(), at_once.end), ("\n", End::Silence));
}

#[tokio::test]
async fn garbage_and_errors_stand_before_or_after_content() {
    let sim = sim().await;
    for (fault, place) in [(Fault::MalformedFirst, 0), (Fault::MalformedChunk, 4)] {
        let seen = meet(&sim, fault, true).await;
        let broken: Vec<_> = (0..seen.data().len())
            .filter(|place| serde_json::from_str::<Value>(seen.data()[*place]).is_err())
            .collect();
        assert_eq!(broken, [place], "{fault}");
        let at_once = meet(&sim, fault, false).await;
        assert!(at_once.status == 200 && serde_json::from_str::<Value>(&at_once.body).is_err());
    }
    let early = meet(&sim, Fault::ErrorEvent, true).await;
    assert_eq!((early.status, early.end, kinds(&early)), (200, End::Proper, vec!["error".to_owned()]));
    assert_eq!(events(&early)[0]["error"]["type"], "overloaded_error");
    let early = meet(&sim, Fault::ErrorEvent, false).await;
    assert_eq!((early.status, &early.json()["type"]), (200, &json!("error")));
    let late = meet(&sim, Fault::ErrorEventLate, true).await;
    assert_eq!(kinds(&late).last().map(String::as_str), Some("error"));
    let said = message(&late);
    assert!(said.text.starts_with("Simulated") && said.stop.is_none() && !said.ended, "{late:?}");
    let late = meet(&sim, Fault::ErrorEventLate, false).await.json();
    assert_eq!((&late["error"]["type"], &late["stop_reason"]), (&json!("overloaded_error"), &Value::Null));
}

#[tokio::test]
async fn answers_that_say_nothing_or_stop_early_say_why() {
    let sim = sim().await;
    let whole = message(&meet(&sim, Fault::Ok, false).await).text.len();
    for stream in [false, true] {
        let empty = message(&meet(&sim, Fault::Empty, stream).await);
        assert_eq!((empty.text.as_str(), empty.stop.as_deref(), empty.ended), ("", Some("end_turn"), true));
        let refused = message(&meet(&sim, Fault::Refusal, stream).await);
        assert_eq!((refused.text.as_str(), refused.stop.as_deref()), ("", Some("refusal")));
        assert_eq!((&refused.details["type"], &refused.details["category"]), (&json!("refusal"), &Value::Null));
        let filtered = message(&meet(&sim, Fault::Filtered, stream).await);
        assert_eq!((filtered.stop.as_deref(), &filtered.details["category"]), (Some("refusal"), &json!("cyber")));
        assert!((1..whole).contains(&filtered.text.len()));
        let truncated = message(&meet(&sim, Fault::Truncated, stream).await);
        assert_eq!((truncated.stop.as_deref(), &truncated.details), (Some("max_tokens"), &Value::Null));
        assert!((1..whole).contains(&truncated.text.len()));
        let other = message(&meet(&sim, Fault::WrongModel, stream).await);
        assert!(!other.model.as_str().unwrap().contains("claude-sim"), "{other:?}");
    }
}

fn with_schema(model: &str, stream: bool) -> Value {
    let mut body = ask(model, stream, "who?");
    body["output_config"] = json!({"format": {"type": "json_schema", "schema": {"type": "object", "additionalProperties": false,
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"]}}});
    body
}

fn with_tool(model: &str, stream: bool) -> Value {
    let mut body = ask(model, stream, "use a tool");
    body["tools"] = json!([{"name": "weather", "input_schema": {"type": "object",
        "properties": {"city": {"type": "string"}}, "required": ["city"]}}]);
    body
}

#[tokio::test]
async fn promised_json_can_be_broken_incomplete_or_cut_short() {
    let sim = sim().await;
    for stream in [false, true] {
        for fault in ["broken-json", "truncated"] {
            let seen = message(&send(sim.addr(), &with_schema(&format!("claude-sim+{fault}"), stream)).await);
            assert!(serde_json::from_str::<Value>(&seen.text).is_err(), "{fault}");
        }
        let seen = message(&send(sim.addr(), &with_schema("claude-sim+missing-field", stream)).await);
        assert_eq!(serde_json::from_str::<Value>(&seen.text).unwrap(), json!({"age": 1}));
    }
}

#[tokio::test]
async fn tool_calls_can_be_wrong_in_every_way() {
    let sim = sim().await;
    let call = async |fault: &str, stream| {
        let seen = message(&send(sim.addr(), &with_tool(&format!("claude-sim+{fault}"), stream)).await);
        let (name, input) = seen.calls.into_iter().next().unwrap();
        (name, serde_json::from_str::<Value>(&input), seen.stop.unwrap())
    };
    for stream in [false, true] {
        let (name, input, stop) = call("bad-arguments", stream).await;
        assert_eq!((name.as_str(), stop.as_str()), ("weather", "tool_use"));
        assert!(input.unwrap()["city"].is_number());
        assert_eq!(call("missing-field", stream).await.1.unwrap(), json!({}));
        assert_eq!(call("undeclared-tool", stream).await.0, "drop_tables");
    }
    for (fault, stop) in [("broken-json", "tool_use"), ("truncated", "max_tokens")] {
        let (name, input, stopped) = call(fault, true).await;
        assert_eq!((name.as_str(), stopped.as_str()), ("weather", stop));
        assert!(input.is_err(), "{fault}: {input:?}");
    }
    let text = call("broken-json", false).await.1.unwrap();
    assert!(
        serde_json::from_str::<Value>(text.as_str().unwrap()).is_err(),
        "a body cannot hold broken JSON but as text"
    );
    assert_eq!(call("truncated", false).await.1.unwrap(), json!({}), "nothing came of it");
}

#[tokio::test]
async fn a_silently_cut_prompt_shows_in_the_usage_only() {
    let sim = sim().await;
    let tokens = async |fault: &str, stream| {
        let body = ask(&format!("claude-sim+{fault}"), stream, &"word ".repeat(400));
        message(&send(sim.addr(), &body).await).usage["input_tokens"].as_u64().unwrap()
    };
    for stream in [false, true] {
        let (whole, cut) = (tokens("ok", stream).await, tokens("prompt-cut", stream).await);
        assert!(cut > 0 && cut * 5 < whole, "{cut} of {whole}");
    }
}

/// Virtual time: the pauses are seconds and the test takes none.
#[tokio::test(start_paused = true)]
async fn slow_answers_come_whole() {
    use tokio::io::AsyncReadExt;
    let sim = sim().await;
    for (fault, least) in [(Fault::SlowFirstToken, 5), (Fault::Drip, 20)] {
        for stream in [false, true] {
            let begun = tokio::time::Instant::now();
            let mut connection = tokio::net::TcpStream::connect(sim.addr()).await.unwrap();
            let body = ask(&format!("claude-sim+{fault}"), stream, "hello").to_string();
            let headers = crate::message::HEADERS;
            crate::client::write_with(&mut connection, ("POST", "/v1/messages"), &headers, &body).await;
            let (mut text, mut part) = (String::new(), [0; 4096]);
            while !text.contains("\"service_tier\":\"standard\"}}\n") && !text.contains("\"stop_reason\":\"end_turn\"")
            {
                let length = connection.read(&mut part).await.unwrap();
                assert!(length > 0, "ended early: {text}");
                text.push_str(std::str::from_utf8(&part[..length]).unwrap());
            }
            assert!(begun.elapsed().as_secs() >= least, "{fault} took {:?}", begun.elapsed());
        }
    }
}

#[tokio::test]
async fn a_fault_that_the_shape_cannot_have_is_refused_and_never_a_healthy_answer() {
    let sim = sim().await;
    let never = Fault::TABLE.iter().filter_map(|row| match row.anthropic {
        Elsewhere::Never(why) => Some((row.fault, why)),
        Elsewhere::Same | Elsewhere::Otherwise(_) => None,
    });
    let never: Vec<_> = never.collect();
    assert_eq!(never.iter().map(|(fault, _)| *fault).collect::<Vec<_>>(), [Fault::NoChoices]);
    for (fault, why) in never {
        sim.set_fault("*", vec![fault]);
        let seen = send(sim.addr(), &ask("claude-sim", false, "hello")).await;
        assert_eq!(seen.status, 400);
        let said = seen.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(said.contains(fault.name()) && said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn every_fault_but_ok_changes_what_a_caller_sees() {
    let sim = sim().await;
    let signature = |seen: &Seen| {
        let of_stream = (seen.streamed() && seen.body.contains("message_start")).then(|| {
            let said = message(seen);
            let meant = said.text.starts_with("Simulated") && said.calls.is_empty();
            let model = said.model.as_str().unwrap().starts_with("claude-sim");
            (
                meant,
                model,
                said.stop,
                said.ended,
                seen.body.contains("<<garbage>>"),
                kinds(seen),
                said.usage["input_tokens"].clone(),
            )
        });
        (seen.status, seen.end, of_stream)
    };
    let healthy = signature(&send(sim.addr(), &ask("claude-sim+ok", true, &"hello ".repeat(50))).await);
    // Slow answers are whole in the end.
    let slow = [Fault::Ok, Fault::SlowFirstToken, Fault::Drip];
    for row in Fault::TABLE.iter().filter(|row| !slow.contains(&row.fault)) {
        let body = ask(&format!("claude-sim+{}", row.name), true, &"hello ".repeat(50));
        assert_ne!(signature(&send(sim.addr(), &body).await), healthy, "{}", row.name);
    }
}

#[test]
fn the_page_tells_every_fault_in_this_shape_too() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/simulator.md")).unwrap();
    for row in Fault::TABLE {
        let line = page.lines().find(|line| line.starts_with(&format!("| `{}` |", row.name))).unwrap();
        let told = match row.anthropic {
            Elsewhere::Same => "the same".to_owned(),
            Elsewhere::Otherwise(about) => about.to_owned(),
            Elsewhere::Never(why) => format!("never: {why}"),
        };
        assert!(line.ends_with(&format!("| {told} |")), "{line}\n{told}");
    }
}
