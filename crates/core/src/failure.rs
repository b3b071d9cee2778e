//! What can go wrong with an attempt, and what each kind permits.
//!
//! The list is closed and the names are stable: they stand in headers, records, metrics and configuration. What a
//! class permits is the table [`CLASSES`], not code: the walk reads rows, it does not match on classes to invent
//! behaviour; `docs/failures.md` is generated from it. This file never looks at bytes; the wire crate does.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

mod set;

pub use set::ClassSet;

/// What went wrong with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum FailureClass {
    /// DNS, TCP, TLS, reset, unfinished stream.
    Transport,
    /// Connect, first token, idle, total; 408, 504, 524.
    Timeout,
    /// The provider's request or token rate was exceeded; clears by itself.
    RateLimited,
    /// Money or a long-period quota is gone; waiting does not help.
    QuotaExhausted,
    /// The provider lacks capacity: 529, 503, a capacity 429.
    Overloaded,
    /// The provider failed: 5xx and what nobody could classify.
    ServerError,
    /// The provider refused our credential.
    Auth,
    /// Model, deployment or path is gone.
    NotFound,
    /// The answer breaks its promise: malformed, schema, tool call, empty.
    Contract,
    /// The answer was cut by an output cap.
    Truncated,
    /// Prompt (plus output) does not fit the model's window.
    ContextWindow,
    /// The route cannot do what was asked.
    Capability,
    /// The model declined.
    Refusal,
    /// Valid, but below a quality floor.
    LowQuality,
    /// A spend cap, or a predicted cost over what is left.
    Budget,
    /// Not enough time left.
    Deadline,
    /// A filter or a safety decision stands; never routed around.
    PolicyBlocked,
    /// Region or compliance tag not satisfied.
    Residency,
    /// The caller's own mistake.
    InvalidRequest,
    /// The caller went away.
    Cancelled,
}

/// Groups of classes, as a rung's `when` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// The provider or the way to it failed.
    Technical,
    /// The answer failed.
    Output,
    /// The route cannot, or the model would not.
    Capability,
    /// Money or time.
    Business,
    /// A policy or safety decision.
    Policy,
    /// The caller's own mistake, or the caller went away.
    Caller,
}

/// May the same route be tried again after this class?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameRoute {
    /// Never.
    Never,
    /// After a backoff, within the rung's `retries`.
    Backoff,
    /// Only when nothing was sent yet (a connect timeout).
    ConnectOnly,
    /// Only when the wait that the provider asks for fits.
    IfWaitFits,
}

/// What the class says about the health of what was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthEffect {
    /// Nothing.
    None,
    /// A hard failure: counts in the consecutive rule and in the rate window of the breaker.
    Hard,
    /// Counts in the rate window only: an overloaded provider is shedding, not dead.
    Soft,
    /// Cools the key for this model until its reset.
    CoolsKey,
    /// Switches the credential off.
    CredentialOff,
    /// Switches the route off.
    RouteOff,
}

/// One row of the table of classes.
#[derive(Debug, Clone, Copy)]
pub struct ClassRow {
    /// The class.
    pub class: FailureClass,
    /// Its stable name.
    pub name: &'static str,
    /// Its family.
    pub family: Family,
    /// Whether the same route may be tried again.
    pub same_route: SameRoute,
    /// Whether any rung below may run; `false` ends the walk.
    pub moves: bool,
    /// Effect on health.
    pub health: HealthEffect,
    /// The class in words a person reads in `explain`.
    pub words: &'static str,
}

use FailureClass as C;
use Family as F;
use HealthEffect as H;
use SameRoute as S;

#[expect(clippy::too_many_arguments, reason = "one argument per column of the table")]
const fn row(
    class: C,
    name: &'static str,
    family: F,
    same_route: S,
    moves: bool,
    health: H,
    words: &'static str,
) -> ClassRow {
    ClassRow { class, name, family, same_route, moves, health, words }
}

