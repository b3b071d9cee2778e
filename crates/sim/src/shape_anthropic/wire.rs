//! Bodies and stream events of a message, field by field as Anthropic sends them.
//!
//! Types, not text: an event cannot be misspelt by accident. What is broken on purpose is broken by `shape_anthropic.rs`.

use serde::Serialize;
use serde_json::{Map, Value};

use super::errors::ErrorBody;
use crate::fault::Fault;
use crate::said::{Finish, Said, ToolCall};

/// `message`, whole or as the first event of a stream has it.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) id: &'a str,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) role: &'static str,
    pub(crate) model: &'a str,
    pub(crate) content: Vec<Block<'a>>,
    #[serde(flatten)]
    pub(crate) stop: Stop<'a>,
    pub(crate) usage: Usage,
    /// Only in the odd body that carries an answer and an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorBody<'static>>,
}

/// One block of content.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Block<'a> {
    Text { text: &'a str },
    ToolUse { id: String, name: &'a str, input: Value },
}

/// Why the message ends.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Stop<'a> {
    pub(crate) stop_reason: Option<&'static str>,
    pub(crate) stop_sequence: Option<&'a str>,
    pub(crate) stop_details: Option<StopDetails<'a>>,
}

/// More about a refusal.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct StopDetails<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    category: Option<&'static str>,
    explanation: &'a str,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Usage {
    /// What no cache had a part in.
    pub(crate) input_tokens: usize,
    pub(crate) cache_creation_input_tokens: usize,
    pub(crate) cache_read_input_tokens: usize,
    pub(crate) cache_creation: CacheCreation,
    pub(crate) output_tokens: usize,
    pub(crate) service_tier: &'static str,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct CacheCreation {
    pub(crate) ephemeral_5m_input_tokens: usize,
    pub(crate) ephemeral_1h_input_tokens: usize,
}

/// One event of a stream; its name is also its `type`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Event<'a> {
    MessageStart { message: Message<'a> },
    ContentBlockStart { index: usize, content_block: Block<'a> },
    Ping,
    ContentBlockDelta { index: usize, delta: Delta<'a> },
    ContentBlockStop { index: usize },
    MessageDelta { delta: Stop<'a>, usage: Usage },
    MessageStop,
}

/// What one event adds to a block.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Delta<'a> {
    TextDelta { text: &'a str },
    InputJsonDelta { partial_json: &'a str },
}

// === impl Event ===

impl Event<'_> {
    /// What stands in its `event:` line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::MessageStart { .. } => "message_start",
            Event::ContentBlockStart { .. } => "content_block_start",
            Event::Ping => "ping",
            Event::ContentBlockDelta { .. } => "content_block_delta",
            Event::ContentBlockStop { .. } => "content_block_stop",
            Event::MessageDelta { .. } => "message_delta",
            Event::MessageStop => "message_stop",
        }
    }
}

// === impl Block ===

impl<'a> Block<'a> {
    /// A tool call as a stream opens it.
    pub(crate) fn opened(call: &'a ToolCall) -> Block<'a> {
        Block::ToolUse { id: id(call), name: &call.name, input: Value::Object(Map::new()) }
    }

    /// Everything said, block by block. The shape has no place for a tool input that is not JSON: where the answer was cut
    /// short nothing came of it, and elsewhere it is handed on as text.
    pub(crate) fn all(said: &'a Said) -> Vec<Block<'a>> {
        let text = said.content.as_deref().filter(|text| !text.is_empty()).map(|text| Block::Text { text });
        let calls = said.calls.iter().map(|call| {
            let input = serde_json::from_str(&call.arguments).unwrap_or_else(|_| match said.finish {
                Finish::Length | Finish::Filtered => Value::Object(Map::new()),
                Finish::Stop | Finish::ToolCalls => Value::String(call.arguments.clone()),
            });
            Block::ToolUse { id: id(call), name: &call.name, input }
        });
        text.into_iter().chain(calls).collect()
    }
}

// === impl Stop ===

impl<'a> Stop<'a> {
    /// Why this answer ends.
    pub(crate) fn of(said: &'a Said) -> Stop<'a> {
        let refused = |category, explanation| Stop {
            stop_reason: Some("refusal"),
            stop_details: Some(StopDetails { kind: "refusal", category, explanation }),
            ..Stop::default()
        };
        let ended = |reason| Stop { stop_reason: Some(reason), ..Stop::default() };
        match (said.finish, &said.refusal) {
            (_, Some(explanation)) => refused(None, explanation),
            (Finish::Filtered, None) => refused(Some("cyber"), "The simulated filter stopped this answer."),
            (Finish::Length, None) => ended("max_tokens"),
            (Finish::Stop | Finish::ToolCalls, None) if said.calls.is_empty() => ended("end_turn"),
            (Finish::Stop | Finish::ToolCalls, None) => ended("tool_use"),
        }
    }
}

// === impl Usage ===

impl Usage {
    /// The prompt's tokens are divided into what the cache had, what it has now, and the rest.
    pub(crate) fn new(prompt_tokens: usize, cache_read: usize, cache_written: usize, output_tokens: usize) -> Usage {
        let cache_read_input_tokens = cache_read.min(prompt_tokens);
        let cache_creation_input_tokens = cache_written.min(prompt_tokens - cache_read_input_tokens);
        Usage {
            input_tokens: prompt_tokens - cache_read_input_tokens - cache_creation_input_tokens,
            cache_creation_input_tokens,
            cache_read_input_tokens,
            cache_creation: CacheCreation {
                ephemeral_5m_input_tokens: cache_creation_input_tokens,
                ephemeral_1h_input_tokens: 0,
            },
            output_tokens,
            service_tier: "standard",
        }
    }
}

/// Another model's name under `wrong-model`, else a snapshot of the one asked for.
pub(crate) fn answering_model(asked: &str, fault: Option<Fault>) -> String {
    if fault == Some(Fault::WrongModel) { "another-model-sim".to_owned() } else { format!("{asked}-sim") }
}

fn id(call: &ToolCall) -> String {
    format!("toolu_sim{:016x}", call.serial)
}
