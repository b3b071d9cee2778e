//! A provider of OpenAI's shape: answers and streams of `POST /v1/chat/completions`, and the list of models.
//!
//! This is the seam where another provider's shape would stand: a request body and a fault in, an [`Ending`] out. It decides what
//! goes over the wire, broken or not; it never touches the connection, and never asks a clock.

mod ask;
mod errors;
mod said;
mod wire;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

pub(crate) use ask::Ask;
pub(crate) use errors::{bad_ask, bad_control, not_json, too_large, unknown_fault, unknown_path, wrong_key};

use crate::SimSettings;
use crate::fault::Fault;
use crate::playback::{Ending, Reply, Step};
use errors::{Envelope, IN_BAND};
use said::Said;
use wire::{Choice, Completion, Delta, Stamp, StreamChoice, Usage};

/// How much longer `slow-first-token` takes.
const SLOW: Duration = Duration::from_secs(5);
/// The pause between tokens of `drip`.
const DRIP: Duration = Duration::from_secs(2);
/// Bytes of a body that `drip` sends at a time: about a token.
const DRIP_BYTES: usize = 16;
/// A piece of a stream is at most this long, in characters.
const PIECE: usize = 12;
/// `created` of the first call, Unix seconds. Not the clock: the same call gets the same answer on every day.
const EPOCH: u64 = 1_760_000_000;

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream; charset=utf-8";
const GARBAGE: &str = "data: {\"id\":\"chatcmpl-sim\",\"choices\":[{\"index\":0,,, <<garbage>>\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// The chunk type of streams.
type Chunk<'a> = Completion<'a, StreamChoice<'a>>;

/// One call to answer.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) settings: &'a SimSettings,
    /// Which call of the simulator it is.
    pub(crate) number: u64,
    pub(crate) fault: Option<Fault>,
    pub(crate) rng: Rng,
}

/// How the provider treats a readable request.
pub(crate) fn answer(ask: &Ask, turn: &mut Turn<'_>) -> Ending {
    match turn.fault {
        Some(Fault::Reset | Fault::Refused) => return Ending::Reset,
        Some(Fault::Hang) => return Ending::Hang,
        _ => {}
    }
    if let Some(reply) = turn.fault.and_then(|fault| errors::of_fault(fault, ask)) {
        return Ending::Reply(signed(reply, turn.settings, turn.number));
    }
    let said = said::say(ask, &turn.settings.name, turn.fault, &mut turn.rng);
    let model = if turn.fault == Some(Fault::WrongModel) { "another-model-sim" } else { &format!("{}-sim", ask.model) };
    let id = format!("chatcmpl-sim{:016x}", turn.rng.u64(..));
    let stamp = Stamp { id: &id, created: EPOCH + turn.number, model };
    let reply = if ask.stream { streamed(ask, &said, stamp, turn) } else { at_once(ask, &said, stamp, turn) };
    Ending::Reply(with_limits(signed(reply, turn.settings, turn.number)))
}

/// `GET /v1/models`: two models.
pub(crate) fn models() -> Reply {
    #[derive(Serialize)]
    struct List {
        object: &'static str,
        data: [Model; 2],
    }
    #[derive(Serialize)]
    struct Model {
        id: &'static str,
        object: &'static str,
        created: u64,
        owned_by: &'static str,
    }
    let model = |id| Model { id, object: "model", created: EPOCH, owned_by: "switchback-sim" };
    Reply::whole(StatusCode::OK, JSON, json(&List { object: "list", data: [model("gpt-sim"), model("gpt-sim-mini")] }))
}

/// Adds the headers that every answer of a call carries.
pub(crate) fn signed(reply: Reply, settings: &SimSettings, number: u64) -> Reply {
    let id = HeaderValue::try_from(format!("sim-{:x}-{number}", settings.seed));
    let id = id.unwrap_or(HeaderValue::from_static("sim"));
    reply.with("x-request-id", id).with("openai-version", HeaderValue::from_static("2020-10-01"))
}

fn with_limits(reply: Reply) -> Reply {
    let spent = u64::try_from(reply.before_head.as_millis()).unwrap_or_default();
    reply
        .with("openai-processing-ms", spent)
        .with("x-ratelimit-limit-requests", 10_000)
        .with("x-ratelimit-remaining-requests", 9_999)
        .with("x-ratelimit-reset-requests", HeaderValue::from_static("6ms"))
        .with("x-ratelimit-limit-tokens", 2_000_000)
        .with("x-ratelimit-remaining-tokens", 1_999_000)
        .with("x-ratelimit-reset-tokens", HeaderValue::from_static("30ms"))
}

