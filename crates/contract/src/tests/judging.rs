//! The matrix of promises and answers.

use switchback_core::failure::{Detail, FailureClass};

use crate::{Answer, Promise, Schema, ToolCall, Violation};

const PERSON: &str = r#"{"type":"json_schema","json_schema":{"name":"person","strict":true,"schema":{
    "type":"object","properties":{"age":{"type":"integer"}},"required":["age"],"additionalProperties":false}}}"#;
const TOOLS: &str = r#"[
    {"type":"function","function":{"name":"weather","parameters":{"type":"object",
        "properties":{"city":{"type":"string"},"days":{"type":"integer","maximum":7}},"required":["city"]}}},
    {"type":"function","function":{"name":"now"}},
    {"type":"custom","custom":{"name":"sql","format":{"type":"text"}}}]"#;

fn promise(format: Option<&str>, tools: Option<&str>, choice: Option<&str>) -> Promise {
    Promise::of_request(format, tools, choice).unwrap()
}

fn text(text: &str) -> Answer<'_> {
    Answer { text: Some(text.into()), ..Answer::default() }
}

fn calls<'a>(list: &[(&'a str, &'a str)]) -> Answer<'a> {
    let call = |&(name, arguments): &(&'a str, &'a str)| ToolCall { name: name.into(), arguments: arguments.into() };
    Answer { tool_calls: list.iter().map(call).collect(), ..Answer::default() }
}

