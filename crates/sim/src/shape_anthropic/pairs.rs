//! Whether tool calls and tool results of a conversation belong together, as Anthropic demands it.
//!
//! Neighbouring messages of one role count as one, which is how the API reads them. The results of a message's calls must come at
//! once, all together, and before anything else.

use std::collections::HashSet;

use serde_json::Value;

use super::fields::Check;

/// One turn: neighbouring messages of one role.
struct Spoken<'a> {
    /// Place of its last message in the list.
    last: usize,
    role: &'a str,
    blocks: Vec<&'a Value>,
}

/// Checks a conversation whose messages are right each for itself.
pub(crate) fn check(messages: &[Value], tools: bool) -> Check {
    let turns = turns(messages);
    let mut called: Vec<&str> = Vec::new();
    let mut ever = HashSet::new();
    for turn in &turns {
        if turn.role == "assistant" {
            called = of_kind(turn, "tool_use", "id");
            if !called.iter().all(|id| ever.insert(*id)) {
                return Err("messages: `tool_use` ids must be unique".to_owned());
            }
        } else {
            answered(turn, &called)?;
            called.clear();
        }
    }
    if let (Some(turn), false) = (turns.last(), called.is_empty()) {
        return Err(unanswered(turn.last, &called));
    }
    let any_tool =
        turns.iter().flat_map(|turn| &turn.blocks).any(|block| is(block, "tool_use") || is(block, "tool_result"));
    if any_tool && !tools {
        return Err("Requests which include `tool_use` or `tool_result` blocks must define tools.".to_owned());
    }
    Ok(())
}

/// The turn after these calls: their results first, each once, and no others.
fn answered(turn: &Spoken<'_>, called: &[&str]) -> Check {
    let first: HashSet<&str> =
        turn.blocks.iter().take_while(|block| is(block, "tool_result")).filter_map(|block| id(block)).collect();
    let missing: Vec<&str> = called.iter().copied().filter(|id| !first.contains(id)).collect();
    if !missing.is_empty() {
        return Err(unanswered(turn.last.saturating_sub(1), &missing));
    }
    let mut seen = HashSet::new();
    for id in of_kind(turn, "tool_result", "tool_use_id") {
        let shown: String = id.chars().take(128).collect();
        let at = format!("messages.{}.content", turn.last);
        if !called.contains(&id) {
            return Err(format!(
                "{at}: unexpected `tool_use_id` found in `tool_result` blocks: {shown}. Each `tool_result` block must have a \
                 corresponding `tool_use` block in the previous message."
            ));
        }
        if !seen.insert(id) {
            return Err(format!(
                "{at}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {shown}"
            ));
        }
    }
    Ok(())
}

fn unanswered(place: usize, ids: &[&str]) -> String {
    let ids: String = ids.join(", ").chars().take(512).collect();
    format!(
        "messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {ids}. Each `tool_use` block \
         must have a corresponding `tool_result` block in the next message."
    )
}

fn turns(messages: &[Value]) -> Vec<Spoken<'_>> {
    let mut turns: Vec<Spoken<'_>> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
        // A plain text stands for one block of text.
        let blocks: Vec<&Value> = match message.get("content") {
            Some(Value::Array(blocks)) => blocks.iter().collect(),
            other => other.into_iter().collect(),
        };
        match turns.last_mut() {
            Some(turn) if turn.role == role => {
                turn.last = place;
                turn.blocks.extend(blocks);
            }
            _ => turns.push(Spoken { last: place, role, blocks }),
        }
    }
    turns
}

fn of_kind<'a>(turn: &Spoken<'a>, kind: &str, field: &str) -> Vec<&'a str> {
    let blocks = turn.blocks.iter().copied().filter(|block| is(block, kind));
    blocks.filter_map(|block| block.get(field).and_then(Value::as_str)).collect()
}

fn is(block: &Value, kind: &str) -> bool {
    block.get("type").and_then(Value::as_str) == Some(kind)
}

fn id(block: &Value) -> Option<&str> {
    block.get("tool_use_id").and_then(Value::as_str)
}
