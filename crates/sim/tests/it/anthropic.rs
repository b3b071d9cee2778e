//! Anthropic's shape without a fault: it keeps what was asked, and says what OpenAI's shape says.

use serde_json::Value;
use switchback_sim::{Shape, Sim, SimSettings};

use crate::client::{self, End, json, send_with, sim};
use crate::message::{HEADERS, ask, kinds, message, send};

fn with(mut body: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("not an object") };
    body.as_object_mut().unwrap().extend(fields);
    body
}

fn weather() -> Value {
    json!({"tools": [
        {"name": "weather", "input_schema": {"type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}}, "required": ["city", "days"]}},
        {"name": "clock", "input_schema": {"type": "object"}}
    ]})
}

#[tokio::test]
async fn an_answer_has_anthropics_body_and_headers() {
    let sim = sim().await;
    let seen = send(sim.addr(), &ask("claude-sim", false, "three blue boats")).await;
    assert_eq!((seen.status, seen.end), (200, End::Proper));
    let body = seen.json();
    assert_eq!((&body["type"], &body["role"]), (&json!("message"), &json!("assistant")));
    assert!(body["id"].as_str().unwrap().starts_with("msg_"));
    assert_eq!(body["model"], "claude-sim-sim");
    assert_eq!((&body["stop_reason"], &body["stop_sequence"]), (&json!("end_turn"), &Value::Null));
    assert!(body["content"][0]["text"].as_str().unwrap().contains("three blue boats"), "{body}");
    assert!(body.get("error").is_none());
    let usage = &body["usage"];
    assert_eq!(usage["input_tokens"], ("Be brief.".len() + "three blue boats".len()) / 4);
    assert_eq!((&usage["cache_creation_input_tokens"], &usage["cache_read_input_tokens"]), (&json!(0), &json!(0)));
    assert!(usage["output_tokens"].as_u64().unwrap() > 1);
    assert_eq!(seen.header("x-switchback-simulated"), Some("true"));
    assert!(seen.header("request-id").unwrap().starts_with("req_"));
    assert!(seen.header("anthropic-ratelimit-requests-reset").unwrap().ends_with('Z'));
    assert_eq!(seen.header("x-ratelimit-remaining-requests"), None);
    assert_eq!(sim.anthropic_base_url(), format!("http://{}", sim.addr()));
    let call = &sim.calls()[0];
    assert_eq!((call.shape, call.key.as_deref(), call.status), (Shape::Anthropic, Some("1234"), Some(200)));
}

#[tokio::test]
async fn a_stream_says_the_same_as_a_body_in_anthropics_order() {
    let said = async |stream| {
        let sim = sim().await;
        send(sim.addr(), &ask("claude-sim", stream, "three blue boats")).await
    };
    let (streamed, at_once) = (said(true).await, said(false).await);
    assert_eq!(message(&streamed), message(&at_once));
    assert_eq!(
        kinds(&streamed),
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert!(streamed.body.matches("text_delta").count() > 8, "several small pieces");
}

#[tokio::test]
async fn both_shapes_say_the_same_in_the_same_place() {
    for (said, extra_openai, extra_anthropic) in [
        ("three blue boats", json!({}), json!({})),
        (
            "use two tools",
            json!({"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "object",
                "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]}),
            json!({"tools": [{"name": "a", "input_schema": {"type": "object",
                "properties": {"city": {"type": "string"}}, "required": ["city"]}}]}),
        ),
        (
            "who?",
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object",
                "additionalProperties": false, "properties": {"name": {"type": "string"}}, "required": ["name"]}}}}),
            json!({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object",
                "additionalProperties": false, "properties": {"name": {"type": "string"}}, "required": ["name"]}}}}),
        ),
    ] {
        let (one, other) = (sim().await, sim().await);
        let openai = client::chat(one.addr(), &with(client::ask("m", false, said), extra_openai)).await;
        let anthropic = message(&send(other.addr(), &with(ask("m", false, said), extra_anthropic)).await);
        assert_eq!(anthropic.text, openai.content());
        assert_eq!(anthropic.calls, openai.calls());
        assert_eq!(anthropic.usage["input_tokens"], openai.json()["usage"]["prompt_tokens"]);
        assert_eq!(anthropic.usage["output_tokens"], openai.json()["usage"]["completion_tokens"]);
    }
}