fn cut(answer: Answer<'_>) -> Answer<'_> {
    Answer { truncated: true, ..answer }
}

/// Class and detail of a judgement, `None` when the answer keeps its promise.
fn verdict(promise: &Promise, answer: &Answer<'_>) -> Option<(FailureClass, Detail)> {
    promise.judge(answer).err().map(|Violation { class, detail, .. }| (class, detail))
}

fn contract(detail: Detail) -> Option<(FailureClass, Detail)> {
    Some((FailureClass::Contract, detail))
}

fn truncated(detail: Detail) -> Option<(FailureClass, Detail)> {
    Some((FailureClass::Truncated, detail))
}

#[test]
fn an_empty_answer_is_never_success() {
    for promise in
        [Promise::nothing(), promise(Some(PERSON), None, None), promise(None, Some(TOOLS), Some("\"required\""))]
    {
        for empty in [Answer::default(), text(""), text(" \n\t")] {
            assert_eq!(verdict(&promise, &empty), contract(Detail::Empty));
        }
    }
}

#[test]
fn an_answer_of_which_a_cap_left_nothing_is_truncated() {
    assert_eq!(verdict(&Promise::nothing(), &cut(text(""))), truncated(Detail::Empty));
}

#[test]
fn a_refusal_is_not_judged_here() {
    let refusal = Answer { refusal: true, ..Answer::default() };
    assert_eq!(verdict(&promise(Some(PERSON), None, None), &refusal), None);
}

#[test]
fn plain_text_without_a_promise_is_fine_even_when_it_is_cut() {
    for format in [None, Some("null"), Some(r#"{"type":"text"}"#), Some(r#"{"type":"grammar","grammar":"x"}"#)] {
        let promise = promise(format, None, None);
        assert_eq!(verdict(&promise, &text("hello")), None);
        assert_eq!(verdict(&promise, &cut(text("hel"))), None);
        assert!(!promise.promises_json() && !promise.stands());
    }
}

#[test]
fn a_json_object_is_held_to_be_one() {
    let promise = promise(Some(r#"{"type":"json_object"}"#), None, None);
    assert!(promise.promises_json() && promise.stands());
    assert_eq!(verdict(&promise, &text(" {\"a\": 1}\n")), None);
    for wrong in ["[1]", "1", "{\"a\": 1", "{} done", "```json\n{}\n```", "{'a': 1}", "{\"a\":1,\"a\":2}"] {
        assert_eq!(verdict(&promise, &text(wrong)), contract(Detail::Json), "{wrong}");
    }
}

#[test]
fn a_json_schema_is_held_to_the_last_member() {
    let promise = promise(Some(PERSON), None, None);
    assert_eq!(verdict(&promise, &text(r#"{"age":3}"#)), None);
    assert_eq!(verdict(&promise, &text("three")), contract(Detail::Json));
    assert_eq!(verdict(&promise, &text(r#"{"age":"3"}"#)), contract(Detail::Schema));
    let violation = promise.judge(&text(r#"{"age":"3","x":1,"y":2}"#)).unwrap_err();
    assert_eq!(violation.to_string(), "$.age: expected whole number, found text (and 1 more)");
}

#[test]
fn a_json_schema_without_a_schema_promises_any_json() {
    let promise = promise(Some(r#"{"type":"json_schema","json_schema":{"name":"any"}}"#), None, None);
    assert_eq!(verdict(&promise, &text("[1]")), None);
    assert_eq!(verdict(&promise, &text("one")), contract(Detail::Json));
}

#[test]
fn a_truncated_answer_is_never_success_unless_it_is_whole() {
    let person = promise(Some(PERSON), None, None);
    assert_eq!(verdict(&person, &cut(text(r#"{"age":"#))), truncated(Detail::Json));
    assert_eq!(verdict(&person, &cut(text("{}"))), truncated(Detail::Schema));
    assert_eq!(verdict(&person, &cut(text(r#"{"age":3}"#))), None);
    let number = r#"{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"integer"}}}"#;
    let number = promise(Some(number), None, None);
    assert_eq!(verdict(&number, &text("12")), None);
    assert_eq!(verdict(&number, &cut(text("12"))), truncated(Detail::Json));
    let violation = person.judge(&cut(text("{"))).unwrap_err().to_string();
    assert!(violation.starts_with("cut off by its output cap: $: not JSON"), "{violation}");
}

#[test]
fn a_tasks_contract_is_held_beside_the_requests_own_format() {
    let adult = Schema::compile(&serde_json::json!({"properties": {"age": {"minimum": 18}}})).unwrap();
    let alone = Promise::nothing().and_contract(adult.clone());
    assert!(alone.promises_json() && alone.stands());
    assert_eq!(verdict(&alone, &text(r#"{"age":17}"#)), contract(Detail::Schema));
    let both = promise(Some(PERSON), None, None).and_contract(adult);
    assert_eq!(verdict(&both, &text(r#"{"age":18}"#)), None);
    assert_eq!(verdict(&both, &text(r#"{"age":17}"#)), contract(Detail::Schema));
    let findings = both.judge(&text(r#"{"age":1.5}"#)).unwrap_err().findings;
    assert_eq!(findings.len(), 2, "{findings:?}");
}

#[test]
fn a_tool_call_is_valid_or_named() {
    let promise = promise(None, Some(TOOLS), None);
    assert!(promise.has_tools() && !promise.requires_tool() && !promise.stands());
    for (name, arguments) in
        [("weather", r#"{"city":"Oslo","days":2}"#), ("now", ""), ("now", "{\"any\":1}"), ("sql", "select 1; -- {")]
    {
        assert_eq!(verdict(&promise, &calls(&[(name, arguments)])), None, "{name} {arguments}");
        assert_eq!(promise.judge_tool_call(name, arguments), Ok(()));
    }
    let wrong = [
        ("weather", "", "tool weather: $: the member \"city\" is missing"),
        ("weather", r#"{"city":1}"#, "tool weather: $.city: expected text, found number"),
        ("weather", r#"["Oslo"]"#, "tool weather: $: expected object, found list"),
        ("now", "null", "tool now: $: expected object, found null"),
        ("delete_all", "{}", "tool delete_all: $: called but not declared"),
    ];
    for (name, arguments, words) in wrong {
        let answer = calls(&[("now", "{}"), (name, arguments)]);
        assert_eq!(verdict(&promise, &answer), contract(Detail::ToolCall), "{name} {arguments}");
        assert_eq!(promise.judge(&answer).unwrap_err().to_string(), words);
        assert_eq!(promise.judge_tool_call(name, arguments).unwrap_err().to_string(), words);
    }
    let broken = promise.judge_tool_call("weather", r#"{"city":"Os"#).unwrap_err();
    assert!(broken.to_string().starts_with("tool weather: $: not JSON: EOF"), "{broken}");
}

#[test]
fn a_call_where_no_tool_is_declared_is_a_violation() {
    assert_eq!(verdict(&Promise::nothing(), &calls(&[("now", "{}")])), contract(Detail::ToolCall));
}

#[test]
fn tools_that_run_at_the_provider_let_unknown_names_through() {
    let promise = promise(None, Some(r#"[{"type":"web_search"}]"#), Some(r#"{"type":"web_search"}"#));
    assert_eq!(verdict(&promise, &calls(&[("search", "?")])), None);
    assert!(promise.has_tools());
}

#[test]
fn the_choice_of_tools_is_held() {
    let none = promise(None, Some(TOOLS), Some("\"none\""));
    assert_eq!(verdict(&none, &calls(&[("now", "{}")])), contract(Detail::ToolCall));
    assert_eq!(verdict(&none, &text("hello")), None);

    let required = promise(None, Some(TOOLS), Some("\"required\""));
    assert!(required.requires_tool() && required.stands());
    assert_eq!(verdict(&required, &text("hello")), contract(Detail::ToolMissing));
    assert_eq!(verdict(&required, &cut(text("hel"))), truncated(Detail::ToolMissing));
    assert_eq!(verdict(&required, &calls(&[("now", "{}")])), None);

    let named = promise(None, Some(TOOLS), Some(r#"{"type":"custom","custom":{"name":"sql"}}"#));
    assert!(named.requires_tool());
    assert_eq!(verdict(&named, &calls(&[("now", "{}")])), contract(Detail::ToolMissing));
    assert_eq!(verdict(&named, &calls(&[("sql", "select 1")])), None);

    let allowed = r#"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[
        {"type":"function","function":{"name":"now"}}]}}"#;
    let allowed = promise(None, Some(TOOLS), Some(allowed));
    assert!(allowed.requires_tool());
    assert_eq!(verdict(&allowed, &calls(&[("now", "{}")])), None);
    assert_eq!(verdict(&allowed, &calls(&[("sql", "x")])), contract(Detail::ToolCall));
    assert_eq!(verdict(&allowed, &text("hello")), contract(Detail::ToolMissing));
}

#[test]
fn an_answer_with_tool_calls_is_not_the_final_answer() {
    let promise = promise(Some(PERSON), Some(TOOLS), None);
    assert_eq!(verdict(&promise, &calls(&[("now", "{}")])), None);
    let with_words = Answer { text: Some("Let me look.".into()), ..calls(&[("now", "{}")]) };
    assert_eq!(verdict(&promise, &with_words), None);
    assert_eq!(verdict(&promise, &text("Let me look.")), contract(Detail::Json));
}

#[test]
fn a_tool_call_that_a_cap_cut_is_never_run() {
    let promise = promise(None, Some(TOOLS), None);
    for (name, arguments) in [("weather", r#"{"city":"Os"#), ("now", ""), ("sql", "delete from users where")] {
        let answer = cut(calls(&[(name, arguments)]));
        assert_eq!(verdict(&promise, &answer), truncated(Detail::ToolCall), "{name}");
    }
    let whole = cut(calls(&[("sql", "select 1"), ("weather", r#"{"city":"Oslo"}"#)]));
    assert_eq!(verdict(&promise, &whole), None);
}

#[test]
fn a_request_whose_promise_cannot_be_held_is_the_callers_mistake() {
    let bad_tool = r#"[{"type":"function","function":{"name":"a","parameters":{"pattern":"(?<=a)b"}}}]"#;
    let bad_format = r#"{"type":"json_schema","json_schema":{"name":"a","schema":{"$ref":"http://example.com/"}}}"#;
    let twice = r#"[{"type":"function","function":{"name":"a"}},{"type":"custom","custom":{"name":"a"}}]"#;
    let unknown = r#"{"type":"function","function":{"name":"delete"}}"#;
    let cases = [
        (None, Some(bad_tool), None, "tools[0].function.parameters", "invalid_schema"),
        (Some(bad_format), None, None, "response_format.json_schema.schema", "invalid_schema"),
        (Some("{"), None, None, "response_format", "invalid_value"),
        (Some("\"json\""), None, None, "response_format", "invalid_value"),
        (Some(r#"{"type":"json_schema"}"#), None, None, "response_format.json_schema", "invalid_value"),
        (None, Some("{}"), None, "tools", "invalid_value"),
        (None, Some("[1]"), None, "tools[0].type", "invalid_value"),
        (None, Some(r#"[{"type":"function"}]"#), None, "tools[0].function.name", "invalid_value"),
        (None, Some(twice), None, "tools[1]", "invalid_value"),
        (None, None, Some("\"required\""), "tool_choice", "invalid_value"),
        (None, Some(TOOLS), Some("\"any\""), "tool_choice", "invalid_value"),
        (None, Some(TOOLS), Some(unknown), "tool_choice.function.name", "invalid_value"),
    ];
    for (format, tools, choice, param, code) in cases {
        let error = Promise::of_request(format, tools, choice).unwrap_err();
        assert_eq!((error.param.as_str(), error.code), (param, code), "{error}");
        assert!(!error.message.is_empty());
    }
    let huge = format!("\"{}\"", "x".repeat(2 << 20));
    assert!(Promise::of_request(Some(&huge), None, None).is_err());
    let patterns: Vec<String> = (0..130)
        .map(|place| {
            let schema = format!(r#"{{"pattern":"^{place}"}}"#);
            format!(r#"{{"type":"function","function":{{"name":"t{place}","parameters":{schema}}}}}"#)
        })
        .collect();
    let error = Promise::of_request(None, Some(&format!("[{}]", patterns.join(","))), None).unwrap_err();
    assert_eq!(error.param, "tools[128].function.parameters");
    let many = format!("[{}{{\"type\":\"x\"}}]", "{\"type\":\"x\"},".repeat(600));
    assert!(Promise::of_request(None, Some(&many), None).is_err());
}
