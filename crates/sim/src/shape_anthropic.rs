//! A provider of Anthropic's shape: answers and streams of `POST /v1/messages`, and the list of models.
//!
//! The same model as in OpenAI's shape, in other words: what it says, when it calls tools and how fast it speaks are decided
//! elsewhere. It decides what goes over the wire, broken or not; it never touches the connection, and asks
//! the clock for nothing but headers that name a time of day.

mod ask;
mod check;
mod content;
mod errors;
mod fields;
mod headers;
mod pairs;
mod subset;
mod wire;

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

pub(crate) use ask::read;
pub(crate) use errors::{refuse, unknown_path};

use crate::ask::Ask;
use crate::fault::Fault;
use crate::playback::{Ending, Reply, Step};
use crate::said::{self, Said};
use crate::turn::{BEAT, DRIP, DRIP_BYTES, SLOW, Turn, middle, pieces};
use errors::{IN_BAND, in_band, signed};
use headers::{with_roomy_limits, with_standing};
use wire::{Block, Delta, Event, Message, Stop, Usage, answering_model};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream; charset=utf-8";
const GARBAGE: &str =
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,,, <<garbage>>\n\n";
/// What keeps a body open without saying anything: JSON may begin with blanks.
const BLANK: &str = "\n";

/// What body and events have in common.
#[derive(Debug, Clone, Copy)]
struct Stamp<'a> {
    id: &'a str,
    model: &'a str,
    /// Which call it is, for errors.
    call: &'a str,
    usage: Usage,
}

/// How the provider treats a readable request.
pub(crate) fn answer(ask: &Ask, turn: &mut Turn<'_>) -> Ending {
    match turn.fault {
        Some(Fault::Reset | Fault::Refused) => return Ending::Reset,
        Some(Fault::Hang) => return Ending::Hang,
        _ => {}
    }
    let call = turn.call.id();
    if let Some(reply) = turn.fault.and_then(|fault| errors::of_fault(fault, ask, &call)) {
        return Ending::Reply(signed(reply, &call));
    }
    let said = said::say(ask, &turn.settings.name, turn.fault, &mut turn.rng);
    let model = answering_model(&ask.model, turn.fault);
    let id = format!("msg_sim{:016x}", turn.rng.u64(..));
    let usage = usage(ask, &said, turn);
    let standing = turn.call.spend(usage.output_tokens);
    let stamp = Stamp { id: &id, model: &model, call: &call, usage };
    let reply = if ask.stream { streamed(&said, stamp, turn) } else { at_once(&said, stamp, turn) };
    let reply = signed(reply, &call);
    Ending::Reply(match standing {
        Some(standing) => with_standing(reply, &standing),
        None => with_roomy_limits(reply),
    })
}

/// `GET /v1/models`: two models.
pub(crate) fn models() -> Reply {
    #[derive(Serialize)]
    struct List {
        data: [Model; 2],
        first_id: &'static str,
        has_more: bool,
        last_id: &'static str,
    }
    #[derive(Serialize)]
    struct Model {
        #[serde(rename = "type")]
        kind: &'static str,
        id: &'static str,
        display_name: &'static str,
        created_at: &'static str,
    }
    let model = |id, display_name| Model { kind: "model", id, display_name, created_at: "2025-10-09T00:00:00Z" };
    let data = [model("claude-sim", "Claude, simulated"), model("claude-sim-mini", "Small Claude, simulated")];
    let list = List { data, first_id: "claude-sim", has_more: false, last_id: "claude-sim-mini" };
    Reply::whole(StatusCode::OK, JSON, json(&list))
}

/// The count of tokens, caches included.
fn usage(ask: &Ask, said: &Said, turn: &Turn<'_>) -> Usage {
    let read = turn.call.cached(&ask.marks);
    let marked = ask.marks.last().map_or(0, |mark| mark.chars);
    let prompt_tokens = turn.reported(ask.prompt_tokens());
    Usage::new(prompt_tokens, read / 4, (marked / 4).saturating_sub(read / 4), said.tokens())
}

