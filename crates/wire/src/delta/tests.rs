//! Chunks as they come, and what counts as content.

use super::*;

fn read(data: &str) -> Chunk<'_> {
    Chunk::read(data.as_bytes()).unwrap()
}

fn delta(members: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{{members}}}}}]}}"#)
}

#[test]
fn only_what_a_caller_would_see_is_content() {
    for content in [
        r#""content":"a""#,
        r#""content":[{"type":"text","text":"a"}]"#,
        r#""refusal":"no""#,
        r#""reasoning":"hm""#,
        r#""reasoning_content":"hm""#,
        r#""reasoning_details":[{"type":"x"}]"#,
        r#""tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]"#,
        r#""function_call":{"name":"f"}"#,
        r#""audio":{"id":"a"}"#,
    ] {
        assert!(read(&delta(content)).has_content(), "{content}");
    }
    for none in [
        r#""role":"assistant""#,
        r#""role":"assistant","content":"","refusal":null"#,
        r#""content":null,"reasoning":"","reasoning_content":null,"reasoning_details":[],"tool_calls":[]"#,
        "",
    ] {
        assert!(!read(&delta(none)).has_content(), "{none}");
    }
    for data in [
        r#"{"type":"ping"}"#,
        r#"{"choices":[]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":1}}"#,
        r#"{"choices":[{"delta":null}]}"#,
    ] {
        assert!(!read(data).has_content(), "{data}");
    }
}

