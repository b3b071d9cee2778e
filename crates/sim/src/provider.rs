//! Serves the simulated provider: accepts connections, reads requests, and plays what the shape answers.
//!
//! One task per connection, one bounded set of them per port. Calls are counted by a guard that falls when hyper drops the answer,
//! which is also how a caller who hangs up is noticed. What an answer says is decided elsewhere.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::ask::Ask;
use crate::control;
use crate::desk::{Brought, Desk, Met, OpenCall};
use crate::front::{Front, Parting, Visitor};
use crate::playback::{Broken, Ending, Playback, Reply};
use crate::shape::{Refusal, Shape};
use crate::turn::Turn;
use crate::{shape_anthropic, shape_openai};

/// No more connections are served at once on one port; further ones wait.
const MOST_CONNECTIONS: usize = 4_096;

/// Which of the two ports a connection came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    /// The provider's, which also takes control requests.
    Data,
    /// Control only; it never refuses.
    Control,
}

/// What a request may do to its own connection.
#[derive(Debug, Default)]
struct Link {
    /// The connection ends with a reset instead of a proper end.
    reset: AtomicBool,
    /// An outage that this very connection ordered lets it have its answer.
    spared: AtomicBool,
}

/// A stream whose end can be a reset.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    link: Arc<Link>,
}

/// A body that could not be read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is longer than allowed.
    TooLarge,
    /// The caller left.
    Gone,
}

/// Serves one port until told to stop; then ends its connections.
pub(crate) async fn serve_port(desk: Arc<Desk>, control: Option<Arc<Front>>, mut stop: watch::Receiver<bool>) {
    let port = if control.is_some() { Port::Control } else { Port::Data };
    let front = control.as_deref().unwrap_or(&desk.front);
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let room = connections.len() < MOST_CONNECTIONS;
        tokio::select! {
            visitor = front.accept(), if room => {
                connections.spawn(serve_connection(desk.clone(), visitor, port));
            }
            _ = connections.join_next(), if !room => {}
            _ = stop.changed() => break,
        }
    }
    connections.shutdown().await;
}

