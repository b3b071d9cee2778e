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
/// native words of other vendors that routers of this shape pass on.
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

fn judge_choice(choice: &Choice<'_>, thought: bool) -> Option<Failure> {
    let word = choice.finish.as_ref().map_or("", FinishReason::name);
    if let Some((_, class, detail)) = FINISH.iter().find(|(name, ..)| name.eq_ignore_ascii_case(word)) {
        let mut failure = Failure::new(*class).with_message(format!("the provider ended the answer with '{word}'"));
        failure.detail = *detail;
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
