//! A stream of Anthropic's events as chunks of a chat completion.
//!
//! One event becomes at most a few chunks; text is carried over as the JSON string that it came in. The finish reason
//! is told with the end of the message and not before, so that a stream that is cut in between is seen to be cut. What
//! nobody knows is a sign of life and nothing else.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::answer::{Counts, Stop};
use crate::json::{self, Members, Writer};
use crate::said::MAX_CALLS;
use crate::sse::{DONE, Sse, SseEvent};

/// The state of one stream.
#[derive(Debug)]
pub(in crate::dialect) struct Stream {
    created_unix_s: u64,
    /// The message's id and model as JSON, once they are known.
    id: Box<str>,
    model: Box<str>,
    counts: Counts,
    stop: Stop,
    /// Tool calls that have begun and not ended.
    open: Vec<Open>,
    n_calls: usize,
    ended: bool,
}

/// A tool call on its way.
#[derive(Debug)]
struct Open {
    /// Index of its block.
    block: u64,
    /// Index among the tool calls.
    call: usize,
    /// What its arguments are if none come in pieces.
    whole: Box<str>,
    /// Whether a piece came.
    told: bool,
}

// === impl Stream ===

impl Stream {
    pub(in crate::dialect) fn new(created_unix_s: u64) -> Self {
        Self {
            created_unix_s,
            id: "\"\"".into(),
            model: "\"\"".into(),
            counts: Counts::default(),
            stop: Stop::default(),
            open: Vec::new(),
            n_calls: 0,
            ended: false,
        }
    }

    pub(in crate::dialect) fn take(&mut self, event: &SseEvent) -> Vec<Sse> {
        if self.ended || event.is_done() {
            // Only the message's own end is one.
            return Vec::new();
        }
        let text = std::str::from_utf8(&event.data).ok();
        let Some(members) = text.and_then(Members::read) else { return vec![Sse::Event(event.clone())] };
        match members.text("type").as_deref() {
            Some("message_start") => self.begin(&Members::of(members.get("message"))),
            Some("content_block_start") => self.begin_block(&members),
            Some("content_block_delta") => self.go_on(&members),
            Some("content_block_stop") => {
                let block = index(&members);
                self.end_calls(|open| Some(open.block) == block)
            }
            Some("message_delta") => {
                self.counts.add(members.get("usage"));
                let stop = Stop::read(&Members::of(members.get("delta")));
                self.stop.reason = stop.reason.or(self.stop.reason.take());
                self.stop.explanation = stop.explanation.or(self.stop.explanation.take());
                Vec::new()
            }
            Some("message_stop") => self.end(),
            // An error, or what is of no shape that we know.
            Some("error") | None => vec![Sse::Event(event.clone())],
            Some(_) => vec![Sse::Ping],
        }
    }

    fn begin(&mut self, message: &Members<'_>) -> Vec<Sse> {
        self.id = message.get("id").map_or("\"\"", RawValue::get).into();
        self.model = message.get("model").map_or("\"\"", RawValue::get).into();
        self.counts.add(message.get("usage"));
        vec![self.chunk(Writer::new().text("role", "assistant").text("content", ""))]
    }

    fn begin_block(&mut self, event: &Members<'_>) -> Vec<Sse> {
        let block = Members::of(event.get("content_block"));
        match block.text("type").as_deref() {
            Some("text") => self.piece("content", block.get("text")),
            Some("thinking") => self.piece("reasoning_content", block.get("thinking")),
            Some("tool_use") => {
                let Some(index) = index(event).filter(|_| self.n_calls < MAX_CALLS) else { return vec![broken()] };
                let whole = block.get("input").map_or("{}", RawValue::get).into();
                self.open.push(Open { block: index, call: self.n_calls, whole, told: false });
                let mut function = Writer::new();
                function.raw("name", block.get("name").map_or("\"\"", RawValue::get)).text("arguments", "");
                let mut call = Writer::new();
                call.raw("index", &self.n_calls.to_string());
                call.raw("id", block.get("id").map_or("\"\"", RawValue::get)).text("type", "function");
                call.raw("function", &function.finish());
                self.n_calls += 1;
                vec![self.call(&call.finish())]
            }
            Some(_) | None => Vec::new(),
        }
    }

