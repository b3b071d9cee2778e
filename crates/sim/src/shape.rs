//! The shapes in which the simulator speaks, and what they have in common: each reads requests, answers them, and refuses them.
//!
//! This is the only place that lists the shapes. What goes over the wire is decided by each of them; connections are the
//! provider's business.

use http::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use crate::ask::{Ask, BadAsk};
use crate::fault::{Fault, UnknownFault};
use crate::limits::{Over, Standing};
use crate::playback::{Ending, Reply};
use crate::turn::Turn;
use crate::{shape_anthropic, shape_openai};

/// A provider's way of speaking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// `POST /v1/chat/completions`, as OpenAI and the many that imitate it.
    OpenAi,
    /// `POST /v1/messages`, as Anthropic.
    Anthropic,
}

/// Why a call is refused before any model could answer.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It brought no key where one is needed.
    NoKey,
    /// It brought the literal key `wrong`.
    WrongKey,
    /// Its body is above the bound, in bytes.
    TooLarge(usize),
    /// Its body is not JSON.
    NotJson,
    /// Its body or a header is not what the API takes.
    Bad(BadAsk),
    /// Its model name asks for a fault that does not exist.
    NoSuchFault(UnknownFault),
    /// It meets a fault that this shape cannot have, for this reason.
    Impossible(Fault, &'static str),
    /// A limit of its key, for this model.
    Limit(String, Over, Standing),
}

// === impl Shape ===

impl Shape {
    /// The key that a call brought, if there is one that is not blank.
    pub(crate) fn key(self, headers: &HeaderMap) -> Option<String> {
        let (name, scheme) = match self {
            Shape::OpenAi => ("authorization", "Bearer"),
            Shape::Anthropic => ("x-api-key", ""),
        };
        let value = headers.get(name)?.to_str().ok()?;
        let key = value.strip_prefix(scheme).unwrap_or(value).trim();
        (!key.is_empty()).then(|| key.to_owned())
    }

    /// What is wrong with the key of a call, if anything is.
    pub(crate) fn refused_key(self, key: Option<&str>) -> Option<Refusal> {
        match (self, key) {
            (_, Some("wrong")) => Some(Refusal::WrongKey),
            (Shape::Anthropic, None) => Some(Refusal::NoKey),
            _ => None,
        }
    }

    /// A request body may have this many bytes.
    pub(crate) fn largest_body(self) -> usize {
        match self {
            Shape::OpenAi => 64 * 1024 * 1024,
            // What Anthropic documents.
            Shape::Anthropic => 32 * 1024 * 1024,
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// Why the real API would not take it.
    pub(crate) fn read(self, headers: &HeaderMap, body: &Value) -> Result<Ask, BadAsk> {
        match self {
            Shape::OpenAi => shape_openai::read(body),
            Shape::Anthropic => shape_anthropic::read(headers, body),
        }
    }

    /// How the provider treats a readable request.
    pub(crate) fn answer(self, ask: &Ask, turn: &mut Turn<'_>) -> Ending {
        match self {
            Shape::OpenAi => shape_openai::answer(ask, turn),
            Shape::Anthropic => shape_anthropic::answer(ask, turn),
        }
    }

    /// How the provider refuses a call; `id` tells calls apart.
    pub(crate) fn refuse(self, refusal: &Refusal, id: &str) -> Reply {
        match self {
            Shape::OpenAi => shape_openai::refuse(refusal, id),
            Shape::Anthropic => shape_anthropic::refuse(refusal, id),
        }
    }
}
