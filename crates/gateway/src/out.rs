//! What a request gives to the connection: a head, then frames, pulled at the caller's pace.
//!
//! The whole life of a request is one future, `run`. The connection polls it first as the service's future, until a
//! head is there, and then as the response body: one task, one hop, for streams and whole answers alike. Dropping
//! the exchange drops the future wherever it stands, which is how a caller who hangs up ends everything at once.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, response};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// Frames that are ready are handed on together up to this size, so that a burst costs few writes.
const COALESCE: usize = 16 * 1024;
/// Time between the comments that keep a held stream's line alive.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The pulling side's view of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Out(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    head: Option<response::Parts>,
    head_left: bool,
    frames: VecDeque<Bytes>,
    n_waiting: usize,
    /// Whether anything but comments has been sent or is waiting.
    spoke: bool,
    /// Whether the body must end as if the line had been cut.
    broken: bool,
}

/// The answer could not be passed on to its end.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the answer broke off")]
pub(crate) struct BrokenOff;

/// One request on its way out.
pub(crate) struct Exchange {
    run: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    out: Out,
    keep_alive: Option<Pin<Box<Sleep>>>,
    /// The exact length, where the answer was whole when its head left.
    length: Option<u64>,
}

// === impl Out ===

impl Out {
    /// Gives the head. Later ones are ignored: whoever gives one must ask [`Self::head_has_left`] first.
    pub(crate) fn head(&self, head: response::Parts) {
        let mut state = self.state();
        if state.head.is_none() && !state.head_left {
            state.head = Some(head);
        }
    }

    /// Whether a head has gone to the caller already: then an error must be an event.
    pub(crate) fn head_has_left(&self) -> bool {
        self.state().head_left
    }

    /// Gives bytes of the body.
    pub(crate) fn push(&self, frame: Bytes) {
        if !frame.is_empty() {
            let mut state = self.state();
            state.n_waiting += frame.len();
            state.spoke = true;
            state.frames.push_back(frame);
        }
    }

    /// Ends the body as if the line had been cut: what came is not whole, and nothing may take it for whole.
    pub(crate) fn break_off(&self) {
        self.state().broken = true;
    }

    /// Waits until the caller has taken what is waiting, once enough is waiting.
    pub(crate) async fn taken(&self) {
        poll_fn(|_| if self.state().n_waiting >= COALESCE { Poll::Pending } else { Poll::Ready(()) }).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that waits, as one frame.
    fn take(&self) -> Option<Bytes> {
        let mut state = self.state();
        state.n_waiting = 0;
        if state.frames.len() < 2 {
            return state.frames.pop_front();
        }
        let length = state.frames.iter().map(Bytes::len).sum();
        let mut joined = Vec::with_capacity(length);
        for frame in state.frames.drain(..) {
            joined.extend_from_slice(&frame);
        }
        Some(joined.into())
    }
}

// === impl Exchange ===

impl Exchange {
    /// Runs a request until its head is there, or, for a stream, at most until `hold`: then `pending` gives a head.
    pub(crate) async fn respond<F>(
        out: Out,
        run: F,
        hold: Option<Instant>,
        pending: impl FnOnce() -> response::Parts,
    ) -> Response<Exchange>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut exchange = Self { run: Some(Box::pin(run)), out, keep_alive: None, length: None };
        let mut timer = hold.map(|it| Box::pin(sleep_until(it)));
        let head = poll_fn(|cx| {
            exchange.advance(cx);
            if let Some(head) = exchange.out.state().head.take() {
                return Poll::Ready(Some(head));
            }
            if exchange.run.is_none() {
                // No request ends without a head; should one, its caller hears of it instead of waiting for ever.
                return Poll::Ready(Some(broken()));
            }
            match &mut timer {
                Some(timer) => timer.as_mut().poll(cx).map(|()| None),
                None => Poll::Pending,
            }
        })
        .await;
        exchange.out.state().head_left = true;
        let head = head.unwrap_or_else(|| {
            exchange.keep_alive = Some(Box::pin(sleep_until(Instant::now() + KEEP_ALIVE)));
            pending()
        });
        if exchange.run.is_none() && !exchange.out.state().broken {
            exchange.length = Some(exchange.out.state().frames.iter().map(|it| it.len() as u64).sum());
        }
        Response::from_parts(head, exchange)
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        if let Some(run) = &mut self.run
            && run.as_mut().poll(cx).is_ready()
        {
            self.run = None;
        }
    }

    /// A comment, while a held stream has nothing else to say.
    fn poll_comment(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let Some(timer) = &mut self.keep_alive else { return Poll::Pending };
        if self.out.state().spoke {
            self.keep_alive = None;
            return Poll::Pending;
        }
        let fired = timer.as_mut().poll(cx);
        if fired.is_ready() {
            timer.as_mut().reset(Instant::now() + KEEP_ALIVE);
            // Registered again with the next poll, which follows the frame.
            return Poll::Ready(Bytes::from_static(b": switchback is working on it\n\n"));
        }
        Poll::Pending
    }
}

fn broken() -> response::Parts {
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = http::StatusCode::INTERNAL_SERVER_ERROR;
    head
}

impl Body for Exchange {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.out.state().frames.is_empty() {
            this.advance(cx);
        }
        if let Some(frame) = this.out.take() {
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
        if this.run.is_none() {
            let broken = this.out.state().broken;
            return Poll::Ready(broken.then_some(Err(BrokenOff)));
        }
        this.poll_comment(cx).map(|it| Some(Ok(Frame::data(it))))
    }

    fn is_end_stream(&self) -> bool {
        let state = self.out.state();
        self.run.is_none() && state.frames.is_empty() && !state.broken
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("out", &self.out).finish_non_exhaustive()
    }
}
