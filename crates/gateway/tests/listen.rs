//! The listener over real sockets: what is let in, what is cut off, and how it ends.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use switchback_gateway::listen::{self, BodyFault, Drain, Limits};
use switchback_gateway::tasks::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

/// An upper bound for what must happen, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Longest body that the test service takes.
const MAX: usize = 100_000;

/// A listener whose service plays what the path asks for.
struct Server {
    address: SocketAddr,
    scene: Arc<Scene>,
    drain: Drain,
    tasks: Tasks,
}

#[derive(Debug, Default)]
struct Scene {
    calls: AtomicUsize,
    /// Futures and bodies that were dropped.
    gone: AtomicUsize,
    go: Notify,
}

/// Counts itself when it is dropped.
struct Witness(Arc<Scene>);

/// A body that comes whole, or in pieces that the test sends.
enum Reply {
    Whole(Full<Bytes>),
    Pieces(mpsc::UnboundedReceiver<Bytes>, Witness),
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.gone.fetch_add(1, Ordering::SeqCst);
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(body) => Pin::new(body).poll_frame(cx),
            Self::Pieces(pieces, _) => pieces.poll_recv(cx).map(|it| it.map(|piece| Ok(Frame::data(piece)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(body) if body.is_end_stream())
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Pieces(..) => http_body::SizeHint::default(),
        }
    }
}

async fn play(request: Request<Incoming>, scene: Arc<Scene>) -> Result<Response<Reply>, Infallible> {
    scene.calls.fetch_add(1, Ordering::SeqCst);
    let within = if request.uri().path() == "/hasty" { Duration::from_millis(100) } else { SOON };
    let (status, text) = match request.uri().path() {
        "/wait" => {
            let witness = Witness(scene);
            witness.0.go.notified().await;
            (StatusCode::OK, "waited".to_owned())
        }
        "/pieces" => {
            let (tell, told) = mpsc::unbounded_channel();
            tell.send(Bytes::from_static(b"first")).unwrap();
            let witness = Witness(Arc::clone(&scene));
            let body = Reply::Pieces(told, witness);
            // The sender lives until the test says go, so the body does not end before.
            let keep = async move {
                scene.go.notified().await;
                let _ = tell.send(Bytes::from_static(b"last"));
            };
            // Detached on purpose: the body must outlive the future that made it.
            drop(tokio::task::JoinHandle::<()>::from(spawn(keep)));
            return Ok(Response::new(body));
        }
        _ => match listen::read_body(request.into_body(), MAX, within).await {
            Ok(body) => {
                (StatusCode::OK, format!("{}:{}", body.len(), String::from_utf8_lossy(&body[..body.len().min(9)])))
            }
            Err(fault) => (StatusCode::BAD_REQUEST, format!("{fault:?}")),
        },
    };
    let mut response = Response::new(Reply::Whole(Full::new(text.into())));
    *response.status_mut() = status;
    Ok(response)
}
