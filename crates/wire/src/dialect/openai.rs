//! OpenAI chat completions, and the servers that speak the same.
//!
//! The model's name is replaced in place. From OpenAI itself usage is asked for in every stream, because it is the only
//! way to know what an answer cost; a compatible server may reject `stream_options`, so there only the caller asks.

use bytes::Bytes;

use crate::head::{self, Head};
use crate::json;
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

/// The body for this model, without this hint. `ask_usage`: see to it that a stream ends with its usage.
pub(super) fn request(body: &Bytes, head: &Head, model: &str, without: Option<&str>, ask_usage: bool) -> Bytes {
    let mut splice = Splice::new();
    if let Some(span) = without.filter(|it| HINTS.contains(it)).and_then(|it| json::member(body, it)) {
        splice.remove_member(body, span);
    }
    if model != head.model {
        splice.replace(head.model_span.clone(), json::quote(model));
    }
    if ask_usage && head.stream && !head.include_usage {
        add_usage(&mut splice, body, head);
    }
    splice.apply(body)
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
