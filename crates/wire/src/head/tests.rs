//! What is read from a request, and every way in which one is not a request.

use super::*;

const SMALL: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn read(body: &str) -> Head {
    Head::read(body.as_bytes()).unwrap()
}

fn with(members: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{members}}}"#)
}

fn refused(body: &str) -> (String, Option<&'static str>, &'static str) {
    let error = Head::read(body.as_bytes()).unwrap_err();
    (error.to_string(), error.param(), error.code())
}

#[test]
fn the_head_of_a_full_request_is_read_with_its_places() {
    let body = include_str!("../../fixtures/openai/request.json");
    let head = read(body);
    assert_eq!(head.model, "extract-\"invoice\"");
    assert_eq!(&body[head.model_span.clone()], r#""extract-\u0022invoice\u0022""#);
    assert!(head.stream && head.include_usage);
    assert_eq!((head.n, head.output_cap), (2, Some(500)));
    assert_eq!(&body[head.tool_choice.unwrap()], "\"auto\"");
    assert!(body[head.tools.unwrap()].starts_with("[\n"));
    assert!(body[head.response_format.unwrap()].contains("json_schema"));
    assert!(body[head.messages].starts_with("[{\"role\":\"developer\""));
    assert_eq!(&body[head.object_end..head.object_end + 1], "}");
    for capability in [Capability::Tools, Capability::Json, Capability::Images, Capability::Audio, Capability::Pdf] {
        assert!(head.needs.has(capability), "{}", capability.name());
    }
    assert!(head.needs.has(Capability::Stream));
}

#[test]
fn a_small_request_needs_nothing() {
    let head = read(&format!("\n\t {SMALL} \r\n"));
    assert_eq!((head.needs, head.n, head.output_cap), (Capabilities::NONE, 1, None));
    assert_eq!((head.stream, head.include_usage, head.stream_options_span), (false, false, None));
    assert!((1..10).contains(&head.prompt_tokens));
}

#[test]
fn null_counts_as_absent_but_keeps_its_place() {
    let body = with(
        r#""stream":null,"n":null,"max_tokens":null,"tools":null,"tool_choice":null,"response_format":null,"stream_options":null"#,
    );
    let head = read(&body);
    assert_eq!((head.stream, head.n, head.output_cap), (false, 1, None));
    assert_eq!((head.tools, head.tool_choice, head.response_format), (None, None, None));
    assert_eq!(&body[head.stream_options_span.unwrap()], "null");
}

#[test]
fn an_empty_tool_list_and_plain_text_need_nothing() {
    let head = read(&with(r#""tools":[ ],"response_format":{"type":"text"}"#));
    assert_eq!(head.needs, Capabilities::NONE);
}

#[test]
fn what_only_some_shapes_can_express_is_a_need() {
    let cases = [
        (r#""n":2"#, Capability::Choices),
        (r#""logprobs":true"#, Capability::Logprobs),
        (r#""top_logprobs":3"#, Capability::Logprobs),
        (r#""stop":"x""#, Capability::Stop),
        (r#""stop":["x"]"#, Capability::Stop),
        (r#""tools":[{"type":"function"},{"type":"custom","custom":{"name":"sql"}}]"#, Capability::CustomTools),
        (r#""modalities":["text","audio"]"#, Capability::Audio),
    ];
    for (members, capability) in cases {
        assert!(read(&with(members)).needs.has(capability), "{members}");
    }
    let nothing = r#""n":1,"logprobs":false,"top_logprobs":0,"stop":[],"modalities":["text"]"#;
    assert_eq!(read(&with(nothing)).needs, Capabilities::NONE);
    assert_eq!(read(&with(r#""stop":null,"n":null,"logprobs":null,"tools":7"#)).needs, Capabilities::NONE);
}

#[test]
fn state_that_a_provider_holds_pins_the_request() {
    let message = |message: &str| format!(r#"{{"model":"m","messages":[{message}]}}"#);
    for body in [
        message(r#"{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}"#),
        message(r#"{"role":"assistant","audio":{"id":"audio-1"}}"#),
        with(r#""web_search_options":{}"#),
        with(r#""tools":[{"type":"web_search"}]"#),
    ] {
        assert!(read(&body).pins, "{body}");
    }
    for body in [
        message(r#"{"role":"user","content":[{"type":"file","file":{"file_data":"AAAA","file_id":null}}]}"#),
        message(r#"{"role":"assistant","audio":null,"content":"a"}"#),
        with(r#""web_search_options":null,"tools":[{"type":"function"},{"type":"custom"},{}]"#),
    ] {
        assert!(!read(&body).pins, "{body}");
    }
}

#[test]
fn the_newer_output_cap_wins() {
    assert_eq!(read(&with(r#""max_tokens":7,"max_completion_tokens":9"#)).output_cap, Some(9));
    assert_eq!(read(&with(r#""max_tokens":7"#)).output_cap, Some(7));
}

#[test]
fn a_picture_does_not_count_as_text() {
    let picture = "A".repeat(400_000);
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"text","text":"what is it?"}},
        {{"type":"image_url","image_url":{{"url":"data:image/png;base64,{picture}"}}}}]}}]}}"#
    );
    let head = read(&body);
    assert!(head.needs.has(Capability::Images));
    assert!(head.prompt_tokens < 1_000, "{}", head.prompt_tokens);
}

#[test]
fn every_kind_of_text_weighs() {
    let plain = read(SMALL).prompt_tokens;
    let long = "word ".repeat(1_000);
    for body in [
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{long}"}}]}}"#),
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"text","text":"{long}"}}]}}]}}"#),
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":["{long}"]}}]}}"#),
        format!(r#"{{"model":"m","messages":[{{"role":"assistant","content":null,"tool_calls":["{long}"]}}]}}"#),
        with(&format!(r#""tools":[{{"type":"function","function":{{"name":"f","description":"{long}"}}}}]"#)),
        with(&format!(r#""response_format":{{"type":"json_schema","json_schema":{{"description":"{long}"}}}}"#)),
    ] {
        let tokens = read(&body).prompt_tokens;
        assert!(read(&body).message_tokens <= tokens);
        assert!((900..1_700).contains(&(tokens - plain)), "{tokens} for {body:.60}");
    }
}

#[test]
fn broken_json_is_refused_with_its_place() {
    let (message, param, code) = refused("{\"model\":\"m\",\n\"messages\":[}");
    assert_eq!(message, "the body is not valid JSON (line 2, column 13)");
    assert_eq!((param, code), (None, "invalid_json"));
    for body in ["", "{", "{\"model\":\"m\"", "nonsense", "[1,", "{} {}", "{\"model\":\"\u{1}\"}"] {
        assert!(matches!(Head::read(body.as_bytes()), Err(HeadError::NotJson { .. })), "{body}");
    }
    assert!(matches!(Head::read(b"{\"model\":\"\xFF\"}"), Err(HeadError::NotJson { .. })));
}

#[test]
fn json_that_is_not_an_object_is_refused() {
    for body in ["[]", "[\"m\",[]]", "null", "3", "\"x\""] {
        assert_eq!(Head::read(body.as_bytes()), Err(HeadError::NotAnObject), "{body}");
    }
}

#[test]
fn a_key_given_twice_is_refused_however_it_is_spelled() {
    let refusal = ("'model' is given twice".to_owned(), Some("model"), "duplicate_parameter");
    assert_eq!(refused(&with(r#""model":"other""#)), refusal);
    assert_eq!(refused(&with(r#""mod\u0065l":"other""#)), refusal);
    assert_eq!(refused(&with(r#""n":1,"n":1"#)).1, Some("n"));
    let message = r#"{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}"#;
    assert_eq!(
        refused(message),
        ("'messages[0]' gives 'role' or 'content' twice".into(), Some("messages"), "invalid_type")
    );
}

#[test]
fn unknown_fields_pass_even_twice() {
    assert_eq!(read(&with(r#""x":1,"x":{"deep":[1]}"#)).model, "m");
}

#[test]
fn nesting_is_bounded() {
    let deep = |levels: usize| with(&format!(r#""x":{}1{}"#, "[".repeat(levels), "]".repeat(levels)));
    assert_eq!(read(&deep(100)).model, "m");
    assert_eq!(Head::read(deep(200).as_bytes()), Err(HeadError::TooDeep { limit: 128 }));
    assert_eq!(read(&with(&format!(r#""x":"\"{}""#, "[".repeat(500)))).model, "m", "brackets in text are text");
}

#[test]
fn what_is_required_is_said() {
    let missing = |body, field| {
        assert_eq!(refused(body), (format!("'{field}' is required"), Some(field), "missing_required_parameter"))
    };
    missing("{}", "model");
    missing(r#"{"model":null,"messages":[]}"#, "model");
    missing(r#"{"model":"m"}"#, "messages");
    missing(r#"{"model":"m","messages":null}"#, "messages");
}

#[test]
fn wrong_types_and_ranges_are_said() {
    let cases = [
        (r#"{"model":3,"messages":[{"role":"user"}]}"#.to_owned(), "'model' must be a string", "invalid_type"),
        (r#"{"model":" ","messages":[{"role":"user"}]}"#.to_owned(), "'model' must not be empty", "invalid_value"),
        (r#"{"model":"m","messages":{}}"#.to_owned(), "'messages' must be an array", "invalid_type"),
        (r#"{"model":"m","messages":[ ]}"#.to_owned(), "'messages' must not be empty", "invalid_value"),
        (
            r#"{"model":"m","messages":[{"role":"user"},"x"]}"#.to_owned(),
            "'messages[1]' must be an object",
            "invalid_type",
        ),
        (r#"{"model":"m","messages":[["user"]]}"#.to_owned(), "'messages[0]' must be an object", "invalid_type"),
        (
            r#"{"model":"m","messages":[{"role":1}]}"#.to_owned(),
            "'messages[0]' must have a 'role' that is a string",
            "invalid_type",
        ),
        (
            r#"{"model":"m","messages":[{}]}"#.to_owned(),
            "'messages[0]' must have a 'role' that is a string",
            "invalid_type",
        ),
        (with(r#""stream":"yes""#), "'stream' must be a boolean", "invalid_type"),
        (with(r#""stream":1"#), "'stream' must be a boolean", "invalid_type"),
        (with(r#""n":0"#), "'n' must be an integer from 1 to 128", "invalid_value"),
        (with(r#""n":129"#), "'n' must be an integer from 1 to 128", "invalid_value"),
        (with(r#""n":-1"#), "'n' must be an integer from 1 to 128", "invalid_value"),
        (with(r#""n":1.5"#), "'n' must be an integer from 1 to 128", "invalid_type"),
        (with(r#""max_tokens":0"#), "'max_tokens' must be a positive integer", "invalid_value"),
        (
            with(r#""max_tokens":9,"max_completion_tokens":-4"#),
            "'max_completion_tokens' must be a positive integer",
            "invalid_value",
        ),
        (with(r#""max_tokens":"9""#), "'max_tokens' must be a positive integer", "invalid_type"),
    ];
    for (body, message, code) in cases {
        let (said, param, said_code) = refused(&body);
        assert_eq!((said.as_str(), said_code), (message, code), "{body}");
        assert!(param.is_some_and(|param| message.contains(param)), "{body}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..200), cut in 0..400usize) {
        let _ = Head::read(&bytes);
        let body = include_bytes!("../../fixtures/openai/request.json");
        let cut = cut.min(body.len());
        let _ = Head::read(&[&body[..cut], &bytes].concat());
    }
}
