//! Server-sent events: bytes in as they arrive, events out as they become whole.
//!
//! Lines end with LF, CRLF or CR, and any network read may split anything, so the reader works line by line and keeps
//! what is unfinished. A line that lies inside one read is handed on without a copy. The reader never waits, never
//! looks into the data, and never holds more than [`MAX_EVENT`] bytes of one event. Rules:
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr2;

use crate::json;

/// Most bytes that one event may have: images and signatures inside a chunk are large, but not this large.
pub const MAX_EVENT: usize = 8 << 20;

/// The data that ends an OpenAI-shaped stream.
pub const DONE: &[u8] = b"[DONE]";

/// One event that carries data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// The data lines, joined with LF; never empty.
    pub data: Bytes,
    /// The `event:` field, where there was one.
    pub kind: Option<Box<str>>,
}

/// What came out of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sse {
    /// An event with data.
    Event(SseEvent),
    /// A sign of life and nothing else: a comment line, or an event without data. It keeps an idle clock quiet and
    /// must not satisfy a first-token clock.
    Ping,
}

/// What stood unfinished when the stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// Nothing: the stream ended between two events.
    Clean,
    /// Data without the closing blank line. Some servers end that way; whoever can read it whole may count it.
    Event(SseEvent),
    /// Part of a field that is no data: the stream was cut.
    Broken,
}

/// Why the stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// One event grew beyond [`MAX_EVENT`].
    #[error("one event is larger than {MAX_EVENT} bytes")]
    TooLarge,
}

/// Reads events from pieces of a stream.
///
/// Give it a piece with [`push`](Self::push), then pull with [`pull`](Self::pull) until that says `None`. The same
/// bytes give the same events however they are split.
#[derive(Debug, Default)]
pub struct SseReader {
    /// Not yet read.
    chunk: Bytes,
    /// The begun line, where it spans pieces.
    line: BytesMut,
    /// The last piece ended with CR: an LF that follows belongs to it.
    after_cr: bool,
    /// Past the first line, where a byte order mark may stand.
    begun: bool,
    event: Pending,
    failed: bool,
}

/// The event being read.
#[derive(Debug, Default)]
struct Pending {
    first: Option<Bytes>,
    joined: BytesMut,
    kind: Option<Box<str>>,
    any: bool,
}

// === impl SseEvent ===

impl SseEvent {
    /// Whether this is the end marker of an OpenAI-shaped stream. Clients stop at data that *begins* with it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.data.starts_with(DONE)
    }
}

// === impl SseReader ===

impl SseReader {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the stream. Pieces pushed before the last one was pulled empty are joined by copying.
    pub fn push(&mut self, piece: Bytes) {
        if self.chunk.is_empty() {
            self.chunk = piece;
        } else {
            let mut both = BytesMut::with_capacity(self.chunk.len() + piece.len());
            both.extend_from_slice(&self.chunk);
            both.extend_from_slice(&piece);
            self.chunk = both.freeze();
        }
    }

    /// The next event, or `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// [`SseError::TooLarge`], from then on at every call: the rest of the stream cannot be trusted.
    pub fn pull(&mut self) -> Result<Option<Sse>, SseError> {
        while !self.failed {
            let Some(line) = self.next_line() else { break };
            if line.len() + self.event.len() > MAX_EVENT {
                self.failed = true;
                break;
            }
            if let Some(out) = self.event.take_line(&line) {
                return Ok(Some(out));
            }
        }
        if self.failed || self.line.len() + self.event.len() > MAX_EVENT {
            self.failed = true;
            return Err(SseError::TooLarge);
        }
        Ok(None)
    }

