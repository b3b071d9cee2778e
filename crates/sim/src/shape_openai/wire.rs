//! Bodies and stream chunks of a chat completion, field by field as OpenAI sends it.
//!
//! Types, not text: a chunk cannot be misspelt by accident. What is broken on purpose is broken by `shape_openai.rs`.

use serde::Serialize;

use crate::said::{Finish, Said, ToolCall};

/// What body and chunks have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp<'a> {
    pub(crate) id: &'a str,
    /// Unix seconds.
    pub(crate) created: u64,
    pub(crate) model: &'a str,
}

/// `chat.completion`, or with stream choices `chat.completion.chunk`.
#[derive(Debug, Serialize)]
pub(crate) struct Completion<'a, Choice> {
    pub(crate) id: &'a str,
    pub(crate) object: &'static str,
    pub(crate) created: u64,
    pub(crate) model: &'a str,
    pub(crate) choices: Vec<Choice>,
    /// Outer `None`: no field. Inner `None`: `null`, as in the chunks before the usage chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Option<Usage>>,
    pub(crate) service_tier: &'static str,
    /// Only in the odd body that carries an answer and an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<super::errors::ErrorBody<'static>>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: usize,
    pub(crate) completion_tokens: usize,
    pub(crate) total_tokens: usize,
    pub(crate) prompt_tokens_details: PromptDetails,
    pub(crate) completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct PromptDetails {
    cached_tokens: usize,
    audio_tokens: usize,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct CompletionDetails {
    reasoning_tokens: usize,
    audio_tokens: usize,
    accepted_prediction_tokens: usize,
    rejected_prediction_tokens: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct Choice<'a> {
    pub(crate) index: u32,
    pub(crate) message: Message<'a>,
    pub(crate) logprobs: Option<()>,
    pub(crate) finish_reason: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

#[derive(Debug, Clone, Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: Function<'a>,
}

#[derive(Debug, Clone, Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct StreamChoice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'a str>,
}

/// What one chunk adds to a choice.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

// === impl Usage ===

impl Usage {
    /// The same answer in every choice.
    pub(crate) fn new(prompt_tokens: usize, said: &Said, choices: u32) -> Usage {
        let completion_tokens = said.tokens() * usize::try_from(choices).unwrap_or(1);
        Usage {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
            prompt_tokens_details: PromptDetails::default(),
            completion_tokens_details: CompletionDetails::default(),
        }
    }
}

// === impl Choice ===

impl<'a> Choice<'a> {
    pub(crate) fn new(index: u32, said: &'a Said, finish_reason: &'a str) -> Choice<'a> {
        let message = Message {
            role: "assistant",
            content: said.content.as_deref(),
            refusal: said.refusal.as_deref(),
            tool_calls: said.calls.iter().map(Call::whole).collect(),
        };
        Choice { index, message, logprobs: None, finish_reason }
    }
}

// === impl StreamChoice ===

impl<'a> StreamChoice<'a> {
    pub(crate) fn adding(index: u32, delta: Delta<'a>) -> StreamChoice<'a> {
        StreamChoice { index, delta, logprobs: None, finish_reason: None }
    }

    pub(crate) fn ending(index: u32, finish_reason: &'a str) -> StreamChoice<'a> {
        StreamChoice { index, delta: Delta::default(), logprobs: None, finish_reason: Some(finish_reason) }
    }
}

// === impl Delta ===

impl<'a> Delta<'a> {
    /// The first chunk of a choice. Text begins with the empty text, anything else without content.
    pub(crate) fn role(text: bool) -> Delta<'a> {
        Delta { role: Some("assistant"), content: text.then_some(""), ..Delta::default() }
    }

    pub(crate) fn content(content: &'a str) -> Delta<'a> {
        Delta { content: Some(content), ..Delta::default() }
    }

    pub(crate) fn refusal(refusal: &'a str) -> Delta<'a> {
        Delta { refusal: Some(refusal), ..Delta::default() }
    }

    /// The chunk that opens a tool call; its arguments follow.
    pub(crate) fn call(index: usize, call: &'a ToolCall) -> Delta<'a> {
        let function = Function { name: Some(&call.name), arguments: "" };
        let call = Call { index: Some(index), id: Some(id(call)), kind: Some("function"), function };
        Delta { tool_calls: vec![call], ..Delta::default() }
    }

    pub(crate) fn arguments(index: usize, arguments: &'a str) -> Delta<'a> {
        let function = Function { name: None, arguments };
        Delta { tool_calls: vec![Call { index: Some(index), id: None, kind: None, function }], ..Delta::default() }
    }
}

// === impl Call ===

impl<'a> Call<'a> {
    fn whole(call: &'a ToolCall) -> Call<'a> {
        let function = Function { name: Some(&call.name), arguments: &call.arguments };
        Call { index: None, id: Some(id(call)), kind: Some("function"), function }
    }
}

/// The finish reason in OpenAI's words.
pub(crate) fn finish(said: &Said) -> &'static str {
    match said.finish {
        Finish::Stop => "stop",
        Finish::ToolCalls => "tool_calls",
        Finish::Length => "length",
        Finish::Filtered => "content_filter",
    }
}

fn id(call: &ToolCall) -> String {
    format!("call_sim{:016x}", call.serial)
}
