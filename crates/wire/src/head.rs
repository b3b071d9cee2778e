//! The head of a chat request: what routing needs to know, and where in the body it stands.
//!
//! One derived struct of borrowed raw members reads the body once: it rejects a key that comes twice (two parsers
//! could take different ones), ignores what it does not know, and builds no values. Messages are then walked for roles
//! and parts without decoding their text. The head owns its facts and keeps spans, so that it can live beside the
//! body's `Bytes`. It never changes the body, and never judges what only the provider can judge.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;
use switchback_core::route::{Capabilities, Capability};

use crate::estimate::Tally;
use crate::json;

mod messages;

/// What routing needs of a chat request. Spans are byte ranges of the body that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The `model` that the caller named, decoded.
    pub model: String,
    /// The model's JSON string, quotes included.
    pub model_span: Range<usize>,
    /// Whether the caller wants a stream.
    pub stream: bool,
    /// Whether the caller asked for usage in the stream (`stream_options.include_usage`).
    pub include_usage: bool,
    /// The value of `stream_options`, also where it is `null`.
    pub stream_options_span: Option<Range<usize>>,
    /// How many choices are asked for; 1 unless said.
    pub n: u32,
    /// Most output tokens: `max_completion_tokens`, else `max_tokens`.
    pub output_cap: Option<u64>,
    /// What a route must be able to do.
    pub needs: Capabilities,
    /// Whether the request names state that only one provider holds: a file or an answer by its id, or a tool that the
    /// provider runs itself.
    pub pins: bool,
    /// Estimated tokens of messages, tools and response format.
    pub prompt_tokens: u64,
    /// Estimated tokens of the messages alone.
    pub message_tokens: u64,
    /// The value of `messages`.
    pub messages: Range<usize>,
    /// The value of `response_format`, unless `null`.
    pub response_format: Option<Range<usize>>,
    /// The value of `tools`, unless `null`.
    pub tools: Option<Range<usize>>,
    /// The value of the older `functions`, unless `null`.
    pub functions: Option<Range<usize>>,
    /// The value of `tool_choice`, unless `null`.
    pub tool_choice: Option<Range<usize>>,
    /// Index of the body's final `}`.
    pub object_end: usize,
}

/// Why a body is not a chat request; each is the caller's mistake and answered with status 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The body does not parse.
    #[error("the body is not valid JSON (line {line}, column {column})")]
    NotJson {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault, from 1.
        column: usize,
    },
    /// The body is JSON but not an object.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// Brackets nest too deep.
    #[error("the body nests deeper than {limit} levels")]
    TooDeep {
        /// Levels that are allowed.
        limit: usize,
    },
    /// A key that matters comes twice.
    #[error("'{field}' is given twice")]
    Twice {
        /// The key.
        field: &'static str,
    },
    /// A required member is absent or `null`.
    #[error("'{field}' is required")]
    Missing {
        /// The member.
        field: &'static str,
    },
    /// A member has the wrong type.
    #[error("'{field}' must be {expected}")]
    WrongType {
        /// The member.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A member must not be empty.
    #[error("'{field}' must not be empty")]
    Empty {
        /// The member.
        field: &'static str,
    },
    /// A number is outside its range.
    #[error("'{field}' must be {expected}")]
    OutOfRange {
        /// The member.
        field: &'static str,
        /// The range in words.
        expected: &'static str,
    },
    /// A message is not an object with a role.
    #[error("'messages[{index}]' {fault}")]
    Message {
        /// Position of the message, from 0.
        index: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
}

/// The members that routing looks at. Every one is optional here: what is required is said in our own words.
#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow, default, deserialize_with = "json::present")]
    model: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    messages: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    stream: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    n: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    max_completion_tokens: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    response_format: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    functions: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    logprobs: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    top_logprobs: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    stop: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    modalities: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    web_search_options: Option<&'a RawValue>,
}

/// The names of [`Peek`], to say which one came twice.
const FIELDS: [&str; 16] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "n",
    "max_completion_tokens",
    "max_tokens",
    "response_format",
    "tools",
    "functions",
    "tool_choice",
    "logprobs",
    "top_logprobs",
    "stop",
    "modalities",
    "web_search_options",
];

/// The one member of `stream_options` that matters, and of `response_format` and of a tool.
#[derive(Deserialize)]
struct Options<'a> {
    #[serde(borrow, default, deserialize_with = "json::present")]
    include_usage: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type", deserialize_with = "json::present")]
    kind: Option<&'a RawValue>,
}

