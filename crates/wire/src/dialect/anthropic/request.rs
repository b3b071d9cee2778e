//! The members of a Messages request.
//!
//! A sampling field that the caller did not set, or set to its default, is never sent: newer models refuse even
//! defaults. Temperatures above Anthropic's largest, which is the default, are left to the default and named.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::messages::Conversation;
use super::{schema, tools};
use crate::dialect::{Rewrite, Sent};
use crate::head::Head;
use crate::json::{self, Members, Writer};

/// The cap where neither the caller nor the route names one: Messages refuses a request without.
const MAX_TOKENS: u64 = 4_096;

/// Fields with a form in Messages, or with nothing to say there.
const EXPRESSED: [&str; 18] = [
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "user",
    "safety_identifier",
];

/// Values of other fields that ask for nothing, or for what was seen to already.
const DEFAULTS: [(&str, &str); 12] = [
    ("n", "1"),
    ("logprobs", "false"),
    ("top_logprobs", "0"),
    ("frequency_penalty", "0"),
    ("presence_penalty", "0"),
    ("logit_bias", "{}"),
    ("store", "false"),
    ("metadata", "{}"),
    ("verbosity", "\"medium\""),
    ("modalities", "[\"text\"]"),
    ("service_tier", "\"auto\""),
    ("service_tier", "\"default\""),
];

const JSON_OBJECT: &str = "Answer with one JSON object and nothing else: no text around it, no code fence.";

/// The caller's fields with those that the rung sets.
pub(super) struct Fields<'a>(Members<'a>);

/// Names of what could not be expressed, each once.
#[derive(Debug, Default)]
pub(super) struct Dropped(Vec<Box<str>>);

/// How the form of the answer is asked for.
enum Form {
    /// By this schema, natively.
    Native(String),
    /// In words.
    Words(String),
    /// Not at all.
    Free,
}

/// The caller's request as Messages.
pub(in crate::dialect) fn request(body: &Bytes, head: &Head, rewrite: &Rewrite<'_>) -> Sent {
    let text = String::from_utf8_lossy(body);
    let fields = Fields::of(&text, rewrite);
    let mut dropped = Dropped::default();
    let form = form(&fields, head, rewrite, &mut dropped);
    let words = if let Form::Words(words) = &form { Some(words.as_str()) } else { None };

    let conversation = Conversation::read(fields.get("messages"), rewrite, words, &mut dropped);
    let mut out = Writer::new();
    out.text("model", rewrite.model);
    let cap = fields.get("max_completion_tokens").or_else(|| fields.get("max_tokens"));
    let usual = rewrite.max_output.unwrap_or(MAX_TOKENS).min(rewrite.room.unwrap_or(u64::MAX)).max(1).to_string();
    out.raw("max_tokens", cap.map_or(&usual, RawValue::get));
    conversation.write(&mut out);
    tools::write(&fields, conversation.called(), &mut out);
    if let Some(stop) = fields.get("stop").filter(|raw| json::truthy(Some(raw))) {
        let one = stop.get().starts_with('"').then(|| format!("[{}]", stop.get()));
        out.raw("stop_sequences", one.as_deref().unwrap_or(stop.get()));
    }
    sampling(&fields, &mut out, &mut dropped);
    effort(&fields, &form, &mut out, &mut dropped);
    account(&fields, &mut out);
    if head.stream {
        out.raw("stream", "true");
    }
    for (name, value) in &fields.0.0 {
        if !EXPRESSED.contains(&&**name) && !is_default(name, value) {
            dropped.add(name);
        }
    }
    Sent { body: out.finish().into(), dropped: dropped.0 }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    fn of(body: &'a str, rewrite: &Rewrite<'a>) -> Self {
        let mut fields = Members::read(body).unwrap_or_default();
        for (name, value) in rewrite.set() {
            // The two names of the output cap replace each other.
            let cap = |name: &str| matches!(name, "max_tokens" | "max_completion_tokens");
            fields.0.retain(|(key, _)| key != name && !(cap(key) && cap(name)));
            fields.0.push((name.into(), value));
        }
        if let Some(hint) = rewrite.left_out() {
            fields.0.retain(|(key, _)| key != hint);
        }
        Self(fields)
    }

    /// The field unless it is absent or `null`.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name)
    }
}