/// An answer in one body.
fn at_once(ask: &Ask, said: &Said, stamp: Stamp<'_>, turn: &mut Turn<'_>) -> Reply {
    let fault = turn.fault;
    let late = fault == Some(Fault::ErrorEventLate);
    let finish = if late { "error" } else { said.finish };
    let indexes = if fault == Some(Fault::NoChoices) { 0..0 } else { 0..ask.choices };
    let whole = Completion {
        id: stamp.id,
        object: "chat.completion",
        created: stamp.created,
        model: stamp.model,
        choices: indexes.map(|index| Choice::new(index, said, finish)).collect(),
        usage: Some(Some(Usage::estimate(ask.prompt_chars, said, ask.choices))),
        service_tier: "default",
        error: late.then_some(IN_BAND),
    };
    let body = Bytes::from(json(&whole));
    let half = body.slice(..body.len() / 2);
    let mut reply = match fault {
        Some(Fault::ErrorEvent) => Reply::whole(StatusCode::OK, JSON, json(&Envelope { error: IN_BAND })),
        Some(Fault::CutClean) => Reply::whole(StatusCode::OK, JSON, half),
        Some(Fault::MalformedChunk | Fault::MalformedFirst) => {
            let garbage = [half.as_ref(), b",,, <<garbage>>"].concat();
            Reply::whole(StatusCode::OK, JSON, garbage)
        }
        Some(Fault::Cut) => promised(&body, [Step::Send(half), Step::Cut]),
        Some(Fault::Stall) => promised(&body, [Step::Send(half), Step::Stall]),
        Some(Fault::HangAfterHeaders) => promised(&body, [Step::Stall]),
        Some(Fault::Drip) => {
            let drops = body.chunks(DRIP_BYTES).map(|drop| Step::Send(body.slice_ref(drop)));
            promised(&body, drops.flat_map(|drop| [Step::Wait(DRIP), drop]))
        }
        _ => Reply::whole(StatusCode::OK, JSON, body),
    };
    reply.before_head = thinking(said, turn);
    reply
}

/// The whole body's length with other steps than the whole body.
fn promised(body: &Bytes, steps: impl IntoIterator<Item = Step>) -> Reply {
    let mut reply = Reply::started(StatusCode::OK, JSON).with("content-length", body.len());
    reply.steps.extend(steps);
    reply
}

/// How long a model takes for an answer that is sent when it is whole: the first token and all the others.
fn thinking(said: &Said, turn: &mut Turn<'_>) -> Duration {
    if turn.fault == Some(Fault::Drip) {
        return Duration::ZERO;
    }
    let texts = said.content.iter().chain(&said.refusal).chain(said.calls.iter().map(|call| &call.arguments));
    let pieces: usize = texts.map(|text| pieces(text).len()).sum();
    let mut delay = turn.settings.first_token.sample(&mut turn.rng);
    for _ in 1..pieces {
        delay += turn.settings.between_tokens.sample(&mut turn.rng);
    }
    delay + if turn.fault == Some(Fault::SlowFirstToken) { SLOW } else { Duration::ZERO }
}

/// An answer as a stream of events.
fn streamed(ask: &Ask, said: &Said, stamp: Stamp<'_>, turn: &mut Turn<'_>) -> Reply {
    let mut reply = Reply::started(StatusCode::OK, EVENTS).with("cache-control", HeaderValue::from_static("no-cache"));
    let mut events = Events { steps: VecDeque::new(), stamp, waiting_usage: ask.include_usage };
    let contents = if turn.fault == Some(Fault::NoChoices) { Vec::new() } else { contents(ask, said) };
    // At least one piece before a break and, where there are two, at least one that never comes.
    let middle = contents.len().div_ceil(2).min(contents.len().saturating_sub(1)).max(1);
    events.opening(ask, said, turn);
    for (place, (index, delta)) in contents.into_iter().enumerate() {
        if place > 0 {
            let pause =
                if turn.fault == Some(Fault::Drip) { DRIP } else { turn.settings.between_tokens.sample(&mut turn.rng) };
            events.steps.push_back(Step::Wait(pause));
        }
        events.chunk(vec![StreamChoice::adding(index, delta)]);
        if place == 0 && turn.fault == Some(Fault::MalformedChunk) {
            events.raw(GARBAGE);
        }
        if place + 1 == middle && events.break_off(turn.fault) {
            reply.steps = events.steps;
            return reply;
        }
    }
    events.ending(ask, said, turn.fault);
    reply.steps = events.steps;
    match turn.fault {
        Some(Fault::HangAfterHeaders) => reply.steps = VecDeque::from([Step::Stall]),
        Some(Fault::ErrorEvent) => reply.steps = VecDeque::from([Step::Send(event(&Envelope { error: IN_BAND }))]),
        _ => {}
    }
    reply
}

