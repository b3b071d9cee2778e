//! The load: keep-alive connections that ask the same thing again and again, and time the answers.
//!
//! Closed loop (each client asks when it has its answer) for latency alone and for throughput; open loop (a request
//! every so often, whatever became of the ones before) for latency under a fixed rate. Every answer is checked: a status
//! other than 200, or an answer that is not whole, ends the run.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use memchr::memmem;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::failed::Failed;
use crate::upstream::{DONE, SENT_AT, WHOLE};

/// A request that is made many times.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) address: SocketAddr,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    streams: bool,
}

/// One keep-alive connection.
#[derive(Debug)]
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    /// Moves the bytes; ends with the client.
    _driver: JoinSet<()>,
}

/// How a load is put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// So many clients, each asking as soon as it has its answer.
    Closed { clients: usize },
    /// So many requests a second.
    Open { per_second: u32 },
    /// So many streams at once, whose chunks are timed one by one.
    Chunks { clients: usize },
}

/// What came of a load.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Whole answers.
    pub(crate) n_answers: usize,
    /// Time of each answer, or, of [`Load::Chunks`], delay of each chunk.
    pub(crate) times: Vec<Duration>,
    pub(crate) lasted: Duration,
}

// === impl Ask ===

impl Ask {
    /// A chat request of about 300 bytes for this model. `key` is the application's, where the target wants one.
    pub(crate) fn new(address: SocketAddr, key: Option<&str>, model: &str, streams: bool) -> Result<Self, Failed> {
        let invalid = |_| Failed::new("a header of the load is not valid");
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::try_from(address.to_string()).map_err(invalid)?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("switchback-bench"));
        let bearer = format!("Bearer {}", key.unwrap_or("none"));
        headers.insert(header::AUTHORIZATION, HeaderValue::try_from(bearer).map_err(invalid)?);
        let stream = if streams { r#","stream":true"# } else { "" };
        let body = format!(
            r#"{{"model":"{model}","messages":[{{"role":"system","content":"You answer in one short paragraph, in plain words."}},{{"role":"user","content":"What does a gateway between an application and its models cost, and what is it good for?"}}],"temperature":0.2,"max_tokens":400{stream}}}"#
        );
        Ok(Self { address, uri: Uri::from_static("/v1/chat/completions"), headers, body: body.into(), streams })
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().clone_from(&self.headers);
        request
    }
}

// === impl Client ===

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Failed> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // How it ends is told by the call that was under way.
            let _ = connection.await;
        });
        Ok(Self { sender, _driver: driver })
    }

    /// Asks once and reads the answer to its end.
    pub(crate) async fn call(&mut self, ask: &Ask) -> Result<Duration, Failed> {
        let begun = Instant::now();
        let mut body = self.send(ask).await?;
        let (mut length, mut last) = (0, Bytes::new());
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                length += data.len();
                last = data;
            }
        }
        let took = begun.elapsed();
        let is_whole = if ask.streams { last.ends_with(DONE) } else { length >= WHOLE };
        if is_whole { Ok(took) } else { Err(Failed::new(format!("an answer ended early, after {length} bytes"))) }
    }

    /// Asks for a paced stream, and notes how long each chunk with a time in it was on its way.
    pub(crate) async fn follow(&mut self, ask: &Ask, epoch: Instant, delays: &mut Vec<Duration>) -> Result<(), Failed> {
        let mut body = self.send(ask).await?;
        let mut waiting: Vec<u8> = Vec::new();
        while let Some(frame) = body.frame().await {
            let now = epoch.elapsed();
            let Ok(data) = frame?.into_data() else { continue };
            waiting.extend_from_slice(&data);
            let whole = memmem::rfind(&waiting, b"\n\n").map_or(0, |it| it + 2);
            let events = waiting.get(..whole).unwrap_or_default();
            delays.extend(sent_at(events).map(|sent| now.saturating_sub(sent)));
            if events.ends_with(DONE) {
                waiting.clear();
                while body.frame().await.transpose()?.is_some() {}
                return Ok(());
            }
            waiting.drain(..whole);
        }
        Err(Failed::new("a stream ended early"))
    }

    async fn send(&mut self, ask: &Ask) -> Result<Incoming, Failed> {
        self.sender.ready().await?;
        let response = self.sender.send_request(ask.request()).await?;
        let status = response.status();
        let mut body = response.into_body();
        if status == StatusCode::OK {
            return Ok(body);
        }
        let said = body.frame().await.transpose()?.and_then(|it| it.into_data().ok()).unwrap_or_default();
        Err(Failed::new(format!("status {status}: {}", String::from_utf8_lossy(&said))))
    }
}

