//! The errors of Anthropic's shape: status, envelope, types and the words that clients match on.
//!
//! Types and key phrases are those that Anthropic sends; the rest of each sentence is ours.

use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::headers::{time_in, with_standing};
use crate::ask::Ask;
use crate::fault::Fault;
use crate::limits::{Over, Standing};
use crate::playback::{PAGE, Reply};
use crate::shape::Refusal;

const INVALID: &str = "invalid_request_error";
const LIMITED: &str = "rate_limit_error";
/// The window of context that `context` speaks of, in tokens.
const WINDOW: usize = 200_000;

/// The envelope, of a whole body and of an event in a stream.
#[derive(Debug, Serialize)]
pub(crate) struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: ErrorBody<'a>,
    request_id: String,
}

/// What is inside it.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
}

/// The error that the provider sends inside a 200.
pub(crate) const IN_BAND: ErrorBody<'static> =
    ErrorBody { kind: "overloaded_error", message: "Overloaded (simulated)" };

/// The error inside a 200 with everything around it.
pub(crate) fn in_band(id: &str) -> Envelope<'static> {
    Envelope { kind: "error", error: IN_BAND, request_id: request_id(id) }
}

/// The answer to a fault that is a status; nothing for a fault that is not.
pub(crate) fn of_fault(fault: Fault, ask: &Ask, id: &str) -> Option<Reply> {
    let error = |status, kind, message: &str| error(status, kind, message, id);
    Some(match fault {
        Fault::ServerError => error(500, "api_error", "Internal server error (simulated)"),
        Fault::BadGateway => page(502),
        Fault::Html => page(200),
        Fault::GatewayTimeout => error(504, "timeout_error", "The request timed out (simulated)"),
        Fault::RequestTimeout => error(408, "timeout_error", "The request took too long (simulated)"),
        Fault::Unavailable => error(503, "api_error", "Service unavailable (simulated)"),
        Fault::Overloaded => error(529, IN_BAND.kind, IN_BAND.message),
        Fault::RateLimited => rate_limited(None, id),
        Fault::RateLimitedShort => rate_limited(Some(1), id),
        Fault::RateLimitedLong => rate_limited(Some(120), id),
        Fault::Quota => error(
            400,
            INVALID,
            "Your credit balance is too low to access the Anthropic API. Plans & Billing is where to buy more (simulated).",
        ),
        Fault::Unauthorized => error(401, "authentication_error", "invalid x-api-key"),
        Fault::Forbidden => {
            error(403, "permission_error", "Your API key does not have permission to use the specified resource.")
        }
        Fault::NotFound => error(404, "not_found_error", &format!("model: {}", ask.model)),
        Fault::BadRequest => error(400, INVALID, "messages: this request is invalid (simulated)"),
        Fault::Context => {
            let used = WINDOW + 1 + ask.prompt_tokens();
            error(400, INVALID, &format!("prompt is too long: {used} tokens > {WINDOW} maximum"))
        }
        Fault::Policy => error(400, INVALID, "Output blocked by content filtering policy"),
        Fault::Unsupported => error(400, INVALID, "temperature: Extra inputs are not permitted"),
        _ => return None,
    })
}

/// How a call is refused.
pub(crate) fn refuse(refusal: &Refusal, id: &str) -> Reply {
    match refusal {
        Refusal::NoKey => error(401, "authentication_error", "x-api-key header is required", id),
        Refusal::WrongKey => error(401, "authentication_error", "invalid x-api-key", id),
        Refusal::TooLarge(_) => error(413, "request_too_large", "Request exceeds the maximum size", id),
        Refusal::NotJson => error(400, INVALID, "The request body is not valid JSON", id),
        Refusal::Bad(bad) => error(400, INVALID, &bad.message, id),
        Refusal::NoSuchFault(unknown) => error(400, INVALID, &format!("model: {unknown}"), id),
        Refusal::Impossible(fault, why) => {
            let message = format!("model: the fault `{fault}` cannot be had in this shape: {why}");
            error(400, INVALID, &message, id)
        }
        Refusal::Limit(_, over, standing) => limited(*over, standing, id),
    }
}

/// 404 for a path that does not exist.
pub(crate) fn unknown_path(method: &str, path: &str) -> Reply {
    let path: String = path.chars().take(128).collect();
    error(404, "not_found_error", &format!("Not found: {method} {path}"), "none")
}

/// Adds the header that every answer of a call carries.
pub(crate) fn signed(reply: Reply, id: &str) -> Reply {
    let value = HeaderValue::try_from(request_id(id)).unwrap_or(HeaderValue::from_static("req_sim"));
    reply.with("request-id", value)
}

fn rate_limited(seconds: Option<u32>, id: &str) -> Reply {
    let reply =
        error(429, LIMITED, "This request would exceed your organization's rate limit of 3 requests per minute.", id);
    match seconds {
        None => reply,
        Some(seconds) => reply
            .with("retry-after", seconds)
            .with("anthropic-ratelimit-requests-limit", 3)
            .with("anthropic-ratelimit-requests-remaining", 0)
            .with("anthropic-ratelimit-requests-reset", time_in(Duration::from_secs(u64::from(seconds)))),
    }
}

/// 429 of a real limit, with the truth about it.
fn limited(over: Over, standing: &Standing, id: &str) -> Reply {
    let window = standing.limits.window;
    let message = match over {
        Over::Requests => {
            let limit = standing.limits.requests.unwrap_or_default();
            format!("This request would exceed your organization's rate limit of {limit} requests per {window:?}.")
        }
        Over::Tokens | Over::WholeWindow => {
            let limit = standing.limits.tokens.unwrap_or_default();
            format!("This request would exceed your organization's rate limit of {limit} tokens per {window:?}.")
        }
    };
    let reply = with_standing(error(429, LIMITED, &message, id), standing);
    // No wait makes a prompt smaller that is larger than a whole window.
    if over == Over::WholeWindow { reply } else { reply.with("retry-after", standing.seconds()) }
}

fn error(status: u16, kind: &str, message: &str, id: &str) -> Reply {
    let envelope = Envelope { kind: "error", error: ErrorBody { kind, message }, request_id: request_id(id) };
    // Strings always serialise; an empty body would still carry the status.
    let body = serde_json::to_vec(&envelope).unwrap_or_default();
    signed(Reply::whole(code(status), "application/json", body), id)
}

fn request_id(id: &str) -> String {
    format!("req_sim{}", id.replace('-', "x"))
}

fn page(status: u16) -> Reply {
    Reply::whole(code(status), "text/html", PAGE)
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
