//! From rounds to rows: which figure comes from which case, for whom, and against what.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::Spread;
use crate::rounds::{Case, Measured, Round, Sample};
use crate::target::Target;

/// One figure, for every target that has it.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) cells: BTreeMap<&'static str, Spread>,
    /// Switchback's divided by nginx's, round by round, where both have it and it is a cost or a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to_nginx: Option<Spread>,
}

/// How a figure is taken out of a round.
enum Take {
    /// As it was measured.
    Plain(Case, fn(&Sample) -> Option<f64>),
    /// Less the direct call's of the same round.
    Added(Case, fn(&Sample) -> Option<f64>),
    /// Divided by the direct call's of the same round.
    ToDirect(Case, fn(&Sample) -> Option<f64>),
    /// What a failover adds to the target's own whole answer.
    Failover,
    Ready,
}

const P50: fn(&Sample) -> Option<f64> = |it| Some(it.p50_us);
const P99: fn(&Sample) -> Option<f64> = |it| Some(it.p99_us);
const RATE: fn(&Sample) -> Option<f64> = |it| Some(it.rate);
const CPU: fn(&Sample) -> Option<f64> = |it| it.cpu_us;
const BUSY: fn(&Sample) -> Option<f64> = |it| it.busy.map(|it| it * 100.0);

const ROWS: [(&str, &str, Take); 25] = [
    ("1 KB answer, 1 client: p50", "µs", Take::Plain(Case::One, P50)),
    ("1 KB answer, 1 client: p99", "µs", Take::Plain(Case::One, P99)),
    ("1 KB answer, 1 client: added p50", "µs", Take::Added(Case::One, P50)),
    ("1 KB answer, 1 client: added p99", "µs", Take::Added(Case::One, P99)),
    ("1 KB answer, 500 rps: p50", "µs", Take::Plain(Case::Rate, P50)),
    ("1 KB answer, 500 rps: p99", "µs", Take::Plain(Case::Rate, P99)),
    ("1 KB answer, 500 rps: added p50", "µs", Take::Added(Case::Rate, P50)),
    ("1 KB answer, 500 rps: added p99", "µs", Take::Added(Case::Rate, P99)),
    ("1 KB answer, 500 rps: CPU per request", "µs", Take::Plain(Case::Rate, CPU)),
    ("1 KB answer, 64 clients: throughput", "rps", Take::Plain(Case::Many, RATE)),
    ("1 KB answer, 64 clients: throughput ÷ direct", "", Take::ToDirect(Case::Many, RATE)),
    ("1 KB answer, 64 clients: CPU per request", "µs", Take::Plain(Case::Many, CPU)),
    ("1 KB answer, 64 clients: use of its core", "%", Take::Plain(Case::Many, BUSY)),
    ("64 events, 1 client: p50", "µs", Take::Plain(Case::StreamOne, P50)),
    ("64 events, 1 client: added p50", "µs", Take::Added(Case::StreamOne, P50)),
    ("64 events, 1 client: added p99", "µs", Take::Added(Case::StreamOne, P99)),
    ("64 events, 64 clients: throughput", "rps", Take::Plain(Case::StreamMany, RATE)),
    ("64 events, 64 clients: throughput ÷ direct", "", Take::ToDirect(Case::StreamMany, RATE)),
    ("64 events, 64 clients: CPU per request", "µs", Take::Plain(Case::StreamMany, CPU)),
    ("paced events, 16 streams: added delay p50", "µs", Take::Added(Case::Chunks, P50)),
    ("paced events, 16 streams: added delay p99", "µs", Take::Added(Case::Chunks, P99)),
    ("paced events, 16 streams: CPU per stream", "µs", Take::Plain(Case::Chunks, CPU)),
    ("failover on a 500: added p50", "µs", Take::Failover),
    ("failover on a 500: CPU per request", "µs", Take::Plain(Case::Failover, CPU)),
    ("start to ready", "ms", Take::Ready),
];

