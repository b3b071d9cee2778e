//! The `/_sim/…` paths: switch faults and limits, read the log and the state, over HTTP, for shells and for tests in other languages.
//!
//! Both ports serve them; only the control port survives a `refused`. They are no calls of the provider and appear in no log.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use crate::desk::Desk;
use crate::fault::Fault;
use crate::latency::duration;
use crate::limits::Limits;
use crate::playback::{Broken, Reply};
use crate::provider::{BodyError, read_body};
use crate::shape_openai as shape;

/// A control request may have this many bytes: a sequence of some thousand faults.
const LARGEST_ORDER: usize = 64 * 1024;

/// A glob over the last four characters of a key is at most this long.
const LONGEST_KEY_GLOB: usize = 8;
/// The window of limits that name none.
const MINUTE: Duration = Duration::from_secs(60);

/// Body of `POST /_sim/faults`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// Glob over model names; all models if left out.
    #[serde(default = "everything")]
    model: String,
    /// One per call, the last repeats; none removes the rule of this glob.
    faults: Vec<Fault>,
}

/// Body of `POST /_sim/limits`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitOrder {
    /// Glob over the last four characters of keys; all keys if left out.
    #[serde(default = "everything")]
    key: String,
    /// Calls in a window.
    requests: Option<u64>,
    /// Tokens in a window.
    tokens: Option<u64>,
    /// How long a window is, such as `1s`; a minute if left out.
    window: Option<String>,
}

/// Answers one control request.
///
/// # Errors
/// [`Broken`] if the caller left before the body was read.
pub(crate) async fn serve(desk: &Arc<Desk>, request: Request<Incoming>) -> Result<Reply, Broken> {
    let (head, body) = request.into_parts();
    Ok(match (head.method, head.uri.path()) {
        (Method::POST, "/_sim/faults") => match read_body(body, LARGEST_ORDER).await {
            Ok(body) => switch(desk, &body),
            Err(BodyError::TooLarge) => shape::too_large(LARGEST_ORDER),
            Err(BodyError::Gone) => return Err(Broken),
        },
        (Method::DELETE, "/_sim/faults") => {
            desk.clear_faults();
            shown(&desk.state())
        }
        (Method::POST, "/_sim/limits") => match read_body(body, LARGEST_ORDER).await {
            Ok(body) => limit(desk, &body),
            Err(BodyError::TooLarge) => shape::too_large(LARGEST_ORDER),
            Err(BodyError::Gone) => return Err(Broken),
        },
        (Method::DELETE, "/_sim/limits") => {
            desk.clear_limits();
            shown(&desk.state())
        }
        (Method::GET, "/_sim/calls") => shown(&desk.calls()),
        (Method::DELETE, "/_sim/calls") => {
            desk.forget_calls();
            shown(&desk.state())
        }
        (Method::GET, "/_sim/state") => shown(&desk.state()),
        (method, path) => shape::unknown_path(method.as_str(), path),
    })
}

fn switch(desk: &Desk, body: &Bytes) -> Reply {
    match serde_json::from_slice::<Order>(body) {
        Ok(order) => {
            desk.set_fault(&order.model, order.faults);
            shown(&desk.state())
        }
        Err(why) => shape::bad_control(&format!(
            "{why}; expected for example {{\"model\": \"*\", \"faults\": [\"500\", \"ok\"]}}"
        )),
    }
}

fn limit(desk: &Desk, body: &Bytes) -> Reply {
    match limits(body) {
        Ok((key, limits)) => {
            desk.set_limits(&key, limits);
            shown(&desk.state())
        }
        Err(why) => shape::bad_control(&format!(
            "{why}; expected for example {{\"key\": \"*\", \"requests\": 10, \"tokens\": 5000, \"window\": \"1s\"}}"
        )),
    }
}

fn limits(body: &Bytes) -> Result<(String, Limits), String> {
    let order: LimitOrder = serde_json::from_slice(body).map_err(|why| why.to_string())?;
    if order.key.chars().count() > LONGEST_KEY_GLOB {
        // What is set is also shown, and a whole key must not be.
        return Err("a key is named by its last four characters, never by the whole of it".to_owned());
    }
    let window = order.window.as_deref().map_or(Ok(MINUTE), duration);
    let window = window.map_err(|why| format!("window: {why}"))?;
    Ok((order.key, Limits { requests: order.requests, tokens: order.tokens, window }))
}

fn shown(value: &impl Serialize) -> Reply {
    // Types with string keys always serialise.
    Reply::whole(StatusCode::OK, "application/json", serde_json::to_vec(value).unwrap_or_default())
}

fn everything() -> String {
    "*".to_owned()
}
