//! The front door: accepts connections, bounds what each may take, and lets them end well.
//!
//! Everything a client can send slowly, endlessly or too often has a limit here: heads, bodies, idle time, open
//! connections. One task per connection serves it; the service's future and the response body live in that task and are
//! dropped when the client goes. Knows nothing of what is asked for or answered.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWrite as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::strict::Strict;
use crate::tasks::Tasks;

/// Longest wait after a failed accept. The usual cause is a process out of file descriptors, which time cures.
const MOST_BACK_OFF: Duration = Duration::from_secs(1);
/// How long the rest of a request is read and thrown away after it was answered early. Closing with bytes unread makes
/// the system send a reset, and a reset destroys the answer before the client has read it.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes set aside for a body on its own word; beyond it grows with what really comes.
const MOST_RESERVED: usize = 1024 * 1024;
/// Time in which connections that were cut come to their end: what they hold is dropped, and its owners say what they
/// have to say. Less than the second that the gateway grants beyond the time for draining.
const CUT_WITHIN: Duration = Duration::from_millis(800);

/// What one listener's clients may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time for a request head, from its first byte (from the connection's start for the first).
    pub head_within: Duration,
    /// Time for which a client may take nothing of an answer that is there for it.
    pub write_within: Duration,
    /// Time that a connection may wait for its next request.
    pub idle_for: Duration,
    /// Longest request head in bytes, request line included.
    pub max_head: usize,
    /// Open connections; more wait in the system's queue.
    pub max_connections: usize,
}

/// Ends listeners: the side that says when.
#[derive(Debug)]
pub struct Drain(watch::Sender<bool>);

/// Ends listeners: the side that listens.
#[derive(Debug, Clone)]
pub struct DrainSignal(watch::Receiver<bool>);

/// Why a request body was not read. The connection closes after the answer where bytes of it are still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// It is, or says it is, longer than allowed.
    #[error("the request body is too large")]
    TooLarge,
    /// It did not arrive in time.
    #[error("the request body did not arrive in time")]
    TooSlow,
    /// It ended early or is framed wrongly.
    #[error("the request body ended before it was whole")]
    Broken,
}

// === impl Limits ===

impl Default for Limits {
    /// Heads 10 s and 32 KiB, 60 s without taking anything, idle 75 s, 10,000 connections.
    fn default() -> Self {
        Self {
            head_within: Duration::from_secs(10),
            write_within: Duration::from_secs(60),
            idle_for: Duration::from_secs(75),
            max_head: 32 * 1024,
            max_connections: 10_000,
        }
    }
}

// === impl Drain ===

impl Drain {
    /// A drain that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// What listeners wait on.
    #[must_use]
    pub fn signal(&self) -> DrainSignal {
        DrainSignal(self.0.subscribe())
    }

    /// Begins it; there is no way back.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

// === impl DrainSignal ===

impl DrainSignal {
    /// Resolves when the drain begins, or when nobody is left who could begin it.
    async fn begun(&mut self) {
        let _ = self.0.wait_for(|begun| *begun).await;
    }
}

/// Serves HTTP/1.1 on a listener until the drain begins; then accepts no more, lets answers that are under way finish for
/// at most `drain_within`, and cuts what is left. When it returns, no connection of it is left but one that is amid a
/// step of more than 800 ms.
pub async fn serve<F, A, B, E>(
    listener: TcpListener,
    limits: Limits,
    service: F,
    mut drain: DrainSignal,
    drain_within: Duration,
) where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let connections = Tasks::new();
    let places = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (accept(&listener).await, place)
        };
        let (socket, place) = tokio::select! {
            biased;
            () = drain.begun() => break,
            next = next => next,
        };
        let (service, drain) = (service.clone(), drain.clone());
        connections.spawn(async move {
            let _place = place;
            connection(socket, limits, service, drain).await;
        });
    }
    drop(listener);
    let n_cut = connections.wait(drain_within).await;
    if n_cut > 0 {
        tracing::warn!(n_cut, "connections were cut because their answers did not end in the time for draining");
        connections.stop();
        connections.wait(CUT_WITHIN).await;
    }
}

