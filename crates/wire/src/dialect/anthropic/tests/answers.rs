//! Answers and streams in OpenAI's shape: what a client, the judge and the ledger read of them.

use bytes::Bytes;
use serde_json::Value;
use switchback_core::failure::{Detail, FailureClass};

use crate::assembly::Assembly;
use crate::chat::Whole;
use crate::delta::{Chunk, FinishReason, Usage};
use crate::dialect::{self, Api, Rewrite, Translator};
use crate::head::Head;
use crate::judge::judge;
use crate::sse::{Sse, SseEvent, SseReader};

const STREAM: &str = include_str!("../../../../fixtures/anthropic/stream.sse");
const TOOLS: &str = include_str!("../../../../fixtures/anthropic/stream-tools.sse");

const USAGE: Usage =
    Usage { prompt: Some(129), completion: Some(12), cached: Some(100), cache_write: Some(20), reasoning: Some(4) };

/// Everything that comes out for bytes cut at these places.
fn translated(bytes: &[u8], cuts: &[usize]) -> Vec<Sse> {
    let (mut reader, mut translator) = (SseReader::new(), Translator::new(Api::Anthropic, 77).unwrap());
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([0, bytes.len()]).collect();
    places.sort_unstable();
    let mut out = Vec::new();
    for piece in places.windows(2) {
        reader.push(Bytes::copy_from_slice(&bytes[piece[0]..piece[1]]));
        while let Some(sse) = reader.pull().unwrap() {
            match sse {
                Sse::Event(event) => out.extend(translator.take(&event)),
                Sse::Ping => out.push(Sse::Ping),
            }
        }
    }
    out
}

fn data(out: &[Sse]) -> Vec<Bytes> {
    let data = |sse: &Sse| if let Sse::Event(event) = sse { Some(event.data.clone()) } else { None };
    out.iter().filter_map(data).collect()
}

/// The stream put together, and whether it came to its end marker.
fn assembled(stream: &str) -> (Assembly, bool) {
    let mut assembly = Assembly::new(1 << 20);
    let mut done = false;
    for data in data(&translated(stream.as_bytes(), &[])) {
        assert!(!done, "nothing follows the end");
        done = data == "[DONE]";
        if !done {
            assembly.push(&Chunk::read(&data).unwrap()).unwrap();
        }
    }
    (assembly, done)
}

fn whole(body: &str) -> Bytes {
    dialect::whole(Api::Anthropic, &Bytes::copy_from_slice(body.as_bytes()), 77)
}

