//! What staying on a route costs: the route's retry budget, and attempts that the rungs below need.

use super::{Request, World};
use crate::failure::ClassSet;
use crate::policy::RungKind;
use crate::route::Deployments;
use crate::simulate::check::{Found, Scene};
use crate::simulate::fits;
use crate::simulate::planted::Planted;
use crate::simulate::policy_maker::ms;
use crate::simulate::report::Rule;
use crate::simulate::scopes::Start;
use crate::step::Step;

impl World {
    /// What a retry or repair costs its route, and what comes back for one that was paid and not made.
    pub(super) fn count_retry(&mut self, request: &Request, step: &Step, found: &mut Found) {
        let now = self.now;
        let Some(route) = request.watch.calls.last().map(|it| it.call.route) else { return };
        let Some(budget) = self.scopes.budget((request.generation, route)) else { return };
        match step {
            Step::Wait { .. } => budget.pay(now, found),
            Step::Call(call) if call.repair => {
                budget.pay(now, found);
                budget.retried(now, found);
                self.report.repairs += 1;
            }
            Step::Call(call) if request.watch.is_retry(call) => budget.retried(now, found),
            _ if request.watch.is_waiting() => {
                budget.refund(now);
                return;
            }
            _ => return,
        }
        if self.options.planted == Some(Planted::RefundsRetries)
            && let Some(it) = self.generations.get(request.generation)
        {
            it.health.refund_retry(route, now);
        }
    }

    /// A retry or repair leaves an attempt for every rung below that surely could run.
    pub(super) fn check_starving(&mut self, request: &Request, scene: &Scene<'_>, step: &Step, found: &mut Found) {
        let Scene { policy, task, ask, now } = *scene;
        let n_calls = request.watch.calls.len() + usize::from(matches!(step, Step::Wait { .. }));
        let here = match step {
            Step::Wait { .. } => request.watch.calls.last().map(|it| it.rung),
            Step::Call(call) if call.repair => Some(call.rung),
            _ => None,
        };
        let Some(here) = here else { return };
        if now.until(ask.deadline) <= self.longest + ms(20) {
            return;
        }
        let met = request.watch.failures().fold(ClassSet::EMPTY, |met, it| met.with(it.class));
        let mut n_below = 0;
        for (place, rung) in task.ladder.iter().enumerate().skip(here + 1) {
            let RungKind::Try(it) = &rung.kind else { continue };
            let misfits = fits::misfits(it, ask, task, policy).into_iter().enumerate();
            let fits = misfits.filter(|(_, misfit)| misfit.is_none());
            let start = Start {
                id: 0,
                generation: request.generation,
                route: it.route,
                deployment: 0,
                key: 0,
                bucket: ask.bucket(),
                at: now,
                lease: now,
                prompt_tokens: ask.prompt_tokens,
                covered: fits::is_covered(place, ask, task, policy),
                fits: fits.fold(Deployments::default(), |all, (deployment, _)| all.with(deployment)),
                tried: Vec::new(),
            };
            let takes = fits::is_for(rung, ask) && rung.when.meets(met);
            n_below += usize::from(takes && self.scopes.is_certainly_free(&start));
        }
        let most = usize::try_from(task.max_attempts).unwrap_or(usize::MAX);
        if n_calls + n_below > most {
            let what = format!("call {n_calls} of {most} on rung {here}, and {n_below} rungs below could run");
            found.push((Rule::Starves, what));
        }
    }
}