    /// Says what is left once the stream has ended and everything was pulled.
    #[must_use]
    pub fn finish(mut self) -> Tail {
        let rest = self.line.split().freeze();
        let rest = self.without_mark(rest);
        let cut = !rest.is_empty() && !rest.starts_with(b":") && !rest.starts_with(b"data");
        if !rest.is_empty() {
            self.event.take_line(&rest);
        }
        match self.event.dispatch() {
            Some(Sse::Event(event)) if !cut => Tail::Event(event),
            Some(_) => Tail::Broken,
            None if cut => Tail::Broken,
            None => Tail::Clean,
        }
    }

    /// The next whole line without its end.
    fn next_line(&mut self) -> Option<Bytes> {
        if self.after_cr && !self.chunk.is_empty() {
            self.after_cr = false;
            if self.chunk.first() == Some(&b'\n') {
                self.chunk.advance(1);
            }
        }
        let Some(end) = memchr2(b'\n', b'\r', &self.chunk) else {
            self.line.extend_from_slice(&std::mem::take(&mut self.chunk));
            return None;
        };
        let tail = self.chunk.split_to(end);
        let cr = self.chunk.first() == Some(&b'\r');
        self.chunk.advance(1);
        if cr && self.chunk.first() == Some(&b'\n') {
            self.chunk.advance(1);
        } else {
            self.after_cr = cr && self.chunk.is_empty();
        }
        let line = if self.line.is_empty() {
            tail
        } else {
            self.line.extend_from_slice(&tail);
            self.line.split().freeze()
        };
        Some(self.without_mark(line))
    }

    /// Drops the byte order mark of the stream's first line.
    fn without_mark(&mut self, mut line: Bytes) -> Bytes {
        if !std::mem::replace(&mut self.begun, true) && line.starts_with(b"\xEF\xBB\xBF") {
            line.advance(3);
        }
        line
    }
}

// === impl Pending ===

impl Pending {
    fn len(&self) -> usize {
        self.joined.len() + self.first.as_ref().map_or(0, Bytes::len)
    }

    /// Takes one line; gives what it completes.
    fn take_line(&mut self, line: &Bytes) -> Option<Sse> {
        if line.is_empty() {
            return self.dispatch();
        }
        let colon = memchr::memchr(b':', line);
        if colon == Some(0) {
            return Some(Sse::Ping);
        }
        let name_end = colon.unwrap_or(line.len());
        let mut value = line.slice((name_end + 1).min(line.len())..);
        if value.first() == Some(&b' ') {
            value.advance(1);
        }
        match line.get(..name_end) {
            Some(b"data") => self.add(value),
            Some(b"event") => self.kind = Some(String::from_utf8_lossy(&value).into()),
            _ => {}
        }
        self.any = true;
        None
    }

    fn add(&mut self, value: Bytes) {
        match self.first.take() {
            None if self.joined.is_empty() => self.first = Some(value),
            first => {
                if let Some(first) = first {
                    self.joined.extend_from_slice(&first);
                }
                self.joined.extend_from_slice(b"\n");
                self.joined.extend_from_slice(&value);
            }
        }
    }

    /// Ends the event; `None` if nothing but blank lines came.
    fn dispatch(&mut self) -> Option<Sse> {
        let ended = std::mem::take(self);
        let data = ended.first.unwrap_or_else(|| ended.joined.freeze());
        match (ended.any, data.is_empty()) {
            (false, _) => None,
            (true, true) => Some(Sse::Ping),
            (true, false) => Some(Sse::Event(SseEvent { data, kind: ended.kind })),
        }
    }
}

/// One event of this data as it goes to a client: `data: …`, a line for each line of the data, and a blank line.
#[must_use]
pub fn write_event(data: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(data.len() + 8);
    if json::has_line_break(data) {
        for line in data.split(|byte| *byte == b'\n') {
            out.extend_from_slice(b"data: ");
            out.extend(line.iter().filter(|byte| **byte != b'\r'));
            out.extend_from_slice(b"\n");
        }
    } else {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(data);
        out.extend_from_slice(b"\n");
    }
    out.extend_from_slice(b"\n");
    out.freeze()
}

#[cfg(test)]
mod tests;
