//! One shape out: heads, bodies, errors and streams, with the truth about the walk on each.
//!
//! Whoever answered, the caller sees OpenAI's shape. The object that tells the story is spliced into the provider's own
//! bytes; a stream's headers tell the state at its commit, its final object is the last word.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, response};
use serde::Serialize;
use switchback_config::HeaderMode;
use switchback_core::record::{EndKind, Ending, Object};
use switchback_core::step::{Observation, Step};
use switchback_wire::splice;
use switchback_wire::sse::{DONE, write_event};

use crate::headers;
use crate::kept::Kept;
use crate::owner::Owner;
use crate::stream::{Live, Reached};

/// Serves what the last step left in hand.
pub(crate) async fn sound(owner: Owner, kept: Kept) {
    match kept {
        Kept::Whole(body) => whole(owner, &body),
        Kept::Judged(live) => judged(owner, live).await,
        Kept::Live(live) => relay(owner, live).await,
        Kept::Ready(text) => ready(owner, &text),
        // The walk serves only what an attempt kept.
        Kept::Nothing | Kept::Broken(_) => owner.finish(),
    }
}

/// Ends with an error: as the answer, or as an event where a head has left already.
pub(crate) fn failed(owner: Owner, ending: &Ending) {
    let object = owner.walk.object(owner.about());
    let body = error_body(ending, &object);
    if owner.out.head_has_left() {
        owner.out.push(write_event(&body));
        return owner.finish();
    }
    let status = ending.shown_status(owner.about().exhausted_status);
    let mut head = head(&owner, status, "application/json", Some(&object), true);
    match ending.kind {
        EndKind::RateLimited => {
            let wait = ending.retry_after.unwrap_or_default();
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            head.headers.insert(header::RETRY_AFTER, seconds.max(1).into());
        }
        EndKind::InvalidRequest
        | EndKind::Cancelled
        | EndKind::Policy
        | EndKind::ContextTooSmall
        | EndKind::Unsupported
        | EndKind::Residency
        | EndKind::Deadline
        | EndKind::Exhausted => {
            head.headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
    }
    owner.out.head(head);
    owner.out.push(body);
    owner.finish();
}

/// The head of a stream that could not be held any longer: without the facts that are not known yet.
pub(crate) fn pending(id: &str, task: &str, mode: HeaderMode) -> response::Parts {
    let mut head = parts(200, "text/event-stream; charset=utf-8");
    headers::put(&mut head.headers, &headers::REQUEST_ID, id);
    if mode == HeaderMode::All {
        headers::put(&mut head.headers, "x-switchback-task", task);
        head.headers.insert("x-switchback-pending", HeaderValue::from_static("true"));
    }
    head.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    head
}

fn whole(owner: Owner, body: &Bytes) {
    let object = owner.walk.object(owner.about());
    let told = splice::with_member(body, "switchback", &json(&object));
    owner.out.head(head(&owner, 200, "application/json", Some(&object), true));
    owner.out.push(told.unwrap_or_else(|| body.clone()));
    owner.finish();
}

async fn judged(owner: Owner, mut live: Box<Live>) {
    let object = owner.walk.object(owner.about());
    stream_head(&owner, &object);
    for frame in live.state.last_frames(&json(&object)) {
        owner.out.push(frame);
        owner.out.taken().await;
    }
    owner.finish();
    live.release().await;
}

/// Hands a committed stream on to its end.
async fn relay(mut owner: Owner, mut live: Box<Live>) {
    let object = owner.walk.object(owner.about());
    stream_head(&owner, &object);
    let deadline =
        owner.snapshot.policy.task(owner.request.task).map_or_else(Default::default, |it| it.stream_deadline);
    let ends = tokio::time::Instant::now() + deadline;
    let reached = loop {
        for frame in live.state.ready() {
            owner.out.push(frame);
        }
        owner.out.taken().await;
        match live.after_commit(ends).await {
            Ok(Reached::Commit) => {}
            Ok(Reached::End) => break Ok(()),
            Err(failure) => break Err(failure),
        }
    };
    let facts = live.facts(Default::default());
    let seen = match reached {
        Ok(()) => Observation::Finished(facts),
        Err(failure) => Observation::Failed(failure, facts),
    };
    match owner.next(seen) {
        Step::End(ending) => {
            let object = owner.walk.object(owner.about());
            owner.out.push(write_event(&error_body(&ending, &object)));
            owner.finish();
        }
        Step::Done | Step::Answer | Step::Call(_) | Step::Wait { .. } | Step::Local { .. } => {
            let object = owner.walk.object(owner.about());
            for frame in live.state.last_frames(&json(&object)) {
                owner.out.push(frame);
            }
            owner.finish();
            live.release().await;
        }
    }
}

fn stream_head(owner: &Owner, object: &Object) {
    let mut head = head(owner, 200, "text/event-stream; charset=utf-8", Some(object), false);
    head.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    owner.out.head(head);
}

/// A ready answer in the shape of a completion.
fn ready(owner: Owner, text: &str) {
    let object = owner.walk.object(owner.about());
    let created = owner.about().arrived_ms / 1_000;
    let id = format!("chatcmpl-{}", object.request_id);
    let made = Made { id: &id, created, model: "answer" };
    if !owner.request.head.stream {
        owner.out.head(head(&owner, 200, "application/json", Some(&object), true));
        owner.out.push(made.completion(text, &object).into());
        return owner.finish();
    }
    stream_head(&owner, &object);
    owner.out.push(write_event(made.chunk(Some(text), None, None).as_bytes()));
    owner.out.push(write_event(made.chunk(None, Some("stop"), Some(&object)).as_bytes()));
    owner.out.push(write_event(DONE));
    owner.finish();
}

/// An answer that we make ourselves.
struct Made<'a> {
    id: &'a str,
    created: u64,
    model: &'a str,
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<NoUsage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    switchback: Option<&'a Object>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Message<'a>>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize, Default)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

