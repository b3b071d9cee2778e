//! An answer that breaks its promise: mended here, then by its model, then by a stronger one. Nothing broken leaves.

use std::sync::Arc;

use serde_json::Value;

use crate::kit::scripted::{Scripted, completion, raw_reply, reply};
use crate::kit::upstream::Kept;
use crate::kit::{Gateway, Seen, ask, ask_with, chat, page, provider, value};

const SCHEMA: &str = r#"{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"],"additionalProperties":false}"#;
const SOUND: &str = r#"{"name":"Ada","age":36}"#;
/// Nothing that was said makes this one whole: a required member is missing.
const LACKING: &str = r#"{"name":"Ada"}"#;

/// What the model `small` says to its n-th call, and `strong` always the sound answer.
async fn start(contract: &str, small: &'static [&'static str]) -> (Gateway, Arc<Scripted>) {
    let says = move |n: usize, kept: &Kept| {
        let body: Value = serde_json::from_slice(&kept.body).unwrap();
        let said = if body["model"] == "strong" { SOUND } else { small.get(n).or(small.last()).unwrap() };
        if body["stream"] == true { streamed(said) } else { reply(200, &completion(said)) }
    };
    let vendor = Arc::new(Scripted::start(says).await);
    let text = page(&format!(
        r#"{}
[defaults]
retry-wait = "5ms..10ms"
[contract.person]
schema = "person.json"
{contract}
[task.extract]
contract = "person"
ladder = [{{ try = "sim/small", retries = 0 }}, {{ try = "sim/other" }}, {{ try = "sim/strong", as = "stronger" }}]
[task.lone]
contract = "person"
ladder = [{{ try = "sim/small", retries = 0 }}]
[task.own]
ladder = [{{ try = "sim/small", retries = 0 }}, {{ try = "sim/strong", as = "stronger" }}]"#,
        provider("sim", &vendor.base_url())
    ));
    (Gateway::start_beside(&text, &[("person.json", SCHEMA)]).await, vendor)
}

