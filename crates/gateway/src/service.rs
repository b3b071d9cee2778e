//! The application side: which path is asked for, and the way of one request into its owner.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use serde::Serialize;
use switchback_core::id::{Name, RequestId};
use tokio::time::Instant;

use crate::admit::{self, Arrived};
use crate::answer;
use crate::keys::Caller;
use crate::listen::{self, BodyFault};
use crate::origin;
use crate::out::{Exchange, Out};
use crate::owner::Owner;
use crate::reject::Reject;
use crate::relay::{self, Relay};
use crate::state::{Shared, Snapshot};

/// Time in which a request body must have arrived.
const BODY_WITHIN: std::time::Duration = std::time::Duration::from_secs(30);

/// What the listener hands to the connection: a whole small answer, or a request on its way out.
pub(crate) type Answered = Response<Either<Full<Bytes>, Exchange>>;

/// Answers one HTTP request.
///
/// # Errors
///
/// Never: every fault is an answer.
pub(crate) async fn serve(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Answered, Infallible> {
    let random = random();
    let at = shared.clock.now();
    let id = RequestId::new(shared.clock.unix_ms(at), random);
    let answered = match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/chat/completions") => chat(&shared, request, &id, random).await,
        (&Method::GET, "/v1/models") => models(&shared, &request, None, &id),
        (&Method::GET, path) if path.starts_with("/v1/models/") => {
            let model = path.strip_prefix("/v1/models/").map(percent_decoded);
            models(&shared, &request, model, &id)
        }
        (_, path) if shared.snapshot.load().relays.find(path).is_some() => relayed(&shared, request, &id).await,
        (method, path) => Err(Reject::no_such_path(method.as_str(), path)),
    };
    Ok(answered.unwrap_or_else(|reject| {
        shared.rejected.count(reject.reason);
        reject.response(&id).map(|it| Either::Left(Full::new(it)))
    }))
}

/// Passes a call on to the provider whose `relay` names its path.
async fn relayed(shared: &Arc<Shared>, request: Request<Incoming>, id: &RequestId) -> Result<Answered, Reject> {
    if shared.draining.load(Ordering::Relaxed) {
        return Err(Reject::draining());
    }
    let snapshot = shared.snapshot.load_full();
    let (parts, body) = request.into_parts();
    let caller = admit::caller(&snapshot, &parts.headers)?;
    let path = parts.uri.path();
    let found = snapshot.relays.find(path).map(|(glob, place)| (Name::clone(glob), place));
    let to = found.ok_or_else(|| Reject::no_such_path(parts.method.as_str(), path))?;
    if !caller.direct {
        let message = "This key may only ask for tasks: endpoints that are passed on need a key with `direct`.";
        return Err(Reject::forbidden("direct_not_allowed", message.to_owned()));
    }
    if snapshot.keys.is_empty() && !origin::is_own_host(&parts.headers) {
        // A page whose name was pointed at us asks without `Origin`, and would read a provider's account.
        let message =
            "Without application keys other endpoints answer only to an IP address or localhost as their host.";
        return Err(Reject::forbidden("foreign_origin", message.to_owned()));
    }
    admit::only_what_is_built(&parts.headers)?;
    let tags = admit::tags(&parts.headers)?;
    if !snapshot.providers.get(to.1).is_some_and(|it| it.carries(&tags)) {
        return Err(Reject::no_compliant_route());
    }
    let body = read(&snapshot, body).await?;
    let about = admit::about(shared, &snapshot, id.clone(), &caller, &parts.headers);
    let relay = Relay::new(Arc::clone(shared), snapshot, about, &to, &parts.method);
    let out = relay.out.clone();
    let asked = relay::Asked { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    Ok(Exchange::respond(out, relay.run(asked), None, broken_head).await.map(Either::Right))
}

/// Never used: a call that is passed on has no clock on its head.
fn broken_head() -> http::response::Parts {
    Response::new(()).into_parts().0
}

async fn read(snapshot: &Snapshot, body: Incoming) -> Result<Bytes, Reject> {
    let most = snapshot.server.max_body;
    listen::read_body(body, most, BODY_WITHIN).await.map_err(|fault| match fault {
        BodyFault::TooLarge => Reject::too_large(most),
        BodyFault::TooSlow => Reject::invalid("request_timeout", None, "The request body did not arrive within 30 s."),
        BodyFault::Broken => Reject::invalid("broken_body", None, "The request body ended before it was whole."),
    })
}

async fn chat(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
    id: &RequestId,
    random: u128,
) -> Result<Answered, Reject> {
    if shared.draining.load(Ordering::Relaxed) {
        return Err(Reject::draining());
    }
    let mut snapshot = shared.snapshot.load_full();
    let (parts, body) = request.into_parts();
    let caller = admit::caller(&snapshot, &parts.headers)?;
    let body = read(&snapshot, body).await?;
    // The deadline runs from here: how long an upload takes is the caller's.
    let at = shared.clock.now();
    let arrived = Arrived { id: id.clone(), at, caller, headers: &parts.headers, body };
    let admitted = admit::admit(shared, &mut snapshot, arrived).await?;
    let out = Out::default();
    let hold = admitted.head.stream.then(|| Instant::now() + admitted.hold_head);
    let mode = snapshot.server.headers;
    let task = snapshot.policy.task(admitted.task).map(|it| Arc::clone(&it.name)).unwrap_or_default();
    let seed = u64::try_from(random & u128::from(u64::MAX)).unwrap_or(0);
    let Some(owner) = Owner::new(Arc::clone(shared), snapshot, admitted, out.clone(), seed) else {
        return Err(Reject::no_such_model(&task));
    };
    let pending = || answer::pending(id.as_str(), &task, mode);
    Ok(Exchange::respond(out, owner.own(), hold, pending).await.map(Either::Right))
}

#[derive(Serialize)]
struct Models<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'a str,
}

