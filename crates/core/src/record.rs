//! The decision record: the one account of a request, written by the walk as it goes.
//!
//! [`Object`] is what callers get with every answer, [`DecisionRecord`] is the same with times and details for the
//! store and `explain`. Unknown is `null`, absent facts are absent, nothing is ever rounded to zero.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::failure::FailureClass;
use crate::id::Name;
use crate::outcome::Outcome;

/// Tokens as the provider counted them; never estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub prompt: Option<u64>,
    /// Output tokens, reasoning included.
    pub completion: Option<u64>,
    /// Prompt tokens read from a cache.
    pub cached: Option<u64>,
    /// Prompt tokens written to a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Output tokens spent on reasoning.
    pub reasoning: Option<u64>,
}

/// What every caller is told about a request: the body's `switchback`, the error's `error.switchback`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// The request.
    pub request_id: Name,
    /// The task.
    pub task: Name,
    /// The caller's segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Name>,
    /// The surface.
    pub surface: Name,
    /// What the caller got.
    pub outcome: Name,
    /// Why the last move was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Name>,
    /// The route that answered, or the kind of the rung.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_by: Option<Name>,
    /// The provider that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Name>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Name>,
    /// The rung that answered, from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<u32>,
    /// Rungs of the ladder.
    pub rungs: u32,
    /// Every upstream call, in order.
    pub attempts: Vec<Attempt>,
    /// Every rung that did not run.
    pub not_run: Vec<NotRun>,
    /// Why the answer is less than full quality, in words for users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degraded: Option<Name>,
    /// Request fields that were not passed on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Name>,
    /// Cost of all attempts in dollars; unknown while that of any is.
    pub cost_usd: Option<f64>,
    /// Time from arrival to the start of the served attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_ms: Option<u64>,
    /// When the first route of the ladder can be tried again, where nothing answered and it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Whether a simulated provider answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
}

/// One upstream call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The rung, from one.
    pub rung: u32,
    /// The route.
    pub route: Name,
    /// `first`, `retry`, `repair` or `probe`.
    pub kind: Name,
    /// The failure class, `served` for the one that answered, or `null` while it runs.
    pub class: Option<Name>,
    /// HTTP status; `null` where there was none.
    pub status: Option<u16>,
    /// How long it took; `null` while it runs.
    pub ms: Option<u64>,
    /// Its cost in dollars; `null` is unknown.
    pub cost_usd: Option<f64>,
    /// More, for the record.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub story: Option<AttemptStory>,
}

/// What the record tells of a call beyond what callers see.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AttemptStory {
    /// Milliseconds from arrival to its start.
    pub at_ms: u64,
    /// The deployment that was called, as `provider/model`.
    #[serde(default)]
    pub call: Name,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Name>,
    /// Which deployment of its route it is, from one; absent where the route has but one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<u32>,
    /// Position of the key among its provider's, from one.
    pub key: u32,
    /// What exactly went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Name>,
    /// The provider's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Box<str>>,
    /// The provider's or the validator's words, bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<str>>,
    /// Whether only a text matched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub low_confidence: bool,
    /// The wait that the provider asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The model version that the provider reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Box<str>>,
    /// Time to the first content of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<u64>,
    /// Tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The provider's id of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_request_id: Option<Box<str>>,
    /// What was mended of its answer without another call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mended: Vec<Name>,
    /// Whether a retry or repair would have followed, had the route's retry budget not been empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpaid: bool,
}

/// A rung that did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRun {
    /// The rung, from one.
    pub rung: u32,
    /// The route, or the kind of the rung.
    pub name: Name,
    /// Why: a skip, or `not_reached`.
    pub reason: Name,
}

/// A wait between two attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The rung, from one.
    pub rung: u32,
    /// `backoff`, or `retry_after` where the provider asked for it.
    pub kind: Name,
    /// Milliseconds from arrival to its start.
    pub at_ms: u64,
    /// How long.
    pub ms: u64,
}

/// Leaving one rung for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The rung that was left or skipped, from one.
    pub from_rung: u32,
    /// The rung that was entered, from one.
    pub to_rung: u32,
    /// The name of the rung that was left or skipped.
    pub from: Name,
    /// The name of the rung that was entered.
    pub to: Name,
    /// The failure class, or the reason of the skip.
    pub class: Name,
    /// Why.
    pub why: Name,
    /// Where the entered rung stands in the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Name>,
}

/// The one stored account of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// What the caller was told.
    #[serde(flatten)]
    pub object: Object,
    /// Arrival, Unix milliseconds.
    pub arrived_ms: u64,
    /// From arrival to the last byte.
    pub total_ms: u64,
    /// The deadline of the walk.
    pub deadline_ms: u64,
    /// Whether the caller asked for a stream.
    pub stream: bool,
    /// Whether bytes of a live stream had left when the walk ended.
    pub committed: bool,
    /// Waits between attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<Wait>,
    /// Moves, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Move>,
    /// How it ended, where there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RecordedError>,
    /// The application key's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Name>,
    /// What the client calls itself, bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Name>,
    /// Retries that the client says it has made before this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_retry: Option<u32>,
    /// The policy under which it was decided.
    pub config: Name,
}

/// The error that the caller got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedError {
    /// HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: Box<str>,
    /// The sentence.
    pub message: Box<str>,
}

/// How a walk without an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Which of the endings.
    pub kind: EndKind,
    /// The code for the caller: ours, or the provider's where its own words stand.
    pub code: Box<str>,
    /// The request field that the provider named, where the mistake is the caller's.
    pub param: Option<Box<str>>,
    /// HTTP status; where it is that of an exhausted ladder, the shell may put its configured one.
    pub status: u16,
    /// One sentence.
    pub message: Box<str>,
    /// When the caller may ask again.
    pub retry_after: Option<Duration>,
}

/// The endings, in the order in which the first that is true is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndKind {
    /// The caller's own mistake.
    InvalidRequest,
    /// The caller went away.
    Cancelled,
    /// A policy decision stands.
    Policy,
    /// Only rate limits are left.
    RateLimited,
    /// The prompt is too large for every rung.
    ContextTooSmall,
    /// Nothing on the ladder can do it.
    Unsupported,
    /// Nothing satisfies the required region and tags.
    Residency,
    /// The deadline passed.
    Deadline,
    /// The ladder is exhausted.
    Exhausted,
}

impl DecisionRecord {
    /// Whether it failed by its caller's own doing: the caller went away, or sent what no provider takes.
    #[must_use]
    pub fn is_callers_own(&self) -> bool {
        let cancelled = self.error.as_ref().is_some_and(|it| *it.code == *FailureClass::Cancelled.name());
        let last = self.object.attempts.last().and_then(|it| it.class.as_deref());
        let mistaken = last == Some(FailureClass::InvalidRequest.name());
        *self.object.outcome == *Outcome::Failed.name() && (cancelled || mistaken)
    }
}

/// The class name of the attempt that answered.
pub const SERVED: &str = "served";
