//! Limits by key: what a key has left is what the headers say, and beyond it stands a 429.

use std::time::Duration;

use serde_json::Value;
use switchback_sim::{Fault, Limits, Sim};

use crate::client::{Seen, ask, json, send, send_with, sim};
use crate::message;

async fn openai(sim: &Sim, key: &str) -> Seen {
    let key = format!("Bearer {key}");
    let body = ask("gpt-sim", false, "hello").to_string();
    send_with(sim.addr(), ("POST", "/v1/chat/completions"), &[("authorization", &key)], &body).await
}

async fn anthropic(sim: &Sim, key: &str) -> Seen {
    let headers = [("x-api-key", key), ("anthropic-version", "2023-06-01")];
    let body = message::ask("claude-sim", false, "hello").to_string();
    send_with(sim.addr(), ("POST", "/v1/messages"), &headers, &body).await
}

fn number(seen: &Seen, name: &str) -> u64 {
    seen.header(name).unwrap_or_else(|| panic!("no {name} in {seen:?}")).parse().unwrap()
}

fn a_minute(requests: Option<u64>, tokens: Option<u64>) -> Limits {
    Limits { requests, tokens, window: Duration::from_secs(60) }
}

#[tokio::test]
async fn each_of_three_keys_has_its_own_requests() {
    let sim = sim().await;
    sim.set_limits("*", a_minute(Some(2), None));
    for key in ["sk-first-0001", "sk-second-0002", "sk-third-0003"] {
        for left in [1, 0] {
            let seen = openai(&sim, key).await;
            assert_eq!((seen.status, number(&seen, "x-ratelimit-remaining-requests")), (200, left));
            assert_eq!(number(&seen, "x-ratelimit-limit-requests"), 2);
            assert_eq!(seen.header("x-ratelimit-limit-tokens"), None, "a limit that is not set is not told");
        }
        let seen = openai(&sim, key).await;
        assert_eq!((seen.status, number(&seen, "x-ratelimit-remaining-requests")), (429, 0));
        assert_eq!(seen.json()["error"]["code"], "rate_limit_exceeded");
        assert!((1..=60).contains(&number(&seen, "retry-after")));
        assert!((1..=60_000).contains(&number(&seen, "retry-after-ms")));
        assert!(seen.header("x-ratelimit-reset-requests").unwrap().ends_with("ms"));
    }
    let told: Vec<_> = sim.calls().iter().map(|call| (call.key.clone().unwrap(), call.limited, call.status)).collect();
    assert_eq!(told.len(), 9);
    for (key, three) in ["0001", "0002", "0003"].iter().zip(told.chunks(3)) {
        let met = [(false, Some(200)), (false, Some(200)), (true, Some(429))];
        assert_eq!(three, met.map(|(limited, status)| ((*key).to_owned(), limited, status)));
    }
}

#[tokio::test]
async fn anthropics_shape_tells_the_same_limits_in_its_own_headers() {
    let sim = sim().await;
    sim.set_limits("*", a_minute(Some(1), Some(1_000)));
    let seen = anthropic(&sim, "sk-ant-0001").await;
    assert_eq!((seen.status, number(&seen, "anthropic-ratelimit-requests-remaining")), (200, 0));
    let usage = &seen.json()["usage"];
    let used = usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap();
    assert_eq!(number(&seen, "anthropic-ratelimit-tokens-limit"), 1_000);
    assert_eq!(number(&seen, "anthropic-ratelimit-tokens-remaining"), 1_000 - used);
    let limited = anthropic(&sim, "sk-ant-0001").await;
    assert_eq!((limited.status, &limited.json()["error"]["type"]), (429, &json!("rate_limit_error")));
    assert!((1..=60).contains(&number(&limited, "retry-after")));
    let reset = limited.header("anthropic-ratelimit-requests-reset").unwrap();
    assert!(reset.len() == 20 && reset.ends_with('Z'), "{reset}");
    assert_eq!(openai(&sim, "sk-ant-0001").await.status, 429, "a key is one account in both shapes");
}

#[tokio::test]
async fn tokens_of_prompt_and_answer_are_counted() {
    let sim = sim().await;
    sim.set_limits("*", a_minute(None, Some(40)));
    let first = openai(&sim, "sk-0001").await;
    let used = first.json()["usage"]["total_tokens"].as_u64().unwrap();
    assert!(used < 40, "{first:?}");
    assert_eq!(number(&first, "x-ratelimit-remaining-tokens"), 40 - used);
    assert_eq!(first.header("x-ratelimit-limit-requests"), None);
    assert_eq!(number(&openai(&sim, "sk-0001").await, "x-ratelimit-remaining-tokens"), 40_u64.saturating_sub(2 * used));
    let over = openai(&sim, "sk-0001").await;
    assert_eq!((over.status, &over.json()["error"]["type"]), (429, &json!("tokens")));
    assert_eq!(openai(&sim, "sk-0002").await.status, 200, "another key");
    sim.set_limits("*", a_minute(None, Some(2)));
    let too_large = openai(&sim, "sk-0003").await;
    assert!(too_large.json()["error"]["message"].as_str().unwrap().contains("too large"), "{too_large:?}");
    assert_eq!(too_large.header("retry-after"), None, "no wait would help");
}

