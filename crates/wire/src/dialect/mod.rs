//! The dialects: what a request must look like for each kind of upstream, and what its answers are in OpenAI's shape.
//!
//! One file or folder per dialect. Where both sides speak the same shape, what must change is spliced and nothing else
//! is touched: a caller's field that nobody knows goes upstream as it came, and answers are not looked at here. Any
//! other shape is translated at this edge, both ways, so that everything behind it sees OpenAI's. To add a dialect: a
//! variant of [`Api`], its row in [`APIS`], and its file.

use std::str::FromStr;

use bytes::Bytes;
use serde_json::value::RawValue;
use switchback_core::route::{Capabilities, Capability};

use crate::head::Head;
use crate::sse::{Sse, SseEvent};

mod anthropic;
mod openai;

/// The kind of an upstream, as `api` of a provider names it in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI itself.
    OpenAi,
    /// A server that speaks OpenAI's chat completions: vLLM, Ollama, Groq, Together, DeepSeek, OpenRouter and others.
    OpenAiCompatible,
    /// Anthropic's Messages.
    Anthropic,
}

/// What is fixed about an [`Api`].
#[derive(Debug, Clone, Copy)]
pub struct ApiRow {
    /// The kind.
    pub api: Api,
    /// Its name in the configuration.
    pub name: &'static str,
    /// Base URL unless the provider names one.
    pub base_url: Option<&'static str>,
    /// The environment variable that usually holds the key.
    pub key_variable: Option<&'static str>,
    /// Path of chat completions below the base URL.
    pub path: &'static str,
}

/// Every kind of upstream. Base URLs are what the vendor's own SDK takes, so that an operator can copy one.
#[rustfmt::skip]
pub const APIS: [ApiRow; 3] = [
    ApiRow { api: Api::OpenAi,           name: "openai",            base_url: Some("https://api.openai.com/v1"), key_variable: Some("OPENAI_API_KEY"),    path: "/chat/completions" },
    ApiRow { api: Api::OpenAiCompatible, name: "openai-compatible", base_url: None,                              key_variable: None,                      path: "/chat/completions" },
    ApiRow { api: Api::Anthropic,        name: "anthropic",         base_url: Some("https://api.anthropic.com"), key_variable: Some("ANTHROPIC_API_KEY"), path: "/v1/messages" },
];

/// How a key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// `authorization: Bearer KEY`.
    Bearer,
    /// The bare key in this header.
    Header(&'static str),
}

/// What a rung changes of a request on its way up. [`Rewrite::to`] changes the model and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Rewrite<'a> {
    /// The model that is called.
    pub model: &'a str,
    /// A hint to leave out; counts only if [`hint`] allows it.
    pub without: Option<&'a str>,
    /// Members to set on this rung, by their name in OpenAI's chat request, each with its JSON: they take the place of
    /// the caller's. What the gateway itself decides (`model`, `messages`, `stream`, `stream_options`), what is no JSON
    /// and what `without` names is passed over.
    pub with: &'a [(Box<str>, Box<str>)],
    /// One more system message, after those at the beginning of the caller's messages.
    pub instruction: Option<&'a str>,
    /// The task's schema, sent natively where neither the caller nor `with` gives a `response_format`.
    pub schema: Option<NativeSchema<'a>>,
    /// Most output tokens that the route can write; sent where the dialect needs a cap and the caller named none.
    pub max_output: Option<u64>,
    /// Tokens of the route's context window that the estimated prompt leaves, where the window is known: a cap that the
    /// caller did not name never exceeds them, because some windows hold prompt and cap together.
    pub room: Option<u64>,
    /// Two more messages at the end, which ask for the answer again.
    pub repair: Option<Repair<'a>>,
    /// Whether a stream is asked for its usage where the caller did not ask: the only way to know what it cost. Shapes
    /// that always tell it ignore this.
    pub ask_usage: bool,
}

/// A JSON Schema for the upstream to hold its answer to.
#[derive(Debug, Clone, Copy)]
pub struct NativeSchema<'a> {
    /// Its name; characters that a vendor refuses are replaced.
    pub name: &'a str,
    /// The schema as JSON.
    pub text: &'a str,
    /// Whether it fits the strict subset of the vendors.
    pub strict: bool,
}

/// An answer that broke its contract, shown to the model that gave it.
#[derive(Debug, Clone, Copy)]
pub struct Repair<'a> {
    /// What the model said.
    pub said: &'a str,
    /// What the validator found.
    pub errors: &'a str,
}

/// What goes upstream.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The body.
    pub body: Bytes,
    /// What the caller gave, other than by default, and this shape cannot express: fields of OpenAI's request by their
    /// name (`seed`), in messages with their path (`messages.name`). Each once.
    pub dropped: Vec<Box<str>>,
}

/// Turns the events of one stream into OpenAI's shape.
///
/// Give it every event; what comes back takes the event's place. A stream that is cut before its own end marker never
/// gets a finish reason or an end marker here, and one that has it gets exactly one of each.
#[derive(Debug)]
pub struct Translator(anthropic::Stream);

// === impl Api ===