    fn go_on(&mut self, event: &Members<'_>) -> Vec<Sse> {
        let delta = Members::of(event.get("delta"));
        match delta.text("type").as_deref() {
            Some("text_delta") => self.piece("content", delta.get("text")),
            Some("thinking_delta") => self.piece("reasoning_content", delta.get("thinking")),
            Some("input_json_delta") => {
                let Some(piece) = delta.get("partial_json").filter(|raw| json::is_filled_string(raw)) else {
                    return Vec::new();
                };
                let block = index(event);
                // The input of Anthropic's own tools is nobody's.
                let Some(open) = self.open.iter_mut().find(|open| Some(open.block) == block) else {
                    return Vec::new();
                };
                open.told = true;
                let call = fragment(open.call, piece.get());
                vec![self.call(&call)]
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// Ends these calls; one that came without arguments in pieces is told them now.
    fn end_calls(&mut self, which: impl Fn(&Open) -> bool) -> Vec<Sse> {
        let (ended, open) = std::mem::take(&mut self.open).into_iter().partition::<Vec<_>, _>(which);
        self.open = open;
        let untold = ended.iter().filter(|call| !call.told);
        untold.map(|open| self.call(&fragment(open.call, &json::quote(&open.whole)))).collect()
    }

    fn end(&mut self) -> Vec<Sse> {
        let mut out = self.end_calls(|_| true);
        self.ended = true;
        if let Some(refusal) = self.stop.refusal() {
            out.push(self.chunk(Writer::new().text("refusal", refusal)));
        }
        let mut choice = Writer::new();
        choice.raw("index", "0").raw("delta", "{}");
        // A message that ends without a reason still ended.
        if self.stop.reason.is_none() {
            self.stop.reason = Some("end_turn".into());
        }
        self.stop.write(&mut choice);
        out.push(self.framed(&format!("[{}]", choice.finish()), None));
        if let Some(usage) = self.counts.usage() {
            out.push(self.framed("[]", Some(&usage)));
        }
        out.push(event(DONE.into()));
        out
    }

    /// A chunk with a piece of text, which is a JSON string; nothing for none.
    fn piece(&self, name: &str, text: Option<&RawValue>) -> Vec<Sse> {
        let text = text.filter(|text| json::is_filled_string(text));
        text.map(|text| self.chunk(Writer::new().raw(name, text.get()))).into_iter().collect()
    }

    fn call(&self, call: &str) -> Sse {
        self.chunk(Writer::new().raw("tool_calls", &format!("[{call}]")))
    }

    fn chunk(&self, delta: &mut Writer) -> Sse {
        let mut choice = Writer::new();
        choice.raw("index", "0").raw("delta", &delta.finish()).raw("finish_reason", "null");
        self.framed(&format!("[{}]", choice.finish()), None)
    }

    fn framed(&self, choices: &str, usage: Option<&str>) -> Sse {
        let mut out = Writer::new();
        out.raw("id", &self.id).text("object", "chat.completion.chunk");
        out.raw("created", &self.created_unix_s.to_string()).raw("model", &self.model).raw("choices", choices);
        if let Some(usage) = usage {
            out.raw("usage", usage);
        }
        event(out.finish().into())
    }
}

/// The next piece of a call's arguments, which is a JSON string.
fn fragment(call: usize, arguments: &str) -> String {
    let function = Writer::new().raw("arguments", arguments).finish();
    Writer::new().raw("index", &call.to_string()).raw("function", &function).finish()
}

fn index(event: &Members<'_>) -> Option<u64> {
    event.get("index").and_then(|raw| raw.get().parse().ok())
}

fn event(data: Bytes) -> Sse {
    Sse::Event(SseEvent { data, kind: None })
}

/// Data that is read as a chunk of no form.
fn broken() -> Sse {
    event(Bytes::from_static(b"\"a message makes too many tool calls\""))
}
