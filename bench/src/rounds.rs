//! The rounds: every case for every target in turn, again and again, so that what the machine does meanwhile falls on
//! all of them alike.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::failed::Failed;
use crate::figures::percentile_us;
use crate::load::{Ask, Load};
use crate::process;
use crate::target::{APP_KEY, Launcher, Running, Target};

/// One thing that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Case {
    /// A whole answer, one client.
    One,
    /// Whole answers at a fixed rate.
    Rate,
    /// Whole answers, as many as go.
    Many,
    /// A stream in one burst, one client.
    StreamOne,
    /// Streams in bursts, as many as go.
    StreamMany,
    /// Streams with time between their events.
    Chunks,
    /// The first rung answers 500, the second well.
    Failover,
}

/// What one measurement gave.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Answers a second.
    pub(crate) rate: f64,
    /// CPU time of the target per answer; `None` for a direct call.
    pub(crate) cpu_us: Option<f64>,
    /// Share of the time in which the target used its core.
    pub(crate) busy: Option<f64>,
}

/// One whole round.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) samples: BTreeMap<(Case, Target), Sample>,
    /// Start to readiness, of a process that was started for this.
    pub(crate) ready_ms: BTreeMap<Target, f64>,
}

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) rounds: Vec<Round>,
    /// Resident memory in MiB: at rest after the start, and the most of the whole run.
    pub(crate) memory: BTreeMap<Target, (f64, f64)>,
    pub(crate) n_requests: u64,
    pub(crate) records_dropped: u64,
}

/// What a run is made of.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) launcher: Launcher,
    pub(crate) epoch: Instant,
    pub(crate) n_rounds: usize,
    /// Only these cases.
    pub(crate) cases: Vec<Case>,
    running: BTreeMap<Target, Running>,
}

// === impl Case ===

impl Case {
    pub(crate) const ALL: [Self; 7] =
        [Self::One, Self::Rate, Self::Many, Self::StreamOne, Self::StreamMany, Self::Chunks, Self::Failover];

    pub(crate) const fn load(self) -> Load {
        match self {
            Self::One | Self::StreamOne | Self::Failover => Load::Closed { clients: 1 },
            Self::Rate => Load::Open { per_second: 500 },
            Self::Many | Self::StreamMany => Load::Closed { clients: 64 },
            Self::Chunks => Load::Chunks { clients: 16 },
        }
    }

    const fn lasts(self) -> Duration {
        match self {
            Self::One | Self::StreamOne | Self::Chunks | Self::Failover => Duration::from_millis(900),
            Self::Rate | Self::Many | Self::StreamMany => Duration::from_millis(1_500),
        }
    }

    /// Only a gateway fails over.
    pub(crate) fn applies_to(self, target: Target) -> bool {
        self != Self::Failover || target == Target::Switchback
    }

    /// The name by which the target knows what is asked for: a model, or, of the gateway, a task.
    const fn model(self, target: Target) -> &'static str {
        match (self, target) {
            (Self::Chunks, _) => "paced",
            (Self::Failover, _) => "failover",
            (_, Target::Switchback) => "relay",
            (_, Target::Direct | Target::Nginx) => "good",
        }
    }

    const fn streams(self) -> bool {
        matches!(self, Self::StreamOne | Self::StreamMany | Self::Chunks)
    }
}

// === impl Bench ===

impl Bench {
    pub(crate) fn new(launcher: Launcher, epoch: Instant, n_rounds: usize, cases: Vec<Case>) -> Self {
        Self { launcher, epoch, n_rounds, cases, running: BTreeMap::new() }
    }

    /// Runs all rounds. `tell` hears of each.
    pub(crate) async fn run(mut self, tell: impl Fn(usize)) -> Result<Measured, Failed> {
        let mut measured = Measured { rounds: Vec::new(), memory: BTreeMap::new(), n_requests: 0, records_dropped: 0 };
        for target in self.launcher.targets() {
            if let Some(running) = self.launcher.start(target)? {
                std::thread::sleep(Duration::from_millis(300));
                measured.memory.insert(target, process::memory(running.pid)?);
                self.running.insert(target, running);
            }
        }
        for n in 1..=self.n_rounds {
            tell(n);
            let round = self.round(&mut measured.n_requests).await?;
            measured.rounds.push(round);
        }
        for (target, running) in &self.running {
            if let Some((_, most)) = measured.memory.get_mut(target) {
                *most = process::memory(running.pid)?.1;
            }
            measured.records_dropped += running.records_dropped()?.unwrap_or(0);
        }
        Ok(measured)
    }

    async fn round(&self, n_requests: &mut u64) -> Result<Round, Failed> {
        let mut round = Round::default();
        let targets = self.launcher.targets();
        for case in &self.cases {
            for target in targets.iter().filter(|it| case.applies_to(**it)) {
                let (sample, n) = self.measure(*case, *target).await?;
                if *target == Target::Switchback {
                    *n_requests += n as u64;
                }
                round.samples.insert((*case, *target), sample);
            }
        }
        for target in targets {
            // Started for its start only; it ends here.
            if let Some(running) = self.launcher.start(target)? {
                round.ready_ms.insert(target, running.ready_after.as_secs_f64() * 1e3);
            }
        }
        Ok(round)
    }

    async fn measure(&self, case: Case, target: Target) -> Result<(Sample, usize), Failed> {
        let running = self.running.get(&target);
        let address = running.map_or(self.launcher.upstream, |it| it.address);
        let key = (target == Target::Switchback).then_some(APP_KEY);
        let ask = Ask::new(address, key, case.model(target), case.streams())?;
        let clients = case.load().warm_up(&ask).await?;
        let before = running.map(|it| process::cpu_time(it.pid)).transpose()?;
        let mut seen = case.load().put_on(clients, &ask, case.lasts(), self.epoch).await?;
        let after = running.map(|it| process::cpu_time_at_rest(it.pid)).transpose()?;
        let used = before.zip(after).map(|(before, after)| after.saturating_sub(before).as_secs_f64());
        let (n, lasted) = (seen.n_answers, seen.lasted.as_secs_f64());
        let sample = Sample {
            p50_us: percentile_us(&mut seen.times, 50),
            p99_us: percentile_us(&mut seen.times, 99),
            rate: n as f64 / lasted,
            cpu_us: used.map(|it| it * 1e6 / n.max(1) as f64),
            busy: used.map(|it| it / lasted),
        };
        Ok((sample, n))
    }
}
