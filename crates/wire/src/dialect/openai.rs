//! OpenAI chat completions, and the servers that speak the same.
//!
//! The model's name is replaced in place, and what else a rung changes is spliced into the caller's bytes. Usage is asked
//! for in every stream, because it is the only way to know what an answer cost; a server that rejects `stream_options`
//! is called without it.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{NativeSchema, Repair, Rewrite};
use crate::head::{self, Head};
use crate::json::{self, Members, Writer};
use crate::splice::Splice;

/// Request fields without which a request means the same: hints to the model or to the provider's accounting. All
/// else is a promise, and a route that cannot keep it is not called.
pub(crate) const HINTS: [&str; 16] = [
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "seed",
    "user",
    "safety_identifier",
    "reasoning_effort",
    "verbosity",
    "parallel_tool_calls",
    "service_tier",
    "store",
    "metadata",
    "prediction",
    "prompt_cache_key",
];

/// The two names of the output cap; OpenAI rejects a request with both.
const CAPS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// Longest name of a schema that OpenAI takes.
const MAX_SCHEMA_NAME: usize = 64;

/// The body as this rung sends it.
pub(super) fn request(body: &Bytes, head: &Head, rewrite: &Rewrite<'_>) -> Bytes {
    let mut splice = Splice::new();
    if let Some(span) = rewrite.left_out().and_then(|it| json::member(body, it)) {
        splice.remove_member(body, span);
    }
    if rewrite.model != head.model {
        splice.replace(head.model_span.clone(), json::quote(rewrite.model));
    }
    for (name, value) in rewrite.set() {
        set(&mut splice, body, head, (name, value.get()));
        let other = CAPS.contains(&name).then(|| CAPS.into_iter().find(|it| *it != name)).flatten();
        let other = other.filter(|it| rewrite.set().all(|(name, _)| name != *it));
        if let Some(span) = other.and_then(|it| json::member(body, it)) {
            splice.remove_member(body, span);
        }
    }
    if let Some(schema) = rewrite.native_schema(head) {
        set(&mut splice, body, head, ("response_format", &response_format(schema)));
    }
    if rewrite.ask_usage && head.stream && !head.include_usage {
        add_usage(&mut splice, body, head);
    }
    if let Some(instruction) = rewrite.instruction {
        add_instruction(&mut splice, body, head, instruction);
    }
    if let Some(repair) = rewrite.repair {
        let end = head.messages.end.saturating_sub(1);
        splice.replace(end..end, format!(",{}", told(repair)));
    }
    splice.apply(body)
}

/// Sets a member: in the place of the caller's, else as a new one.
fn set(splice: &mut Splice, body: &Bytes, head: &Head, (name, value): (&str, &str)) {
    match json::member(body, name) {
        Some(span) if body.get(span.clone()) == Some(value.as_bytes()) => {}
        Some(span) => splice.replace(span, value),
        None => splice.insert_member(head.object_end, name, value),
    }
}

/// A schema in OpenAI's own form.
fn response_format(schema: NativeSchema<'_>) -> String {
    let fits = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    let name = schema.name.chars().map(|it| if fits(it) { it } else { '_' }).take(MAX_SCHEMA_NAME);
    let name: String = if schema.name.is_empty() { "answer".to_owned() } else { name.collect() };
    let mut inner = Writer::new();
    inner.text("name", &name).raw("strict", if schema.strict { "true" } else { "false" }).raw("schema", schema.text);
    Writer::new().text("type", "json_schema").raw("json_schema", &inner.finish()).finish()
}

/// One more system message after the caller's own at the beginning, with the role that those have: a model may refuse a
/// mixture.
fn add_instruction(splice: &mut Splice, body: &Bytes, head: &Head, instruction: &str) {
    let text = body.get(head.messages.clone()).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let messages: Vec<&RawValue> = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut role = "system";
    let mut after = None;
    for message in messages {
        let its = Members::read(message.get()).and_then(|it| it.text("role"));
        match its.as_deref() {
            Some("system") => {}
            Some("developer") => role = "developer",
            _ => break,
        }
        after = Some(json::span(body, message).end);
    }
    let message = Writer::new().text("role", role).text("content", instruction).finish();
    match after {
        Some(end) => splice.replace(end..end, format!(",{message}")),
        // The head holds that there is at least one message.
        None => splice.replace(head.messages.start + 1..head.messages.start + 1, format!("{message},")),
    }
}

/// The two messages of a repair, with the comma between them.
fn told(repair: Repair<'_>) -> String {
    let said = Writer::new().text("role", "assistant").text("content", repair.said).finish();
    let asked = Writer::new().text("role", "user").text("content", &repair.ask()).finish();
    format!("{said},{asked}")
}

/// Asks for usage: a new `stream_options`, or one more member in the caller's. What is no object stays for OpenAI to
/// reject.
fn add_usage(splice: &mut Splice, body: &Bytes, head: &Head) {
    let Some(span) = head.stream_options_span.clone() else {
        splice.insert_member(head.object_end, "stream_options", r#"{"include_usage":true}"#);
        return;
    };
    let options = body.get(span.clone()).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    match head::include_usage_span(options) {
        Some(asked) => splice.replace(span.start + asked.start..span.start + asked.end, "true"),
        None if options == "null" => splice.replace(span, r#"{"include_usage":true}"#),
        None if options.starts_with('{') => splice.insert_member(span.end - 1, "include_usage", "true"),
        None => {}
    }
}
