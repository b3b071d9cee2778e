//! What the simulated model says: text, JSON, tool calls or a refusal, right or wrong as the fault demands.
//!
//! This is the meaning of an answer, before it becomes a body or a stream of some shape; nothing here knows HTTP.

use fastrand::Rng;
use serde_json::{Map, Value};

use crate::ask::{Ask, Format, Tool, WantsTool};
use crate::fault::Fault;
use crate::schema;

/// The echo of the caller's words is at most this long, in characters.
const LONGEST_ECHO: usize = 200;

const REMARKS: [&str; 4] = [
    "Nothing here was thought by a model.",
    "The words are yours, the weather is simulated.",
    "No tokens were bought for this answer.",
    "Any likeness to an intelligent answer is an accident.",
];

/// One answer.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) content: Option<String>,
    pub(crate) refusal: Option<String>,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) finish: Finish,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Finish {
    /// It had said everything.
    #[default]
    Stop,
    /// It wants tools called.
    ToolCalls,
    /// It met the bound of its output.
    Length,
    /// A filter stopped it.
    Filtered,
}

/// One tool call.
#[derive(Debug)]
pub(crate) struct ToolCall {
    /// What the id is made of, in the way of each shape.
    pub(crate) serial: u64,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

// === impl Said ===

impl Said {
    /// Everything that was said, in the order in which it is sent.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = self.content.iter().chain(&self.refusal).chain(self.calls.iter().map(|call| &call.arguments));
        texts.map(String::as_str)
    }

    /// Four characters are about one token; an answer costs at least one.
    pub(crate) fn tokens(&self) -> usize {
        (self.texts().map(|text| text.chars().count()).sum::<usize>() / 4).max(1)
    }
}

/// What the model says to this request under this fault. Faults that are not about meaning leave it normal.
pub(crate) fn say(ask: &Ask, provider: &str, fault: Option<Fault>, rng: &mut Rng) -> Said {
    match fault {
        Some(Fault::Empty) => content(String::new()),
        Some(Fault::Refusal) => Said {
            refusal: Some("I'm sorry, but the simulated model declines to help with this.".to_owned()),
            ..Said::default()
        },
        Some(Fault::UndeclaredTool) => undeclared(rng),
        Some(Fault::BadArguments) => match ask.tools.get(first_wanted(&ask.wants_tool)) {
            Some(tool) => called(vec![call(tool, &schema::with_wrong_type(&tool.parameters, rng), rng)]),
            None => undeclared(rng),
        },
        Some(Fault::BrokenJson) if !ask.tools.is_empty() => {
            let mut said = call_tools(ask, &[first_wanted(&ask.wants_tool)], rng);
            for call in &mut said.calls {
                call.arguments = unparseable(&call.arguments);
            }
            said
        }
        Some(Fault::BrokenJson) => content(unparseable(&json_content(ask, provider, rng).to_string())),
        Some(Fault::MissingField) => missing_field(ask, rng),
        Some(Fault::Truncated) => shortened(normal(ask, provider, rng), Finish::Length),
        Some(Fault::Filtered) => shortened(normal(ask, provider, rng), Finish::Filtered),
        _ => normal(ask, provider, rng),
    }
}

/// An answer that keeps what was asked.
fn normal(ask: &Ask, provider: &str, rng: &mut Rng) -> Said {
    match (&ask.wants_tool, &ask.format) {
        (WantsTool::Some(places), _) => call_tools(ask, places, rng),
        // A forced function ends with `stop`, as OpenAI does it.
        (WantsTool::Named(place), _) => Said { finish: Finish::Stop, ..call_tools(ask, &[*place], rng) },
        (WantsTool::No, Format::Text) => content(prose(ask, provider, rng)),
        (WantsTool::No, Format::JsonObject | Format::Schema(_)) => {
            content(json_content(ask, provider, rng).to_string())
        }
    }
}

fn json_content(ask: &Ask, provider: &str, rng: &mut Rng) -> Value {
    match &ask.format {
        Format::Schema(schema) => schema::instance(schema, rng),
        Format::JsonObject | Format::Text => {
            Value::Object(Map::from_iter([("answer".to_owned(), prose(ask, provider, rng).into())]))
        }
    }
}

fn prose(ask: &Ask, provider: &str, rng: &mut Rng) -> String {
    let heard: String = ask.last_user.chars().take(LONGEST_ECHO).collect();
    let remark = rng.choice(REMARKS).unwrap_or_default();
    format!("Simulated answer of {} at {provider}. You said: {heard} {remark}", ask.model)
}

fn missing_field(ask: &Ask, rng: &mut Rng) -> Said {
    match (&ask.wants_tool, &ask.format, ask.tools.get(first_wanted(&ask.wants_tool))) {
        (WantsTool::Some(_) | WantsTool::Named(_), _, Some(tool)) => {
            called(vec![call(tool, &schema::with_missing_field(&tool.parameters, rng), rng)])
        }
        (_, Format::Schema(schema), _) => content(schema::with_missing_field(schema, rng).to_string()),
        (_, Format::Text | Format::JsonObject, _) => content("{}".to_owned()),
    }
}

fn call_tools(ask: &Ask, places: &[usize], rng: &mut Rng) -> Said {
    let tools = places.iter().filter_map(|place| ask.tools.get(*place));
    called(tools.map(|tool| call(tool, &schema::instance(&tool.parameters, rng), rng)).collect())
}

fn undeclared(rng: &mut Rng) -> Said {
    let tool = Tool { name: "drop_tables".to_owned(), parameters: Value::Null };
    let arguments = Value::Object(Map::from_iter([("confirm".to_owned(), true.into())]));
    called(vec![call(&tool, &arguments, rng)])
}

fn call(tool: &Tool, arguments: &Value, rng: &mut Rng) -> ToolCall {
    ToolCall { serial: rng.u64(..), name: tool.name.clone(), arguments: arguments.to_string() }
}

fn called(calls: Vec<ToolCall>) -> Said {
    Said { calls, finish: Finish::ToolCalls, ..Said::default() }
}

fn content(content: String) -> Said {
    Said { content: Some(content), ..Said::default() }
}

fn first_wanted(wants: &WantsTool) -> usize {
    match wants {
        WantsTool::No => 0,
        WantsTool::Some(places) => places.first().copied().unwrap_or_default(),
        WantsTool::Named(place) => *place,
    }
}

/// Stops in the middle, of the last tool call if there are any. One letter is left of two, and none of one.
fn shortened(mut said: Said, finish: Finish) -> Said {
    let half = |text: &str| text.chars().take(text.chars().count() / 2).collect::<String>();
    said.finish = finish;
    said.content = said.content.as_deref().map(half);
    if let Some(last) = said.calls.last_mut() {
        last.arguments = half(&last.arguments);
    }
    said
}

/// JSON that no parser takes: its last bracket is gone and a bare word stands there.
fn unparseable(json: &str) -> String {
    let mut broken = json.to_owned();
    broken.pop();
    broken.push_str(", oops");
    broken
}
