//! Broken, oversized and slow requests get a clear error at once, and never reach a provider.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::kit::{Gateway, ask, chat, chat_with, file, read, send, sim};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_nobody_is_asked() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "").server("max-body = \"2KiB\"")).await;
    let long = ask("chat", false, &"a".repeat(3_000));
    let deep = format!(r#"{{"model":"chat","messages":{}{}}}"#, "[".repeat(900), "]".repeat(900));
    for (body, status) in [
        (r#"{"model":"chat","messages":["#, 400),
        ("", 400),
        ("[]", 400),
        ("null", 400),
        (r#"{"messages":[{"role":"user","content":"x"}]}"#, 400),
        (r#"{"model":7,"messages":[{"role":"user","content":"x"}]}"#, 400),
        (r#"{"model":"chat"}"#, 400),
        (r#"{"model":"chat","messages":"hello"}"#, 400),
        (r#"{"model":"chat","model":"backup","messages":[{"role":"user","content":"x"}]}"#, 400),
        (r#"{"model":"chat","messages":[{"role":"user","content":"x"}],"messages":[]}"#, 400),
        (r#"{"model":"chat","messages":[{"role":"user","content":"x"}]} trailing"#, 400),
        (r#"{"model":"chat","messages":[{"role":"user","content":"x"}],"stream":"yes"}"#, 400),
        (&deep, 400),
        (&long, 413),
        (&ask("nobody", false, "x"), 404),
    ] {
        let seen = chat(gateway.listen, body).await;
        let shown: String = body.chars().take(80).collect();
        assert_eq!(seen.status, status, "{shown}: {seen:?}");
        let error = &seen.json()["error"];
        assert!(error["message"].as_str().is_some_and(|it| it.len() > 10), "{shown}: {error}");
        assert!(error["code"].is_string() && error["type"].is_string(), "{shown}: {error}");
        assert_eq!(seen.header("x-should-retry"), Some("false"), "{shown}");
        assert!(seen.header("x-request-id").is_some(), "{shown}");
    }
    assert_eq!(sim.calls().len(), 0);
    assert_eq!(gateway.records().await.len(), 0);
    assert_eq!(gateway.get("/admin/v1/status").await["rejected"]["too_large"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_promise_what_is_not_built_or_are_malformed_are_refused() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    for (name, value) in [
        ("x-switchback-deadline", "soon"),
        ("x-switchback-deadline", "8"),
        ("x-switchback-surface", "sideways"),
        ("x-switchback-job", "1"),
        ("x-switchback-session", "1"),
        ("x-switchback-tags", " , "),
        ("x-switchback-confirm", "yes"),
    ] {
        let seen = chat_with(gateway.listen, &[(name, value)], &ask("chat", false, "x")).await;
        assert_eq!(seen.status, 400, "{name}: {seen:?}");
    }
    let seen = chat_with(gateway.listen, &[("x-switchback-task", "chat")], &ask("whatever", false, "x")).await;
    assert_eq!(seen.status, 200, "the header wins over the model: {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_that_are_not_served_say_what_is() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    for (method, path) in [("POST", "/v1/embeddings"), ("GET", "/v1/chat/completions"), ("GET", "/admin/v1/status")] {
        let seen = send(gateway.listen, method, path, &[], "").await;
        assert_eq!(seen.status, 404, "{path}: {seen:?}");
        assert!(seen.body.contains("/v1/chat/completions"), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_two_readings_is_refused_and_its_connection_closed() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let body = ask("chat", false, "x");
    let length = body.len();
    for head in [
        format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"),
        format!("content-length: {length}\r\ncontent-length: {}\r\n", length + 1),
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n".to_owned(),
        "transfer-encoding: gzip, chunked\r\n".to_owned(),
        format!("content-length: {length}\nx-smuggled: 1\r\n"),
    ] {
        let mut client = TcpStream::connect(gateway.listen).await.unwrap();
        let request = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{head}\r\n{body}");
        client.write_all(request.as_bytes()).await.unwrap();
        let seen = read(&mut client).await;
        assert_eq!(seen.status, 400, "{head}: {seen:?}");
    }
    assert_eq!(sim.calls().len(), 0);
}

/// Heads have 10 s, bodies 30 s.
#[tokio::test(flavor = "multi_thread")]
async fn heads_and_bodies_that_never_come_to_an_end_are_cut_off() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let dribble = async |beginning: &[u8], drop: &[u8]| {
        let mut client = TcpStream::connect(gateway.listen).await.unwrap();
        client.write_all(beginning).await.unwrap();
        // A drop every second: what is bounded is the whole, not the pause.
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut waiting = [0; 1];
            let has_answer = client
                .try_read(&mut waiting)
                .map_or_else(|error| error.kind() != std::io::ErrorKind::WouldBlock, |_| true);
            if has_answer || client.write_all(drop).await.is_err() {
                return true;
            }
        }
        false
    };
    let head = dribble(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n", b"x-more: 1\r\n");
    let body = dribble(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n{", b" ");
    let (head, body) = tokio::join!(head, body);
    assert!(head, "an endless head is cut off");
    assert!(body, "an endless body is cut off");
    assert_eq!(sim.calls().len(), 0);
}
