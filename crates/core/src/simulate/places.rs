//! The state of one route and of its deployments, as a bystander would keep it.

use crate::breaker::State;
use crate::health::DeploymentView;
use crate::id::Name;
use crate::policy::Policy;
use crate::route::{BUCKETS, Deployment, Route};
use crate::simulate::check::Found;
use crate::simulate::recount::Breaker;
use crate::simulate::report::Rule;
use crate::simulate::switches::{Key, Switch};
use crate::simulate::tokens::Tokens;
use crate::time::Now;

/// A route.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) deployments: Vec<Place>,
    pub(crate) budget: Tokens,
}

/// A deployment.
#[derive(Debug)]
pub(crate) struct Place {
    call: Name,
    provider: (Name, usize),
    pub(crate) order: u32,
    weight: u32,
    pub(crate) disabled: Option<Option<Now>>,
    pub(crate) gone: Switch,
    pub(crate) keys: Vec<Key>,
    pub(crate) breakers: [Breaker; BUCKETS.len()],
}

// === impl Slot ===

impl Slot {
    pub(crate) fn new(policy: &Policy, route: &Route) -> Self {
        let deployments = route.deployments.iter().map(|it| Place::new(policy, it)).collect();
        Self { deployments, budget: Tokens::default() }
    }

    pub(crate) fn calls_like(&self, other: &Self) -> bool {
        let facts = |it: &Self| -> Vec<_> {
            it.deployments.iter().map(|it| (it.call.clone(), it.provider.clone(), it.order, it.weight)).collect()
        };
        facts(self) == facts(other)
    }

    /// What still holds of the same route under another policy.
    pub(crate) fn take_over(&mut self, was: &Slot, same_rules: bool) {
        self.budget = was.budget.clone();
        let lone = self.deployments.len() == 1 && was.deployments.len() == 1;
        for place in &mut self.deployments {
            let Some(had) = was.deployments.iter().find(|it| lone || it.call == place.call) else { continue };
            // What an operator disabled stays disabled, whatever else changed about it.
            place.disabled = had.disabled;
            if had.call != place.call || had.provider != place.provider {
                continue;
            }
            place.keys.clone_from(&had.keys);
            place.keys.iter_mut().for_each(|it| it.off = Switch::default());
            if same_rules {
                place.gone = had.gone.clone();
                place.breakers = had.breakers.clone();
                place.breakers.iter_mut().for_each(Breaker::begin_count);
            }
        }
    }
}

// === impl Place ===

impl Place {
    pub(crate) fn new(policy: &Policy, of: &Deployment) -> Self {
        let provider = policy.provider(of.provider).map_or_else(|| ("".into(), 1), |it| (it.name.clone(), it.n_keys));
        let n_keys = provider.1.max(1);
        Self {
            call: Name::clone(&of.call),
            provider,
            order: of.order,
            weight: of.weight,
            disabled: None,
            gone: Switch::default(),
            keys: vec![Key::default(); n_keys],
            breakers: std::array::from_fn(|_| Breaker::new(policy.breaker)),
        }
    }

    pub(crate) fn is_disabled(&self, now: Now) -> bool {
        self.disabled.is_some_and(|until| until.is_none_or(|until| now < until))
    }

    pub(crate) fn compare(&mut self, who: &str, view: &DeploymentView, now: Now, found: &mut Found) {
        if view.disabled != self.is_disabled(now) {
            found.push((Rule::Disabled, format!("{who}: disabled is {}, not what was asked", view.disabled)));
        }
        for (bucket, name) in BUCKETS {
            let Some(breaker) = self.breakers.get_mut(bucket as usize) else { continue };
            let seen = view.buckets.iter().find(|it| it.bucket == bucket);
            let state = seen.map_or(State::Closed, |it| it.state);
            let counts = seen.map_or((0, 0), |it| (it.calls, it.failed));
            for (rule, what) in breaker.compare(state, counts, now) {
                found.push((rule, format!("{who} {name}: {what}")));
            }
        }
    }
}
