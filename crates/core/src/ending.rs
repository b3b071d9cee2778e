//! The end of a walk that has no answer: which of the endings, in which words, and when to ask again.
//!
//! The first that is true is taken, in the order of [`EndKind`]. Statuses and codes are those of the interface; 424
//! for an exhausted ladder, because no client repeats a 424 and the repeating has been done.

use std::fmt::Write as _;
use std::time::Duration;

use crate::failure::{Failure, FailureClass};
use crate::health::Health;
use crate::outcome::Skip;
use crate::plan::RESERVE;
use crate::policy::{RungKind, Task};
use crate::record::{EndKind, Ending};
use crate::time::Now;
use crate::walk::{RungState, Tried, Walk};

/// What became of a model rung, as far as the ending asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Met(FailureClass),
    Skipped(Skip),
}

impl Ending {
    /// The caller went away; nobody reads this.
    #[must_use]
    pub(crate) fn cancelled() -> Self {
        Self {
            kind: EndKind::Cancelled,
            code: "cancelled".into(),
            param: None,
            status: 499,
            message: "The caller went away before the answer was ready.".into(),
            retry_after: None,
        }
    }
}

impl Walk {
    /// The ending of this walk as it stands; `message` is the `fail` rung's sentence.
    pub(crate) fn ending(&self, task: &Task, now: Now, health: &Health, message: Option<&str>) -> Ending {
        let last = self.tried.last().and_then(|it| it.failure.as_ref());
        let fates = self.fates(task);
        let all = |is: fn(&Fate) -> bool| !fates.is_empty() && fates.iter().all(is);
        let no_time = fates.contains(&Fate::Skipped(Skip::NoTime)) || now >= self.ask.deadline - RESERVE;
        let (kind, status, code) = match last.map(|it| it.class) {
            Some(FailureClass::InvalidRequest) => (EndKind::InvalidRequest, callers_status(last), "invalid_request"),
            _ if self.is_blocked() => (EndKind::Policy, 400, "content_filter"),
            // A refusal that came as an error has no words to pass on: the decision stands all the same.
            Some(FailureClass::Refusal) => (EndKind::Policy, 400, "refusal"),
            _ if all(is_rate_limit) => (EndKind::RateLimited, 429, "all_rungs_rate_limited"),
            _ if all(is_window) => (EndKind::ContextTooSmall, 400, "context_length_exceeded"),
            _ if all(is_incapable) => (EndKind::Unsupported, 400, "unsupported"),
            _ if all(is_residency) => (EndKind::Residency, 424, "no_compliant_route"),
            _ if no_time => (EndKind::Deadline, 424, "deadline"),
            _ => (EndKind::Exhausted, 424, "all_rungs_failed"),
        };
        let code = self.providers_code(kind, last).map_or_else(|| code.into(), Into::into);
        let message = match (message, kind) {
            (Some(message), EndKind::RateLimited | EndKind::Deadline | EndKind::Exhausted | EndKind::Policy) => {
                message.into()
            }
            _ => self.sentence(task, kind, last),
        };
        let retry_after = match kind {
            EndKind::RateLimited => Some(self.callable_in(task, now, health).unwrap_or(Duration::from_secs(1))),
            EndKind::Exhausted | EndKind::Deadline => self.callable_in(task, now, health),
            EndKind::InvalidRequest
            | EndKind::Cancelled
            | EndKind::Policy
            | EndKind::ContextTooSmall
            | EndKind::Unsupported
            | EndKind::Residency => None,
        };
        let param = last.filter(|_| kind == EndKind::InvalidRequest).and_then(|it| it.param.clone());
        Ending { kind, code, param, status, message, retry_after }
    }

