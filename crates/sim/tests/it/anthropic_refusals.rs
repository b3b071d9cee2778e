//! What Anthropic would not take is refused, so that a request translated wrongly does not pass.

use serde_json::Value;

use crate::client::{Seen, json, send_with, sim};
use crate::message::{HEADERS, ask, send};

/// What the 400 says.
fn refused(seen: &Seen) -> String {
    assert_eq!(seen.status, 400, "{seen:?}");
    let body = seen.json();
    assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!("invalid_request_error")));
    assert_eq!(body["request_id"].as_str(), seen.header("request-id"));
    body["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_key_and_the_version_are_demanded() {
    let sim = sim().await;
    let body = ask("claude-sim", false, "hello").to_string();
    let (key, version) = (("x-api-key", "sk-ant-1"), ("anthropic-version", "2023-06-01"));
    for (headers, status, words) in [
        (vec![version], 401, "x-api-key header is required"),
        (vec![version, ("authorization", "Bearer sk-ant-1")], 401, "x-api-key header is required"),
        (vec![version, ("x-api-key", "wrong")], 401, "invalid x-api-key"),
        (vec![key], 400, "anthropic-version: header is required"),
        (vec![key, ("anthropic-version", "2030-01-01")], 400, "anthropic-version"),
        (vec![key, version], 200, ""),
    ] {
        let seen = send_with(sim.addr(), ("POST", "/v1/messages"), &headers, &body).await;
        assert_eq!(seen.status, status, "{headers:?}");
        if status != 200 {
            let kind = if status == 401 { "authentication_error" } else { "invalid_request_error" };
            assert_eq!(seen.json()["error"]["type"], kind);
            assert!(seen.json()["error"]["message"].as_str().unwrap().contains(words), "{seen:?}");
        }
    }
    let unreadable = send_with(sim.addr(), ("POST", "/v1/messages"), &HEADERS, "{\"model\":").await;
    assert!(refused(&unreadable).contains("JSON"));
    let misspelt = refused(&send(sim.addr(), &ask("claude-sim+truncatd", false, "hello")).await);
    assert!(misspelt.contains("did you mean truncated"), "{misspelt}");
}

#[tokio::test]
async fn the_new_version_knows_no_sampling_fields() {
    let sim = sim().await;
    let headers = [("x-api-key", "sk-ant-1"), ("anthropic-version", "2026-10-21")];
    for field in ["temperature", "top_p", "top_k"] {
        let mut body = ask("claude-sim", false, "hello");
        body[field] = 1.into();
        let seen = send_with(sim.addr(), ("POST", "/v1/messages"), &headers, &body.to_string()).await;
        assert_eq!(refused(&seen), format!("{field}: Extra inputs are not permitted"));
        assert_eq!(send(sim.addr(), &body).await.status, 200, "{field} in the old version");
    }
}

/// Each field replaces that of a good request; `null` takes it away.
fn changed(changes: &Value) -> Value {
    let mut body = ask("claude-sim", false, "hello");
    for (field, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(body.as_object_mut().unwrap().remove(field)),
            value => body[field] = value.clone(),
        }
    }
    body
}

async fn all_refused(cases: &[(Value, &str)]) {
    let sim = sim().await;
    for (changes, words) in cases {
        let said = refused(&send(sim.addr(), &changed(changes)).await);
        assert!(said.contains(words), "{changes} is refused with: {said}");
    }
    assert!(sim.calls().iter().all(|call| call.fault.is_none() && call.status == Some(400)));
}

#[tokio::test]
async fn fields_must_be_there_in_range_and_known() {
    all_refused(&[
        (json!({"model": null}), "model: Field required"),
        (json!({"max_tokens": null}), "max_tokens: Field required"),
        (json!({"max_tokens": "many"}), "max_tokens: Input should be a valid integer"),
        (json!({"max_tokens": -1}), "max_tokens: Input should be greater than or equal to 0"),
        (json!({"max_tokens": 1000000}), "maximum allowed number of output tokens"),
        (json!({"messages": null}), "messages: Field required"),
        (json!({"messages": []}), "messages: at least one message is required"),
        (json!({"temperature": 1.5}), "temperature: range: 0..1"),
        (json!({"top_p": 2}), "top_p: range: 0..1"),
        (json!({"stream": "yes"}), "stream: Input should be a valid boolean"),
        (json!({"stop_sequences": "END"}), "stop_sequences: Input should be a valid list"),
        (json!({"stop_sequences": [" "]}), "must contain non-whitespace"),
        (json!({"metadata": {"trace": "1"}}), "metadata.trace: Extra inputs are not permitted"),
        (json!({"service_tier": "default"}), "service_tier: Input should be 'auto' or 'standard_only'"),
        (json!({"system": [{"type": "text", "text": ""}]}), "system: text content blocks must be non-empty"),
        (json!({"max_completion_tokens": 5}), "max_completion_tokens: Extra inputs are not permitted"),
        (json!({"n": 1}), "n: Extra inputs are not permitted"),
        (json!({"response_format": {"type": "text"}}), "response_format: Extra inputs are not permitted"),
        (json!({"stream_options": {}}), "stream_options: Extra inputs are not permitted"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 10}}), "greater than or equal to 1024"),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 2000}}),
            "must be greater than `thinking.budget_tokens`",
        ),
        (json!({"output_config": {"effort": "minimal"}}), "output_config.effort: Input should be 'low'"),
        (json!({"output_config": {"format": {"type": "json_object"}}}), "output_config.format.type"),
    ])
    .await;
}

