//! What happens in the demo, in plain sentences, and the sum at the end. Everything comes from decision records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use switchback_core::failure::CLASSES;
use switchback_core::outcome::SKIPS;
use switchback_core::record::{DecisionRecord, SERVED};
use switchback_gateway::Gateway;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::say;

/// Requests like this one that are told before only their number is.
const TOLD_EACH: u32 = 2;
/// Columns of a usual terminal.
const COLUMNS: usize = 80;
/// Where a second line begins: below what was said, not below the time.
const INDENT: usize = 10;
/// Characters of an id that are shown: its time, and enough of what is random. `explain` takes a beginning.
const ID: usize = 18;

/// Requests that went the same way.
#[derive(Default)]
struct Alike {
    n_told: u32,
    n_more: u32,
    /// Whether there was one since the last pulse: a way that comes back later is told anew.
    is_fresh: bool,
}

/// What was told and counted.
pub(super) struct Told {
    events: Receiver<Arc<DecisionRecord>>,
    started: Instant,
    outcomes: BTreeMap<String, u64>,
    /// Requests by how they went.
    alike: BTreeMap<String, Alike>,
    n_ok: u32,
    n_missed: u64,
    /// What is known of the cost in dollars, and of how many requests it is not.
    cost_usd: f64,
    n_of_unknown_cost: u64,
    states: BTreeMap<String, &'static str>,
}

impl Told {
    pub(super) fn new(events: Receiver<Arc<DecisionRecord>>) -> Self {
        Self {
            events,
            started: Instant::now(),
            outcomes: BTreeMap::new(),
            alike: BTreeMap::new(),
            n_ok: 0,
            n_missed: 0,
            cost_usd: 0.0,
            n_of_unknown_cost: 0,
            states: BTreeMap::new(),
        }
    }

