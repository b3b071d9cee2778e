//! What one message or one delta says: the same members in both, read once, here.
//!
//! The text of a whole answer can be large, so it stays raw until somebody asks. Everything else is small. Unknown
//! members are nobody's business and stay in the bytes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::Malformed;
use crate::delta::{self, ToolFragment};
use crate::json;

/// Most tool calls that one message may make; an answer with more is broken, not busy.
pub(crate) const MAX_CALLS: usize = 512;

/// A message or delta.
#[derive(Debug, Default)]
pub(crate) struct Said<'a> {
    pub(crate) text: Option<Text<'a>>,
    pub(crate) refusal: Option<Cow<'a, str>>,
    pub(crate) reasoning: bool,
    pub(crate) media: bool,
    pub(crate) fragments: Vec<ToolFragment<'a>>,
}

/// Text as a JSON string or already decoded.
#[derive(Debug, Clone)]
pub(crate) enum Text<'a> {
    Raw(&'a RawValue),
    Plain(Cow<'a, str>),
}

/// The members of a message or delta as they stand.
#[derive(Deserialize)]
pub(crate) struct RawSaid<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow, default)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow, default)]
    audio: Option<&'a RawValue>,
    #[serde(borrow, default)]
    images: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawCall<'a> {
    #[serde(borrow, default)]
    index: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    function: Option<&'a RawValue>,
    #[serde(borrow, default)]
    custom: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawFunction<'a> {
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawPart<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
}

// === impl Said ===

impl<'a> Said<'a> {
    /// What the members of a `message` or `delta` say.
    pub(crate) fn of(raw: &RawSaid<'a>) -> Result<Self, Malformed> {
        let mut said = Self {
            refusal: json::filled(raw.refusal),
            reasoning: [raw.reasoning, raw.reasoning_content, raw.reasoning_details].into_iter().any(json::truthy),
            media: json::truthy(raw.audio) || json::truthy(raw.images),
            ..Self::default()
        };
        if let Some(content) = raw.content {
            said.add_content(content)?;
        }
        if let Some(calls) = raw.tool_calls {
            let calls = json::elements(calls).ok_or(Malformed("'tool_calls' is not an array"))?;
            if calls.len() > MAX_CALLS {
                return Err(Malformed("a message makes too many tool calls"));
            }
            for call in calls {
                said.fragments.push(call_of(call)?);
            }
        }
        // The older form; a server that sends both means the same call.
        if let Some(call) = raw.function_call.filter(|_| said.fragments.is_empty()) {
            said.fragments.push(function_of(call, ToolFragment::default())?);
        }
        Ok(said)
    }

    fn add_content(&mut self, content: &'a RawValue) -> Result<(), Malformed> {
        if content.get().starts_with('"') {
            self.text = json::is_filled_string(content).then_some(Text::Raw(content));
            return Ok(());
        }
        let parts = json::elements(content).ok_or(Malformed("'content' is neither text nor parts"))?;
        let mut joined = String::new();
        for part in parts {
            let part: RawPart<'a> =
                json::object(part.get()).map_err(|_| Malformed("a part of the content is not an object"))?;
            match part.kind.and_then(json::text).as_deref() {
                Some("thinking" | "reasoning") => self.reasoning = true,
                Some("refusal") => self.refusal = json::filled(part.refusal).or(self.refusal.take()),
                Some("text" | "output_text") | None => joined.push_str(&json::filled(part.text).unwrap_or_default()),
                Some(_) => self.media = true,
            }
        }
        self.text = (!joined.is_empty()).then_some(Text::Plain(Cow::Owned(joined)));
        Ok(())
    }
}

// === impl Text ===

impl<'a> Text<'a> {
    /// The text, decoded; borrowed where nothing is escaped.
    pub(crate) fn decode(&self) -> Cow<'a, str> {
        match self {
            Self::Raw(raw) => json::text(raw).unwrap_or_default(),
            Self::Plain(text) => text.clone(),
        }
    }
}

fn call_of(raw: &RawValue) -> Result<ToolFragment<'_>, Malformed> {
    let call: RawCall<'_> = json::object(raw.get()).map_err(|_| Malformed("a tool call is not an object"))?;
    let custom = call.function.is_none() && call.custom.is_some();
    let begun =
        ToolFragment { index: delta::index(call.index), id: json::filled(call.id), custom, ..ToolFragment::default() };
    match call.function.or(call.custom) {
        Some(function) => function_of(function, begun),
        None => Ok(begun),
    }
}

fn function_of<'a>(raw: &'a RawValue, mut call: ToolFragment<'a>) -> Result<ToolFragment<'a>, Malformed> {
    let function: RawFunction<'a> =
        json::object(raw.get()).map_err(|_| Malformed("a tool call's function is not an object"))?;
    call.name = json::filled(function.name);
    // Some servers give the arguments as the object itself: its JSON is what the string would have held.
    let arguments = function.arguments.or(function.input);
    call.arguments = arguments.map(|raw| json::text(raw).unwrap_or(Cow::Borrowed(raw.get())));
    Ok(call)
}