/// All rows that have a figure.
pub(crate) fn rows(measured: &Measured) -> Vec<Row> {
    let mut rows: Vec<Row> = ROWS.iter().map(|(what, unit, take)| row(what, unit, take, &measured.rounds)).collect();
    for (what, of) in [("memory at rest", 0), ("memory, most", 1)] {
        let one = |(idle, most): (f64, f64)| Spread::of(&[if of == 0 { idle } else { most }]);
        let cells = measured.memory.iter().filter_map(|(target, it)| Some((target.name(), one(*it)?))).collect();
        rows.push(Row { what, unit: "MiB", cells, to_nginx: None });
    }
    rows.retain(|it| !it.cells.is_empty());
    rows
}

fn row(what: &'static str, unit: &'static str, take: &Take, rounds: &[Round]) -> Row {
    let of = |target| rounds.iter().filter_map(|it| take.figure(it, target)).collect::<Vec<_>>();
    let all = [Target::Direct, Target::Switchback, Target::Nginx];
    let cells = all.into_iter().filter_map(|it| Some((it.name(), Spread::of(&of(it))?))).collect();
    let ratios = rounds.iter().filter_map(|it| {
        Some(take.figure(it, Target::Switchback)? / take.figure(it, Target::Nginx).filter(|it| *it > 0.0)?)
    });
    Row { what, unit, cells, to_nginx: Spread::of(&ratios.collect::<Vec<_>>()) }
}

// === impl Take ===

impl Take {
    fn figure(&self, round: &Round, target: Target) -> Option<f64> {
        let of = |case: Case, target: Target| round.samples.get(&(case, target));
        match self {
            Self::Plain(case, figure) => of(*case, target).and_then(figure),
            Self::Added(case, figure) if target != Target::Direct => {
                Some(figure(of(*case, target)?)? - figure(of(*case, Target::Direct)?)?)
            }
            Self::ToDirect(case, figure) if target != Target::Direct => {
                Some(figure(of(*case, target)?)? / figure(of(*case, Target::Direct)?)?)
            }
            Self::Added(..) | Self::ToDirect(..) => None,
            Self::Failover => Some(of(Case::Failover, target)?.p50_us - of(Case::One, target)?.p50_us),
            Self::Ready => round.ready_ms.get(&target).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(direct: f64, ours: f64) -> Round {
        let sample = |p50_us| Sample { p50_us, rate: 1e6 / p50_us, ..Sample::default() };
        let samples = [
            ((Case::One, Target::Direct), sample(direct)),
            ((Case::One, Target::Switchback), sample(ours)),
            ((Case::Many, Target::Direct), sample(direct)),
            ((Case::Many, Target::Switchback), sample(ours)),
        ];
        Round { samples: samples.into_iter().collect(), ..Round::default() }
    }

    #[test]
    fn what_is_added_is_counted_against_the_direct_call_of_the_same_round() {
        let measured = Measured {
            rounds: vec![round(50.0, 100.0), round(500.0, 560.0), round(50.0, 120.0)],
            memory: BTreeMap::new(),
            n_requests: 0,
            records_dropped: 0,
        };
        let rows = rows(&measured);
        let cell = |what: &str, target: Target| {
            rows.iter().find(|it| it.what == what).and_then(|it| it.cells.get(target.name()).copied())
        };
        let added = cell("1 KB answer, 1 client: added p50", Target::Switchback).unwrap();
        assert_eq!((added.min, added.median, added.max), (50.0, 60.0, 70.0));
        assert_eq!(cell("1 KB answer, 1 client: added p50", Target::Direct), None);
        let share = cell("1 KB answer, 64 clients: throughput ÷ direct", Target::Switchback).unwrap();
        assert_eq!(share.median, 0.5);
        assert!(
            rows.iter().all(|it| it.to_nginx.is_none() && !it.what.starts_with("64 events")),
            "only what was measured"
        );
    }
}
