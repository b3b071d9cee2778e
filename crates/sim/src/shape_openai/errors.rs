//! The errors of OpenAI's shape: status, envelope, codes and the words that clients match on.
//!
//! Codes and key phrases are those that OpenAI sends; the rest of each sentence is ours.

use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::ask::Ask;
use crate::fault::Fault;
use crate::limits::{Over, Standing};
use crate::playback::{PAGE, Reply};
use crate::shape::Refusal;

/// The envelope.
#[derive(Debug, Serialize)]
pub(crate) struct Envelope<'a> {
    pub(crate) error: ErrorBody<'a>,
}

/// What is inside it.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    pub(crate) message: &'a str,
    #[serde(rename = "type")]
    pub(crate) kind: &'a str,
    pub(crate) param: Option<&'a str>,
    pub(crate) code: Option<&'a str>,
}

/// The error that a provider sends inside a 200.
pub(crate) const IN_BAND: ErrorBody<'static> = ErrorBody {
    message: "The server had an error while processing your request (simulated).",
    kind: "server_error",
    param: None,
    code: None,
};

/// The answer to a fault that is a status; nothing for a fault that is not.
pub(crate) fn of_fault(fault: Fault, ask: &Ask) -> Option<Reply> {
    let invalid = "invalid_request_error";
    let model = &ask.model;
    Some(match fault {
        Fault::ServerError => error(500, "server_error", None, IN_BAND.message),
        Fault::BadGateway => page(502),
        Fault::GatewayTimeout => page(504),
        Fault::Html => page(200),
        Fault::Unavailable => error(
            503,
            "service_unavailable_error",
            Some("server_is_overloaded"),
            "Our servers are overloaded at the moment (simulated).",
        ),
        Fault::Overloaded => error(529, "overloaded_error", None, "Overloaded (simulated)."),
        Fault::RateLimited => rate_limited(model, None),
        Fault::RateLimitedShort => rate_limited(model, Some(1)),
        Fault::RateLimitedLong => rate_limited(model, Some(120)),
        Fault::Quota => error(
            429,
            "insufficient_quota",
            Some("insufficient_quota"),
            "You exceeded your current quota; look at your plan and billing (simulated).",
        ),
        Fault::Unauthorized => wrong_key(),
        Fault::Forbidden => error(
            403,
            "request_forbidden",
            Some("unsupported_country_region_territory"),
            "Country, region, or territory not supported (simulated).",
        ),
        Fault::NotFound => {
            let message = format!("The model `{model}` does not exist or you do not have access to it.");
            error(404, invalid, Some("model_not_found"), &message)
        }
        Fault::BadRequest => error(400, invalid, None, "This request is invalid (simulated)."),
        Fault::RequestTimeout => error(408, "timeout", None, "The request took too long (simulated)."),
        Fault::Context => {
            let used = 8_193 + ask.prompt_chars / 4;
            let message = format!(
                "This model's maximum context length is 8192 tokens. However, your messages resulted in {used} tokens. \
                 Please reduce the length of the messages."
            );
            with_param(400, Some("context_length_exceeded"), Some("messages"), &message)
        }
        Fault::Policy => error(
            400,
            invalid,
            Some("content_policy_violation"),
            "Your request was rejected as a result of our safety system (simulated).",
        ),
        Fault::Unsupported => with_param(
            400,
            Some("unsupported_parameter"),
            Some("temperature"),
            "Unsupported parameter: 'temperature' is not supported with this model.",
        ),
        _ => return None,
    })
}

/// How a call is refused.
pub(crate) fn refuse(refusal: &Refusal, id: &str) -> Reply {
    let reply = match refusal {
        Refusal::NoKey | Refusal::WrongKey => wrong_key(),
        Refusal::TooLarge(bound) => too_large(*bound),
        Refusal::NotJson => {
            error(400, "invalid_request_error", None, "We could not parse the JSON body of your request.")
        }
        Refusal::Bad(bad) => with_param(400, bad.code, bad.param, &bad.message),
        Refusal::NoSuchFault(unknown) => with_param(400, Some("unknown_fault"), Some("model"), &unknown.to_string()),
        Refusal::Impossible(fault, why) => {
            let message = format!("The fault `{fault}` cannot be had in this shape: {why}");
            with_param(400, Some("impossible_fault"), Some("model"), &message)
        }
        Refusal::Limit(model, over, standing) => limited(model, *over, standing),
    };
    signed(reply, id)
}

