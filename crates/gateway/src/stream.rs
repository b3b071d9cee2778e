//! A stream between provider and caller: what may leave, what is held, and when it counts as whole.
//!
//! Nothing leaves before the commit point, the first content that was judged sound. After it text leaves as it comes;
//! a tool call is held until it is whole and valid; the chunk with the finish reason is held until usage or the end of
//! the stream, because our final object rides on it. A stream that must be judged whole is held to its end. Garbage is
//! never forwarded. [`Live::take`] is the whole state machine, without a clock or a socket; the rest reads.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use switchback_core::failure::{Detail, Failure, FailureClass};
use switchback_core::policy::StreamMode;
use switchback_core::step::Facts;
use switchback_wire::assembly::Assembly;
use switchback_wire::delta::{Chunk, FinishReason, without_usage};
use switchback_wire::splice;
use switchback_wire::sse::{Sse, SseEvent, SseReader, Tail, write_event};
use tokio::time::{Instant, timeout_at};

use crate::admit::Admitted;
use crate::judge::{self, Evidence};
use crate::upstream::LeasedBody;

/// Most bytes of a stream that are held before anything of it leaves.
const MOST_HELD: usize = 32 * 1024 * 1024;
/// How long the end of a finished stream is waited for: usage may follow the finish reason.
const GRACE: Duration = Duration::from_millis(250);
/// The same where the caller asked for that usage.
const GRACE_FOR_USAGE: Duration = Duration::from_secs(3);

/// How far a stream was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Content may leave.
    Commit,
    /// It has ended and was judged.
    End,
}

/// A stream in hand.
pub(crate) struct Live {
    body: LeasedBody,
    reader: SseReader,
    clocks: Clocks,
    pub(crate) state: Held,
}

/// When what is due.
struct Clocks {
    started: Instant,
    idle: Duration,
    first_content: Option<Instant>,
    last_content: Instant,
    finished: Option<Instant>,
    pinged: bool,
}

/// What was seen of a stream, and what of it may leave.
pub(crate) struct Held {
    request: Arc<Admitted>,
    evidence: Evidence,
    assembly: Assembly,
    /// Frames that may leave, in order.
    ready: Vec<Bytes>,
    n_ready: usize,
    /// Chunks of tool calls that are not whole yet.
    tools: Vec<Bytes>,
    /// Chunks with a finish reason.
    finish: Vec<Bytes>,
    n_finished: usize,
    /// Bytes of what is held for its tool call or for the end.
    n_tools: usize,
    usage: Option<Bytes>,
    model: Option<Box<str>>,
    may_commit: bool,
    done: bool,
}

// === impl Live ===

impl Live {
    pub(crate) fn new(evidence: Evidence, body: LeasedBody, idle: Duration, started: Instant) -> Self {
        let clocks =
            Clocks { started, idle, first_content: None, last_content: started, finished: None, pinged: false };
        Self { body, reader: SseReader::new(), clocks, state: Held::new(evidence) }
    }

    /// What is known of the call by now.
    pub(crate) fn facts(&self, facts: Facts) -> Facts {
        Facts {
            model: self.state.model.clone().or(facts.model),
            usage: self.state.assembly.usage().map(judge::usage).or(facts.usage),
            first_token: self.clocks.first_content.map(|it| it.duration_since(self.clocks.started)),
            ..facts
        }
    }

    /// Reads until content may leave, or to the end of a stream that must be judged whole.
    pub(crate) async fn until_commit(&mut self, first_token: Instant, ends: Instant) -> Result<Reached, Failure> {
        loop {
            self.take_events()?;
            if self.state.done {
                self.state.judge_end()?;
                return Ok(Reached::End);
            }
            if self.state.may_commit && self.state.request.mode == StreamMode::Live {
                return Ok(Reached::Commit);
            }
            let (by, detail) = match (self.clocks.finished, self.clocks.first_content) {
                (Some(finished), _) => (finished + self.state.grace(), None),
                (None, Some(_)) => (self.clocks.last_content + self.clocks.idle, Some(Detail::Idle)),
                (None, None) if self.clocks.pinged => (first_token, Some(Detail::Queued)),
                (None, None) => (first_token, Some(Detail::FirstToken)),
            };
            // Content had come: then the whole time is up, not the time to the first of it.
            let is_total = ends < by && self.clocks.first_content.is_some();
            let (by, detail) = if is_total { (ends, Some(Detail::Total)) } else { (by, detail) };
            self.read(by, detail).await?;
        }
    }

