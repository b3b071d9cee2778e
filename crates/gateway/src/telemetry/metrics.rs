//! Counters and histograms, one method that counts a record.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use switchback_core::id::Name;
use switchback_core::record::{Attempt, DecisionRecord, SERVED};

use super::Beside;
use super::labels::Labels;

/// Bounds of histograms of whole requests and calls, in seconds: from a cached word to a long reasoning.
const SECONDS: [f64; 14] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];
/// Bounds of the histogram of our own time, in seconds.
const OWN_SECONDS: [f64; 10] = [0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25];

const TASK_OUTCOME: [&str; 4] = ["task", "segment", "surface", "outcome"];
const ATTEMPT: [&str; 5] = ["task", "route", "provider", "kind", "result"];
const MOVE: [&str; 7] = ["task", "from", "to", "class", "why", "segment", "surface"];
const SKIP: [&str; 3] = ["task", "route", "reason"];
const RETRY: [&str; 2] = ["route", "result"];
const CHECK: [&str; 4] = ["contract", "route", "check", "result"];
const ADDED: [&str; 2] = ["task", "cause"];
const DURATION: [&str; 2] = ["task", "outcome"];
const ROUTE: [&str; 1] = ["route"];
const COST: [&str; 3] = ["task", "route", "purpose"];
const TOKENS: [&str; 2] = ["route", "direction"];
const KEY: [&str; 1] = ["key"];

/// A rung below the one that answered: it was not skipped.
const NOT_REACHED: &str = "not_reached";

/// A histogram of seconds.
#[derive(Debug, Clone)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

type Counts<const N: usize> = Family<Labels<N>, Counter>;
type Dollars<const N: usize> = Family<Labels<N>, Counter<f64, AtomicU64>>;
type Durations<const N: usize> = Family<Labels<N>, Histogram, Seconds>;

/// Everything that is counted while requests finish.
#[derive(Debug)]
pub(crate) struct Metrics {
    requests: Counts<4>,
    attempts: Counts<5>,
    moves: Counts<7>,
    skips: Counts<3>,
    retries: Counts<2>,
    checks: Counts<4>,
    added: Durations<2>,
    durations: Durations<2>,
    first_tokens: Durations<1>,
    upstream: Durations<1>,
    own: Histogram,
    cost: Dollars<3>,
    tokens: Counts<2>,
    client_retries: Counts<1>,
    words: Words,
}

/// Label values that no record holds, made once.
#[derive(Debug)]
struct Words {
    none: Name,
    served: Name,
    wasted: Name,
    repair: Name,
    contract: Name,
    passed: Name,
    repaired: Name,
    failed: Name,
    into: Name,
    out: Name,
}

// === impl Metrics ===

impl Metrics {
    pub(crate) fn new() -> Self {
        let words = Words {
            none: "".into(),
            served: "served".into(),
            wasted: "wasted".into(),
            repair: "repair".into(),
            contract: "contract".into(),
            passed: "passed".into(),
            repaired: "repaired".into(),
            failed: "failed".into(),
            into: "in".into(),
            out: "out".into(),
        };
        Self {
            requests: Counts::default(),
            attempts: Counts::default(),
            moves: Counts::default(),
            skips: Counts::default(),
            retries: Counts::default(),
            checks: Counts::default(),
            added: Durations::new_with_constructor(Seconds),
            durations: Durations::new_with_constructor(Seconds),
            first_tokens: Durations::new_with_constructor(Seconds),
            upstream: Durations::new_with_constructor(Seconds),
            own: Histogram::new(OWN_SECONDS),
            cost: Dollars::default(),
            tokens: Counts::default(),
            client_retries: Counts::default(),
            words,
        }
    }

    /// Counts a finished request.
    pub(crate) fn count(&self, record: &DecisionRecord, beside: &Beside) {
        let object = &record.object;
        let (task, surface, outcome) = (&object.task, &object.surface, &object.outcome);
        let segment = object.segment.as_ref().unwrap_or(&self.words.none);
        let of = |it: &Name| Name::clone(it);
        let labels = Labels::new(&TASK_OUTCOME, [of(task), of(segment), of(surface), of(outcome)]);
        self.requests.get_or_create(&labels).inc();
        self.durations
            .get_or_create(&Labels::new(&DURATION, [of(task), of(outcome)]))
            .observe(seconds(record.total_ms));
        self.own.observe(beside.own.as_secs_f64());
        for it in &object.attempts {
            self.attempt(task, it, beside);
        }
        for it in &record.moves {
            let labels = [of(task), of(&it.from), of(&it.to), of(&it.class), of(&it.why), of(segment), of(surface)];
            self.moves.get_or_create(&Labels::new(&MOVE, labels)).inc();
        }
        for it in object.not_run.iter().filter(|it| &*it.reason != NOT_REACHED) {
            self.skips.get_or_create(&Labels::new(&SKIP, [of(task), of(&it.name), of(&it.reason)])).inc();
        }
        if let Some(added) = object.added_ms.filter(|_| object.served_by.is_some()) {
            let cause = object.attempts.iter().find_map(|it| it.class.as_ref().filter(|class| &***class != SERVED));
            let cause = cause.unwrap_or(&self.words.none);
            self.added.get_or_create(&Labels::new(&ADDED, [of(task), of(cause)])).observe(seconds(added));
        }
        if let Some(n) = record.client_retry.filter(|n| *n > 0) {
            let key = record.key.as_ref().unwrap_or(&self.words.none);
            self.client_retries.get_or_create(&Labels::new(&KEY, [of(key)])).inc_by(u64::from(n.min(1)));
        }
    }