/// Adds the headers that every answer of a call carries.
pub(crate) fn signed(reply: Reply, id: &str) -> Reply {
    let id = HeaderValue::try_from(format!("sim-{id}")).unwrap_or(HeaderValue::from_static("sim"));
    reply.with("x-request-id", id).with("openai-version", HeaderValue::from_static("2020-10-01"))
}

fn wrong_key() -> Reply {
    let message = "Incorrect API key provided. Any other key than `wrong` is accepted here (simulated).";
    error(401, "invalid_request_error", Some("invalid_api_key"), message)
}

/// 404 for a path that does not exist.
pub(crate) fn unknown_path(method: &str, path: &str) -> Reply {
    let path: String = path.chars().take(128).collect();
    error(404, "invalid_request_error", Some("unknown_url"), &format!("Unknown request URL: {method} {path}."))
}

/// 413 for a body above the bound, in bytes.
pub(crate) fn too_large(bound: usize) -> Reply {
    let message = format!("The request body is larger than {bound} bytes.");
    error(413, "invalid_request_error", Some("request_too_large"), &message)
}

/// 400 for a control request that cannot be read.
pub(crate) fn bad_control(why: &str) -> Reply {
    error(400, "invalid_request_error", None, why)
}

/// 429 of a real limit, with the truth about it.
fn limited(model: &str, over: Over, standing: &Standing) -> Reply {
    let model: String = model.chars().take(128).collect();
    let window = format!("{:?}", standing.limits.window);
    let of_tokens = standing.limits.tokens.unwrap_or_default();
    let (kind, message) = match over {
        Over::Requests => {
            let limit = standing.limits.requests.unwrap_or_default();
            (
                "requests",
                format!("Rate limit reached for {model} on requests per {window}: Limit {limit}, Used {limit}."),
            )
        }
        Over::Tokens => {
            let used = of_tokens - standing.tokens_left.min(of_tokens);
            (
                "tokens",
                format!("Rate limit reached for {model} on tokens per {window}: Limit {of_tokens}, Used {used}."),
            )
        }
        Over::WholeWindow => {
            ("tokens", format!("Request too large for {model} on tokens per {window}: Limit {of_tokens}."))
        }
    };
    let reply = error(429, kind, Some("rate_limit_exceeded"), &message);
    if over == Over::WholeWindow {
        // No wait makes it smaller.
        return super::with_standing(reply, standing);
    }
    let wait = u64::try_from(standing.resets_in.as_millis()).unwrap_or(u64::MAX);
    super::with_standing(reply.with("retry-after", standing.seconds()).with("retry-after-ms", wait), standing)
}

fn rate_limited(model: &str, seconds: Option<u32>) -> Reply {
    let model: String = model.chars().take(128).collect();
    let message = format!("Rate limit reached for {model} on requests per min (RPM): Limit 3, Used 3, Requested 1.");
    let reply = error(429, "requests", Some("rate_limit_exceeded"), &message);
    match seconds {
        None => reply,
        Some(seconds) => {
            let reset = HeaderValue::try_from(format!("{seconds}s")).unwrap_or(HeaderValue::from_static("1s"));
            reply
                .with("retry-after", seconds)
                .with("x-ratelimit-limit-requests", 3)
                .with("x-ratelimit-remaining-requests", 0)
                .with("x-ratelimit-reset-requests", reset)
        }
    }
}

fn error(status: u16, kind: &str, code: Option<&str>, message: &str) -> Reply {
    enveloped(status, ErrorBody { message, kind, param: None, code })
}

fn with_param(status: u16, code: Option<&str>, param: Option<&str>, message: &str) -> Reply {
    enveloped(status, ErrorBody { message, kind: "invalid_request_error", param, code })
}

fn enveloped(status: u16, error: ErrorBody<'_>) -> Reply {
    // Strings always serialise; an empty body would still carry the status.
    let body = serde_json::to_vec(&Envelope { error }).unwrap_or_default();
    Reply::whole(code(status), "application/json", body)
}

fn page(status: u16) -> Reply {
    Reply::whole(code(status), "text/html", PAGE)
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
