//! Where evidence becomes an observation: what the wire shows, what was promised, how the transport ended.
//!
//! A joint, not a judge of its own: signals are classified by the wire crate's table, answers are held against
//! promises by the contract crate, and what follows from either is the walk's.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use switchback_contract::{Answer, ToolCall, Violation};
use switchback_core::failure::{Detail, Failure, FailureClass};
use switchback_core::record::Usage;
use switchback_core::step::Facts;
use switchback_wire::chat::{self, Whole};
use switchback_wire::delta::FinishReason;
use switchback_wire::reset::Headers;
use switchback_wire::signal::{Signal, classify};

use crate::admit::Admitted;
use crate::kept::{Kept, Lost};
use crate::upstream::SendError;

/// Most bytes of an error that are looked at.
const MOST_LOOKED_AT: usize = 1024 * 1024;

/// What was asked, and what came back as a head: the evidence to classify by.
pub(crate) struct Evidence {
    pub(crate) request: Arc<Admitted>,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) now_unix_ms: u64,
}

impl Evidence {
    /// What a reply with a bad status, an error in a good one, or something that is no answer stands for.
    pub(crate) fn classify(&self, body: &[u8]) -> Failure {
        let look_up = |name: &str| self.headers.get(name).and_then(|it| it.to_str().ok());
        classify(&Signal {
            status: self.status,
            headers: Headers::new(&look_up),
            body: body.get(..MOST_LOOKED_AT).unwrap_or(body),
            request: &self.request.body,
            now_unix_ms: self.now_unix_ms,
        })
    }

    /// A whole answer with a good status.
    pub(crate) fn whole(&self, body: Bytes, facts: &mut Facts) -> Result<Kept, Lost> {
        let answer = match Whole::read(&body) {
            Ok(whole) if !whole.failed => whole.answer,
            Ok(_) | Err(_) => return Err(self.classify(&body).into()),
        };
        facts.model = answer.model.as_deref().map(short);
        facts.usage = answer.usage.map(usage);
        match judge(&answer, &self.request) {
            None => Ok(Kept::Whole(body)),
            Some(failure) if failure.has_providers_words() => {
                Err(Lost { failure: Box::new(failure), kept: Kept::Whole(body) })
            }
            Some(failure) => Err(failure.into()),
        }
    }
}

/// What the answer shows by itself. Its words are at hand: a refusal, or what a filter left, can be passed on.
pub(crate) fn on_the_wire(answer: &chat::Answer<'_>) -> Option<Failure> {
    switchback_wire::judge::judge(answer).map(|failure| Failure { words_kept: true, ..failure })
}

/// Holds an answer against what the wire shows and what the request and its task promise.
pub(crate) fn judge(answer: &chat::Answer<'_>, request: &Admitted) -> Option<Failure> {
    if let Some(failure) = on_the_wire(answer) {
        return Some(failure);
    }
    answer.choices.iter().find_map(|choice| {
        let calls = choice.tool_calls.iter();
        let tool_calls = calls.map(|it| ToolCall { name: (&*it.name).into(), arguments: (&*it.arguments).into() });
        let given = Answer {
            text: choice.text(),
            tool_calls: tool_calls.collect(),
            refusal: choice.refusal.is_some(),
            media: choice.media,
            truncated: choice.finish == Some(FinishReason::Length),
        };
        request.promise.judge(&given).err().map(|it| violated(&it))
    })
}

/// A promise that was not kept.
pub(crate) fn violated(violation: &Violation) -> Failure {
    let failure = Failure::new(violation.class).with_detail(violation.detail);
    Failure { status: Some(200), ..failure }.with_message(short(&violation.to_string()))
}

/// Something that breaks the protocol itself.
pub(crate) fn malformed(why: &str) -> Failure {
    let failure = Failure::new(FailureClass::Contract).with_detail(Detail::Malformed).with_message(why);
    Failure { status: Some(200), ..failure }
}

/// An answer above the bound.
pub(crate) fn too_large(most: usize) -> Failure {
    malformed(&format!("the answer is larger than {most} bytes"))
}

/// The answer stopped in the middle.
pub(crate) fn unfinished(why: &str) -> Failure {
    Failure::new(FailureClass::Transport).with_detail(Detail::Unfinished).with_message(why)
}

/// A call that did not come as far as a head.
pub(crate) fn not_sent(error: &SendError) -> Failure {
    let (class, detail) = match error {
        SendError::Dns(_) => (FailureClass::Transport, Some(Detail::Dns)),
        SendError::Connect(_) => (FailureClass::Transport, Some(Detail::Connect)),
        SendError::ConnectTimeout => (FailureClass::Timeout, Some(Detail::Connect)),
        SendError::Tls(_) => (FailureClass::Transport, Some(Detail::Tls)),
        SendError::Reset => (FailureClass::Transport, Some(Detail::Reset)),
        SendError::Protocol(_) => (FailureClass::Contract, Some(Detail::Malformed)),
    };
    let failure = Failure::new(class).with_message(short(&error.to_string()));
    Failure { detail, ..failure }
}

pub(crate) fn usage(usage: switchback_wire::delta::Usage) -> Usage {
    Usage { prompt: usage.prompt, completion: usage.completion, cached: usage.cached, reasoning: usage.reasoning }
}

/// At most 300 characters, for records.
pub(crate) fn short(text: &str) -> Box<str> {
    text.chars().take(300).collect::<String>().into()
}
