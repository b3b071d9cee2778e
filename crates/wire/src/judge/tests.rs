//! What the wire shows of an answer.

use super::*;
use crate::chat::Whole;

fn judged(body: &str) -> Option<(FailureClass, Option<Detail>)> {
    let whole = Whole::read(body.as_bytes()).unwrap();
    judge(&whole.answer).map(|failure| (failure.class, failure.detail))
}

fn choice(message: &str, finish: &str) -> Option<(FailureClass, Option<Detail>)> {
    judged(&format!(r#"{{"choices":[{{"message":{{{message}}},"finish_reason":"{finish}"}}]}}"#))
}

#[test]
fn a_sound_answer_is_no_failure() {
    assert_eq!(judged(include_str!("../../fixtures/openai/whole.json")), None);
    assert_eq!(judged(include_str!("../../fixtures/openai/whole-tools.json")), None);
    assert_eq!(judged(include_str!("../../fixtures/openai/whole-compatible.json")), None);
    assert_eq!(choice(r#""content":"a""#, "made_up"), None, "an unknown word with an answer is an answer");
}

#[test]
fn an_answer_without_choices_is_malformed() {
    assert_eq!(judged("{}"), Some((C::Contract, Some(D::Malformed))));
    assert_eq!(judged(r#"{"choices":[]}"#), Some((C::Contract, Some(D::Malformed))));
}

#[test]
fn a_filtered_answer_is_blocked_even_with_text() {
    assert_eq!(choice(r#""content":"half of i""#, "content_filter"), Some((C::PolicyBlocked, Some(D::Output))));
    assert_eq!(choice(r#""content":null"#, "SAFETY"), Some((C::PolicyBlocked, Some(D::Output))));
}

#[test]
fn finish_reasons_that_are_failures_are() {
    assert_eq!(choice(r#""content":"half""#, "error"), Some((C::ServerError, None)));
    assert_eq!(choice(r#""content":"half""#, "abort"), Some((C::ServerError, None)));
    assert_eq!(choice(r#""content":"half""#, "insufficient_system_resource"), Some((C::Overloaded, None)));
}

#[test]
fn a_refusal_is_a_refusal_with_its_words() {
    let whole =
        Whole::read(br#"{"choices":[{"message":{"content":null,"refusal":"I can't help."},"finish_reason":"stop"}]}"#)
            .unwrap();
    let failure = judge(&whole.answer).unwrap();
    assert_eq!((failure.class, failure.message.as_deref()), (C::Refusal, Some("I can't help.")));
    assert_eq!(choice(r#""content":[{"type":"refusal","refusal":"no"}]"#, "stop"), Some((C::Refusal, None)));
}

#[test]
fn an_empty_answer_is_never_success() {
    assert_eq!(choice(r#""content":"""#, "stop"), Some((C::Contract, Some(D::Empty))));
    assert_eq!(choice(r#""content":null,"tool_calls":[]"#, "tool_calls"), Some((C::Contract, Some(D::Empty))));
    assert_eq!(choice(r#""content":"""#, "length"), Some((C::Truncated, Some(D::Empty))));
    assert_eq!(judged(r#"{"choices":[{}]}"#), Some((C::Contract, Some(D::Empty))));
}

#[test]
fn nothing_but_reasoning_is_said_to_be_that() {
    let thought = r#""content":"","reasoning_content":"hm""#;
    assert_eq!(choice(thought, "length"), Some((C::Truncated, Some(D::ReasoningOnly))));
    assert_eq!(choice(thought, "stop"), Some((C::Contract, Some(D::ReasoningOnly))));
    let hidden = r#"{"choices":[{"message":{"content":""},"finish_reason":"length"}],
        "usage":{"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":9}}}"#;
    assert_eq!(judged(hidden), Some((C::Truncated, Some(D::ReasoningOnly))));
}

#[test]
fn truncation_alone_is_not_a_failure_here() {
    assert_eq!(choice(r#""content":"half""#, "length"), None);
}

#[test]
fn a_block_of_one_choice_outweighs_faults_of_others() {
    let body = r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"},{"message":{"content":"a"},"finish_reason":"content_filter"}]}"#;
    assert_eq!(judged(body), Some((C::PolicyBlocked, Some(D::Output))));
    let body = r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"},{"message":{"content":""},"finish_reason":"stop"}]}"#;
    assert_eq!(judged(body), Some((C::Contract, Some(D::Empty))), "one empty choice is enough");
}

#[test]
fn a_prompt_that_was_cut_is_seen_and_a_rough_estimate_is_not_taken_for_one() {
    assert!(prompt_was_cut(4_096, 20_000) && prompt_was_cut(30, 9_000));
    assert!(!prompt_was_cut(9_000, 20_000), "a vocabulary that needs half as many");
    assert!(!prompt_was_cut(100, 2_000), "no context is this small");
    assert!(!prompt_was_cut(0, 20_000), "no count");
    assert!(!prompt_was_cut(30_000, 20_000));
}
