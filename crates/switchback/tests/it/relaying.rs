//! Endpoints that are passed on as they are: nothing of the call changes but whose key it carries.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot::{Sender, channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::kit::gateway::PROVIDER_KEY;
use crate::kit::scripted::{Scripted, raw_reply};
use crate::kit::{Gateway, SOON, open, page, read, send};

const CALLER: &str = "Bearer sk-the-callers-own-key-0001";
const KEYS: &str = r#"
[key.backend]
secret = "env:BACKEND_KEY"
direct = true
[key.browser]
secret = "env:BROWSER_KEY"
"#;

async fn start(base_url: &str) -> Gateway {
    let text = page(&format!(
        r#"[provider.files]
api = "openai-compatible"
base-url = "{base_url}"
keys = ["env:TEST_PROVIDER_KEY"]
relay = ["/v1/files*", "/v1/audio/*"]
[task.chat]
ladder = [{{ try = "files/m" }}]
{KEYS}"#
    ));
    let envs = [("BACKEND_KEY", "sk-the-callers-own-key-0001"), ("BROWSER_KEY", "sk-a-browsers-key-000002")];
    Gateway::start_with(&text, &envs).await
}

#[tokio::test(flavor = "multi_thread")]
async fn path_query_and_body_reach_the_provider_unchanged() {
    let vendor = Scripted::start(|_, _| raw_reply(200, "content-type: text/odd\r\n", "{ \"id\":\t1e400 }")).await;
    let gateway = start(&vendor.base_url()).await;
    let multipart = "--b\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nassistants\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{\"a\":1}\n\r\n--b--\r\n";
    for (method, path, content, body) in [
        ("POST", "/v1/files", "multipart/form-data; boundary=b", multipart),
        ("GET", "/v1/files?limit=2&after=file-1&x=%2Fy%20z", "", ""),
        ("DELETE", "/v1/files/file-1", "", ""),
        ("POST", "/v1/audio/speech?format=mp3", "application/json", "{\"model\" : \"tts\",\"input\":\"caf\\u00e9\"}"),
        ("PUT", "/v1/files/file-2/content", "application/octet-stream", "plain\u{1}bytes"),
    ] {
        let headers = [("authorization", CALLER), ("content-type", content), ("cookie", "secret=1")];
        let headers = if content.is_empty() { vec![headers[0], headers[2]] } else { headers.to_vec() };
        let seen = send(gateway.listen, method, path, &headers, body).await;
        assert_eq!((seen.status, seen.body.as_str()), (200, "{ \"id\":\t1e400 }"), "{seen:?}");
        assert_eq!(seen.header("content-type"), Some("text/odd"));
        assert!(seen.header("x-request-id").is_some_and(|it| it.starts_with("req_")), "{seen:?}");
        let kept = vendor.kept().pop().unwrap();
        assert!(kept.head.starts_with(&format!("{method} {path} HTTP/1.1\r\n")), "{}", kept.head);
        assert_eq!(String::from_utf8(kept.body).unwrap(), body);
        let head = kept.head.to_ascii_lowercase();
        assert!(head.contains(&format!("authorization: bearer {PROVIDER_KEY}")), "{head}");
        assert!(!head.contains("callers") && !head.contains("cookie"), "{head}");
        assert!(content.is_empty() || head.contains(&format!("content-type: {content}")), "{head}");
    }
    let records = gateway.records_of(5).await;
    assert!(records.iter().all(|it| it["outcome"] == "ok" && it["served_by"] == "files"), "{records:#?}");
    assert_eq!(records[4]["key"], "backend");
    let explained = gateway.cli(&["explain", "--last"]);
    assert!(explained.code == 0 && explained.out.contains("files"), "{explained:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_own_errors_come_back_and_are_recorded() {
    let vendor = Scripted::start(|_, _| raw_reply(404, "content-type: application/json\r\n", "{\"error\":{}}")).await;
    let gateway = start(&vendor.base_url()).await;
    let seen = send(gateway.listen, "GET", "/v1/files/file-9", &[("authorization", CALLER)], "").await;
    assert_eq!((seen.status, seen.body.as_str()), (404, "{\"error\":{}}"), "{seen:?}");
    let record = gateway.records_of(1).await.remove(0);
    assert_eq!((&record["outcome"], &record["attempts"][0]["status"]), (&"failed".into(), &404.into()), "{record:#}");
    assert_eq!(vendor.kept().len(), 1, "no retry");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_keys_that_may_call_directly_and_only_paths_that_are_named() {
    let vendor = Scripted::start(|_, _| raw_reply(200, "", "{}")).await;
    let gateway = start(&vendor.base_url()).await;
    let seen = send(gateway.listen, "GET", "/v1/files", &[], "").await;
    assert_eq!((seen.status, seen.code()), (401, "invalid_api_key".to_owned()), "{seen:?}");
    let browser = [("authorization", "Bearer sk-a-browsers-key-000002")];
    let seen = send(gateway.listen, "GET", "/v1/files", &browser, "").await;
    assert_eq!((seen.status, seen.code()), (403, "direct_not_allowed".to_owned()), "{seen:?}");
    for path in [
        "/v1/batches",
        "/v1/audio",
        "/v1/files/../organization/admin_api_keys",
        "/v1/files/%2e%2e/organization",
        "/v1/files/%2E%2E%2Forganization",
        "/v1/files/..%2forganization",
        "/v1/files//organization",
        "/v1/files/..",
        "/v1/files/..;/organization",
        "/v1/files\\..\\organization",
        "//v1/files",
        "/V1/files",
        "/v1/audio/../files",
    ] {
        let seen = send(gateway.listen, "GET", path, &[("authorization", CALLER)], "").await;
        assert!(matches!(seen.status, 400 | 404), "{path}: {seen:?}");
    }
    assert_eq!(vendor.kept().len(), 0, "{:?}", vendor.kept());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_is_said_and_recorded() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gateway = start(&format!("http://{gone}/v1")).await;
    let seen = send(gateway.listen, "POST", "/v1/files", &[("authorization", CALLER)], "{}").await;
    assert_eq!((seen.status, seen.code()), (502, "relay_failed".to_owned()), "{seen:?}");
    assert!(seen.json()["error"]["message"].as_str().unwrap().contains("files") && seen.whole, "{seen:?}");
    let record = gateway.records_of(1).await.remove(0);
    assert_eq!((&record["outcome"], &record["attempts"][0]["class"]), (&"failed".into(), &"transport".into()));
    assert_eq!(record["error"]["status"], 502, "{record:#}");
}

/// A provider that sends its answer in two parts, the second when it is told to; whether it ends well is told too.
async fn in_parts(ends_well: bool) -> (String, Sender<()>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (go, told) = channel();
    let mut served = JoinSet::new();
    served.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let _ = socket.read(&mut head).await.unwrap();
        let first = "HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n";
        socket.write_all(first.as_bytes()).await.unwrap();
        let _ = told.await;
        let last: &[u8] = if ends_well { b"6\r\nsecond\r\n0\r\n\r\n" } else { b"6\r\nsec" };
        socket.write_all(last).await.unwrap();
    });
    (format!("http://{addr}/v1"), go, served)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_streams_through() {
    let (base_url, go, _served) = in_parts(true).await;
    let gateway = start(&base_url).await;
    let headers = [("authorization", CALLER)];
    let mut stream = open(gateway.listen, "GET", "/v1/files/file-1/content", &headers, "").await;
    let mut early = Vec::new();
    while !early.ends_with(b"first\r\n") {
        let mut part = [0; 1024];
        let length = timeout(SOON, stream.read(&mut part)).await.expect("the first part comes by itself").unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&early));
        early.extend_from_slice(&part[..length]);
    }
    go.send(()).unwrap();
    let mut late = String::new();
    timeout(SOON, stream.read_to_string(&mut late)).await.unwrap().unwrap();
    assert!(late.contains("second") && late.ends_with("0\r\n\r\n"), "{late:?}");
    assert_eq!(gateway.records_of(1).await[0]["outcome"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_broke_does_not_look_whole() {
    let (base_url, go, _served) = in_parts(false).await;
    let gateway = start(&base_url).await;
    let headers = [("authorization", CALLER)];
    let mut stream = open(gateway.listen, "GET", "/v1/files/file-1/content", &headers, "").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    go.send(()).unwrap();
    let seen = read(&mut stream).await;
    assert!(!seen.whole && seen.status == 200, "{seen:?}");
    let record = gateway.records_of(1).await.remove(0);
    assert_eq!((&record["outcome"], &record["attempts"][0]["class"]), (&"failed".into(), &"transport".into()));
}
