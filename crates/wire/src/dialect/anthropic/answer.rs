//! A whole message of Anthropic's as a chat completion, and what whole messages and streams share.
//!
//! Texts are joined as the JSON strings they came in; a tool call's arguments are the very text of its input. Blocks of
//! Anthropic's own tools are left out: nothing on our side asks for them.

use serde_json::value::RawValue;

use crate::json::{self, Members, Writer};

/// Counts of a message. What was not told is not there, and never zero.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    written: Option<u64>,
    read: Option<u64>,
    output: Option<u64>,
    thought: Option<u64>,
}

/// Why a message ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop {
    /// Anthropic's own word.
    pub(super) reason: Option<Box<str>>,
    /// What it says about a refusal.
    pub(super) explanation: Option<Box<str>>,
}

/// The body as a chat completion; `None` where it is no message.
pub(in crate::dialect) fn whole(body: &[u8], created_unix_s: u64) -> Option<String> {
    let message = Members::read(std::str::from_utf8(body).ok()?)?;
    let blocks = message.get("content").and_then(json::elements)?;
    if message.get("error").is_some() {
        return None;
    }
    let (mut said, mut thought, mut calls) = (String::new(), String::new(), Vec::new());
    for raw in blocks {
        let block = Members::of(Some(raw));
        match block.text("type").as_deref() {
            Some("text") => said.push_str(inner(block.get("text"))),
            Some("thinking") => thought.push_str(inner(block.get("thinking"))),
            Some("tool_use") => calls.push(call(&block)),
            Some(_) | None => {}
        }
    }
    let stop = Stop::read(&message);
    let mut told = Writer::new();
    told.text("role", "assistant");
    let content = if said.is_empty() { "null".to_owned() } else { format!("\"{said}\"") };
    told.raw("content", &content);
    told.raw("refusal", &stop.refusal().map_or_else(|| "null".to_owned(), json::quote));
    if !thought.is_empty() {
        told.raw("reasoning_content", &format!("\"{thought}\""));
    }
    if !calls.is_empty() {
        told.raw("tool_calls", &format!("[{}]", calls.join(",")));
    }
    let mut choice = Writer::new();
    choice.raw("index", "0").raw("message", &told.finish()).raw("logprobs", "null");
    stop.write(&mut choice);
    let mut out = Writer::new();
    out.raw("id", message.get("id").map_or("\"\"", RawValue::get)).text("object", "chat.completion");
    out.raw("created", &created_unix_s.to_string());
    out.raw("model", message.get("model").map_or("\"\"", RawValue::get));
    out.raw("choices", &format!("[{}]", choice.finish()));
    let mut counts = Counts::default();
    counts.add(message.get("usage"));
    if let Some(usage) = counts.usage() {
        out.raw("usage", &usage);
    }
    Some(out.finish())
}

// === impl Counts ===

impl Counts {
    /// Takes a `usage` object. Its counts are running totals: a later one replaces an earlier one.
    pub(super) fn add(&mut self, raw: Option<&RawValue>) {
        let usage = Members::of(raw);
        let details = Members::of(usage.get("output_tokens_details"));
        let count = |members: &Members<'_>, name: &str| members.get(name).and_then(|raw| raw.get().parse().ok());
        self.input = count(&usage, "input_tokens").or(self.input);
        self.written = count(&usage, "cache_creation_input_tokens").or(self.written);
        self.read = count(&usage, "cache_read_input_tokens").or(self.read);
        self.output = count(&usage, "output_tokens").or(self.output);
        self.thought = count(&details, "thinking_tokens").or(self.thought);
    }

    /// The counts as OpenAI's `usage`, whose prompt includes what was cached.
    pub(super) fn usage(&self) -> Option<String> {
        let cached = self.written.unwrap_or_default().saturating_add(self.read.unwrap_or_default());
        let prompt = self.input.map(|input| input.saturating_add(cached));
        let total = prompt.zip(self.output).map(|(prompt, output)| prompt.saturating_add(output));
        let counts = [("prompt_tokens", prompt), ("completion_tokens", self.output), ("total_tokens", total)];
        let mut out = Writer::new();
        numbers(&mut out, &counts);
        for (name, counts) in [
            ("prompt_tokens_details", vec![("cached_tokens", self.read), ("cache_write_tokens", self.written)]),
            ("completion_tokens_details", vec![("reasoning_tokens", self.thought)]),
        ] {
            let mut details = Writer::new();
            numbers(&mut details, &counts);
            if !details.is_empty() {
                out.raw(name, &details.finish());
            }
        }
        (!out.is_empty()).then(|| out.finish())
    }
}

// === impl Stop ===

impl Stop {
    /// Reads a message, or the `delta` of a `message_delta`.
    pub(super) fn read(members: &Members<'_>) -> Self {
        let explanation = Members::of(members.get("stop_details")).text("explanation");
        Self {
            reason: json::filled(members.get("stop_reason")).map(|it| it.as_ref().into()),
            explanation: explanation.filter(|it| !it.is_empty()).map(|it| it.as_ref().into()),
        }
    }

    /// What a client reads as the model's refusal.
    pub(super) fn refusal(&self) -> Option<&str> {
        self.explanation.as_deref().filter(|_| self.reason.as_deref() == Some("refusal"))
    }

    /// Writes the finish reason. Where OpenAI's word is not the same as Anthropic's, Anthropic's goes with it: what
    /// OpenAI would call a filter may be the model's own refusal.
    pub(super) fn write(&self, choice: &mut Writer) {
        let Some(native) = self.reason.as_deref() else {
            choice.raw("finish_reason", "null");
            return;
        };
        let word = match native {
            "end_turn" | "stop_sequence" => "stop",
            "tool_use" => "tool_calls",
            "max_tokens" | "model_context_window_exceeded" => "length",
            "refusal" => "content_filter",
            other => other,
        };
        choice.text("finish_reason", word).text("native_finish_reason", native);
    }
}

/// A `tool_use` block as a tool call.
fn call(block: &Members<'_>) -> String {
    let input = block.get("input").map_or("{}", RawValue::get);
    let mut function = Writer::new();
    function.raw("name", block.get("name").map_or("\"\"", RawValue::get)).text("arguments", input);
    let mut call = Writer::new();
    call.raw("id", block.get("id").map_or("\"\"", RawValue::get)).text("type", "function");
    call.raw("function", &function.finish()).finish()
}

/// The inside of a JSON string.
fn inner(raw: Option<&RawValue>) -> &str {
    raw.and_then(|raw| raw.get().strip_prefix('"')?.strip_suffix('"')).unwrap_or_default()
}

fn numbers(out: &mut Writer, counts: &[(&str, Option<u64>)]) {
    for (name, count) in counts {
        if let Some(count) = count {
            out.raw(name, &count.to_string());
        }
    }
}
