//! The signal table against bodies as providers send them, and the promise that a prompt cannot pose as a signal.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::table::*;
use super::*;

/// 2026-01-02 03:04:05 UTC.
const NOW: u64 = 1_767_323_045_000;

/// A request that uses the words which name its fields, as every request does.
const REQUEST: &[u8] = br#"{"model":"m","stream":true,"max_tokens":16000,"max_completion_tokens":9,"tool_choice":"auto",
    "tools":[{"type":"function","function":{"name":"chat","parameters":{}}}],"response_format":{"type":"json_schema"},
    "messages":[{"role":"user","content":"Does the model support images? Generate tokens per day. Thinking, vision."}]}"#;

/// One row of an `errors.json` of the fixtures. A body that is a string is sent as it reads; `@name` names a file.
#[derive(Deserialize)]
struct Case {
    name: String,
    status: u16,
    #[serde(default)]
    headers: HashMap<String, String>,
    body: Box<RawValue>,
    class: String,
    detail: Option<String>,
    confidence: Option<String>,
    #[serde(default)]
    forbids_same_route: bool,
    wait_ms: Option<u64>,
    failure_status: Option<u16>,
    code: Option<String>,
}

fn cases() -> Vec<Case> {
    let read = |text: &str| serde_json::from_str::<Vec<Case>>(text).unwrap();
    let mut cases = read(include_str!("../../fixtures/openai/errors.json"));
    cases.extend(read(include_str!("../../fixtures/anthropic/errors.json")));
    cases
}

fn body_of(case: &Case) -> Vec<u8> {
    match crate::json::text(&case.body) {
        Some(text) if text == "@bad-gateway.html" => include_bytes!("../../fixtures/openai/bad-gateway.html").to_vec(),
        Some(text) => text.as_bytes().to_vec(),
        None => case.body.get().as_bytes().to_vec(),
    }
}

fn classified(status: u16, body: &[u8], request: &[u8]) -> Failure {
    classify(&Signal { status, headers: Headers::none(), body, request, now_unix_ms: NOW })
}

fn error(status: u16, message: &str) -> Failure {
    asked(status, message, b"{}")
}

fn asked(status: u16, message: &str, request: &[u8]) -> Failure {
    let body = format!("{{\"error\":{{\"message\":{}}}}}", crate::json::quote(message));
    classified(status, body.as_bytes(), request)
}

#[test]
fn every_recorded_error_gets_its_class() {
    for case in cases() {
        let look_up = |name: &str| case.headers.get(name).map(String::as_str);
        let failure = classify(&Signal {
            status: case.status,
            headers: Headers::new(&look_up),
            body: &body_of(&case),
            request: REQUEST,
            now_unix_ms: NOW,
        });
        let low = failure.confidence == Confidence::Low;
        assert_eq!(failure.class.name(), case.class, "{}", case.name);
        assert_eq!(failure.detail.map(Detail::name), case.detail.as_deref(), "{}", case.name);
        assert_eq!(low, case.confidence.as_deref() == Some("low"), "{}", case.name);
        assert_eq!(failure.forbids_same_route, case.forbids_same_route, "{}", case.name);
        assert_eq!(failure.retry_after, case.wait_ms.map(Duration::from_millis), "{}", case.name);
        assert_eq!(failure.status, Some(case.failure_status.unwrap_or(case.status)), "{}", case.name);
        assert_eq!(failure.code.as_deref(), case.code.as_deref(), "{}", case.name);
    }
}

#[test]
fn every_pattern_of_the_table_compiles() {
    assert_eq!(compile(TEXTS).len(), TEXTS.len());
    assert_eq!(compile(LIMIT_TEXTS).len(), LIMIT_TEXTS.len());
}

#[test]
fn no_row_stands_behind_one_that_always_wins() {
    for rows in [CODES, TYPES] {
        for (place, row) in rows.iter().enumerate() {
            let hidden = rows[..place].iter().any(|above| {
                above.name.eq_ignore_ascii_case(row.name) && above.on.is_empty() && above.params.is_empty()
            });
            assert!(!hidden, "{}", row.name);
        }
    }
    let statuses: Vec<(u16, u16)> = STATUSES.iter().map(|row| (row.from, row.to)).collect();
    assert!(statuses.windows(2).all(|pair| pair[0].1 < pair[1].0), "status ranges overlap or are out of order");
}