/// Every class with what it permits, in the order of the enum.
#[rustfmt::skip]
pub const CLASSES: [ClassRow; 20] = [
    row(C::Transport,      "transport",       F::Technical,  S::Backoff,     true,  H::Hard,          "lost the connection"),
    row(C::Timeout,        "timeout",         F::Technical,  S::ConnectOnly, true,  H::Hard,          "took too long"),
    row(C::RateLimited,    "rate_limited",    F::Technical,  S::IfWaitFits,  true,  H::CoolsKey,      "was rate limited"),
    row(C::QuotaExhausted, "quota_exhausted", F::Technical,  S::Never,       true,  H::CredentialOff, "has no quota left"),
    row(C::Overloaded,     "overloaded",      F::Technical,  S::Backoff,     true,  H::Soft,          "was overloaded"),
    row(C::ServerError,    "server_error",    F::Technical,  S::Backoff,     true,  H::Hard,          "failed with a server error"),
    row(C::Auth,           "auth",            F::Technical,  S::Never,       true,  H::CredentialOff, "refused our credential"),
    row(C::NotFound,       "not_found",       F::Technical,  S::Never,       true,  H::RouteOff,      "does not have this model"),
    row(C::Contract,       "contract",        F::Output,     S::Backoff,     true,  H::None,          "broke the contract"),
    row(C::Truncated,      "truncated",       F::Output,     S::Never,       true,  H::None,          "was cut off by its output cap"),
    row(C::ContextWindow,  "context_window",  F::Capability, S::Never,       true,  H::None,          "has too small a context window"),
    row(C::Capability,     "capability",      F::Capability, S::Never,       true,  H::None,          "cannot do what was asked"),
    row(C::Refusal,        "refusal",         F::Capability, S::Never,       false, H::None,          "declined to answer"),
    row(C::LowQuality,     "low_quality",     F::Capability, S::Never,       true,  H::None,          "answered below the quality floor"),
    row(C::Budget,         "budget",          F::Business,   S::Never,       true,  H::None,          "would cost too much"),
    row(C::Deadline,       "deadline",        F::Business,   S::Never,       true,  H::None,          "had too little time left"),
    row(C::PolicyBlocked,  "policy_blocked",  F::Policy,     S::Never,       false, H::None,          "blocked it by policy"),
    row(C::Residency,      "residency",       F::Policy,     S::Never,       true,  H::None,          "is outside the allowed region"),
    row(C::InvalidRequest, "invalid_request", F::Caller,     S::Never,       false, H::None,          "rejected the request as invalid"),
    row(C::Cancelled,      "cancelled",       F::Caller,     S::Never,       false, H::None,          "was cancelled by the caller"),
];

/// Every family with its name.
pub const FAMILIES: [(Family, &str); 6] = [
    (F::Technical, "technical"),
    (F::Output, "output"),
    (F::Capability, "capability"),
    (F::Business, "business"),
    (F::Policy, "policy"),
    (F::Caller, "caller"),
];

/// What exactly went wrong, within its class. Closed and stable, like the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Detail {
    /// Name resolution failed.
    Dns,
    /// The connection was refused or could not be made.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The connection was reset or closed before the answer began.
    Reset,
    /// The answer stopped in the middle, without its end marker.
    Unfinished,
    /// No first content in time.
    FirstToken,
    /// Content stopped coming.
    Idle,
    /// The attempt's whole time was up.
    Total,
    /// The provider had taken the request and only sent signs of life.
    Queued,
    /// Not what the protocol promises: not JSON, no choices, a broken chunk.
    Malformed,
    /// The content is not JSON although JSON was promised.
    Json,
    /// The content is JSON but does not satisfy the schema.
    Schema,
    /// An undeclared tool, or arguments that do not satisfy the tool's schema.
    ToolCall,
    /// A required tool was not called.
    ToolMissing,
    /// No text, no tool call, no refusal.
    Empty,
    /// Nothing but reasoning came.
    ReasoningOnly,
    /// A filter stopped the request.
    Input,
    /// A filter stopped the answer.
    Output,
    /// One request is larger than the whole rate budget; waiting cannot cure it.
    TooLargeForLimit,
    /// No row of the signal table matched.
    Unclassified,
}

impl Detail {
    /// The stable name.
    #[must_use]
    #[rustfmt::skip]
    pub const fn name(self) -> &'static str {
        match self {
            Detail::Dns => "dns", Detail::Connect => "connect", Detail::Tls => "tls", Detail::Reset => "reset",
            Detail::Unfinished => "unfinished", Detail::FirstToken => "first_token", Detail::Idle => "idle",
            Detail::Total => "total", Detail::Queued => "queued", Detail::Malformed => "malformed",
            Detail::Json => "json", Detail::Schema => "schema", Detail::ToolCall => "tool_call",
            Detail::ToolMissing => "tool_missing", Detail::Empty => "empty",
            Detail::ReasoningOnly => "reasoning_only", Detail::Input => "input", Detail::Output => "output",
            Detail::TooLargeForLimit => "too_large_for_limit",
            Detail::Unclassified => "unclassified",
        }
    }
}

