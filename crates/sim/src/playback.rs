//! What is sent back for one call, as a list of steps, and the HTTP body that plays it.
//!
//! Faults are steps too (silence, a break), so that every shape of provider is written as data and only this file deals with
//! timers and connections. It never decides what is sent.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use hyper::body::{Body, Frame};
use tokio::time::Sleep;

use crate::desk::OpenCall;

/// What a proxy in between sends, whatever was asked.
pub(crate) const PAGE: &str = "<html>\r\n<head><title>simulated page</title></head>\r\n<body>\r\n<center><h1>Not what you came for</h1></center>\r\n\
                               <hr><center>switchback-sim</center>\r\n</body>\r\n</html>\r\n";

/// How one call ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// An answer, whole or broken.
    Reply(Reply),
    /// The connection is reset without an answer.
    Reset,
    /// No answer, until the caller leaves.
    Hang,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// All headers, `content-length` included where the length is promised.
    pub(crate) headers: HeaderMap,
    /// How long to wait before status and headers are sent.
    pub(crate) before_head: Duration,
    /// The body.
    pub(crate) steps: VecDeque<Step>,
}

/// One step of a body.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing for a while.
    Wait(Duration),
    /// Some bytes.
    Send(Bytes),
    /// Nothing for ever.
    Stall,
    /// The same bytes again and again, for ever, with such a pause after each.
    Beat(Duration, Bytes),
    /// The connection breaks; what was sent before gets out first.
    Cut,
}

/// The body of a [`Reply`] on its way. Holds its call open until it is sent or dropped.
#[derive(Debug)]
pub(crate) struct Playback {
    steps: VecDeque<Step>,
    timer: Option<Pin<Box<Sleep>>>,
    cutting: bool,
    call: Option<OpenCall>,
}

/// A connection that the simulator breaks on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the simulator broke the connection on purpose")]
pub(crate) struct Broken;

// === impl Reply ===

impl Reply {
    /// An answer of known length.
    pub(crate) fn whole(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
        let body = body.into();
        let mut reply = Reply::started(status, content_type);
        reply.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        reply.steps.push_back(Step::Send(body));
        reply
    }

    /// An answer without steps and without a promised length.
    pub(crate) fn started(status: StatusCode, content_type: &'static str) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert("x-switchback-simulated", HeaderValue::from_static("true"));
        Reply { status, headers, before_head: Duration::ZERO, steps: VecDeque::new() }
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<HeaderValue>) -> Reply {
        self.headers.insert(HeaderName::from_static(name), value.into());
        self
    }
}

// === impl Playback ===

impl Playback {
    /// Plays the steps; `call` is closed when they are over, or when nobody listens any more.
    pub(crate) fn new(steps: VecDeque<Step>, call: Option<OpenCall>) -> Playback {
        Playback { steps, timer: None, cutting: false, call }
    }

    fn finish_if_over(&mut self) {
        if self.steps.is_empty()
            && let Some(call) = self.call.take()
        {
            call.finish();
        }
    }
}

impl Body for Playback {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            if let Some(timer) = &mut self.timer {
                std::task::ready!(timer.as_mut().poll(cx));
                self.timer = None;
            }
            match self.steps.pop_front() {
                None => {
                    self.finish_if_over();
                    return Poll::Ready(None);
                }
                Some(Step::Wait(Duration::ZERO)) => {}
                Some(Step::Wait(delay)) => self.timer = Some(Box::pin(tokio::time::sleep(delay))),
                Some(Step::Send(bytes)) => {
                    self.finish_if_over();
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Stall) => {
                    self.steps.push_front(Step::Stall);
                    return Poll::Pending;
                }
                Some(Step::Beat(pause, bytes)) => {
                    self.steps.push_front(Step::Beat(pause, bytes.clone()));
                    self.steps.push_front(Step::Wait(pause));
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Cut) if self.cutting => return Poll::Ready(Some(Err(Broken))),
                Some(Step::Cut) => {
                    // A body with nothing to give makes hyper flush; an error would throw away what is not yet on the wire.
                    self.cutting = true;
                    self.steps.push_front(Step::Cut);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.timer.is_none()
    }
}