    fn attempt(&self, task: &Name, it: &Attempt, beside: &Beside) {
        let of = |it: &Name| Name::clone(it);
        let Some(story) = &it.story else { return };
        let route = &it.route;
        let result = it.class.as_ref().unwrap_or(&self.words.none);
        let provider: Name = story.call.split('/').next().unwrap_or_default().into();
        let labels = [of(task), of(route), provider, of(&it.kind), of(result)];
        self.attempts.get_or_create(&Labels::new(&ATTEMPT, labels)).inc();
        if matches!(&*it.kind, "retry" | "repair") {
            self.retries.get_or_create(&Labels::new(&RETRY, [of(route), of(result)])).inc();
        }
        if let Some(ms) = it.ms {
            self.upstream.get_or_create(&Labels::new(&ROUTE, [of(route)])).observe(seconds(ms));
        }
        if let Some(ms) = story.first_token_ms {
            self.first_tokens.get_or_create(&Labels::new(&ROUTE, [of(route)])).observe(seconds(ms));
        }
        let served = &**result == SERVED;
        if let Some(cost) = it.cost_usd.filter(|it| *it > 0.0) {
            let purpose = match (&*it.kind, served) {
                ("repair", _) => &self.words.repair,
                (_, true) => &self.words.served,
                (_, false) => &self.words.wasted,
            };
            self.cost.get_or_create(&Labels::new(&COST, [of(task), of(route), of(purpose)])).inc_by(cost);
        }
        for (direction, tokens) in [
            (&self.words.into, story.usage.and_then(|it| it.prompt)),
            (&self.words.out, story.usage.and_then(|it| it.completion)),
        ] {
            if let Some(tokens) = tokens {
                self.tokens.get_or_create(&Labels::new(&TOKENS, [of(route), of(direction)])).inc_by(tokens);
            }
        }
        self.check(it, beside, served);
    }

    /// What the answer was held against, and whether it kept it.
    fn check(&self, it: &Attempt, beside: &Beside, served: bool) {
        let (Some(contract), Some(story)) = (&beside.contract, &it.story) else { return };
        let mended = !story.mended.is_empty() || &*it.kind == "repair";
        let (check, result) = match (served, it.class.as_deref()) {
            (true, _) if mended => (&self.words.contract, &self.words.repaired),
            (true, _) => (&self.words.contract, &self.words.passed),
            (false, Some("contract" | "truncated")) => {
                (story.detail.as_ref().unwrap_or(&self.words.contract), &self.words.failed)
            }
            (false, _) => return,
        };
        let labels = [Name::clone(contract), Name::clone(&it.route), Name::clone(check), Name::clone(result)];
        self.checks.get_or_create(&Labels::new(&CHECK, labels)).inc();
    }

    /// Registers everything under its public name.
    pub(super) fn register(&self, to: &mut Registry) {
        to.register("requests", "Finished requests", self.requests.clone());
        to.register("attempts", "Upstream calls", self.attempts.clone());
        to.register("moves", "Moves from one rung to another", self.moves.clone());
        to.register("skips", "Rungs that did not run", self.skips.clone());
        to.register("retries", "Retries and repairs", self.retries.clone());
        to.register("contract_checks", "Answers held against a contract", self.checks.clone());
        to.register("added_latency_seconds", "Arrival to the start of the served attempt", self.added.clone());
        to.register("request_duration_seconds", "Arrival to the last byte", self.durations.clone());
        to.register("time_to_first_token_seconds", "Sending to the first content", self.first_tokens.clone());
        to.register("upstream_duration_seconds", "One upstream call", self.upstream.clone());
        to.register("overhead_seconds", "Time that is neither a call nor a wait", self.own.clone());
        to.register("cost_usd", "Known cost", self.cost.clone());
        to.register("tokens", "Tokens as providers counted them", self.tokens.clone());
        to.register("client_retries", "Requests that a client sent again", self.client_retries.clone());
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a request are far below 2^52")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}
