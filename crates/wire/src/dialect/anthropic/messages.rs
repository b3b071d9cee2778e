//! Messages of a chat as the turns of a Messages request.
//!
//! System and developer messages leave the list and become the system prompt. Turns of the same role are merged, and in
//! a user's turn the results of tools come first, as Messages asks for. Blank text is left out, because it is refused.
//! What is malformed is handed on in the closest form for the provider to reject; nothing is an error here.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::ids::Ids;
use super::request::Dropped;
use crate::dialect::Rewrite;
use crate::json::{self, Members, Writer};

/// A conversation in the form of Messages.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    system: Vec<Text<'a>>,
    turns: Vec<Turn<'a>>,
    ids: Ids,
    /// Names of the tools that were called, as JSON strings, each once.
    called: Vec<&'a RawValue>,
}

/// What a conversation begins with that the assistant begins: Messages wants the user first.
const OPENING: &str = "(The conversation begins.)";

/// Consecutive messages of one role.
#[derive(Debug)]
struct Turn<'a> {
    role: Box<str>,
    results: Vec<String>,
    blocks: Vec<Block<'a>>,
}

#[derive(Debug)]
enum Block<'a> {
    Text(Text<'a>),
    /// Any other block as JSON.
    Other(String),
}

/// A text that is not blank, with the cache mark that the caller set behind it.
#[derive(Debug)]
struct Text<'a> {
    /// The inside of the JSON string.
    inner: Cow<'a, str>,
    cache: Option<&'a RawValue>,
}

// === impl Conversation ===

impl<'a> Conversation<'a> {
    /// Reads the caller's messages and adds what the rung adds; `words` is asked for at the end of the system prompt.
    pub(super) fn read(
        messages: Option<&'a RawValue>,
        rewrite: &Rewrite<'a>,
        words: Option<&str>,
        dropped: &mut Dropped,
    ) -> Self {
        let mut conversation = Self::default();
        let mut instruction = rewrite.instruction;
        for raw in messages.and_then(json::elements).unwrap_or_default() {
            let message = Members::of(Some(raw));
            let role = message.text("role").unwrap_or_default();
            if !matches!(&*role, "system" | "developer")
                && let Some(instruction) = instruction.take()
            {
                conversation.system.extend(Text::of(instruction));
            }
            if message.get("name").is_some() && role != "function" {
                dropped.add("messages.name");
            }
            conversation.add(&message, &role, dropped);
        }
        conversation.system.extend(instruction.and_then(Text::of));
        if conversation.turns.is_empty() {
            // Messages needs a turn: a caller who gave instructions only asks with them.
            let asked = std::mem::take(&mut conversation.system);
            conversation.go_on("user", Vec::new(), asked.into_iter().map(Block::Text).collect());
        }
        conversation.system.extend(words.and_then(Text::of));
        if let Some(repair) = rewrite.repair {
            for (role, text) in [("assistant", repair.said), ("user", &repair.ask())] {
                conversation.go_on(role, Vec::new(), Text::of(text).map(Block::Text).into_iter().collect());
            }
        }
        conversation.trim_end();
        if conversation.turns.first().is_some_and(|turn| &*turn.role == "assistant") {
            let blocks = Text::of(OPENING).map(Block::Text).into_iter().collect();
            conversation.turns.insert(0, Turn { role: "user".into(), results: Vec::new(), blocks });
        }
        conversation
    }

    /// Writes `system` and `messages`.
    pub(super) fn write(&self, out: &mut Writer) {
        if self.system.iter().any(|text| text.cache.is_some()) {
            let blocks: Vec<String> = self.system.iter().map(Text::block).collect();
            out.raw("system", &format!("[{}]", blocks.join(",")));
        } else if !self.system.is_empty() {
            let texts: Vec<&str> = self.system.iter().map(|text| &*text.inner).collect();
            out.raw("system", &format!("\"{}\"", texts.join(r"\n\n")));
        }
        let turns: Vec<String> = self.turns.iter().map(Turn::write).collect();
        out.raw("messages", &format!("[{}]", turns.join(",")));
    }

    fn add(&mut self, message: &Members<'a>, role: &str, dropped: &mut Dropped) {
        let content = message.get("content");
        match role {
            "system" | "developer" => {
                let blocks = blocks(content, dropped).into_iter();
                self.system.extend(blocks.filter_map(|block| match block {
                    Block::Text(text) => Some(text),
                    Block::Other(json) => Text::of(&json),
                }));
            }
            "assistant" => self.add_assistant(message, dropped),
            "tool" => {
                let result = result(&self.ids.result(message.get("tool_call_id")), content, dropped);
                self.go_on("user", vec![result], Vec::new());
            }
            "function" => {
                let result = result(&self.ids.function_result(), content, dropped);
                self.go_on("user", vec![result], Vec::new());
            }
            // A role that nobody knows stays for the provider to reject.
            _ => self.go_on(role, Vec::new(), blocks(content, dropped)),
        }
    }

