//! A page in somebody's browser reaches neither side: not from another host, and not under a name that it pointed at us.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::kit::{Gateway, Seen, ask, file, read, sim};

/// Sends a request with these headers and no others.
async fn send(addr: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
    let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-type: application/json\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read(&mut stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_pointed_at_us_reaches_no_operator() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let admin = gateway.admin;
    let rebound = ("host", "evil.example:4001");
    for more in [&[][..], &[("authorization", "Bearer made-up")], &[("authorization", "")]] {
        let headers = [&[rebound][..], more].concat();
        let seen = send(admin, "GET", "/admin/v1/status", &headers, "").await;
        assert_eq!(seen.status, 403, "{headers:?}: {seen:?}");
        let headers = [&headers[..], &[("origin", "http://evil.example:4001")]].concat();
        let order = r#"{"select":"primary","reason":"x","revision":1}"#;
        let seen = send(admin, "POST", "/admin/v1/routes/disable", &headers, order).await;
        assert_eq!(seen.status, 403, "{headers:?}: {seen:?}");
    }
    for own in ["localhost", "LOCALHOST:4001", "127.0.0.1:4001", "[::1]:4001"] {
        assert_eq!(send(admin, "GET", "/admin/v1/status", &[("host", own)], "").await.status, 200, "{own}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_token_may_call_the_operators_side_by_any_name() {
    let sim = sim().await;
    let text = file(&sim.base_url(), "large", "").server("admin-token = \"env:ADMIN_TOKEN\"").text();
    let gateway = Gateway::start_with(&text, &[("ADMIN_TOKEN", "canary-admin-token-1")]).await;
    for (token, status) in [("canary-admin-token-1", 200), ("made-up", 401)] {
        let token = format!("Bearer {token}");
        let headers = [("host", "gateway.internal:4001"), ("authorization", &*token)];
        assert_eq!(send(gateway.admin, "GET", "/admin/v1/status", &headers, "").await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_no_page_of_another_name_spends_money() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let body = ask("chat", false, "hello");
    let chat = async |headers: &[(&str, &str)]| {
        send(gateway.listen, "POST", "/v1/chat/completions", headers, &body).await.status
    };
    let rebound = [("host", "evil.example:4000"), ("origin", "http://evil.example:4000")];
    assert_eq!(chat(&rebound).await, 403, "its own page, under a name of its own");
    assert_eq!(chat(&[("host", "127.0.0.1:4000"), ("origin", "http://evil.example")]).await, 403);
    assert_eq!(chat(&[("host", "127.0.0.1:4000"), ("origin", "null")]).await, 403);
    assert!(sim.calls().is_empty(), "{:?}", sim.calls());
    assert_eq!(chat(&[("host", "localhost:4000"), ("origin", "http://localhost:4000")]).await, 200);
    assert_eq!(chat(&[("host", "gateway.internal")]).await, 200, "a program, which sends no origin");
}