/// An answer in one body.
fn at_once(said: &Said, stamp: Stamp<'_>, turn: &mut Turn<'_>) -> Reply {
    let late = turn.meets(Fault::ErrorEventLate);
    let stop = if late { Stop::default() } else { Stop::of(said) };
    let error = late.then_some(IN_BAND);
    let body = Bytes::from(json(&Message { content: Block::all(said), stop, error, ..stamp.message() }));
    let half = body.slice(..body.len() / 2);
    let mut reply = match turn.fault {
        Some(Fault::ErrorEvent) => Reply::whole(StatusCode::OK, JSON, json(&in_band(stamp.call))),
        Some(Fault::CutClean) => Reply::whole(StatusCode::OK, JSON, half),
        Some(Fault::MalformedChunk | Fault::MalformedFirst) => {
            Reply::whole(StatusCode::OK, JSON, [half.as_ref(), b",,, <<garbage>>"].concat())
        }
        Some(Fault::Cut) => promised(&body, [Step::Send(half), Step::Cut]),
        Some(Fault::Stall) => promised(&body, [Step::Send(half), Step::Stall]),
        Some(Fault::HangAfterHeaders) => promised(&body, [Step::Stall]),
        Some(Fault::PingsOnly) => {
            let mut reply = Reply::started(StatusCode::OK, JSON);
            reply.steps.push_back(Step::Beat(BEAT, Bytes::from_static(BLANK.as_bytes())));
            reply
        }
        Some(Fault::Drip) => {
            let drops = body.chunks(DRIP_BYTES).map(|drop| Step::Send(body.slice_ref(drop)));
            promised(&body, drops.flat_map(|drop| [Step::Wait(DRIP), drop]))
        }
        _ => Reply::whole(StatusCode::OK, JSON, body),
    };
    reply.before_head = turn.thinking(said);
    reply
}

/// The whole body's length with other steps than the whole body.
fn promised(body: &Bytes, steps: impl IntoIterator<Item = Step>) -> Reply {
    let mut reply = Reply::started(StatusCode::OK, JSON).with("content-length", body.len());
    reply.steps.extend(steps);
    reply
}

/// An answer as a stream of events.
fn streamed(said: &Said, stamp: Stamp<'_>, turn: &mut Turn<'_>) -> Reply {
    let mut reply = Reply::started(StatusCode::OK, EVENTS).with("cache-control", HeaderValue::from_static("no-cache"));
    let mut events = Events { steps: VecDeque::new() };
    match turn.fault {
        Some(Fault::HangAfterHeaders) => events.steps.push_back(Step::Stall),
        Some(Fault::ErrorEvent) => events.error(stamp),
        Some(Fault::PingsOnly) => {
            events.send(&Event::MessageStart { message: stamp.message() });
            events.steps.push_back(Step::Beat(BEAT, frame("ping", &Event::Ping)));
        }
        _ => events.all(said, stamp, turn),
    }
    reply.steps = events.steps;
    reply
}

/// What a stream says of the content, in order: the opening of a block, its pieces, its end.
enum Part<'a> {
    Open(usize, Block<'a>),
    Piece(usize, Delta<'a>),
    Close(usize),
}

fn parts(said: &Said) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut index = 0;
    if let Some(text) = said.content.as_deref().filter(|text| !text.is_empty()) {
        parts.push(Part::Open(index, Block::Text { text: "" }));
        parts.extend(pieces(text).into_iter().map(|text| Part::Piece(index, Delta::TextDelta { text })));
        parts.push(Part::Close(index));
        index += 1;
    }
    for call in &said.calls {
        parts.push(Part::Open(index, Block::opened(call)));
        let texts = std::iter::once("").chain(pieces(&call.arguments));
        parts.extend(texts.map(|partial_json| Part::Piece(index, Delta::InputJsonDelta { partial_json })));
        parts.push(Part::Close(index));
        index += 1;
    }
    parts
}

/// The events of one stream, as they are written.
struct Events {
    steps: VecDeque<Step>,
}

