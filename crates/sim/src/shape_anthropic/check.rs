//! Which requests Anthropic takes. Stricter than the model needs, because a request that passes here is one that was translated
//! rightly.
//!
//! Key phrases of the messages are those of the real API. Fields of betas and blocks of server tools are let through unread.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::fields::{
    Check, count, join, list, listed, object, only, optional_flag, optional_mark, optional_word, required,
    required_text, text,
};
use super::{content, pairs, subset};

/// No request has more messages.
const MOST_MESSAGES: usize = 100_000;
/// No answer has more tokens, whatever the model.
const MOST_TOKENS: u64 = 128_000;
/// The least budget of thinking, in tokens.
const LEAST_BUDGET: u64 = 1_024;
/// No request marks more beginnings for the cache.
const MOST_MARKS: usize = 4;
/// From this version on there are no sampling fields.
pub(crate) const NEW_VERSION: &str = "2026-10-21";

const FIELDS: [&str; 21] = [
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "messages",
    "metadata",
    "model",
    "output_config",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];
const OF_TOOL: [&str; 10] = [
    "allowed_callers",
    "cache_control",
    "defer_loading",
    "description",
    "eager_input_streaming",
    "input_examples",
    "input_schema",
    "name",
    "strict",
    "type",
];

/// Checks a whole body under a version of the API.
///
/// # Errors
/// The message of the 400.
pub(crate) fn check(body: &Value, version: &str) -> Check {
    let body = body.as_object().ok_or("Input should be an object")?;
    let model = required_text("", body, "model")?;
    if model.is_empty() {
        return Err("model: String should have at least 1 character".to_owned());
    }
    messages(list("messages", required("", body, "messages")?)?, version)?;
    let most = count("max_tokens", required("", body, "max_tokens")?)?;
    if most > MOST_TOKENS {
        let model: String = model.chars().take(128).collect();
        return Err(format!(
            "max_tokens: {most} > {MOST_TOKENS}, which is the maximum allowed number of output tokens for {model}"
        ));
    }
    sampling(body, version)?;
    optional_flag("", body, "stream")?;
    optional_word("", body, "service_tier", &["auto", "standard_only"])?;
    optional_word("", body, "speed", &["standard", "fast"])?;
    optional_mark("", body)?;
    stop_sequences(body)?;
    metadata(body)?;
    system(body)?;
    let named = tools(body)?;
    tool_choice(body, &named)?;
    thinking(body, most)?;
    output_config(body)?;
    only("", body, &FIELDS)?;
    few_marks(body)?;
    let declared = body.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty());
    pairs::check(body.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default(), declared)
}

fn sampling(body: &Map<String, Value>, version: &str) -> Check {
    let found = ["temperature", "top_p", "top_k"].into_iter().find(|field| body.contains_key(*field));
    if let (Some(field), NEW_VERSION) = (found, version) {
        return Err(format!("{field}: Extra inputs are not permitted"));
    }
    for field in ["temperature", "top_p"] {
        let Some(value) = body.get(field) else { continue };
        let number = value.as_f64().ok_or_else(|| format!("{field}: Input should be a valid number"))?;
        if !(0.0..=1.0).contains(&number) {
            return Err(format!("{field}: range: 0..1"));
        }
    }
    body.get("top_k").map_or(Ok(0), |value| count("top_k", value)).map(drop)
}

fn stop_sequences(body: &Map<String, Value>) -> Check {
    let Some(sequences) = body.get("stop_sequences") else { return Ok(()) };
    for (place, sequence) in list("stop_sequences", sequences)?.iter().enumerate() {
        if text(&format!("stop_sequences.{place}"), sequence)?.trim().is_empty() {
            return Err("stop_sequences: each stop sequence must contain non-whitespace".to_owned());
        }
    }
    Ok(())
}