    /// Reads on after the commit point, until more may leave or the stream has ended well.
    pub(crate) async fn after_commit(&mut self, ends: Instant) -> Result<Reached, Failure> {
        loop {
            self.take_events()?;
            if self.state.done {
                self.state.judge_end()?;
                return Ok(Reached::End);
            }
            if self.state.n_ready > 0 {
                return Ok(Reached::Commit);
            }
            let (by, detail) = match self.clocks.finished {
                Some(finished) => (finished + self.state.grace(), None),
                None => (self.clocks.last_content + self.clocks.idle, Some(Detail::Idle)),
            };
            let (by, detail) = if ends < by { (ends, Some(Detail::Total)) } else { (by, detail) };
            self.read(by, detail).await?;
        }
    }

    /// Lets the connection come to its end, so that it can be used again.
    pub(crate) async fn release(mut self) {
        let by = Instant::now() + GRACE;
        while let Ok(Some(Ok(_))) = timeout_at(by, self.body.frame()).await {}
    }

    /// One read, at most until `by`: then it is a timeout of this detail, or the end that was waited for.
    async fn read(&mut self, by: Instant, detail: Option<Detail>) -> Result<(), Failure> {
        // A provider that never pauses must not keep a clock from being looked at.
        let frame = if Instant::now() < by { timeout_at(by, self.body.frame()).await.ok() } else { None };
        match (frame, detail) {
            (None, Some(detail)) => Err(Failure::new(FailureClass::Timeout).with_detail(detail)),
            (None, None) => {
                self.state.done = true;
                Ok(())
            }
            (Some(Some(Ok(frame))), _) => {
                if let Ok(data) = frame.into_data() {
                    self.reader.push(data);
                }
                Ok(())
            }
            (Some(Some(Err(_))), _) => self.ended(false),
            (Some(None), _) => self.ended(true),
        }
    }

    /// The body has ended; what the reader still holds may be a last event without its blank line.
    fn ended(&mut self, clean: bool) -> Result<(), Failure> {
        if let Tail::Event(event) = std::mem::take(&mut self.reader).finish()
            && clean
        {
            self.state.take(&event)?;
        }
        if !self.state.is_finished() {
            return Err(judge::unfinished("the stream ended without a finish reason"));
        }
        self.state.done = true;
        Ok(())
    }

    fn take_events(&mut self) -> Result<(), Failure> {
        while !self.state.done {
            let event = match self.reader.pull() {
                Ok(Some(Sse::Event(event))) => event,
                Ok(Some(Sse::Ping)) => {
                    self.clocks.pinged = true;
                    continue;
                }
                Ok(None) => break,
                Err(_) => return Err(judge::too_large(switchback_wire::sse::MAX_EVENT)),
            };
            if self.state.take(&event)? {
                self.clocks.last_content = Instant::now();
                self.clocks.first_content.get_or_insert(self.clocks.last_content);
            }
            if self.state.is_finished() {
                self.clocks.finished.get_or_insert_with(Instant::now);
            }
        }
        Ok(())
    }
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
        }
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
        self.judge_tool_calls(cut)?;
        // Of several choices none leaves before all are whole: what is held is not sorted by choice.
        if self.assembly.complete() {
            self.release_tools();
        }
        Ok(())
    }

    /// Judges tool calls as they become whole; all of them at the finish, where the last may have been cut.
    fn judge_tool_calls(&mut self, cut: bool) -> Result<(), Failure> {
        if self.request.mode != StreamMode::Live {
            return Ok(());
        }
        for (_, call) in self.assembly.take_whole_calls() {
            let judged = self.request.promise.judge_tool_call(&call.name, &call.arguments);
            judged.map_err(|it| {
                let failure = judge::violated(&it);
                if cut { Failure { class: FailureClass::Truncated, ..failure } } else { failure }
            })?;
        }
        Ok(())
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

    fn grace(&self) -> Duration {
        if self.request.head.include_usage && self.usage.is_none() { GRACE_FOR_USAGE } else { GRACE }
    }

    fn is_finished(&self) -> bool {
        let n_asked = usize::try_from(self.request.head.n).unwrap_or(usize::MAX);
        self.n_finished >= n_asked && self.assembly.complete()
    }

    /// Holds the whole answer against what the wire shows and what was promised.
    fn judge_end(&mut self) -> Result<(), Failure> {
        judge::judge(&self.assembly.answer(), &self.request).map_or(Ok(()), Err)
    }

    /// What may leave now.
    pub(crate) fn ready(&mut self) -> Vec<Bytes> {
        self.n_ready = 0;
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

fn has_tool_fragment(chunk: &Chunk<'_>) -> bool {
    chunk.choices.iter().any(|it| !it.tool_fragments.is_empty())
}
