//! The listener over real sockets: what is let in, what is cut off, and how it ends.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use switchback_gateway::listen::{self, BodyFault, Drain, Limits};
use switchback_gateway::tasks::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, timeout};

/// An upper bound for what must happen, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Longest body that the test service takes.
const MAX: usize = 100_000;

/// A listener with a service that plays what the path asks for.
struct Server {
    address: SocketAddr,
    scene: Arc<Scene>,
    drain: Drain,
    tasks: Tasks,
}

#[derive(Default)]
struct Scene {
    calls: AtomicUsize,
    gone: AtomicUsize,
    faults: std::sync::Mutex<Vec<BodyFault>>,
    go: Notify,
}

/// Counts itself when it is dropped.
struct Witness(Arc<Scene>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.gone.fetch_add(1, Ordering::SeqCst);
    }
}

type Body = Either<Full<Bytes>, StreamBody<Ticks>>;

/// A stream that ticks for ever and is witnessed.
struct Ticks(mpsc::Receiver<Frame<Bytes>>, Witness);

impl futures_core_shim::Stream for Ticks {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|it| it.map(Ok))
    }
}