fn metadata(body: &Map<String, Value>) -> Check {
    let Some(metadata) = body.get("metadata") else { return Ok(()) };
    let metadata = object("metadata", metadata)?;
    only("metadata", metadata, &["user_id"])?;
    metadata.get("user_id").filter(|id| !id.is_null()).map_or(Ok(""), |id| text("metadata.user_id", id)).map(drop)
}

fn system(body: &Map<String, Value>) -> Check {
    match body.get("system") {
        None | Some(Value::String(_)) => Ok(()),
        Some(blocks) => {
            for (place, block) in list("system", blocks)?.iter().enumerate() {
                let at = format!("system.{place}");
                let block = object(&at, block)?;
                required_text(&at, block, "type")?;
                optional_word(&at, block, "type", &["text"])?;
                content::text_block(&at, "system", block)?;
            }
            Ok(())
        }
    }
}

/// The names of all tools.
fn tools(body: &Map<String, Value>) -> Check<HashSet<&str>> {
    let mut named = HashSet::new();
    let Some(tools) = body.get("tools") else { return Ok(named) };
    for (place, tool) in list("tools", tools)?.iter().enumerate() {
        let at = format!("tools.{place}");
        let tool = object(&at, tool)?;
        let name = match tool
            .get("type")
            .filter(|kind| !kind.is_null())
            .map(|kind| text(&join(&at, "type"), kind))
            .transpose()?
        {
            None | Some("custom") => custom_tool(&format!("{at}.custom"), tool)?,
            // Tools that run at Anthropic's are told apart by their dated types.
            Some(_) => required_text(&at, tool, "name")?,
        };
        if !named.insert(name) {
            return Err("tools: Tool names must be unique.".to_owned());
        }
    }
    Ok(named)
}

fn custom_tool<'a>(at: &str, tool: &'a Map<String, Value>) -> Check<&'a str> {
    let name = required_text(at, tool, "name")?;
    if !(1..=128).contains(&name.len()) || !plain(name) {
        return Err(format!("{at}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"));
    }
    if let Some(description) = tool.get("description") {
        text(&join(at, "description"), description)?;
    }
    let at_schema = join(at, "input_schema");
    let schema = object(&at_schema, required(at, tool, "input_schema")?)?;
    required(&at_schema, schema, "type")?;
    optional_word(&at_schema, schema, "type", &["object"])?;
    if ["oneOf", "allOf", "anyOf"].iter().any(|word| schema.contains_key(*word)) {
        return Err(format!("{at_schema}: input_schema does not support oneOf, allOf, or anyOf at the top level"));
    }
    optional_flag(at, tool, "strict")?;
    if let (Some(Value::Bool(true)), Some(schema)) = (tool.get("strict"), tool.get("input_schema")) {
        subset::check(at, schema)?;
    }
    optional_mark(at, tool)?;
    only(at, tool, &OF_TOOL)?;
    Ok(name)
}

/// Letters, digits, `_` and `-`.
pub(crate) fn plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn tool_choice(body: &Map<String, Value>, named: &HashSet<&str>) -> Check {
    let Some(choice) = body.get("tool_choice") else { return Ok(()) };
    let at = "tool_choice";
    let choice = object(at, choice)?;
    let kind = required_text(at, choice, "type")?;
    let known: &[&str] = match kind {
        "auto" | "any" => &["type", "disable_parallel_tool_use"],
        "tool" => &["type", "name", "disable_parallel_tool_use"],
        "none" => &["type"],
        _ => {
            let kinds = listed(&["auto", "any", "tool", "none"]);
            return Err(format!(
                "tool_choice: Input tag found using 'type' does not match any of the expected tags: {kinds}"
            ));
        }
    };
    only(&join(at, kind), choice, known)?;
    optional_flag(&join(at, kind), choice, "disable_parallel_tool_use")?;
    if named.is_empty() {
        return Err("tool_choice may only be specified while providing tools.".to_owned());
    }
    if kind == "tool" {
        let name = required_text("tool_choice.tool", choice, "name")?;
        if !named.contains(name) {
            let name: String = name.chars().take(128).collect();
            return Err(format!("Tool '{name}' not found in provided tools"));
        }
    }
    Ok(())
}

