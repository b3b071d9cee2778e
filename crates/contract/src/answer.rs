//! What is judged, and what a judgement against it says.
//!
//! The shapes here are the canonical ones of every dialect; nothing here knows a provider or reads bytes of the wire.

use std::borrow::Cow;
use std::fmt;

use switchback_core::failure::{Detail, FailureClass};

use crate::schema::Finding;

/// A whole answer, as its dialect understood it.
#[derive(Debug, Clone, Default)]
pub struct Answer<'a> {
    /// The text of the message without reasoning, where there is any.
    pub text: Option<Cow<'a, str>>,
    /// The calls, in order.
    pub tool_calls: Vec<ToolCall<'a>>,
    /// Whether the model declined; its words are for the caller and not judged here.
    pub refusal: bool,
    /// Whether an output cap cut the answer.
    pub truncated: bool,
    /// Whether it holds images or audio: then it is not empty, and keeps no other promise by that.
    pub media: bool,
}

/// One tool call of an answer.
#[derive(Debug, Clone)]
pub struct ToolCall<'a> {
    /// Name of the function or custom tool.
    pub name: Cow<'a, str>,
    /// The arguments as they came: JSON text for a function, any text for a custom tool.
    pub arguments: Cow<'a, str>,
}

/// How an answer breaks its promise. Displayed as one line that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// [`FailureClass::Contract`], or [`FailureClass::Truncated`] where an output cap explains it.
    pub class: FailureClass,
    /// [`Detail::Json`], [`Detail::Schema`], [`Detail::ToolCall`], [`Detail::ToolMissing`] or [`Detail::Empty`].
    pub detail: Detail,
    /// The tool that was called wrongly, or should have been; bounded.
    pub tool: Option<Box<str>>,
    /// 1 to [`MOST_FINDINGS`](crate::MOST_FINDINGS) findings, pointers into the answer's JSON or into the arguments.
    pub findings: Vec<Finding>,
}

// === impl Answer ===

impl Answer<'_> {
    /// Whether there is nothing in it: no text but white space, no tool call, no refusal, no media.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let text = self.text.as_deref().unwrap_or_default();
        !self.refusal && !self.media && self.tool_calls.is_empty() && text.trim().is_empty()
    }
}

// === impl Violation ===

impl Violation {
    pub(crate) fn new(detail: Detail, findings: Vec<Finding>) -> Self {
        Self { class: FailureClass::Contract, detail, tool: None, findings }
    }

    /// With one finding about the whole.
    pub(crate) fn of(detail: Detail, message: impl AsRef<str>) -> Self {
        Self::new(detail, vec![Finding::new("", message)])
    }

    pub(crate) fn with_tool(mut self, name: &str) -> Self {
        self.tool = Some(crate::words::excerpt(name, 64).into());
        self
    }

    /// The same failure, explained by an output cap.
    pub(crate) fn cut(mut self) -> Self {
        self.class = FailureClass::Truncated;
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.class == FailureClass::Truncated {
            f.write_str("cut off by its output cap: ")?;
        }
        if let Some(tool) = &self.tool {
            write!(f, "tool {tool}: ")?;
        }
        match self.findings.split_first() {
            Some((first, [])) => write!(f, "{first}"),
            Some((first, more)) => write!(f, "{first} (and {} more)", more.len()),
            None => f.write_str(self.detail.name()),
        }
    }
}

impl std::error::Error for Violation {}
