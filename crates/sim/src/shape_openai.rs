//! A provider of OpenAI's shape: answers and streams of `POST /v1/chat/completions`, and the list of models.
//!
//! A request body and a fault in, an [`Ending`] out. It decides what goes over the wire, broken or not; it never touches the
//! connection, and never asks a clock.

mod ask;
mod errors;
mod wire;

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

pub(crate) use ask::read;
pub(crate) use errors::{bad_control, refuse, too_large, unknown_path};

use crate::ask::Ask;
use crate::fault::Fault;
use crate::limits::Standing;
use crate::playback::{Ending, Reply, Step};
use crate::said::{self, Said};
use crate::turn::{BEAT, DRIP, DRIP_BYTES, SLOW, Turn, middle, pieces};
use errors::{Envelope, IN_BAND, signed};
use wire::{Choice, Completion, Delta, Stamp, StreamChoice, Usage, finish};

/// `created` of the first call, Unix seconds. Not the clock: the same call gets the same answer on every day.
const EPOCH: u64 = 1_760_000_000;

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream; charset=utf-8";
const GARBAGE: &str = "data: {\"id\":\"chatcmpl-sim\",\"choices\":[{\"index\":0,,, <<garbage>>\n\n";
const DONE: &str = "data: [DONE]\n\n";
/// What keeps a stream open without saying anything.
const COMMENT: &str = ": keep-alive\n\n";
/// What keeps a body open without saying anything: JSON may begin with blanks.
const BLANK: &str = "\n";

/// The chunk type of streams.
type Chunk<'a> = Completion<'a, StreamChoice<'a>>;

/// How the provider treats a readable request.
pub(crate) fn answer(ask: &Ask, turn: &mut Turn<'_>) -> Ending {
    match turn.fault {
        Some(Fault::Reset | Fault::Refused) => return Ending::Reset,
        Some(Fault::Hang) => return Ending::Hang,
        _ => {}
    }
    let call_id = turn.call.id();
    if let Some(reply) = turn.fault.and_then(|fault| errors::of_fault(fault, ask)) {
        return Ending::Reply(signed(reply, &call_id));
    }
    let said = said::say(ask, &turn.settings.name, turn.fault, &mut turn.rng);
    let model = if turn.meets(Fault::WrongModel) { "another-model-sim" } else { &format!("{}-sim", ask.model) };
    let id = format!("chatcmpl-sim{:016x}", turn.rng.u64(..));
    let stamp = Stamp { id: &id, created: EPOCH + turn.call.number(), model };
    let usage = Usage::new(turn.reported(ask.prompt_tokens()), &said, ask.choices);
    let standing = turn.call.spend(usage.completion_tokens);
    let reply =
        if ask.stream { streamed(ask, &said, (stamp, usage), turn) } else { at_once(ask, &said, (stamp, usage), turn) };
    let spent = u64::try_from(reply.before_head.as_millis()).unwrap_or_default();
    let reply = signed(reply, &call_id).with("openai-processing-ms", spent);
    Ending::Reply(match standing {
        Some(standing) => with_standing(reply, &standing),
        None => with_roomy_limits(reply),
    })
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

/// The headers of an account that is nowhere near its limits.
fn with_roomy_limits(reply: Reply) -> Reply {
    reply
        .with("x-ratelimit-limit-requests", 10_000)
        .with("x-ratelimit-remaining-requests", 9_999)
        .with("x-ratelimit-reset-requests", HeaderValue::from_static("6ms"))
        .with("x-ratelimit-limit-tokens", 2_000_000)
        .with("x-ratelimit-remaining-tokens", 1_999_000)
        .with("x-ratelimit-reset-tokens", HeaderValue::from_static("30ms"))
}

/// The headers of a key that has limits: those it has, as they are.
fn with_standing(mut reply: Reply, standing: &Standing) -> Reply {
    let text = format!("{}ms", standing.resets_in.as_millis());
    let reset = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("1s"));
    if let Some(limit) = standing.limits.requests {
        reply = reply
            .with("x-ratelimit-limit-requests", limit)
            .with("x-ratelimit-remaining-requests", standing.requests_left)
            .with("x-ratelimit-reset-requests", reset.clone());
    }
    if let Some(limit) = standing.limits.tokens {
        reply = reply
            .with("x-ratelimit-limit-tokens", limit)
            .with("x-ratelimit-remaining-tokens", standing.tokens_left)
            .with("x-ratelimit-reset-tokens", reset);
    }
    reply
}

/// An answer in one body.
fn at_once(ask: &Ask, said: &Said, (stamp, usage): (Stamp<'_>, Usage), turn: &mut Turn<'_>) -> Reply {
    let fault = turn.fault;
    let late = fault == Some(Fault::ErrorEventLate);
    let finish = if late { "error" } else { finish(said) };
    let indexes = if fault == Some(Fault::NoChoices) { 0..0 } else { 0..ask.choices };
    let whole = Completion {
        id: stamp.id,
        object: "chat.completion",
        created: stamp.created,
        model: stamp.model,
        choices: indexes.map(|index| Choice::new(index, said, finish)).collect(),
        usage: Some(Some(usage)),
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
        Some(Fault::PingsOnly) => beating(JSON, BLANK),
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

/// Signs of life for ever, and nothing else.
fn beating(content_type: &'static str, sign: &'static str) -> Reply {
    let mut reply = Reply::started(StatusCode::OK, content_type);
    reply.steps.push_back(Step::Beat(BEAT, Bytes::from_static(sign.as_bytes())));
    reply
}

/// An answer as a stream of events.
fn streamed(ask: &Ask, said: &Said, (stamp, usage): (Stamp<'_>, Usage), turn: &mut Turn<'_>) -> Reply {
    if turn.meets(Fault::PingsOnly) {
        return beating(EVENTS, COMMENT);
    }
    let mut reply = Reply::started(StatusCode::OK, EVENTS).with("cache-control", HeaderValue::from_static("no-cache"));
    let mut events = Events { steps: VecDeque::new(), stamp, waiting_usage: ask.include_usage };
    let contents = if turn.fault == Some(Fault::NoChoices) { Vec::new() } else { contents(ask, said) };
    let middle = middle(contents.len());
    events.opening(ask, said, turn);
    for (place, (index, delta)) in contents.into_iter().enumerate() {
        if place > 0 {
            events.steps.push_back(Step::Wait(turn.between_tokens()));
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
    events.ending(ask, said, usage, turn.fault);
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
        let delay = turn.first_token();
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
    fn ending(&mut self, ask: &Ask, said: &Said, usage: Usage, fault: Option<Fault>) {
        if fault != Some(Fault::NoChoices) {
            for index in 0..ask.choices {
                self.chunk(vec![StreamChoice::ending(index, finish(said))]);
            }
        }
        if ask.include_usage {
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
