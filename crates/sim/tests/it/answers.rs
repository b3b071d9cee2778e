//! Without a fault, the simulator keeps what was asked.

use serde_json::Value;
use switchback_sim::{Sim, SimSettings};

use crate::client::{End, ask, chat, json, read, send, sim, write};

fn with(mut body: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("not an object") };
    body.as_object_mut().unwrap().extend(fields);
    body
}

fn weather() -> Value {
    json!({"tools": [
        {"type": "function", "function": {"name": "weather", "parameters": {"type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}}, "required": ["city", "days"]}}},
        {"type": "function", "function": {"name": "clock"}}
    ]})
}

#[tokio::test]
async fn text_echoes_the_caller_and_names_the_model() {
    let sim = sim().await;
    let seen = chat(sim.addr(), &ask("gpt-sim", false, "three blue boats")).await;
    assert_eq!((seen.status, seen.end), (200, End::Proper));
    assert!(seen.content().contains("three blue boats") && seen.content().contains("gpt-sim"), "{}", seen.content());
    let body = seen.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "gpt-sim-sim");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["choices"][0]["message"]["refusal"], Value::Null);
    let usage = &body["usage"];
    assert_eq!(usage["prompt_tokens"], ("Be brief.".len() + "three blue boats".len()) / 4);
    assert_eq!(
        usage["total_tokens"].as_u64().unwrap(),
        usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap()
    );
    assert_eq!(seen.header("x-switchback-simulated"), Some("true"));
    assert_eq!(seen.header("openai-version"), Some("2020-10-01"));
    assert!(seen.header("x-request-id").unwrap().starts_with("sim-"));
    assert!(seen.header("x-ratelimit-remaining-requests").is_some());
}

#[tokio::test]
async fn a_stream_says_the_same_as_a_body_in_openais_order() {
    let sim = sim().await;
    let body = with(ask("gpt-sim", true, "three blue boats"), json!({"stream_options": {"include_usage": true}}));
    let seen = chat(sim.addr(), &body).await;
    assert_eq!((seen.status, seen.end), (200, End::Proper));
    assert!(seen.content().contains("three blue boats"), "{}", seen.content());
    let chunks = seen.chunks();
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    assert!(chunks.len() > 8, "several small chunks, not {}", chunks.len());
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["id"] == chunks[0]["id"]));
    let (usage, before) = chunks.split_last().unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["completion_tokens"].as_u64().unwrap() > 0);
    assert!(before.iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)));
    assert_eq!(before.last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert!(seen.done());
    let plain = chat(sim.addr(), &ask("gpt-sim", true, "hello")).await;
    assert!(plain.chunks().iter().all(|chunk| chunk.get("usage").is_none()), "usage only when asked for");
}

