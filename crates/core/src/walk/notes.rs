//! What a walk writes down as it goes: how calls ended, why rungs did not run, and moves. Nothing is told twice.

use crate::failure::{Detail, Failure, FailureClass};
use crate::health::{Ended, Health};
use crate::limits::Limits;
use crate::outcome::{Skip, Why};
use crate::plan::RESERVE;
use crate::step::Facts;
use crate::time::Now;
use crate::walk::{Moved, RungState, Walk};

impl Walk {
    pub(super) fn settle(&mut self, now: Now, failure: Option<Failure>, facts: Facts, health: &Health) {
        let Some(admission) = self.in_flight.take() else { return };
        let Some(tried) = self.tried.last_mut() else { return };
        tried.ended = Some(now);
        // A clock of the route's own that ran out before the deadline says as much as ever.
        let at_deadline = self.committed.is_none() && now >= self.ask.deadline - RESERVE;
        let silent = failure.as_ref().is_some_and(|it| it.detail == Some(Detail::FirstToken));
        let cut_by_deadline = tried.cut_by_deadline && at_deadline && !(silent && tried.own_first_token);
        // A live stream has done what its deadline asks for when it commits.
        let took = self.committed.unwrap_or(now).since(tried.started);
        // What the head of a committed stream told of limits is old news at its end.
        let limits = if self.committed.is_some() { Limits::default() } else { facts.limits };
        let ended = Ended { failure: failure.as_ref(), cut_by_deadline, took, limits };
        health.settle(admission, &ended, now, &mut self.dice);
        tried.failure = failure;
        self.note(facts);
    }

    /// Keeps what is known of the last call; what was known before stays known.
    pub(super) fn note(&mut self, facts: Facts) {
        let Some(tried) = self.tried.last_mut() else { return };
        let known = &mut tried.facts;
        known.status = facts.status.or(known.status);
        known.model = facts.model.or_else(|| known.model.take());
        known.usage = facts.usage.or(known.usage);
        known.first_token = facts.first_token.or(known.first_token);
        known.provider_request_id = facts.provider_request_id.or_else(|| known.provider_request_id.take());
        known.simulated |= facts.simulated;
        if !facts.dropped.is_empty() {
            known.dropped = facts.dropped;
        }
        if !facts.mended.is_empty() {
            known.mended = facts.mended;
        }
    }

    pub(super) fn skip(&mut self, place: usize, skip: Skip) {
        if self.met.has(FailureClass::PolicyBlocked) {
            self.rungs_mut(place, RungState::Skipped(skip));
            return;
        }
        self.met = self.met.union(skip.row().counts_as.classes());
        self.rungs_mut(place, RungState::Skipped(skip));
    }

    pub(super) fn rungs_mut(&mut self, place: usize, state: RungState) {
        if let Some(it) = self.rungs.get_mut(place) {
            *it = state;
        }
    }

    /// Notes a move into this rung, if the caller's first rung lies above it.
    pub(super) fn note_move(&mut self, to: usize) {
        let from_failure = self.tried.last().and_then(|it| Some((it.rung, it.failure.as_ref()?)));
        let operator = self.skipped_above(to).any(|(_, skip)| skip == Skip::Disabled);
        let last_skip = self.skipped_above(to).filter_map(|(at, skip)| Some((at, skip, skip.row().why?))).last();
        let moved = match (from_failure, last_skip) {
            (Some((from, failure)), _) if operator => Some((from, failure.class.name(), Why::Operator)),
            (Some((from, failure)), _) => {
                Some((from, failure.class.name(), Why::after(failure.class, failure.unclassified())))
            }
            (None, Some((from, skip, _))) if operator => Some((from, skip.name(), Why::Operator)),
            (None, Some((from, skip, why))) => Some((from, skip.name(), why)),
            (None, None) => None,
        };
        let blocked = self.ask.blocked.is_some() && self.tried.is_empty();
        let moved = if blocked { None } else { moved };
        if let Some((from, class, why)) = moved {
            self.moves.push(Moved { from, to, class, why });
        }
    }

    fn skipped_above(&self, to: usize) -> impl Iterator<Item = (usize, Skip)> {
        self.rungs.iter().enumerate().take(to).filter_map(|(at, state)| match state {
            RungState::Skipped(skip) => Some((at, *skip)),
            RungState::Ran | RungState::NotReached => None,
        })
    }
}
