//! A provider that keeps every byte it was sent, and always gives the same bytes back.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"echo-1","choices":[{"index":0,"message":{"role":"assistant","content":"héllo","reasoning_details":[{"x":1e3}]},"finish_reason":"stop","logprobs":null}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2},"unknown_field":{"kept":[1.0,2.50]}}"#;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// The provider. Dropping it ends it.
pub(crate) struct Recorder {
    addr: SocketAddr,
    kept: Arc<Mutex<Vec<Kept>>>,
    _served: JoinSet<()>,
}

impl Recorder {
    pub(crate) async fn start() -> Recorder {
        let length = ANSWER.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}");
        Recorder::answering(format!("{head}\r\n\r\n{ANSWER}")).await
    }

    /// One that answers every request with these events as a stream.
    pub(crate) async fn streaming(events: &[&str]) -> Recorder {
        let body: String = events.iter().map(|it| format!("data: {it}\n\n")).collect();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}", body.len());
        Recorder::answering(format!("{head}\r\n\r\n{body}")).await
    }

    /// One that answers every request with these bytes.
    pub(crate) async fn answering(answer: String) -> Recorder {
        let answer: Arc<str> = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let mut served = JoinSet::new();
        let shared = Arc::clone(&kept);
        served.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(serve(socket, Arc::clone(&shared), Arc::clone(&answer)));
            }
        });
        Recorder { addr, kept, _served: served }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    pub(crate) fn answer() -> &'static str {
        ANSWER
    }

    pub(crate) fn kept(&self) -> Vec<Kept> {
        self.kept.lock().unwrap().clone()
    }
}

/// One connection: a request, an answer, and so on.
async fn serve(mut socket: TcpStream, kept: Arc<Mutex<Vec<Kept>>>, answer: Arc<str>) {
    let mut raw = Vec::new();
    let mut part = vec![0; 16 * 1024];
    loop {
        while let Some(request) = request(&mut raw) {
            kept.lock().unwrap().push(request);
            if socket.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
        match socket.read(&mut part).await {
            Ok(length @ 1..) => raw.extend_from_slice(&part[..length]),
            Ok(0) | Err(_) => return,
        }
    }
}

/// Takes one whole request off the front.
fn request(raw: &mut Vec<u8>) -> Option<Kept> {
    let split = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(raw[..split].to_vec()).unwrap();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let length: usize = length.expect("a request says how long it is");
    let end = split + 4 + length;
    let body = raw.get(split + 4..end)?.to_vec();
    raw.drain(..end);
    Some(Kept { head, body })
}
