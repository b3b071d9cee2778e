//! When a model is asked to mend its answer, and what it is shown.

use crate::{Answer, Promise, ToolCall};

const FORMAT: &str = r#"{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object",
    "properties":{"age":{"type":"integer"}},"required":["age"],"additionalProperties":false}}}"#;
const TOOLS: &str = r#"[{"type":"function","function":{"name":"weather","parameters":{"type":"object",
    "properties":{"days":{"type":"integer"}},"required":["days"]}}}]"#;

fn text(text: &str) -> Answer<'_> {
    Answer { text: Some(text.into()), ..Answer::default() }
}

fn shown(promise: &Promise, answer: &Answer<'_>) -> String {
    promise.errors_for_model(&promise.judge(answer).unwrap_err())
}

fn is_mendable(promise: &Promise, answer: &Answer<'_>) -> bool {
    promise.is_mendable(answer, &promise.judge(answer).unwrap_err())
}

#[test]
fn a_model_is_shown_where_it_went_wrong_and_what_is_wanted() {
    let promise = Promise::of_request(Some(FORMAT), Some(TOOLS), None).unwrap();
    assert_eq!(
        shown(&promise, &text(r#"{"age":"old","born":1815}"#)),
        "The answer is not valid:\n- at /age: expected whole number, found text\n- at the whole: unknown member \
         \"born\"\nAnswer again with the whole corrected JSON only: no words around it, no code fence."
    );
    let call = ToolCall { name: "weather".into(), arguments: "{}".into() };
    let call = Answer { tool_calls: vec![call], ..Answer::default() };
    assert_eq!(
        shown(&promise, &call),
        "The call of \"weather\" is not valid:\n- at the whole: the member \"days\" is missing\nCall it again with \
         arguments that are one valid JSON object and satisfy its schema."
    );
    let required = Promise::of_request(None, Some(TOOLS), Some("\"required\"")).unwrap();
    assert!(shown(&required, &text("hello")).ends_with("Call the required tool."));
}

#[test]
fn what_a_model_is_shown_is_bounded_and_holds_no_value_of_the_answer() {
    let members: Vec<String> = (0..50).map(|at| format!("\"{}{at}\":\"hunter2\"", "é".repeat(300))).collect();
    let format =
        r#"{"type":"json_schema","json_schema":{"name":"x","schema":{"additionalProperties":{"type":"integer"}}}}"#;
    let promise = Promise::of_request(Some(format), None, None).unwrap();
    let shown = shown(&promise, &text(&format!("{{{}}}", members.join(","))));
    assert!(shown.len() <= 2048 && shown.lines().count() > 3, "{shown}");
    assert!(!shown.contains("hunter2") && shown.ends_with("no code fence."), "{shown}");
}

#[test]
fn a_model_can_mend_what_is_there_and_wrong_but_not_what_is_missing_or_cut() {
    let promise = Promise::of_request(Some(FORMAT), Some(TOOLS), None).unwrap();
    let call = |name: &'static str| Answer {
        tool_calls: vec![ToolCall { name: name.into(), arguments: "{".into() }],
        ..Answer::default()
    };
    assert!(is_mendable(&promise, &text("It is 36.")));
    assert!(is_mendable(&promise, &text(r#"{"age":"old"}"#)));
    assert!(is_mendable(&promise, &call("weather")) && is_mendable(&promise, &call("unknown")));
    assert!(!is_mendable(&promise, &text(" ")));
    assert!(!is_mendable(&promise, &Answer { truncated: true, ..text(r#"{"age":"#) }));
    assert!(!is_mendable(&Promise::nothing(), &call("weather")), "there is no tool to call");
}