// === impl Head ===

impl Head {
    /// Reads the head of a chat completion request.
    ///
    /// # Errors
    ///
    /// [`HeadError`] when the body is not what the protocol asks for; nothing is sent anywhere then.
    pub fn read(body: &[u8]) -> Result<Self, HeadError> {
        if json::too_deep(body) {
            return Err(HeadError::TooDeep { limit: json::MAX_DEPTH });
        }
        let peek = peek(body)?;
        let object_end = json::object_end(body).ok_or(HeadError::NotAnObject)?;
        let model = required(peek.model, "model")?;
        let messages = required(peek.messages, "messages")?;
        let span = |raw: Option<&RawValue>| json::given(raw).map(|raw| json::span(body, raw));

        let mut tally = Tally::default();
        let seen = messages::walk(messages, &mut tally)?;
        let message_tokens = tally.tokens();
        let stream = boolean(peek.stream, "stream")?.unwrap_or(false);
        let n = choices(peek.n)?;
        let tools = tools(peek.tools);
        let asked = [
            (Capability::Stream, stream),
            (Capability::Tools, has_elements(peek.tools) || has_elements(peek.functions)),
            (Capability::Json, promises_json(peek.response_format)),
            (Capability::Choices, n > 1),
            (Capability::Logprobs, [peek.logprobs, peek.top_logprobs].into_iter().any(json::truthy)),
            (Capability::Stop, json::truthy(peek.stop)),
            (Capability::CustomTools, tools.custom),
            (Capability::Audio, wants_audio(peek.modalities)),
        ];
        let needs = asked.into_iter().filter(|(_, needed)| *needed).fold(seen.needs, |set, (it, _)| set.with(it));
        for raw in [peek.tools, peek.functions, peek.response_format].into_iter().filter_map(json::given) {
            tally.add(raw.get().as_bytes());
        }
        let completion_cap = cap(peek.max_completion_tokens, "max_completion_tokens")?;
        let old_cap = cap(peek.max_tokens, "max_tokens")?;
        Ok(Self {
            model: model_name(model)?,
            model_span: json::span(body, model),
            stream,
            include_usage: asks_for_usage(peek.stream_options),
            stream_options_span: peek.stream_options.map(|raw| json::span(body, raw)),
            n,
            output_cap: completion_cap.or(old_cap),
            needs,
            pins: seen.pins || tools.hosted || json::given(peek.web_search_options).is_some(),
            prompt_tokens: tally.tokens(),
            message_tokens,
            messages: json::span(body, messages),
            response_format: span(peek.response_format),
            tools: span(peek.tools),
            functions: span(peek.functions),
            tool_choice: span(peek.tool_choice),
            object_end,
        })
    }
}

// === impl HeadError ===

impl HeadError {
    /// The request's member that is at fault, as the `param` of an OpenAI error.
    #[must_use]
    pub const fn param(&self) -> Option<&'static str> {
        match self {
            Self::NotJson { .. } | Self::NotAnObject | Self::TooDeep { .. } => None,
            Self::Message { .. } => Some("messages"),
            Self::Twice { field }
            | Self::Missing { field }
            | Self::WrongType { field, .. }
            | Self::Empty { field }
            | Self::OutOfRange { field, .. } => Some(field),
        }
    }

    /// The `code` of an OpenAI error. OpenAI's own names where it has one.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotJson { .. } | Self::NotAnObject | Self::TooDeep { .. } => "invalid_json",
            Self::Twice { .. } => "duplicate_parameter",
            Self::Missing { .. } => "missing_required_parameter",
            Self::WrongType { .. } | Self::Message { .. } => "invalid_type",
            Self::Empty { .. } | Self::OutOfRange { .. } => "invalid_value",
        }
    }
}

fn peek(body: &[u8]) -> Result<Peek<'_>, HeadError> {
    // A derived struct would also take an array; a syntax error inside one is still reported as such.
    if json::first_byte(body) != Some(b'{') {
        return match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
            Ok(_) => Err(HeadError::NotAnObject),
            Err(error) => Err(not_json(&error)),
        };
    }
    json::value_in(body).map_err(|error: serde_json::Error| {
        if !error.is_data() {
            return not_json(&error);
        }
        let text = error.to_string();
        let named = text.split('`').nth(1);
        match FIELDS.into_iter().find(|field| Some(*field) == named) {
            Some(field) => HeadError::Twice { field },
            None => not_json(&error),
        }
    })
}

