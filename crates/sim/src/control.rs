//! The `/_sim/…` paths: switch faults, read the log and the state, over HTTP, for shells and for tests in other languages.
//!
//! Both ports serve them; only the control port survives a `refused`. They are no calls of the provider and appear in no log.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use crate::desk::Desk;
use crate::fault::Fault;
use crate::playback::{Broken, Reply};
use crate::provider::{BodyError, read_body};
use crate::shape_openai as shape;

/// A control request may have this many bytes: a sequence of some thousand faults.
const LARGEST_ORDER: usize = 64 * 1024;

/// Body of `POST /_sim/faults`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// Glob over model names; all models if left out.
    #[serde(default = "every_model")]
    model: String,
    /// One per call, the last repeats; none removes the rule of this glob.
    faults: Vec<Fault>,
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

fn shown(value: &impl Serialize) -> Reply {
    // Types with string keys always serialise.
    Reply::whole(StatusCode::OK, "application/json", serde_json::to_vec(value).unwrap_or_default())
}

fn every_model() -> String {
    "*".to_owned()
}
