//! Putting a stream together again, to judge it as a whole answer.
//!
//! Bounded by a number of bytes that the caller gives. Tool calls can be taken one by one as they become whole, which
//! is what a live stream holds them for. Fragments belong together by index, else by id, else by order; a server that
//! gives every call the index 0 tells them apart by id. Never forwards anything: that is done with the bytes that came, except for
//! an answer that was mended, which is told anew.

use std::borrow::Cow;

use bytes::Bytes;

use crate::chat::{Answer, Choice, MAX_CHOICES, Malformed, Mended, ToolCall};
use crate::delta::{Chunk, Delta, FinishReason, ToolFragment, Usage};
use crate::json::{self, Writer};
use crate::said::{MAX_CALLS, Text};

/// A stream as far as it has come.
#[derive(Debug)]
pub struct Assembly {
    limit: usize,
    held: usize,
    id: Option<Box<str>>,
    created: Option<u64>,
    model: Option<Box<str>>,
    usage: Option<Usage>,
    choices: Vec<Growing>,
}

/// A choice as far as it has come.
#[derive(Debug, Default)]
struct Growing {
    index: u32,
    text: String,
    refusal: String,
    calls: Vec<GrowingCall>,
    /// Calls before this one are whole and were taken.
    taken: usize,
    finish: Option<FinishReason>,
    reasoning: bool,
    media: bool,
}

#[derive(Debug, Default)]
struct GrowingCall {
    index: Option<u32>,
    id: Option<Box<str>>,
    name: String,
    arguments: String,
    custom: bool,
}

// === impl Assembly ===

impl Assembly {
    /// An empty one that holds at most `limit` bytes of text, refusals and tool calls.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, held: 0, id: None, created: None, model: None, usage: None, choices: Vec::new() }
    }

    /// Adds a chunk.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when the answer outgrows its bounds, or goes on with a tool call that was taken as whole.
    pub fn push(&mut self, chunk: &Chunk<'_>) -> Result<(), Malformed> {
        self.id = self.id.take().or_else(|| chunk.id.as_deref().map(Into::into));
        self.created = self.created.or(chunk.created);
        self.model = self.model.take().or_else(|| chunk.model.as_deref().map(Into::into));
        self.usage = chunk.usage.or(self.usage);
        for delta in &chunk.choices {
            self.held += size(delta);
            if self.held > self.limit {
                return Err(Malformed("the answer is larger than its limit"));
            }
            self.choice(delta.index)?.add(delta)?;
        }
        Ok(())
    }

    /// Whether the stream may end here: a choice was seen, and every one that was has its finish reason.
    #[must_use]
    pub fn complete(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish.is_some())
    }

    /// The tool calls that became whole since the last time, with the index of their choice: a call is whole when its
    /// choice ends, because fragments of parallel calls may come in any order.
    pub fn take_whole_calls(&mut self) -> Vec<(u32, ToolCall)> {
        let mut whole = Vec::new();
        for choice in &mut self.choices {
            let upto = if choice.finish.is_some() { choice.calls.len() } else { choice.taken };
            let calls = choice.calls.get(choice.taken..upto).unwrap_or_default();
            whole.extend(calls.iter().map(|call| (choice.index, call.whole())));
            choice.taken = upto;
        }
        whole
    }

    /// What the provider counted, once it said so.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// The answer as far as it has come, in the view that is judged.
    #[must_use]
    pub fn answer(&self) -> Answer<'_> {
        Answer {
            id: self.id.as_deref().map(Cow::Borrowed),
            model: self.model.as_deref().map(Cow::Borrowed),
            choices: self.choices.iter().map(Growing::choice).collect(),
            usage: self.usage,
        }
    }

    /// The whole answer told anew, with its first choice mended: the data of its chunks without framing, a finish chunk
    /// last for each choice, no usage and no end marker. Reasoning is not kept here and not told again; of an answer
    /// with media, which is not kept either, there is nothing to tell.
    #[must_use]
    pub fn mended(&self, mended: &Mended<'_>) -> Vec<Bytes> {
        if self.choices.iter().any(|choice| choice.media) {
            return Vec::new();
        }
        let mut head = Writer::new();
        head.text("id", self.id.as_deref().unwrap_or_default()).text("object", "chat.completion.chunk");
        head.raw("created", &self.created.unwrap_or_default().to_string());
        head.text("model", self.model.as_deref().unwrap_or_default());
        let kept = Mended::default();
        let choices = self.choices.iter().enumerate();
        let told = choices.flat_map(|(place, choice)| choice.told(if place == 0 { mended } else { &kept }));
        told.map(|choice| Bytes::from(head.clone().raw("choices", &format!("[{choice}]")).finish())).collect()
    }

    fn choice(&mut self, index: u32) -> Result<&mut Growing, Malformed> {
        let place = match self.choices.iter().position(|choice| choice.index == index) {
            Some(place) => place,
            None if self.choices.len() < MAX_CHOICES => {
                self.choices.push(Growing { index, ..Growing::default() });
                self.choices.len() - 1
            }
            None => return Err(Malformed("the answer has too many choices")),
        };
        self.choices.get_mut(place).ok_or(Malformed("the answer has too many choices"))
    }
}

// === impl Growing ===

