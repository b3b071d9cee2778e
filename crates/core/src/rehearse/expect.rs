//! What a scenario should come to, and where the record says otherwise.

use std::time::Duration;

use crate::id::Name;
use crate::outcome::{Outcome, Why};
use crate::record::DecisionRecord;

/// What is expected of a record; what is `None` is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expect {
    /// The route that answers, or the kind of the rung.
    pub served_by: Option<Name>,
    /// What the caller gets.
    pub outcome: Option<Outcome>,
    /// The rung that answers, from one.
    pub rung: Option<u32>,
    /// Upstream calls.
    pub attempts: Option<u32>,
    /// The error's code.
    pub code: Option<Name>,
    /// Why the last move was made.
    pub why: Option<Why>,
    /// The longest time from arrival to the end.
    pub within: Option<Duration>,
}

/// One thing that came otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The key of `expect`.
    pub key: &'static str,
    /// What it asks for.
    pub expected: String,
    /// What the record says; `nothing` where it says nothing.
    pub got: String,
}

impl Expect {
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Everything that came otherwise, in the order of the keys; empty when all is as expected.
    #[must_use]
    pub fn differences(&self, record: &DecisionRecord) -> Vec<Difference> {
        let object = &record.object;
        let mut found = Vec::new();
        let mut ask = |key, expected: Option<String>, got: Option<String>| {
            if let Some(expected) = expected
                && Some(&expected) != got.as_ref()
            {
                found.push(Difference { key, expected, got: got.unwrap_or_else(|| "nothing".to_owned()) });
            }
        };
        ask("served-by", self.served_by.as_deref().map(Into::into), object.served_by.as_deref().map(Into::into));
        ask("outcome", self.outcome.map(|it| it.name().into()), Some((*object.outcome).into()));
        ask("rung", self.rung.map(|it| it.to_string()), object.rung.map(|it| it.to_string()));
        ask("attempts", self.attempts.map(|it| it.to_string()), Some(object.attempts.len().to_string()));
        let code = record.error.as_ref().map(|it| (*it.code).into());
        ask("code", self.code.as_deref().map(Into::into), code);
        ask("why", self.why.map(|it| it.name().into()), object.why.as_deref().map(Into::into));
        let took = Duration::from_millis(record.total_ms);
        if let Some(within) = self.within.filter(|within| took > *within) {
            found.push(Difference { key: "within", expected: format!("{within:?}"), got: format!("{took:?}") });
        }
        found
    }
}