#[tokio::test]
async fn a_promised_schema_is_filled_in() {
    let sim = sim().await;
    let format = json!({"response_format": {"type": "json_schema", "json_schema": {"name": "person", "strict": true, "schema": {
        "type": "object", "additionalProperties": false, "required": ["name", "age", "tags"],
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 18},
                       "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1}, "nick": {"type": "string"}}}}}});
    for stream in [false, true] {
        let seen = chat(sim.addr(), &with(ask("gpt-sim", stream, "who?"), format.clone())).await;
        let content: Value = serde_json::from_str(&seen.content()).unwrap();
        assert!(content["name"].is_string());
        assert_eq!(content["age"], 18);
        assert_eq!(content["tags"], json!(["a"]));
        assert_eq!(content.as_object().unwrap().len(), 3);
    }
    let object = with(ask("gpt-sim", false, "who?"), json!({"response_format": {"type": "json_object"}}));
    let content: Value = serde_json::from_str(&chat(sim.addr(), &object).await.content()).unwrap();
    assert!(content.is_object());
}

#[tokio::test]
async fn tools_are_called_with_arguments_of_their_schema() {
    let sim = sim().await;
    for stream in [false, true] {
        let seen = chat(sim.addr(), &with(ask("gpt-sim", stream, "use a tool"), weather())).await;
        assert_eq!(seen.finish().as_deref(), Some("tool_calls"));
        let calls = seen.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].0, "weather");
        let arguments: Value = serde_json::from_str(&calls[0].1).unwrap();
        assert!(arguments["city"].is_string());
        assert_eq!(arguments["days"], 2);
        let two = chat(sim.addr(), &with(ask("gpt-sim", stream, "use two tools"), weather())).await.calls();
        assert_eq!(two.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["weather", "clock"]);
        assert_eq!(two[1].1, "{}");
    }
}

#[tokio::test]
async fn tools_are_called_when_demanded_and_only_then() {
    let sim = sim().await;
    let calls = async |said: &str, extra: Value| {
        let body = with(with(ask("gpt-sim", false, said), weather()), extra);
        let seen = chat(sim.addr(), &body).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        seen.calls().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(calls("hello", json!({})).await, Vec::<String>::new());
    assert_eq!(calls("hello", json!({"tool_choice": "required"})).await, ["weather"]);
    assert_eq!(
        calls("hello", json!({"tool_choice": {"type": "function", "function": {"name": "clock"}}})).await,
        ["clock"]
    );
    assert_eq!(calls("use a tool", json!({"tool_choice": "none"})).await, Vec::<String>::new());
    assert_eq!(calls("use two tools", json!({"parallel_tool_calls": false})).await, ["weather"]);
    let answered = json!({"messages": [{"role": "user", "content": "use a tool"}, {"role": "tool", "tool_call_id": "call_1", "content": "rain"}]});
    assert_eq!(calls("", answered).await, Vec::<String>::new(), "a tool that answered is not called again");
    let missing = with(
        with(ask("gpt-sim", false, "hi"), weather()),
        json!({"tool_choice": {"type": "function", "function": {"name": "x"}}}),
    );
    assert_eq!(chat(sim.addr(), &missing).await.status, 400);
}

#[tokio::test]
async fn several_choices_are_numbered() {
    let sim = sim().await;
    let body = chat(sim.addr(), &with(ask("gpt-sim", false, "hello"), json!({"n": 3}))).await.json();
    let indexes: Vec<_> =
        body["choices"].as_array().unwrap().iter().map(|choice| choice["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, [0, 1, 2]);
    let stream = chat(sim.addr(), &with(ask("gpt-sim", true, "hello"), json!({"n": 2}))).await;
    let finishes = stream.chunks().iter().filter(|chunk| chunk["choices"][0]["finish_reason"] == "stop").count();
    assert_eq!(finishes, 2);
    assert_eq!(chat(sim.addr(), &with(ask("gpt-sim", false, "hello"), json!({"n": 0}))).await.status, 400);
}

#[tokio::test]
async fn the_same_seed_and_order_give_the_same_bytes() {
    let transcript = async |seed| {
        let sim = Sim::start(SimSettings { seed, ..SimSettings::default() }).await.unwrap();
        let mut texts = Vec::new();
        for model in ["gpt-sim", "gpt-sim+truncated", "gpt-sim+500"] {
            for stream in [false, true] {
                let seen = chat(sim.addr(), &with(ask(model, stream, "use a tool"), weather())).await;
                texts.push(seen.head + &seen.body);
            }
        }
        texts
    };
    assert_eq!(transcript(7).await, transcript(7).await);
    assert_ne!(transcript(7).await, transcript(8).await);
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_in_openais_shape() {
    let sim = sim().await;
    for (method, path, body, status, code) in [
        ("POST", "/v1/chat/completions", "{\"model\":", 400, Value::Null),
        ("POST", "/v1/chat/completions", "{\"messages\":[]}", 400, "missing_required_parameter".into()),
        ("POST", "/v1/chat/completions", "{\"model\":\"gpt\"}", 400, "missing_required_parameter".into()),
        ("POST", "/v1/nothing", "{}", 404, "unknown_url".into()),
        ("GET", "/v1/chat/completions", "", 404, "unknown_url".into()),
        ("GET", "/_sim/nothing", "", 404, "unknown_url".into()),
    ] {
        let seen = send(sim.addr(), method, path, body).await;
        assert_eq!(seen.status, status, "{method} {path} {body}");
        assert_eq!(seen.json()["error"]["code"], code, "{method} {path} {body}");
        assert_eq!(seen.json()["error"]["type"], "invalid_request_error");
    }
    let unknown = chat(sim.addr(), &ask("gpt-sim+truncatd", false, "hello")).await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.json()["error"]["message"].as_str().unwrap().contains("did you mean truncated"), "{unknown:?}");
}

#[tokio::test]
async fn two_models_are_listed_and_only_the_wrong_key_is_refused() {
    let sim = sim().await;
    let models = send(sim.addr(), "GET", "/v1/models", "").await.json();
    assert_eq!(models["data"].as_array().unwrap().len(), 2);
    assert_eq!(models["data"][0]["object"], "model");
    let mut stream = tokio::net::TcpStream::connect(sim.addr()).await.unwrap();
    for (key, status) in [("wrong", 401), ("", 200), ("sk-anything", 200)] {
        write(&mut stream, "POST", "/v1/chat/completions", &ask("gpt-sim", false, "hello").to_string(), key).await;
        let seen = read(&mut stream).await;
        assert_eq!(seen.status, status, "{key:?}");
    }
    assert_eq!(sim.calls()[0].key.as_deref(), Some("rong"));
    assert_eq!(sim.calls()[1].key, None);
}
