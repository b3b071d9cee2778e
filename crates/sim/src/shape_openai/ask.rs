//! Reads a chat completion request.
//!
//! Unknown fields are ignored, as a provider of tomorrow would have them.

use serde_json::Value;

use crate::ask::{Ask, BadAsk, Format, Tool, WantsTool};

/// No more choices are made; OpenAI's own bound of `n`.
const MOST_CHOICES: u64 = 128;

/// Reads a request.
///
/// # Errors
/// [`BadAsk`] where OpenAI would answer 400: model or messages missing, `n` out of bounds, a forced tool that is not declared.
pub(crate) fn read(body: &Value) -> Result<Ask, BadAsk> {
    let model = body.get("model").and_then(Value::as_str).ok_or_else(|| missing("model"))?;
    let messages = body.get("messages").and_then(Value::as_array).filter(|list| !list.is_empty());
    let messages = messages.ok_or_else(|| missing("messages"))?;
    let choices = body.get("n").filter(|n| !n.is_null()).map_or(Some(1), Value::as_u64);
    let choices = choices.filter(|n| (1..=MOST_CHOICES).contains(n)).and_then(|n| u32::try_from(n).ok());
    let flag = |value: Option<&Value>| value.and_then(Value::as_bool).unwrap_or_default();
    let last_user = messages.iter().rev().find(|message| role(message) == "user").map(text).unwrap_or_default();
    let tools = tools(body);
    let wants_tool = wants_tool(body, &tools, &last_user, messages.last())?;
    Ok(Ask {
        model: model.to_owned(),
        stream: flag(body.get("stream")),
        include_usage: flag(body.pointer("/stream_options/include_usage")),
        choices: choices.ok_or_else(|| BadAsk {
            message: format!("Invalid value for 'n': it must be between 1 and {MOST_CHOICES}."),
            param: Some("n"),
            code: Some("invalid_value"),
        })?,
        prompt_chars: messages.iter().map(|message| text(message).chars().count()).sum(),
        last_user,
        format: format(body),
        tools,
        wants_tool,
        marks: Vec::new(),
    })
}

fn missing(param: &'static str) -> BadAsk {
    BadAsk {
        message: format!("Missing required parameter: '{param}'."),
        param: Some(param),
        code: Some("missing_required_parameter"),
    }
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// The text of a message, its text parts joined.
fn text(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

fn format(body: &Value) -> Format {
    let field = |path| body.pointer(path);
    match field("/response_format/type").and_then(Value::as_str) {
        Some("json_object") => Format::JsonObject,
        Some("json_schema") => {
            Format::Schema(field("/response_format/json_schema/schema").cloned().unwrap_or(Value::Bool(true)))
        }
        _ => Format::Text,
    }
}

/// The declared functions; other kinds of tool are not simulated.
fn tools(body: &Value) -> Vec<Tool> {
    let declared = body.get("tools").and_then(Value::as_array).into_iter().flatten();
    let functions = declared.filter_map(|tool| tool.get("function"));
    let read = functions.filter_map(|function| {
        let name = function.get("name")?.as_str()?.to_owned();
        // A function without parameters takes none: an empty object.
        let parameters = function.get("parameters").filter(|schema| schema.is_object()).cloned();
        let parameters =
            parameters.unwrap_or_else(|| Value::Object([("type".to_owned(), "object".into())].into_iter().collect()));
        Some(Tool { name, parameters })
    });
    read.collect()
}

/// Which tools this request gets called.
fn wants_tool(body: &Value, tools: &[Tool], last_user: &str, last: Option<&Value>) -> Result<WantsTool, BadAsk> {
    let choice = body.get("tool_choice");
    if let Some(name) = choice.and_then(|choice| choice.pointer("/function/name")).and_then(Value::as_str) {
        let place = tools.iter().position(|tool| tool.name == name);
        return place.map(WantsTool::Named).ok_or_else(|| BadAsk {
            message: format!("Tool choice '{name}' not found in 'tools' parameter."),
            param: Some("tool_choice"),
            code: None,
        });
    }
    let mode = choice.and_then(|choice| choice.as_str().or_else(|| choice.pointer("/allowed_tools/mode")?.as_str()));
    if mode == Some("none") {
        return Ok(WantsTool::No);
    }
    let parallel = body.get("parallel_tool_calls").and_then(Value::as_bool).unwrap_or(true);
    let answered = last.is_some_and(|last| role(last) == "tool");
    Ok(WantsTool::guess(tools.len(), mode == Some("required"), last_user, answered, parallel))
}