// === impl Stamp ===

impl<'a> Stamp<'a> {
    /// A message that has not said anything yet.
    fn message(self) -> Message<'a> {
        Message {
            id: self.id,
            kind: "message",
            role: "assistant",
            model: self.model,
            content: Vec::new(),
            stop: Stop::default(),
            usage: self.usage,
            error: None,
        }
    }
}

// === impl Events ===

impl Events {
    fn all(&mut self, said: &Said, stamp: Stamp<'_>, turn: &mut Turn<'_>) {
        let parts = parts(said);
        let total = parts.iter().filter(|part| matches!(part, Part::Piece(..))).count();
        let middle = middle(total);
        self.opening(stamp, turn);
        let mut sent = 0;
        for part in parts {
            match part {
                Part::Open(index, content_block) => {
                    self.send(&Event::ContentBlockStart { index, content_block });
                    if index == 0 && !turn.meets(Fault::SlowFirstToken) {
                        self.send(&Event::Ping);
                    }
                }
                Part::Close(index) => self.send(&Event::ContentBlockStop { index }),
                Part::Piece(index, delta) => {
                    if sent > 0 {
                        self.steps.push_back(Step::Wait(turn.between_tokens()));
                    }
                    self.send(&Event::ContentBlockDelta { index, delta });
                    sent += 1;
                    if sent == 1 && turn.meets(Fault::MalformedChunk) {
                        self.raw(GARBAGE);
                    }
                    if sent == middle && self.break_off(stamp, turn.fault) {
                        return;
                    }
                }
            }
        }
        // An answer without content breaks off all the same.
        if total > 0 || !self.break_off(stamp, turn.fault) {
            self.ending(said, stamp, turn.fault);
        }
    }

    /// The time to the first token and the start of the message. A slow provider starts it at once and then thinks, which must
    /// not be taken for a first token.
    fn opening(&mut self, stamp: Stamp<'_>, turn: &mut Turn<'_>) {
        let delay = turn.first_token();
        if turn.meets(Fault::MalformedFirst) {
            self.raw(GARBAGE);
        }
        let usage = Usage { output_tokens: 1, ..stamp.usage };
        let start = Event::MessageStart { message: Message { usage, ..stamp.message() } };
        if turn.meets(Fault::SlowFirstToken) {
            self.send(&start);
            self.send(&Event::Ping);
            self.steps.push_back(Step::Wait(delay + SLOW));
        } else {
            self.steps.push_back(Step::Wait(delay));
            self.send(&start);
        }
    }

    /// Breaks the stream off here if the fault says so.
    fn break_off(&mut self, stamp: Stamp<'_>, fault: Option<Fault>) -> bool {
        match fault {
            Some(Fault::Cut) => self.steps.push_back(Step::Cut),
            Some(Fault::Stall) => self.steps.push_back(Step::Stall),
            Some(Fault::ErrorEventLate) => self.error(stamp),
            Some(Fault::CutClean) => {}
            _ => return false,
        }
        true
    }

    /// The reason, the usage and the end.
    fn ending(&mut self, said: &Said, stamp: Stamp<'_>, fault: Option<Fault>) {
        self.send(&Event::MessageDelta { delta: Stop::of(said), usage: stamp.usage });
        if fault != Some(Fault::NoDone) {
            self.send(&Event::MessageStop);
        }
    }

    fn send(&mut self, event: &Event<'_>) {
        self.steps.push_back(Step::Send(frame(event.name(), event)));
    }

    fn error(&mut self, stamp: Stamp<'_>) {
        self.steps.push_back(Step::Send(frame("error", &in_band(stamp.call))));
    }

    fn raw(&mut self, text: &'static str) {
        self.steps.push_back(Step::Send(Bytes::from_static(text.as_bytes())));
    }
}

fn frame(name: &str, value: &impl Serialize) -> Bytes {
    let mut text = format!("event: {name}\ndata: ").into_bytes();
    text.extend(json(value));
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// Types with string keys always serialise, so that the empty text is never sent.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
