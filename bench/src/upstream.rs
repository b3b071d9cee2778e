//! The fake provider: fixed answers at next to no cost, no faults but the one that is asked for.
//!
//! Which answer comes is told by the request: the model `bad` gets a 500, `paced` a stream with time between its events,
//! any other model a completion of 1 KB, or, where `"stream":true` is asked for, 64 events in one burst. The request is
//! searched, not parsed: what is measured is the way to here, not this.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use memchr::memmem;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};

use crate::failed::Failed;

/// Length of a whole answer in bytes.
pub(crate) const WHOLE: usize = 1_024;
/// Events of a stream, the one with the finish reason included, `[DONE]` not.
pub(crate) const EVENTS: usize = 64;
/// Time between the events of a paced stream.
pub(crate) const PACE: Duration = Duration::from_millis(2);
/// What stands before the time at which a paced event was sent, in nanoseconds since the epoch of the run.
pub(crate) const SENT_AT: &[u8] = b"\"content\":\"sent ";
/// The last bytes of every stream.
pub(crate) const DONE: &[u8] = b"data: [DONE]\n\n";

/// Longest request that is read.
const MOST_REQUEST: usize = 1024 * 1024;

/// Answers that are made once.
#[derive(Debug)]
struct Fixtures {
    epoch: Instant,
    whole: Bytes,
    error: Bytes,
    burst: Vec<Bytes>,
}

/// The body of an answer.
#[derive(Debug)]
enum Answer {
    Whole(Option<Bytes>),
    Burst { fixtures: Arc<Fixtures>, next: usize },
    Paced { epoch: Instant, every: Interval, next: usize },
}

/// Binds a port, and serves it from a thread of its own for the rest of the process.
///
/// `epoch` is what the times in paced events are counted from.
pub(crate) fn start(epoch: Instant) -> Result<SocketAddr, Failed> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fixtures = Arc::new(Fixtures::new(epoch));
    std::thread::Builder::new().name("upstream".to_owned()).spawn(move || {
        // The listener is bound, so this fails only where the process cannot go on anyway: every call then fails.
        let _ = runtime.block_on(serve(listener, fixtures));
    })?;
    Ok(address)
}

async fn serve(listener: std::net::TcpListener, fixtures: Arc<Fixtures>) -> Result<(), Failed> {
    let listener = TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await?;
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(socket, Arc::clone(&fixtures)));
    }
}

async fn connection(socket: TcpStream, fixtures: Arc<Fixtures>) {
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| {
        let fixtures = Arc::clone(&fixtures);
        async move { Ok::<_, Infallible>(answer(request, fixtures).await) }
    });
    // A client that goes away is no trouble of this side.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
}

async fn answer(request: Request<Incoming>, fixtures: Arc<Fixtures>) -> Response<Answer> {
    let Some(asked) = read(request.into_body()).await else {
        return respond(StatusCode::BAD_REQUEST, "application/json", Answer::Whole(None));
    };
    let has = |needle: &[u8]| memmem::find(&asked, needle).is_some();
    if has(b"\"model\":\"bad\"") {
        let body = Answer::Whole(Some(fixtures.error.clone()));
        return respond(StatusCode::INTERNAL_SERVER_ERROR, "application/json", body);
    }
    if has(b"\"model\":\"paced\"") {
        let mut every = tokio::time::interval(PACE);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let body = Answer::Paced { epoch: fixtures.epoch, every, next: 0 };
        return respond(StatusCode::OK, "text/event-stream", body);
    }
    if has(b"\"stream\":true") {
        return respond(StatusCode::OK, "text/event-stream", Answer::Burst { fixtures, next: 0 });
    }
    respond(StatusCode::OK, "application/json", Answer::Whole(Some(fixtures.whole.clone())))
}

fn respond(status: StatusCode, kind: &'static str, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A request body; `None` where it is broken or beyond the bound.
async fn read(mut body: Incoming) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        if whole.is_empty() && body.is_end_stream() {
            return Some(data);
        }
        if whole.len() + data.len() > MOST_REQUEST {
            return None;
        }
        whole.extend_from_slice(&data);
    }
    Some(whole.freeze())
}

// === impl Fixtures ===