impl Api {
    /// The row of the table for this kind.
    #[must_use]
    pub fn row(self) -> &'static ApiRow {
        // The table has every kind (a test holds it so); the first row is never reached as a default.
        APIS.iter().find(|row| row.api == self).unwrap_or(&APIS[0])
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Path of chat completions below the base URL.
    #[must_use]
    pub fn path(self) -> &'static str {
        self.row().path
    }

    /// Base URL unless the provider names one; a compatible server must name its own.
    #[must_use]
    pub fn base_url(self) -> Option<&'static str> {
        self.row().base_url
    }

    /// The environment variable that usually holds the key.
    #[must_use]
    pub fn key_variable(self) -> Option<&'static str> {
        self.row().key_variable
    }

    /// How the key is sent.
    #[must_use]
    pub const fn credential(self) -> Credential {
        match self {
            Self::OpenAi | Self::OpenAiCompatible => Credential::Bearer,
            Self::Anthropic => Credential::Header("x-api-key"),
        }
    }

    /// Headers that every request needs, names in lower case.
    #[must_use]
    pub const fn fixed_headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::OpenAi | Self::OpenAiCompatible => &[],
            Self::Anthropic => &anthropic::HEADERS,
        }
    }

    /// What this shape can never express, whatever the model: a request that needs any of it is not sent here.
    #[must_use]
    pub fn lacks(self) -> Capabilities {
        match self {
            Self::OpenAi | Self::OpenAiCompatible => Capabilities::NONE,
            Self::Anthropic => {
                anthropic::LACKS.into_iter().fold(Capabilities::NONE, |set, lacking: Capability| set.with(lacking))
            }
        }
    }
}

impl FromStr for Api {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        APIS.iter().find(|row| row.name == name).map(|row| row.api).ok_or(())
    }
}

// === impl Rewrite ===

impl<'a> Rewrite<'a> {
    /// The caller's request with this model.
    #[must_use]
    pub const fn to(model: &'a str) -> Self {
        Self {
            model,
            without: None,
            with: &[],
            instruction: None,
            schema: None,
            max_output: None,
            room: None,
            repair: None,
            ask_usage: true,
        }
    }

    /// The hint that is left out.
    fn left_out(&self) -> Option<&'static str> {
        self.without.and_then(hint)
    }

    /// The members that are set, each name once.
    fn set(&self) -> impl Iterator<Item = (&'a str, &'a RawValue)> {
        const OURS: [&str; 4] = ["model", "messages", "stream", "stream_options"];
        let (with, left_out) = (self.with, self.left_out());
        with.iter().enumerate().filter_map(move |(place, (name, value))| {
            let again = with.iter().skip(place + 1).any(|(later, _)| later == name);
            let passed_over = again || OURS.contains(&&**name) || left_out == Some(name);
            let value = serde_json::from_str(value).ok().filter(|_| !passed_over)?;
            Some((&**name, value))
        })
    }

    /// The task's schema, where no other form of the answer is asked for.
    fn native_schema(&self, head: &Head) -> Option<NativeSchema<'a>> {
        let asked = head.response_format.is_some() || self.set().any(|(name, _)| name == "response_format");
        self.schema.filter(|_| !asked)
    }
}

// === impl Repair ===

impl Repair<'_> {
    /// What the model is asked, in words.
    fn ask(&self) -> String {
        format!(
            "This answer cannot be used:\n{}\nAnswer the request again with this corrected, and write nothing else.",
            self.errors
        )
    }
}

// === impl Translator ===

impl Translator {
    /// A translator at the start of a stream; `None` where the upstream speaks OpenAI's shape and nothing is translated.
    /// `created_unix_s` is the time that the answer carries where the upstream tells none.
    #[must_use]
    pub fn new(api: Api, created_unix_s: u64) -> Option<Self> {
        match api {
            Api::OpenAi | Api::OpenAiCompatible => None,
            Api::Anthropic => Some(Self(anthropic::Stream::new(created_unix_s))),
        }
    }

    /// What stands in the place of this event, in order; may be nothing. An error passes as it came, and so does what
    /// is no event of this shape: reading it as a chunk says that it is broken.
    #[must_use]
    pub fn take(&mut self, event: &SseEvent) -> Vec<Sse> {
        self.0.take(event)
    }
}

/// The body as this rung sends it. Where the shape is the caller's own, nothing to change gives the very same bytes.
/// `head` is the head of this very body.
///
/// Never fails: what is malformed in a message goes up in the closest form, and the provider rejects it.
#[must_use]
pub fn request(api: Api, body: &Bytes, head: &Head, rewrite: &Rewrite<'_>) -> Sent {
    match api {
        Api::OpenAi | Api::OpenAiCompatible => Sent { body: openai::request(body, head, rewrite), dropped: Vec::new() },
        Api::Anthropic => anthropic::request(body, head, rewrite),
    }
}

/// A whole answer with a good status in OpenAI's shape: the very same bytes where they have it already, and where they
/// are no answer. `created_unix_s` is the time that it carries where the upstream tells none.
#[must_use]
pub fn whole(api: Api, body: &Bytes, created_unix_s: u64) -> Bytes {
    match api {
        Api::OpenAi | Api::OpenAiCompatible => body.clone(),
        Api::Anthropic => anthropic::whole(body, created_unix_s).map_or_else(|| body.clone(), Bytes::from),
    }
}

/// The field, if a request means the same without it.
#[must_use]
pub fn hint(field: &str) -> Option<&'static str> {
    openai::HINTS.iter().find(|hint| **hint == field).copied()
}

/// The hints of OpenAI's request that a provider means when it names a field, in OpenAI's words or in its own.
pub(crate) fn hints_named(field: &str) -> [Option<&'static str>; 2] {
    let own = || anthropic::HINTS.iter().find(|(name, _)| *name == field).map(|(_, hints)| *hints);
    match hint(field) {
        Some(hint) => [Some(hint), None],
        None => own().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
