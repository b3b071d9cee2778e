//! What a client of Anthropic's shape makes of an answer, whole or streamed.

use std::net::SocketAddr;

use serde_json::Value;
use switchback_sim::{Fault, Sim};

use crate::client::{Seen, json, send_with};

pub(crate) const HEADERS: [(&str, &str); 2] = [("x-api-key", "sk-ant-abcd1234"), ("anthropic-version", "2023-06-01")];

/// One answer, put together.
#[derive(Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) model: Value,
    pub(crate) text: String,
    /// Name and input, as JSON text.
    pub(crate) calls: Vec<(String, String)>,
    pub(crate) stop: Option<String>,
    pub(crate) details: Value,
    pub(crate) usage: Value,
    /// A stream has its `message_stop`; a body always ends.
    pub(crate) ended: bool,
}

pub(crate) fn ask(model: &str, stream: bool, said: &str) -> Value {
    let mut body = json!({"max_tokens": 100, "system": "Be brief.", "messages": [{"role": "user"}]});
    body["model"] = model.into();
    body["stream"] = stream.into();
    body["messages"][0]["content"] = said.into();
    body
}

pub(crate) async fn send(addr: SocketAddr, body: &Value) -> Seen {
    send_with(addr, ("POST", "/v1/messages"), &HEADERS, &body.to_string()).await
}

/// Asks with a model name that carries the fault.
pub(crate) async fn meet(sim: &Sim, fault: Fault, stream: bool) -> Seen {
    send(sim.addr(), &ask(&format!("claude-sim+{fault}"), stream, "hello out there")).await
}

/// The events of a stream that parse; each one's name must be its type.
pub(crate) fn events(seen: &Seen) -> Vec<Value> {
    let mut events = Vec::new();
    for frame in seen.body.split_terminator("\n\n") {
        let Some((name, data)) = frame.split_once("\ndata: ") else { continue };
        let Ok(event) = serde_json::from_str::<Value>(data) else { continue };
        assert_eq!(name, format!("event: {}", event["type"].as_str().unwrap()));
        events.push(event);
    }
    events
}

/// The types of the events, in order, runs of the same as one.
pub(crate) fn kinds(seen: &Seen) -> Vec<String> {
    let mut kinds: Vec<String> = events(seen).iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    kinds.dedup();
    kinds
}

pub(crate) fn message(seen: &Seen) -> Message {
    if seen.streamed() { of_stream(seen) } else { of_body(&seen.json()) }
}

fn of_body(body: &Value) -> Message {
    let blocks = body["content"].as_array().unwrap();
    let of = |kind: &'static str| blocks.iter().filter(move |block| block["type"] == kind);
    Message {
        model: body["model"].clone(),
        text: of("text").map(|block| block["text"].as_str().unwrap()).collect(),
        calls: of("tool_use").map(|block| (name(block), block["input"].to_string())).collect(),
        stop: body["stop_reason"].as_str().map(str::to_owned),
        details: body["stop_details"].clone(),
        usage: body["usage"].clone(),
        ended: true,
    }
}

fn of_stream(seen: &Seen) -> Message {
    let events = events(seen);
    let start = events.iter().find(|event| event["type"] == "message_start").unwrap();
    let mut message = of_body(&start["message"]);
    message.ended = false;
    let mut open: Option<u64> = None;
    let mut blocks = 0;
    for event in &events {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert_eq!((open, event["index"].as_u64()), (None, Some(blocks)), "blocks come one after the other");
                open = event["index"].as_u64();
                if event["content_block"]["type"] == "tool_use" {
                    assert_eq!(event["content_block"]["input"], json!({}));
                    message.calls.push((name(&event["content_block"]), String::new()));
                }
            }
            "content_block_delta" => {
                assert_eq!(event["index"].as_u64(), open);
                message.text.push_str(event["delta"]["text"].as_str().unwrap_or_default());
                if let Some(more) = event["delta"]["partial_json"].as_str() {
                    message.calls.last_mut().unwrap().1.push_str(more);
                }
            }
            "content_block_stop" => {
                assert_eq!(event["index"].as_u64(), open.take());
                blocks += 1;
            }
            "message_delta" => {
                assert_eq!(open, None);
                message.stop = event["delta"]["stop_reason"].as_str().map(str::to_owned);
                message.details = event["delta"]["stop_details"].clone();
                message.usage = event["usage"].clone();
            }
            "message_stop" => message.ended = true,
            "message_start" | "ping" | "error" => {}
            other => panic!("{other}"),
        }
    }
    message
}

fn name(block: &Value) -> String {
    assert!(block["id"].as_str().unwrap().starts_with("toolu_"), "{block}");
    block["name"].as_str().unwrap().to_owned()
}