impl Fixtures {
    fn new(epoch: Instant) -> Self {
        let whole = |text: &str| {
            format!(
                r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"fake-model-1","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":21,"completion_tokens":180,"total_tokens":201}},"system_fingerprint":"fp_bench"}}"#
            )
        };
        let free = WHOLE.saturating_sub(whole("").len());
        let words: String = "All work and no play makes a dull benchmark. ".chars().cycle().take(free).collect();
        let error =
            r#"{"error":{"message":"The server had an error.","type":"server_error","param":null,"code":null}}"#;
        let mut burst: Vec<Bytes> = (0..EVENTS).map(|place| event(place, "token ")).collect();
        burst.push(Bytes::from_static(DONE));
        Self { epoch, whole: whole(&words).into(), error: Bytes::from_static(error.as_bytes()), burst }
    }
}

/// One event of a stream: the first names the role, the last has the finish reason, those between have this text.
fn event(place: usize, text: &str) -> Bytes {
    let (delta, finish) = match place {
        0 => (r#"{"role":"assistant","content":"","refusal":null}"#.to_owned(), "null"),
        _ if place + 1 == EVENTS => ("{}".to_owned(), "\"stop\""),
        _ => (format!(r#"{{"content":"{text}"}}"#), "null"),
    };
    format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"fake-model-1\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n"
    )
    .into()
}

// === impl Answer ===

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match &mut *self {
            Self::Whole(body) => body.take(),
            Self::Burst { fixtures, next } => {
                *next += 1;
                fixtures.burst.get(*next - 1).cloned()
            }
            Self::Paced { epoch, every, next } => {
                if *next < EVENTS {
                    ready!(every.poll_tick(cx));
                }
                *next += 1;
                match *next {
                    n if n <= EVENTS => Some(event(n - 1, &format!("sent {};", epoch.elapsed().as_nanos()))),
                    n if n == EVENTS + 1 => Some(Bytes::from_static(DONE)),
                    _ => None,
                }
            }
        };
        Poll::Ready(data.map(|it| Ok(Frame::data(it))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |it| it.len() as u64)),
            Self::Burst { .. } | Self::Paced { .. } => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use switchback_wire::chat::Whole;
    use switchback_wire::delta::{Chunk, FinishReason};

    use super::*;

    #[test]
    fn the_whole_answer_is_a_completion_of_exactly_one_kilobyte() {
        let whole = Fixtures::new(Instant::now()).whole;
        assert_eq!(whole.len(), WHOLE);
        let read = Whole::read(&whole).unwrap();
        assert!(!read.failed);
        let [choice] = read.answer.choices.as_slice() else { panic!("one choice") };
        assert!(choice.text().unwrap().starts_with("All work"));
        assert_eq!(choice.finish, Some(FinishReason::Stop));
        assert_eq!(switchback_wire::judge::judge(&read.answer), None, "the gateway must have nothing against it");
    }

    #[test]
    fn the_stream_is_64_chunks_of_which_only_the_last_finishes_and_then_the_end_marker() {
        let mut events = Fixtures::new(Instant::now()).burst;
        assert_eq!(events.pop().as_deref(), Some(DONE));
        assert_eq!(events.len(), EVENTS);
        for (place, event) in events.iter().enumerate() {
            let data = event.strip_prefix(b"data: ").unwrap().strip_suffix(b"\n\n").unwrap();
            let chunk = Chunk::read(data).unwrap();
            assert_eq!(chunk.finishes(), place + 1 == EVENTS, "{place}");
            assert_eq!(chunk.has_content(), (1..EVENTS - 1).contains(&place), "{place}");
        }
    }

    #[test]
    fn the_model_bad_is_a_server_error_and_every_other_answer_is_good() {
        let epoch = Instant::now();
        let address = start(epoch).unwrap();
        let ask = |model, streams| crate::load::Ask::new(address, None, model, streams).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut client = crate::load::Client::connect(address).await.unwrap();
            client.call(&ask("good", false)).await.unwrap();
            client.call(&ask("good", true)).await.unwrap();
            let mut delays = Vec::new();
            client.follow(&ask("paced", true), epoch, &mut delays).await.unwrap();
            assert_eq!(delays.len(), EVENTS - 2, "one delay for each event with content");
            let refused = client.call(&ask("bad", false)).await.unwrap_err();
            assert!(refused.to_string().contains("500"), "{refused}");
        });
    }
}
