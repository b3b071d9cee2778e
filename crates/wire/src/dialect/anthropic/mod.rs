//! Anthropic's Messages behind OpenAI's chat completions.
//!
//! Requests are written anew from the caller's raw members, answers and streams are told in OpenAI's shape. Text is
//! carried over as the JSON strings that it came in and is not decoded. What this shape cannot express is named to the
//! caller, never guessed at. Error bodies are not translated: the signal table reads them as they are.

mod answer;
mod ids;
mod messages;
mod request;
mod schema;
mod stream;
mod tools;

pub(super) use answer::whole;
pub(super) use request::request;
pub(super) use stream::Stream;

use switchback_core::route::Capability;

/// The version of the protocol. The older one: under the newer one every sampling field is refused.
pub(super) const HEADERS: [(&str, &str); 1] = [("anthropic-version", "2023-06-01")];

/// What Messages has no form for.
pub(super) const LACKS: [Capability; 7] = [
    Capability::Choices,
    Capability::Logprobs,
    Capability::CustomTools,
    Capability::Audio,
    Capability::Embeddings,
    Capability::Rerank,
    Capability::Moderation,
];

/// What OpenAI calls the hints that Anthropic refuses by its own names.
#[rustfmt::skip]
pub(super) const HINTS: [(&str, [Option<&str>; 2]); 6] = [
    ("output_config.effort", [Some("reasoning_effort"), None]),
    ("effort",               [Some("reasoning_effort"), None]),
    ("thinking",             [Some("reasoning_effort"), None]),
    ("thinking.type",        [Some("reasoning_effort"), None]),
    ("metadata.user_id",     [Some("safety_identifier"), Some("user")]),
    ("tool_choice.disable_parallel_tool_use", [Some("parallel_tool_calls"), None]),
];

#[cfg(test)]
mod tests;
