//! What goes upstream, byte for byte.

use serde_json::Value;

use super::*;

fn sent(api: Api, body: &str, model: &str) -> String {
    rewritten(api, body, &Rewrite::to(model))
}

fn rewritten(api: Api, body: &str, rewrite: &Rewrite<'_>) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let head = Head::read(&body).unwrap();
    let sent = request(api, &body, &head, rewrite);
    assert!(sent.dropped.is_empty(), "the same shape drops nothing");
    String::from_utf8(sent.body.to_vec()).unwrap()
}

fn with(members: &[(&str, &str)]) -> Vec<(Box<str>, Box<str>)> {
    members.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

const MESSAGES: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

#[test]
fn every_kind_has_its_row() {
    for api in [Api::OpenAi, Api::OpenAiCompatible, Api::Anthropic] {
        assert_eq!(api.name().parse(), Ok(api));
    }
    for api in [Api::OpenAi, Api::OpenAiCompatible] {
        assert_eq!((api.path(), api.credential()), ("/chat/completions", Credential::Bearer));
        assert_eq!((api.fixed_headers().len(), api.lacks()), (0, Capabilities::NONE));
    }
    assert_eq!(Api::Anthropic.base_url(), Some("https://api.anthropic.com"));
    assert_eq!((Api::Anthropic.path(), Api::Anthropic.credential()), ("/v1/messages", Credential::Header("x-api-key")));
    assert_eq!(Api::Anthropic.key_variable(), Some("ANTHROPIC_API_KEY"));
    assert_eq!(Api::Anthropic.fixed_headers(), [("anthropic-version", "2023-06-01")]);
    assert!(Api::Anthropic.lacks().has(Capability::Choices) && !Api::Anthropic.lacks().has(Capability::Stop));
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
        assert_eq!(request(api, &body, &head, &Rewrite::to("m")).body.as_ptr(), body.as_ptr());
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
fn usage_is_asked_for_in_every_stream_unless_the_server_cannot() {
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
        for api in [Api::OpenAi, Api::OpenAiCompatible] {
            assert_eq!(sent(api, &body(options), "m"), body(expected));
            let unasked = Rewrite { ask_usage: false, ..Rewrite::to("m") };
            assert_eq!(rewritten(api, &body(options), &unasked), body(options), "what came is what is sent");
        }
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
    let head = Head::read(&body).unwrap();
    let without = |hint| {
        let rewrite = Rewrite { without: Some(hint), ..Rewrite::to("m") };
        request(Api::OpenAi, &body, &head, &rewrite).body
    };
    assert_eq!(without("temperature"), r#"{"model":"m","stop":["x"],"messages":[{"role":"user","content":"hi"}]}"#);
    assert_eq!(without("stop"), body);
    assert_eq!(without("top_p"), body, "not there");
}

#[test]
fn what_a_rung_sets_takes_the_place_of_the_callers() {
    let body = |members: &str| format!(r#"{{"model":"m",{members}{MESSAGES}}}"#);
    let set = with(&[("reasoning_effort", "\"low\""), ("x", "{\"a\":1}")]);
    let rewrite = Rewrite { with: &set, ..Rewrite::to("m") };
    assert_eq!(
        rewritten(Api::OpenAiCompatible, &body(r#""reasoning_effort" : "high","#), &rewrite),
        format!(r#"{{"model":"m","reasoning_effort" : "low",{MESSAGES},"x":{{"a":1}}}}"#)
    );
    let without = Rewrite { without: Some("reasoning_effort"), ..rewrite };
    assert_eq!(
        rewritten(Api::OpenAiCompatible, &body(r#""reasoning_effort":"high","#), &without),
        format!(r#"{{"model":"m",{MESSAGES},"x":{{"a":1}}}}"#),
        "what the provider just refused is not set again"
    );
}

#[test]
fn a_rung_cannot_set_what_the_gateway_decides_or_what_is_no_json() {
    let body = format!(r#"{{"model":"m",{MESSAGES}}}"#);
    let set =
        with(&[("model", "\"y\""), ("stream", "true"), ("messages", "[]"), ("top_k", "1,2"), ("a", "1"), ("a", "2")]);
    let rewrite = Rewrite { with: &set, ..Rewrite::to("x") };
    let expected = format!(r#"{{"model":"x",{MESSAGES},"a":2}}"#);
    assert_eq!(rewritten(Api::OpenAiCompatible, &body, &rewrite), expected);
}

#[test]
fn of_the_two_output_caps_only_the_one_that_was_set_goes_up() {
    let set = with(&[("max_completion_tokens", "9")]);
    let rewrite = Rewrite { with: &set, ..Rewrite::to("m") };
    let body = format!(r#"{{"max_tokens":5,"model":"m",{MESSAGES}}}"#);
    let expected = format!(r#"{{"model":"m",{MESSAGES},"max_completion_tokens":9}}"#);
    assert_eq!(rewritten(Api::OpenAiCompatible, &body, &rewrite), expected);
}

#[test]
fn an_instruction_follows_the_callers_own_and_has_their_role() {
    let message = |role: &str| format!(r#"{{"role":"{role}","content":"a"}}"#);
    let (system, developer, user) = (message("system"), message("developer"), message("user"));
    let ours = |role: &str| format!(r#"{{"role":"{role}","content":"be \"brief\""}}"#);
    let cases = [
        (vec![&user], vec![ours("system"), user.clone()]),
        (vec![&system, &user], vec![system.clone(), ours("system"), user.clone()]),
        (vec![&developer, &user, &system], vec![developer.clone(), ours("developer"), user.clone(), system.clone()]),
        (vec![&system], vec![system.clone(), ours("system")]),
    ];
    for (given, expected) in cases {
        let given: Vec<&str> = given.into_iter().map(String::as_str).collect();
        let body = |messages: &str| format!(r#"{{"messages":[{messages}],"model":"m"}}"#);
        let rewrite = Rewrite { instruction: Some("be \"brief\""), ..Rewrite::to("m") };
        assert_eq!(rewritten(Api::OpenAiCompatible, &body(&given.join(",")), &rewrite), body(&expected.join(",")));
    }
}

#[test]
fn a_repair_is_two_more_messages_at_the_end() {
    let body = format!(r#"{{{MESSAGES},"model":"m"}}"#);
    let repair = Repair { said: "{\"a\":", errors: "at /a: missing" };
    let rewrite = Rewrite { repair: Some(repair), instruction: Some("i"), ..Rewrite::to("m") };
    let value: Value = serde_json::from_str(&rewritten(Api::OpenAi, &body, &rewrite)).unwrap();
    let roles: Vec<&str> =
        value["messages"].as_array().unwrap().iter().map(|it| it["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(value["messages"][2]["content"], "{\"a\":");
    assert!(value["messages"][3]["content"].as_str().unwrap().contains("at /a: missing"));
}

#[test]
fn a_schema_goes_natively_only_where_nobody_asked_for_a_form() {
    let schema = NativeSchema { name: "my answer", text: r#"{"type":"object"}"#, strict: true };
    let rewrite = Rewrite { schema: Some(schema), ..Rewrite::to("m") };
    let native = r#""response_format":{"type":"json_schema","json_schema":{"name":"my_answer","strict":true,"schema":{"type":"object"}}}"#;
    let body = |members: &str| format!(r#"{{"model":"m",{MESSAGES}{members}}}"#);
    assert_eq!(rewritten(Api::OpenAi, &body(""), &rewrite), body(&format!(",{native}")));
    assert_eq!(rewritten(Api::OpenAi, &body(r#","response_format":null"#), &rewrite), body(&format!(",{native}")));
    let asked = body(r#","response_format":{"type":"text"}"#);
    assert_eq!(rewritten(Api::OpenAi, &asked, &rewrite), asked);
    let set = with(&[("response_format", "{\"type\":\"json_object\"}")]);
    let rewrite = Rewrite { with: &set, ..rewrite };
    assert_eq!(rewritten(Api::OpenAi, &body(""), &rewrite), body(r#","response_format":{"type":"json_object"}"#));
}

#[test]
fn an_answer_of_the_same_shape_is_the_very_same_bytes() {
    let body = Bytes::from_static(b" {\"choices\":[]}");
    assert_eq!(whole(Api::OpenAiCompatible, &body, 1).as_ptr(), body.as_ptr());
    assert!(Translator::new(Api::OpenAi, 1).is_none());
}