#[tokio::test]
async fn messages_must_be_such_as_anthropic_knows() {
    let user = |content: Value| {
        let mut message = json!({"messages": [{"role": "user"}]});
        message["messages"][0]["content"] = content;
        message
    };
    all_refused(&[
        (json!({"messages": [{"role": "system", "content": "x"}]}), "Unexpected role \"system\""),
        (
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            "messages.0.role: Input should be 'user' or 'assistant'",
        ),
        (json!({"messages": [{"role": "assistant", "content": "x"}]}), "first message must use the \"user\" role"),
        (json!({"messages": [{"role": "user", "content": "x", "name": "y"}]}), "messages.0.name: Extra inputs"),
        (json!({"messages": [{"role": "user"}]}), "messages.0.content: Field required"),
        (user(Value::Null), "messages.0.content: Input should be a valid list"),
        (user(json!("")), "must have non-empty content"),
        (user(json!([])), "must have non-empty content"),
        (user(json!([{"type": "text", "text": ""}])), "text content blocks must be non-empty"),
        (user(json!([{"type": "image_url", "image_url": {"url": "x"}}])), "Input tag 'image_url' found"),
        (
            user(json!([{"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "AA"}}])),
            "media_type",
        ),
        (
            user(json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "data:,"}}])),
            "base64",
        ),
        (user(json!([{"type": "image", "source": {"type": "url", "url": "http://x"}}])), "HTTPS"),
        (
            json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "so "}]}),
            "final assistant content cannot end with trailing whitespace",
        ),
    ])
    .await;
}

#[tokio::test]
async fn tools_must_be_declared_named_and_chosen_rightly() {
    let good = json!({"name": "f", "input_schema": {"type": "object"}});
    let tools = |tool: Value, choice: Value| {
        let mut body = json!({"tools": []});
        body["tools"] = vec![tool].into();
        body["tool_choice"] = choice;
        body
    };
    let (function, two) = (
        json!({"tools": [{"type": "function", "function": {"name": "f"}}]}),
        json!({"tools": [{"name": "f", "input_schema": {"type": "object"}}, {"name": "f", "input_schema": {"type": "object"}}]}),
    );
    all_refused(&[
        (function, "tools.0.name: Field required"),
        (two, "Tool names must be unique"),
        (tools(json!({"name": "a b", "input_schema": {"type": "object"}}), Value::Null), "should match pattern"),
        (tools(json!({"name": "f"}), Value::Null), "tools.0.custom.input_schema: Field required"),
        (tools(json!({"name": "f", "input_schema": {}}), Value::Null), "input_schema.type: Field required"),
        (
            tools(json!({"name": "f", "parameters": {}, "input_schema": {"type": "object"}}), Value::Null),
            "parameters: Extra",
        ),
        (
            tools(json!({"name": "f", "strict": true, "input_schema": {"type": "object"}}), Value::Null),
            "'additionalProperties' must be explicitly set to false",
        ),
        (tools(good.clone(), json!("required")), "tool_choice: Input should be a valid dictionary"),
        (tools(good.clone(), json!({"type": "function"})), "tool_choice: Input tag"),
        (tools(good, json!({"type": "tool", "name": "g"})), "Tool 'g' not found in provided tools"),
        (json!({"tool_choice": {"type": "any"}}), "tool_choice may only be specified while providing tools"),
        (
            json!({"tools": [], "tool_choice": {"type": "auto"}}),
            "tool_choice may only be specified while providing tools",
        ),
    ])
    .await;
}

/// A conversation about one tool, declared or not.
fn talk(messages: Value, declared: bool) -> Value {
    let mut body =
        if declared { json!({"tools": [{"name": "f", "input_schema": {"type": "object"}}]}) } else { json!({}) };
    body["messages"] = messages;
    body
}

