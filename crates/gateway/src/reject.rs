//! Requests that are not accepted: the caller's mistake, said at once, in OpenAI's error shape, with nothing walked.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use switchback_core::id::RequestId;

/// Why a request is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reject {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) code: Box<str>,
    pub(crate) param: Option<Box<str>>,
    pub(crate) message: Box<str>,
    /// Seconds after which to come again.
    pub(crate) retry_after: Option<u32>,
    /// Why, for the counter.
    pub(crate) reason: Reason,
}

/// The reasons that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Reason {
    Auth,
    Forbidden,
    NotFound,
    Invalid,
    TooLarge,
    Draining,
}

/// Every reason with its name.
const REASONS: [(Reason, &str); 6] = [
    (Reason::Auth, "auth"),
    (Reason::Forbidden, "forbidden"),
    (Reason::NotFound, "not_found"),
    (Reason::Invalid, "invalid"),
    (Reason::TooLarge, "too_large"),
    (Reason::Draining, "draining"),
];

/// How many requests were not accepted, by reason.
#[derive(Debug, Default)]
pub(crate) struct Rejected([AtomicU64; REASONS.len()]);

impl Rejected {
    pub(crate) fn count(&self, reason: Reason) {
        if let Some(it) = self.0.get(reason as usize) {
            it.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts that are not zero, by name.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        REASONS.iter().zip(&self.0).map(|((_, name), n)| (*name, n.load(Ordering::Relaxed))).filter(|(_, n)| *n > 0)
    }
}

impl Reject {
    fn new(status: u16, kind: &'static str, code: &str, message: impl Into<Box<str>>, reason: Reason) -> Self {
        Self { status, kind, code: code.into(), param: None, message: message.into(), retry_after: None, reason }
    }

    /// A request that breaks the interface.
    pub(crate) fn invalid(code: &str, param: Option<&str>, message: impl Into<Box<str>>) -> Self {
        let reject = Self::new(400, "invalid_request_error", code, message, Reason::Invalid);
        Self { param: param.map(Into::into), ..reject }
    }

    /// No key, or one that nobody knows.
    pub(crate) fn unauthorized() -> Self {
        let message = "No application key that this gateway knows. Send it as `Authorization: Bearer …`.";
        Self::new(401, "invalid_request_error", "invalid_api_key", message, Reason::Auth)
    }

    /// A key that may not do this.
    pub(crate) fn forbidden(code: &str, message: impl Into<Box<str>>) -> Self {
        Self::new(403, "invalid_request_error", code, message, Reason::Forbidden)
    }

    /// A model that is no task.
    pub(crate) fn no_such_model(model: &str) -> Self {
        let shown: String = model.chars().take(100).collect();
        let message = format!("There is no task called `{shown}`. GET /v1/models lists the tasks.");
        let reject = Self::new(404, "invalid_request_error", "model_not_found", message, Reason::NotFound);
        Self { param: Some("model".into()), ..reject }
    }

    /// A path that is not served.
    pub(crate) fn no_such_path(method: &str, path: &str) -> Self {
        let shown: String = path.chars().take(100).collect();
        let message = format!(
            "{method} {shown} is not served here. Served: POST /v1/chat/completions, GET /v1/models, GET /v1/models/{{id}}."
        );
        Self::new(404, "invalid_request_error", "not_found", message, Reason::NotFound)
    }

    /// A task that stands for models which its names tell.
    pub(crate) fn needs_model(task: &str) -> Self {
        let message = format!("`{task}` calls the model that its `names` matched: name a model, not the task.");
        let reject = Self::new(404, "invalid_request_error", "model_not_found", message, Reason::NotFound);
        Self { param: Some("model".into()), ..reject }
    }

    /// The provider to which a call would be passed on does not carry the tags that the caller asks for.
    pub(crate) fn no_compliant_route() -> Self {
        let message = "The provider of this endpoint does not carry the tags that x-switchback-tags asks for.";
        Self::new(424, "ladder_exhausted", "no_compliant_route", message, Reason::Forbidden)
    }

    /// A star stands for more models than are kept apart.
    pub(crate) fn too_many_models(model: &str) -> Self {
        let shown: String = model.chars().take(100).collect();
        let message = format!("`{shown}` is one model more than this gateway keeps apart; a reload begins anew.");
        let reject = Self::new(503, "service_unavailable_error", "too_many_models", message, Reason::NotFound);
        Self { param: Some("model".into()), ..reject }
    }

    /// A provider to which a call was to be passed on did not answer.
    pub(crate) fn relay_failed(provider: &str) -> Self {
        let message = format!("{provider} did not answer, or not in time. This endpoint has no ladder.");
        Self::new(502, "api_error", "relay_failed", message, Reason::NotFound)
    }

    /// A body above the limit.
    pub(crate) fn too_large(most: usize) -> Self {
        let message = format!("The request body is larger than the limit of {most} bytes (server.max-body).");
        Self::new(413, "invalid_request_error", "request_too_large", message, Reason::TooLarge)
    }

    /// The gateway is about to stop.
    pub(crate) fn draining() -> Self {
        let message = "This gateway is shutting down and takes no new requests.";
        let reject = Self::new(503, "service_unavailable_error", "gateway_overloaded", message, Reason::Draining);
        Self { retry_after: Some(1), ..reject }
    }

    /// The answer on the wire.
    pub(crate) fn response(&self, id: &RequestId) -> Response<Bytes> {
        let error = Body {
            error: Error { message: &self.message, kind: self.kind, param: self.param.as_deref(), code: &self.code },
        };
        let body = serde_json::to_vec(&error).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            headers.insert("x-request-id", id);
        }
        match self.retry_after {
            Some(seconds) => headers.insert(header::RETRY_AFTER, seconds.into()),
            None => headers.insert("x-should-retry", HeaderValue::from_static("false")),
        };
        response
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: &'a str,
}