impl Growing {
    fn add(&mut self, delta: &Delta<'_>) -> Result<(), Malformed> {
        self.text.push_str(delta.text.as_deref().unwrap_or_default());
        self.refusal.push_str(delta.refusal.as_deref().unwrap_or_default());
        self.reasoning |= delta.reasoning;
        self.media |= delta.media;
        for fragment in &delta.tool_fragments {
            self.add_fragment(fragment)?;
        }
        if delta.finish.is_some() {
            self.finish.clone_from(&delta.finish);
        }
        Ok(())
    }

    fn add_fragment(&mut self, fragment: &ToolFragment<'_>) -> Result<(), Malformed> {
        let place = match self.place_of(fragment) {
            Some(place) if place < self.taken => return Err(Malformed("a tool call went on after it was whole")),
            Some(place) => place,
            None if self.calls.len() < MAX_CALLS => {
                self.calls.push(GrowingCall::default());
                self.calls.len() - 1
            }
            None => return Err(Malformed("a message makes too many tool calls")),
        };
        if let Some(call) = self.calls.get_mut(place) {
            call.add(fragment);
        }
        Ok(())
    }

    /// Which call a fragment belongs to; `None` begins a new one.
    fn place_of(&self, fragment: &ToolFragment<'_>) -> Option<usize> {
        let id = fragment.id.as_deref();
        let same_id = |call: &GrowingCall| id.is_none() || call.id.is_none() || call.id.as_deref() == id;
        match (fragment.index, id) {
            (Some(index), _) => self
                .calls
                .iter()
                .rposition(|call| call.index == Some(index))
                .filter(|place| self.calls.get(*place).is_some_and(same_id)),
            (None, Some(_)) => self.calls.iter().position(|call| call.id.as_deref() == id),
            (None, None) if fragment.name.is_some() => None,
            (None, None) => self.calls.len().checked_sub(1),
        }
    }

    fn choice(&self) -> Choice<'_> {
        let filled = |text: &'_ String| !text.is_empty();
        Choice {
            index: self.index,
            text: Some(&self.text).filter(|text| filled(text)).map(|text| Text::Plain(Cow::Borrowed(text))),
            refusal: Some(&self.refusal).filter(|text| filled(text)).map(|text| Cow::Borrowed(text.as_str())),
            tool_calls: self.calls.iter().map(GrowingCall::whole).collect(),
            finish: self.finish.clone(),
            reasoning: self.reasoning,
            media: self.media,
        }
    }

    /// The choices of the chunks that tell this one.
    fn told(&self, mended: &Mended<'_>) -> Vec<String> {
        let mut first = Writer::new();
        let text = mended.text.unwrap_or(&self.text);
        first.text("role", "assistant");
        if text.is_empty() {
            first.raw("content", "null");
        } else {
            first.text("content", text);
        }
        if !self.refusal.is_empty() {
            first.text("refusal", &self.refusal);
        }
        let mut deltas = vec![first.finish()];
        deltas.extend(self.calls.iter().enumerate().map(|(place, call)| {
            let call = call.told(place, mended.arguments_of(place));
            Writer::new().raw("tool_calls", &format!("[{call}]")).finish()
        }));
        let finish = self.finish.as_ref().map_or_else(|| "null".to_owned(), |finish| json::quote(finish.name()));
        let finished = deltas.len();
        deltas.push("{}".to_owned());
        let choice = |(place, delta): (usize, String)| {
            let mut choice = Writer::new();
            choice.raw("index", &self.index.to_string()).raw("delta", &delta);
            choice.raw("finish_reason", if place == finished { &finish } else { "null" }).finish()
        };
        deltas.into_iter().enumerate().map(choice).collect()
    }
}

// === impl GrowingCall ===

impl GrowingCall {
    fn add(&mut self, fragment: &ToolFragment<'_>) {
        self.index = self.index.or(fragment.index);
        self.id = self.id.take().or_else(|| fragment.id.as_deref().map(Into::into));
        self.custom |= fragment.custom;
        // A name comes once; servers that repeat it repeat it whole, servers that split it send pieces.
        match fragment.name.as_deref() {
            Some(name) if name != self.name => self.name.push_str(name),
            _ => {}
        }
        self.arguments.push_str(fragment.arguments.as_deref().unwrap_or_default());
    }

    fn whole(&self) -> ToolCall {
        ToolCall {
            id: self.id.clone(),
            name: self.name.as_str().into(),
            arguments: self.arguments.as_str().into(),
            custom: self.custom,
        }
    }

    /// The whole call as one fragment, with these arguments if they were mended.
    fn told(&self, place: usize, mended: Option<&str>) -> String {
        let arguments = mended.unwrap_or(&self.arguments);
        let (kind, member) = if self.custom { ("custom", "input") } else { ("function", "arguments") };
        let mut call = Writer::new();
        call.raw("index", &place.to_string());
        if let Some(id) = &self.id {
            call.text("id", id);
        }
        let inner = Writer::new().text("name", &self.name).text(member, arguments).finish();
        call.text("type", kind).raw(kind, &inner).finish()
    }
}

/// Bytes that a delta adds.
fn size(delta: &Delta<'_>) -> usize {
    let length = |text: &Option<Cow<'_, str>>| text.as_ref().map_or(0, |text| text.len());
    let calls: usize =
        delta.tool_fragments.iter().map(|call| length(&call.id) + length(&call.name) + length(&call.arguments)).sum();
    length(&delta.text) + length(&delta.refusal) + calls
}

#[cfg(test)]
mod tests;
