//! One upstream call, under its clocks: connect, first token, idle, total.
//!
//! Gives the walk an observation and keeps what the answer will need. A stream is read here until it may be committed,
//! or to its end where it must be judged whole; everything before that can still move.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use switchback_core::failure::{Detail, Failure, FailureClass};
use switchback_core::id::Name;
use switchback_core::policy::RungKind;
use switchback_core::step::{Call, Facts, Observation};
use switchback_wire::dialect::{self, NativeSchema, Repair, Rewrite};
use switchback_wire::limits;
use switchback_wire::reset::Headers;
use tokio::time::{Instant, timeout_at};

use crate::broken::Broken;
use crate::judge::{self, Evidence, RESPONSE_FORMAT, STREAM_OPTIONS};
use crate::kept::{Kept, Lost};
use crate::owner::Owner;
use crate::state::Provider;
use crate::stream::{Live, Reached};
use crate::upstream::LeasedBody;

/// Longest error body that is read.
const MOST_ERROR: usize = 1024 * 1024;
/// How long an error body is waited for.
const ERROR_WITHIN: Duration = Duration::from_secs(1);
/// Longest whole answer that is read.
const MOST_ANSWER: usize = 32 * 1024 * 1024;

/// How far a call has come: what its timeout means.
#[derive(Debug, Default)]
struct Progress {
    facts: Facts,
    sent: bool,
}

/// Makes the call.
pub(crate) async fn call(owner: &Owner, call: &Call, kept: &Kept) -> (Observation, Kept) {
    let broken = match kept {
        Kept::Broken(it) => Some(&**it),
        Kept::Nothing | Kept::Whole(_) | Kept::Judged(_) | Kept::Live(_) | Kept::Ready(_) => None,
    };
    let mut progress = Progress::default();
    let ends = owner.shared.clock.instant(call.ends);
    let result = timeout_at(ends, make(owner, call, broken, &mut progress)).await;
    let facts = std::mem::take(&mut progress.facts);
    match result {
        Ok(Ok(Kept::Live(live))) => {
            let facts = live.facts(facts);
            (Observation::Committed(facts), Kept::Live(live))
        }
        Ok(Ok(kept)) => (Observation::Sound(facts), kept),
        Ok(Err(lost)) => (Observation::Failed(*lost.failure, facts), lost.kept),
        Err(_) => {
            let detail = match (progress.sent, owner.request.head.stream) {
                (false, _) => Detail::Connect,
                (true, true) => Detail::FirstToken,
                (true, false) => Detail::Total,
            };
            (Observation::Failed(Failure::new(FailureClass::Timeout).with_detail(detail), facts), Kept::Nothing)
        }
    }
}

async fn make(owner: &Owner, call: &Call, broken: Option<&Broken>, progress: &mut Progress) -> Result<Kept, Lost> {
    let Some(prepared) = prepare(owner, call, broken) else {
        return Err(Failure::new(FailureClass::NotFound).with_message("the route is not of this configuration").into());
    };
    let Prepared { provider, request, dropped, native, usage } = prepared;
    progress.facts.dropped = dropped;
    let started = Instant::now();
    let connect_by = started + provider.connect_timeout;
    let response = provider
        .upstream
        .send(call.key, request, connect_by, &mut progress.sent)
        .await
        .map_err(|it| judge::not_sent(&it))?;
    let (parts, body) = response.into_parts();
    let status = parts.status.as_u16();
    let clock = &owner.shared.clock;
    let now_unix_ms = clock.unix_ms(clock.now());
    note_head(&mut progress.facts, status, &parts.headers, now_unix_ms);
    let request = Arc::clone(&owner.request);
    let streams = is_event_stream(&parts.headers);
    let owes_call = call.repair && broken.is_some_and(|it| it.called);
    let headers = parts.headers;
    let evidence = Evidence { request, api: provider.api, status, headers, now_unix_ms, native, usage, owes_call };
    if !parts.status.is_success() {
        // The status says most of it: a body that never comes must not turn a refusal into a timeout.
        let body = timeout_at(Instant::now() + ERROR_WITHIN, read(body, MOST_ERROR)).await;
        let failure = evidence.classify(&body.ok().and_then(Result::ok).unwrap_or_default());
        if failure.hint == Some(STREAM_OPTIONS) {
            // Learned for as long as this configuration serves: not every stream has to find out.
            provider.tells_usage.store(false, Ordering::Relaxed);
        }
        return Err(failure.into());
    }
    if owner.request.head.stream && streams {
        let live = Box::new(Live::new(evidence, body, call.idle, started));
        let clocks = (clock.instant(call.first_token), clock.instant(call.ends));
        return follow(&mut progress.facts, live, clocks).await;
    }
    let body = read(body, MOST_ANSWER).await?;
    if owner.request.head.stream {
        // A stream was asked for: an error hidden in a good status, or something that is no stream.
        return Err(evidence.classify(&body).into());
    }
    evidence.whole(&body, &mut progress.facts)
}

