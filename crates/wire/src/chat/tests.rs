//! Whole answers as providers and compatible servers send them.

use super::*;

fn read(body: &str) -> Whole<'_> {
    Whole::read(body.as_bytes()).unwrap()
}

#[test]
fn an_answer_is_read_with_its_usage() {
    let whole = read(include_str!("../../fixtures/openai/whole.json"));
    let answer = &whole.answer;
    assert!(!whole.failed);
    assert_eq!((answer.id.as_deref(), answer.model.as_deref()), (Some("chatcmpl-1"), Some("gpt-x-2026-01-01")));
    assert_eq!(answer.choices[0].text().as_deref(), Some("héllo\n"));
    assert_eq!(answer.choices[0].finish, Some(FinishReason::Stop));
    let usage = Usage { prompt: Some(9), completion: Some(12), cached: Some(4), reasoning: Some(7), cache_write: None };
    assert_eq!(answer.usage, Some(usage));
}

#[test]
fn tool_calls_are_read_in_order() {
    let whole = read(include_str!("../../fixtures/openai/whole-tools.json"));
    let choice = &whole.answer.choices[0];
    let call = |id: &str, name: &str, arguments: &str, custom| ToolCall {
        id: Some(id.into()),
        name: name.into(),
        arguments: arguments.into(),
        custom,
    };
    let expected =
        [call("call_1", "get_weather", r#"{"city":"Paris"}"#, false), call("call_2", "sql", "select 1", true)];
    assert_eq!(choice.tool_calls, expected);
    assert!(choice.text().is_none() && !choice.is_empty());
    assert_eq!(whole.answer.usage, None, "usage that did not come is unknown");
}

#[test]
fn what_compatible_servers_do_differently_is_understood() {
    let whole = read(include_str!("../../fixtures/openai/whole-compatible.json"));
    let [parts, object, legacy, reasoned] = whole.answer.choices.as_slice() else { panic!("four choices") };
    assert_eq!((parts.index, parts.text().as_deref(), parts.reasoning), (0, Some("ab"), true));
    assert_eq!((object.index, &*object.tool_calls[0].arguments, &object.finish), (1, r#"{"a": 1}"#, &None));
    assert_eq!((&*legacy.tool_calls[0].name, legacy.text()), ("old", None));
    assert_eq!((reasoned.finish.clone(), reasoned.reasoning), (Some(FinishReason::Stop), true));
    let usage = Usage { prompt: Some(5), cached: Some(2), ..Usage::default() };
    assert_eq!(whole.answer.usage, Some(usage));
}

#[test]
fn an_error_in_a_good_reply_is_seen() {
    for body in [
        r#"{"error":{"message":"x"}}"#,
        r#"{"error":"x","choices":[]}"#,
        r#"{"choices":[{"message":{"content":"half"},"error":{"code":502}}]}"#,
    ] {
        assert!(read(body).failed, "{body}");
    }
    for body in [r#"{"error":null,"choices":[]}"#, r#"{"error":{}}"#, r#"{"error":""}"#, r#"{"error":false}"#] {
        assert!(!read(body).failed, "{body}");
    }
}

#[test]
fn what_is_no_completion_is_malformed() {
    for body in [
        "",
        "[]",
        "null",
        "<html>",
        "{",
        "[{}]",
        r#"{"choices":{}}"#,
        r#"{"choices":["x"]}"#,
        r#"{"choices":[["x"]]}"#,
        r#"{"choices":[{"message":"x"}]}"#,
        r#"{"choices":[{"message":{"content":{"a":1}}}]}"#,
        r#"{"choices":[{"message":{"content":["x"]}}]}"#,
        r#"{"choices":[{"message":{"tool_calls":{}}}]}"#,
        r#"{"choices":[{"message":{"tool_calls":["x"]}}]}"#,
        r#"{"choices":[],"choices":[]}"#,
    ] {
        let failure = Whole::read(body.as_bytes()).unwrap_err().failure();
        assert_eq!((failure.class, failure.detail), (FailureClass::Contract, Some(Detail::Malformed)), "{body}");
    }
    let many = format!(r#"{{"choices":[{}{{}}]}}"#, "{},".repeat(MAX_CHOICES));
    assert!(Whole::read(many.as_bytes()).is_err());
}

#[test]
fn half_an_emoji_does_not_cost_the_answer() {
    let whole = read(r#"{"choices":[{"message":{"content":"a\ud83d b"}}]}"#);
    assert!(whole.answer.choices[0].text().unwrap().starts_with('a'));
}

#[test]
fn a_spoken_or_drawn_answer_is_not_empty() {
    let audio = read(r#"{"choices":[{"message":{"content":null,"audio":{"id":"a","data":"AAAA"}}}]}"#);
    assert!(!audio.answer.choices[0].is_empty());
}

#[test]
fn truncation_is_a_fact() {
    assert!(read(r#"{"choices":[{"message":{"content":"a"},"finish_reason":"length"}]}"#).answer.is_truncated());
    assert!(!read(r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}"#).answer.is_truncated());
}

proptest::proptest! {
    #[test]
    fn no_body_makes_the_reader_panic(text in r#"[\[\]{}":,a-z0-9\\ ]{0,80}"#, cut in 0..600usize) {
        let _ = Whole::read(text.as_bytes());
        let whole = include_bytes!("../../fixtures/openai/whole-compatible.json");
        let _ = Whole::read(&[&whole[..cut.min(whole.len())], text.as_bytes()].concat());
    }
}

#[test]
fn mending_changes_what_was_mended_and_no_other_byte() {
    let body = Bytes::from_static(
        b"\n {\"x\":1.50, \"choices\":[{\"message\":{\"content\":\"```{}```\",\"y\":null},\"finish_reason\":\"stop\"},{\"message\":{\"content\":\"b\"}}]}",
    );
    let mend = |text| mended(&body, &Mended { text: Some(text), arguments: &[] }).unwrap();
    let expected = std::str::from_utf8(&body).unwrap().replace("\"```{}```\"", r#""{\"a\":\"é\u000a\"}""#);
    assert_eq!(mend("{\"a\":\"é\n\"}"), expected);
    assert_eq!(mended(&body, &Mended::default()).unwrap().as_ptr(), body.as_ptr(), "nothing to mend is the same bytes");
}

#[test]
fn text_is_mended_in_every_form_that_servers_give_it() {
    for content in [r#","content":null"#, r#","content":[{"type":"text","text":"a"}]"#, ""] {
        let body = Bytes::from(format!(r#"{{"choices":[{{"message":{{"role":"assistant"{content}}}}}]}}"#));
        let told = mended(&body, &Mended { text: Some("{}"), arguments: &[] }).unwrap();
        assert_eq!(told, r#"{"choices":[{"message":{"role":"assistant","content":"{}"}}]}"#);
    }
}

#[test]
fn arguments_are_mended_in_every_form_that_servers_give_them() {
    let body = |message: &str| Bytes::from(format!(r#"{{"choices":[{{"message":{{{message}}}}}]}}"#));
    let cases = [
        (
            r#""tool_calls":[{"function":{"name":"f","arguments":"{"}},{"function":{"name":"g","arguments":"{"}}]"#,
            r#""tool_calls":[{"function":{"name":"f","arguments":"{"}},{"function":{"name":"g","arguments":"{\"a\":1}"}}]"#,
            1,
        ),
        (
            r#""tool_calls":[{"function":{"name":"f","arguments":{"a":2}}}]"#,
            r#""tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]"#,
            0,
        ),
        (
            r#""tool_calls":[{"function":{"name":"f"}}]"#,
            r#""tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]"#,
            0,
        ),
        (
            r#""tool_calls":[{"type":"custom","custom":{"name":"f","input":"x"}}]"#,
            r#""tool_calls":[{"type":"custom","custom":{"name":"f","input":"{\"a\":1}"}}]"#,
            0,
        ),
        (
            r#""function_call":{"name":"f","arguments":"x"}"#,
            r#""function_call":{"name":"f","arguments":"{\"a\":1}"}"#,
            0,
        ),
    ];
    for (given, expected, place) in cases {
        let told = mended(&body(given), &Mended { text: None, arguments: &[(place, r#"{"a":1}"#)] }).unwrap();
        assert_eq!(told, body(expected));
    }
}

#[test]
fn what_is_not_there_cannot_be_mended() {
    let call = Mended { text: None, arguments: &[(1, "{}")] };
    for body in [
        "",
        "[]",
        "{}",
        r#"{"choices":[]}"#,
        r#"{"choices":[{"message":null}]}"#,
        r#"{"choices":[{"message":{"tool_calls":[{"function":{}}]}}]}"#,
        r#"{"choices":[{"message":{"function_call":{}}}]}"#,
    ] {
        assert_eq!(mended(&Bytes::from(body), &call), None, "{body}");
    }
}
