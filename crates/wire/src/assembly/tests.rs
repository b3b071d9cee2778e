//! Streams put together, and tool calls handed out as they become whole.

use bytes::Bytes;

use super::*;
use crate::sse::{Sse, SseReader};

const LIMIT: usize = 10_000;

fn frames(stream: &str) -> Vec<Bytes> {
    let mut reader = SseReader::new();
    reader.push(Bytes::copy_from_slice(stream.as_bytes()));
    let mut frames = Vec::new();
    while let Some(item) = reader.pull().unwrap() {
        match item {
            Sse::Event(event) if !event.is_done() => frames.push(event.data),
            _ => {}
        }
    }
    frames
}

fn add(assembly: &mut Assembly, data: &str) -> Result<(), Malformed> {
    assembly.push(&Chunk::read(data.as_bytes()).unwrap())
}

fn calls(deltas: &[&str]) -> Vec<(Option<String>, String, String)> {
    let mut assembly = Assembly::new(LIMIT);
    for delta in deltas {
        add(&mut assembly, &format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{delta}]}}}}]}}"#)).unwrap();
    }
    let calls = assembly.answer().choices[0].tool_calls.clone();
    calls.into_iter().map(|call| (call.id.map(Into::into), call.name.into(), call.arguments.into())).collect()
}

fn call(id: Option<&str>, name: &str, arguments: &str) -> (Option<String>, String, String) {
    (id.map(Into::into), name.into(), arguments.into())
}

#[test]
fn a_stream_becomes_the_answer_that_a_body_would_be() {
    let mut assembly = Assembly::new(LIMIT);
    let mut complete = Vec::new();
    for frame in frames(include_str!("../../fixtures/openai/stream.sse")) {
        assembly.push(&Chunk::read(&frame).unwrap()).unwrap();
        complete.push(assembly.complete());
    }
    assert_eq!(complete, [false, false, false, true, true]);
    let answer = assembly.answer();
    assert_eq!((answer.id.as_deref(), answer.model.as_deref()), (Some("c1"), Some("m-1")));
    assert_eq!(answer.choices[0].text().as_deref(), Some("Hello 😀"));
    assert_eq!(answer.choices[0].finish, Some(FinishReason::Stop));
    assert_eq!(assembly.usage().unwrap().completion, Some(5));
}

#[test]
fn calls_are_handed_out_when_their_choice_ends() {
    let mut assembly = Assembly::new(LIMIT);
    let mut handed = Vec::new();
    for frame in frames(include_str!("../../fixtures/openai/stream-tools.sse")) {
        assembly.push(&Chunk::read(&frame).unwrap()).unwrap();
        let whole = assembly.take_whole_calls();
        handed.push(whole.into_iter().map(|(_, call)| format!("{}{}", call.name, call.arguments)).collect::<Vec<_>>());
    }
    assert_eq!(handed, [vec![], vec![], vec![], vec![], vec!["f{\"a\":1}".to_owned(), "g{}".to_owned()]]);
    assert_eq!(assembly.answer().choices[0].tool_calls.len(), 2, "what was handed out is still part of the answer");
}

#[test]
fn fragments_belong_together_by_index_else_id_else_order() {
    let by_index = calls(&[
        r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}"#,
        r#"{"index":1,"id":"b","function":{"name":"g","arguments":"["}}"#,
        r#"{"index":0,"function":{"arguments":"}"}}"#,
        r#"{"index":1,"function":{"arguments":"]"}}"#,
    ]);
    assert_eq!(by_index, [call(Some("a"), "f", "{}"), call(Some("b"), "g", "[]")]);
    let by_id = calls(&[
        r#"{"id":"a","function":{"name":"f","arguments":"{"}}"#,
        r#"{"id":"b","function":{"name":"f","arguments":"["}}"#,
        r#"{"id":"a","function":{"arguments":"}"}}"#,
        r#"{"function":{"arguments":"]"}}"#,
    ]);
    assert_eq!(by_id, [call(Some("a"), "f", "{}"), call(Some("b"), "f", "[]")]);
    let by_order = calls(&[
        r#"{"function":{"name":"f","arguments":"{"}}"#,
        r#"{"function":{"arguments":"}"}}"#,
        r#"{"function":{"name":"g","arguments":{"x":1}}}"#,
    ]);
    assert_eq!(by_order, [call(None, "f", "{}"), call(None, "g", r#"{"x":1}"#)]);
}

#[test]
fn calls_that_all_say_index_0_are_told_apart_by_id() {
    let calls = calls(&[
        r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}"#,
        r#"{"index":0,"id":"b","function":{"name":"f","arguments":"["}}"#,
        r#"{"index":0,"function":{"arguments":"]"}}"#,
    ]);
    assert_eq!(calls, [call(Some("a"), "f", "{}"), call(Some("b"), "f", "[]")]);
}

#[test]
fn a_repeated_id_or_name_changes_nothing() {
    let calls = calls(&[
        r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}"#,
        r#"{"index":0,"id":"a","function":{"name":"f","arguments":"}"}}"#,
    ]);
    assert_eq!(calls, [call(Some("a"), "f", "{}")]);
}

