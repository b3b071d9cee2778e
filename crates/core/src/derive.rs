//! The record of a walk: outcome, object and decision record, derived from what happened and never set by hand.

use std::time::Duration;

use crate::failure::{Failure, Family};
use crate::id::{Name, RequestId};
use crate::money::NanoDollars;
use crate::outcome::{Outcome, Skip, Why};
use crate::policy::{RungKind, Task};
use crate::record::{
    Attempt, AttemptStory, DecisionRecord, EndKind, Move, NotRun, Object, RecordedError, SERVED, Wait,
};
use crate::route::Deployment;
use crate::step::OURS;
use crate::time::{Now, millis};
use crate::walk::{HowEnded, RungState, Tried, Walk};

/// What the shell knows of a request beyond its walk.
#[derive(Debug, Clone)]
pub struct About {
    /// The request's name.
    pub request_id: RequestId,
    /// Arrival, Unix milliseconds.
    pub arrived_ms: u64,
    /// Whether the caller asked for a stream.
    pub stream: bool,
    /// The application key's name.
    pub key: Option<Name>,
    /// What the client calls itself.
    pub client: Option<Name>,
    /// Retries that the client says it has made before.
    pub client_retry: Option<u32>,
    /// The hash of the configuration.
    pub config: Name,
    /// The status that stands for an exhausted ladder.
    pub exhausted_status: u16,
}

/// Which rung answered, and with what.
struct Served<'a> {
    rung: usize,
    tried: Option<&'a Tried>,
}