#[tokio::test]
async fn a_promised_schema_is_filled_in() {
    let sim = sim().await;
    let format = json!({"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {
        "type": "object", "additionalProperties": false, "required": ["name", "tags"],
        "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1},
                       "nick": {"type": "string"}}}}}});
    for stream in [false, true] {
        let seen = message(&send(sim.addr(), &with(ask("claude-sim", stream, "who?"), format.clone())).await);
        let content: Value = serde_json::from_str(&seen.text).unwrap();
        assert!(content["name"].is_string());
        assert_eq!(content["tags"], json!(["a"]));
        assert_eq!(seen.stop.as_deref(), Some("end_turn"));
    }
}

#[tokio::test]
async fn tools_are_called_when_demanded_and_only_then() {
    let sim = sim().await;
    let calls = async |said: &str, stream: bool, extra: Value| {
        let seen = send(sim.addr(), &with(with(ask("claude-sim", stream, said), weather()), extra)).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        let seen = message(&seen);
        assert_eq!(seen.stop.as_deref(), Some(if seen.calls.is_empty() { "end_turn" } else { "tool_use" }));
        for (name, input) in &seen.calls {
            let input: Value = serde_json::from_str(input).unwrap();
            assert!(name != "weather" || (input["city"].is_string() && input["days"] == 2), "{input}");
        }
        seen.calls.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let none = Vec::<String>::new();
    for stream in [false, true] {
        assert_eq!(calls("hello", stream, json!({})).await, none);
        assert_eq!(calls("use a tool", stream, json!({})).await, ["weather"]);
        assert_eq!(calls("use two tools", stream, json!({})).await, ["weather", "clock"]);
        assert_eq!(calls("hello", stream, json!({"tool_choice": {"type": "any"}})).await, ["weather"]);
        assert_eq!(calls("hi", stream, json!({"tool_choice": {"type": "tool", "name": "clock"}})).await, ["clock"]);
        assert_eq!(calls("use a tool", stream, json!({"tool_choice": {"type": "none"}})).await, none);
        let alone = json!({"tool_choice": {"type": "auto", "disable_parallel_tool_use": true}});
        assert_eq!(calls("use two tools", stream, alone).await, ["weather"]);
        let answered = json!({"messages": [
            {"role": "user", "content": "use a tool"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain"}]}]});
        assert_eq!(calls("", stream, answered).await, none, "a tool that answered is not called again");
    }
}

#[tokio::test]
async fn a_marked_prompt_is_written_to_the_cache_once_and_then_read() {
    let sim = sim().await;
    let mut body = ask("claude-sim", false, "hello");
    body["system"] = json!([{"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}]);
    body["system"][0]["text"] = "long ".repeat(100).into();
    let total = (500 + "hello".len()) / 4;
    for (written, read) in [(125, 0), (0, 125), (0, 125)] {
        let usage = message(&send(sim.addr(), &body).await).usage;
        assert_eq!(usage["cache_creation_input_tokens"], written);
        assert_eq!(usage["cache_read_input_tokens"], read);
        assert_eq!(usage["input_tokens"], total - 125, "only what no cache had a part in");
    }
}

#[tokio::test]
async fn the_same_seed_and_order_give_the_same_bodies() {
    let transcript = async |seed| {
        let sim = Sim::start(SimSettings { seed, ..SimSettings::default() }).await.unwrap();
        let mut texts = Vec::new();
        for model in ["claude-sim", "claude-sim+truncated", "claude-sim+500"] {
            for stream in [false, true] {
                texts.push(send(sim.addr(), &with(ask(model, stream, "use a tool"), weather())).await.body);
            }
        }
        texts
    };
    assert_eq!(transcript(7).await, transcript(7).await);
    assert_ne!(transcript(7).await, transcript(8).await);
}

#[tokio::test]
async fn models_are_listed_in_the_shape_of_the_caller() {
    let sim = sim().await;
    let models = send_with(sim.addr(), ("GET", "/v1/models"), &HEADERS, "").await.json();
    assert_eq!((&models["data"][0]["type"], &models["has_more"]), (&json!("model"), &json!(false)));
    let unknown = send_with(sim.addr(), ("GET", "/v1/messages"), &[], "").await;
    assert_eq!((unknown.status, &unknown.json()["error"]["type"]), (404, &json!("not_found_error")));
}