#[test]
fn a_chunk_of_usage_alone_is_known() {
    let chunk = read(r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":0}}"#);
    assert!(chunk.is_usage_only());
    assert_eq!(chunk.usage, Some(Usage { prompt: Some(1), completion: Some(0), ..Usage::default() }));
    assert!(!read(r#"{"choices":[],"usage":null}"#).is_usage_only());
    assert!(!read(r#"{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}"#).is_usage_only());
}

#[test]
fn usage_is_found_where_groq_puts_it_and_never_invented() {
    assert_eq!(read(r#"{"choices":[],"x_groq":{"usage":{"prompt_tokens":3}}}"#).usage.unwrap().prompt, Some(3));
    for data in
        [r#"{"usage":{}}"#, r#"{"usage":{"prompt_tokens":-1,"completion_tokens":"x"}}"#, r#"{"usage":[1]}"#, "{}"]
    {
        assert_eq!(read(data).usage, None, "{data}");
    }
}

#[test]
fn usage_can_be_taken_out_again() {
    for (data, expected) in [
        (r#"{"id":"a","choices":[],"usage":null}"#, r#"{"id":"a","choices":[]}"#),
        (r#"{"usage":{"prompt_tokens":1}, "id":"a"}"#, r#"{ "id":"a"}"#),
        (r#"{"a":1 , "usage" : {"x":"}"} ,"b":2}"#, r#"{"a":1  ,"b":2}"#),
        (r#"{"usage":null}"#, "{}"),
    ] {
        let bytes = Bytes::copy_from_slice(data.as_bytes());
        let span = read(data).usage_span.unwrap();
        assert_eq!(without_usage(&bytes, span), expected.as_bytes(), "{data}");
    }
}

#[test]
fn finish_reasons_are_read_and_an_empty_one_is_none() {
    let finish = |word: &str| {
        read(&format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":{word}}}]}}"#)).choices[0].finish.clone()
    };
    assert_eq!(finish("null"), None);
    assert_eq!(finish("\"\""), None);
    assert_eq!(finish("\"eos\""), Some(FinishReason::Stop));
    for word in ["stop", "length", "tool_calls", "content_filter", "function_call", "error", "made_up"] {
        assert_eq!(finish(&format!("\"{word}\"")).unwrap().name(), word);
    }
    assert!(read(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#).finishes());
}

#[test]
fn an_error_frame_is_seen() {
    for data in [
        r#"{"error":{"message":"x"}}"#,
        r#"{"id":"g","error":{"code":502},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
        r#"{"choices":[{"delta":{},"error":{"code":502}}]}"#,
        r#"{"choices":[],"x_groq":{"error":"over capacity"}}"#,
    ] {
        assert!(read(data).failed, "{data}");
    }
    assert!(!read(r#"{"error":null,"choices":[]}"#).failed);
}

#[test]
fn choices_without_an_index_count_by_place() {
    let chunk = read(
        r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}},{"index":7,"delta":{"content":"c"}}]}"#,
    );
    assert_eq!(chunk.choices.iter().map(|delta| delta.index).collect::<Vec<_>>(), [0, 1, 7]);
}

#[test]
fn what_is_no_chunk_is_malformed() {
    for data in [
        "",
        "[DONE]",
        "{",
        "null",
        "[]",
        r#"{"choices":3}"#,
        r#"{"choices":[3]}"#,
        r#"{"choices":[{"delta":"x"}]}"#,
        r#"{"id":"a"#,
    ] {
        assert!(Chunk::read(data.as_bytes()).is_err(), "{data}");
    }
}

#[test]
fn what_lies_deeper_in_a_chunk_must_have_its_form_too() {
    for data in [
        r#"{"choices":{}}"#,
        r#"{"choices":[[0,{}]]}"#,
        r#"{"choices":[null]}"#,
        r#"{"choices":[{"delta":["text"]}]}"#,
        r#"{"choices":[{"delta":{},"delta":{}}]}"#,
        r#"{"choices":[{"delta":{"content":"a","content":"b"}}]}"#,
        r#"{"choices":[{"index":0,"index":0}]}"#,
        r#"{"choices":[],"choices":[]}"#,
    ] {
        assert!(Chunk::read(data.as_bytes()).is_err(), "{data}");
    }
    let odd = read(r#" {"choices":[{"x":1,"x":[2],"delta":{"content":"a","y":{},"y":null}}],"z":1,"z":2} "#);
    assert_eq!(odd.choices[0].text.as_deref(), Some("a"));
    assert!(read(r#"{"choices":null}"#).choices.is_empty());
}

#[test]
fn stray_bytes_cost_nothing_beside_the_choices_and_the_chunk_in_them() {
    let beside = Chunk::read(b"{\"x\":\"\xff\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}").unwrap();
    assert_eq!(beside.choices[0].text.as_deref(), Some("a"));
    for inside in [
        &b"{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}"[..],
        b"{\"choices\":[{\"delta\":{\"x\":\"\xff\"}}]}",
        b"{\"choices\":[{\"x\":\"\xff\"}]}",
        b"{\"\xff\":1,\"choices\":[]}",
    ] {
        assert!(Chunk::read(inside).is_err(), "{inside:?}");
    }
}

#[test]
fn an_emoji_cut_in_two_is_still_text() {
    let chunk = read(r#"{"choices":[{"delta":{"content":"a\ud83d"}}]}"#);
    assert!(chunk.choices[0].text.as_deref().unwrap().starts_with('a'));
}

#[test]
fn what_was_written_to_a_cache_is_counted_apart() {
    let chunk = Chunk::read(
        br#"{"choices":[],"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":5}}}"#,
    );
    let usage = chunk.unwrap().usage.unwrap();
    assert_eq!((usage.prompt, usage.cached, usage.cache_write), (Some(9), Some(3), Some(5)));
}

#[test]
fn a_refusal_that_a_router_calls_a_filter_is_a_refusal() {
    let finish = |members: &str| {
        let chunk = format!(r#"{{"choices":[{{"delta":{{}},{members}}}]}}"#);
        Chunk::read(chunk.as_bytes()).unwrap().choices[0].finish.clone()
    };
    let refused = finish(r#""finish_reason":"content_filter","native_finish_reason":"refusal""#);
    assert_eq!(refused, Some(FinishReason::Other("refusal".into())));
    let filtered = finish(r#""finish_reason":"content_filter","native_finish_reason":"SAFETY""#);
    assert_eq!(filtered, Some(FinishReason::ContentFilter));
    let stopped = finish(r#""finish_reason":"stop","native_finish_reason":"refusal""#);
    assert_eq!(stopped, Some(FinishReason::Stop), "only a filter is read again");
}
