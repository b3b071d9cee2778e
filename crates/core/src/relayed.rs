//! The record of a call that was passed on as it is: no task, no ladder, one attempt.

use std::time::Duration;

use crate::derive::About;
use crate::id::Name;
use crate::outcome::Outcome;
use crate::record::{Attempt, AttemptStory, DecisionRecord, Object, RecordedError, SERVED};
use crate::time::millis;

/// The task's name in records of relayed calls; no task can have it, because names of tasks have no colon.
pub const RELAY: &str = "relay:";

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
    /// Whether the answer reached its end.
    pub whole: bool,
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
        let ok = self.whole && self.status.is_some_and(|status| status < 400);
        let outcome = if ok { Outcome::Ok } else { Outcome::Failed };
        let class = match self.status {
            _ if ok => SERVED,
            None => "transport",
            Some(_) if !self.whole => "transport",
            Some(status) if status < 500 => "invalid_request",
            Some(_) => "server_error",
        };
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
        let error = (!ok).then(|| RecordedError {
            status: self.status.unwrap_or(502),
            code: "relay_failed".into(),
            message: format!("{} was not answered by {} as asked.", self.what, self.provider).into(),
        });
        DecisionRecord {
            object,
            arrived_ms: about.arrived_ms,
            total_ms: millis(self.total),
            deadline_ms: millis(self.total),
            stream: about.stream,
            committed: self.status.is_some(),
            waits: Vec::new(),
            moves: Vec::new(),
            error,
            key: about.key.clone(),
            client: about.client.clone(),
            client_retry: about.client_retry,
            config: Name::clone(&about.config),
        }
    }
}
