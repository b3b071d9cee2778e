//! What the caller got, why the walk moved, and why a rung did not run. Closed lists with stable names.

use crate::failure::{ClassSet, FailureClass, Family};

/// What the caller got. Derived from the record, never set by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// First rung, first attempt.
    Ok,
    /// Full quality, but not at first try.
    Recovered,
    /// Cheaper, narrower or ready-made, and marked as such.
    Degraded,
    /// A policy or safety decision stands.
    Refused,
    /// A clear error.
    Failed,
}

impl Outcome {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Recovered => "recovered",
            Outcome::Degraded => "degraded",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

/// Why a move was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The ladder says so: a class that the rung below takes.
    Ladder,
    /// An operator disabled what stands above.
    Operator,
    /// Health: a breaker was open, a key was cooling, a route or credential was switched off.
    Breaker,
    /// Attempts or money.
    Budget,
    /// Time.
    Deadline,
    /// The route above cannot do what was asked.
    Capability,
    /// `model` was one of the task's other names, and no move followed.
    Alias,
    /// No row of the signal table matched the failure: someone should map it.
    Unclassified,
}

impl Why {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Why::Ladder => "ladder",
            Why::Operator => "operator",
            Why::Breaker => "breaker",
            Why::Budget => "budget",
            Why::Deadline => "deadline",
            Why::Capability => "capability",
            Why::Alias => "alias",
            Why::Unclassified => "unclassified",
        }
    }

    /// The why of leaving a rung after a failure of this class.
    #[must_use]
    pub const fn after(class: FailureClass, unclassified: bool) -> Self {
        match class {
            _ if unclassified => Why::Unclassified,
            FailureClass::ContextWindow | FailureClass::Capability => Why::Capability,
            FailureClass::Budget => Why::Budget,
            FailureClass::Deadline => Why::Deadline,
            FailureClass::Transport
            | FailureClass::Timeout
            | FailureClass::RateLimited
            | FailureClass::QuotaExhausted
            | FailureClass::Overloaded
            | FailureClass::ServerError
            | FailureClass::Auth
            | FailureClass::NotFound
            | FailureClass::Contract
            | FailureClass::Truncated
            | FailureClass::Refusal
            | FailureClass::LowQuality
            | FailureClass::PolicyBlocked
            | FailureClass::Residency
            | FailureClass::InvalidRequest
            | FailureClass::Cancelled => Why::Ladder,
        }
    }
}

/// Why a rung did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// An operator disabled the route.
    Disabled,
    /// The route was switched off because the provider does not have the model.
    Gone,
    /// The breaker is open.
    BreakerOpen,
    /// Every key is cooling after a rate limit, or its provider says that nothing is left.
    Cooling,
    /// The route cannot do what the request needs.
    NoCapability,
    /// The request does not fit the route's context window.
    ContextTooSmall,
    /// Too little time is left.
    NoTime,
    /// The walk's attempts are used up.
    NoAttempts,
    /// It takes none of the classes met.
    WrongClass,
    /// A stronger rung was preferred.
    PassedOver,
    /// It is for other segments.
    WrongSegment,
    /// It is for the other surface.
    WrongSurface,
    /// Every credential has used up its quota.
    Quota,
    /// Every credential was refused.
    Auth,
    /// It had nothing that satisfies what the request promises.
    Miss,
    /// Region or tags do not satisfy what is required.
    Residency,
    /// Another provider holds state that the request names.
    Pinned,
}

/// As what a skip counts for the rungs below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountsAs {
    /// As nothing: the rung below needs another reason to run.
    Nothing,
    /// As any technical failure.
    Technical,
    /// As this class.
    Class(FailureClass),
}

impl CountsAs {
    /// The classes that the rungs below may take it as.
    #[must_use]
    pub fn classes(self) -> ClassSet {
        match self {
            CountsAs::Nothing => ClassSet::EMPTY,
            CountsAs::Technical => ClassSet::of_family(Family::Technical),
            CountsAs::Class(class) => ClassSet::EMPTY.with(class),
        }
    }
}

