//! Reads a message request: first whether Anthropic would take it, then what a simulated model has to know of it.
//!
//! It never keeps the whole conversation.

use std::hash::{DefaultHasher, Hash, Hasher};

use http::HeaderMap;
use serde_json::{Map, Value};

use super::check::{NEW_VERSION, check};
use crate::ask::{Ask, BadAsk, Format, Mark, Tool, WantsTool};

/// The versions of the API.
const VERSIONS: [&str; 3] = ["2023-01-01", "2023-06-01", NEW_VERSION];

/// Reads a request.
///
/// # Errors
/// [`BadAsk`] where Anthropic would answer 400.
pub(crate) fn read(headers: &HeaderMap, body: &Value) -> Result<Ask, BadAsk> {
    let bad = |message| BadAsk { message, param: None, code: None };
    let version = headers.get("anthropic-version").and_then(|version| version.to_str().ok()).unwrap_or_default();
    if version.is_empty() {
        return Err(bad("anthropic-version: header is required".to_owned()));
    }
    if !VERSIONS.contains(&version) {
        let version: String = version.chars().take(64).collect();
        return Err(bad(format!("anthropic-version: \"{version}\" is not a valid version")));
    }
    check(body, version).map_err(bad)?;
    let messages = body.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let last_user = messages.iter().rev().find(|message| speaks(message)).map(said).unwrap_or_default();
    let tools = tools(body);
    Ok(Ask {
        model: body.get("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
        stream: body.get("stream").and_then(Value::as_bool).unwrap_or_default(),
        include_usage: true,
        choices: 1,
        prompt_chars: prompt(body).map(|block| texts(block).map(|text| text.chars().count()).sum::<usize>()).sum(),
        wants_tool: wants_tool(body, &tools, &last_user, messages.last()),
        last_user,
        format: match body.pointer("/output_config/format/schema") {
            Some(schema) => Format::Schema(schema.clone()),
            None => Format::Text,
        },
        tools,
        marks: marks(body),
    })
}

/// Everything that the model reads, block by block, tools left out. A plain text stands for one block.
fn prompt(body: &Value) -> impl Iterator<Item = &Value> {
    let messages = body.get("messages").and_then(Value::as_array).into_iter().flatten();
    let contents = body.get("system").into_iter().chain(messages.filter_map(|message| message.get("content")));
    contents.flat_map(blocks)
}

fn blocks(content: &Value) -> &[Value] {
    content.as_array().map_or(std::slice::from_ref(content), Vec::as_slice)
}

/// The texts of a block, those of a tool's result included.
fn texts(block: &Value) -> impl Iterator<Item = &str> {
    let of_result = block.get("content").map(blocks).unwrap_or_default();
    std::iter::once(block).chain(of_result).filter_map(|part| part.as_str().or_else(|| part.get("text")?.as_str()))
}

/// Whether the user says something in this message, and not only tools.
fn speaks(message: &Value) -> bool {
    let of_user = message.get("role").and_then(Value::as_str) == Some("user");
    of_user && message.get("content").is_some_and(|content| blocks(content).iter().any(|block| !is_result(block)))
}

fn is_result(block: &Value) -> bool {
    block.get("type").and_then(Value::as_str) == Some("tool_result")
}

/// The text of a message, its text blocks joined; results of tools are left out.
fn said(message: &Value) -> String {
    let blocks = message.get("content").map(blocks).unwrap_or_default();
    let texts = blocks.iter().filter(|block| !is_result(block)).flat_map(texts);
    texts.collect::<Vec<_>>().join(" ")
}

/// The declared tools that the caller runs.
fn tools(body: &Value) -> Vec<Tool> {
    let declared = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let read = declared.filter_map(|tool| {
        let name = tool.get("name")?.as_str()?.to_owned();
        Some(Tool { name, parameters: tool.get("input_schema")?.clone() })
    });
    read.collect()
}

fn wants_tool(body: &Value, tools: &[Tool], last_user: &str, last: Option<&Value>) -> WantsTool {
    let choice = body.get("tool_choice").and_then(Value::as_object);
    let field = |name: &str| choice.and_then(|choice: &Map<String, Value>| choice.get(name));
    let kind = field("type").and_then(Value::as_str).unwrap_or("auto");
    if kind == "none" {
        return WantsTool::No;
    }
    if let (Some(name), "tool") = (field("name").and_then(Value::as_str), kind) {
        return tools.iter().position(|tool| tool.name == name).map_or(WantsTool::No, WantsTool::Named);
    }
    let answered = last.and_then(|last| last.get("content")?.as_array()?.last()).is_some_and(is_result);
    let alone = field("disable_parallel_tool_use").and_then(Value::as_bool).unwrap_or_default();
    WantsTool::guess(tools.len(), kind == "any", last_user, answered, !alone)
}

/// The beginnings of the prompt that are marked for the cache. Tools come first, but only text is counted.
fn marks(body: &Value) -> Vec<Mark> {
    let marked = |holder: &Value| holder.get("cache_control").is_some_and(Value::is_object);
    let tools = || body.get("tools").and_then(Value::as_array).into_iter().flatten();
    // At the top of the body, the mark means everything.
    let whole = marked(body);
    if !whole && !tools().chain(prompt(body)).any(marked) {
        return Vec::new();
    }
    let mut marks = Vec::new();
    let mut last = None;
    let mut hasher = DefaultHasher::new();
    body.get("model").and_then(Value::as_str).hash(&mut hasher);
    let mut chars = 0;
    for (block, counted) in tools().map(|tool| (tool, false)).chain(prompt(body).map(|block| (block, true))) {
        block.to_string().hash(&mut hasher);
        if counted {
            chars += texts(block).map(|text| text.chars().count()).sum::<usize>();
        }
        let mark = Mark { hash: hasher.finish(), chars };
        if marked(block) {
            marks.push(mark);
        }
        last = Some(mark);
    }
    if whole {
        marks.extend(last);
    }
    marks
}
