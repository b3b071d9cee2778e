//! Where evidence becomes an observation: what the wire shows, what was promised, how the transport ended.
//!
//! A joint, not a judge of its own: signals are classified by the wire crate's table, answers are held against
//! promises by the contract crate, and what follows from either is the walk's.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use switchback_contract::{Answer, Repaired, ToolCall, Violation};
use switchback_core::failure::{Detail, Failure, FailureClass};
use switchback_core::id::Name;
use switchback_core::policy::StreamMode;
use switchback_core::record::Usage;
use switchback_core::route::Capability;
use switchback_core::step::Facts;
use switchback_wire::chat::{self, Mended, Whole};
use switchback_wire::delta::FinishReason;
use switchback_wire::dialect::{self, Api};
use switchback_wire::reset::Headers;
use switchback_wire::signal::{Signal, classify};

use crate::admit::Admitted;
use crate::broken::Broken;
use crate::kept::{Kept, Lost};
use crate::upstream::SendError;

/// Most bytes of its own answer that a model is shown.
const MOST_SHOWN: usize = 64 * 1024;
/// Most bytes of an error that are looked at.
const MOST_LOOKED_AT: usize = 1024 * 1024;

/// What was asked, and what came back as a head: the evidence to classify by.
pub(crate) struct Evidence {
    pub(crate) request: Arc<Admitted>,
    pub(crate) api: Api,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) now_unix_ms: u64,
    /// Whether the task's schema went up in the provider's own form, unasked by the caller.
    pub(crate) native: bool,
    /// Whether usage was asked for, unasked by the caller.
    pub(crate) usage: bool,
    /// Whether a call of a tool has to come, because the model was asked to make its broken one again.
    pub(crate) owes_call: bool,
}

/// The field in which the task's schema goes up; the answer is validated all the same, so it can be left out.
pub(crate) const RESPONSE_FORMAT: &str = "response_format";
/// The field in which usage is asked for; without it the cost of a stream is unknown.
pub(crate) const STREAM_OPTIONS: &str = "stream_options";

impl Evidence {
    /// What a reply with a bad status, an error in a good one, or something that is no answer stands for.
    pub(crate) fn classify(&self, body: &[u8]) -> Failure {
        let look_up = |name: &str| self.headers.get(name).and_then(|it| it.to_str().ok());
        let failure = classify(&Signal {
            status: self.status,
            headers: Headers::new(&look_up),
            body: body.get(..MOST_LOOKED_AT).unwrap_or(body),
            request: &self.request.body,
            now_unix_ms: self.now_unix_ms,
        });
        self.of_our_own_making(failure)
    }

    /// A provider that rejects what we added can do without it: that is not the caller's mistake.
    fn of_our_own_making(&self, failure: Failure) -> Failure {
        const SCHEMA: [&str; 5] = ["response_format", "json_schema", "output_config", "structured output", "schema"];
        const USAGE: [&str; 2] = ["stream_options", "include_usage"];
        let said = [failure.param.as_deref(), failure.message.as_deref()].into_iter().flatten();
        let said: Vec<String> = said.map(str::to_ascii_lowercase).collect();
        let about = |signs: &[&str]| said.iter().any(|it| signs.iter().any(|sign| it.contains(sign)));
        // Words about a schema in a filter's verdict, or about a window, are about something else.
        let is_about_the_request = [FailureClass::InvalidRequest, FailureClass::Capability].contains(&failure.class);
        if !is_about_the_request {
            return failure;
        }
        let hint = match self.status {
            400 | 422 if self.usage && about(&USAGE) => STREAM_OPTIONS,
            400 | 422 if self.native && about(&SCHEMA) => RESPONSE_FORMAT,
            _ => return failure,
        };
        Failure { class: FailureClass::Capability, hint: Some(hint), ..failure }
    }

    /// Whether a local server has silently left out most of the prompt to make it fit its window.
    pub(crate) fn prompt_was_cut(&self, usage: Option<&switchback_wire::delta::Usage>) -> bool {
        let needs = self.request.head.needs;
        let text_only = !needs.has(Capability::Images) && !needs.has(Capability::Audio) && !needs.has(Capability::Pdf);
        let reported = usage.and_then(|it| it.prompt).filter(|_| text_only && self.api == Api::OpenAiCompatible);
        reported.is_some_and(|it| switchback_wire::judge::prompt_was_cut(it, self.request.head.message_tokens))
    }

    /// When this reply came, Unix seconds.
    pub(crate) fn created(&self) -> u64 {
        self.now_unix_ms / 1_000
    }

    /// How much of a stream is judged before any of it may leave. Words in the place of a call must not.
    pub(crate) fn mode(&self) -> StreamMode {
        if self.owes_call { StreamMode::Assured } else { self.request.mode }
    }

    /// Holds an answer against what the wire shows, what the request and its task promise, and what a repair owes: words
    /// about a call are an answer to what the caller never said.
    pub(crate) fn judge(&self, answer: &chat::Answer<'_>) -> Judged {
        let judged = judge(answer, &self.request);
        let called = answer.choices.iter().any(|it| !it.tool_calls.is_empty());
        if called || !self.owes_call || matches!(judged, Judged::Lost(..)) {
            return judged;
        }
        let why = "the broken tool call was not made again";
        let failure = Failure::new(FailureClass::Contract).with_detail(Detail::ToolMissing).with_message(why);
        Judged::Lost(Box::new(Failure { status: Some(200), ..failure }), None)
    }