/// Tasks first, then the routes that the key may call directly.
fn models(
    shared: &Shared,
    request: &Request<Incoming>,
    one: Option<String>,
    id: &RequestId,
) -> Result<Answered, Reject> {
    let snapshot = shared.snapshot.load_full();
    let caller = admit::caller(&snapshot, request.headers())?;
    let created = shared.clock.unix_ms(switchback_core::time::Now::ZERO) / 1_000;
    let data = visible(&snapshot, &caller, created);
    let body = match one {
        None => serde_json::to_vec(&Models { object: "list", data }),
        Some(named) => {
            let found = data.into_iter().find(|it| it.id == named);
            serde_json::to_vec(&found.ok_or_else(|| Reject::no_such_model(&named))?)
        }
    };
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(body.unwrap_or_default()))));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    crate::headers::put(response.headers_mut(), "x-request-id", id.as_str());
    Ok(response)
}

fn visible<'a>(snapshot: &'a Snapshot, caller: &Caller, created: u64) -> Vec<Model<'a>> {
    let may = |it: &&'a switchback_core::policy::Task| if it.direct { caller.direct } else { caller.may_ask(&it.name) };
    // A task wins over a route of its name; what was made for a star's model has the name of its task.
    let mut seen = std::collections::HashSet::new();
    let tasks = snapshot.policy.tasks.iter().filter(|it| seen.insert(&*it.name)).filter(may);
    let tasks: Vec<_> = tasks.collect();
    let tasks = tasks.into_iter();
    let owner = |direct| if direct { "switchback-route" } else { "switchback-task" };
    tasks.map(|it| Model { id: &it.name, object: "model", created, owned_by: owner(it.direct) }).collect()
}

/// A model name in a path: routes have slashes, which SDKs escape.
fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let escaped = (byte == b'%').then(|| {
            let mut ahead = bytes.clone();
            let digits = [ahead.next()?, ahead.next()?];
            let value = u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?;
            bytes = ahead;
            Some(value)
        });
        out.push(escaped.flatten().unwrap_or(byte));
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Bits for the request's name and its jitter.
fn random() -> u128 {
    use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
    let mut bytes = [0; 16];
    // Should the system's source fail, ids still differ by their time.
    let _ = SystemRandom::new().fill(&mut bytes);
    u128::from_le_bytes(bytes)
}
