//! A connection in use, and the response body that holds it.
//!
//! A [`Lease`] goes back to the pool in one way only: [`Lease::give_back`], which the body calls when its last byte was
//! read and which looks once more whether the connection is really at rest. Every other end drops it, which closes the
//! socket and so tells the provider to stop. Nothing here spawns: whoever waits for the answer polls the connection.

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::connect::Transport;
use super::pool::Pool;
use super::{BodyError, SendError};

/// Both ends of hyper's state machine around one transport.
pub(super) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended: dropping it gives back a request that was not begun, and fails a body that was.
    connection: Option<Connection<TokioIo<Transport>, Full<Bytes>>>,
}

/// A connection that serves one request.
#[derive(Debug)]
pub(super) struct Lease {
    /// Boxed, so that moving a lease from pool to request to body moves a pointer.
    wire: Box<Wire>,
    pool: Arc<Pool>,
    lane: usize,
}

/// The body of a provider's answer. Reading it to its end returns the connection to the pool; dropping it earlier closes
/// the connection, which cancels the call.
#[derive(Debug)]
pub struct LeasedBody {
    incoming: Incoming,
    /// `None` once the body has ended, well or badly.
    lease: Option<Lease>,
}

/// How an exchange ended before there was a response head.
pub(super) enum Failed {
    /// Nothing was written: it may be sent again without the provider seeing it twice. Boxed to keep results small.
    Unsent(Box<Request<Full<Bytes>>>),
    /// The provider may have seen it.
    Sent(SendError),
}

// === impl Wire ===

impl Wire {
    pub(super) const fn new(
        sender: SendRequest<Full<Bytes>>,
        connection: Connection<TokioIo<Transport>, Full<Bytes>>,
    ) -> Self {
        Self { sender, connection: Some(connection) }
    }

    /// Moves bytes. How a connection ends is not told here: the response and the body each say it better.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if self.connection.as_mut().is_some_and(|it| Pin::new(it).poll(cx).is_ready()) {
            self.connection = None;
        }
    }

    /// Whether it was open and at rest when it was last driven.
    fn is_idle(&self) -> bool {
        self.connection.is_some() && self.sender.is_ready()
    }

    /// Whether the peer has left it open, as far as this side can know.
    pub(super) async fn is_still_open(&mut self) -> bool {
        poll_fn(|cx| {
            self.drive(cx);
            Poll::Ready(self.is_idle())
        })
        .await
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("is_idle", &self.is_idle()).finish_non_exhaustive()
    }
}

// === impl Lease ===

impl Lease {
    pub(super) const fn new(wire: Box<Wire>, pool: Arc<Pool>, lane: usize) -> Self {
        Self { wire, pool, lane }
    }

    /// Sends the request and waits for the response head.
    pub(super) async fn exchange(mut self, request: Request<Full<Bytes>>) -> Result<Response<LeasedBody>, Failed> {
        let mut answer = pin!(self.wire.sender.try_send_request(request));
        let answered = poll_fn(|cx| {
            self.wire.drive(cx);
            answer.as_mut().poll(cx)
        })
        .await;
        match answered {
            Ok(response) => {
                let (head, incoming) = response.into_parts();
                let mut body = LeasedBody { incoming, lease: Some(self) };
                // A response without a body is over already.
                poll_fn(|cx| {
                    body.settle(cx);
                    Poll::Ready(())
                })
                .await;
                Ok(Response::from_parts(head, body))
            }
            Err(mut error) => Err(match error.take_message() {
                Some(request) => Failed::Unsent(Box::new(request)),
                None => Failed::Sent(send_error(error.error())),
            }),
        }
    }

    /// Returns the connection if it is at rest, and closes it if it is not: a provider that answered before it had
    /// read the request, or that sends more than its answer.
    fn give_back(mut self, cx: &mut Context<'_>) {
        if !self.wire.is_idle() {
            self.wire.drive(cx);
        }
        if self.wire.is_idle() {
            self.pool.put(self.lane, self.wire);
        }
    }
}

// === impl LeasedBody ===

impl LeasedBody {
    /// Lets the connection go if the body has no more to come.
    fn settle(&mut self, cx: &mut Context<'_>) {
        if self.incoming.is_end_stream() {
            self.give_back(cx);
        }
    }

    fn give_back(&mut self, cx: &mut Context<'_>) {
        if let Some(lease) = self.lease.take() {
            lease.give_back(cx);
        }
    }
}

impl Body for LeasedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(lease) = &mut this.lease else { return Poll::Ready(None) };
        // What was read before comes first; only then is there a reason to touch the socket.
        let mut polled = Pin::new(&mut this.incoming).poll_frame(cx);
        if polled.is_pending() {
            lease.wire.drive(cx);
            polled = Pin::new(&mut this.incoming).poll_frame(cx);
        }
        Poll::Ready(match ready!(polled) {
            Some(Ok(frame)) => {
                this.settle(cx);
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                this.lease = None;
                Some(Err(body_error(&error)))
            }
            None => {
                this.give_back(cx);
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.lease.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// What an error after the first byte was written means. hyper's own words name no header, no body and no address.
fn send_error(error: &hyper::Error) -> SendError {
    match violation(error) {
        Some(text) => SendError::Protocol(text),
        None => SendError::Reset,
    }
}

fn body_error(error: &hyper::Error) -> BodyError {
    match violation(error) {
        Some(text) => BodyError::Protocol(text),
        None => BodyError::Reset,
    }
}

/// How the provider broke the protocol, if that is what happened; otherwise the connection ended too early.
fn violation(error: &hyper::Error) -> Option<String> {
    let cause = error.source();
    let kind = cause.and_then(|it| it.downcast_ref::<io::Error>()).map(io::Error::kind);
    let is_malformed = matches!(kind, Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput));
    let is_violation = error.is_parse() || is_malformed;
    is_violation.then(|| cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")))
}
