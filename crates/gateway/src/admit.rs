//! Admission: who asks for which task, and is the request whole?
//!
//! A broken request is the caller's, and never walks a ladder. Until here a request gets an error and is counted;
//! what this returns is accepted, and gets an outcome and a record whatever happens.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use switchback_contract::Promise;
use switchback_core::derive::About;
use switchback_core::id::{Name, ProviderId, RequestId, TaskId};
use switchback_core::plan::Ask;
use switchback_core::policy::{Repair, RungKind, StreamMode, Surface, Task};
use switchback_core::route::Route;
use switchback_core::time::Now;
use switchback_wire::head::Head;

use crate::keys::Caller;
use crate::names::{Found, Meant};
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
static NOT_YET: [HeaderName; 4] = [
    HeaderName::from_static("x-switchback-job"),
    HeaderName::from_static("x-switchback-session"),
    HeaderName::from_static("x-switchback-confirm"),
    HeaderName::from_static("idempotency-key"),
];
/// Most tags that a request may ask for, and the longest of them.
const MOST_TAGS: (usize, usize) = (16, 64);
/// Headers of the caller that go upstream.
static FORWARDED: [HeaderName; 3] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("openai-beta"),
];

// Every request is asked for these. As values they are parsed once, by the compiler.
static API_KEY: HeaderName = HeaderName::from_static("x-api-key");
static TASK: HeaderName = HeaderName::from_static("x-switchback-task");
static SURFACE: HeaderName = HeaderName::from_static("x-switchback-surface");
static TAGS: HeaderName = HeaderName::from_static("x-switchback-tags");
static DEADLINE: HeaderName = HeaderName::from_static("x-switchback-deadline");
static SDK_RETRIES: HeaderName = HeaderName::from_static("x-stainless-retry-count");
static SDK_READ_TIMEOUT: HeaderName = HeaderName::from_static("x-stainless-read-timeout");
static SDK_TIMEOUT: HeaderName = HeaderName::from_static("x-stainless-timeout");

/// An accepted request.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) task: TaskId,
    pub(crate) ask: Ask,
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    pub(crate) promise: Arc<Promise>,
    pub(crate) mode: StreamMode,
    /// How a broken answer is mended.
    pub(crate) repair: Repair,
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
    let authorization = text(headers, header::AUTHORIZATION);
    let own = text(headers, &API_KEY).map(|key| format!("Bearer {key}"));
    snapshot.keys.caller(authorization.or(own.as_deref())).ok_or_else(Reject::unauthorized)
}

/// Accepts a request, or says what is wrong with it.
///
/// # Errors
///
/// The caller's mistake.
pub(crate) async fn admit(
    shared: &Shared,
    snapshot: &mut Arc<Snapshot>,
    arrived: Arrived<'_>,
) -> Result<Admitted, Reject> {
    let Arrived { id, at, caller, headers, body } = arrived;
    only_what_is_built(headers)?;
    let head = Head::read(&body).map_err(|error| Reject::invalid(error.code(), error.param(), error.to_string()))?;
    let asked = named(headers, &head);
    if let Found::Starred { task, .. } = snapshot.names.find(&snapshot.policy, asked) {
        // Whoever may not ask for the task leaves nothing behind.
        may_ask(snapshot, &caller, task, asked)?;
        *snapshot = shared.starred(asked);
    }
    let snapshot = &**snapshot;
    let meant = find_task(snapshot, &caller, asked)?;
    let task = snapshot.policy.task(meant.task).ok_or_else(|| Reject::no_such_model(asked))?;
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
        tags: tags(headers)?,
        pinned: pinned(snapshot, task, &head),
        alias: meant.alias,
        promised: promise.stands(),
        blocked,
    };
    let about = About { stream: head.stream, ..about(shared, snapshot, id, &caller, headers) };
    let hold_head = limits.first_byte.map_or(snapshot.server.hold_head, |it| it.min(snapshot.server.hold_head));
    let mode = mode(task, &promise);
    Ok(Admitted {
        task: meant.task,
        ask,
        head,
        body,
        promise,
        mode,
        repair: task.repair,
        forwarded: forwarded(headers),
        about,
        hold_head,
    })
}

/// No header asks for what this version cannot do.
///
/// # Errors
///
/// One does.
pub(crate) fn only_what_is_built(headers: &HeaderMap) -> Result<(), Reject> {
    let Some(name) = NOT_YET.iter().find(|name| headers.contains_key(*name)) else { return Ok(()) };
    let message = format!("The header {name} is not supported yet by this version of Switchback; leave it out.");
    Err(Reject::invalid("unsupported_header", None, message))
}

/// What is known of a request before its body is read.
pub(crate) fn about(
    shared: &Shared,
    snapshot: &Snapshot,
    id: RequestId,
    caller: &Caller,
    headers: &HeaderMap,
) -> About {
    About {
        request_id: id,
        arrived_ms: shared.clock.unix_ms(shared.clock.now()),
        stream: false,
        key: caller.name.clone(),
        client: client(headers),
        client_retry: text(headers, &SDK_RETRIES).and_then(|it| it.parse().ok()),
        config: Name::clone(&snapshot.hash),
        exhausted_status: snapshot.server.exhausted_status,
    }
}

