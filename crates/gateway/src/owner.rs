//! One request, from admission to record. Read this first.
//!
//! [`Owner::own`] asks the walk for the next step, carries it out, and reports what was seen: nothing here decides.
//! The owner is held by the caller's connection. When that goes, the owner is dropped wherever it stands: its upstream
//! connection closes with it, its permit goes back, and its one record is still written.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use switchback_core::derive::About;
use switchback_core::dice::Dice;
use switchback_core::id::Name;
use switchback_core::policy::RungKind;
use switchback_core::step::{Observation, Step};
use switchback_core::walk::Walk;
use tokio::time::sleep_until;

use crate::admit::Admitted;
use crate::answer;
use crate::attempt;
use crate::kept::Kept;
use crate::out::Out;
use crate::state::{Shared, Snapshot};
use crate::telemetry::{self, Beside};

/// The owner of one accepted request.
pub(crate) struct Owner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) request: Arc<Admitted>,
    pub(crate) walk: Walk,
    pub(crate) out: Out,
    recorded: bool,
}

impl Owner {
    /// The owner of a request. `None` when its task is not of the snapshot it was admitted under.
    pub(crate) fn new(
        shared: Arc<Shared>,
        snapshot: Arc<Snapshot>,
        request: Admitted,
        out: Out,
        seed: u64,
    ) -> Option<Self> {
        let walk = Walk::new(Arc::clone(&snapshot.policy), request.task, request.ask.clone(), Dice::seeded(seed))?;
        shared.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(Self { shared, snapshot, request: Arc::new(request), walk, out, recorded: false })
    }

    /// Carries the request to its end.
    pub(crate) async fn own(mut self) {
        let mut kept = Kept::Nothing;
        let mut seen = Observation::Begin;
        loop {
            seen = match self.next(seen) {
                Step::Call(call) => {
                    let (observed, held) = attempt::call(&self, &call, &kept).await;
                    kept = held;
                    observed
                }
                Step::Wait { until } => {
                    sleep_until(self.shared.clock.instant(until)).await;
                    Observation::Elapsed
                }
                Step::Local { rung } => {
                    let (observed, held) = self.local(rung);
                    kept = held;
                    observed
                }
                Step::Answer => return answer::sound(self, kept).await,
                Step::Done => return self.finish(),
                Step::End(ending) => return answer::failed(self, &ending),
            }
        }
    }

    /// What the walk says to what was seen.
    pub(crate) fn next(&mut self, seen: Observation) -> Step {
        if let Observation::Failed(failure, _) = &seen {
            self.remember_block(failure);
        }
        self.walk.next(self.shared.clock.now(), seen, &self.snapshot.health)
    }

    pub(crate) fn about(&self) -> &About {
        &self.request.about
    }

    /// The ready answer of a rung, where it fits what the request promises.
    fn local(&self, rung: usize) -> (Observation, Kept) {
        let task = self.snapshot.policy.task(self.request.task);
        let kind = task.and_then(|it| it.ladder.get(rung)).map(|it| &it.kind);
        let Some(RungKind::Answer { text }) = kind else { return (Observation::Missed, Kept::Nothing) };
        let given = switchback_contract::Answer { text: Some((&**text).into()), ..Default::default() };
        match self.request.promise.judge(&given) {
            Ok(()) => (Observation::Given, Kept::Ready(Arc::clone(text))),
            Err(_) => (Observation::Missed, Kept::Nothing),
        }
    }

    /// A filter that blocked the request has spoken for its sticky time.
    fn remember_block(&self, failure: &switchback_core::failure::Failure) {
        if let (true, Some(sticks)) = (failure.blocks_request(), self.snapshot.server.sticky)
            && let Some(messages) = self.request.body.get(self.request.head.messages.clone())
        {
            let code = failure.code.as_deref().unwrap_or("content_filter");
            let key = self.about().key.as_deref();
            self.shared.sticky.keep(key, messages, code, self.shared.clock.now(), sticks);
        }
    }

    /// What answers were held against: the task's contract, else the request's own format.
    fn contract(&self) -> Option<Name> {
        let task = self.snapshot.policy.task(self.request.task)?;
        let named = task.contract.and_then(|it| self.snapshot.policy.contracts.get(it.index())).cloned();
        named.or_else(|| self.request.promise.stands().then(|| Name::clone(&self.snapshot.own_contract)))
    }

    /// Writes the record: once, here or when the owner is dropped.
    pub(crate) fn finish(mut self) {
        self.write_record();
    }

    fn write_record(&mut self) {
        if std::mem::replace(&mut self.recorded, true) {
            return;
        }
        self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        let now = self.shared.clock.now();
        let mut record = self.walk.record(&self.request.about, now);
        if let (true, Some(error)) = (self.out.head_has_left(), &mut record.error) {
            // A head that could not wait said 200; the error was an event.
            error.status = 200;
        }
        let beside = Beside { contract: self.contract(), own: self.walk.own_time(now) };
        self.shared.metrics.count(&record, &beside);
        telemetry::log(&record);
        if self.shared.events.receiver_count() > 0 {
            // A follower that lags loses events, never the gateway time.
            let _ = self.shared.events.send(Arc::new(record.clone()));
        }
        self.shared.store.put(record);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if !self.recorded {
            // The caller went away: whatever was running ends with this value.
            if !self.walk.is_over() {
                self.next(Observation::Gone);
            }
            self.write_record();
        }
    }
}