/// Reads a body of at most `bound` bytes.
pub(crate) async fn read_body(mut body: Incoming, bound: usize) -> Result<Bytes, BodyError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Gone)?.into_data() else { continue };
        if whole.len() + data.len() > bound {
            return Err(BodyError::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

async fn serve_connection(desk: Arc<Desk>, (stream, mut parting): Visitor, port: Port) {
    // Without it the last small write of an answer waits for an acknowledgement. Failing only costs time.
    let _ = stream.set_nodelay(true);
    let link = Arc::new(Link::default());
    let wire = TokioIo::new(Wire { stream, link: link.clone() });
    let service = service_fn(|request| serve_request(desk.clone(), link.clone(), port, request));
    // No date header: the same seed answers the same bytes on every day.
    let connection = http1::Builder::new().auto_date_header(false).serve_connection(wire, service);
    let mut connection = pin!(connection);
    loop {
        tokio::select! {
            // An error here is a caller who left, or a connection broken on purpose.
            _ = connection.as_mut() => return,
            Ok(()) = parting.changed() => {
                let how = *parting.borrow_and_update();
                if how == Some(Parting::Cut) && !link.spared.load(Ordering::Relaxed) {
                    link.reset.store(true, Ordering::Relaxed);
                    return;
                }
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn serve_request(
    desk: Arc<Desk>,
    link: Arc<Link>,
    port: Port,
    request: Request<Incoming>,
) -> Result<Response<Playback>, Broken> {
    let path = request.uri().path();
    if path.starts_with("/_sim/") {
        link.spared.store(true, Ordering::Relaxed);
        return respond(control::serve(&desk, request).await?, None).await;
    }
    let shape = match path {
        "/v1/chat/completions" => Some(Shape::OpenAi),
        "/v1/messages" => Some(Shape::Anthropic),
        _ => None,
    };
    match (request.method(), shape) {
        (&Method::POST, Some(shape)) if port == Port::Data => serve_call(&desk, &link, shape, request).await,
        _ => respond(serve_rest(port, &request), None).await,
    }
}

/// What is no call of a model: the lists of models, and paths that do not exist.
fn serve_rest(port: Port, request: &Request<Incoming>) -> Reply {
    let (method, path) = (request.method(), request.uri().path());
    // Clients of Anthropic's shape give themselves away by this header, which they must send.
    let anthropic = request.headers().contains_key("anthropic-version");
    match (port, method, path) {
        (Port::Data, &Method::GET, "/v1/models") if anthropic => shape_anthropic::models(),
        (Port::Data, &Method::GET, "/v1/models") => shape_openai::models(),
        _ if anthropic || path.starts_with("/v1/messages") => shape_anthropic::unknown_path(method.as_str(), path),
        _ => shape_openai::unknown_path(method.as_str(), path),
    }
}

/// One call of the model.
async fn serve_call(
    desk: &Arc<Desk>,
    link: &Link,
    shape: Shape,
    request: Request<Incoming>,
) -> Result<Response<Playback>, Broken> {
    let (head, body) = request.into_parts();
    let bound = shape.largest_body();
    let body = match read_body(body, bound).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => {
            let id = format!("{:x}", desk.settings.seed);
            return respond(shape.refuse(&Refusal::TooLarge(bound), &id), None).await;
        }
        Err(BodyError::Gone) => return Err(Broken),
    };
    let (call, ending) = answer(desk, shape, &head.headers, &body);
    match ending {
        Ending::Reply(reply) => respond(reply, Some(call)).await,
        Ending::Reset => {
            link.reset.store(true, Ordering::Relaxed);
            Err(Broken)
        }
        Ending::Hang => {
            // Held, so that the call is open until the caller leaves and hyper drops this future.
            let _call = call;
            match std::future::pending::<Infallible>().await {}
        }
    }
}

/// Enters a call at the desk and says how it ends.
fn answer(desk: &Arc<Desk>, shape: Shape, headers: &HeaderMap, body: &[u8]) -> (OpenCall, Ending) {
    let key = shape.key(headers);
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let ask = match (shape.refused_key(key.as_deref()), &body) {
        (Some(refusal), _) => Err(refusal),
        (None, None) => Err(Refusal::NotJson),
        (None, Some(body)) => shape.read(headers, body).map_err(Refusal::Bad),
    };
    let model = body.as_ref().and_then(|body| body.get("model")?.as_str()).unwrap_or_default();
    let (call, met) = desk.open(&Brought {
        model: model.to_owned(),
        key,
        shape,
        stream: body.as_ref().and_then(|body| body.get("stream")?.as_bool()).unwrap_or_default(),
        spared: ask.is_err(),
        prompt_tokens: ask.as_ref().map_or(0, Ask::prompt_tokens),
    });
    let ending = match (ask, met) {
        (Err(refusal), _) => Err(refusal),
        (_, Met::NoSuchFault(unknown)) => Err(Refusal::NoSuchFault(unknown)),
        (_, Met::Limit(over, standing)) => Err(Refusal::Limit(model.to_owned(), over, standing)),
        (Ok(ask), Met::Model(fault)) => match fault.and_then(|fault| Some((fault, fault.impossible_in(shape)?))) {
            Some((fault, why)) => Err(Refusal::Impossible(fault, why)),
            None => {
                let mut turn = Turn { settings: &desk.settings, call: &call, fault, rng: call.rng() };
                Ok(shape.answer(&ask, &mut turn))
            }
        },
    };
    let ending = ending.unwrap_or_else(|refusal| Ending::Reply(shape.refuse(&refusal, &call.id())));
    (call, ending)
}

async fn respond(reply: Reply, call: Option<OpenCall>) -> Result<Response<Playback>, Broken> {
    if !reply.before_head.is_zero() {
        tokio::time::sleep(reply.before_head).await;
    }
    if let Some(call) = &call {
        call.answered(reply.status);
    }
    let mut response = Response::new(Playback::new(reply.steps, call));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}

// === impl Wire ===

impl Drop for Wire {
    fn drop(&mut self) {
        if self.link.reset.load(Ordering::Relaxed) {
            // If this fails, the caller sees an ordinary end instead of a reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.link.reset.load(Ordering::Relaxed) {
            // A proper end first would hide the reset.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
