//! What the wire itself says about an answer: failures that need no contract to be seen.
//!
//! Truncation is not among them: whether a cut answer is a failure depends on what was promised. Policy comes first,
//! because a decision that stands is never routed around, whatever else is wrong.

use switchback_core::failure::{Detail, Failure, FailureClass};

use crate::chat::{Answer, Choice};
use crate::delta::FinishReason;
use crate::words;

use Detail as D;
use FailureClass as C;

/// Finish reasons that are no success, by their word on the wire, any letter case. First row wins.
///
/// Sources: OpenAI, OpenRouter (`error`), DeepSeek (`insufficient_system_resource`), vLLM (`abort`); the others are
/// native words of other vendors that routers of this shape pass on. Anthropic pauses a turn only for tools of its own,
/// which nothing on our side asks for: an answer that ends so is not whole, and the same route may be asked again.
#[rustfmt::skip]
const FINISH: &[(&str, FailureClass, Option<Detail>)] = &[
    ("content_filter",               C::PolicyBlocked, Some(D::Output)),
    ("content_filtered",             C::PolicyBlocked, Some(D::Output)),
    ("guardrail_intervened",         C::PolicyBlocked, Some(D::Output)),
    ("safety",                       C::PolicyBlocked, Some(D::Output)),
    ("recitation",                   C::PolicyBlocked, Some(D::Output)),
    ("blocklist",                    C::PolicyBlocked, Some(D::Output)),
    ("prohibited_content",           C::PolicyBlocked, Some(D::Output)),
    ("spii",                         C::PolicyBlocked, Some(D::Output)),
    ("refusal",                      C::Refusal,       None),
    ("insufficient_system_resource", C::Overloaded,    None),
    ("timeout",                      C::Timeout,       Some(D::Total)),
    ("error",                        C::ServerError,   None),
    ("abort",                        C::ServerError,   None),
    ("malformed_function_call",      C::Contract,      Some(D::ToolCall)),
    ("malformed_response",           C::Contract,      Some(D::Malformed)),
    ("pause_turn",                   C::Contract,      Some(D::Unfinished)),
    ("compaction",                   C::Contract,      Some(D::Unfinished)),
];

/// The failure that an answer shows by itself, if any: no choices, a finish reason that is no success, a refusal, or
/// nothing in it.
#[must_use]
pub fn judge(answer: &Answer<'_>) -> Option<Failure> {
    if answer.choices.is_empty() {
        return Some(Failure::new(C::Contract).with_detail(D::Malformed).with_message("the answer has no choices"));
    }
    let thought = answer.usage.and_then(|usage| usage.reasoning).is_some_and(|tokens| tokens > 0);
    let failures = answer.choices.iter().filter_map(|choice| judge_choice(choice, thought));
    failures.min_by_key(|failure| failure.class != C::PolicyBlocked)
}

/// Whether a server cut the prompt without saying so, as Ollama does with what is longer than the loaded context: it
/// counted far fewer prompt tokens (`reported`) than the messages are estimated to be (`estimated`, from
/// [`Head::message_tokens`](crate::head::Head::message_tokens); tools and schemas need not be part of the prompt).
///
/// Far fewer is less than a third. Our estimate is a rule of thumb, and modern vocabularies need down to half of it for
/// indented code and for letters that are not Latin (our own judgement, not measured); a third leaves room beyond that.
/// Below 2,048 tokens, Ollama's smallest default context, nothing is said, nor of a count of zero, which is none. Media
/// are weighed too roughly: ask only for requests without.
#[must_use]
pub const fn prompt_was_cut(reported: u64, estimated: u64) -> bool {
    const SMALLEST_CONTEXT: u64 = 2_048;
    reported > 0 && estimated > SMALLEST_CONTEXT && reported < estimated / 3
}

fn judge_choice(choice: &Choice<'_>, thought: bool) -> Option<Failure> {
    let word = choice.finish.as_ref().map_or("", FinishReason::name);
    if let Some((_, class, detail)) = FINISH.iter().find(|(name, ..)| name.eq_ignore_ascii_case(word)) {
        let mut failure = Failure::new(*class).with_message(format!("the provider ended the answer with '{word}'"));
        failure.detail = *detail;
        // A model that says why it declined is heard.
        let why = choice.refusal.as_deref().filter(|_| *class == C::Refusal).and_then(words::safe);
        failure.message = why.or(failure.message);
        return Some(failure);
    }
    if let Some(refusal) = &choice.refusal {
        let mut failure = Failure::new(C::Refusal);
        failure.message = words::safe(refusal);
        return Some(failure);
    }
    if !choice.is_empty() {
        return None;
    }
    let detail = if choice.reasoning || thought { D::ReasoningOnly } else { D::Empty };
    let cut = choice.finish == Some(FinishReason::Length);
    let class = if cut { C::Truncated } else { C::Contract };
    let message = match (detail, cut) {
        (D::ReasoningOnly, true) => "the output cap was spent on reasoning; no answer came",
        (D::ReasoningOnly, false) => "nothing but reasoning came",
        (_, true) => "the output cap was reached before any answer came",
        (_, false) => "the answer is empty",
    };
    Some(Failure::new(class).with_detail(detail).with_message(message))
}

#[cfg(test)]
mod tests;
