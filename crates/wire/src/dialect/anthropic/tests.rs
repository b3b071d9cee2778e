//! Requests as Messages: every row of the conversion, and what cannot be converted.

use bytes::Bytes;
use serde_json::Value;

use crate::dialect::{self, Api, NativeSchema, Repair, Rewrite};
use crate::head::Head;

/// The value of JSON as it is written.
macro_rules! json {
    ($($text:tt)*) => { serde_json::from_str::<Value>(stringify!($($text)*)).unwrap() };
}

mod answers;

const HI: &str = r#"{"role":"user","content":"hi"}"#;

fn sent_by(body: &str, rewrite: &Rewrite<'_>) -> (Value, Vec<String>) {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let head = Head::read(&body).unwrap();
    let sent = dialect::request(Api::Anthropic, &body, &head, rewrite);
    let value = serde_json::from_slice(&sent.body).unwrap();
    (value, sent.dropped.iter().map(|name| name.to_string()).collect())
}

fn sent(messages: &str, members: &str) -> (Value, Vec<String>) {
    sent_by(&format!(r#"{{"model":"m","messages":[{messages}]{members}}}"#), &Rewrite::to("claude-x"))
}

fn turns(messages: &str) -> Value {
    sent(messages, "").0["messages"].take()
}

fn user(content: &str) -> Value {
    turns(&format!(r#"{{"role":"user","content":{content}}}"#))[0]["content"].take()
}

#[test]
fn a_small_request_is_written_and_nothing_else_is_sent() {
    let (sent, dropped) = sent(HI, "");
    let expected = json!({"model": "claude-x", "max_tokens": 4096,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]});
    assert_eq!(sent, expected);
    assert!(dropped.is_empty());
}

#[test]
fn system_messages_become_the_system_prompt_wherever_they_stand() {
    let messages = r#"{"role":"system","content":"a\n\"b\""},{"role":"developer","content":[{"type":"text","text":"c"}]},
        {"role":"user","content":"hi"},{"role":"system","content":"d"}"#;
    let (sent, _) = sent(messages, "");
    assert_eq!(sent["system"], "a\n\"b\"\n\nc\n\nd");
    assert_eq!(sent["messages"].as_array().unwrap().len(), 1);
}

#[test]
fn a_caller_with_nothing_but_instructions_asks_with_them() {
    let (sent, _) = sent(r#"{"role":"system","content":"say hi"}"#, "");
    assert_eq!(sent["messages"], json!([{"role": "user", "content": [{"type": "text", "text": "say hi"}]}]));
    assert_eq!(sent.get("system"), None);
}

#[test]
fn turns_of_one_role_are_merged_and_empty_ones_are_left_out() {
    let messages = r#"{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"},{"type":"text","text":" \n"}]},
        {"role":"assistant","content":null},{"role":"user","content":""},{"role":"user","content":"c"},
        {"role":"assistant","content":"d"},{"role":"assistant","refusal":"e","content":null},{"role":"user","content":"f"}"#;
    let expected = json!([
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "d"}, {"type": "text", "text": "e"}]},
        {"role": "user", "content": [{"type": "text", "text": "f"}]}
    ]);
    assert_eq!(turns(messages), expected);
}

#[test]
fn calls_and_their_results_keep_together_with_results_first() {
    let messages = r#"{"role":"user","content":"go"},
        {"role":"assistant","content":"on it","tool_calls":[
            {"id":"functions.f:0","type":"function","function":{"name":"f","arguments":"{ \"a\":1.50 }"}},
            {"id":"b","type":"function","function":{"name":"g","arguments":""}}]},
        {"role":"tool","tool_call_id":"functions.f:0","content":"one"},
        {"role":"user","content":"and?"},
        {"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"two"}]}"#;
    let turns = turns(messages);
    let said = &turns[1]["content"];
    assert_eq!(said[0], json!({"type": "text", "text": "on it"}));
    assert_eq!(said[1], json!({"type": "tool_use", "id": "functions_2ef_3a0", "name": "f", "input": {"a": 1.5}}));
    assert_eq!(said[2], json!({"type": "tool_use", "id": "b", "name": "g", "input": {}}));
    let results = &turns[2]["content"];
    assert_eq!(results[0], json!({"type": "tool_result", "tool_use_id": "functions_2ef_3a0", "content": "one"}));
    let two = json!({"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "two"}]});
    assert_eq!((&results[1], &results[2]), (&two, &json!({"type": "text", "text": "and?"})));
}

#[test]
fn arguments_that_are_no_object_do_not_end_the_conversation() {
    for arguments in [r#""{\"a\":""#, r#""[1]""#, r#""12""#] {
        let messages = format!(
            r#"{HI},{{"role":"assistant","tool_calls":[{{"id":"a","function":{{"name":"f","arguments":{arguments}}}}}]}}"#
        );
        assert_eq!(turns(&messages)[1]["content"][0]["input"].to_string(), format!("{{\"arguments\":{arguments}}}"));
    }
}

#[test]
fn the_older_form_of_calls_keeps_results_with_their_calls() {
    let messages = format!(
        r#"{HI},{{"role":"assistant","content":null,"function_call":{{"name":"f","arguments":"{{}}"}}}},
        {{"role":"function","name":"f","content":"done"}}"#
    );
    let (sent, dropped) = sent(&messages, r#","functions":[{"name":"f"}],"function_call":{"name":"f"}"#);
    assert_eq!(sent["messages"][1]["content"][0]["id"], sent["messages"][2]["content"][0]["tool_use_id"]);
    assert_eq!(sent["tools"], json!([{"name": "f", "input_schema": {"type": "object", "properties": {}}}]));
    assert_eq!(sent["tool_choice"], json!({"type": "tool", "name": "f"}));
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn a_conversation_that_the_assistant_begins_is_begun_for_the_user() {
    let turns = turns(&format!(r#"{{"role":"assistant","content":"Welcome!"}},{HI}"#));
    assert_eq!(
        (&turns[0]["role"], &turns[1]["role"], &turns[2]["role"]),
        (&json!("user"), &json!("assistant"), &json!("user"))
    );
    assert_eq!((&turns[1]["content"][0]["text"], &turns[2]["content"][0]["text"]), (&json!("Welcome!"), &json!("hi")));
}

/// One call with this id, and its result.
fn round(id: &str) -> String {
    format!(
        r#"{{"role":"assistant","tool_calls":[{{"id":"{id}","function":{{"name":"now","arguments":""}}}}]}},
        {{"role":"tool","tool_call_id":"{id}","content":"noon"}}"#
    )
}

#[test]
fn an_id_that_comes_again_is_written_anew_and_its_result_stays_with_it() {
    let turns = turns(&[HI.to_owned(), round("a.1"), round("a.1"), round("a.1_2"), round("a.1")].join(","));
    let ids: Vec<&Value> = [1, 3, 5, 7].iter().map(|place| &turns[*place]["content"][0]["id"]).collect();
    let results: Vec<&Value> = [2, 4, 6, 8].iter().map(|place| &turns[*place]["content"][0]["tool_use_id"]).collect();
    assert_eq!(ids, ["a_2e1", "a_2e1_2", "a_2e1_2_2", "a_2e1_3"]);
    assert_eq!(results, ids);
}

#[test]
fn tools_that_were_called_and_are_not_offered_any_more_are_declared_and_cannot_be_chosen() {
    let messages = [HI.to_owned(), round("a"), round("b"), HI.to_owned()].join(",");
    let (sent, _) = sent(&messages, r#","tool_choice":"auto""#);
    assert_eq!(sent["tools"], json!([{"name": "now", "input_schema": {"type": "object", "properties": {}}}]));
    assert_eq!(sent["tool_choice"], json!({"type": "none"}));
}

#[test]
fn pictures_and_documents_go_by_value_or_by_address() {
    let picture = |url: &str| format!(r#"[{{"type":"image_url","image_url":{{"url":"{url}"}}}}]"#);
    let inline = json!({"type": "base64", "media_type": "image/png", "data": "AAAA"});
    let block = &user(&picture("data:image/png;base64,AAAA"))[0];
    assert_eq!((&block["type"], &block["source"]), (&json!("image"), &inline));
    assert_eq!(user(&picture(r"data:image\/png;base64,AAAA"))[0]["source"], inline);
    assert_eq!(user(&picture("data:image/jpg;base64,AA"))[0]["source"]["media_type"], "image/jpeg");
    assert_eq!(
        user(&picture("https://a.example/b.png"))[0]["source"],
        json!({"type": "url", "url": "https://a.example/b.png"})
    );
    let file = r#"[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"}}]"#;
    let expected = json!({"type": "document", "title": "a.pdf",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}});
    assert_eq!(user(file)[0], expected);
}

#[test]
fn blocks_of_anthropics_own_and_cache_marks_pass() {
    let own = r#"{"type":"document","source":{"type":"url","url":"https://a.example/b.pdf"}}"#;
    let marked = r#"{"type":"text","text":"long","cache_control":{"type":"ephemeral","ttl":"1h"}}"#;
    let newer = r#"{"type":"text","text":"long","prompt_cache_breakpoint":{"mode":"explicit"}}"#;
    let content = user(&format!("[{own},{marked},{newer}]"));
    assert_eq!(content[0], serde_json::from_str::<Value>(own).unwrap());
    assert_eq!(content[1], serde_json::from_str::<Value>(marked).unwrap());
    assert_eq!(content[2]["cache_control"], json!({"type": "ephemeral"}));
    let (sent, _) = sent(&format!(r#"{{"role":"system","content":[{marked}]}},{HI}"#), "");
    assert_eq!(sent["system"].to_string(), format!("[{}]", content[1]));
}

#[test]
fn a_start_of_the_answer_ends_without_white_space() {
    let turns = turns(&format!(r#"{HI},{{"role":"assistant","content":"{{\"a\": \\n \n"}}"#));
    assert_eq!(turns[1]["content"][0]["text"], "{\"a\": \\n");
}

#[test]
fn every_form_of_tool_choice_is_kept() {
    let tools = r#","tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},
        {"type":"function","function":{"name":"g"}}]"#;
    let cases = [
        (r#","tool_choice":"auto""#, json!({"type": "auto"})),
        (r#","tool_choice":"none""#, json!({"type": "none"})),
        (r#","tool_choice":"none","parallel_tool_calls":false"#, json!({"type": "none"})),
        (r#","tool_choice":"required""#, json!({"type": "any"})),
        (r#","tool_choice":{"type":"function","function":{"name":"g"}}"#, json!({"type": "tool", "name": "g"})),
        (r#","parallel_tool_calls":false"#, json!({"type": "auto", "disable_parallel_tool_use": true})),
        (
            r#","tool_choice":"required","parallel_tool_calls":false"#,
            json!({"type": "any", "disable_parallel_tool_use": true}),
        ),
        (r#","parallel_tool_calls":true"#, Value::Null),
    ];
    for (members, expected) in cases {
        let (mut sent, dropped) = sent(HI, &format!("{tools}{members}"));
        assert_eq!(sent["tool_choice"].take(), expected, "{members}");
        assert_eq!(sent["tools"].as_array().unwrap().len(), 2);
        assert!(dropped.is_empty(), "{dropped:?}");
    }
    let first = sent(HI, tools).0["tools"][0].take();
    assert_eq!(first, json!({"name": "f", "description": "d", "input_schema": {"type": "object"}}));
    assert_eq!(sent(HI, r#","tool_choice":"auto","tools":[]"#).0.get("tool_choice"), None);
}

#[test]
fn of_allowed_tools_only_those_are_offered() {
    let members = r#","tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],
        "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}}"#;
    let (sent, _) = sent(HI, members);
    assert_eq!(sent["tools"].as_array().unwrap().len(), 1);
    assert_eq!((&sent["tools"][0]["name"], &sent["tool_choice"]), (&json!("g"), &json!({"type": "any"})));
}

#[test]
fn a_strict_tool_is_strict_only_where_its_schema_can_be() {
    let tool = |schema: &str| {
        let members = format!(
            r#","tools":[{{"type":"function","function":{{"name":"f","strict":true,"parameters":{schema}}}}}]"#
        );
        sent(HI, &members).0["tools"][0]["strict"].take()
    };
    let closed = r#"{"type":"object","properties":{"a":{"type":["string","null"]}},"required":["a"],"additionalProperties":false}"#;
    assert_eq!(tool(closed), true);
    assert_eq!(tool(&closed.replace(r#"["string","null"]"#, r#""string","maxLength":3"#)), Value::Null);
    assert_eq!(tool(r#"{"type":"object"}"#), Value::Null);
}

#[test]
fn caps_stops_and_terms_have_their_form() {
    let cases = [
        (r#","max_tokens":7"#, "max_tokens", json!(7)),
        (r#","max_tokens":7,"max_completion_tokens":9"#, "max_tokens", json!(9)),
        (r#","stop":"x""#, "stop_sequences", json!(["x"])),
        (r#","stop":["x","y"]"#, "stop_sequences", json!(["x", "y"])),
        (r#","stop":[]"#, "stop_sequences", Value::Null),
        (r#","temperature":0.3"#, "temperature", json!(0.3)),
        (r#","temperature":1"#, "temperature", Value::Null),
        (r#","top_p":1.0"#, "top_p", Value::Null),
        (r#","reasoning_effort":"high""#, "output_config", json!({"effort": "high"})),
        (r#","reasoning_effort":"minimal""#, "output_config", json!({"effort": "low"})),
        (r#","reasoning_effort":"none""#, "thinking", json!({"type": "disabled"})),
        (r#","user":"u""#, "metadata", json!({"user_id": "u"})),
        (r#","user":"u","safety_identifier":"s""#, "metadata", json!({"user_id": "s"})),
        (r#","service_tier":"default""#, "service_tier", json!("standard_only")),
        (r#","stream":true,"stream_options":{"include_usage":true}"#, "stream", json!(true)),
        (r#","response_format":{"type":"text"}"#, "output_config", Value::Null),
    ];
    for (members, name, expected) in cases {
        let (mut sent, dropped) = sent(HI, members);
        assert_eq!(sent[name].take(), expected, "{members}");
        assert!(dropped.is_empty(), "{members}: {dropped:?}");
    }
}

#[test]
fn what_has_no_form_is_dropped_and_named_unless_it_is_the_default() {
    let (sent, dropped) = sent(
        r#"{"role":"user","name":"bob","content":[{"type":"image_url","image_url":{"url":"https://a.example/b","detail":"high"}}]}"#,
        r#","seed":0,"logit_bias":{"1":2},"frequency_penalty":0.5,"temperature":1.4,"verbosity":"low","service_tier":"flex",
            "store":true,"metadata":{"a":"b"},"top_k":4,"prompt_cache_key":"k""#,
    );
    let expected = [
        "messages.name",
        "messages.image_url.detail",
        "temperature",
        "seed",
        "logit_bias",
        "frequency_penalty",
        "verbosity",
        "service_tier",
        "store",
        "metadata",
        "top_k",
        "prompt_cache_key",
    ];
    let mut sorted = dropped.clone();
    sorted.sort();
    let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
    expected.sort();
    assert_eq!(sorted, expected);
    assert_eq!(sent.as_object().unwrap().len(), 3, "{sent}");
}

#[test]
fn defaults_are_never_named() {
    let (_, dropped) = sent(
        HI,
        r#","n":1,"logprobs":false,"top_logprobs":0,"frequency_penalty":0.0,"presence_penalty":0,"logit_bias":{ },"store":false,
            "metadata":null,"verbosity":"medium","modalities":["text"],"service_tier":"auto","seed":null,"x":null,"temperature":1"#,
    );
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn a_schema_of_the_caller_goes_natively() {
    let schema = r#"{"type":"object","properties":{"b":{"type":"integer","minimum":1,"description":"count"},"a":{"oneOf":[{"type":"string"},{"type":"null"}]}},"required":["b"]}"#;
    let members =
        format!(r#","response_format":{{"type":"json_schema","json_schema":{{"name":"x","schema":{schema}}}}}"#);
    let body = Bytes::from(format!(r#"{{"model":"m","messages":[{HI}]{members}}}"#));
    let head = Head::read(&body).unwrap();
    let sent = dialect::request(Api::Anthropic, &body, &head, &Rewrite::to("m")).body;
    let text = String::from_utf8(sent.to_vec()).unwrap();
    // Order is what the model writes in, and must stay.
    let native = r#""output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"b":{"type":"integer","description":"count (minimum: 1)"},"a":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["b"],"additionalProperties":false}}}"#;
    assert!(text.contains(native), "{text}");
}

#[test]
fn a_form_that_cannot_be_held_is_asked_for_in_words() {
    let free = r#"{"type":"object","additionalProperties":{"type":"string"}}"#;
    let recursive =
        r##"{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}}}"##;
    for schema in [free, recursive, "true", r##"{"$ref":"#"}"##] {
        let members = format!(r#","response_format":{{"type":"json_schema","json_schema":{{"schema":{schema}}}}}"#);
        let (sent, dropped) = sent(&format!(r#"{{"role":"system","content":"s"}},{HI}"#), &members);
        let system = sent["system"].as_str().unwrap();
        assert!(system.starts_with("s\n\n") && system.contains(schema), "{system}");
        assert_eq!((sent.get("output_config"), dropped.len()), (None, 0));
    }
    let (sent, _) = sent(HI, r#","response_format":{"type":"json_object"}"#);
    assert!(sent["system"].as_str().unwrap().contains("JSON object"));
}

#[test]
fn what_a_rung_adds_is_sent() {
    let body = format!(
        r#"{{"model":"m","temperature":0.2,"max_tokens":5,"messages":[{{"role":"system","content":"a"}},{HI},{{"role":"system","content":"c"}}]}}"#
    );
    let with = [("reasoning_effort".into(), "\"low\"".into()), ("max_completion_tokens".into(), "8".into())];
    let schema = r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#;
    let rewrite = Rewrite {
        without: Some("temperature"),
        with: &with,
        instruction: Some("b"),
        schema: Some(NativeSchema { name: "n", text: schema, strict: false }),
        max_output: Some(99),
        repair: Some(Repair { said: "{", errors: "cut" }),
        ..Rewrite::to("claude-x")
    };
    let (sent, dropped) = sent_by(&body, &rewrite);
    assert_eq!((&sent["system"], &sent["max_tokens"]), (&json!("a\n\nb\n\nc"), &json!(8)));
    assert_eq!(sent["output_config"]["effort"], "low");
    assert_eq!(sent["output_config"]["format"]["schema"], serde_json::from_str::<Value>(schema).unwrap());
    assert_eq!(sent["messages"][1], json!({"role": "assistant", "content": [{"type": "text", "text": "{"}]}));
    assert!(sent["messages"][2]["content"][0]["text"].as_str().unwrap().contains("cut"));
    assert_eq!((sent.get("temperature"), dropped.len()), (None, 0));
    let (sent, _) = sent_by(
        &format!(r#"{{"model":"m","messages":[{HI}]}}"#),
        &Rewrite { max_output: Some(99), ..Rewrite::to("m") },
    );
    assert_eq!(sent["max_tokens"], 99);
}

#[test]
fn a_cap_that_nobody_named_leaves_room_for_the_prompt() {
    let cap = |members: &str, max_output, room| {
        let rewrite = Rewrite { max_output, room, ..Rewrite::to("m") };
        sent_by(&format!(r#"{{"model":"m","messages":[{HI}]{members}}}"#), &rewrite).0["max_tokens"].clone()
    };
    assert_eq!(cap("", Some(64_000), Some(20_000)), 20_000);
    assert_eq!(cap("", Some(64_000), Some(100_000)), 64_000);
    assert_eq!(cap("", None, Some(1_000)), 1_000);
    assert_eq!(cap("", None, Some(0)), 1, "no cap of nothing");
    assert_eq!(cap(r#","max_tokens":70000"#, Some(64_000), Some(20_000)), 70_000, "what the caller says is theirs");
}

#[test]
fn a_schema_whose_parts_would_exclude_each_other_once_closed_is_asked_for_in_words() {
    let part = |name: &str| {
        format!(r#"{{"type":"object","properties":{{"{name}":{{"type":"string"}}}},"required":["{name}"]}}"#)
    };
    let beside = |keyword: &str| part("a").replacen('{', &format!(r#"{{"{keyword}":[{}],"#, part("b")), 1);
    for schema in [
        format!(r#"{{"allOf":[{},{}]}}"#, part("a"), part("b")),
        beside("allOf"),
        beside("anyOf"),
        part("a").replacen(r#"["a"]"#, r#"["a","b"]"#, 1),
    ] {
        let members = format!(r#","response_format":{{"type":"json_schema","json_schema":{{"schema":{schema}}}}}"#);
        let (sent, _) = sent(HI, &members);
        assert_eq!(sent.get("output_config"), None, "{schema}");
        assert!(sent["system"].as_str().is_some_and(|it| it.contains(&schema)), "{sent}");
    }
    let alone = format!(r#"{{"allOf":[{}],"description":"d"}}"#, part("a"));
    let members = format!(r#","response_format":{{"type":"json_schema","json_schema":{{"schema":{alone}}}}}"#);
    assert!(sent(HI, &members).0["output_config"].is_object(), "one part excludes nothing");
}

proptest::proptest! {
    #[test]
    fn no_message_makes_the_translation_panic_or_write_broken_json(
        content in r#"(null|1|"a"|\[\]|\[[{]"type":"(text|file|image_url|x)","(text|file|image_url)":(null|"data:,"|[{]"url":7[}]|[{]"file_data":"x"[}])[}]\])"#,
        role in "(user|assistant|tool|function|system|x)",
        key in "(tool_calls|function_call|refusal|name|tool_call_id|tools)",
        value in r#"(null|1|"\\ud800"|\[7\]|\[[{]"id":3,"function":[{]"arguments":"\{"[}][}]\]|[{]"name":[1][}])"#,
        field in "(tools|tool_choice|stop|response_format|reasoning_effort|user|temperature)",
    ) {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"{role}","content":{content},"{key}":{value}}}],"{field}":{value}}}"#);
        let body = Bytes::from(body);
        if let Ok(head) = Head::read(&body) {
            let sent = dialect::request(Api::Anthropic, &body, &head, &Rewrite::to("m"));
            let parsed: Result<Box<serde_json::value::RawValue>, _> = serde_json::from_slice(&sent.body);
            proptest::prop_assert!(parsed.is_ok(), "{sent:?}");
        }
    }

    #[test]
    fn no_damage_to_a_request_breaks_the_translation(
        places in proptest::collection::vec((0..2_000usize, proptest::arbitrary::any::<u8>()), 1..6),
    ) {
        let mut body = include_bytes!("../../../fixtures/openai/request.json").to_vec();
        for (place, byte) in places {
            let place = place % body.len();
            body[place] = byte;
        }
        let body = Bytes::from(body);
        if let Ok(head) = Head::read(&body) {
            let sent = dialect::request(Api::Anthropic, &body, &head, &Rewrite::to("m"));
            let parsed: Result<Box<serde_json::value::RawValue>, _> = serde_json::from_slice(&sent.body);
            proptest::prop_assert!(parsed.is_ok(), "{:?}", sent);
        }
        let _ = dialect::whole(Api::Anthropic, &body, 0);
    }
}
