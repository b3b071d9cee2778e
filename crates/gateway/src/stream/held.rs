//! What was seen of a stream, and what of it may leave: the state machine, without a clock or a socket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use switchback_contract::Repaired;
use switchback_core::failure::Failure;
use switchback_core::id::Name;
use switchback_core::policy::StreamMode;
use switchback_wire::assembly::Assembly;
use switchback_wire::chat::Mended;
use switchback_wire::delta::{Chunk, FinishReason, without_usage};
use switchback_wire::splice;
use switchback_wire::sse::{SseEvent, write_event};

use crate::admit::Admitted;
use crate::broken::Broken;
use crate::judge::{self, Evidence, Judged};

use super::{GRACE, GRACE_FOR_USAGE, MOST_HELD};

/// What was seen of a stream, and what of it may leave.
pub(crate) struct Held {
    pub(super) request: Arc<Admitted>,
    evidence: Evidence,
    pub(super) assembly: Assembly,
    /// Frames that may leave, in order.
    ready: Vec<Bytes>,
    pub(super) n_ready: usize,
    /// Chunks of tool calls that are not whole yet.
    tools: Vec<Bytes>,
    /// Chunks with a finish reason.
    finish: Vec<Bytes>,
    n_finished: usize,
    /// Bytes of what is held for its tool call or for the end.
    n_tools: usize,
    usage: Option<Bytes>,
    pub(super) model: Option<Box<str>>,
    pub(super) may_commit: bool,
    pub(super) done: bool,
    /// Whether a frame has gone to the caller.
    has_left: bool,
    /// Whether a piece of a tool call shared its chunk with words or with the finish.
    is_mixed: bool,
    /// What was mended of a stream that was judged whole.
    pub(super) mended: Vec<Name>,
    /// What the model could be shown of a whole answer that broke its promise.
    pub(super) broken: Option<Box<Broken>>,
}

// === impl Held ===

impl Held {
    pub(crate) fn new(evidence: Evidence) -> Self {
        Self {
            request: Arc::clone(&evidence.request),
            evidence,
            assembly: Assembly::new(MOST_HELD),
            ready: Vec::new(),
            n_ready: 0,
            tools: Vec::new(),
            finish: Vec::new(),
            n_finished: 0,
            n_tools: 0,
            usage: None,
            model: None,
            may_commit: false,
            done: false,
            has_left: false,
            is_mixed: false,
            mended: Vec::new(),
            broken: None,
        }
    }

    /// How much of it is judged before any of it may leave.
    pub(super) fn mode(&self) -> StreamMode {
        self.evidence.mode()
    }

    /// Takes one event; whether it was content.
    pub(crate) fn take(&mut self, event: &SseEvent) -> Result<bool, Failure> {
        if event.is_done() {
            if !self.assembly.complete() {
                return Err(judge::malformed("the stream said that it was done without a finish reason"));
            }
            self.done = true;
            return Ok(false);
        }
        let chunk = Chunk::read(&event.data).map_err(|_| judge::malformed("a chunk of the stream is not valid"))?;
        if chunk.failed {
            return Err(self.evidence.classify(&event.data));
        }
        let n_held = self.n_ready.saturating_add(self.n_tools);
        if self.assembly.push(&chunk).is_err() || n_held + event.data.len() > MOST_HELD {
            return Err(judge::too_large(MOST_HELD));
        }
        if self.model.is_none() {
            self.model = chunk.model.as_deref().map(judge::short);
        }
        self.place(&chunk, event)?;
        Ok(chunk.has_content())
    }

    /// Puts a chunk where it belongs: ready to leave, held with its tool call, or held for the end.
    fn place(&mut self, chunk: &Chunk<'_>, event: &SseEvent) -> Result<(), Failure> {
        let asked = self.request.head.include_usage;
        if chunk.is_usage_only() {
            self.usage = asked.then(|| event.data.clone());
            return Ok(());
        }
        let data = match &chunk.usage_span {
            Some(span) if !asked => without_usage(&event.data, span.clone()),
            _ => event.data.clone(),
        };
        self.is_mixed |= has_tool_fragment(chunk) && (chunk.finishes() || has_words(chunk));
        if chunk.finishes() {
            self.n_finished += chunk.choices.iter().filter(|it| it.finish.is_some()).count();
            self.n_tools += data.len();
            self.finish.push(data);
            return self.judge_finish(chunk);
        }
        if has_tool_fragment(chunk) {
            self.judge_tool_calls(false)?;
            self.n_tools += data.len();
            self.tools.push(data);
        } else {
            self.let_go(&data);
            // A refusal is short, and the head can only tell of it when it is held to its end.
            self.may_commit |= chunk.has_content() && !declines(chunk);
        }
        Ok(())
    }

    /// A choice has ended: its tool calls are whole and may leave. What a filter cut is not: the decision stands, and
    /// half a call is of no use to anybody.
    fn judge_finish(&mut self, chunk: &Chunk<'_>) -> Result<(), Failure> {
        if judge::on_the_wire(&self.assembly.answer()).is_some_and(|it| it.has_providers_words()) {
            self.tools.clear();
            self.n_tools = 0;
            return Ok(());
        }
        let cut = chunk.choices.iter().any(|it| it.finish == Some(FinishReason::Length));
        if let Err(failure) = self.judge_tool_calls(cut) {
            self.mend_calls(failure, cut)?;
        }
        // Of several choices none leaves before all are whole: what is held is not sorted by choice.
        if self.assembly.complete() {
            self.release_tools();
        }
        Ok(())
    }

