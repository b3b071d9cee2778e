//! What hyper's parser lets pass and a gateway must not: the forms of request smuggling.
//!
//! hyper 1.12 answers a request with both `Content-Length` and `Transfer-Encoding` (it believes the latter), with
//! `Transfer-Encoding` given twice or with more than `chunked` in it, and with line ends that are a bare LF
//! (`tests/listen.rs` pins what it does). Two parties that read such bytes differently
//! disagree on where a request ends, and that is how one caller's request becomes part of another's. [`Strict`] follows
//! the boundaries of requests as the bytes pass, lets sound ones through untouched and uncopied, and spoils an offending
//! line so that hyper itself answers 400 and closes. It also times heads, because only here is seen when one begins, and clients that
//! take nothing of an answer, because hyper waits for them for ever.
//!
//! Everything else, from header names to chunk sizes, stays hyper's to judge: where the two could differ, hyper is the
//! stricter one or the request is refused here.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Bytes of a line that are kept to judge it. The lines that matter are shorter: `transfer-encoding: chunked`, or
/// `content-length:` and 20 digits, or 16 hex digits.
const JUDGED: usize = 64;
/// What follows a spoiled line, so that hyper takes the head for complete and judges it at once.
const ENDING: &[u8] = b"\r\n\r\n";

/// A connection whose requests have one reading only.
#[derive(Debug)]
pub struct Strict<T> {
    io: T,
    scan: Scan,
    /// What hyper still gets of a refused request; the socket is read no more.
    ending: Option<&'static [u8]>,
    head_within: Duration,
    /// When the head that has begun must be complete. The first is counted from the start of the connection.
    head_by: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    write_within: Duration,
    /// Set while the client takes nothing of what is written.
    write_alarm: Option<Pin<Box<Sleep>>>,
}

/// Where in the stream of requests the next byte belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scan {
    part: Part,
    line: Line,
    /// The request line of this head is complete.
    has_request_line: bool,
    length: Option<u64>,
    is_chunked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// In a head, or before one.
    Head,
    /// In a body or a chunk: so many bytes are not for us. A chunk's include the line end behind it.
    Skip { left: u64, chunked: bool },
    /// In the line with a chunk's size.
    Size,
    /// Behind the last chunk.
    Trailer,
}

/// The beginning of a line that came in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    start: [u8; JUDGED],
    /// Length so far, also beyond what is kept.
    len: usize,
    last: u8,
}

/// A line is of a form that must not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offence;

// === impl Strict ===

impl<T> Strict<T> {
    /// Wraps the server's end of a connection. Every head must be complete `head_within` its first byte, the first one
    /// within that time of now; a client that takes nothing for `write_within` is given up.
    pub fn new(io: T, head_within: Duration, write_within: Duration) -> Self {
        let head_by = Some(Instant::now() + head_within);
        let scan = Scan::new();
        Self { io, scan, ending: None, head_within, head_by, alarm: None, write_within, write_alarm: None }
    }

    /// Whether bytes of a request may still be on their way: it was refused, or its body was not read to the end.
    pub fn is_amid_request(&self) -> bool {
        self.ending.is_some() || self.scan.part != Part::Head
    }

    /// The connection.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// Looks at what was just read, from `before` on.
    fn inspect(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let fresh = buf.filled_mut().get_mut(before..).unwrap_or_default();
        if let Err(offset) = self.scan.feed(fresh) {
            if let Some(byte) = fresh.get_mut(offset) {
                // No grammar has a NUL here, so hyper refuses the line for certain.
                *byte = 0;
            }
            buf.set_filled(before + offset + 1);
            self.ending = Some(ENDING);
            self.head_by = None;
        } else if !self.scan.is_in_head() {
            self.head_by = None;
        } else if self.head_by.is_none() {
            self.head_by = Some(Instant::now() + self.head_within);
        }
        if self.head_by.is_none() {
            self.alarm = None;
        }
    }

