//! What goes upstream, byte for byte.

use serde_json::Value;

use super::*;

fn sent(api: Api, body: &str, model: &str) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let head = Head::read(&body).unwrap();
    String::from_utf8(request(api, &body, &head, model, None).to_vec()).unwrap()
}

const MESSAGES: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

#[test]
fn every_kind_has_its_row() {
    for api in [Api::OpenAi, Api::OpenAiCompatible] {
        assert_eq!(api.name().parse(), Ok(api));
        assert_eq!(api.path(), "/chat/completions");
    }
    assert_eq!(Api::OpenAi.base_url(), Some("https://api.openai.com/v1"));
    assert_eq!(Api::OpenAi.key_variable(), Some("OPENAI_API_KEY"));
    assert_eq!((Api::OpenAiCompatible.base_url(), Api::OpenAiCompatible.key_variable()), (None, None));
    assert_eq!("openai2".parse::<Api>(), Err(()));
}

#[test]
fn nothing_to_change_is_the_very_same_bytes() {
    let body = Bytes::from(format!(r#"{{"model":"m",{MESSAGES}}}"#));
    let head = Head::read(&body).unwrap();
    for api in [Api::OpenAi, Api::OpenAiCompatible] {
        assert_eq!(request(api, &body, &head, "m", None).as_ptr(), body.as_ptr());
    }
}

#[test]
fn only_the_model_changes_and_every_other_byte_stays() {
    let body = include_str!("../../fixtures/openai/request.json");
    for api in [Api::OpenAi, Api::OpenAiCompatible] {
        let expected = body.replace(r#""extract-\u0022invoice\u0022""#, r#""x/\"y\"\\z""#);
        assert_eq!(sent(api, body, "x/\"y\"\\z"), expected);
    }
}

#[test]
fn openai_is_asked_for_usage_in_every_stream() {
    let cases = [
        ("", r#","stream_options":{"include_usage":true}"#),
        (r#","stream_options":null"#, r#","stream_options":{"include_usage":true}"#),
        (r#","stream_options":{ }"#, r#","stream_options":{ "include_usage":true}"#),
        (r#","stream_options":{"x":1}"#, r#","stream_options":{"x":1,"include_usage":true}"#),
        (r#","stream_options":{"include_usage":false,"x":1}"#, r#","stream_options":{"include_usage":true,"x":1}"#),
        (r#","stream_options":{"include_usage":null}"#, r#","stream_options":{"include_usage":true}"#),
        (r#","stream_options":{"include_usage":true}"#, r#","stream_options":{"include_usage":true}"#),
        (r#","stream_options":7"#, r#","stream_options":7"#),
    ];
    for (options, expected) in cases {
        let body = |options: &str| format!(r#"{{"model":"m",{MESSAGES},"stream":true{options}}}"#);
        assert_eq!(sent(Api::OpenAi, &body(options), "m"), body(expected));
        assert_eq!(
            sent(Api::OpenAiCompatible, &body(options), "m"),
            body(options),
            "a compatible server is sent what came"
        );
    }
}

#[test]
fn usage_is_not_asked_for_without_a_stream() {
    let body = format!(r#"{{"model":"m",{MESSAGES},"stream":false}}"#);
    assert_eq!(sent(Api::OpenAi, &body, "m"), body);
}

#[test]
fn a_model_name_is_escaped() {
    let body = format!(r#"{{"model":"m",{MESSAGES}}}"#);
    for model in ["a\"b", "a\\", "a\nb\u{1}", "中😀"] {
        let value: Value = serde_json::from_str(&sent(Api::OpenAiCompatible, &body, model)).unwrap();
        assert_eq!(value["model"], model);
    }
}

#[test]
fn a_hint_is_left_out_and_a_promise_never_is() {
    let body = Bytes::from_static(
        br#"{"model":"m","temperature":0.7,"stop":["x"],"messages":[{"role":"user","content":"hi"}]}"#,
    );
    let head = Head::read(&body).expect("head");
    let without = request(Api::OpenAi, &body, &head, "m", Some("temperature"));
    assert_eq!(without, r#"{"model":"m","stop":["x"],"messages":[{"role":"user","content":"hi"}]}"#);
    assert_eq!(request(Api::OpenAi, &body, &head, "m", Some("stop")), body);
    assert_eq!(request(Api::OpenAi, &body, &head, "m", Some("top_p")), body, "not there");
}
