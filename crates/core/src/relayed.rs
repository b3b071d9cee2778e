//! The record of a call that was passed on as it is: no task, no ladder, one attempt.

use std::time::Duration;

use crate::derive::About;
use crate::failure::FailureClass;
use crate::id::Name;
use crate::outcome::Outcome;
use crate::record::{Attempt, AttemptStory, DecisionRecord, Object, RecordedError, SERVED};
use crate::time::millis;

/// The task's name in records of relayed calls; no task can have it, because names of tasks have no colon.
pub const RELAY: &str = "relay:";

/// How a relayed call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The answer reached its end.
    Whole,
    /// The provider could not be reached, or its answer broke off.
    Broken,
    /// The provider was silent for too long.
    TimedOut,
    /// The caller went away.
    Left,
}

/// What is known of a relayed call.
#[derive(Debug, Clone)]
pub struct Relayed {
    /// The provider that was called.
    pub provider: Name,
    /// Its region.
    pub region: Option<Name>,
    /// The method and the pattern of the configuration that let it through; never the caller's own path.
    pub what: Name,
    /// HTTP status; `None` where no answer began.
    pub status: Option<u16>,
    /// How it ended.
    pub end: End,
    /// Time from arrival to the call.
    pub before: Duration,
    /// Time from arrival to the end.
    pub total: Duration,
    /// Whether a simulated provider answered.
    pub simulated: bool,
}

impl Relayed {
    /// The record.
    #[must_use]
    pub fn record(&self, about: &About) -> DecisionRecord {
        let ok = self.end == End::Whole && self.status.is_some_and(|status| status < 400);
        let outcome = if ok { Outcome::Ok } else { Outcome::Failed };
        let class = self.class();
        let class = if ok { SERVED } else { class.name() };
        let story = AttemptStory {
            at_ms: millis(self.before),
            call: format!("{}/{}", self.provider, self.what).into(),
            region: self.region.clone(),
            key: 1,
            ..AttemptStory::default()
        };
        let attempt = Attempt {
            rung: 1,
            route: Name::clone(&self.provider),
            kind: "first".into(),
            class: Some(class.into()),
            status: self.status,
            ms: Some(millis(self.total.saturating_sub(self.before))),
            cost_usd: None,
            story: Some(story),
        };
        let served = ok.then(|| Name::clone(&self.provider));
        let object = Object {
            request_id: about.request_id.as_str().into(),
            task: RELAY.into(),
            segment: None,
            surface: "interactive".into(),
            outcome: outcome.name().into(),
            why: None,
            served_by: served.clone(),
            provider: served,
            region: self.region.clone().filter(|_| ok),
            rung: ok.then_some(1),
            rungs: 1,
            attempts: vec![attempt],
            not_run: Vec::new(),
            degraded: None,
            dropped: Vec::new(),
            cost_usd: None,
            added_ms: ok.then(|| millis(self.before)),
            retry_after_ms: None,
            simulated: self.simulated,
        };
        let (code, message) = match self.end {
            End::Left => ("cancelled", "The caller went away before the answer was whole.".to_owned()),
            End::Whole => ("relay_failed", format!("{} answered {} with an error.", self.provider, self.what)),
            End::Broken | End::TimedOut => {
                ("relay_failed", format!("{} was not answered by {} to its end.", self.what, self.provider))
            }
        };
        let status = if self.end == End::Left { 499 } else { self.status.unwrap_or(502) };
        let error = (!ok).then(|| RecordedError { status, code: code.into(), message: message.into() });
        DecisionRecord {
            object,
            arrived_ms: about.arrived_ms,
            total_ms: millis(self.total),
            deadline_ms: millis(self.total),
            stream: about.stream,
            // An answer that came whole is told by its status, also where it is an error.
            committed: self.end != End::Whole && self.status.is_some(),
            waits: Vec::new(),
            moves: Vec::new(),
            error,
            key: about.key.clone(),
            client: about.client.clone(),
            client_retry: about.client_retry,
            config: Name::clone(&about.config),
        }
    }

    /// What went wrong, where something did. Nothing follows from it: a relayed call has no ladder.
    fn class(&self) -> FailureClass {
        match (self.end, self.status) {
            (End::Left, _) => FailureClass::Cancelled,
            (End::Broken, _) => FailureClass::Transport,
            (End::TimedOut, _) | (End::Whole, Some(408 | 504)) => FailureClass::Timeout,
            (End::Whole, Some(401 | 403)) => FailureClass::Auth,
            (End::Whole, Some(404)) => FailureClass::NotFound,
            (End::Whole, Some(429)) => FailureClass::RateLimited,
            (End::Whole, Some(503 | 529)) => FailureClass::Overloaded,
            (End::Whole, Some(status)) if status < 500 => FailureClass::InvalidRequest,
            (End::Whole, _) => FailureClass::ServerError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RequestId;

    fn told(end: End, status: Option<u16>) -> DecisionRecord {
        let about = About {
            request_id: RequestId::new(1, 1),
            arrived_ms: 1,
            stream: false,
            key: None,
            client: None,
            client_retry: None,
            config: "abc".into(),
            exhausted_status: 424,
        };
        let relayed = Relayed {
            provider: "openai".into(),
            region: None,
            what: "GET /v1/files*".into(),
            status,
            end,
            before: Duration::from_millis(1),
            total: Duration::from_millis(9),
            simulated: false,
        };
        relayed.record(&about)
    }

    #[test]
    fn who_failed_is_told_as_it_was() {
        for (end, status, class) in [
            (End::Whole, Some(200), SERVED),
            (End::Whole, Some(404), "not_found"),
            (End::Whole, Some(401), "auth"),
            (End::Whole, Some(429), "rate_limited"),
            (End::Whole, Some(400), "invalid_request"),
            (End::Whole, Some(500), "server_error"),
            (End::Broken, Some(200), "transport"),
            (End::TimedOut, None, "timeout"),
            (End::Left, Some(200), "cancelled"),
        ] {
            let record = told(end, status);
            assert_eq!(record.object.attempts[0].class.as_deref(), Some(class), "{end:?} {status:?}");
            assert_eq!(&*record.object.outcome, if class == SERVED { "ok" } else { "failed" });
        }
        let story = crate::explain::story(&told(End::Whole, Some(404)));
        assert!(story.contains("404") && !story.contains("broke off"), "{story}");
        assert!(crate::explain::story(&told(End::Broken, Some(200))).contains("broke off"));
    }
}