    /// Tells until dropped.
    pub(super) async fn follow(&mut self, gateway: &Gateway) {
        let mut pulse = interval(Duration::from_secs(5));
        let mut look = interval(Duration::from_millis(200));
        pulse.set_missed_tick_behavior(MissedTickBehavior::Skip);
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                event = self.events.recv() => match event {
                    Ok(record) => self.request(&record),
                    Err(RecvError::Lagged(n)) => self.n_missed += n,
                    Err(RecvError::Closed) => return,
                },
                _ = pulse.tick() => self.pulse(),
                _ = look.tick() => self.routes(gateway.routes()),
            }
        }
    }

    fn say(&self, what: &str) {
        say::data(&format!("{:>6.1} s  {what}", self.started.elapsed().as_secs_f64()));
    }

    /// The same with a way, on a line of its own where one is too short.
    fn say_way(&self, what: &str, way: &str) {
        if INDENT + what.chars().count() + 1 + way.chars().count() <= COLUMNS {
            return self.say(&format!("{what} {way}"));
        }
        self.say(what);
        say::data(&format!("{:INDENT$}{way}", ""));
    }

    fn request(&mut self, record: &DecisionRecord) {
        let object = &record.object;
        *self.outcomes.entry(object.outcome.to_string()).or_default() += 1;
        match object.cost_usd {
            Some(usd) => self.cost_usd += usd,
            None => self.n_of_unknown_cost += 1,
        }
        if &*object.outcome == "ok" {
            self.n_ok += 1;
            return;
        }
        let way = way(record);
        let alike = self.alike.entry(way.clone()).or_default();
        alike.is_fresh = true;
        if alike.n_told == TOLD_EACH {
            alike.n_more += 1;
        } else {
            alike.n_told += 1;
            let outcome = format!("{} {}", mark(&object.outcome), object.outcome);
            let added = format!("+{} ms", object.added_ms.unwrap_or(record.total_ms));
            let cost = object.cost_usd.map_or_else(|| "$?".to_owned(), |usd| format!("${usd:.6}"));
            let id: String = object.request_id.chars().take(ID).collect();
            self.say(&format!("{outcome:<12} {:<8} {added:<8} {cost:<9}  {id}", object.task));
            say::data(&format!("{:INDENT$}{way}", ""));
        }
    }

    fn pulse(&mut self) {
        let n_ok = std::mem::take(&mut self.n_ok);
        if n_ok > 0 {
            self.say(&format!("● ok         {n_ok} answered at the first try"));
        }
        for (way, alike) in &self.alike {
            if alike.n_more > 0 {
                self.say_way(&format!("{:<12}", format!("… {} more", alike.n_more)), way);
            }
        }
        self.alike.retain(|_, alike| {
            alike.n_more = 0;
            std::mem::take(&mut alike.is_fresh)
        });
    }

    fn routes(&mut self, routes: Vec<(String, &'static str)>) {
        for (route, state) in routes {
            let before = self.states.insert(route.clone(), state);
            let Some(before) = before.filter(|it| *it != state) else { continue };
            let what = match (before, state) {
                (_, "open") => format!("{route} is not called any more: its breaker opened"),
                (_, "half_open") => format!("{route} is tried again with single requests"),
                ("open" | "half_open", "closed") => format!("{route} takes traffic again: its breaker closed"),
                (_, "disabled") => format!("{route} was disabled by an operator"),
                (_, "tripped") => format!("{route} is treated as down by an operator: only probes call it"),
                ("tripped", _) => format!("{route} takes traffic again"),
                ("disabled", _) => format!("{route} was enabled again"),
                (before, state) => format!("{route}: {before} → {state}"),
            };
            self.say(&format!("▲ breaker    {what}"));
        }
    }

    /// What it all came to.
    pub(super) fn summary(&self) {
        let n = |outcome: &str| self.outcomes.get(outcome).copied().unwrap_or(0);
        let (ok, recovered, degraded, refused, failed) =
            (n("ok"), n("recovered"), n("degraded"), n("refused"), n("failed"));
        let requests: u64 = self.outcomes.values().sum();
        let answered = ok + recovered + degraded;
        let saved = recovered + degraded;
        say::data("");
        say::data(&format!("SUMMARY (simulated)   {:.0} s", self.started.elapsed().as_secs_f64()));
        say::data(&format!("  requests   {requests}"));
        say::data(&format!("  answered   {answered:<6} {ok} of them at the first try"));
        say::data(&format!("  recovered  {recovered:<6} full quality by another try or route"));
        say::data(&format!("  degraded   {degraded:<6} a smaller model or the ready answer, marked as such"));
        say::data(&format!("  failed     {:<6} a clear error", failed + refused));
        let unknown = match self.n_of_unknown_cost {
            0 => String::new(),
            n => format!(" + ?   unknown for {n} requests: a call was cut, or told no usage"),
        };
        say::data(&format!("  cost       ${:.4}{unknown}", self.cost_usd));
        say::data(&format!("  without the ladder {} of {requests} would have failed", saved + failed + refused));
        if self.n_missed > 0 {
            say::data(&format!("  {} requests more were answered than could be followed here", self.n_missed));
        }
    }
}

/// How a request went: `sim-a took too long → sim-b answered`, `sim-a (its breaker is open) → sim-b answered`.
fn way(record: &DecisionRecord) -> String {
    let object = &record.object;
    let skipped = object.not_run.iter().filter_map(|it| {
        let words = SKIPS.iter().find(|row| row.name == &*it.reason && row.why.is_some())?.words;
        Some((it.rung, format!("{} ({words})", it.name)))
    });
    let failed = object.attempts.iter().filter_map(|it| {
        let class = it.class.as_deref().filter(|it| *it != SERVED)?;
        let words = CLASSES.iter().find(|row| row.name == class)?.words;
        Some((it.rung, format!("{} {words}", it.route)))
    });
    let mut steps: Vec<(u32, String)> = skipped.chain(failed).collect();
    steps.sort_by_key(|(rung, _)| *rung);
    steps.dedup();
    let mut parts: Vec<String> = steps.into_iter().map(|(_, text)| text).collect();
    parts.push(match (&object.served_by, &record.error) {
        (Some(served), _) if &**served == "answer" => "the ready answer was given".to_owned(),
        (Some(served), _) => format!("{served} answered"),
        (None, Some(error)) => format!("error {}", error.code),
        (None, None) => "no answer".to_owned(),
    });
    parts.join(" → ")
}

fn mark(outcome: &str) -> &'static str {
    match outcome {
        "recovered" => "◐",
        "degraded" => "▼",
        "refused" => "■",
        _ => "✕",
    }
}
