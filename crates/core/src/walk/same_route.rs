//! Staying on a route after a failure: another key, the same request without a hint, or a retry after a wait.
//!
//! What a class permits is read from its row; how often is bounded here, and none of it ever starves the rungs below.

use std::sync::Arc;
use std::time::Duration;

use crate::failure::{Detail, Failure, FailureClass, SameRoute};
use crate::health::{Asking, Health};
use crate::plan::RESERVE;
use crate::policy::RungKind;
use crate::record::Ending;
use crate::retry::backoff;
use crate::step::Step;
use crate::time::Now;
use crate::walk::{REPAIR, Spot, Walk};

impl Walk {
    /// Whether one more call here leaves an attempt for every model rung below that could run: staying on a route never
    /// starves the ladder.
    pub(super) fn leaves_enough(&self, at: &Spot<'_>, class: FailureClass) -> bool {
        let standing = self.standing(at.task, at.now);
        let below = self.planner(at.task, at.health).eligible_model_rungs_below(at.place, class, &standing);
        standing.attempts_left > below
    }

    /// A limited or refused key is not the end of the route while another key is usable; once per rung.
    pub(super) fn take_other_key(&mut self, at: &Spot<'_>, failure: &Failure) -> Option<Step> {
        let keyed = [
            FailureClass::RateLimited,
            FailureClass::Auth,
            FailureClass::QuotaExhausted,
            // Another deployment may have the model; this one is switched off by now.
            FailureClass::NotFound,
        ];
        let helps = keyed.contains(&failure.class) && !failure.forbids_same_route;
        if !helps || self.took_other_key || !self.leaves_enough(at, failure.class) {
            return None;
        }
        let admission = self.admit(at, false, &self.tried_here).ok()?;
        self.took_other_key = true;
        Some(self.call(at.place, at.rung, admission, "first", at.now))
    }

    /// A field that the route cannot take, and that the request can do without, is left out; once per rung.
    pub(super) fn leave_out(&mut self, at: &Spot<'_>, failure: &Failure) -> Option<Step> {
        let hint = failure.hint?;
        if self.without.is_some() || !self.leaves_enough(at, failure.class) {
            return None;
        }
        let admission = self.admit(at, false, &[]).ok()?;
        self.without = Some(hint);
        Some(self.call(at.place, at.rung, admission, "first", at.now))
    }

    /// The model is shown its answer and what is wrong with it; as often on a walk as the task says, and only while the
    /// route's budget can pay.
    pub(super) fn ask_for_repair(&mut self, at: &Spot<'_>, failure: &Failure) -> Option<Step> {
        let wanted = failure.repairable && self.n_repairs < at.task.repair.tries;
        if !wanted || !self.leaves_enough(at, failure.class) || !self.has_time_again(at, at.now) {
            return None;
        }
        if !self.pay(at) {
            return None;
        }
        // The same deployment and key are as good as any: it is the answer that was bad.
        let Ok(admission) = self.admit(at, false, &[]) else {
            at.health.refund_retry(at.rung.route, at.now);
            return None;
        };
        self.n_repairs += 1;
        Some(self.call(at.place, at.rung, admission, REPAIR, at.now))
    }

    /// Whether another call from then on would fit the deadline, as far as the route's usual time is known.
    fn has_time_again(&self, at: &Spot<'_>, from: Now) -> bool {
        let Ok(asking) = self.asking(at) else { return false };
        let expected = at.health.expected(at.rung.route, asking.bucket, asking.fits);
        from + expected.unwrap_or(Duration::from_millis(1)) <= self.ask.deadline - RESERVE
    }

    /// When to try the same route again, and whether the provider asked for that wait; `None`: not at all.
    pub(super) fn wait_before_retry(&mut self, at: &Spot<'_>, failure: &Failure) -> Option<(Now, bool)> {
        let allowed = match failure.class.row().same_route {
            SameRoute::Never => false,
            SameRoute::Backoff | SameRoute::IfWaitFits => true,
            SameRoute::ConnectOnly => failure.detail == Some(Detail::Connect),
        };
        if !allowed || failure.forbids_same_route || self.n_retries >= at.rung.retries {
            return None;
        }
        if !self.leaves_enough(at, failure.class) {
            return None;
        }
        let standing = self.standing(at.task, at.now);
        let planner = self.planner(at.task, at.health);
        // What a repair did not mend is better asked of a stronger model than once more of the same.
        let mended_in_vain = self.tried.last().is_some_and(|it| it.kind == REPAIR);
        if mended_in_vain && self.stronger_below(at.task, at.place + 1, at.now, at.health).is_some() {
            return None;
        }
        let asked = failure.retry_after.unwrap_or_default();
        if asked > at.task.retry_wait.high && planner.anything_below(at.place, failure.class, &standing) {
            return None;
        }
        let asking = Asking { waited: true, tried: &self.tried_here, ..self.asking(at).ok()? };
        let own = backoff(at.task.retry_wait, self.n_retries + 1, &mut self.dice);
        let until = at.now + own.max(asked);
        if at.health.obstacle(at.rung.route, &asking, until).is_some() || !self.has_time_again(at, until) {
            return None;
        }
        // Paid before the wait: nobody waits for a retry that others will have used up.
        if !self.pay(at) {
            return None;
        }
        self.paid = Some(at.rung.route);
        Some((until, asked >= own && !asked.is_zero()))
    }

    /// Takes a retry or repair from the route's budget; the record tells where it was empty.
    fn pay(&mut self, at: &Spot<'_>) -> bool {
        let paid = at.health.pay_retry(at.rung.route, at.now);
        if let Some(tried) = self.tried.last_mut() {
            tried.unpaid = !paid;
        }
        paid
    }

    /// Returns what was paid for a retry that is not made.
    pub(super) fn refund(&mut self, now: Now, health: &Health) {
        if let Some(route) = self.paid.take() {
            health.refund_retry(route, now);
        }
    }

    /// The wait is over: the same route again, unless it was closed meanwhile.
    pub(super) fn try_again(&mut self, now: Now, health: &Health) -> Step {
        let policy = Arc::clone(&self.policy);
        let place = self.current.unwrap_or_default();
        let Some(task) = policy.task(self.task) else {
            return self.end(Ending::cancelled());
        };
        if let Some(RungKind::Try(it)) = task.ladder.get(place).map(|rung| &rung.kind)
            && let Ok(admission) = self.admit(&Spot { task, place, rung: it, now, health }, true, &self.tried_here)
        {
            self.paid = None;
            return self.call(place, it, admission, "retry", now);
        }
        self.refund(now, health);
        self.descend(place + 1, now, health)
    }
}
