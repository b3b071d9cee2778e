//! Whole answers: a 2xx body as it came, read where it lies, in the one view that judging works on.
//!
//! The same view ([`Answer`]) is made from a stream by [`Assembly`](crate::assembly::Assembly), so that an answer is
//! judged alike however it travelled. Compatible servers may leave out indexes, send parts for text, objects for
//! arguments, or the older `function_call`. The bytes that a client receives are never rebuilt from this view.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use switchback_core::failure::{Detail, Failure, FailureClass};

use crate::delta::{self, FinishReason, ToolFragment, Usage};
use crate::json::{self, Members, Object};
use crate::said::{RawSaid, Said, Text};
use crate::splice::Splice;

/// Most choices that one answer may have; OpenAI's bound for `n`.
pub(crate) const MAX_CHOICES: usize = 128;

/// An answer, whole.
#[derive(Debug, Clone, Default)]
pub struct Answer<'a> {
    /// The completion's id.
    pub id: Option<Cow<'a, str>>,
    /// The model that answered, as the provider names it.
    pub model: Option<Cow<'a, str>>,
    /// The choices, in the order they came.
    pub choices: Vec<Choice<'a>>,
    /// What the provider counted.
    pub usage: Option<Usage>,
}

/// One choice of an answer.
#[derive(Debug, Clone, Default)]
pub struct Choice<'a> {
    /// Its index.
    pub index: u32,
    pub(crate) text: Option<Text<'a>>,
    /// The model's refusal, not empty.
    pub refusal: Option<Cow<'a, str>>,
    /// Its tool calls, in order.
    pub tool_calls: Vec<ToolCall>,
    /// Why it ended.
    pub finish: Option<FinishReason>,
    /// Whether it came with reasoning.
    pub reasoning: bool,
    /// Whether it holds audio or pictures.
    pub media: bool,
}

/// One tool call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolCall {
    /// Its id; the older `function_call` has none.
    pub id: Option<Box<str>>,
    /// The tool's name; empty where the server gave none.
    pub name: Box<str>,
    /// The arguments as the model wrote them, which need not be JSON; a custom tool's input.
    pub arguments: Box<str>,
    /// A custom tool: `arguments` is free text.
    pub custom: bool,
}

/// A 2xx body.
#[derive(Debug, Clone)]
pub struct Whole<'a> {
    /// The answer in it.
    pub answer: Answer<'a>,
    /// The body carries an error in spite of its status: hand it to [`classify`](crate::signal::classify).
    pub failed: bool,
}

/// What of an answer's first choice was mended. The rest of the answer stays as it came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mended<'a> {
    /// The text that takes the place of its text.
    pub text: Option<&'a str>,
    /// Arguments that take the place of those of its tool calls, by the call's place.
    pub arguments: &'a [(usize, &'a str)],
}

/// Why bytes with a good status are not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) &'static str);

#[derive(Deserialize)]
struct RawAnswer<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    choices: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawChoice<'a> {
    #[serde(borrow, default)]
    index: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<Object<RawSaid<'a>>>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
    #[serde(borrow, default)]
    native_finish_reason: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

// === impl Whole ===

impl<'a> Whole<'a> {
    /// Reads a body. White space before and after is allowed: some servers keep the line alive with it.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it is not a completion by its form. A completion without choices is read; judging it is
    /// [`judge`](crate::judge::judge)'s work.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let raw: RawAnswer<'a> = json::object_in(body).map_err(|_| Malformed("the body is not a JSON object"))?;
        let mut failed = json::truthy(raw.error);
        let mut choices = Vec::new();
        if let Some(list) = raw.choices {
            let list = json::elements(list).ok_or(Malformed("'choices' is not an array"))?;
            if list.len() > MAX_CHOICES {
                return Err(Malformed("the answer has too many choices"));
            }
            for (place, choice) in (0u32..).zip(list) {
                let choice: RawChoice<'a> =
                    json::object(choice.get()).map_err(|_| Malformed("a choice or its message is not an object"))?;
                failed |= json::truthy(choice.error);
                choices.push(Choice::read(&choice, place)?);
            }
        }
        let usage = Usage::read(raw.usage);
        let answer = Answer { id: json::filled(raw.id), model: json::filled(raw.model), choices, usage };
        Ok(Self { answer, failed })
    }
}