/// A message that stopped so, whole and as a stream.
fn stopped(text: &str, stop: &str) -> [String; 2] {
    let whole =
        format!(r#"{{"id":"m","type":"message","model":"c","content":[{{"type":"text","text":"{text}"}}],{stop}}}"#);
    let events = [
        r#"{"type":"message_start","message":{"id":"m","model":"c"}}"#.to_owned(),
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#.to_owned(),
        format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#),
        format!(r#"{{"type":"message_delta","delta":{{{stop}}}}}"#),
        r#"{"type":"message_stop"}"#.to_owned(),
    ];
    [whole, events.map(|event| format!("data: {event}\n\n")).concat()]
}

/// What the judge says of it, which is the same both ways, with the finish reason that a client reads.
fn judged(text: &str, stop: &str) -> (Option<(FailureClass, Option<Detail>, String)>, String) {
    let [body, stream] = stopped(text, stop);
    let body = whole(&body);
    let told = |failure: switchback_core::failure::Failure| {
        (failure.class, failure.detail, failure.message.unwrap_or_default().into_string())
    };
    let one = judge(&Whole::read(&body).unwrap().answer).map(told);
    let (assembly, done) = assembled(&stream);
    assert!(done && assembly.complete());
    assert_eq!(judge(&assembly.answer()).map(told), one, "whole and streamed are judged alike");
    let value: Value = serde_json::from_slice(&body).unwrap();
    (one, value["choices"][0]["finish_reason"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_whole_answer_is_a_completion() {
    let body = whole(include_str!("../../../../fixtures/anthropic/whole.json"));
    let read = Whole::read(&body).unwrap();
    assert!(!read.failed);
    assert_eq!(read.answer.usage, Some(USAGE));
    assert_eq!(judge(&read.answer), None);
    let value: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&value["id"], &value["object"]), (&json!("msg_1"), &json!("chat.completion")));
    assert_eq!((&value["model"], &value["created"]), (&json!("claude-x-20260101"), &json!(77)));
    assert_eq!(value["usage"]["total_tokens"], 141);
    let choice = &value["choices"][0];
    assert_eq!((&choice["index"], &choice["finish_reason"]), (&json!(0), &json!("tool_calls")));
    let message = &choice["message"];
    assert_eq!((&message["role"], &message["refusal"]), (&json!("assistant"), &Value::Null));
    assert_eq!(message["content"], "Größe: 中 \"a\"\n😀 done");
    assert_eq!(message["reasoning_content"], "Let me see");
    let call = &message["tool_calls"][0];
    assert_eq!((&call["id"], &call["type"]), (&json!("toolu_1"), &json!("function")));
    assert_eq!(call["function"]["name"], "get_weather");
    assert_eq!(call["function"]["arguments"], r#"{"city": "S\u00e3o Paulo","n":1.50}"#, "byte for byte");
}

#[test]
fn blank_lines_that_keep_a_connection_alive_are_no_part_of_the_answer() {
    let body = whole(&format!("\n\n \r\n{}\n", stopped("a", r#""stop_reason":"end_turn""#)[0]));
    assert_eq!(Whole::read(&body).unwrap().answer.choices[0].text().as_deref(), Some("a"));
    let same = Whole::read(b"\n\n\n{\"choices\":[{\"message\":{\"content\":\"a\"}}]}").unwrap();
    assert_eq!(same.answer.choices[0].text().as_deref(), Some("a"));
}

#[test]
fn what_is_no_message_comes_back_as_it_came() {
    for body in [
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        r#"{"type":"error","content":[],"error":{"type":"overloaded_error"}}"#,
        "<html></html>",
        "",
        "[]",
        "{",
        r#"{"content":[]} {}"#,
        r#"{"content":"hi"}"#,
        "{\"content\":[]}\u{1}",
    ] {
        assert_eq!(whole(body), body);
    }
    let error = whole(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#);
    assert!(Whole::read(&error).unwrap().failed);
}

#[test]
fn a_stream_is_told_in_chunks() {
    let (assembly, done) = assembled(STREAM);
    assert!(done && assembly.complete());
    let answer = assembly.answer();
    assert_eq!((answer.id.as_deref(), answer.model.as_deref()), (Some("msg_1"), Some("claude-x-20260101")));
    assert_eq!(answer.choices[0].text().as_deref(), Some("Größe: 中 \"a\"\n😀 done"));
    assert!(answer.choices[0].reasoning);
    assert_eq!(answer.choices[0].finish, Some(FinishReason::Stop));
    assert_eq!(answer.usage, Some(USAGE));
}

#[test]
fn chunks_are_what_a_client_expects() {
    let out = translated(STREAM.as_bytes(), &[]);
    let chunks: Vec<Value> = data(&out).iter().filter_map(|data| serde_json::from_slice(data).ok()).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    assert_eq!(chunks[1]["choices"][0]["delta"], json!({"reasoning_content": "Let me see"}));
    for chunk in &chunks {
        assert_eq!((&chunk["id"], &chunk["object"]), (&json!("msg_1"), &json!("chat.completion.chunk")));
        assert_eq!((&chunk["created"], &chunk["model"]), (&json!(77), &json!("claude-x-20260101")));
    }
    let finishes = chunks.iter().filter(|chunk| chunk["choices"][0]["finish_reason"].is_string()).count();
    assert_eq!(finishes, 1);
    let last = chunks.last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]["prompt_tokens"]), (&json!([]), &json!(129)));
    assert_eq!(out.iter().filter(|sse| **sse == Sse::Ping).count(), 2, "a ping and an event that nobody knows");
}

#[test]
fn streamed_calls_keep_their_arguments_byte_for_byte() {
    let (assembly, done) = assembled(TOOLS);
    assert!(done);
    let answer = assembly.answer();
    let calls: Vec<(&str, &str, &str)> = answer.choices[0]
        .tool_calls
        .iter()
        .map(|call| (call.id.as_deref().unwrap_or_default(), &*call.name, &*call.arguments))
        .collect();
    let expected = [
        ("toolu_1", "get_weather", r#"{"city": "São Paulo"}"#),
        ("toolu_2", "now", "{}"),
        ("toolu_3", "at_once", r#"{"a": 1}"#),
    ];
    assert_eq!(calls, expected);
    assert_eq!(answer.choices[0].text().as_deref(), Some("On it."));
    assert_eq!(answer.choices[0].finish, Some(FinishReason::ToolCalls));
}

#[test]
fn a_stream_cut_before_its_end_never_looks_finished() {
    for stream in [STREAM, TOOLS] {
        let end = stream.find("event: message_stop").unwrap();
        for cut in (0..=end).filter(|at| stream.is_char_boundary(*at)) {
            let (assembly, done) = assembled(&stream[..cut]);
            assert!(!done && !assembly.complete(), "cut at {cut}");
        }
    }
    let (assembly, done) =
        assembled(&STREAM.replace("event: message_stop\ndata: {\"type\":\"message_stop\"}", "data: [DONE]"));
    assert!(!done && !assembly.complete(), "only the message's own end counts");
}

#[test]
fn an_error_inside_a_stream_passes_as_it_came() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#;
    let stream = format!("{}event: error\ndata: {error}\n\n", &STREAM[..STREAM.find("event: message_delta").unwrap()]);
    let data = data(&translated(stream.as_bytes(), &[]));
    assert_eq!(data.last().unwrap(), error);
    assert!(Chunk::read(data.last().unwrap()).unwrap().failed);
}

#[test]
fn what_is_no_event_is_read_as_broken() {
    let mut translator = Translator::new(Api::Anthropic, 0).unwrap();
    for data in ["{\"type\":\"content_block_delta\",", "[]", "nonsense", "{} {}", "\u{1}"] {
        let event = SseEvent { data: Bytes::copy_from_slice(data.as_bytes()), kind: None };
        let [Sse::Event(out)] = &translator.take(&event)[..] else { panic!("{data} is held back") };
        assert!(Chunk::read(&out.data).is_err(), "{data}");
    }
}

#[test]
fn every_stop_reason_has_its_meaning() {
    let sound = |reason: &str| judged("a", &format!(r#""stop_reason":"{reason}""#));
    assert_eq!(sound("end_turn"), (None, "stop".into()));
    assert_eq!(sound("stop_sequence"), (None, "stop".into()));
    assert_eq!(sound("tool_use"), (None, "tool_calls".into()));
    assert_eq!(sound("max_tokens"), (None, "length".into()));
    assert_eq!(sound("model_context_window_exceeded"), (None, "length".into()));
    for reason in ["pause_turn", "compaction"] {
        let (failure, _) = sound(reason);
        let failure = failure.unwrap();
        assert_eq!((failure.0, failure.1), (FailureClass::Contract, Some(Detail::Unfinished)), "{reason}");
    }
    let (cut, _) = judged("", r#""stop_reason":"max_tokens""#);
    assert_eq!(cut.unwrap().0, FailureClass::Truncated);
}

#[test]
fn a_model_that_declines_refuses_and_is_no_filter() {
    let why =
        r#""stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":"Not this."}"#;
    let (failure, finish) = judged("", why);
    assert_eq!((failure, &*finish), (Some((FailureClass::Refusal, None, "Not this.".into())), "content_filter"));
    let value: Value = serde_json::from_slice(&whole(&stopped("", why)[0])).unwrap();
    assert_eq!(value["choices"][0]["message"]["refusal"], "Not this.");
    let (silent, _) = judged("half", r#""stop_reason":"refusal","stop_details":null"#);
    assert_eq!(silent.unwrap().0, FailureClass::Refusal);
}

#[test]
fn usage_that_was_not_told_is_unknown() {
    let body =
        whole(r#"{"content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"output_tokens":3}}"#);
    let usage = Whole::read(&body).unwrap().answer.usage.unwrap();
    assert_eq!((usage.prompt, usage.completion, usage.cached), (None, Some(3), None));
    let none = whole(r#"{"content":[{"type":"text","text":"a"}],"stop_reason":"end_turn"}"#);
    assert_eq!(Whole::read(&none).unwrap().answer.usage, None);
}

proptest::proptest! {
    #[test]
    fn any_cutting_of_the_bytes_gives_the_same_events(cuts in proptest::collection::vec(0..10_000usize, 0..12)) {
        for stream in [STREAM, TOOLS] {
            proptest::prop_assert_eq!(translated(stream.as_bytes(), &cuts), translated(stream.as_bytes(), &[]));
        }
    }

    #[test]
    fn no_event_makes_the_translator_panic(
        kind in "(message_start|content_block_start|content_block_delta|content_block_stop|message_delta|message_stop|x)",
        key in "(message|content_block|delta|index|usage)",
        value in r#"(null|1|-1|"a"|[{][}]|[{]"type":"(tool_use|text|input_json_delta|text_delta)","(text|input|partial_json|id)":(1|null|"\\ud800"|[{]"a":[1][}])[}])"#,
        again in 0..3usize,
    ) {
        let mut translator = Translator::new(Api::Anthropic, 0).unwrap();
        let event = format!(r#"{{"type":"{kind}","index":1,"{key}":{value}}}"#);
        let event = SseEvent { data: event.into(), kind: None };
        for _ in 0..=again {
            for sse in translator.take(&event) {
                if let Sse::Event(event) = sse {
                    proptest::prop_assert!(event.is_done() || Chunk::read(&event.data).is_ok(), "{:?}", event);
                }
            }
        }
        let _ = whole(&format!(r#"{{"content":[{value}],"usage":{value},"stop_reason":{value}}}"#));
    }

    #[test]
    fn arguments_go_up_and_come_back_byte_for_byte(
        arguments in r#"[{]( ?"[a-z\\u00e9]{0,4}" ?: ?("[a-zé中]{0,5}"|-?[1-9][0-9]{0,18}\.[0-9]0|true|\[1, 2\]))?[}]"#,
    ) {
        proptest::prop_assume!(serde_json::from_str::<Value>(&arguments).is_ok());
        let quoted = serde_json::to_string(&arguments).unwrap();
        let body = Bytes::from(format!(
            r#"{{"model":"m","messages":[{{"role":"assistant","tool_calls":[{{"id":"a","function":{{"name":"f","arguments":{quoted}}}}}]}}]}}"#
        ));
        let head = Head::read(&body).unwrap();
        let sent = dialect::request(Api::Anthropic, &body, &head, &Rewrite::to("m")).body;
        let sent = String::from_utf8(sent.to_vec()).unwrap();
        // What was sent as the assistant's turn comes back as an answer.
        let (_, turn) = sent.split_once(r#""role":"assistant","#).unwrap();
        let body = whole(&format!("{{{}]}}", turn.split_once("}]").unwrap().0.to_owned() + "}"));
        let answer = Whole::read(&body).unwrap().answer;
        proptest::prop_assert_eq!(&*answer.choices[0].tool_calls[0].arguments, arguments.as_str());
    }
}
