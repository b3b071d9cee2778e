//! An operators' side that answers what it was told to: one body for each path, and events, stream after stream.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path with its query.
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// What the next stream of events is told: bytes, and dropping its end closes the connection.
pub(crate) type Events = UnboundedSender<String>;

/// The fake. Dropping it ends it.
pub(crate) struct Operators {
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
    _served: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Vec<Asked>>,
    answers: Mutex<BTreeMap<String, (u16, String)>>,
    streams: Mutex<Vec<UnboundedReceiver<String>>>,
}

impl Operators {
    pub(crate) async fn start() -> Operators {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let mut served = JoinSet::new();
        let kept = Arc::clone(&shared);
        served.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(serve(socket, Arc::clone(&kept)));
            }
        });
        Operators { addr, shared, _served: served }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// From now on this is answered to a method and a path, whatever its query.
    pub(crate) fn answers(&self, line: &str, status: u16, body: &str) {
        self.shared.answers.lock().unwrap().insert(line.to_owned(), (status, body.to_owned()));
    }

    /// The next one who follows events, behind those who were promised streams before, gets what is sent here.
    pub(crate) fn stream(&self) -> Events {
        let (sender, receiver) = unbounded_channel();
        self.shared.streams.lock().unwrap().push(receiver);
        sender
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }
}

/// One request per connection.
async fn serve(mut socket: TcpStream, shared: Arc<Shared>) {
    let Some(asked) = request(&mut socket).await else { return };
    let path = asked.line.split('?').next().unwrap_or_default().to_owned();
    shared.asked.lock().unwrap().push(asked);
    let answer = shared.answers.lock().unwrap().get(&path).cloned();
    if let Some((status, body)) = answer {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close");
        let _ = socket.write_all(format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes()).await;
        return;
    }
    let next = {
        let mut streams = shared.streams.lock().unwrap();
        (path == "GET /admin/v1/events" && !streams.is_empty()).then(|| streams.remove(0))
    };
    // Without anything to say the connection closes, as that of a gateway that is on its way down.
    let Some(mut events) = next else { return };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n: here\n\n";
    let mut said = socket.write_all(head.as_bytes()).await;
    while let (Ok(()), Some(part)) = (&said, events.recv().await) {
        said = socket.write_all(part.as_bytes()).await;
    }
}

async fn request(socket: &mut TcpStream) -> Option<Asked> {
    let mut raw = Vec::new();
    let mut part = vec![0; 16 * 1024];
    loop {
        if let Some(split) = raw.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(raw[..split].to_vec()).unwrap();
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let length: usize = length.unwrap_or(0);
            if let Some(body) = raw.get(split + 4..split + 4 + length) {
                let line = head.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
                return Some(Asked { line, body: String::from_utf8(body.to_vec()).unwrap(), head });
            }
        }
        match socket.read(&mut part).await {
            Ok(length @ 1..) => raw.extend_from_slice(&part[..length]),
            Ok(0) | Err(_) => return None,
        }
    }
}
