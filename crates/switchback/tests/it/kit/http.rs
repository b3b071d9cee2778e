//! A client that hides nothing: what was said, and whether it ended as it promised.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::SOON;

/// What came back.
#[derive(Debug)]
pub(crate) struct Seen {
    /// 0 if there was no answer.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// Whether the body came to the end that its head promised.
    pub(crate) whole: bool,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The data of the events of a stream.
    pub(crate) fn data(&self) -> Vec<&str> {
        self.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
    }

    /// The events of a stream that are JSON: all but the end marker must be.
    pub(crate) fn events(&self) -> Vec<Value> {
        let parse = |data: &&str| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error} in {data}"));
        self.data().iter().filter(|data| **data != "[DONE]").map(parse).collect()
    }

    /// The text of a stream.
    pub(crate) fn text(&self) -> String {
        let events = self.events();
        events.iter().filter_map(|it| it["choices"][0]["delta"]["content"].as_str()).collect()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.data().last() == Some(&"[DONE]")
    }

    /// The code of the error, in a body or as the last event of a stream.
    pub(crate) fn code(&self) -> String {
        let body = if self.body.starts_with('{') { self.json() } else { self.events().pop().unwrap() };
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Our object, wherever it stands.
    pub(crate) fn object(&self) -> Value {
        let bodies = if self.body.starts_with('{') { vec![self.json()] } else { self.events() };
        let found =
            |it: &Value| [&it["switchback"], &it["error"]["switchback"]].into_iter().find(|it| !it.is_null()).cloned();
        bodies.iter().rev().find_map(found).unwrap_or_else(|| panic!("no object in {self:?}"))
    }
}

/// Asks for a chat completion.
pub(crate) async fn chat(addr: SocketAddr, body: &str) -> Seen {
    chat_with(addr, &[], body).await
}

/// Asks for a chat completion with these headers.
pub(crate) async fn chat_with(addr: SocketAddr, headers: &[(&str, &str)], body: &str) -> Seen {
    send(addr, "POST", "/v1/chat/completions", headers, body).await
}

pub(crate) async fn send(addr: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
    let mut stream = open(addr, method, path, headers, body).await;
    read(&mut stream).await
}

/// Sends a request and leaves the answer unread.
pub(crate) async fn open(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads one answer to its end, whichever way it ends.
pub(crate) async fn read(stream: &mut TcpStream) -> Seen {
    let mut raw = Vec::new();
    let mut part = vec![0; 16 * 1024];
    let reading = async {
        while let Ok(length @ 1..) = stream.read(&mut part).await {
            raw.extend_from_slice(&part[..length]);
        }
    };
    timeout(SOON * 2, reading).await.expect("the answer has an end");
    taken(&raw)
}

fn taken(raw: &[u8]) -> Seen {
    let Some(split) = raw.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Seen { status: 0, head: String::new(), body: String::new(), whole: false };
    };
    let head = String::from_utf8(raw[..split].to_vec()).unwrap();
    let rest = &raw[split + 4..];
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let (body, whole) = if head.contains("transfer-encoding: chunked") {
        unchunked(rest)
    } else {
        (rest.to_vec(), length == Some(rest.len()))
    };
    Seen { status, head, body: String::from_utf8(body).unwrap(), whole }
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