    /// A whole answer with a good status.
    pub(crate) fn whole(&self, body: &Bytes, facts: &mut Facts) -> Result<Kept, Lost> {
        let body = dialect::whole(self.api, body, self.created());
        let answer = match Whole::read(&body) {
            Ok(whole) if !whole.failed => whole.answer,
            Ok(_) | Err(_) => return Err(self.classify(&body).into()),
        };
        facts.model = answer.model.as_deref().map(short);
        facts.usage = answer.usage.map(usage);
        if self.prompt_was_cut(answer.usage.as_ref()) {
            return Err(prompt_cut().into());
        }
        match self.judge(&answer) {
            Judged::Sound => Ok(Kept::Whole(body)),
            Judged::Mended(mended) => {
                facts.mended = names_of(&mended);
                let arguments = arguments_of(&mended);
                let edit = Mended { text: mended.text.as_deref(), arguments: &arguments };
                let whole = chat::mended(&body, &edit);
                whole.map(Kept::Whole).ok_or_else(|| malformed("a mended answer could not be written").into())
            }
            Judged::Lost(failure, _) if failure.has_providers_words() => Err(Lost { failure, kept: Kept::Whole(body) }),
            Judged::Lost(failure, broken) => Err(Lost { failure, kept: broken.map_or(Kept::Nothing, Kept::Broken) }),
        }
    }
}

/// What became of an answer that was held against what was promised.
pub(crate) enum Judged {
    /// It keeps its promise.
    Sound,
    /// It did not, and was made to without another call.
    Mended(Repaired),
    /// It does not; where the model could mend it, with what to show it.
    Lost(Box<Failure>, Option<Box<Broken>>),
}

/// What the answer shows by itself. Its words are at hand: a refusal, or what a filter left, can be passed on.
pub(crate) fn on_the_wire(answer: &chat::Answer<'_>) -> Option<Failure> {
    switchback_wire::judge::judge(answer).map(|failure| Failure { words_kept: true, ..failure })
}

/// Holds an answer against what the wire shows and what the request and its task promise.
pub(crate) fn judge(answer: &chat::Answer<'_>, request: &Admitted) -> Judged {
    if let Some(failure) = on_the_wire(answer) {
        return Judged::Lost(Box::new(failure), None);
    }
    for choice in &answer.choices {
        let given = given(choice);
        let Err(violation) = request.promise.judge(&given) else { continue };
        // Of several choices each would have to be mended, and a model shown one of them: that is not offered.
        let lone = answer.choices.len() == 1;
        if lone
            && request.repair.local
            && let Some(mended) = request.promise.repair(&given)
        {
            return Judged::Mended(mended);
        }
        let mendable = lone && request.promise.is_mendable(&given, &violation);
        let broken = mendable.then(|| shown(&given, request.promise.errors_for_model(&violation)));
        let failure = Failure { repairable: mendable, ..violated(&violation) };
        return Judged::Lost(Box::new(failure), broken.map(Box::new));
    }
    Judged::Sound
}

/// A choice as the contract crate sees it.
fn given<'a>(choice: &'a chat::Choice<'a>) -> Answer<'a> {
    let calls = choice.tool_calls.iter();
    let tool_calls = calls.map(|it| ToolCall { name: (&*it.name).into(), arguments: (&*it.arguments).into() });
    Answer {
        text: choice.text(),
        tool_calls: tool_calls.collect(),
        refusal: choice.refusal.is_some(),
        media: choice.media,
        truncated: choice.finish == Some(FinishReason::Length),
    }
}

/// What the model is shown to mend its answer.
fn shown(given: &Answer<'_>, errors: String) -> Broken {
    Broken { said: said(given), errors, called: !given.tool_calls.is_empty() }
}

/// What the model is shown of its own answer.
fn said(given: &Answer<'_>) -> String {
    let mut said = given.text.as_deref().unwrap_or_default().to_owned();
    for call in &given.tool_calls {
        if !said.is_empty() {
            said.push('\n');
        }
        said.push_str(&format!("{}({})", call.name, call.arguments));
    }
    let end = said.char_indices().map(|(at, _)| at).find(|at| *at >= MOST_SHOWN).unwrap_or(said.len());
    said.truncate(end);
    said
}

/// What was mended, by name.
pub(crate) fn names_of(mended: &Repaired) -> Vec<Name> {
    mended.steps.iter().map(|it| it.name().into()).collect()
}

/// The calls whose arguments were mended, by their places.
pub(crate) fn arguments_of(mended: &Repaired) -> Vec<(usize, &str)> {
    mended.arguments.iter().map(|(place, text)| (*place, &**text)).collect()
}

/// A promise that was not kept.
pub(crate) fn violated(violation: &Violation) -> Failure {
    let failure = Failure::new(violation.class).with_detail(violation.detail);
    Failure { status: Some(200), ..failure }.with_message(short(&violation.to_string()))
}

/// The same where an output cap cut what broke it.
pub(crate) fn cut(failure: Failure) -> Failure {
    Failure { class: FailureClass::Truncated, ..failure }
}

/// The answer is to another, shorter prompt than the one that was sent.
pub(crate) fn prompt_cut() -> Failure {
    let why = "the server counted far fewer prompt tokens than were sent: it has cut the prompt to fit its window";
    let failure = Failure::new(FailureClass::ContextWindow).with_message(why);
    Failure { status: Some(200), ..failure }
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
    let switchback_wire::delta::Usage { prompt, completion, cached, cache_write, reasoning } = usage;
    Usage { prompt, completion, cached, cache_write, reasoning }
}

/// At most 300 characters, for records.
pub(crate) fn short(text: &str) -> Box<str> {
    first_of(text, 300).into()
}

/// The first characters of a text. One with so few bytes is whole, and its characters need no counting.
pub(crate) fn first_of(text: &str, n_chars: usize) -> &str {
    if text.len() <= n_chars {
        return text;
    }
    let end = text.char_indices().nth(n_chars).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}