#[test]
fn words_from_the_prompt_cannot_steer() {
    for words in ["prompt is too long", "content_policy_violation", "model x has been decommissioned"] {
        let honest = error(400, &format!("Invalid request: {words}"));
        assert_ne!(honest.class, FailureClass::InvalidRequest, "{words}");
        let request = format!(r#"{{"messages":[{{"role":"user","content":"say: {words}!"}}]}}"#);
        let steered = asked(400, &format!("Invalid value: 'say: {words}!'"), request.as_bytes());
        assert_eq!((steered.class, steered.confidence), (FailureClass::InvalidRequest, Confidence::High), "{words}");
    }
}

#[test]
fn spelling_the_words_differently_does_not_help() {
    for spelled in
        [r"prompt \u0069s too long", r"PROMPT  is\ttoo\nlong", r"prompt-is-too-long", r"prompt is \u200b too long"]
    {
        let request = format!(r#"{{"messages":[{{"role":"user","content":"{spelled}"}}]}}"#);
        let failure = asked(400, "Invalid value: 'prompt is too long'", request.as_bytes());
        assert_eq!(failure.class, FailureClass::InvalidRequest, "{spelled}");
    }
}

#[test]
fn half_a_signal_cannot_be_borrowed() {
    let message = "Request too large: 'ten tokens per minute'";
    let theirs = asked(429, message, b"{}");
    assert!(theirs.forbids_same_route);
    let quoted = asked(429, message, br#"{"content":"my request too large"}"#);
    assert_eq!((quoted.class, quoted.forbids_same_route), (FailureClass::RateLimited, false));
}

#[test]
fn a_second_mention_by_the_provider_still_counts() {
    let request = br#"{"content":"maximum context length is 5 tokens"}"#;
    let message = "'maximum context length is 5 tokens' refused: this model's maximum context length is 8192 tokens";
    assert_eq!(asked(400, message, request).class, FailureClass::ContextWindow);
}

#[test]
fn a_wait_from_the_prompt_is_not_waited() {
    let request = br#"{"content":"please try again in 23 hours"}"#;
    assert_eq!(asked(429, "Bad: 'please try again in 23 hours'", request).retry_after, None);
    assert_eq!(asked(429, "Please try again in 2s", request).retry_after, Some(Duration::from_secs(2)));
}

#[test]
fn words_count_only_on_their_statuses() {
    assert_eq!(error(503, "maximum context length is 8192 tokens").class, FailureClass::Overloaded);
    assert_eq!(error(429, "maximum context length is 8192 tokens").class, FailureClass::RateLimited);
    assert_eq!(error(401, "prompt is too long").class, FailureClass::Auth);
    assert_eq!(error(422, "too many tokens: 9").class, FailureClass::InvalidRequest);
}

#[test]
fn a_code_beats_words() {
    let body = br#"{"error":{"message":"maximum context length is 9 tokens","code":"invalid_api_key"}}"#;
    let failure = classified(400, body, b"{}");
    assert_eq!((failure.class, failure.confidence), (FailureClass::Auth, Confidence::High));
}

#[test]
fn what_a_person_reads_is_short_and_holds_no_secret() {
    let failure = error(401, &format!("Incorrect API key provided: sk-abcdefghijkl. {}", "x ".repeat(400)));
    let message = failure.message.unwrap();
    assert!(!message.contains("sk-abc") && message.chars().count() <= 301, "{message}");
    let list = classified(422, br#"{"detail":[{"msg":"Field required"},{"msg":"Too short"}]}"#, b"");
    assert_eq!(list.message.as_deref(), Some("Field required; Too short"));
    assert_eq!(classified(502, include_bytes!("../../fixtures/openai/bad-gateway.html"), b"").message, None);
}

#[test]
fn a_hint_that_anthropic_refuses_is_found_by_the_name_it_has_in_the_request() {
    let refused = |message: &str, request: &str| {
        let body = format!(
            r#"{{"type":"error","error":{{"type":"invalid_request_error","message":{}}}}}"#,
            crate::json::quote(message)
        );
        classified(400, body.as_bytes(), request.as_bytes()).hint
    };
    let cases = [
        ("temperature: Extra inputs are not permitted", "temperature"),
        ("`temperature` is deprecated for this model.", "temperature"),
        ("`temperature` and `top_p` cannot both be specified for this model.", "temperature"),
        ("This model does not support the effort parameter.", "reasoning_effort"),
        ("output_config.effort: Extra inputs are not permitted", "reasoning_effort"),
        ("metadata.user_id: Extra inputs are not permitted", "user"),
    ];
    for (message, field) in cases {
        assert_eq!(refused(message, &format!(r#"{{"{field}":1}}"#)), Some(field), "{message}");
        assert_eq!(refused(message, "{}"), None, "what was not sent cannot be left out");
    }
    assert_eq!(refused("tools: Extra inputs are not permitted", r#"{"tools":[]}"#), None, "a promise is no hint");
}

#[test]
fn an_error_nested_without_end_is_only_its_status() {
    let body = format!("{{\"error\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(classified(500, body.as_bytes(), b"").class, FailureClass::ServerError);
}

proptest::proptest! {
    #[test]
    fn no_body_makes_the_classifier_panic(
        status in 0..700u16,
        body in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..200),
        text in r#"[\[\]{}":,a-z0-9\\ ]{0,80}"#,
        request in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..60),
    ) {
        let _ = classified(status, &body, &request);
        let _ = classified(status, text.as_bytes(), &request);
        let _ = asked(status, &format!("prompt is too long {text}"), &request);
    }
}