/// Reads a stream until it may be committed or has ended.
async fn follow(facts: &mut Facts, mut live: Box<Live>, clocks: (Instant, Instant)) -> Result<Kept, Lost> {
    let (first_token, ends) = clocks;
    let reached = live.until_commit(first_token, ends).await;
    *facts = live.facts(std::mem::take(facts));
    match reached {
        Ok(Reached::Commit) => Ok(Kept::Live(live)),
        Ok(Reached::End) => Ok(Kept::Judged(live)),
        Err(failure) if failure.has_providers_words() => {
            Err(Lost { failure: Box::new(failure), kept: Kept::Judged(live) })
        }
        Err(failure) => {
            let kept = live.take_broken().map_or(Kept::Nothing, Kept::Broken);
            Err(Lost { failure: Box::new(failure), kept })
        }
    }
}

/// A call that is ready to be made.
struct Prepared<'a> {
    provider: &'a Provider,
    request: Request<Full<Bytes>>,
    dropped: Vec<Name>,
    /// Whether the task's schema goes up in the provider's own form.
    native: bool,
    /// Whether usage is asked for, unasked by the caller.
    usage: bool,
}

/// The provider and the request of a call. `None` when the call is not of this snapshot.
fn prepare<'a>(owner: &'a Owner, call: &Call, broken: Option<&Broken>) -> Option<Prepared<'a>> {
    let policy = &owner.snapshot.policy;
    let deployment = policy.route(call.route)?.deployments.get(call.deployment)?;
    let provider = owner.snapshot.providers.get(deployment.provider.index())?;
    let task = policy.task(owner.request.task)?;
    let RungKind::Try(rung) = &task.ladder.get(call.rung)?.kind else { return None };
    let admitted = &owner.request;
    let schema = task.contract.and_then(|it| owner.snapshot.natives.get(it.index())).filter(|_| {
        let refused = call.without == Some(RESPONSE_FORMAT);
        task.native && deployment.holds_schema && !refused && admitted.head.response_format.is_none()
    });
    let rewrite = Rewrite {
        model: &deployment.model,
        without: call.without,
        with: &rung.with,
        instruction: rung.instruction.as_deref(),
        schema: schema.map(|it| NativeSchema { name: &it.name, text: &it.text, strict: it.strict }),
        max_output: deployment.max_output,
        room: deployment.context.map(|it| it.saturating_sub(admitted.head.prompt_tokens)),
        repair: broken.filter(|_| call.repair).map(|it| Repair { said: &it.said, errors: &it.errors }),
        ask_usage: call.without != Some(STREAM_OPTIONS) && provider.tells_usage.load(Ordering::Relaxed),
    };
    let usage = rewrite.ask_usage && admitted.head.stream && !admitted.head.include_usage;
    let sent = dialect::request(provider.api, &admitted.body, &admitted.head, &rewrite);
    let mut request = Request::new(Full::new(sent.body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = provider.uri.clone();
    let headers = request.headers_mut();
    headers.clone_from(provider.headers.get(call.key)?);
    for (name, value) in &admitted.forwarded {
        // What the operator configured wins over what the caller sent.
        headers.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let dropped = sent.dropped.into_iter().map(Name::from).collect();
    Some(Prepared { provider, request, dropped, native: schema.is_some(), usage })
}

fn note_head(facts: &mut Facts, status: u16, headers: &HeaderMap, now_unix_ms: u64) {
    facts.status = Some(status);
    let look_up = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    if headers.keys().any(|it| limits::may_tell(it.as_str())) {
        facts.limits = limits::read(&Headers::new(&look_up), now_unix_ms);
    }
    facts.simulated = headers.contains_key("x-switchback-simulated");
    let id = look_up("x-request-id").or_else(|| look_up("request-id"));
    facts.provider_request_id = id.map(|it| judge::first_of(it, 100).into());
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    const STREAM: &str = "text/event-stream";
    let kind = headers.get(http::header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    kind.trim_start().get(..STREAM.len()).is_some_and(|it| it.eq_ignore_ascii_case(STREAM))
}

/// Reads a whole body of at most this many bytes.
async fn read(mut body: LeasedBody, most: usize) -> Result<Bytes, Failure> {
    let mut first: Option<Bytes> = None;
    let mut rest: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| judge::unfinished("the connection ended in the middle of the answer"))?;
        let Ok(data) = frame.into_data() else { continue };
        let held = first.as_ref().map_or(0, Bytes::len) + rest.len();
        if held + data.len() > most {
            return Err(judge::too_large(most));
        }
        match (&first, rest.is_empty()) {
            (None, _) => first = Some(data),
            (Some(begun), true) => {
                rest.reserve(begun.len() + data.len());
                rest.extend_from_slice(begun);
                rest.extend_from_slice(&data);
                first = Some(Bytes::new());
            }
            (Some(_), false) => rest.extend_from_slice(&data),
        }
    }
    Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.into() })
}