/// How sure the classifier is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confidence {
    /// A provider's code, an error type, a status, or evidence of our own.
    #[default]
    High,
    /// Only the text of a message matched.
    Low,
}

/// A failed attempt, classified. Data, not an error type: it feeds the walk and the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The class.
    pub class: FailureClass,
    /// What exactly, where it is known.
    pub detail: Option<Detail>,
    /// HTTP status of the provider, where there was one.
    pub status: Option<u16>,
    /// The provider's own code, bounded and kept for the caller (`content_policy_violation`, …).
    pub code: Option<Box<str>>,
    /// The request field that the provider named, bounded.
    pub param: Option<Box<str>>,
    /// Words for people: the provider's message (bounded, without secrets) or the validator's findings.
    pub message: Option<Box<str>>,
    /// The wait that the provider asked for.
    pub retry_after: Option<Duration>,
    /// How sure the classification is.
    pub confidence: Confidence,
    /// Whether the provider's own words are at hand as an answer that can be passed on: true only where one was judged,
    /// never for a refusal or a block that came as an error.
    pub words_kept: bool,
    /// The request field that the provider cannot take, where the request means the same without it.
    pub hint: Option<&'static str>,
    /// Whether the answer is at hand and the model could mend it: it broke a promise that can be told in words.
    pub repairable: bool,
    /// The provider said that the same route must not be tried again (`x-should-retry: false`, or one request larger
    /// than its whole limit).
    pub forbids_same_route: bool,
}

impl Failure {
    /// A failure of this class and nothing else known.
    #[must_use]
    pub const fn new(class: FailureClass) -> Self {
        Self {
            class,
            detail: None,
            status: None,
            code: None,
            param: None,
            message: None,
            retry_after: None,
            words_kept: false,
            hint: None,
            repairable: false,
            confidence: Confidence::High,
            forbids_same_route: false,
        }
    }

    /// The same with a detail.
    #[must_use]
    pub const fn with_detail(mut self, detail: Detail) -> Self {
        self.detail = Some(detail);
        self
    }

    /// The same with words for people.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Box<str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Whether no byte of the request can have reached the provider.
    #[must_use]
    pub fn was_not_sent(&self) -> bool {
        matches!(self.detail, Some(Detail::Dns | Detail::Connect | Detail::Tls))
    }

    /// Whether no row of the signal table matched.
    #[must_use]
    pub fn unclassified(&self) -> bool {
        self.detail == Some(Detail::Unclassified)
    }

    /// Whether a filter blocked the request itself: such a decision sticks to it.
    #[must_use]
    pub fn blocks_request(&self) -> bool {
        self.class == FailureClass::PolicyBlocked && self.detail != Some(Detail::Output)
    }

    /// Whether the model or an output filter gave words of its own that the caller receives with status 200: a model's
    /// refusal, or an answer that a filter cut.
    #[must_use]
    pub fn has_providers_words(&self) -> bool {
        let declined = self.class == FailureClass::Refusal;
        let cut = self.class == FailureClass::PolicyBlocked && self.detail == Some(Detail::Output);
        self.words_kept && (declined || cut)
    }
}

// === impl FailureClass ===

impl FailureClass {
    /// The row of the table for this class.
    #[must_use]
    pub fn row(self) -> &'static ClassRow {
        // The table is in the order of the enum (a test holds it so); the first row is never reached as a default.
        CLASSES.get(self as usize).unwrap_or(&CLASSES[0])
    }

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The family.
    #[must_use]
    pub fn family(self) -> Family {
        self.row().family
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FailureClass {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        CLASSES.iter().find(|row| row.name == name).map(|row| row.class).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_classes() {
        for (place, row) in CLASSES.iter().enumerate() {
            assert_eq!(row.class as usize, place, "{}", row.name);
            assert_eq!(row.name.parse(), Ok(row.class));
        }
    }

    #[test]
    fn a_callers_fault_or_a_credential_never_counts_for_the_breaker() {
        for row in CLASSES.iter().filter(|row| matches!(row.health, HealthEffect::Hard | HealthEffect::Soft)) {
            assert!(
                matches!(row.class, C::Transport | C::Timeout | C::Overloaded | C::ServerError),
                "{} must not count",
                row.name
            );
        }
    }
}