/// One row of the table of skips.
#[derive(Debug, Clone, Copy)]
pub struct SkipRow {
    /// The skip.
    pub skip: Skip,
    /// Its stable name.
    pub name: &'static str,
    /// As what it counts for the rungs below.
    pub counts_as: CountsAs,
    /// The why of a move that it caused.
    pub why: Option<Why>,
    /// Whether the rung was never this caller's: such rungs are not "the first rung".
    pub not_the_callers: bool,
    /// In words, for `explain`.
    pub words: &'static str,
}

const fn row(
    skip: Skip,
    name: &'static str,
    counts_as: CountsAs,
    why: Option<Why>,
    not_the_callers: bool,
    words: &'static str,
) -> SkipRow {
    SkipRow { skip, name, counts_as, why, not_the_callers, words }
}

use FailureClass as C;

/// Every skip, in the order of the enum.
#[rustfmt::skip]
pub const SKIPS: [SkipRow; 17] = [
    row(Skip::Disabled,        "disabled",          CountsAs::Technical, Some(Why::Operator),   false, "disabled by an operator"),
    row(Skip::Gone,            "gone",              CountsAs::Technical, Some(Why::Breaker),    false, "switched off: the provider does not have the model"),
    row(Skip::BreakerOpen,     "breaker_open",      CountsAs::Technical, Some(Why::Breaker),    false, "its breaker is open"),
    row(Skip::Cooling,         "cooling",           CountsAs::Technical, Some(Why::Breaker),    false, "its keys met a rate limit or have nothing left"),
    row(Skip::NoCapability,    "no_capability",     CountsAs::Class(C::Capability), Some(Why::Capability), true,  "cannot do what the request needs"),
    row(Skip::ContextTooSmall, "context_too_small", CountsAs::Class(C::ContextWindow), Some(Why::Capability), true,  "the request does not fit its context window"),
    row(Skip::NoTime,          "no_time",           CountsAs::Class(C::Deadline), Some(Why::Deadline),   false, "could not finish in the time left"),
    row(Skip::NoAttempts,      "no_attempts",       CountsAs::Nothing, Some(Why::Budget),     false, "the request's attempts are used up"),
    row(Skip::WrongClass,      "wrong_class",       CountsAs::Nothing, None,                  false, "does not take what went wrong"),
    row(Skip::PassedOver,      "passed_over",       CountsAs::Nothing, None,                  false, "a stronger rung was preferred"),
    row(Skip::WrongSegment,    "wrong_segment",     CountsAs::Nothing, None,                  true,  "is for other segments"),
    row(Skip::WrongSurface,    "wrong_surface",     CountsAs::Nothing, None,                  true,  "is for the other surface"),
    row(Skip::Quota,           "quota",             CountsAs::Technical, Some(Why::Breaker),    false, "no credential has quota left"),
    row(Skip::Auth,            "auth",              CountsAs::Technical, Some(Why::Breaker),    false, "every credential was refused"),
    row(Skip::Miss,            "miss",              CountsAs::Nothing, None,                  false, "had nothing that fits the request"),
    row(Skip::Residency,       "residency",         CountsAs::Nothing, None,                  true,  "is outside the region or tags that are required"),
    row(Skip::Pinned,          "pinned",            CountsAs::Nothing, None,                  true,  "does not hold the state that the request names"),
];

impl Skip {
    /// The row of the table for this skip.
    #[must_use]
    pub fn row(self) -> &'static SkipRow {
        SKIPS.get(self as usize).unwrap_or(&SKIPS[0])
    }

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_skips() {
        for (place, row) in SKIPS.iter().enumerate() {
            assert_eq!(row.skip as usize, place, "{}", row.name);
        }
    }
}