    /// Judges tool calls as they become whole; all of them at the finish, where the last may have been cut.
    fn judge_tool_calls(&mut self, cut: bool) -> Result<(), Failure> {
        if self.mode() != StreamMode::Live {
            return Ok(());
        }
        for (_, call) in self.assembly.take_whole_calls() {
            let judged = self.request.promise.judge_tool_call(&call.name, &call.arguments);
            judged.map_err(|it| {
                let failure = judge::violated(&it);
                if cut { judge::cut(failure) } else { failure }
            })?;
        }
        Ok(())
    }

    /// Calls that broke their promise are told anew where they can be mended; nothing of them has left.
    fn mend_calls(&mut self, failure: Failure, cut: bool) -> Result<(), Failure> {
        if cut || self.n_finished != 1 {
            return Err(failure);
        }
        match self.evidence.judge(&self.assembly.answer()) {
            Judged::Mended(mended) if !self.has_left => {
                self.tell_anew(&mended);
                self.may_commit = true;
                Ok(())
            }
            // Where a call shares a chunk with words or with the finish, it cannot be taken out of what is held.
            Judged::Mended(mended) if mended.text.is_none() && !self.is_mixed => {
                // The first chunk is the text, which has left or is ready to; the last the finish, which is held.
                let chunks = self.tell_calls_anew(&mended);
                self.tools = chunks;
                self.mended = judge::names_of(&mended);
                Ok(())
            }
            Judged::Lost(failure, broken) => {
                self.broken = broken;
                Err(*failure)
            }
            Judged::Mended(_) | Judged::Sound => Err(failure),
        }
    }

    fn tell_calls_anew(&self, mended: &Repaired) -> Vec<Bytes> {
        let arguments = judge::arguments_of(mended);
        let mut chunks = self.assembly.mended(&Mended { text: None, arguments: &arguments });
        chunks.pop();
        chunks.drain(..chunks.len().min(1));
        chunks
    }

    fn release_tools(&mut self) {
        for data in std::mem::take(&mut self.tools) {
            self.let_go(&data);
            self.may_commit = true;
        }
    }

    fn let_go(&mut self, data: &Bytes) {
        self.n_ready += data.len();
        self.ready.push(write_event(data));
    }

    pub(super) fn grace(&self) -> Duration {
        if self.request.head.include_usage && self.usage.is_none() { GRACE_FOR_USAGE } else { GRACE }
    }

    pub(super) fn is_finished(&self) -> bool {
        let n_asked = usize::try_from(self.request.head.n).unwrap_or(usize::MAX);
        self.n_finished >= n_asked && self.assembly.complete()
    }

    /// Holds the whole answer against what the wire shows and what was promised. What could be mended is told anew,
    /// where nothing of it has left.
    pub(super) fn judge_end(&mut self) -> Result<(), Failure> {
        let whole = self.mode() == StreamMode::Assured;
        if whole && self.evidence.prompt_was_cut(self.assembly.usage().as_ref()) {
            return Err(judge::prompt_cut());
        }
        match self.evidence.judge(&self.assembly.answer()) {
            Judged::Sound => Ok(()),
            Judged::Mended(mended) if whole || (!self.has_left && self.mended.is_empty()) => {
                self.tell_anew(&mended);
                Ok(())
            }
            // Its calls were told anew when they were whole.
            Judged::Mended(_) if !self.mended.is_empty() => Ok(()),
            Judged::Mended(_) => Err(judge::malformed("the stream broke its promise after part of it had left")),
            Judged::Lost(failure, broken) => {
                self.broken = broken;
                Err(*failure)
            }
        }
    }

    fn tell_anew(&mut self, mended: &Repaired) {
        let arguments = judge::arguments_of(mended);
        let mut chunks = self.assembly.mended(&Mended { text: mended.text.as_deref(), arguments: &arguments });
        self.mended = judge::names_of(mended);
        self.finish = chunks.pop().into_iter().collect();
        self.tools.clear();
        self.ready.clear();
        chunks.iter().for_each(|it| self.let_go(it));
    }

    /// What may leave now.
    pub(crate) fn ready(&mut self) -> Vec<Bytes> {
        self.n_ready = 0;
        self.has_left |= !self.ready.is_empty();
        std::mem::take(&mut self.ready)
    }

    /// The last frames: the held finish chunks, of which the last carries our object, usage where the caller asked for
    /// it, and the end marker.
    pub(crate) fn last_frames(&mut self, object: &str) -> Vec<Bytes> {
        let mut frames = self.ready();
        let mut finish = std::mem::take(&mut self.finish);
        let last = finish.pop().and_then(|it| splice::with_member(&it, "switchback", object));
        frames.extend(finish.iter().map(|it| write_event(it)));
        // Without a finish reason nothing may look finished.
        if let Some(last) = last {
            frames.push(write_event(&last));
            frames.extend(self.usage.take().map(|it| write_event(&it)));
            frames.push(write_event(switchback_wire::sse::DONE));
        }
        frames
    }
}

fn declines(chunk: &Chunk<'_>) -> bool {
    chunk.choices.iter().any(|it| it.refusal.is_some())
}

fn has_words(chunk: &Chunk<'_>) -> bool {
    chunk.choices.iter().any(|it| it.text.is_some() || it.refusal.is_some() || it.reasoning || it.media)
}

fn has_tool_fragment(chunk: &Chunk<'_>) -> bool {
    chunk.choices.iter().any(|it| !it.tool_fragments.is_empty())
}
