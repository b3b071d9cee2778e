//! A policy block stands: no other route is asked, now or within its time, and the caller hears whose words they are.

use crate::kit::upstream::Recorder;
use crate::kit::{Gateway, TOOLS, ask, ask_with, chat, chat_with, file, sim};

const KEYS: &str = "[key.other]\nsecret = \"env:OTHER_KEY\"\n[task.calm]\nladder = [{ try = \"primary\" }, { answer = \"We cannot help with this.\", when = [\"policy\", \"technical\"] }]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_request_never_reaches_another_route_now_or_later() {
    let sim = sim().await;
    let text = file(&sim.base_url(), "large+policy", "").server("app-keys = \"env:APP_KEYS\"").rest(KEYS).text();
    let envs = [("APP_KEYS", "web:sk-web-secret-001"), ("OTHER_KEY", "sk-other-secret-002")];
    let gateway = Gateway::start_with(&text, &envs).await;
    let web = [("authorization", "Bearer sk-web-secret-001")];
    let other = [("authorization", "Bearer sk-other-secret-002")];
    let body = ask("chat", false, "something bad");

    let first = chat_with(gateway.listen, &web, &body).await;
    assert_eq!((first.status, first.code()), (400, "content_policy_violation".to_owned()), "{first:?}");
    assert_eq!(first.header("x-switchback-outcome"), Some("refused"));
    assert_eq!(first.header("x-should-retry"), Some("false"));
    assert_eq!(sim.calls().len(), 1);

    // Again, as a stream, with another temperature: the messages are the same.
    let again = chat_with(gateway.listen, &web, &body).await;
    let streamed = ask("chat", true, "something bad").replace("}]}", "}],\"temperature\":0.1}");
    let streamed = chat_with(gateway.listen, &web, &streamed).await;
    for seen in [&again, &streamed] {
        assert_eq!((seen.status, seen.code()), (400, "content_policy_violation".to_owned()), "{seen:?}");
        assert_eq!((&seen.object()["outcome"], seen.header("x-switchback-attempts")), (&"refused".into(), Some("0")));
    }
    assert_eq!(sim.calls().len(), 1, "the decision stands without a call");
    assert_eq!(gateway.records_of(3).await[0]["outcome"], "refused", "a request that was stopped at once has a record");

    let same_words = chat_with(gateway.listen, &other, &body).await;
    assert_eq!((same_words.status, sim.calls().len()), (400, 2), "another application is judged for itself");
    let other_words = chat_with(gateway.listen, &web, &ask("chat", false, "something else")).await;
    assert_eq!((other_words.status, sim.calls().len()), (400, 3));
    assert!(sim.calls().iter().all(|it| it.model == "large+policy"), "{:?}", sim.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_answer_may_follow_a_block_and_is_still_a_refusal() {
    let sim = sim().await;
    let text = file(&sim.base_url(), "large+policy", "").rest(KEYS.split_once("[task").unwrap().1);
    let text = text.text().replace(".calm]", "[task.calm]");
    let gateway = Gateway::start_with(&text, &[]).await;
    let seen = chat(gateway.listen, &ask("calm", false, "something bad")).await;
    assert_eq!((seen.status, seen.header("x-switchback-outcome")), (200, Some("refused")), "{seen:?}");
    assert_eq!(seen.json()["choices"][0]["message"]["content"], "We cannot help with this.");
    assert_eq!(seen.header("x-switchback-served-by"), Some("answer"));
    assert_eq!(sim.calls().len(), 1);
}

/// A ladder whose first route gives these bytes and whose second would answer well.
async fn first_says(first: &Recorder, stream: bool, more: &str) -> (crate::kit::Seen, usize, Gateway) {
    let second = sim().await;
    let text = file(&first.base_url(), "large", "").text();
    let text = format!(
        "{text}\n[provider.well]\napi = \"openai-compatible\"\nbase-url = \"{}\"\n[task.two]\nladder = [{{ try = \"primary\" }}, {{ try = \"well/large\" }}]\n",
        second.base_url()
    );
    let gateway = Gateway::start_with(&text, &[]).await;
    let seen = chat(gateway.listen, &ask_with("two", stream, "hello", more)).await;
    (seen, second.calls().len(), gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_comes_as_an_error_is_a_clear_error_and_never_a_silence() {
    let body = r#"{"error":{"message":"I will not","type":"invalid_request_error","code":"refusal"}}"#;
    let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    let first = Recorder::answering(format!("{head}\r\n\r\n{body}")).await;
    for stream in [false, true] {
        let (seen, n_second, _gateway) = first_says(&first, stream, "").await;
        assert_eq!((seen.status, n_second), (400, 0), "{seen:?}");
        assert_eq!(
            (seen.code(), seen.object()["outcome"].clone()),
            ("refusal".to_owned(), "refused".into()),
            "{seen:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_in_the_middle_of_a_stream_never_looks_like_its_end() {
    let text = r#"{"choices":[{"index":0,"delta":{"content":"half of an "}}]}"#;
    let error = r#"{"error":{"message":"I will not","code":"refusal"}}"#;
    let first = Recorder::streaming(&[text, error, "[DONE]"]).await;
    let (seen, n_second, _gateway) = first_says(&first, true, "").await;
    // Whether half of it had left depends on how the bytes came; that it ends in an error does not.
    assert_eq!((seen.is_done(), n_second, seen.code().is_empty()), (false, 0, false), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filters_cut_stands_whatever_word_the_provider_has_for_it() {
    let call = r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"look_up","arguments":"{\"wo"}}]}}]}"#;
    for word in ["SAFETY", "content_filter", "guardrail_intervened"] {
        let end = format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{word}"}}]}}"#);
        let first = Recorder::streaming(&[call, &end, "[DONE]"]).await;
        let (seen, n_second, _gateway) = first_says(&first, true, TOOLS).await;
        assert_eq!((seen.status, n_second), (200, 0), "{word}: {seen:?}");
        assert_eq!(seen.object()["outcome"], "refused", "{word}: {seen:?}");
        assert!(!seen.body.contains("look_up"), "{word}: half a call is of no use: {}", seen.body);
    }
}