#[tokio::test]
async fn calls_and_results_of_tools_must_belong_together() {
    let (asked, called) = (
        json!({"role": "user", "content": "x"}),
        json!({"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}},
                                                {"type": "tool_use", "id": "b", "name": "f", "input": {}}]}),
    );
    let result = |id: &str| {
        let mut block = json!({"type": "tool_result", "content": "1"});
        block["tool_use_id"] = id.into();
        block
    };
    let user = |blocks: Vec<Value>| {
        let mut message = json!({"role": "user"});
        message["content"] = blocks.into();
        message
    };
    let text = json!({"type": "text", "text": "and?"});
    let told = |answer: Vec<Value>| Value::from(vec![asked.clone(), called.clone(), user(answer)]);
    let both = vec![result("a"), result("b")];
    let good = sim().await;
    for messages in [
        told(both.clone()),
        told(vec![result("b"), result("a"), text.clone()]),
        // Neighbours of one role are one turn.
        vec![asked.clone(), called.clone(), user(vec![result("a")]), user(vec![result("b")]), asked.clone()].into(),
    ] {
        let seen = send(good.addr(), &changed(&talk(messages, true))).await;
        assert_eq!(seen.status, 200, "{seen:?}");
    }
    let unanswered = "ids were found without `tool_result` blocks immediately after: ";
    let mut twice = both.clone();
    twice.push(result("a"));
    let mut stranger = both.clone();
    stranger.push(result("c"));
    let broken = json!([{"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": "{}"}]}]);
    let named = json!([{"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a.b", "name": "f", "input": {}}]}]);
    all_refused(&[
        (talk(vec![asked.clone(), called.clone()].into(), true), unanswered),
        (talk(vec![asked.clone(), called.clone(), asked.clone()].into(), true), unanswered),
        (talk(told(vec![result("a")]), true), "immediately after: b."),
        (talk(told(vec![text.clone(), result("a"), result("b")]), true), unanswered),
        (talk(told(twice), true), "each tool_use must have a single result"),
        (talk(told(stranger), true), "unexpected `tool_use_id` found in `tool_result` blocks: c"),
        (talk(vec![user(vec![result("a")])].into(), true), "unexpected `tool_use_id`"),
        (talk(told(both), false), "must define tools"),
        (talk(broken, true), "tool_use.input: Input should be a valid dictionary"),
        (talk(named, true), "tool_use.id: String should match pattern"),
        (
            talk(
                vec![asked.clone(), called.clone(), user(vec![result("a"), result("b")]), called.clone()].into(),
                true,
            ),
            "unique",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_promised_schema_must_be_one_that_can_be_promised() {
    let format = |schema: &str| {
        let mut body = json!({"output_config": {"format": {"type": "json_schema"}}});
        body["output_config"]["format"]["schema"] = serde_json::from_str(schema).unwrap();
        body
    };
    let inside = |property: &str| {
        format(&format!("{{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{{\"a\":{property}}}}}"))
    };
    all_refused(&[
        (json!({"output_config": {"format": {"type": "json_schema"}}}), "output_config.format.schema: Field required"),
        (
            format("{\"type\":\"object\"}"),
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be",
        ),
        (inside("{\"type\":\"object\"}"), "'additionalProperties' must be explicitly set to false"),
        (inside("{\"type\":[\"object\",\"null\"]}"), "'additionalProperties' must be explicitly set to false"),
        (
            inside("{\"type\":\"integer\",\"minimum\":1,\"maximum\":2}"),
            "'integer' type, properties maximum, minimum are not",
        ),
        (inside("{\"type\":\"string\",\"minLength\":1}"), "'string' type, property 'minLength' is not supported"),
        (inside("{\"type\":\"string\",\"format\":\"iri\"}"), "format 'iri' is not supported"),
        (inside("{\"type\":\"array\",\"minItems\":2}"), "'minItems' values other than 0 or 1"),
        (inside("{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"), "'additionalProperties' must be explicitly"),
        (inside("{\"oneOf\":[{\"type\":\"string\"}]}"), "'oneOf' is not supported"),
        (inside("{\"anyOf\":[{\"type\":\"number\",\"multipleOf\":2}]}"), "property 'multipleOf' is not supported"),
    ])
    .await;
    let sim = sim().await;
    let good = inside("{\"anyOf\":[{\"type\":\"string\",\"format\":\"date\",\"pattern\":\"^2\"},{\"type\":\"null\"}]}");
    assert_eq!(send(sim.addr(), &changed(&good)).await.status, 200);
}

#[tokio::test]
async fn a_schema_without_end_is_refused_and_not_followed() {
    let sim = sim().await;
    let mut schema = json!({"type": "string"});
    for _ in 0..100 {
        let mut outer = json!({"type": "array"});
        outer["items"] = schema;
        schema = outer;
    }
    let mut body = ask("claude-sim", false, "x");
    body["output_config"] = json!({"format": {"type": "json_schema"}});
    body["output_config"]["format"]["schema"] = schema;
    assert!(refused(&send(sim.addr(), &body).await).contains("too large"));
}

#[tokio::test]
async fn at_most_four_beginnings_are_marked() {
    let sim = sim().await;
    let block = json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}});
    for (marks, status) in [(4, 200), (5, 400)] {
        let mut body = ask("claude-sim", false, "x");
        body["messages"][0]["content"] = vec![block.clone(); marks].into();
        assert_eq!(send(sim.addr(), &body).await.status, status);
    }
}
