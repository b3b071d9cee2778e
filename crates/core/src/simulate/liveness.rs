//! When the faults have stopped: everything that receives traffic must come back by itself.

use std::time::Duration;

use crate::breaker::State;
use crate::id::{RouteId, TaskId};
use crate::route::{BUCKETS, Bucket};
use crate::simulate::arrivals::ask_of;
use crate::simulate::check::is_capable;
use crate::simulate::policy_maker::ms;
use crate::simulate::report::Rule;
use crate::simulate::world::World;

/// How a route stands in a bucket.
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
            self.undo_disable(route_id);
            for (bucket, _) in BUCKETS {
                self.recover_bucket(route_id, task, bucket);
            }
        }
    }

    fn recover_bucket(&mut self, route: RouteId, task_id: TaskId, bucket: Bucket) {
        let Some(newest) = self.newest() else { return };
        let policy = newest.policy.clone();
        let Some(task) = policy.task(task_id) else { return };
        let capable = task.ladder.first().is_some_and(|rung| match &rung.kind {
            crate::policy::RungKind::Try(it) => is_capable(it, &ask_of(bucket, task, self.now), &policy),
            crate::policy::RungKind::Answer { .. } | crate::policy::RungKind::Fail { .. } => false,
        });
        let patience = self.scopes.patience((self.generations() - 1, route), self.now);
        let until = self.now + patience;
        while capable && self.stands(route, bucket) != Stands::Well {
            if self.now > until {
                let what = format!("{route:?} {} is not back after {patience:?}", bucket.name());
                self.violate(u64::MAX, Rule::ComesBack, what);
                return;
            }
            let before = self.report.calls;
            self.admit(task_id, ask_of(bucket, task, self.now), false);
            self.drain();
            self.now = self.now + self.pause(route, bucket, self.report.calls > before);
        }
    }

    fn stands(&self, route: RouteId, bucket: Bucket) -> Stands {
        let view = self.newest().and_then(|it| it.health.view(route, self.now));
        let Some(view) = view else { return Stands::Well };
        let closed = view.buckets.iter().find(|it| it.bucket == bucket).is_none_or(|it| it.state == State::Closed);
        match (closed, view.gone || view.keys_off > 0) {
            (true, false) => Stands::Well,
            (true, true) => Stands::Off,
            (false, _) => Stands::Open,
        }
    }

    /// Time to the next request: quick while probes are answered, slower while nothing may be called.
    fn pause(&self, route: RouteId, bucket: Bucket, was_called: bool) -> Duration {
        match self.stands(route, bucket) {
            Stands::Well => ms(100),
            Stands::Off => ms(20_000),
            Stands::Open if was_called => ms(100),
            Stands::Open => {
                let hint = self.newest().and_then(|it| it.health.callable_in(route, bucket, self.now));
                hint.unwrap_or_default().clamp(ms(1_000), ms(60_000))
            }
        }
    }
}
