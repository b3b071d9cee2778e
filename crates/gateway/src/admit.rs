//! Admission: who asks for which task, and is the request whole?
//!
//! A broken request is the caller's, and never walks a ladder. Until here a request gets an error and is counted;
//! what this returns is accepted, and gets an outcome and a record whatever happens.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use switchback_contract::Promise;
use switchback_core::derive::About;
use switchback_core::id::{Name, RequestId, TaskId};
use switchback_core::plan::Ask;
use switchback_core::policy::{StreamMode, Surface, Task};
use switchback_core::time::Now;
use switchback_wire::head::Head;

use crate::keys::Caller;
use crate::origin::{self, text};
use crate::promises::Texts;
use crate::reject::Reject;
use crate::state::{Shared, Snapshot};

/// Time kept before a deadline that the client named: the answer must still reach it.
const CLIENT_RESERVE: Duration = Duration::from_millis(50);
/// Most characters of what a client calls itself.
const LONGEST_CLIENT: usize = 80;
/// Request headers of the interface whose features are not built yet. Ignoring one would be a promise broken in
/// silence, so each is refused.
const NOT_YET: [&str; 5] =
    ["x-switchback-tags", "x-switchback-job", "x-switchback-session", "x-switchback-confirm", "idempotency-key"];
/// Headers of the caller that go upstream.
const FORWARDED: [&str; 3] = ["traceparent", "tracestate", "openai-beta"];

/// An accepted request.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) task: TaskId,
    pub(crate) ask: Ask,
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    pub(crate) promise: Arc<Promise>,
    pub(crate) mode: StreamMode,
    pub(crate) forwarded: HeaderMap,
    pub(crate) about: About,
    /// How long the head of a stream may be held.
    pub(crate) hold_head: Duration,
}

/// A request that has arrived whole.
pub(crate) struct Arrived<'a> {
    pub(crate) id: RequestId,
    pub(crate) at: Now,
    pub(crate) caller: Caller,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: Bytes,
}

/// Who sends this request.
///
/// # Errors
///
/// 401 for a key that nobody knows; 403 for a foreign web page where no keys are configured: it could spend money
/// through whoever's browser shows it.
pub(crate) fn caller(snapshot: &Snapshot, headers: &HeaderMap) -> Result<Caller, Reject> {
    if snapshot.keys.is_empty() && is_foreign_page(headers) {
        let message = "Without application keys this gateway does not serve web pages of other hosts.";
        return Err(Reject::forbidden("foreign_origin", message));
    }
    let authorization = text(headers, "authorization");
    let own = text(headers, "x-api-key").map(|key| format!("Bearer {key}"));
    snapshot.keys.caller(authorization.or(own.as_deref())).ok_or_else(Reject::unauthorized)
}

/// Accepts a request, or says what is wrong with it.
///
/// # Errors
///
/// The caller's mistake.
pub(crate) async fn admit(shared: &Shared, snapshot: &Snapshot, arrived: Arrived<'_>) -> Result<Admitted, Reject> {
    let Arrived { id, at, caller, headers, body } = arrived;
    if let Some(name) = NOT_YET.iter().find(|name| headers.contains_key(**name)) {
        let message = format!("The header {name} is not supported yet by this version of Switchback; leave it out.");
        return Err(Reject::invalid("unsupported_header", None, message));
    }
    let head = Head::read(&body).map_err(|error| Reject::invalid(error.code(), error.param(), error.to_string()))?;
    let (task_id, task) = find_task(snapshot, &caller, headers, &head)?;
    let surface = surface(headers, task)?;
    let promise = promise(snapshot, task, &head, &body).await?;
    let key = caller.name.as_deref();
    let blocked = blocked(shared, key, &body, &head, at);
    let limits = client_limits(headers, head.stream)?;
    let deadline = limits.deadline.map_or(task.deadline.of(surface), |it| it.min(task.deadline.of(surface)));
    let ask = Ask {
        arrived: at,
        deadline: at + deadline,
        deadline_is_clients: deadline < task.deadline.of(surface),
        segment: segment(snapshot, &caller, headers),
        surface,
        needs: head.needs,
        prompt_tokens: head.prompt_tokens,
        output_cap: head.output_cap,
        promised: promise.stands(),
        blocked,
    };
    let about = About {
        request_id: id,
        arrived_ms: shared.clock.unix_ms(at),
        stream: head.stream,
        key: caller.name.clone(),
        client: client(headers),
        client_retry: text(headers, "x-stainless-retry-count").and_then(|it| it.parse().ok()),
        config: Name::clone(&snapshot.hash),
        exhausted_status: snapshot.server.exhausted_status,
    };
    let hold_head = limits.first_byte.map_or(snapshot.server.hold_head, |it| it.min(snapshot.server.hold_head));
    let mode = mode(task, &promise);
    Ok(Admitted { task: task_id, ask, head, body, promise, mode, forwarded: forwarded(headers), about, hold_head })
}