// === impl Answer ===

impl Answer<'_> {
    /// Whether an output cap cut any choice. A fact, not a failure: only a promise makes it one.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.choices.iter().any(|choice| choice.finish == Some(FinishReason::Length))
    }
}

// === impl Choice ===

impl<'a> Choice<'a> {
    /// The text, decoded on demand; `None` where there is none or it is empty.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'a, str>> {
        self.text.as_ref().map(Text::decode)
    }

    /// Whether nothing came that a caller could use: no text, no tool call, no refusal, no media.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_none() && self.tool_calls.is_empty() && self.refusal.is_none() && !self.media
    }

    fn read(raw: &RawChoice<'a>, place: u32) -> Result<Self, Malformed> {
        let said = raw.message.as_ref().map(|Object(it)| Said::of(it)).transpose()?.unwrap_or_default();
        Ok(Self {
            index: delta::index(raw.index).unwrap_or(place),
            text: said.text,
            refusal: said.refusal,
            tool_calls: said.fragments.into_iter().map(ToolCall::from).collect(),
            finish: FinishReason::read(raw.finish_reason, raw.native_finish_reason),
            reasoning: said.reasoning,
            media: said.media,
        })
    }
}

// === impl ToolCall ===

impl From<ToolFragment<'_>> for ToolCall {
    fn from(whole: ToolFragment<'_>) -> Self {
        Self {
            id: whole.id.map(Into::into),
            name: whole.name.unwrap_or_default().into(),
            arguments: whole.arguments.unwrap_or_default().into(),
            custom: whole.custom,
        }
    }
}

// === impl Mended ===

impl<'a> Mended<'a> {
    /// The arguments of the call at this place, if they were mended.
    pub(crate) fn arguments_of(&self, place: usize) -> Option<&'a str> {
        self.arguments.iter().find(|(call, _)| *call == place).map(|(_, arguments)| *arguments)
    }
}

// === impl Malformed ===

impl Malformed {
    /// The failure that it is of the attempt.
    #[must_use]
    pub fn failure(self) -> Failure {
        Failure::new(FailureClass::Contract).with_detail(Detail::Malformed).with_message(self.0)
    }
}

/// The body with its first choice mended and every other byte as it came; `None` where there is no such choice or call
/// to mend. What is set is a string, also where the server gave parts or an object.
#[must_use]
pub fn mended(body: &Bytes, mended: &Mended<'_>) -> Option<Bytes> {
    let text = std::str::from_utf8(body).ok()?;
    let choices = Members::read(text.trim_start())?.get("choices").and_then(json::elements)?;
    let message = Members::of(Some(choices.first()?)).get("message")?;
    let members = Members::read(message.get())?;
    let mut splice = Splice::new();
    let mut set = |object: &RawValue, name: &str, value: &str| {
        let end = json::span(body, object).end.saturating_sub(1);
        // Also a `null` is replaced, not given twice.
        let there = Members::of(Some(object)).0.into_iter().rev().find(|(key, _)| key == name);
        match there {
            Some((_, old)) => splice.replace(json::span(body, old), json::quote(value)),
            None => splice.insert_member(end, name, &json::quote(value)),
        }
    };
    if let Some(text) = mended.text {
        set(message, "content", text);
    }
    let calls = members.get("tool_calls").and_then(json::elements).unwrap_or_default();
    for (place, arguments) in mended.arguments {
        let call = calls.get(*place).map(|call| Members::of(Some(call)));
        let function = call.as_ref().and_then(|call| call.get("function"));
        let custom = call.as_ref().and_then(|call| call.get("custom"));
        let older = members.get("function_call").filter(|_| calls.is_empty() && *place == 0);
        match (function.or(older), custom) {
            (Some(function), _) => set(function, "arguments", arguments),
            (None, Some(custom)) => set(custom, "input", arguments),
            (None, None) => return None,
        }
    }
    Some(splice.apply(body))
}

#[cfg(test)]
mod tests;