    fn add_assistant(&mut self, message: &Members<'a>, dropped: &mut Dropped) {
        let mut said = blocks(message.get("content"), dropped);
        said.extend(message.get("refusal").and_then(|raw| Text::raw(raw, None)).map(Block::Text));
        for call in message.get("tool_calls").and_then(json::elements).unwrap_or_default() {
            let call = Members::of(Some(call));
            let function = Members::of(call.get("function").or_else(|| call.get("custom")));
            let id = self.ids.call(call.get("id"));
            said.push(Block::Other(self.tool_use(&id, &function)));
        }
        if let Some(call) = message.get("function_call") {
            let id = self.ids.function_call();
            said.push(Block::Other(self.tool_use(&id, &Members::of(Some(call)))));
        }
        self.go_on("assistant", Vec::new(), said);
    }

    /// A call that the model made. Arguments that are no JSON object go as the text that they are, in an object: the model
    /// wrote them, and the conversation can go on with them.
    fn tool_use(&mut self, id: &str, function: &Members<'a>) -> String {
        let arguments = function.get("arguments").or_else(|| function.get("input"));
        let text = arguments.map(|raw| json::text(raw).unwrap_or(Cow::Borrowed(raw.get()))).unwrap_or_default();
        let name = function.get("name");
        if let Some(name) = name.filter(|name| self.called.iter().all(|known| known.get() != name.get())) {
            self.called.push(name);
        }
        let mut block = Writer::new();
        block.text("type", "tool_use").raw("id", id);
        block.raw("name", name.map_or("\"\"", RawValue::get)).raw("input", &input(&text));
        block.finish()
    }

    /// Names of the tools that were called, as JSON strings.
    pub(super) fn called(&self) -> &[&'a RawValue] {
        &self.called
    }

    /// Adds to the last turn where it has this role, else begins one. Nothing adds no turn.
    fn go_on(&mut self, role: &str, results: Vec<String>, blocks: Vec<Block<'a>>) {
        if results.is_empty() && blocks.is_empty() {
            return;
        }
        match self.turns.last_mut() {
            Some(turn) if *turn.role == *role => {
                turn.results.extend(results);
                turn.blocks.extend(blocks);
            }
            Some(_) | None => self.turns.push(Turn { role: role.into(), results, blocks }),
        }
    }

    /// The start of an answer must not end with white space.
    fn trim_end(&mut self) {
        if let Some(turn) = self.turns.last_mut().filter(|turn| &*turn.role == "assistant")
            && let Some(Block::Text(text)) = turn.blocks.last_mut()
        {
            let quoted = format!("\"{}\"", text.inner);
            let raw: Option<&RawValue> = serde_json::from_str(&quoted).ok();
            if let Some(trimmed) = raw.and_then(json::text).and_then(|whole| Text::of(whole.trim_end())) {
                text.inner = trimmed.inner.into_owned().into();
            }
        }
    }
}

// === impl Turn ===

impl Turn<'_> {
    fn write(&self) -> String {
        let texts = self.blocks.iter().map(|block| match block {
            Block::Text(text) => text.block(),
            Block::Other(json) => json.clone(),
        });
        // Messages wants the results of tools before anything else.
        let all: Vec<String> = self.results.iter().cloned().chain(texts).collect();
        Writer::new().text("role", &self.role).raw("content", &format!("[{}]", all.join(","))).finish()
    }
}

// === impl Text ===

impl<'a> Text<'a> {
    /// A text of our own.
    fn of(text: &str) -> Option<Self> {
        let inner = json::quote(text).strip_prefix('"')?.strip_suffix('"')?.to_owned();
        (!text.trim().is_empty()).then_some(Self { inner: inner.into(), cache: None })
    }

    /// A JSON string as it stands.
    fn raw(raw: &'a RawValue, cache: Option<&'a RawValue>) -> Option<Self> {
        let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
        (!is_blank(inner)).then_some(Self { inner: inner.into(), cache })
    }

    fn block(&self) -> String {
        let mut block = Writer::new();
        block.text("type", "text").raw("text", &format!("\"{}\"", self.inner));
        if let Some(cache) = self.cache {
            block.raw("cache_control", cache.get());
        }
        block.finish()
    }
}

/// Whether the inside of a JSON string is nothing but white space.
fn is_blank(mut inner: &str) -> bool {
    const SPACE: [&str; 4] = [" ", r"\n", r"\r", r"\t"];
    while let Some(rest) = SPACE.iter().find_map(|space| inner.strip_prefix(space)) {
        inner = rest;
    }
    inner.is_empty()
}

