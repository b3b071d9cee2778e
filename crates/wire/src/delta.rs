//! The stream: one chunk as a provider sends it, and the small facts that chunks and whole answers share.
//!
//! A chunk is read where it lies; what clients need of it goes on as the bytes that came. Compatible servers leave out
//! indexes, send `null` where nothing is said, or a whole call at once: all of that is read. Never counts a role, a
//! ping or usage as content.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::chat::Malformed;
use crate::json::{self, Object};
use crate::said::{RawSaid, Said};
use crate::splice::Splice;

/// Why a choice ended, in OpenAI's words where they fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinishReason {
    /// The model was done (`stop`; Together says `eos` for it).
    Stop,
    /// An output cap cut it.
    Length,
    /// Tool calls are waiting for their results.
    ToolCalls,
    /// A filter stopped the answer.
    ContentFilter,
    /// The older form of a tool call.
    FunctionCall,
    /// The provider failed in the middle (`error`, OpenRouter).
    Error,
    /// A word that OpenAI does not have.
    Other(Box<str>),
}

/// Tokens as the provider counted them; what it did not say is `None`, never zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub prompt: Option<u64>,
    /// Output tokens, reasoning included.
    pub completion: Option<u64>,
    /// Prompt tokens read from the provider's cache.
    pub cached: Option<u64>,
    /// Prompt tokens written to the provider's cache.
    pub cache_write: Option<u64>,
    /// Output tokens spent on reasoning.
    pub reasoning: Option<u64>,
}

/// One chunk of a stream.
#[derive(Debug, Clone)]
pub struct Chunk<'a> {
    /// The completion's id.
    pub id: Option<Cow<'a, str>>,
    /// When the answer began, in Unix seconds, as the provider tells it.
    pub created: Option<u64>,
    /// The model that answers, as the provider names it.
    pub model: Option<Cow<'a, str>>,
    /// What each choice adds.
    pub choices: Vec<Delta<'a>>,
    /// Usage, where the chunk carries it.
    pub usage: Option<Usage>,
    /// The value of the `usage` member, also where it is `null`.
    pub usage_span: Option<Range<usize>>,
    /// The frame carries an error: hand its bytes to [`classify`](crate::signal::classify).
    pub failed: bool,
}

/// What one choice adds.
#[derive(Debug, Clone, Default)]
pub struct Delta<'a> {
    /// Which choice.
    pub index: u32,
    /// Text that is not empty.
    pub text: Option<Cow<'a, str>>,
    /// Refusal text that is not empty.
    pub refusal: Option<Cow<'a, str>>,
    /// Whether it carries reasoning.
    pub reasoning: bool,
    /// Whether it carries audio or pictures.
    pub media: bool,
    /// Pieces of tool calls.
    pub tool_fragments: Vec<ToolFragment<'a>>,
    /// Why the choice ended, if it did.
    pub finish: Option<FinishReason>,
}

/// A piece of a tool call: id and name come once, arguments in pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolFragment<'a> {
    /// The call's index, where the server gives one.
    pub index: Option<u32>,
    /// The call's id.
    pub id: Option<Cow<'a, str>>,
    /// The tool's name.
    pub name: Option<Cow<'a, str>>,
    /// The next piece of the arguments; of a custom tool, of its input.
    pub arguments: Option<Cow<'a, str>>,
    /// A custom tool, whose input is free text.
    pub custom: bool,
}

#[derive(Deserialize)]
struct RawChunk<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    created: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    choices: Option<Choices<'a>>,
    #[serde(borrow, default, deserialize_with = "json::present")]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    x_groq: Option<&'a RawValue>,
}

/// The choices of a chunk, each turned into its delta as soon as it is read.
#[derive(Default)]
struct Choices<'a> {
    deltas: Vec<Delta<'a>>,
    /// Whether any carries an error.
    failed: bool,
}

/// The choices of a chunk as they stand: what must be UTF-8 also in the parts that nobody looks at.
#[derive(Deserialize)]
struct RawChoices<'a> {
    #[serde(borrow, default, rename = "choices")]
    _choices: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawDelta<'a> {
    #[serde(borrow, default)]
    index: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<Object<RawSaid<'a>>>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
    #[serde(borrow, default)]
    native_finish_reason: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawUsage<'a> {
    #[serde(borrow, default)]
    prompt_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    completion_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prompt_cache_hit_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    completion_tokens_details: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawDetails<'a> {
    #[serde(borrow, default)]
    cached_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cache_write_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_tokens: Option<&'a RawValue>,
}

/// Groq's own corner: usage of a stream stands there, and sometimes an error.
#[derive(Deserialize)]
struct RawGroq<'a> {
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

// === impl FinishReason ===

impl FinishReason {
    /// Reads a word of the wire.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "stop" | "eos" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            "function_call" => Self::FunctionCall,
            "error" => Self::Error,
            other => Self::Other(other.chars().take(64).collect::<String>().into()),
        }
    }

    /// The word, as OpenAI writes it where it has one.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::FunctionCall => "function_call",
            Self::Error => "error",
            Self::Other(word) => word,
        }
    }

    /// Reads the member; absent, `null` and empty say that the choice goes on. `native` is the model's own word, where a
    /// router or our own translation tells it: a model's refusal is no filter, whatever OpenAI's word for it is.
    pub(crate) fn read(raw: Option<&RawValue>, native: Option<&RawValue>) -> Option<Self> {
        let word = Self::of(&json::filled(raw)?);
        let own = json::filled(native);
        let refused = word == Self::ContentFilter && own.as_deref() == Some("refusal");
        Some(if refused { Self::of("refusal") } else { word })
    }
}

