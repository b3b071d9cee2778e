//! The closed list of faults: every way of failing that the simulator knows, with its name and one sentence.
//!
//! One table is the only place where a fault gets its name, its other names and its meaning, so that the command line, the
//! run-time switch, model names and documentation cannot disagree. This file never produces an answer; the shapes do.

mod table;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::shape::Shape;

/// One way in which a simulated provider can fail. [`Fault::TABLE`] says what each does on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// No fault: the call is answered normally.
    Ok,
    /// 500 with a server error.
    ServerError,
    /// 502 with an HTML page.
    BadGateway,
    /// 503, overloaded.
    Unavailable,
    /// 529, overloaded.
    Overloaded,
    /// 429 that does not say when to come back.
    RateLimited,
    /// 429 with `Retry-After: 1`.
    RateLimitedShort,
    /// 429 with `Retry-After: 120`.
    RateLimitedLong,
    /// 429 because the money is spent.
    Quota,
    /// 401, the key is wrong.
    Unauthorized,
    /// 403, the key is right but may not.
    Forbidden,
    /// 404, the model does not exist.
    NotFound,
    /// 400, an ordinary invalid request.
    BadRequest,
    /// 408 with a JSON error.
    RequestTimeout,
    /// 504 with an HTML page.
    GatewayTimeout,
    /// TCP connections are refused.
    Refused,
    /// The connection is reset after the request was read.
    Reset,
    /// The request is read and never answered.
    Hang,
    /// Status and headers come, the body never does.
    HangAfterHeaders,
    /// The first token comes five seconds late.
    SlowFirstToken,
    /// The connection breaks in the middle of the answer.
    Cut,
    /// The answer ends in the middle, with a proper end of the HTTP body.
    CutClean,
    /// The answer starts and then falls silent for ever.
    Stall,
    /// Garbage in the middle of the answer.
    MalformedChunk,
    /// Garbage before anything else.
    MalformedFirst,
    /// HTTP 200 with an error before any content.
    ErrorEvent,
    /// HTTP 200 with an error after some content.
    ErrorEventLate,
    /// A stream with a finish reason but without `[DONE]`.
    NoDone,
    /// HTTP 200 with an HTML page.
    Html,
    /// JSON content or tool arguments that do not parse.
    BrokenJson,
    /// JSON content that lacks a required property.
    MissingField,
    /// A call of a tool that was never declared.
    UndeclaredTool,
    /// Tool arguments that parse and violate the tool's schema.
    BadArguments,
    /// An empty answer that claims to be finished.
    Empty,
    /// An answer without choices.
    NoChoices,
    /// The answer stops in the middle with finish reason `length`.
    Truncated,
    /// 400, the prompt is longer than the context window.
    Context,
    /// The model declines.
    Refusal,
    /// 400, the input was blocked by a content policy.
    Policy,
    /// The output was cut by a content filter.
    Filtered,
    /// 400, an unsupported parameter.
    Unsupported,
    /// Another model answers than the one asked for.
    WrongModel,
    /// One token every two seconds.
    Drip,
    /// Signs of life every two seconds, and never a token.
    PingsOnly,
    /// A normal answer whose usage shows that most of the prompt was thrown away.
    PromptCut,
}

/// One row of [`Fault::TABLE`].
#[derive(Debug, Clone, Copy)]
pub struct FaultRow {
    /// The fault.
    pub fault: Fault,
    /// Its name, as typed on a command line or after the `+` of a model name.
    pub name: &'static str,
    /// Other accepted names: the failure classes whose closest fault this is, and everyday words.
    pub aliases: &'static [&'static str],
    /// What a caller sees, in one sentence; in OpenAI's shape, and in Anthropic's unless that differs.
    pub about: &'static str,
    /// The same fault in Anthropic's shape.
    pub anthropic: Elsewhere,
}

/// How a fault looks in another shape than OpenAI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// The same, in that shape's words.
    Same,
    /// Otherwise: what a caller sees, in one sentence.
    Otherwise(&'static str),
    /// That shape cannot have it, for this reason; a call that would meet it is refused with 400.
    Never(&'static str),
}

/// A word that names no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault `{word}`{hint}; the faults are: {names}", hint = hint(.nearest), names = names())]
pub struct UnknownFault {
    /// What was asked for, shortened to 64 characters.
    pub word: String,
    /// The names closest to it, best first; at most three, possibly none.
    pub nearest: Vec<&'static str>,
}

// === impl Fault ===

impl Fault {
    /// The name of the fault; [`FromStr`] reads it back.
    #[must_use]
    pub fn name(self) -> &'static str {
        Fault::TABLE.iter().find(|row| row.fault == self).map_or("ok", |row| row.name)
    }

    /// Why this shape cannot have the fault; nothing if it can.
    pub(crate) fn impossible_in(self, shape: Shape) -> Option<&'static str> {
        let row = Fault::TABLE.iter().find(|row| row.fault == self)?;
        match (shape, row.anthropic) {
            (Shape::Anthropic, Elsewhere::Never(why)) => Some(why),
            _ => None,
        }
    }

    /// The fault a model name asks for: what stands after its last `+`. `Ok(None)` if there is no `+` or nothing after it.
    ///
    /// # Errors
    /// [`UnknownFault`] if what stands there names no fault: a slip of the pen must not turn into a healthy answer.
    pub fn of_model(model: &str) -> Result<Option<Fault>, UnknownFault> {
        match model.rsplit_once('+') {
            None | Some((_, "")) => Ok(None),
            Some((_, word)) => word.parse().map(Some),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(word: &str) -> Result<Fault, UnknownFault> {
        let wanted = plain(word);
        let found = Fault::TABLE
            .iter()
            .find(|row| row.name == wanted || row.aliases.iter().any(|alias| plain(alias) == wanted));
        found
            .map(|row| row.fault)
            .ok_or_else(|| UnknownFault { word: word.chars().take(64).collect(), nearest: nearest(&wanted) })
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fault, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Case, blanks around, and `_` against `-` make no difference.
fn plain(word: &str) -> String {
    word.trim().chars().take(64).map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn hint(nearest: &[&'static str]) -> String {
    if nearest.is_empty() { String::new() } else { format!(" (did you mean {}?)", nearest.join(" or ")) }
}

fn names() -> String {
    Fault::TABLE.iter().map(|row| row.name).collect::<Vec<_>>().join(", ")
}

/// At most three names within a third of their length, nearest first.
fn nearest(wanted: &str) -> Vec<&'static str> {
    let mut near: Vec<(usize, &'static str)> = Vec::new();
    for row in Fault::TABLE {
        let spellings = std::iter::once(&row.name).chain(row.aliases);
        let best = spellings.map(|spelling| distance(wanted, &plain(spelling))).min().unwrap_or(usize::MAX);
        if best <= wanted.len().max(3) / 3 {
            near.push((best, row.name));
        }
    }
    near.sort_by_key(|(far, _)| *far);
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Edits (insert, remove, replace) that lead from one word to the other. Both are at most 64 characters long.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut costs: Vec<usize> = (0..=to.len()).collect();
    for (row, a) in from.chars().enumerate() {
        let mut diagonal = row;
        let mut left = row + 1;
        for (cost, b) in costs.iter_mut().skip(1).zip(&to) {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = *cost;
            left = replaced.min(*cost + 1).min(left + 1);
            *cost = left;
        }
        if let Some(first) = costs.first_mut() {
            *first = row + 1;
        }
    }
    costs.last().copied().unwrap_or_default()
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