// === impl Dropped ===

impl Dropped {
    pub(super) fn add(&mut self, name: &str) {
        if self.0.iter().all(|known| **known != *name) {
            self.0.push(name.into());
        }
    }
}

/// What the caller asks of the form of the answer; the task's schema only where the caller asks nothing. A schema that
/// the native form would refuse is asked for in words where it is the caller's, because it was promised, and the
/// contract holds the answer to it either way.
fn form(fields: &Fields<'_>, head: &Head, rewrite: &Rewrite<'_>, dropped: &mut Dropped) -> Form {
    let Some(asked) = fields.get("response_format") else {
        let schema = rewrite.native_schema(head).and_then(|schema| schema::native(schema.text));
        return schema.map_or(Form::Free, Form::Native);
    };
    let asked = Members::of(Some(asked));
    match asked.text("type").as_deref() {
        Some("json_schema") => match Members::of(asked.get("json_schema")).get("schema") {
            Some(schema) => match schema::native(schema.get()) {
                Some(schema) => Form::Native(schema),
                None => Form::Words(format!(
                    "Answer with one JSON value and nothing else: no text around it, no code fence. It must satisfy this \
                     JSON Schema:\n{}",
                    schema.get()
                )),
            },
            None => Form::Words(JSON_OBJECT.to_owned()),
        },
        Some("json_object") => Form::Words(JSON_OBJECT.to_owned()),
        Some("text") => Form::Free,
        _ => {
            dropped.add("response_format");
            Form::Free
        }
    }
}

fn sampling(fields: &Fields<'_>, out: &mut Writer, dropped: &mut Dropped) {
    for name in ["temperature", "top_p"] {
        let Some(value) = fields.get(name) else { continue };
        match value.get().parse::<f64>() {
            // The default of both.
            Ok(1.0) => {}
            Ok(above) if above > 1.0 => dropped.add(name),
            // What is no number stays for the provider to reject.
            Ok(_) | Err(_) => {
                out.raw(name, value.get());
            }
        }
    }
}

/// `output_config`: how hard the model thinks, and the form of its answer.
fn effort(fields: &Fields<'_>, form: &Form, out: &mut Writer, dropped: &mut Dropped) {
    let mut config = Writer::new();
    let effort = fields.get("reasoning_effort");
    match effort.and_then(json::text).as_deref() {
        Some("none") => {
            out.raw("thinking", r#"{"type":"disabled"}"#);
        }
        // The least that there is.
        Some("minimal") => {
            config.text("effort", "low");
        }
        Some(effort) => {
            config.text("effort", effort);
        }
        None if effort.is_some() => dropped.add("reasoning_effort"),
        None => {}
    }
    if let Form::Native(schema) = form {
        config.raw("format", &Writer::new().text("type", "json_schema").raw("schema", schema).finish());
    }
    if !config.is_empty() {
        out.raw("output_config", &config.finish());
    }
}

/// Who asks, and on which terms.
fn account(fields: &Fields<'_>, out: &mut Writer) {
    if let Some(user) = fields.get("safety_identifier").or_else(|| fields.get("user")) {
        out.raw("metadata", &Writer::new().raw("user_id", user.get()).finish());
    }
    if fields.get("service_tier").and_then(json::text).as_deref() == Some("default") {
        out.text("service_tier", "standard_only");
    }
}

/// Whether the value of a field asks for nothing.
fn is_default(name: &str, value: &RawValue) -> bool {
    let text: String = value.get().chars().filter(|character| !character.is_whitespace()).collect();
    let same = |default: &str| {
        let numbers = (default.parse::<f64>().ok(), text.parse::<f64>().ok());
        default == text || matches!(numbers, (Some(default), Some(value)) if default == value)
    };
    text == "null" || DEFAULTS.iter().any(|(known, default)| *known == name && same(default))
}