/// What the request asks for, and whether it used another of the task's names.
fn find_task(snapshot: &Snapshot, caller: &Caller, named: &str) -> Result<Meant, Reject> {
    let meant = match snapshot.names.find(&snapshot.policy, named) {
        Found::Known(meant) => meant,
        Found::NeedsModel => return Err(Reject::needs_model(named)),
        Found::TooMany => return Err(Reject::too_many_models(named)),
        Found::Starred { .. } | Found::Unknown => return Err(Reject::no_such_model(named)),
    };
    may_ask(snapshot, caller, meant.task, named)?;
    Ok(meant)
}

fn may_ask(snapshot: &Snapshot, caller: &Caller, task: TaskId, named: &str) -> Result<(), Reject> {
    let task = snapshot.policy.task(task).ok_or_else(|| Reject::no_such_model(named))?;
    if task.direct && !caller.direct {
        let message = format!("`{named}` is a route. This key may only ask for tasks; GET /v1/models lists them.");
        return Err(Reject::forbidden("direct_not_allowed", message));
    }
    if !task.direct && !caller.may_ask(&task.name) {
        let message = format!("This key may not ask for the task `{}`.", task.name);
        return Err(Reject::forbidden("task_not_allowed", message));
    }
    Ok(())
}

/// The value of `model` that counts: the header's wins.
fn named<'a>(headers: &'a HeaderMap, head: &'a Head) -> &'a str {
    text(headers, &TASK).unwrap_or(&head.model)
}

fn surface(headers: &HeaderMap, task: &Task) -> Result<Surface, Reject> {
    let Some(named) = text(headers, &SURFACE) else { return Ok(task.surface) };
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

/// Who holds the state that the request names: the provider to which calls about files are passed on, else the one of
/// the task's first route.
fn pinned(snapshot: &Snapshot, task: &Task, head: &Head) -> Option<ProviderId> {
    if !head.pins {
        return None;
    }
    let files = snapshot.relays.find("/v1/files").and_then(|(_, place)| u32::try_from(place).ok()).map(ProviderId);
    // Without such a provider the first model of the task is who handed the state out, where that is one provider.
    let first = task.ladder.iter().find_map(|rung| match &rung.kind {
        RungKind::Try(it) => Some(snapshot.policy.route(it.route).and_then(Route::only_provider)),
        RungKind::Answer { .. } | RungKind::Fail { .. } => None,
    });
    files.or(first.flatten())
}

/// Tags that every deployment must carry: `gdpr, hipaa`. They narrow, never widen.
pub(crate) fn tags(headers: &HeaderMap) -> Result<Vec<Name>, Reject> {
    let Some(sent) = text(headers, &TAGS) else { return Ok(Vec::new()) };
    let tags: Vec<Name> = sent.split(',').map(str::trim).filter(|it| !it.is_empty()).map(Into::into).collect();
    if tags.is_empty() || tags.len() > MOST_TAGS.0 || tags.iter().any(|it| it.len() > MOST_TAGS.1) {
        let message =
            "The header x-switchback-tags is a list of tags such as `gdpr, hipaa`: 1 to 16, of at most 64 bytes.";
        return Err(Reject::invalid("invalid_header", None, message));
    }
    Ok(tags)
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
    let sdk = text(headers, &SDK_READ_TIMEOUT).or_else(|| text(headers, &SDK_TIMEOUT));
    let sdk = sdk.and_then(|it| it.parse::<f64>().ok()).filter(|it| *it > 0.0 && *it < 1e6);
    let sdk = sdk.map(|it| Duration::from_secs_f64(it).saturating_sub(CLIENT_RESERVE));
    if stream {
        limits.first_byte = sdk;
    } else {
        limits.deadline = sdk;
    }
    if let Some(named) = text(headers, &DEADLINE) {
        let named = switchback_config::duration(named).map_err(|_| {
            let message = "The header x-switchback-deadline is a time with a unit, such as `8s` or `500ms`.";
            Reject::invalid("invalid_header", None, message)
        })?;
        limits.deadline = Some(limits.deadline.map_or(named, |it| it.min(named)));
    }
    Ok(limits)
}

fn client(headers: &HeaderMap) -> Option<Name> {
    let sent = text(headers, header::USER_AGENT)?;
    if sent.len() <= LONGEST_CLIENT && !sent.contains(char::is_control) {
        return Some(sent.into());
    }
    let shown = sent.chars().filter(|it| !it.is_control()).take(LONGEST_CLIENT);
    Some(shown.collect::<String>().into())
}

fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let mut out = HeaderMap::new();
    for name in &FORWARDED {
        if let Some(value) = headers.get(name).cloned() {
            out.insert(name, value);
        }
    }
    out
}

/// A page of another host, or one whose host is a name: such a name may have been pointed at us.
fn is_foreign_page(headers: &HeaderMap) -> bool {
    origin::is_foreign_page(headers) || (headers.contains_key(header::ORIGIN) && !origin::is_own_host(headers))
}
