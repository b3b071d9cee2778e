//! The closed list of faults: every way of failing that the simulator knows, with its name and one sentence.
//!
//! One table is the only place where a fault gets its name, its other names and its meaning, so that the command line, the
//! run-time switch, model names and documentation cannot disagree. This file never produces an answer; `shape_openai.rs` does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
    /// What a caller sees, in one sentence.
    pub about: &'static str,
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

const fn row(fault: Fault, name: &'static str, aliases: &'static [&'static str], about: &'static str) -> FaultRow {
    FaultRow { fault, name, aliases, about }
}

// === impl Fault ===

impl Fault {
    /// Every fault with its name, aliases and meaning; in the order of documentation.
    pub const TABLE: &'static [FaultRow] = &[
        row(Fault::Ok, "ok", &["none"], "no fault; in a sequence, a call that succeeds"),
        row(Fault::ServerError, "500", &["server_error"], "status 500 with an error of type server_error"),
        row(Fault::BadGateway, "502", &[], "status 502 with an HTML page, as a proxy in between sends it"),
        row(Fault::Unavailable, "503", &[], "status 503, code server_is_overloaded"),
        row(Fault::Overloaded, "529", &["overloaded"], "status 529, error type overloaded_error"),
        row(Fault::RateLimited, "429", &["rate_limited"], "status 429 that names no time to come back"),
        row(Fault::RateLimitedShort, "429-retry-after", &[], "status 429 with Retry-After: 1"),
        row(Fault::RateLimitedLong, "429-retry-after-long", &[], "status 429 with Retry-After: 120"),
        row(Fault::Quota, "quota", &["quota_exhausted"], "status 429, code insufficient_quota"),
        row(Fault::Unauthorized, "401", &["auth"], "status 401, code invalid_api_key"),
        row(Fault::Forbidden, "403", &[], "status 403, code unsupported_country_region_territory"),
        row(Fault::NotFound, "404", &["not_found"], "status 404, code model_not_found"),
        row(Fault::BadRequest, "400", &["invalid_request"], "status 400, an invalid request without a special code"),
        row(Fault::RequestTimeout, "408", &[], "status 408 with an error of type timeout"),
        row(Fault::GatewayTimeout, "504", &[], "status 504 with an HTML page"),
        row(
            Fault::Refused,
            "refused",
            &["down"],
            "switched at run time: nothing listens until the faults change; by model name: the connection is reset",
        ),
        row(
            Fault::Reset,
            "reset",
            &["transport"],
            "the request is read, then the connection is reset without an answer",
        ),
        row(Fault::Hang, "hang", &["timeout"], "the request is read and never answered"),
        row(Fault::HangAfterHeaders, "hang-after-headers", &[], "status 200 and headers, then silence"),
        row(Fault::SlowFirstToken, "slow-first-token", &[], "the first token takes 5 s longer, then all is normal"),
        row(Fault::Cut, "cut", &[], "the connection ends in the middle of the body, without its proper end"),
        row(
            Fault::CutClean,
            "cut-clean",
            &[],
            "the answer ends in the middle but the HTTP body ends properly: no finish_reason, no [DONE]",
        ),
        row(Fault::Stall, "stall", &[], "some of the answer, then silence for ever on an open connection"),
        row(
            Fault::MalformedChunk,
            "malformed-chunk",
            &[],
            "stream: a line of garbage after the first content; otherwise a body that is not JSON",
        ),
        row(
            Fault::MalformedFirst,
            "malformed-first",
            &[],
            "stream: garbage as the first event; otherwise a body that is not JSON",
        ),
        row(Fault::ErrorEvent, "error-event", &[], "status 200 with an error object before any content"),
        row(Fault::ErrorEventLate, "error-event-late", &[], "status 200 with an error object after some content"),
        row(Fault::NoDone, "no-done", &[], "stream: finish_reason but no [DONE]; otherwise a normal answer"),
        row(Fault::Html, "html", &[], "status 200 with an HTML page"),
        row(
            Fault::BrokenJson,
            "broken-json",
            &["contract"],
            "the content is JSON that does not parse; with tools declared, the arguments of a tool call are",
        ),
        row(
            Fault::MissingField,
            "missing-field",
            &[],
            "the JSON content lacks the schema's first required property; without a schema it is `{}`",
        ),
        row(Fault::UndeclaredTool, "undeclared-tool", &[], "calls the tool drop_tables, which nobody declared"),
        row(
            Fault::BadArguments,
            "bad-arguments",
            &[],
            "calls a declared tool with arguments of the wrong type; without tools as undeclared-tool",
        ),
        row(Fault::Empty, "empty", &[], "content \"\" with finish_reason stop"),
        row(Fault::NoChoices, "no-choices", &[], "an otherwise normal answer whose choices are empty"),
        row(Fault::Truncated, "truncated", &[], "finish_reason length in the middle of the text, JSON or arguments"),
        row(Fault::Context, "context", &["context_window"], "status 400, code context_length_exceeded"),
        row(Fault::Refusal, "refusal", &[], "the message carries a refusal instead of content"),
        row(Fault::Policy, "policy", &["policy_blocked"], "status 400, code content_policy_violation"),
        row(Fault::Filtered, "filtered", &[], "part of the text, then finish_reason content_filter"),
        row(Fault::Unsupported, "unsupported", &["capability"], "status 400, code unsupported_parameter, temperature"),
        row(Fault::WrongModel, "wrong-model", &[], "a normal answer that names another model"),
        row(Fault::Drip, "drip", &[], "one token every 2 s"),
    ];

    /// The name of the fault; [`FromStr`] reads it back.
    #[must_use]
    pub fn name(self) -> &'static str {
        Fault::TABLE.iter().find(|row| row.fault == self).map_or("ok", |row| row.name)
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
mod tests {
    use super::*;

    #[test]
    fn every_name_and_alias_names_exactly_one_fault() {
        let mut seen = std::collections::HashMap::new();
        for row in Fault::TABLE {
            for name in std::iter::once(&row.name).chain(row.aliases) {
                assert_eq!(name.parse::<Fault>().unwrap(), row.fault, "{name}");
                assert_eq!(seen.insert(plain(name), row.fault), None, "{name} stands twice in the table");
            }
            assert_eq!(row.fault.name(), row.name);
        }
    }

    #[test]
    fn a_misspelt_fault_is_answered_with_the_nearest_and_with_all() {
        let error = "malformd-chunk".parse::<Fault>().unwrap_err();
        assert_eq!(error.nearest.first(), Some(&"malformed-chunk"));
        let text = error.to_string();
        assert!(text.contains("did you mean malformed-chunk"), "{text}");
        assert!(text.contains("429-retry-after-long"), "{text}");
        assert_eq!("xyzzyxyzzy".parse::<Fault>().unwrap_err().nearest, Vec::<&str>::new());
    }

    #[test]
    fn a_model_name_carries_its_fault_after_the_last_plus() {
        assert_eq!(Fault::of_model("gpt-sim"), Ok(None));
        assert_eq!(Fault::of_model("command-r+"), Ok(None));
        assert_eq!(Fault::of_model("gpt-sim+server_error"), Ok(Some(Fault::ServerError)));
        assert_eq!(Fault::of_model("command-r++429-retry-after"), Ok(Some(Fault::RateLimitedShort)));
        assert!(Fault::of_model("gpt-sim+nonsense").is_err());
    }
}