/// The text in pieces of seven characters, with its end.
fn streamed(said: &str) -> String {
    let pieces: Vec<char> = said.chars().collect();
    let chunk = |delta: Value, finish: Value| {
        let mut it =
            value(r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0}]}"#);
        (it["choices"][0]["delta"], it["choices"][0]["finish_reason"]) = (delta, finish);
        format!("data: {it}\n\n")
    };
    let mut body = chunk(value(r#"{"role":"assistant","content":""}"#), Value::Null);
    for piece in pieces.chunks(7) {
        let mut delta = value("{}");
        delta["content"] = piece.iter().collect::<String>().into();
        body.push_str(&chunk(delta, Value::Null));
    }
    body.push_str(&chunk(value("{}"), "stop".into()));
    body.push_str("data: [DONE]\n\n");
    raw_reply(200, "content-type: text/event-stream\r\n", &body)
}

/// What the caller reads.
fn words(seen: &Seen) -> String {
    if seen.body.starts_with('{') {
        return seen.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned();
    }
    assert!(seen.is_done() && seen.whole, "{seen:?}");
    seen.text()
}

fn person(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_mended_here_costs_no_call() {
    const BROKEN: [&str; 6] = [
        "```json\n{\"name\":\"Ada\",\"age\":36}\n```",
        "Here you are:\n{\"name\":\"Ada\",\"age\":36}\nAnything else?",
        "{\"name\":\"Ada\",\"age\":36,}",
        "{'name':'Ada','age':36}",
        "{\"age\":36,\"name\":\"Ada\"",
        "{\"name\":\"Ada\",\"age\":\"36\"}",
    ];
    let (gateway, vendor) = start("", &BROKEN).await;
    for (n, broken) in BROKEN.iter().enumerate() {
        let seen = chat(gateway.listen, &ask("lone", false, "Who?")).await;
        assert_eq!((seen.status, seen.header("x-switchback-outcome")), (200, Some("recovered")), "{broken}: {seen:?}");
        assert_eq!(person(&words(&seen)), person(SOUND), "{broken}");
        assert_eq!(seen.header("x-switchback-attempts"), Some("1"), "{seen:?}");
        assert_eq!(vendor.kept().len(), n + 1);
        let record = gateway.records_of(n + 1).await.remove(0);
        let mended = record["attempts"][0]["mended"].as_array().unwrap_or_else(|| panic!("{record:#}"));
        assert!(!mended.is_empty() && mended.iter().all(Value::is_string), "{record:#}");
    }
    let explained = gateway.cli(&["explain", "--last"]);
    assert!(explained.out.contains("mended") || explained.out.contains("repaired"), "{explained:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_mended_before_any_of_it_leaves() {
    let (gateway, vendor) = start("", &["```json\n{\"name\":\"Ada\",\"age\":36,}\n```"]).await;
    let seen = chat(gateway.listen, &ask("lone", true, "Who?")).await;
    assert_eq!(person(&words(&seen)), person(SOUND), "{seen:?}");
    assert_eq!((seen.object()["outcome"].as_str(), vendor.kept().len()), (Some("recovered"), 1), "{seen:?}");
    assert!(!seen.body.contains("```"), "{seen:?}");
    let record = gateway.records_of(1).await.remove(0);
    assert!(record["attempts"][0]["mended"].is_array(), "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_shown_its_answer_and_what_is_wrong_with_it() {
    for stream in [false, true] {
        let (gateway, vendor) = start("", &[LACKING, SOUND]).await;
        let seen = chat(gateway.listen, &ask("extract", stream, "Who was the first programmer?")).await;
        assert_eq!(person(&words(&seen)), person(SOUND), "{seen:?}");
        let told = seen.object();
        assert_eq!((&told["outcome"], &told["rung"]), (&value(r#""recovered""#), &value(r#"1"#)), "{told:#}");
        let kinds: Vec<&str> =
            told["attempts"].as_array().unwrap().iter().filter_map(|it| it["kind"].as_str()).collect();
        assert_eq!(kinds, ["first", "repair"], "{told:#}");
        let sent = vendor.bodies();
        let again = sent[1]["messages"].to_string();
        assert!(again.contains("Who was the first programmer?"), "{again}");
        let shown: Value = serde_json::from_str(&serde_json::to_string(LACKING).unwrap()).unwrap();
        assert!(sent[1]["messages"].as_array().unwrap().iter().any(|it| it["content"] == shown), "its answer: {again}");
        assert!(again.contains("age") && again.contains("missing"), "what is wrong: {again}");
        assert!(sent[0]["messages"].as_array().unwrap().len() < sent[1]["messages"].as_array().unwrap().len());
        let record = gateway.records_of(1).await.remove(0);
        assert_eq!(record["attempts"][0]["class"], "contract", "{record:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_model_does_not_mend_goes_to_a_stronger_rung() {
    for stream in [false, true] {
        let (gateway, vendor) = start("", &[LACKING]).await;
        let seen = chat(gateway.listen, &ask("extract", stream, "Who?")).await;
        assert_eq!(person(&words(&seen)), person(SOUND), "{seen:?}");
        let told = seen.object();
        assert_eq!(told["served_by"], "sim/strong", "{told:#}");
        let passed = value(r#"{"rung": 2, "name": "sim/other", "reason": "passed_over"}"#);
        assert!(told["not_run"].as_array().unwrap().contains(&passed), "{told:#}");
        let models: Vec<String> = vendor.bodies().iter().map(|it| it["model"].as_str().unwrap().to_owned()).collect();
        assert_eq!(models, ["small", "small", "strong"]);
        drop(gateway);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_broken_leaves_where_nothing_mends_it() {
    for stream in [false, true] {
        let (gateway, vendor) = start("", &[LACKING]).await;
        let seen = chat(gateway.listen, &ask("lone", stream, "Who?")).await;
        assert_eq!(seen.code(), "all_rungs_failed", "{seen:?}");
        assert!(!seen.body.contains("Ada") && seen.whole, "{seen:?}");
        assert_eq!(vendor.kept().len(), 2, "one call and one repair");
        assert_eq!(gateway.records_of(1).await[0]["outcome"], "failed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_is_not_done() {
    // No repair here: the model is asked at once, with what it said.
    let (gateway, vendor) =
        start("repair = { local = false, tries = 1 }", &["{\"name\":\"Ada\",\"age\":36,}", SOUND]).await;
    let seen = chat(gateway.listen, &ask("lone", false, "Who?")).await;
    assert_eq!((words(&seen).as_str(), vendor.kept().len()), (SOUND, 2), "{seen:?}");
    assert!(gateway.records_of(1).await[0]["attempts"][0].get("mended").is_none());
    // No repair by the model: the stronger rung at once.
    let (gateway, vendor) = start("repair = { local = true, tries = 0 }", &[LACKING]).await;
    let seen = chat(gateway.listen, &ask("extract", false, "Who?")).await;
    assert_eq!((seen.header("x-switchback-served-by"), vendor.kept().len()), (Some("sim/strong"), 2), "{seen:?}");
    drop(gateway);
    // Neither.
    let (gateway, vendor) = start("repair = \"off\"", &["{\"name\":\"Ada\",\"age\":36,}"]).await;
    let seen = chat(gateway.listen, &ask("lone", false, "Who?")).await;
    assert_eq!((seen.code().as_str(), vendor.kept().len()), ("all_rungs_failed", 1), "{seen:?}");
    drop(gateway);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_its_own_schema_is_mended_by_the_default() {
    let (gateway, vendor) = start("", &["Sure! {\"name\":\"Ada\",\"age\":36}", LACKING]).await;
    let format =
        format!(r#","response_format":{{"type":"json_schema","json_schema":{{"name":"p","schema":{SCHEMA}}}}}}}"#);
    let body = ask_with("own", false, "Who?", &format);
    let seen = chat(gateway.listen, &body).await;
    assert_eq!((person(&words(&seen)), vendor.kept().len()), (person(SOUND), 1), "{seen:?}");
    let seen = chat(gateway.listen, &body).await;
    assert_eq!((person(&words(&seen)), vendor.kept().len()), (person(SOUND), 4), "{seen:?}");
    assert_eq!(seen.header("x-switchback-served-by"), Some("sim/strong"), "{seen:?}");
}
