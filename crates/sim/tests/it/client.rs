//! A tiny HTTP client that hides nothing: it reports how an answer ended as well as what it said.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use switchback_sim::{Fault, Sim, SimSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// JSON as it stands in the source.
macro_rules! json {
    ($($json:tt)+) => { serde_json::from_str::<serde_json::Value>(stringify!($($json)+)).unwrap() };
}
pub(crate) use json;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As its headers promised.
    Proper,
    /// The connection closed before.
    Cut,
    /// The connection was reset.
    Reset,
    /// Nothing more came.
    Silence,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) end: End,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The `data:` lines of a stream.
    pub(crate) fn data(&self) -> Vec<&str> {
        self.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
    }

    /// The chunks of a stream that parse.
    pub(crate) fn chunks(&self) -> Vec<Value> {
        self.data().iter().filter_map(|data| serde_json::from_str(data).ok()).collect()
    }

    /// The finish reason of the first choice, of a body or a stream.
    pub(crate) fn finish(&self) -> Option<String> {
        let bodies = if self.streamed() { self.chunks() } else { vec![self.json()] };
        bodies.iter().find_map(|body| Some(body["choices"][0]["finish_reason"].as_str()?.to_owned()))
    }

    /// The text of the first choice, joined over a stream.
    pub(crate) fn content(&self) -> String {
        if !self.streamed() {
            return self.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned();
        }
        let chunks = self.chunks();
        let first = chunks.iter().filter(|chunk| chunk["choices"][0]["index"] == 0);
        first.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
    }

    /// Name and arguments of every tool call of the first choice, joined over a stream.
    pub(crate) fn calls(&self) -> Vec<(String, String)> {
        let mut calls: Vec<(String, String)> = Vec::new();
        let bodies = if self.streamed() { self.chunks() } else { vec![self.json()] };
        let key = if self.streamed() { "delta" } else { "message" };
        for part in bodies.iter().filter_map(|body| body["choices"][0][key]["tool_calls"].as_array()).flatten() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            if part["function"]["name"].is_string() {
                assert!(part["id"].as_str().unwrap().starts_with("call_"), "{part}");
                assert_eq!(part["type"], "function");
                calls.push((text(&part["function"]["name"]), String::new()));
            }
            let place = part["index"].as_u64().map_or(calls.len() - 1, |index| usize::try_from(index).unwrap());
            calls[place].1.push_str(&text(&part["function"]["arguments"]));
        }
        calls
    }

    pub(crate) fn done(&self) -> bool {
        self.data().last() == Some(&"[DONE]")
    }

    pub(crate) fn streamed(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"))
    }
}

pub(crate) async fn sim() -> Sim {
    Sim::start(SimSettings::default()).await.unwrap()
}

pub(crate) fn ask(model: &str, stream: bool, said: &str) -> Value {
    let mut body = json!({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user"}]});
    body["model"] = model.into();
    body["stream"] = stream.into();
    body["messages"][1]["content"] = said.into();
    body
}

/// Asks with a model name that carries the fault.
pub(crate) async fn meet(sim: &Sim, fault: Fault, stream: bool) -> Seen {
    chat(sim.addr(), &ask(&format!("gpt-sim+{fault}"), stream, "hello out there")).await
}

pub(crate) async fn chat(addr: SocketAddr, body: &Value) -> Seen {
    send(addr, "POST", "/v1/chat/completions", &body.to_string()).await
}

pub(crate) async fn send(addr: SocketAddr, method: &str, path: &str, body: &str) -> Seen {
    read(&mut open(addr, method, path, body).await).await
}

/// Sends a request and leaves the answer unread.
pub(crate) async fn open(addr: SocketAddr, method: &str, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    write(&mut stream, method, path, body, "sk-test-abcd1234").await;
    stream
}

pub(crate) async fn write(stream: &mut TcpStream, method: &str, path: &str, body: &str, key: &str) {
    write_with(stream, (method, path), &[("authorization", &format!("Bearer {key}"))], body).await;
}

pub(crate) async fn write_with(stream: &mut TcpStream, to: (&str, &str), headers: &[(&str, &str)], body: &str) {
    let (method, path) = to;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    // One write: two would wait for each other on the way.
    let request = format!("{method} {path} HTTP/1.1\r\nhost: sim\r\n{headers}content-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// Asks with other headers than usual.
pub(crate) async fn send_with(addr: SocketAddr, to: (&str, &str), headers: &[(&str, &str)], body: &str) -> Seen {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    write_with(&mut stream, to, headers, body).await;
    read(&mut stream).await
}

/// Reads one answer until it ends, in whichever way.
pub(crate) async fn read(stream: &mut TcpStream) -> Seen {
    let mut raw = Vec::new();
    let mut part = [0; 4096];
    let end = loop {
        if whole(&raw) {
            break End::Proper;
        }
        match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut part)).await {
            Err(_) => break End::Silence,
            Ok(Ok(0)) => break End::Cut,
            Ok(Ok(length)) => raw.extend_from_slice(&part[..length]),
            Ok(Err(error)) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                break End::Reset;
            }
        }
    };
    let (head, body) = parts(&raw).unwrap_or_default();
    let status = head.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
    let body = if chunked(&head) { unchunked(&body).0 } else { body };
    Seen { status, head, body: String::from_utf8(body).unwrap(), end }
}

fn parts(raw: &[u8]) -> Option<(String, Vec<u8>)> {
    let split = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((String::from_utf8(raw[..split].to_vec()).unwrap(), raw[split + 4..].to_vec()))
}

fn chunked(head: &str) -> bool {
    head.contains("transfer-encoding: chunked")
}

fn whole(raw: &[u8]) -> bool {
    let Some((head, body)) = parts(raw) else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    if chunked(&head) { unchunked(&body).1 } else { body.len() == length.unwrap_or(usize::MAX) }
}

/// The data of the chunks that came, and whether the last one did.
fn unchunked(mut body: &[u8]) -> (Vec<u8>, bool) {
    let mut data = Vec::new();
    while let Some(line) = body.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&body[..line]).unwrap(), 16).unwrap();
        let Some(chunk) = body.get(line + 2..line + 2 + size) else { break };
        if size == 0 {
            return (data, true);
        }
        data.extend_from_slice(chunk);
        body = body.get(line + 4 + size..).unwrap_or_default();
    }
    (data, false)
}
