//! Operators: they disable, enable, trip and reset routes or single deployments, and put new policies in place.

use std::sync::Arc;

use super::{Event, Generation, World};
use crate::dice::Dice;
use crate::id::RouteId;
use crate::route::Deployments;
use crate::simulate::check::Found;
use crate::simulate::planted::{Planted, told_policy};
use crate::simulate::policy_maker::{chance, edited, ms, one_of};

impl World {
    /// One act on one route, or on one of its deployments.
    pub(super) fn operate(&mut self) {
        let n_routes = self.newest().map_or(0, |it| it.policy.routes.len() as u64);
        let route = RouteId(u32::try_from(self.dice.below(n_routes)).unwrap_or(0));
        let n_deployments = self.newest().and_then(|it| it.policy.route(route)).map_or(1, |it| it.deployments.len());
        let one = usize::try_from(self.dice.below(n_deployments as u64)).unwrap_or(0);
        let which = if chance(&mut self.dice, 50) { Deployments::ALL } else { Deployments::default().with(one) };
        match self.dice.below(10) {
            0..3 => self.disable(route, which),
            3 => self.trip(route, which),
            4 => self.reset(route, which),
            _ => self.undo_disable(route, which),
        }
        self.compare_now(route);
        if self.is_busy() {
            let next = self.dice.span(ms(60_000));
            self.after(next, Event::Operates);
        }
    }

    fn disable(&mut self, route: RouteId, which: Deployments) {
        let span = one_of(&mut self.dice, None, &[Some(ms(2_000)), Some(ms(2_000)), Some(ms(60_000))]);
        let until = span.map(|it| self.now + it);
        self.scopes.disable(route, which, until);
        if self.options.planted != Some(Planted::DisableIsLost)
            && let Some(it) = self.newest()
        {
            it.health.disable(route, which, until);
        }
    }

    fn trip(&mut self, route: RouteId, which: Deployments) {
        self.scopes.trip(route, which);
        let mut dice = Dice::seeded(self.dice.bits());
        if self.options.planted != Some(Planted::TripIsLost)
            && let Some(it) = self.newest()
        {
            it.health.trip(route, which, self.now, &mut dice);
        }
    }

    fn reset(&mut self, route: RouteId, which: Deployments) {
        self.scopes.reset(route, which, self.now);
        if self.options.planted != Some(Planted::ResetIsLost)
            && let Some(it) = self.newest()
        {
            it.health.reset(route, which, self.now);
        }
    }

    pub(crate) fn undo_disable(&mut self, route: RouteId, which: Deployments) {
        self.scopes.enable(route, which);
        if let Some(it) = self.newest() {
            it.health.enable(route, which);
        }
    }

    /// What an operator did shows at once.
    fn compare_now(&mut self, route: RouteId) {
        let mut found = Found::new();
        self.compare(self.generations() - 1, Some(route), None, &mut found);
        for (rule, what) in found {
            self.violate(u64::MAX, rule, what);
        }
    }

    pub(super) fn reload(&mut self) {
        let Some(old) = self.generations.last() else { return };
        let policy = edited(&mut self.dice, &old.policy);
        let told = Arc::new(told_policy(self.options.planted, &policy));
        let health = old.health.carried_over(&old.told, &told);
        self.scopes.put_in_place(Some(&old.policy), &policy);
        self.generations.push(Generation { policy: Arc::new(policy), told, health });
        self.report.reloads += 1;
        if self.is_busy() {
            let next = self.dice.span(ms(600_000));
            self.after(next, Event::Reloads);
        }
    }
}