impl Walk {
    /// What the caller got, or would get if the walk ended now.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let Some(task) = self.policy.task(self.task) else {
            return Outcome::Failed;
        };
        match (&self.ended, self.served()) {
            (Some(HowEnded::Failed(ending)), _) if ending.kind == EndKind::Policy => Outcome::Refused,
            (Some(HowEnded::Failed(_)) | None, _) | (_, None) => Outcome::Failed,
            (Some(HowEnded::Given(_)), _) if self.is_blocked() => Outcome::Refused,
            (Some(HowEnded::Given(_)), _) => Outcome::Degraded,
            (Some(HowEnded::Served), Some(served)) => self.outcome_of_call(task, &served),
        }
    }

    fn outcome_of_call(&self, task: &Task, served: &Served<'_>) -> Outcome {
        let words =
            served.tried.and_then(|it| it.failure.as_ref()).is_some_and(crate::failure::Failure::has_providers_words);
        let role = task.ladder.get(served.rung).and_then(|rung| match &rung.kind {
            RungKind::Try(it) => Some(it.role),
            RungKind::Answer { .. } | RungKind::Fail { .. } => None,
        });
        if words {
            Outcome::Refused
        } else if role.is_some_and(crate::policy::Role::degrades) {
            Outcome::Degraded
        } else if self.tried.len() == 1 && Some(served.rung) == self.first_rung() && !is_mended(served) {
            Outcome::Ok
        } else {
            Outcome::Recovered
        }
    }

    /// The first rung that was this caller's at all.
    fn first_rung(&self) -> Option<usize> {
        self.rungs.iter().position(|state| match state {
            RungState::Skipped(skip) => !skip.row().not_the_callers,
            RungState::Ran | RungState::NotReached => true,
        })
    }

    fn served(&self) -> Option<Served<'_>> {
        match self.ended.as_ref()? {
            HowEnded::Served => self.tried.last().map(|tried| Served { rung: tried.rung, tried: Some(tried) }),
            HowEnded::Given(rung) => Some(Served { rung: *rung, tried: None }),
            HowEnded::Failed(_) => None,
        }
    }

    /// What the caller is told, as of now.
    #[must_use]
    pub fn object(&self, about: &About) -> Object {
        self.object_with(about, false)
    }

    /// The object; with `whole` its attempts tell what only the record tells.
    fn object_with(&self, about: &About, whole: bool) -> Object {
        let task = self.policy.task(self.task);
        let served = self.served();
        let deployment = served.as_ref().and_then(|it| it.tried).and_then(|it| self.deployment(it));
        let rung = served.as_ref().and_then(|it| task?.ladder.get(it.rung));
        let outcome = self.outcome();
        let started = served.as_ref().and_then(|it| it.tried).map(|it| it.started);
        let added = started.map(|it| millis(it.since(self.ask.arrived)));
        Object {
            request_id: about.request_id.as_str().into(),
            task: task.map_or_else(|| "".into(), |it| Name::clone(&it.name)),
            segment: self.ask.segment.clone(),
            surface: self.ask.surface.name().into(),
            outcome: outcome.name().into(),
            why: self.why().map(|it| it.name().into()),
            served_by: rung.map(|it| Name::clone(&it.name)),
            provider: deployment.and_then(|it| self.policy.provider(it.provider)).map(|it| Name::clone(&it.name)),
            region: deployment.and_then(|it| it.region.clone()),
            rung: served.as_ref().map(|it| ordinal(it.rung)),
            rungs: u32::try_from(self.rungs.len()).unwrap_or(u32::MAX),
            attempts: self.tried.iter().map(|it| self.attempt(it, whole)).collect(),
            not_run: self.not_run(task),
            degraded: (outcome == Outcome::Degraded).then(|| self.degraded(task)).flatten(),
            dropped: served.as_ref().and_then(|it| it.tried).map(dropped).unwrap_or_default(),
            cost_usd: self.cost().map(NanoDollars::dollars),
            added_ms: added,
            retry_after_ms: self.retry_after().map(millis),
            simulated: self.tried.iter().any(|it| it.facts.simulated),
        }
    }

    /// Time since arrival that was neither a call nor a wait.
    #[must_use]
    pub fn own_time(&self, now: Now) -> Duration {
        let calls = self.tried.iter().map(|it| it.ended.unwrap_or(now).since(it.started));
        let waits = self.waits.iter().map(|it| it.until.min(now).since(it.from));
        now.since(self.ask.arrived).saturating_sub(calls.chain(waits).sum())
    }

    /// The whole account, when the last byte has left.
    #[must_use]
    pub fn record(&self, about: &About, now: Now) -> DecisionRecord {
        let object = self.object_with(about, true);
        let since = |it: Now| millis(it.since(self.ask.arrived));
        let waits = self.waits.iter().map(|it| Wait {
            rung: ordinal(it.rung),
            kind: if it.asked_for { "retry_after".into() } else { "backoff".into() },
            at_ms: since(it.from),
            ms: millis(it.until.min(now).since(it.from)),
        });
        let error = match &self.ended {
            Some(HowEnded::Failed(ending)) => Some(RecordedError {
                status: if self.committed.is_some() { 200 } else { ending.shown_status(about.exhausted_status) },
                code: ending.code.clone(),
                message: ending.message.clone(),
            }),
            Some(HowEnded::Served | HowEnded::Given(_)) | None => None,
        };
        DecisionRecord {
            object,
            arrived_ms: about.arrived_ms,
            total_ms: since(now),
            deadline_ms: since(self.ask.deadline),
            stream: about.stream,
            committed: self.committed.is_some(),
            waits: waits.collect(),
            moves: self.moves(),
            error,
            key: about.key.clone(),
            client: about.client.clone(),
            client_retry: about.client_retry,
            config: Name::clone(&about.config),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match &self.ended {
            Some(HowEnded::Failed(ending)) => ending.retry_after,
            Some(HowEnded::Served | HowEnded::Given(_)) | None => None,
        }
    }

    fn attempt(&self, tried: &Tried, whole: bool) -> Attempt {
        let failure = tried.failure.as_ref();
        let served = failure.is_none() && (tried.ended.or(self.committed).is_some());
        let class = failure.map(|it| it.class.name()).or(served.then_some(SERVED));
        let story = whole.then(|| AttemptStory {
            at_ms: millis(tried.started.since(self.ask.arrived)),
            call: self.deployment(tried).map_or_else(|| "".into(), |it| Name::clone(&it.call)),
            region: self.deployment(tried).and_then(|it| it.region.clone()),
            deployment: self.has_several(tried).then(|| ordinal(tried.deployment)),
            key: ordinal(tried.key),
            detail: failure.and_then(|it| it.detail).map(|it| it.name().into()),
            code: failure.and_then(|it| it.code.clone()),
            message: failure.and_then(|it| it.message.clone()),
            low_confidence: failure.is_some_and(|it| it.confidence == crate::failure::Confidence::Low),
            retry_after_ms: failure.and_then(|it| it.retry_after).map(millis),
            model: tried.facts.model.clone(),
            first_token_ms: tried.facts.first_token.map(millis),
            usage: tried.facts.usage,
            provider_request_id: tried.facts.provider_request_id.clone(),
            mended: tried.facts.mended.clone(),
            unpaid: tried.unpaid,
        });
        Attempt {
            rung: ordinal(tried.rung),
            route: self.policy.route(tried.route).map_or_else(|| "".into(), |it| Name::clone(&it.name)),
            kind: tried.kind.into(),
            class: class.map(Into::into),
            status: failure.and_then(|it| it.status).or(tried.facts.status),
            ms: tried.ended.or(self.committed).map(|it| millis(it.since(tried.started))),
            cost_usd: self.cost_of(tried).map(NanoDollars::dollars),
            story,
        }
    }

    pub(crate) fn deployment(&self, tried: &Tried) -> Option<&Deployment> {
        self.policy.route(tried.route)?.deployments.get(tried.deployment)
    }

    fn has_several(&self, tried: &Tried) -> bool {
        self.policy.route(tried.route).is_some_and(|it| it.deployments.len() > 1)
    }

    /// Why the last move was made; without one, whether another of the task's names was used.
    fn why(&self) -> Option<Why> {
        self.moves.last().map(|it| it.why).or(self.ask.alias.then_some(Why::Alias))
    }

    /// What all attempts cost; `None` while that of any is not known, or the sum is beyond all measure.
    fn cost(&self) -> Option<NanoDollars> {
        let mut each = self.tried.iter().map(|it| self.cost_of(it));
        each.try_fold(0_u64, |sum, it| sum.checked_add(it?.0)).map(NanoDollars)
    }

    /// What an attempt cost. What was never sent, and what the provider answered with an error, is not charged; what was
    /// cut after it was sent may be, and then nobody knows.
    fn cost_of(&self, tried: &Tried) -> Option<NanoDollars> {
        let price = self.deployment(tried)?.price.as_ref();
        let charged = price.and_then(|it| it.cost(&tried.facts.usage.unwrap_or_default()));
        let failure = tried.failure.as_ref();
        // The status of the reply: an error inside a stream that began well is of a call that was being answered.
        let status = tried.facts.status.or(failure.and_then(|it| it.status));
        let refused = failure.is_some() && status.is_some_and(|status| status >= 400);
        let not_sent = failure.is_some_and(Failure::was_not_sent);
        charged.or((refused || not_sent).then_some(NanoDollars(0)))
    }

    fn not_run(&self, task: Option<&Task>) -> Vec<NotRun> {
        let Some(task) = task else { return Vec::new() };
        let states = task.ladder.iter().zip(&self.rungs).enumerate();
        let not_run = states.filter_map(|(place, (rung, state))| {
            let reason = match state {
                RungState::Ran => return None,
                RungState::Skipped(skip) => skip.name(),
                RungState::NotReached => "not_reached",
            };
            Some(NotRun { rung: ordinal(place), name: Name::clone(&rung.name), reason: reason.into() })
        });
        not_run.collect()
    }

    fn moves(&self) -> Vec<Move> {
        let Some(task) = self.policy.task(self.task) else {
            return Vec::new();
        };
        let name = |place: usize| task.ladder.get(place).map_or_else(|| "".into(), |it| Name::clone(&it.name));
        let moves = self.moves.iter().map(|it| Move {
            from_rung: ordinal(it.from),
            to_rung: ordinal(it.to),
            from: name(it.from),
            to: name(it.to),
            class: it.class.into(),
            why: it.why.name().into(),
            place: task.ladder.get(it.to).and_then(|rung| rung.place.clone()),
        });
        moves.collect()
    }

    /// Why the answer is less than full quality: short, ASCII, meant for users.
    fn degraded(&self, task: Option<&Task>) -> Option<Name> {
        let served = self.served()?;
        let rung = task?.ladder.get(served.rung)?;
        let what = match &rung.kind {
            RungKind::Try(it) if it.role == crate::policy::Role::Narrower => "a narrower answer was given",
            RungKind::Try(_) => "a smaller model answered",
            RungKind::Answer { .. } | RungKind::Fail { .. } => "a ready answer was given",
        };
        let first = self.first_rung().filter(|first| *first != served.rung);
        let cause = first.and_then(|first| match self.rungs.get(first)? {
            RungState::Skipped(Skip::Disabled) => Some("is switched off"),
            RungState::Skipped(_) => Some("is not available"),
            RungState::Ran => {
                let last = self.tried.iter().rev().find(|it| it.rung == first)?;
                let family = last.failure.as_ref()?.class.family();
                Some(if family == Family::Technical { "is not available" } else { "could not give a good answer" })
            }
            RungState::NotReached => None,
        });
        Some(cause.map_or_else(|| what.into(), |cause| format!("{what}, because the usual model {cause}").into()))
    }
}

impl crate::record::Ending {
    /// The status on the wire, where an exhausted ladder has its configured one.
    #[must_use]
    pub const fn shown_status(&self, exhausted: u16) -> u16 {
        match self.kind {
            EndKind::Exhausted | EndKind::Deadline => exhausted,
            EndKind::InvalidRequest
            | EndKind::Cancelled
            | EndKind::Policy
            | EndKind::RateLimited
            | EndKind::ContextTooSmall
            | EndKind::Unsupported
            | EndKind::Residency => self.status,
        }
    }
}

fn is_mended(served: &Served<'_>) -> bool {
    served.tried.is_some_and(|it| !it.facts.mended.is_empty())
}

/// Request fields that the call went without.
fn dropped(tried: &Tried) -> Vec<Name> {
    let left_out = tried.without.filter(|it| !OURS.contains(it));
    left_out.map(Into::into).into_iter().chain(tried.facts.dropped.iter().cloned()).collect()
}

fn ordinal(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX - 1) + 1
}