    /// Ready when a head has taken too long.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(by) = self.head_by else { return Poll::Pending };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(by)));
        alarm.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// What came of a write; an error when none has got anywhere for too long.
    fn timed<V>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<V>>) -> Poll<io::Result<V>> {
        if written.is_ready() {
            self.write_alarm = None;
            return written;
        }
        let within = self.write_within;
        let alarm = self.write_alarm.get_or_insert_with(|| Box::pin(sleep(within)));
        alarm.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Strict<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(ending) = &mut this.ending {
            let (now, later) = ending.split_at(ending.len().min(buf.remaining()));
            buf.put_slice(now);
            *ending = later;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut this.io).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                this.inspect(buf, before);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.poll_alarm(cx),
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Strict<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, buf);
        this.timed(cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // hyper flushes only when everything is written: this disarms no alarm that a write has set.
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.timed(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.timed(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

// === impl Scan ===

impl Scan {
    const fn new() -> Self {
        Self { part: Part::Head, line: Line::EMPTY, has_request_line: false, length: None, is_chunked: false }
    }

    /// Whether a head has begun and is not complete. Empty lines before a request line begin nothing.
    fn is_in_head(&self) -> bool {
        let has_begun = self.line.len > 1 || (self.line.len == 1 && self.line.last != b'\r');
        self.part == Part::Head && (self.has_request_line || has_begun)
    }

    /// Follows these bytes. The offset of the line feed with which a line became an offence; nothing may be fed after.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Part::Skip { left, chunked } = self.part {
                let n = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                rest = rest.get(n..).unwrap_or_default();
                self.part = match (left - n as u64, chunked) {
                    (0, true) => Part::Size,
                    (0, false) => Part::Head,
                    (left, chunked) => Part::Skip { left, chunked },
                };
                continue;
            }
            let Some(end) = memchr(b'\n', rest) else {
                self.line.push(rest);
                break;
            };
            let (line, behind) = rest.split_at(end);
            self.line.push(line);
            self.end_line().map_err(|Offence| bytes.len() - behind.len())?;
            rest = behind.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    /// Judges the line that has just ended and goes on to what follows it.
    fn end_line(&mut self) -> Result<(), Offence> {
        let line = std::mem::replace(&mut self.line, Line::EMPTY);
        let text = line.text()?;
        match self.part {
            Part::Head if text.is_empty() && self.has_request_line => self.end_head(),
            Part::Head if text.is_empty() => Ok(()),
            Part::Head if self.has_request_line => self.take_header(text, line.is_whole()),
            Part::Head => {
                self.has_request_line = true;
                Ok(())
            }
            Part::Size => {
                self.part = chunk(text)?;
                Ok(())
            }
            Part::Trailer if text.is_empty() => {
                self.part = Part::Head;
                Ok(())
            }
            Part::Trailer | Part::Skip { .. } => Ok(()),
        }
    }

    /// Notes what a header says about the body. Each of the two may say it once.
    fn take_header(&mut self, text: &[u8], is_whole: bool) -> Result<(), Offence> {
        if let Some(value) = value_of(b"content-length:", text) {
            let is_first = self.length.is_none() && is_whole;
            self.length = Some(number(value, 10, 20).filter(|_| is_first).ok_or(Offence)?);
        } else if let Some(value) = value_of(b"transfer-encoding:", text) {
            let is_sound = !self.is_chunked && is_whole && value.eq_ignore_ascii_case(b"chunked");
            self.is_chunked = is_sound.then_some(true).ok_or(Offence)?;
        }
        Ok(())
    }

    fn end_head(&mut self) -> Result<(), Offence> {
        self.has_request_line = false;
        self.part = match (self.length.take(), std::mem::take(&mut self.is_chunked)) {
            (Some(_), true) => return Err(Offence),
            (None, true) => Part::Size,
            (None | Some(0), false) => Part::Head,
            (Some(left), false) => Part::Skip { left, chunked: false },
        };
        Ok(())
    }
}

// === impl Line ===

impl Line {
    const EMPTY: Self = Self { start: [0; JUDGED], len: 0, last: 0 };

    fn push(&mut self, bytes: &[u8]) {
        let free = self.start.get_mut(self.len.min(JUDGED)..).unwrap_or_default();
        for (kept, byte) in free.iter_mut().zip(bytes) {
            *kept = *byte;
        }
        self.len = self.len.saturating_add(bytes.len());
        self.last = bytes.last().copied().unwrap_or(self.last);
    }

    /// The line without its end, as far as it is kept. An offence if it does not end in CR LF.
    fn text(&self) -> Result<&[u8], Offence> {
        let len = self.len.checked_sub(1).filter(|_| self.last == b'\r').ok_or(Offence)?;
        Ok(self.start.get(..len.min(JUDGED)).unwrap_or_default())
    }

    const fn is_whole(&self) -> bool {
        self.len <= JUDGED
    }
}

/// What follows the name, without spaces around it, if the line has that name. Names are compared in any case.
fn value_of<'a>(name: &[u8], text: &'a [u8]) -> Option<&'a [u8]> {
    let (start, value) = text.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// Digits and nothing else, at most so many of them.
fn number(digits: &[u8], radix: u32, most: usize) -> Option<u64> {
    if digits.is_empty() || digits.len() > most {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| {
        let digit = char::from(*byte).to_digit(radix)?;
        sum.checked_mul(radix.into())?.checked_add(digit.into())
    })
}

/// What follows the line with a chunk's size. Extensions after the size are passed over.
fn chunk(text: &[u8]) -> Result<Part, Offence> {
    let n_digits = text.iter().take_while(|it| it.is_ascii_hexdigit()).count();
    let size = text.get(..n_digits).and_then(|it| number(it, 16, 16)).ok_or(Offence)?;
    if size == 0 {
        return Ok(Part::Trailer);
    }
    let left = size.checked_add(2).ok_or(Offence)?;
    Ok(Part::Skip { left, chunked: true })
}

#[cfg(test)]
mod tests;
