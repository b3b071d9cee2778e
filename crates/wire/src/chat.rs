//! Whole answers: a 2xx body as it came, read where it lies, in the one view that judging works on.
//!
//! The same view ([`Answer`]) is made from a stream by [`Assembly`](crate::assembly::Assembly), so that an answer is
//! judged alike however it travelled. Compatible servers may leave out indexes, send parts for text, objects for
//! arguments, or the older `function_call`. The bytes that a client receives are never rebuilt from this view.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use switchback_core::failure::{Detail, Failure, FailureClass};

use crate::delta::{self, FinishReason, ToolFragment, Usage};
use crate::json;
use crate::said::{Said, Text};

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
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
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
                    json::object(choice.get()).map_err(|_| Malformed("a choice is not an object"))?;
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
        let said = raw.message.map(Said::read).transpose()?.unwrap_or_default();
        Ok(Self {
            index: delta::index(raw.index).unwrap_or(place),
            text: said.text,
            refusal: said.refusal,
            tool_calls: said.fragments.into_iter().map(ToolCall::from).collect(),
            finish: FinishReason::read(raw.finish_reason),
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

// === impl Malformed ===

impl Malformed {
    /// The failure that it is of the attempt.
    #[must_use]
    pub fn failure(self) -> Failure {
        Failure::new(FailureClass::Contract).with_detail(Detail::Malformed).with_message(self.0)
    }
}

#[cfg(test)]
mod tests;