    /// The ending of a live stream that broke after its commit point.
    pub(crate) fn broken_ending(&self, task: &Task) -> Ending {
        let last = self.tried.last().and_then(|it| it.failure.as_ref());
        let words = last.map_or("broke off", |it| it.class.row().words);
        let route = self.tried.last().map_or("the route", |it| self.route_name(it));
        Ending {
            kind: EndKind::Exhausted,
            code: "all_rungs_failed".into(),
            param: None,
            status: 424,
            message: format!(
                "{}: the answer broke off after it had begun: {route} {words}. What was received is incomplete.",
                task.name
            )
            .into(),
            retry_after: None,
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        let last = self.tried.last().and_then(|it| it.failure.as_ref());
        self.ask.blocked.is_some() || last.is_some_and(|it| it.class == FailureClass::PolicyBlocked)
    }

    pub(crate) fn route_name<'a>(&'a self, tried: &Tried) -> &'a str {
        self.policy.route(tried.route).map_or("the route", |it| &it.name)
    }

    /// What became of each model rung that was the caller's. One that must not be called for this request tells only where
    /// there is no other.
    fn fates(&self, task: &Task) -> Vec<Fate> {
        let all = self.all_fates(task);
        let open: Vec<Fate> = all.iter().copied().filter(|it| !is_residency(it)).collect();
        if open.is_empty() { all } else { open }
    }

    fn all_fates(&self, task: &Task) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(task.ladder.len());
        for (place, (rung, state)) in task.ladder.iter().zip(&self.rungs).enumerate() {
            if !matches!(rung.kind, RungKind::Try(_)) {
                continue;
            }
            let last_here = self.tried.iter().rev().find(|it| it.rung == place).and_then(|it| it.failure.as_ref());
            match (state, last_here) {
                (RungState::Skipped(Skip::WrongSegment | Skip::WrongSurface | Skip::PassedOver), _)
                | (RungState::NotReached, _)
                | (RungState::Ran, None) => {}
                (RungState::Skipped(skip), _) => fates.push(Fate::Skipped(*skip)),
                (RungState::Ran, Some(failure)) => fates.push(Fate::Met(failure.class)),
            }
        }
        fates
    }

    /// The provider's own code, where its words stand.
    fn providers_code<'a>(&'a self, kind: EndKind, last: Option<&'a Failure>) -> Option<&'a str> {
        match kind {
            EndKind::Policy => last.and_then(|it| it.code.as_deref()).or(self.ask.blocked.as_deref()),
            EndKind::InvalidRequest => last.and_then(|it| it.code.as_deref()),
            EndKind::Cancelled
            | EndKind::RateLimited
            | EndKind::ContextTooSmall
            | EndKind::Unsupported
            | EndKind::Residency
            | EndKind::Deadline
            | EndKind::Exhausted => None,
        }
    }

    fn callable_in(&self, task: &Task, now: Now, health: &Health) -> Option<Duration> {
        let mine = task.ladder.iter().zip(&self.rungs).enumerate().filter(|(_, (_, state))| {
            !matches!(state, RungState::Skipped(skip) if skip.row().not_the_callers || *skip == Skip::WrongClass)
        });
        let calls = mine.filter_map(|(place, (rung, _))| match &rung.kind {
            RungKind::Try(it) => Some((place, it)),
            RungKind::Answer { .. } | RungKind::Fail { .. } => None,
        });
        let planner = self.planner(task, health);
        let waits = calls.filter_map(|(place, it)| {
            let asking = planner.asking(place, it, planner.fits(it).ok()?, now);
            health.callable_in(it.route, &asking, now)
        });
        waits.filter(|it| !it.is_zero()).min()
    }

    /// What happened in one sentence, built from the record; no model writes it.
    fn sentence(&self, task: &Task, kind: EndKind, last: Option<&Failure>) -> Box<str> {
        let name = &task.name;
        let said = last.and_then(|it| it.message.as_deref());
        match kind {
            EndKind::InvalidRequest => {
                let route = self.tried.last().map_or("the provider", |it| self.route_name(it));
                said.map_or_else(
                    || format!("{route} rejected the request as invalid."),
                    |said| format!("{route} rejected the request: {said}"),
                )
                .into()
            }
            EndKind::Policy if self.ask.blocked.is_some() && self.tried.is_empty() => {
                format!("{name}: this request was blocked by policy a short while ago, and the decision stands.").into()
            }
            EndKind::Policy => {
                let route = self.tried.last().map_or("The provider", |it| self.route_name(it));
                said.map_or_else(
                    || format!("{route} blocked the request by policy."),
                    |said| format!("{route} blocked the request by policy: {said}"),
                )
                .into()
            }
            EndKind::ContextTooSmall => {
                let tokens = self.ask.prompt_tokens;
                format!("{name}: the request (about {tokens} tokens of prompt) does not fit any route of the ladder.")
                    .into()
            }
            EndKind::Residency => {
                format!("{name}: no route of the ladder is in a region and carries the tags that are required.").into()
            }
            EndKind::Unsupported => format!("{name}: no route of the ladder can do what the request asks for.").into(),
            EndKind::Cancelled | EndKind::RateLimited | EndKind::Deadline | EndKind::Exhausted => {
                let mut text = format!("{name} could not be answered");
                let story = self.story(task);
                if kind == EndKind::Deadline {
                    let ms = self.ask.deadline.since(self.ask.arrived).as_millis();
                    let _ = write!(text, " within {ms} ms");
                }
                let _ = if story.is_empty() { write!(text, ".") } else { write!(text, ": {story}.") };
                text.into()
            }
        }
    }

    /// `gpt took too long (twice), claude was rate limited, mini was skipped (its breaker is open)`.
    fn story(&self, task: &Task) -> String {
        let mut parts: Vec<String> = Vec::new();
        for (place, (rung, state)) in task.ladder.iter().zip(&self.rungs).enumerate() {
            let here: Vec<&Failure> =
                self.tried.iter().filter(|it| it.rung == place).filter_map(|it| it.failure.as_ref()).collect();
            if let Some(failure) = here.last() {
                let times = match here.len() {
                    1 => String::new(),
                    2 => " (twice)".to_owned(),
                    n => format!(" ({n} times)"),
                };
                parts.push(format!("{} {}{times}", rung.name, failure.class.row().words));
            } else if let (RungState::Skipped(skip), RungKind::Try(_)) = (state, &rung.kind)
                && !skip.row().not_the_callers
            {
                parts.push(format!("{} was skipped ({})", rung.name, skip.row().words));
            }
        }
        parts.join(", ")
    }
}

fn callers_status(last: Option<&Failure>) -> u16 {
    last.and_then(|it| it.status).filter(|it| [400, 404, 413, 422].contains(it)).unwrap_or(400)
}

fn is_rate_limit(fate: &Fate) -> bool {
    matches!(fate, Fate::Met(FailureClass::RateLimited) | Fate::Skipped(Skip::Cooling))
}

fn is_window(fate: &Fate) -> bool {
    matches!(fate, Fate::Met(FailureClass::ContextWindow) | Fate::Skipped(Skip::ContextTooSmall))
}

fn is_incapable(fate: &Fate) -> bool {
    matches!(fate, Fate::Met(FailureClass::Capability) | Fate::Skipped(Skip::NoCapability | Skip::Pinned))
}

fn is_residency(fate: &Fate) -> bool {
    matches!(fate, Fate::Met(FailureClass::Residency) | Fate::Skipped(Skip::Residency | Skip::Pinned))
}