/// No model ran: these zeros were counted.
#[derive(Serialize, Default)]
struct NoUsage {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
}

impl Made<'_> {
    fn completion(&self, text: &str, object: &Object) -> Vec<u8> {
        let message = Message { role: Some("assistant"), content: Some(text) };
        let choice = Choice { index: 0, message: Some(message), delta: None, finish_reason: Some("stop") };
        let completion = Completion {
            id: self.id,
            object: "chat.completion",
            created: self.created,
            model: self.model,
            choices: [choice],
            usage: Some(NoUsage::default()),
            switchback: Some(object),
        };
        serde_json::to_vec(&completion).unwrap_or_default()
    }

    fn chunk(&self, text: Option<&str>, finish: Option<&'static str>, object: Option<&Object>) -> String {
        let delta = Message { role: text.map(|_| "assistant"), content: text };
        let choice = Choice { index: 0, message: None, delta: Some(delta), finish_reason: finish };
        let chunk = Completion {
            id: self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: self.model,
            choices: [choice],
            usage: None,
            switchback: object,
        };
        json(&chunk)
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorShape<'a>,
}

#[derive(Serialize)]
struct ErrorShape<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: &'a str,
    switchback: &'a Object,
}

fn error_body(ending: &Ending, object: &Object) -> Bytes {
    let kind = match ending.kind {
        EndKind::InvalidRequest | EndKind::Policy | EndKind::ContextTooSmall | EndKind::Unsupported => {
            "invalid_request_error"
        }
        EndKind::RateLimited => "rate_limit_error",
        EndKind::Deadline => "timeout_error",
        EndKind::Exhausted | EndKind::Cancelled | EndKind::Residency => "ladder_exhausted",
    };
    let param = ending.param.as_deref();
    let error = ErrorShape { message: &ending.message, kind, param, code: &ending.code, switchback: object };
    json(&ErrorBody { error }).into()
}

fn head(owner: &Owner, status: u16, kind: &'static str, object: Option<&Object>, with_cost: bool) -> response::Parts {
    let mut head = parts(status, kind);
    headers::put(&mut head.headers, &headers::REQUEST_ID, owner.about().request_id.as_str());
    if let (Some(object), HeaderMode::All) = (object, owner.snapshot.server.headers) {
        headers::tell(&mut head.headers, object, with_cost);
    }
    head
}

fn parts(status: u16, kind: &'static str) -> response::Parts {
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    head.headers = HeaderMap::with_capacity(24);
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    head
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
