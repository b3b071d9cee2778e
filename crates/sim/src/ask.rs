//! What a request asks for, as far as a simulated model has to know; the same for every shape.
//!
//! Each shape reads its own requests into this. It never keeps the whole conversation.

use serde_json::Value;

/// One request, read.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// Whether a stream tells its usage.
    pub(crate) include_usage: bool,
    /// How many answers, at least 1.
    pub(crate) choices: u32,
    /// Characters of all messages together, for the token estimate.
    pub(crate) prompt_chars: usize,
    /// Text of the last user message.
    pub(crate) last_user: String,
    pub(crate) format: Format,
    pub(crate) tools: Vec<Tool>,
    pub(crate) wants_tool: WantsTool,
    /// Beginnings of the prompt that the caller marked for a cache, shortest first.
    pub(crate) marks: Vec<Mark>,
}

/// A beginning of the prompt that the caller marked for a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The same for the same beginning.
    pub(crate) hash: u64,
    /// Its length in characters.
    pub(crate) chars: usize,
}

/// What form of content is promised.
#[derive(Debug, Default)]
pub(crate) enum Format {
    #[default]
    Text,
    JsonObject,
    Schema(Value),
}

/// A declared function.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) parameters: Value,
}

/// Which tools a normal answer calls, as places in the declared list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum WantsTool {
    /// None.
    #[default]
    No,
    /// These, because the caller or the conversation asks for it.
    Some(Vec<usize>),
    /// This one, because the caller named it.
    Named(usize),
}

/// Why a request is answered with 400.
#[derive(Debug)]
pub(crate) struct BadAsk {
    pub(crate) message: String,
    pub(crate) param: Option<&'static str>,
    pub(crate) code: Option<&'static str>,
}

// === impl Ask ===

impl Ask {
    /// Four characters are about one token; a prompt has at least one.
    pub(crate) fn prompt_tokens(&self) -> usize {
        (self.prompt_chars / 4).max(1)
    }
}

// === impl WantsTool ===

impl WantsTool {
    /// A tool is called when the caller demands one, or when the last user message speaks of a tool and no tool has answered since.
    pub(crate) fn guess(tools: usize, demanded: bool, last_user: &str, answered: bool, parallel: bool) -> WantsTool {
        let said = last_user.to_lowercase();
        if tools == 0 || !(demanded || (said.contains("tool") && !answered)) {
            return WantsTool::No;
        }
        let two = parallel && said.contains("two tools");
        WantsTool::Some(if two { vec![0, usize::from(tools > 1)] } else { vec![0] })
    }
}
