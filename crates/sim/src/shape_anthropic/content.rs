//! Which content Anthropic takes in a message: its blocks, their fields, and who may say what.
//!
//! Each message is checked for itself; what tool calls and results have to do with each other is checked elsewhere.

use serde_json::{Map, Value};

use super::check::{NEW_VERSION, plain};
use super::fields::{
    Check, join, list, listed, object, only, optional_flag, optional_mark, required, required_text, text,
};

/// Blocks that are looked into.
const KNOWN: [&str; 7] = ["document", "image", "redacted_thinking", "text", "thinking", "tool_result", "tool_use"];
/// Blocks of Anthropic's own tools, which are let through unread.
const UNREAD: [&str; 11] = [
    "bash_code_execution_tool_result",
    "code_execution_tool_result",
    "compaction",
    "container_upload",
    "mcp_tool_result",
    "mcp_tool_use",
    "search_result",
    "server_tool_use",
    "text_editor_code_execution_tool_result",
    "web_fetch_tool_result",
    "web_search_tool_result",
];
const IMAGES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

/// Checks the content of a message that has a role and content.
pub(crate) fn check(at: &str, message: &Map<String, Value>, last: bool, version: &str) -> Check {
    let of_user = message.get("role").and_then(Value::as_str) == Some("user");
    // Only the beginning of an answer, which the caller wants continued, may be empty.
    let may_be_empty = last && !of_user;
    let empty =
        format!("{at}: all messages must have non-empty content except for the optional final assistant message");
    let said = match message.get("content") {
        Some(Value::String(said)) if said.is_empty() && !may_be_empty => return Err(empty),
        Some(Value::String(said)) => Some(said.as_str()),
        Some(blocks) => {
            let blocks = list(&join(at, "content"), blocks)?;
            if blocks.is_empty() && !may_be_empty {
                return Err(empty);
            }
            for (place, found) in blocks.iter().enumerate() {
                block(&format!("{at}.content.{place}"), found, of_user, version)?;
            }
            blocks.last().and_then(|block| block.get("text")?.as_str())
        }
        None => None,
    };
    if may_be_empty && said.is_some_and(|said| said.trim_end() != said) {
        return Err("messages: final assistant content cannot end with trailing whitespace".to_owned());
    }
    Ok(())
}

/// Checks a block of text; `whose` names the list in the message of an empty one.
pub(crate) fn text_block(at: &str, whose: &str, block: &Map<String, Value>) -> Check {
    let at = join(at, "text");
    if required_text(&at, block, "text")?.is_empty() {
        return Err(format!("{whose}: text content blocks must be non-empty"));
    }
    optional_mark(&at, block)?;
    only(&at, block, &["type", "text", "cache_control", "citations"])
}

fn block(at: &str, block: &Value, of_user: bool, version: &str) -> Check {
    let block = object(at, block)?;
    let kind = required_text(at, block, "type")?;
    let inside = join(at, kind);
    match kind {
        "text" => {
            let cites = block.get("citations").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
            if of_user && cites && version == NEW_VERSION {
                return Err(format!("{inside}.citations: Extra inputs are not permitted"));
            }
            text_block(at, "messages", block)
        }
        "image" => image(&inside, block),
        "document" if !of_user && version == NEW_VERSION => {
            Err(format!("{at}: `document` blocks can only be in `user` messages"))
        }
        "document" => {
            object(&join(&inside, "source"), required(&inside, block, "source")?)?;
            only(&inside, block, &["type", "source", "title", "context", "citations", "cache_control"])
        }
        "tool_use" if of_user => Err(format!("{at}: `tool_use` blocks can only be in `assistant` messages")),
        "tool_use" => tool_use(&inside, block),
        "tool_result" if !of_user => Err(format!("{at}: `tool_result` blocks can only be in `user` messages")),
        "tool_result" => tool_result(&inside, block),
        "thinking" | "redacted_thinking" if of_user => {
            Err(format!("{at}: `{kind}` blocks can only be in `assistant` messages"))
        }
        "thinking" => {
            required_text(&inside, block, "thinking")?;
            required_text(&inside, block, "signature")?;
            only(&inside, block, &["type", "thinking", "signature"])
        }
        "redacted_thinking" => {
            required_text(&inside, block, "data")?;
            only(&inside, block, &["type", "data"])
        }
        _ if UNREAD.contains(&kind) => Ok(()),
        _ => {
            let kind: String = kind.chars().take(64).collect();
            let tags = listed(&KNOWN);
            Err(format!("{at}: Input tag '{kind}' found using 'type' does not match any of the expected tags: {tags}"))
        }
    }
}

fn image(at: &str, block: &Map<String, Value>) -> Check {
    only(at, block, &["type", "source", "cache_control"])?;
    optional_mark(at, block)?;
    let at_source = join(at, "source");
    let source = object(&at_source, required(at, block, "source")?)?;
    let kind = required_text(&at_source, source, "type")?;
    let inside = join(&at_source, kind);
    match kind {
        "base64" => {
            let media = required_text(&inside, source, "media_type")?;
            if !IMAGES.contains(&media) {
                return Err(format!("{inside}.media_type: Input should be {}", listed(&IMAGES)));
            }
            let data = required_text(&inside, source, "data")?;
            let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
            if data.is_empty() || !data.bytes().all(base64) {
                return Err(format!("{inside}.data: invalid base64 data"));
            }
            only(&inside, source, &["type", "media_type", "data"])
        }
        "url" => {
            let url = required_text(&inside, source, "url")?;
            if !url.starts_with("https://") {
                return Err(format!("{inside}.url: Only HTTPS URLs are supported."));
            }
            only(&inside, source, &["type", "url"])
        }
        "file" => required_text(&inside, source, "file_id").map(drop),
        _ => Err(format!(
            "{at_source}: Input tag found using 'type' does not match any of the expected tags: {}",
            listed(&["base64", "url", "file"])
        )),
    }
}

fn tool_use(at: &str, block: &Map<String, Value>) -> Check {
    let id = required_text(at, block, "id")?;
    if id.is_empty() || !plain(id) {
        return Err(format!("{at}.id: String should match pattern '^[a-zA-Z0-9_-]+$'"));
    }
    required_text(at, block, "name")?;
    object(&join(at, "input"), required(at, block, "input")?)?;
    optional_mark(at, block)?;
    only(at, block, &["type", "id", "name", "input", "cache_control", "caller"])
}

fn tool_result(at: &str, block: &Map<String, Value>) -> Check {
    required_text(at, block, "tool_use_id")?;
    optional_flag(at, block, "is_error")?;
    optional_mark(at, block)?;
    only(at, block, &["type", "tool_use_id", "content", "is_error", "cache_control"])?;
    match block.get("content") {
        None | Some(Value::String(_)) => Ok(()),
        Some(parts) => {
            for (place, part) in list(&join(at, "content"), parts)?.iter().enumerate() {
                let at = format!("{at}.content.{place}");
                let part = object(&at, part)?;
                match text(&join(&at, "type"), required(&at, part, "type")?)? {
                    "text" => text_block(&at, "messages", part)?,
                    "image" => image(&join(&at, "image"), part)?,
                    "document" | "search_result" | "tool_reference" => {}
                    _ => {
                        let tags = listed(&["document", "image", "search_result", "text", "tool_reference"]);
                        return Err(format!(
                            "{at}: Input tag found using 'type' does not match any of the expected tags: {tags}"
                        ));
                    }
                }
            }
            Ok(())
        }
    }
}