/// The content of a message as blocks.
fn blocks<'a>(content: Option<&'a RawValue>, dropped: &mut Dropped) -> Vec<Block<'a>> {
    let Some(content) = content else { return Vec::new() };
    if content.get().starts_with('"') {
        return Text::raw(content, None).map(Block::Text).into_iter().collect();
    }
    match json::elements(content) {
        Some(parts) => parts.into_iter().filter_map(|part| block(part, dropped)).collect(),
        None => vec![Block::Other(content.get().to_owned())],
    }
}

/// One part of a content. What has no form in OpenAI's parts goes as it came: it may be a block already.
fn block<'a>(raw: &'a RawValue, dropped: &mut Dropped) -> Option<Block<'a>> {
    let part = Members::of(Some(raw));
    let other = |json: Option<String>| Some(Block::Other(json.unwrap_or_else(|| raw.get().to_owned())));
    let kind = part.text("type");
    let text = match kind.as_deref() {
        Some("text") => part.get("text"),
        Some("refusal") => part.get("refusal"),
        Some("image_url") => return other(image(&part, dropped)),
        Some("file") => return other(document(&part)),
        // Some callers give bare strings.
        None => Some(raw),
        Some(_) => return other(None),
    };
    match text.filter(|text| text.get().starts_with('"')) {
        Some(text) => Text::raw(text, cache(&part)).map(Block::Text),
        None => other(None),
    }
}

/// The mark behind which the caller wants the prompt cached, in Anthropic's words or in OpenAI's.
fn cache<'a>(part: &Members<'a>) -> Option<&'a RawValue> {
    let ours =
        || part.get("prompt_cache_breakpoint").and_then(|_| serde_json::from_str(r#"{"type":"ephemeral"}"#).ok());
    part.get("cache_control").or_else(ours)
}

/// An `image_url` part.
fn image(part: &Members<'_>, dropped: &mut Dropped) -> Option<String> {
    let given = part.get("image_url")?;
    let members = Members::of(Some(given));
    if members.text("detail").is_some_and(|detail| detail != "auto") {
        dropped.add("messages.image_url.detail");
    }
    // Some callers give the address itself.
    let url = members.text("url").or_else(|| json::text(given))?;
    Some(media("image", &source(&url), part, None))
}

/// A `file` part.
fn document(part: &Members<'_>) -> Option<String> {
    let file = Members::of(part.get("file"));
    let source = match (file.get("file_id"), file.text("file_data")) {
        (Some(id), _) => Writer::new().text("type", "file").raw("file_id", id.get()).finish(),
        (None, Some(data)) if data.starts_with("data:") || data.contains("://") => source(&data),
        (None, Some(data)) => base64("application/pdf", &data),
        (None, None) => return None,
    };
    Some(media("document", &source, part, file.get("filename")))
}

fn media(kind: &str, source: &str, part: &Members<'_>, title: Option<&RawValue>) -> String {
    let mut block = Writer::new();
    block.text("type", kind).raw("source", source);
    if let Some(title) = title {
        block.raw("title", title.get());
    }
    if let Some(cache) = cache(part) {
        block.raw("cache_control", cache.get());
    }
    block.finish()
}

/// Where the bytes of a picture or document are: in a data URL, else at an address.
fn source(url: &str) -> String {
    let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(','));
    match inline.and_then(|(head, data)| Some((head.strip_suffix(";base64")?, data))) {
        Some((head, data)) => base64(head.split(';').next().unwrap_or_default(), data),
        None => Writer::new().text("type", "url").text("url", url).finish(),
    }
}

fn base64(kind: &str, data: &str) -> String {
    let kind = if kind.eq_ignore_ascii_case("image/jpg") { "image/jpeg" } else { kind };
    Writer::new().text("type", "base64").text("media_type", kind).text("data", data).finish()
}

fn input(arguments: &str) -> String {
    if arguments.trim().is_empty() {
        return "{}".to_owned();
    }
    let parsed: Option<&RawValue> = serde_json::from_str(arguments).ok();
    match parsed.filter(|raw| raw.get().starts_with('{') && !json::too_deep(raw.get().as_bytes())) {
        Some(object) => object.get().to_owned(),
        None => Writer::new().text("arguments", arguments).finish(),
    }
}

/// What a tool gave.
fn result(id: &str, content: Option<&RawValue>, dropped: &mut Dropped) -> String {
    let mut block = Writer::new();
    block.text("type", "tool_result").raw("tool_use_id", id);
    match content {
        Some(text) if text.get().starts_with('"') => {
            block.raw("content", text.get());
        }
        Some(list) if list.get().starts_with('[') => {
            let parts = blocks(content, dropped).into_iter().map(|block| match block {
                Block::Text(text) => text.block(),
                Block::Other(json) => json,
            });
            let parts: Vec<String> = parts.collect();
            block.raw("content", &format!("[{}]", parts.join(",")));
        }
        // A tool's bare object: its JSON is what the text would have been.
        Some(other) => {
            block.text("content", other.get());
        }
        None => {}
    }
    block.finish()
}