/// The times at which events were sent.
fn sent_at(events: &[u8]) -> impl Iterator<Item = Duration> {
    memmem::find_iter(events, SENT_AT).filter_map(|at| {
        let behind = events.get(at + SENT_AT.len()..)?;
        let digits = behind.get(..memchr::memchr(b';', behind)?)?;
        std::str::from_utf8(digits).ok()?.parse().ok().map(Duration::from_nanos)
    })
}

// === impl Load ===

impl Load {
    /// Opens the connections and calls once on each, so that what is measured later is warm.
    pub(crate) async fn warm_up(self, ask: &Ask) -> Result<Vec<Client>, Failed> {
        let n = match self {
            Self::Closed { clients } | Self::Chunks { clients } => clients,
            Self::Open { .. } => 8,
        };
        let mut clients = Vec::with_capacity(n);
        for _ in 0..n {
            let mut client = Client::connect(ask.address).await?;
            client.call(ask).await?;
            clients.push(client);
        }
        Ok(clients)
    }

    /// Puts the load on for this long.
    pub(crate) async fn put_on(
        self,
        clients: Vec<Client>,
        ask: &Ask,
        lasts: Duration,
        epoch: Instant,
    ) -> Result<Seen, Failed> {
        let begun = Instant::now();
        let mut seen = match self {
            Self::Closed { .. } => closed(clients, ask, begun + lasts).await?,
            Self::Open { per_second } => open(clients, ask, begun + lasts, per_second).await?,
            Self::Chunks { .. } => chunks(clients, ask, begun + lasts, epoch).await?,
        };
        seen.lasted = begun.elapsed();
        Ok(seen)
    }
}

async fn closed(clients: Vec<Client>, ask: &Ask, ends: Instant) -> Result<Seen, Failed> {
    let ask = Arc::new(ask.clone());
    let mut running = JoinSet::new();
    for mut client in clients {
        let ask = Arc::clone(&ask);
        running.spawn(async move {
            let mut times = Vec::with_capacity(64 * 1024);
            while Instant::now() < ends {
                times.push(client.call(&ask).await?);
            }
            Ok::<_, Failed>(times)
        });
    }
    let mut seen = Seen::default();
    while let Some(times) = running.join_next().await {
        seen.times.append(&mut times??);
    }
    seen.n_answers = seen.times.len();
    Ok(seen)
}

/// Each answer is timed from when its request was due on this thread's clock and taken up, so the coarse timer of the
/// runtime (1 ms) is not counted. A client that is still busy is not waited for: another connection is opened.
async fn open(clients: Vec<Client>, ask: &Ask, ends: Instant, per_second: u32) -> Result<Seen, Failed> {
    let ask = Arc::new(ask.clone());
    let idle = Arc::new(Mutex::new(clients));
    let mut running = JoinSet::new();
    let mut every = tokio::time::interval(Duration::from_secs(1) / per_second);
    every.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut seen = Seen::default();
    while Instant::now() < ends {
        every.tick().await;
        let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (ask, idle) = (Arc::clone(&ask), Arc::clone(&idle));
        running.spawn(async move {
            let mut client = match taken {
                Some(client) => client,
                None => Client::connect(ask.address).await?,
            };
            let took = client.call(&ask).await?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
            Ok::<_, Failed>(took)
        });
        while let Some(took) = running.try_join_next() {
            seen.times.push(took??);
        }
    }
    while let Some(took) = running.join_next().await {
        seen.times.push(took??);
    }
    seen.n_answers = seen.times.len();
    Ok(seen)
}

async fn chunks(clients: Vec<Client>, ask: &Ask, ends: Instant, epoch: Instant) -> Result<Seen, Failed> {
    let ask = Arc::new(ask.clone());
    let mut running = JoinSet::new();
    for mut client in clients {
        let ask = Arc::clone(&ask);
        running.spawn(async move {
            let (mut delays, mut n) = (Vec::new(), 0);
            while Instant::now() < ends {
                client.follow(&ask, epoch, &mut delays).await?;
                n += 1;
            }
            Ok::<_, Failed>((delays, n))
        });
    }
    let mut seen = Seen::default();
    while let Some(done) = running.join_next().await {
        let (mut delays, n) = done??;
        seen.times.append(&mut delays);
        seen.n_answers += n;
    }
    Ok(seen)
}
