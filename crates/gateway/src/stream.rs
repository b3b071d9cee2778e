//! A stream between provider and caller: what may leave, what is held, and when it counts as whole.
//!
//! Nothing leaves before the commit point, the first content that was judged sound. After it text leaves as it comes;
//! a tool call is held until it is whole and valid; the chunk with the finish reason is held until usage or the end of
//! the stream, because our final object rides on it. A stream that must be judged whole is held to its end. Garbage is
//! never forwarded. [`Live::take`] is the whole state machine, without a clock or a socket; the rest reads.

use std::time::Duration;

use http_body_util::BodyExt as _;
use switchback_core::failure::{Detail, Failure, FailureClass};
use switchback_core::policy::StreamMode;
use switchback_core::step::Facts;
use switchback_wire::dialect::Translator;
use switchback_wire::sse::{Sse, SseEvent, SseReader, Tail};
use tokio::time::{Instant, timeout_at};

use crate::broken::Broken;
use crate::judge::{self, Evidence};
use crate::upstream::LeasedBody;

mod held;

pub(crate) use held::Held;

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
    /// Where the provider has a shape of its own.
    translator: Option<Translator>,
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

// === impl Live ===

impl Live {
    pub(crate) fn new(evidence: Evidence, body: LeasedBody, idle: Duration, started: Instant) -> Self {
        let clocks =
            Clocks { started, idle, first_content: None, last_content: started, finished: None, pinged: false };
        let translator = Translator::new(evidence.api, evidence.created());
        Self { body, reader: SseReader::new(), translator, clocks, state: Held::new(evidence) }
    }

    /// What is known of the call by now.
    pub(crate) fn facts(&self, facts: Facts) -> Facts {
        Facts {
            model: self.state.model.clone().or(facts.model),
            usage: self.state.assembly.usage().map(judge::usage).or(facts.usage),
            first_token: self.clocks.first_content.map(|it| it.duration_since(self.clocks.started)),
            mended: self.state.mended.clone(),
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
            if self.state.may_commit && self.state.mode() == StreamMode::Live {
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

    /// What the model could be shown of its answer.
    pub(crate) fn take_broken(&mut self) -> Option<Box<Broken>> {
        self.state.broken.take()
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
            self.take(&event)?;
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
            self.take(&event)?;
        }
        Ok(())
    }

    /// Takes one event as it came, or what it is in our shape.
    fn take(&mut self, event: &SseEvent) -> Result<(), Failure> {
        let Some(translator) = &mut self.translator else { return self.take_one(event) };
        for it in translator.take(event) {
            match it {
                Sse::Event(event) if !self.state.done => self.take_one(&event)?,
                Sse::Event(_) => {}
                Sse::Ping => self.clocks.pinged = true,
            }
        }
        Ok(())
    }

    fn take_one(&mut self, event: &SseEvent) -> Result<(), Failure> {
        if self.state.take(event)? {
            self.clocks.last_content = Instant::now();
            self.clocks.first_content.get_or_insert(self.clocks.last_content);
        }
        if self.state.is_finished() {
            self.clocks.finished.get_or_insert_with(Instant::now);
        }
        Ok(())
    }
}
