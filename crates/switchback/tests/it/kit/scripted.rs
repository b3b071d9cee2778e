//! A provider that answers as a function says: of how many calls came before, and of the request itself.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::upstream::Kept;
use super::value;

/// What is answered to the n-th request, from zero, as the bytes of an HTTP answer. Nothing closes the connection.
type Says = dyn Fn(usize, &Kept) -> String + Send + Sync;

/// The provider. Dropping it ends it.
pub(crate) struct Scripted {
    addr: SocketAddr,
    kept: Arc<Mutex<Vec<Kept>>>,
    _served: JoinSet<()>,
}

impl Scripted {
    pub(crate) async fn start(says: impl Fn(usize, &Kept) -> String + Send + Sync + 'static) -> Scripted {
        let says: Arc<Says> = Arc::new(says);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let mut served = JoinSet::new();
        let shared = Arc::clone(&kept);
        served.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(serve(socket, Arc::clone(&shared), Arc::clone(&says)));
            }
        });
        Scripted { addr, kept, _served: served }
    }

    /// What OpenAI's SDK takes as its base URL; Anthropic's takes [`Self::root`].
    pub(crate) fn base_url(&self) -> String {
        format!("{}/v1", self.root())
    }

    pub(crate) fn root(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn kept(&self) -> Vec<Kept> {
        self.kept.lock().unwrap().clone()
    }

    /// The bodies that came, as JSON.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.kept().iter().map(|it| serde_json::from_slice(&it.body).unwrap()).collect()
    }
}

/// An HTTP answer with a JSON body.
pub(crate) fn reply(status: u16, body: &Value) -> String {
    raw_reply(status, "content-type: application/json\r\n", &body.to_string())
}

/// An HTTP answer; `headers` are whole lines.
pub(crate) fn raw_reply(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} Said\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// A whole answer in OpenAI's shape: of 1,000 prompt tokens and 500 output tokens.
pub(crate) fn completion(content: &str) -> Value {
    let mut it = value(
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m-1",
            "choices":[{"index":0,"message":{"role":"assistant"},"finish_reason":"stop"}],
            "usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500}}"#,
    );
    it["choices"][0]["message"]["content"] = content.into();
    it
}

/// The same in Anthropic's shape.
pub(crate) fn message(content: &str) -> Value {
    let mut it = value(
        r#"{"id":"msg_1","type":"message","role":"assistant","model":"c-1","content":[{"type":"text"}],
            "stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1000,"output_tokens":500}}"#,
    );
    it["content"][0]["text"] = content.into();
    it
}

/// A refusal of the whole request in OpenAI's shape.
pub(crate) fn refused(status: u16, code: &str, param: &str, message: &str) -> String {
    let error = [("message", message), ("type", "invalid_request_error"), ("param", param), ("code", code)];
    let mut body = value(r#"{"error":{}}"#);
    error.into_iter().for_each(|(name, said)| body["error"][name] = said.into());
    reply(status, &body)
}

async fn serve(mut socket: TcpStream, kept: Arc<Mutex<Vec<Kept>>>, says: Arc<Says>) {
    let mut raw = Vec::new();
    let mut part = vec![0; 16 * 1024];
    loop {
        while let Some(request) = request(&mut raw) {
            let n = {
                let mut kept = kept.lock().unwrap();
                kept.push(request.clone());
                kept.len() - 1
            };
            let answer = says(n, &request);
            if answer.is_empty() || socket.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
        match socket.read(&mut part).await {
            Ok(length @ 1..) => raw.extend_from_slice(&part[..length]),
            Ok(0) | Err(_) => return,
        }
    }
}

/// Takes one whole request off the front; one that names no length has no body.
fn request(raw: &mut Vec<u8>) -> Option<Kept> {
    let split = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(raw[..split].to_vec()).unwrap();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let end = split + 4 + length.unwrap_or(0);
    let body = raw.get(split + 4..end)?.to_vec();
    raw.drain(..end);
    Some(Kept { head, body })
}