fn find_task<'a>(
    snapshot: &'a Snapshot,
    caller: &Caller,
    headers: &HeaderMap,
    head: &Head,
) -> Result<(TaskId, &'a Task), Reject> {
    let named = text(headers, "x-switchback-task").unwrap_or(&head.model);
    let known = snapshot.policy.task_named(named).and_then(|id| Some((id, snapshot.policy.task(id)?)));
    let Some((id, task)) = known else { return Err(Reject::no_such_model(named)) };
    if task.direct && !caller.direct {
        let message = format!("`{named}` is a route. This key may only ask for tasks; GET /v1/models lists them.");
        return Err(Reject::forbidden("direct_not_allowed", message));
    }
    if !task.direct && !caller.may_ask(named) {
        return Err(Reject::forbidden("task_not_allowed", format!("This key may not ask for the task `{named}`.")));
    }
    Ok((id, task))
}

fn surface(headers: &HeaderMap, task: &Task) -> Result<Surface, Reject> {
    let Some(named) = text(headers, "x-switchback-surface") else { return Ok(task.surface) };
    named.parse().map_err(|()| {
        let message = "The header x-switchback-surface is `interactive` or `background`.";
        Reject::invalid("invalid_header", None, message)
    })
}

/// The key's own segment, else what the header names, if the configuration knows it.
fn segment(snapshot: &Snapshot, caller: &Caller, headers: &HeaderMap) -> Option<Name> {
    if caller.segment.is_some() {
        return caller.segment.clone();
    }
    let named = snapshot.server.segment_from.as_deref().and_then(|header| text(headers, header))?;
    snapshot.policy.segments.iter().find(|it| &***it == named).cloned()
}

async fn promise(snapshot: &Snapshot, task: &Task, head: &Head, body: &Bytes) -> Result<Arc<Promise>, Reject> {
    let contract = task.contract.and_then(|id| Some((id, snapshot.contracts.get(id.index())?.clone())));
    let promise = snapshot.promises.of(Texts::of(head, body, contract)).await;
    promise.map_err(|error| Reject::invalid(error.code, Some(&error.param), error.message))
}

/// A task says how its streams are judged; else what must be judged whole is judged whole.
fn mode(task: &Task, promise: &Promise) -> StreamMode {
    let whole = promise.promises_json() || promise.requires_tool();
    task.stream.unwrap_or(if whole { StreamMode::Assured } else { StreamMode::Live })
}

/// A safety decision about the same messages that still stands.
fn blocked(shared: &Shared, key: Option<&str>, body: &Bytes, head: &Head, now: Now) -> Option<Box<str>> {
    if shared.sticky.is_empty(now) {
        return None;
    }
    shared.sticky.standing(key, body.get(head.messages.clone())?, now)
}

#[derive(Default)]
struct ClientLimits {
    deadline: Option<Duration>,
    first_byte: Option<Duration>,
}

/// The deadlines that the client names: ours, and the one that OpenAI's SDKs tell of. For a stream the latter bounds
/// the first byte only.
fn client_limits(headers: &HeaderMap, stream: bool) -> Result<ClientLimits, Reject> {
    let mut limits = ClientLimits::default();
    let sdk = text(headers, "x-stainless-read-timeout").or_else(|| text(headers, "x-stainless-timeout"));
    let sdk = sdk.and_then(|it| it.parse::<f64>().ok()).filter(|it| *it > 0.0 && *it < 1e6);
    let sdk = sdk.map(|it| Duration::from_secs_f64(it).saturating_sub(CLIENT_RESERVE));
    if stream {
        limits.first_byte = sdk;
    } else {
        limits.deadline = sdk;
    }
    if let Some(named) = text(headers, "x-switchback-deadline") {
        let named = switchback_config::duration(named).map_err(|_| {
            let message = "The header x-switchback-deadline is a time with a unit, such as `8s` or `500ms`.";
            Reject::invalid("invalid_header", None, message)
        })?;
        limits.deadline = Some(limits.deadline.map_or(named, |it| it.min(named)));
    }
    Ok(limits)
}

fn client(headers: &HeaderMap) -> Option<Name> {
    let shown = text(headers, "user-agent")?.chars().filter(|it| !it.is_control()).take(LONGEST_CLIENT);
    Some(shown.collect::<String>().into())
}

fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let mut out = HeaderMap::new();
    for name in FORWARDED {
        if let Some(value) = headers.get(name).cloned() {
            out.insert(HeaderName::from_static(name), value);
        }
    }
    out
}

/// A page of another host, or one whose host is a name: such a name may have been pointed at us.
fn is_foreign_page(headers: &HeaderMap) -> bool {
    origin::is_foreign_page(headers) || (headers.contains_key("origin") && !origin::is_own_host(headers))
}