fn thinking(body: &Map<String, Value>, most: u64) -> Check {
    let Some(thinking) = body.get("thinking") else { return Ok(()) };
    let thinking = object("thinking", thinking)?;
    required_text("thinking", thinking, "type")?;
    optional_word("thinking", thinking, "type", &["adaptive", "disabled", "enabled"])?;
    if thinking.get("type").and_then(Value::as_str) != Some("enabled") {
        return only("thinking", thinking, &["type", "display"]);
    }
    only("thinking.enabled", thinking, &["type", "budget_tokens", "display"])?;
    let at = "thinking.enabled.budget_tokens";
    let budget = count(at, required("thinking.enabled", thinking, "budget_tokens")?)?;
    if budget < LEAST_BUDGET {
        return Err(format!("{at}: Input should be greater than or equal to {LEAST_BUDGET}"));
    }
    if budget >= most {
        return Err("`max_tokens` must be greater than `thinking.budget_tokens`.".to_owned());
    }
    if body.get("temperature").and_then(Value::as_f64).is_some_and(|given| given < 1.0) {
        return Err("`temperature` may only be set to 1 when thinking is enabled.".to_owned());
    }
    let forced = body.get("tool_choice").and_then(|choice| choice.get("type")?.as_str());
    if matches!(forced, Some("any" | "tool")) {
        return Err("Thinking may not be enabled when tool_choice forces tool use.".to_owned());
    }
    Ok(())
}

fn output_config(body: &Map<String, Value>) -> Check {
    let Some(config) = body.get("output_config") else { return Ok(()) };
    let at = "output_config";
    let config = object(at, config)?;
    only(at, config, &["effort", "format", "task_budget"])?;
    optional_word(at, config, "effort", &["low", "medium", "high", "xhigh", "max"])?;
    let Some(format) = config.get("format").filter(|format| !format.is_null()) else { return Ok(()) };
    let at = "output_config.format";
    let format = object(at, format)?;
    required_text(at, format, "type")?;
    optional_word(at, format, "type", &["json_schema"])?;
    let schema = required(at, format, "schema")?;
    object("output_config.format.schema", schema)?;
    only(at, format, &["type", "schema"])?;
    subset::check("output_config.format.schema", schema)
}

fn messages(messages: &[Value], version: &str) -> Check {
    if messages.len() > MOST_MESSAGES {
        return Err(format!("messages: List should have at most {MOST_MESSAGES} items"));
    }
    let Some(last) = messages.len().checked_sub(1) else {
        return Err("messages: at least one message is required".to_owned());
    };
    for (place, message) in messages.iter().enumerate() {
        let at = format!("messages.{place}");
        let message = object(&at, message)?;
        let role = required_text(&at, message, "role")?;
        match role {
            "user" | "assistant" => {}
            "system" => {
                return Err(
                    "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, \
                            not \"system\" as an input message role."
                        .to_owned(),
                );
            }
            _ => return Err(format!("{at}.role: Input should be 'user' or 'assistant'")),
        }
        if place == 0 && role != "user" {
            return Err("messages: first message must use the \"user\" role".to_owned());
        }
        required(&at, message, "content")?;
        only(&at, message, &["role", "content"])?;
        content::check(&at, message, place == last, version)?;
    }
    Ok(())
}

/// At most four marks for the cache, wherever they stand.
fn few_marks(body: &Map<String, Value>) -> Check {
    let lists = |holder: &'static str| body.get(holder).and_then(Value::as_array).into_iter().flatten();
    let blocks = lists("messages").filter_map(|message| message.get("content")?.as_array()).flatten();
    let holders = lists("tools").chain(lists("system")).chain(blocks);
    let marks = holders.filter(|holder| holder.get("cache_control").is_some_and(Value::is_object)).count();
    if marks > MOST_MARKS {
        return Err(format!("A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {marks}."));
    }
    Ok(())
}
