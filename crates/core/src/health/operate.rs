//! What an operator does to health: disable, enable, trip and reset. Each act is on some of a route's deployments, and
//! takes effect for the next admission; calls in flight go on.

use crate::breaker::State;
use crate::dice::Dice;
use crate::health::Health;
use crate::health::deployment::DeploymentHealth;
use crate::health::switch::{self, Switch};
use crate::id::RouteId;
use crate::route::Deployments;
use crate::time::Now;

impl Health {
    /// Stops every call to these deployments, probes included, until an instant or until enabled.
    pub fn disable(&self, route: RouteId, which: Deployments, until: Option<Now>) {
        self.each(route, which, |it, _| it.disabled = Some(until));
    }

    /// Ends a disable, and lets a deployment or credential that was switched off be tried at once.
    pub fn enable(&self, route: RouteId, which: Deployments) {
        self.each(route, which, |it, credentials| {
            it.disabled = None;
            it.gone.on();
            it.keys.iter_mut().for_each(|key| key.off.on());
            credentials.iter_mut().for_each(Switch::on);
        });
    }

    /// Treats these deployments as down now: their breakers open, and their own probes close them.
    pub fn trip(&self, route: RouteId, which: Deployments, now: Now, dice: &mut Dice) {
        self.each(route, which, |it, _| it.breakers.iter_mut().for_each(|breaker| breaker.trip(now, dice)));
    }

    /// Forgets everything that keeps these deployments from being called but a disable: breakers close, keys are warm,
    /// what was switched off is on.
    pub fn reset(&self, route: RouteId, which: Deployments, now: Now) {
        self.each(route, which, |it, credentials| {
            it.breakers.iter_mut().for_each(|breaker| breaker.reset(now));
            it.gone.on();
            it.keys.iter_mut().for_each(switch::KeyHealth::reset);
            credentials.iter_mut().for_each(Switch::on);
        });
    }

    /// Whether every breaker of these deployments is closed.
    #[must_use]
    pub fn is_closed(&self, route: RouteId, which: Deployments) -> bool {
        self.route(route).is_none_or(|state| {
            let mine = state.deployments.iter().enumerate().filter(|(place, _)| which.has(*place));
            let mut breakers = mine.flat_map(|(_, it)| &it.breakers);
            breakers.all(|it| it.state() == State::Closed)
        })
    }

    fn each(&self, route: RouteId, which: Deployments, mut act: impl FnMut(&mut DeploymentHealth, &mut [Switch])) {
        let Some(mut state) = self.route(route) else { return };
        for (place, it) in state.deployments.iter_mut().enumerate().filter(|(place, _)| which.has(*place)) {
            if let Some(mut credentials) = self.credentials(route, place) {
                act(it, &mut credentials);
            }
        }
    }
}