#[test]
fn a_call_that_goes_on_after_it_was_handed_out_is_malformed() {
    let mut assembly = Assembly::new(LIMIT);
    let delta = |call: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{call}]}}}}]}}"#);
    add(&mut assembly, &delta(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}"#)).unwrap();
    add(&mut assembly, &delta(r#"{"index":1,"id":"b","function":{"name":"g","arguments":"{}"}}"#)).unwrap();
    assert!(assembly.take_whole_calls().is_empty());
    add(&mut assembly, r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#).unwrap();
    assert_eq!(assembly.take_whole_calls().len(), 2);
    assert!(add(&mut assembly, &delta(r#"{"index":0,"function":{"arguments":",1"}}"#)).is_err());
}

#[test]
fn fragments_of_parallel_calls_may_come_in_any_order() {
    let calls = calls(&[
        r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\":"}}"#,
        r#"{"index":1,"id":"b","function":{"name":"f","arguments":"{\"a\""}}"#,
        r#"{"index":0,"function":{"arguments":"1}"}}"#,
        r#"{"index":1,"function":{"arguments":":2}"}}"#,
    ]);
    assert_eq!(calls, [call(Some("a"), "f", r#"{"a":1}"#), call(Some("b"), "f", r#"{"a":2}"#)]);
}

#[test]
fn every_choice_must_end_before_a_stream_may() {
    let mut assembly = Assembly::new(LIMIT);
    assert!(!assembly.complete(), "a stream without any choice is no answer");
    add(&mut assembly, r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"},{"index":1,"delta":{"refusal":"no"}}]}"#).unwrap();
    assert!(!assembly.complete());
    add(&mut assembly, r#"{"choices":[{"index":1,"delta":{"refusal":"pe"},"finish_reason":"stop"}]}"#).unwrap();
    assert!(assembly.complete());
    assert_eq!(assembly.answer().choices[1].refusal.as_deref(), Some("nope"));
}

#[test]
fn an_endless_answer_is_refused() {
    let mut small = Assembly::new(10);
    add(&mut small, r#"{"choices":[{"delta":{"content":"0123456789"}}]}"#).unwrap();
    assert!(add(&mut small, r#"{"choices":[{"delta":{"content":"x"}}]}"#).is_err());

    let mut choices = Assembly::new(LIMIT);
    let refused = (0..200)
        .any(|index| add(&mut choices, &format!(r#"{{"choices":[{{"index":{index},"delta":{{}}}}]}}"#)).is_err());
    assert!(refused, "choices without text are bounded too");

    let mut calls = Assembly::new(LIMIT);
    let call = |index: usize| format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":{index}}}]}}}}]}}"#);
    assert!((0..2_000).any(|index| add(&mut calls, &call(index)).is_err()), "calls without text are bounded too");
}

/// The same answer after it was told anew.
fn told_anew(assembly: &Assembly, mended: &Mended<'_>) -> (Assembly, Vec<Bytes>) {
    let chunks = assembly.mended(mended);
    let mut again = Assembly::new(1 << 20);
    for chunk in &chunks {
        again.push(&Chunk::read(chunk).unwrap()).unwrap();
    }
    (again, chunks)
}

#[test]
fn a_mended_stream_tells_the_mended_text_and_everything_else_as_it_was() {
    let mut assembly = Assembly::new(1 << 20);
    for chunk in [
        r#"{"id":"c1","created":77,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"```{"}}]}"#,
        r#"{"id":"c1","choices":[{"index":0,"delta":{"content":"}```"}},{"index":1,"delta":{"content":"b"}}]}"#,
        r#"{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":"length"}]}"#,
    ] {
        assembly.push(&Chunk::read(chunk.as_bytes()).unwrap()).unwrap();
    }
    let (again, chunks) = told_anew(&assembly, &Mended { text: Some("{\n}"), arguments: &[] });
    assert_eq!(
        chunks[0],
        r#"{"id":"c1","object":"chat.completion.chunk","created":77,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"{\u000a}"},"finish_reason":null}]}"#
    );
    assert!(chunks[1].ends_with(br#""choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#));
    let answer = again.answer();
    assert_eq!(answer.choices[0].text().as_deref(), Some("{\n}"));
    assert_eq!(answer.choices[1].text().as_deref(), Some("b"));
    assert_eq!(answer.choices[1].finish, Some(FinishReason::Length));
    assert!(again.complete());
}

#[test]
fn mended_calls_keep_their_ids_names_and_kinds() {
    let mut assembly = Assembly::new(1 << 20);
    for chunk in [
        r#"{"id":"c1","model":"m","choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\""}},{"index":1,"id":"b","type":"custom","custom":{"name":"g","input":"x"}}]}}]}"#,
        r#"{"id":"c1","choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
    ] {
        assembly.push(&Chunk::read(chunk.as_bytes()).unwrap()).unwrap();
    }
    let (again, chunks) = told_anew(&assembly, &Mended { text: None, arguments: &[(0, r#"{"a":1}"#)] });
    let answer = again.answer();
    let calls = &answer.choices[0].tool_calls;
    assert_eq!((calls[0].id.as_deref(), &*calls[0].name, &*calls[0].arguments), (Some("a"), "f", r#"{"a":1}"#));
    assert_eq!((calls[1].id.as_deref(), &*calls[1].arguments, calls[1].custom), (Some("b"), "x", true));
    assert_eq!(answer.choices[0].finish, Some(FinishReason::ToolCalls));
    assert_eq!(chunks.len(), 4, "the role, two calls, the finish");
}

#[test]
fn an_answer_with_media_is_not_told_anew() {
    let mut assembly = Assembly::new(1 << 20);
    let chunk = br#"{"choices":[{"delta":{"audio":{"id":"x"}},"finish_reason":"stop"}]}"#;
    assembly.push(&Chunk::read(chunk).unwrap()).unwrap();
    assert_eq!(assembly.mended(&Mended::default()), Vec::<Bytes>::new());
}