fn not_json(error: &serde_json::Error) -> HeadError {
    HeadError::NotJson { line: error.line(), column: error.column() }
}

fn required<'a>(raw: Option<&'a RawValue>, field: &'static str) -> Result<&'a RawValue, HeadError> {
    json::given(raw).ok_or(HeadError::Missing { field })
}

fn model_name(raw: &RawValue) -> Result<String, HeadError> {
    let name = json::text(raw).ok_or(HeadError::WrongType { field: "model", expected: "a string" })?;
    if name.trim().is_empty() {
        return Err(HeadError::Empty { field: "model" });
    }
    Ok(name.into_owned())
}

fn boolean(raw: Option<&RawValue>, field: &'static str) -> Result<Option<bool>, HeadError> {
    match json::given(raw).map(RawValue::get) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(HeadError::WrongType { field, expected: "a boolean" }),
    }
}

/// `n`: OpenAI documents 1 to 128.
fn choices(raw: Option<&RawValue>) -> Result<u32, HeadError> {
    const EXPECTED: &str = "an integer from 1 to 128";
    let Some(raw) = json::given(raw) else { return Ok(1) };
    match raw.get().parse::<i64>() {
        Ok(n) => match u32::try_from(n) {
            Ok(n @ 1..=128) => Ok(n),
            _ => Err(HeadError::OutOfRange { field: "n", expected: EXPECTED }),
        },
        Err(_) => Err(HeadError::WrongType { field: "n", expected: EXPECTED }),
    }
}

fn cap(raw: Option<&RawValue>, field: &'static str) -> Result<Option<u64>, HeadError> {
    const EXPECTED: &str = "a positive integer";
    let Some(raw) = json::given(raw) else { return Ok(None) };
    match raw.get().parse::<i64>() {
        Ok(tokens @ 1..) => Ok(u64::try_from(tokens).ok()),
        Ok(_) => Err(HeadError::OutOfRange { field, expected: EXPECTED }),
        Err(_) => Err(HeadError::WrongType { field, expected: EXPECTED }),
    }
}

fn has_elements(raw: Option<&RawValue>) -> bool {
    json::given(raw).is_some_and(|raw| raw.get().starts_with('[') && !json::is_empty_container(raw.get()))
}

/// What the kinds of the tools tell.
#[derive(Default)]
struct Tools {
    /// One takes free text.
    custom: bool,
    /// One is run by the provider.
    hosted: bool,
}

/// Reads the kinds of the tools; what is no list of objects stays for the provider to reject.
fn tools(raw: Option<&RawValue>) -> Tools {
    let list = json::given(raw).and_then(json::elements).unwrap_or_default();
    let mut tools = Tools::default();
    for kind in list.into_iter().filter_map(|tool| json::object::<Options<'_>>(tool.get()).ok()?.kind) {
        match json::text(kind).as_deref() {
            Some("custom") => tools.custom = true,
            Some("function") | None => {}
            Some(_) => tools.hosted = true,
        }
    }
    tools
}

fn wants_audio(raw: Option<&RawValue>) -> bool {
    let list = json::given(raw).and_then(json::elements).unwrap_or_default();
    list.into_iter().any(|kind| json::text(kind).as_deref() == Some("audio"))
}

fn promises_json(raw: Option<&RawValue>) -> bool {
    let options = json::given(raw).and_then(|raw| json::object::<Options<'_>>(raw.get()).ok());
    let kind = options.and_then(|options| options.kind).and_then(json::text);
    matches!(kind.as_deref(), Some("json_schema" | "json_object"))
}

fn asks_for_usage(raw: Option<&RawValue>) -> bool {
    let options = json::given(raw).and_then(|raw| json::object::<Options<'_>>(raw.get()).ok());
    options.and_then(|options| options.include_usage).is_some_and(|raw| raw.get() == "true")
}

/// Where `include_usage` stands in a `stream_options` object, if it is there.
pub(crate) fn include_usage_span(stream_options: &str) -> Option<Range<usize>> {
    let options: Options<'_> = json::object(stream_options).ok()?;
    options.include_usage.map(|raw| json::span(stream_options.as_bytes(), raw))
}

#[cfg(test)]
mod tests;