#[tokio::test]
async fn everything_is_back_when_the_window_ends() {
    let sim = sim().await;
    let window = Duration::from_millis(50);
    sim.set_limits("*", Limits { requests: Some(1), tokens: None, window });
    assert_eq!(openai(&sim, "sk-0001").await.status, 200);
    loop {
        let seen = openai(&sim, "sk-0001").await;
        if seen.status == 200 {
            break;
        }
        assert_eq!(seen.status, 429);
        let wait = number(&seen, "retry-after-ms");
        assert!(wait <= 50, "{wait} ms of a window of 50");
        tokio::time::sleep(Duration::from_millis(wait + 1)).await;
    }
}

#[tokio::test]
async fn a_call_beyond_its_limits_uses_no_fault_up() {
    let sim = sim().await;
    sim.set_limits("0001", a_minute(Some(1), None));
    sim.set_fault("*", vec![Fault::ServerError, Fault::Unavailable, Fault::Ok]);
    assert_eq!(openai(&sim, "sk-0001").await.status, 500);
    assert_eq!(openai(&sim, "sk-0001").await.status, 429);
    assert_eq!(openai(&sim, "sk-0002").await.status, 503, "another key has no limits and meets the next fault");
    assert_eq!(openai(&sim, "wrong").await.status, 401);
    let told: Vec<_> = sim.calls().iter().map(|call| (call.fault, call.limited)).collect();
    let (first, second) = (Some(Fault::ServerError), Some(Fault::Unavailable));
    assert_eq!(told, [(first, false), (None, true), (second, false), (None, false)]);
}

#[tokio::test]
async fn shells_can_set_limits_and_see_what_is_used() {
    let sim = sim().await;
    let order = "{\"key\":\"0001\",\"requests\":1,\"tokens\":500,\"window\":\"30s\"}";
    let state = send(sim.control_addr(), "POST", "/_sim/limits", order).await;
    assert_eq!(state.status, 200);
    let rules = json!([{"key": "0001", "requests": 1, "tokens": 500, "window_ms": 30000}]);
    assert_eq!((&state.json()["limits"], &state.json()["keys"]), (&rules, &json!([])));
    openai(&sim, "sk-secret-0001").await;
    openai(&sim, "sk-secret-0001").await;
    let state = send(sim.addr(), "GET", "/_sim/state", "").await;
    assert!(!state.body.contains("secret"), "{}", state.body);
    let key = &state.json()["keys"][0];
    assert_eq!((&key["key"], &key["requests"], &key["limited"]), (&json!("0001"), &json!(1), &json!(1)));
    assert!((1..=30_000).contains(&key["resets_in_ms"].as_u64().unwrap()));
    let shown = send(sim.addr(), "GET", "/_sim/calls", "").await.json();
    assert_eq!(
        (&shown[1]["key"], &shown[1]["status"], &shown[1]["limited"]),
        (&json!("0001"), &json!(429), &json!(true))
    );
    assert_eq!(shown[1]["shape"], "openai");
    let state = send(sim.addr(), "DELETE", "/_sim/limits", "").await.json();
    assert_eq!((&state["limits"], &state["keys"]), (&json!([]), &json!([])));
    assert_eq!(openai(&sim, "sk-secret-0001").await.status, 200);
    for wrong in ["{\"key\":\"sk-secret-0001\",\"requests\":1}", "{\"window\":\"soon\"}", "{\"request\":1}"] {
        let seen = send(sim.addr(), "POST", "/_sim/limits", wrong).await;
        assert_eq!(seen.status, 400, "{wrong}");
        assert!(!seen.json()["error"]["message"].as_str().unwrap().contains("secret"));
    }
    assert_eq!(send(sim.addr(), "GET", "/_sim/state", "").await.json()["limits"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn limits_can_be_taken_away() {
    let sim = sim().await;
    sim.set_limits("*", a_minute(Some(0), None));
    assert_eq!(openai(&sim, "sk-0001").await.status, 429);
    sim.set_limits("*", a_minute(None, None));
    let seen = openai(&sim, "sk-0001").await;
    assert_eq!((seen.status, number(&seen, "x-ratelimit-limit-requests")), (200, 10_000));
    sim.set_limits("*", a_minute(Some(0), None));
    sim.clear_limits();
    assert_eq!(openai(&sim, "sk-0001").await.status, 200);
}