/// The content chunks of all choices, piece by piece, the choices taking turns.
fn contents<'a>(ask: &Ask, said: &'a Said) -> Vec<(u32, Delta<'a>)> {
    let mut deltas = Vec::new();
    deltas.extend(said.content.as_deref().map(pieces).unwrap_or_default().into_iter().map(Delta::content));
    deltas.extend(said.refusal.as_deref().map(pieces).unwrap_or_default().into_iter().map(Delta::refusal));
    for (place, call) in said.calls.iter().enumerate() {
        deltas.push(Delta::call(place, call));
        deltas.extend(pieces(&call.arguments).into_iter().map(|piece| Delta::arguments(place, piece)));
    }
    deltas.into_iter().flat_map(|delta| (0..ask.choices).map(move |index| (index, delta.clone()))).collect()
}

/// The events of one stream, as they are written.
struct Events<'a> {
    steps: VecDeque<Step>,
    stamp: Stamp<'a>,
    /// Chunks before the usage chunk say `"usage": null`.
    waiting_usage: bool,
}

// === impl Events ===

impl<'a> Events<'a> {
    /// The time to the first token and the role chunks. A slow provider sends the role at once and then thinks, which must not
    /// be taken for a first token.
    fn opening(&mut self, ask: &Ask, said: &Said, turn: &mut Turn<'_>) {
        let delay = turn.settings.first_token.sample(&mut turn.rng);
        let slow = turn.fault == Some(Fault::SlowFirstToken);
        if turn.fault == Some(Fault::MalformedFirst) {
            self.raw(GARBAGE);
        }
        if !slow {
            self.steps.push_back(Step::Wait(delay));
        }
        if turn.fault != Some(Fault::NoChoices) {
            for index in 0..ask.choices {
                self.chunk(vec![StreamChoice::adding(index, Delta::role(said.content.is_some()))]);
            }
        }
        if slow {
            self.steps.push_back(Step::Wait(delay + SLOW));
        }
    }

    /// Breaks the stream off here if the fault says so.
    fn break_off(&mut self, fault: Option<Fault>) -> bool {
        match fault {
            Some(Fault::Cut) => self.steps.push_back(Step::Cut),
            Some(Fault::Stall) => self.steps.push_back(Step::Stall),
            Some(Fault::ErrorEventLate) => self.steps.push_back(Step::Send(event(&Envelope { error: IN_BAND }))),
            Some(Fault::CutClean) => {}
            _ => return false,
        }
        true
    }

    /// Finish reasons, usage and `[DONE]`.
    fn ending(&mut self, ask: &Ask, said: &Said, fault: Option<Fault>) {
        if fault != Some(Fault::NoChoices) {
            for index in 0..ask.choices {
                self.chunk(vec![StreamChoice::ending(index, said.finish)]);
            }
        }
        if ask.include_usage {
            let usage = Usage::estimate(ask.prompt_chars, said, ask.choices);
            let last = Chunk { usage: Some(Some(usage)), ..self.empty_chunk() };
            self.steps.push_back(Step::Send(event(&last)));
        } else if fault == Some(Fault::NoChoices) {
            self.chunk(Vec::new());
        }
        if fault != Some(Fault::NoDone) {
            self.raw(DONE);
        }
    }

    fn chunk(&mut self, choices: Vec<StreamChoice<'_>>) {
        let chunk = Chunk { choices, usage: self.waiting_usage.then_some(None), ..self.empty_chunk() };
        self.steps.push_back(Step::Send(event(&chunk)));
    }

    fn empty_chunk(&self) -> Chunk<'a> {
        Completion {
            id: self.stamp.id,
            object: "chat.completion.chunk",
            created: self.stamp.created,
            model: self.stamp.model,
            choices: Vec::new(),
            usage: None,
            service_tier: "default",
            error: None,
        }
    }

    fn raw(&mut self, text: &'static str) {
        self.steps.push_back(Step::Send(Bytes::from_static(text.as_bytes())));
    }
}

fn event(value: &impl Serialize) -> Bytes {
    let mut text = b"data: ".to_vec();
    text.extend(json(value));
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// Types with string keys always serialise, so that the empty text is never sent.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Words, cut where they are long; at least two pieces where there are two letters, so that every text has a middle.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let most = rest.char_indices().nth(PIECE).map_or(rest.len(), |(end, _)| end);
        let end = rest.get(..most).and_then(|piece| piece.find(' ')).map_or(most, |blank| blank + 1);
        let (piece, more) = rest.split_at_checked(end).unwrap_or((rest, ""));
        pieces.push(piece);
        rest = more;
    }
    match pieces.as_slice() {
        [only] => match only.char_indices().nth(1) {
            Some((second, _)) => only.split_at_checked(second).map_or(pieces.clone(), |(a, b)| vec![a, b]),
            None => pieces,
        },
        _ => pieces,
    }
}
