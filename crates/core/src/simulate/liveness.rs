//! When the faults have stopped: everything that receives traffic must come back by itself.

use std::time::Duration;

use crate::breaker::State;
use crate::health::Asking;
use crate::id::{RouteId, TaskId};
use crate::route::{BUCKETS, Bucket, Deployments};
use crate::simulate::arrivals::ask_of;
use crate::simulate::fits::misfit;
use crate::simulate::policy_maker::{ms, own_tag};
use crate::simulate::report::Rule;
use crate::simulate::world::World;

/// How often every weight is served when shares are counted.
const CYCLES: u32 = 4;

/// How a deployment stands in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    Well,
    /// Only keys, credentials or the model are off: they are probed rarely.
    Off,
    Open,
}

impl World {
    /// Faults stop, operators enable what they had disabled, and every route gets steady traffic.
    pub(crate) fn recover(&mut self) {
        self.faults.calm = true;
        let Some(policy) = self.newest().map(|it| it.policy.clone()) else { return };
        for (place, route) in policy.routes.iter().enumerate() {
            let route_id = RouteId(u32::try_from(place).unwrap_or(u32::MAX));
            let Some(task) = policy.task_named(&format!("only-{}", route.name)) else { continue };
            self.undo_disable(route_id, Deployments::ALL);
            for deployment in 0..route.deployments.len() {
                for (bucket, _) in BUCKETS {
                    self.recover_bucket(route_id, deployment, task, bucket);
                }
            }
            self.check_shares(route_id, task);
        }
    }

    fn recover_bucket(&mut self, route: RouteId, deployment: usize, task_id: TaskId, bucket: Bucket) {
        let Some(newest) = self.newest() else { return };
        let policy = newest.policy.clone();
        let Some(task) = policy.task(task_id) else { return };
        let only = vec![own_tag(deployment)];
        let ask = ask_of(bucket, only.clone(), task, self.now);
        let it = policy.route(route).and_then(|it| it.deployments.get(deployment));
        let capable = it.is_some_and(|it| misfit(it, &ask, task).is_none());
        let patience = self.scopes.patience((self.generations() - 1, route), deployment, self.now);
        let until = self.now + patience;
        while capable && self.stands(route, deployment, bucket) != Stands::Well {
            if self.now > until {
                let what = format!("{route:?} {deployment} {} is not back after {patience:?}", bucket.name());
                self.violate(u64::MAX, Rule::ComesBack, what);
                return;
            }
            let before = self.report.calls;
            self.admit(task_id, ask_of(bucket, only.clone(), task, self.now), false);
            self.drain();
            self.now = self.now + self.pause(route, deployment, bucket, self.report.calls > before);
        }
    }

    fn stands(&self, route: RouteId, deployment: usize, bucket: Bucket) -> Stands {
        let view = self.newest().and_then(|it| it.health.view(route, self.now));
        let Some(view) = view.and_then(|it| it.deployments.into_iter().nth(deployment)) else { return Stands::Well };
        let closed = view.buckets.iter().find(|it| it.bucket == bucket).is_none_or(|it| it.state == State::Closed);
        match (closed, view.gone || view.keys_off > 0) {
            (true, false) => Stands::Well,
            (true, true) => Stands::Off,
            (false, _) => Stands::Open,
        }
    }

    /// Time to the next request: quick while probes are answered, slower while nothing may be called.
    fn pause(&self, route: RouteId, deployment: usize, bucket: Bucket, was_called: bool) -> Duration {
        match self.stands(route, deployment, bucket) {
            Stands::Well => ms(100),
            Stands::Off => ms(20_000),
            Stands::Open if was_called => ms(100),
            Stands::Open => {
                let asking = Asking {
                    bucket,
                    fits: Deployments::default().with(deployment),
                    tried: &[],
                    waited: false,
                    covered: true,
                    prompt_tokens: 10,
                    ends: self.now,
                };
                let hint = self.newest().and_then(|it| it.health.callable_in(route, &asking, self.now));
                hint.unwrap_or_default().clamp(ms(1_000), ms(60_000))
            }
        }
    }

    /// Of deployments that are all well, those of the lowest order get calls by their weights, and the others none.
    fn check_shares(&mut self, route: RouteId, task_id: TaskId) {
        let Some(policy) = self.newest().map(|it| it.policy.clone()) else { return };
        let (Some(task), Some(it)) = (policy.task(task_id), policy.route(route)) else { return };
        // Whatever still cools is over by then.
        let at = (self.generations() - 1, route);
        for deployment in 0..it.deployments.len() {
            self.now = self.now + self.scopes.patience(at, deployment, self.now);
        }
        let ask = ask_of(Bucket::Short, Vec::new(), task, self.now);
        let fits: Vec<_> = it.deployments.iter().map(|it| misfit(it, &ask, task).is_none()).collect();
        let fitting = || it.deployments.iter().zip(&fits).filter(|(_, fits)| **fits).map(|(it, _)| it);
        let Some(lowest) = fitting().map(|it| it.order).min() else { return };
        let cycle: u32 = fitting().filter(|it| it.order == lowest).map(|it| it.weight).sum();
        self.scopes.begin_shares();
        for _ in 0..cycle * CYCLES {
            self.admit(task_id, ask_of(Bucket::Short, Vec::new(), task, self.now), false);
            self.drain();
        }
        for (place, (it, fits)) in it.deployments.iter().zip(&fits).enumerate() {
            let due = if *fits && it.order == lowest { it.weight * CYCLES } else { 0 };
            let got = self.scopes.share(place);
            // What is owed from before is less than a cycle.
            let slack = if due == 0 { 0 } else { cycle };
            if got.abs_diff(due) > slack {
                let what = format!("{route:?} deployment {place} got {got} of {} calls, not {due}", cycle * CYCLES);
                self.violate(u64::MAX, Rule::Shares, what);
            }
        }
    }
}