// === impl Usage ===

impl Usage {
    /// Reads a `usage` object; `None` where it says nothing that we know.
    pub(crate) fn read(raw: Option<&RawValue>) -> Option<Self> {
        let usage: RawUsage<'_> = json::object(json::given(raw)?.get()).ok()?;
        let details = |raw: Option<&'_ RawValue>| {
            json::object::<RawDetails<'_>>(raw?.get()).ok().map(|details| Counts::of(&details))
        };
        let prompt = details(usage.prompt_tokens_details).unwrap_or_default();
        let completion = details(usage.completion_tokens_details).unwrap_or_default();
        let read = Self {
            prompt: count(usage.prompt_tokens),
            completion: count(usage.completion_tokens),
            cached: prompt.cached.or_else(|| count(usage.prompt_cache_hit_tokens)),
            cache_write: prompt.cache_write,
            reasoning: completion.reasoning,
        };
        (read != Self::default()).then_some(read)
    }
}

#[derive(Default)]
struct Counts {
    cached: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
}

impl Counts {
    fn of(details: &RawDetails<'_>) -> Self {
        Self {
            cached: count(details.cached_tokens),
            cache_write: count(details.cache_write_tokens),
            reasoning: count(details.reasoning_tokens),
        }
    }
}

// === impl RawChunk ===

impl<'a> RawChunk<'a> {
    /// Reads the whole chunk down to the members of its deltas in one pass.
    fn read(data: &'a [u8]) -> Result<Self, serde_json::Error> {
        if std::str::from_utf8(data).is_err() {
            // Beside the choices stray bytes are skipped with what nobody knows; in them they are refused.
            json::object_in::<RawChoices<'a>>(data)?;
        }
        json::object_in(data)
    }
}

// === impl Choices ===

impl<'de: 'a, 'a> Deserialize<'de> for Choices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfList;

        impl<'de> Visitor<'de> for OfList {
            type Value = Choices<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut choices = Choices::default();
                let mut place = 0u32;
                while let Some(Object(choice)) = list.next_element::<Object<RawDelta<'de>>>()? {
                    choices.failed |= json::truthy(choice.error);
                    choices.deltas.push(Delta::read(&choice, place).map_err(A::Error::custom)?);
                    place = place.saturating_add(1);
                }
                Ok(choices)
            }
        }

        deserializer.deserialize_seq(OfList)
    }
}

// === impl Chunk ===

impl<'a> Chunk<'a> {
    /// Reads the data of one event.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it is not a chunk. It may have held text, so it counts like a cut stream.
    pub fn read(data: &'a [u8]) -> Result<Self, Malformed> {
        let raw = RawChunk::read(data).map_err(|_| Malformed("a chunk of the stream is not of a chunk's form"))?;
        let groq: Option<RawGroq<'a>> = raw.x_groq.and_then(|raw| json::object(raw.get()).ok());
        let choices = raw.choices.unwrap_or_default();
        let failed =
            choices.failed || json::truthy(raw.error) || groq.as_ref().is_some_and(|groq| json::truthy(groq.error));
        Ok(Self {
            id: json::filled(raw.id),
            created: count(raw.created),
            model: json::filled(raw.model),
            choices: choices.deltas,
            usage: Usage::read(raw.usage).or_else(|| groq.and_then(|groq| Usage::read(groq.usage))),
            usage_span: raw.usage.map(|usage| json::span(data, usage)),
            failed,
        })
    }

    /// Whether it carries usage and nothing else: OpenAI's last chunk when usage was asked for.
    #[must_use]
    pub fn is_usage_only(&self) -> bool {
        self.choices.is_empty() && self.usage.is_some()
    }

    /// Whether it carries content, which commits a stream: text, refusal, reasoning, media or a piece of a tool call.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.choices.iter().any(Delta::has_content)
    }

    /// Whether it ends a choice.
    #[must_use]
    pub fn finishes(&self) -> bool {
        self.choices.iter().any(|delta| delta.finish.is_some())
    }
}

// === impl Delta ===

impl<'a> Delta<'a> {
    /// Whether it adds something that a caller would see.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.text.is_some() || self.refusal.is_some() || self.reasoning || self.media || !self.tool_fragments.is_empty()
    }

    fn read(raw: &RawDelta<'a>, place: u32) -> Result<Self, Malformed> {
        let said = raw.delta.as_ref().map(|Object(said)| Said::of(said)).transpose()?.unwrap_or_default();
        Ok(Self {
            index: index(raw.index).unwrap_or(place),
            text: said.text.map(|text| text.decode()).filter(|text| !text.is_empty()),
            refusal: said.refusal,
            reasoning: said.reasoning,
            media: said.media,
            tool_fragments: said.fragments,
            finish: FinishReason::read(raw.finish_reason, raw.native_finish_reason),
        })
    }
}

/// The chunk without its `usage` member, for a caller who did not ask for it. `usage` is [`Chunk::usage_span`] of these
/// very bytes.
#[must_use]
pub fn without_usage(chunk: &Bytes, usage: Range<usize>) -> Bytes {
    let mut splice = Splice::new();
    splice.remove_member(chunk, usage);
    splice.apply(chunk)
}

/// An index, where it is a number.
pub(crate) fn index(raw: Option<&RawValue>) -> Option<u32> {
    raw.and_then(|raw| raw.get().parse().ok())
}

/// A count, where it is a whole number; some servers write `5.0`.
fn count(raw: Option<&RawValue>) -> Option<u64> {
    let text = raw?.get();
    text.strip_suffix(".0").unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests;
