//! What the caller sent reaches the provider as it was: only the model's name differs.

use crate::kit::upstream::Recorder;
use crate::kit::{Gateway, chat_with, file};

/// Unknown fields, numbers that no float can hold, escapes, duplicate inner keys, odd blanks: none of our business.
fn body(model: &str) -> String {
    format!(
        "{{ \"vendor_extension\" : {{\"a\":1e400,\"a\":0.10000000000000000001}},\n\t\"model\":\"{model}\" , \"messages\":[{{\"role\":\"user\",\"content\":\"caf\\u00e9 \\ud83d\\ude00 ünïcode\",\"x-unknown\":null}}],\"temperature\": 0.70,\"seed\":12345678901234567890,\"metadata\":{{\"model\":\"not this one\"}}, \"extra_body\":[[],{{}}]}} "
    )
}

async fn start() -> (Gateway, Recorder) {
    let recorder = Recorder::start().await;
    let text = file(&recorder.base_url(), "vendor/model-1", "").rest("[task.same]\nladder = [{ try = \"backup\" }]\n");
    (Gateway::start(&text).await, recorder)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_model_differs_byte_for_byte() {
    let (gateway, recorder) = start().await;
    let seen = chat_with(gateway.listen, &[("content-type", "application/json")], &body("chat")).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let kept = recorder.kept();
    assert_eq!(kept.len(), 1);
    assert_eq!(String::from_utf8(kept[0].body.clone()).unwrap(), body("vendor/model-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_names_the_providers_model_already_is_not_touched() {
    let (gateway, recorder) = start().await;
    let headers = [("x-switchback-task", "same")];
    let seen = chat_with(gateway.listen, &headers, &body("spare")).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    assert_eq!(String::from_utf8(recorder.kept()[0].body.clone()).unwrap(), body("spare"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_gets_its_own_key_and_none_of_the_callers_headers() {
    let (gateway, recorder) = start().await;
    let headers = [
        ("authorization", "Bearer sk-of-the-caller"),
        ("x-api-key", "sk-of-the-caller"),
        ("cookie", "session=1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("openai-organization", "org-of-the-caller"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("x-switchback-surface", "background"),
    ];
    let seen = chat_with(gateway.listen, &headers, &body("chat")).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let head = recorder.kept()[0].head.to_ascii_lowercase();
    assert!(head.contains(&format!("authorization: bearer {}", crate::kit::gateway::PROVIDER_KEY)), "{head}");
    assert!(head.contains("traceparent: 00-0af7651916cd43dd8448eb211c80319c"), "{head}");
    for private in ["of-the-caller", "cookie", "forwarded", "x-switchback", "x-api-key"] {
        assert!(!head.contains(private), "{private} went to the provider: {head}");
    }
    assert!(head.starts_with("post /v1/chat/completions http/1.1"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_comes_back_byte_for_byte_with_our_object_added() {
    let (gateway, _recorder) = start().await;
    let seen = chat_with(gateway.listen, &[], &body("chat")).await;
    let answer = Recorder::answer();
    let place = seen.body.find(r#""switchback":"#).unwrap();
    let before = seen.body[..place].trim_end_matches([',', ' ']);
    assert!(answer.starts_with(before.trim_end_matches('}')), "{}", seen.body);
    assert!(answer.len() - before.len() <= 1, "everything of the provider stands before our object: {}", seen.body);
    assert_eq!(seen.object()["outcome"], "ok");
    assert_eq!(seen.json()["model"], "echo-1", "the model that answered");
}