/// The next connection. Failures are waited out: there is nobody to hand them to, and they pass.
async fn accept(listener: &TcpListener) -> TcpStream {
    let mut back_off = Duration::from_millis(10);
    loop {
        let error = match listener.accept().await {
            Ok((socket, _)) => return socket,
            Err(error) => error,
        };
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            // A client that went away while it was queued.
            continue;
        }
        tracing::warn!(%error, "a connection could not be accepted");
        sleep(back_off).await;
        back_off = MOST_BACK_OFF.min(back_off * 2);
    }
}

async fn connection<F, A, B, E>(socket: TcpStream, limits: Limits, service: F, mut drain: DrainSignal)
where
    F: Fn(Request<Incoming>) -> A,
    A: Future<Output = Result<Response<B>, E>>,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let mut http = http1::Builder::new();
    // hyper's timer runs from the end of an answer to the end of the next head: that is the idle time. The head's own
    // runs in `Strict`. Headers stay at hyper's limit of 100: setting it moves them from the stack to the heap. Without
    // half-close a client that goes away ends its request.
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.idle_for + limits.head_within)
        .max_header_size(limits.max_head)
        .half_close(false);
    let io = TokioIo::new(Strict::new(socket, limits.head_within, limits.write_within));
    let mut served = http.serve_connection(io, service_fn(service));
    let ended = tokio::select! {
        biased;
        ended = &mut served => ended,
        () = drain.begun() => {
            Pin::new(&mut served).graceful_shutdown();
            (&mut served).await
        }
    };
    let is_refused = ended.is_err_and(|it| it.is_parse());
    let strict = served.into_parts().io.into_inner();
    if is_refused || strict.is_amid_request() {
        linger(strict.into_inner()).await;
    }
}

/// Lets the client read its answer before the connection closes on what it is still sending.
async fn linger(mut socket: TcpStream) {
    let drained = async {
        std::future::poll_fn(|cx| Pin::new(&mut socket).poll_shutdown(cx)).await?;
        let mut scrap = vec![0; 16 * 1024];
        loop {
            socket.readable().await?;
            match socket.try_read(&mut scrap) {
                Ok(0) => return Ok::<_, io::Error>(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    };
    // Whichever way it ends, the connection is over.
    let _ = timeout(LINGER, drained).await;
}

/// Reads a whole request body of at most `max` bytes. A body that arrived in one piece is not copied.
///
/// # Errors
///
/// Why there is none. What is left of the body is not read, so the connection closes after the answer.
pub async fn read_body(body: Incoming, max: usize, within: Duration) -> Result<Bytes, BodyFault> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > max {
        return Err(BodyFault::TooLarge);
    }
    timeout(within, read(body, max)).await.unwrap_or(Err(BodyFault::TooSlow))
}

async fn read(mut body: Incoming, max: usize) -> Result<Bytes, BodyFault> {
    let Some(first) = next(&mut body).await? else { return Ok(Bytes::new()) };
    if first.len() > max {
        return Err(BodyFault::TooLarge);
    }
    let Some(second) = next(&mut body).await? else { return Ok(first) };
    let to_come = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut whole = BytesMut::with_capacity(first.len() + second.len() + to_come.min(MOST_RESERVED));
    whole.extend_from_slice(&first);
    let mut piece = Some(second);
    while let Some(data) = piece {
        if whole.len().saturating_add(data.len()) > max {
            return Err(BodyFault::TooLarge);
        }
        whole.extend_from_slice(&data);
        piece = next(&mut body).await?;
    }
    Ok(whole.freeze())
}

/// The next piece of data; trailers are passed over.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, BodyFault> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| BodyFault::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
