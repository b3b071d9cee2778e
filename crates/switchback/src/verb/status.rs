//! `status`: one screen, one exit code. 1 when something is wrong, with a sentence for each thing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::routes::{Row, table};
use crate::admin::Admin;
use crate::cli::Cli;
use crate::exit::Exit;
use crate::say;

#[derive(Deserialize)]
struct Status {
    ok: bool,
    problems: Vec<String>,
    version: String,
    simulated: bool,
    revision: u64,
    up_ms: u64,
    config: String,
    in_flight: u64,
    rejected: BTreeMap<String, u64>,
    overrides: Vec<Override>,
    tasks: Vec<Task>,
    routes: Vec<Row>,
}

#[derive(Deserialize)]
struct Override {
    route: String,
    by: String,
    reason: String,
}

#[derive(Deserialize)]
struct Task {
    task: String,
    last_5_min: BTreeMap<String, u64>,
}

pub(crate) async fn run(cli: &Cli) -> Exit {
    match shown(cli).await {
        Ok(true) => Exit::Fine,
        Ok(false) => Exit::Bad,
        Err(exit) => exit,
    }
}

async fn shown(cli: &Cli) -> Result<bool, Exit> {
    let answer = Admin::new(cli)?.get("/admin/v1/status").await?;
    let status: Status = answer.read()?;
    if cli.json {
        say::data(&answer.body);
        return Ok(status.ok);
    }
    let simulated = if status.simulated { " · SIMULATED" } else { "" };
    say::data(&format!(
        "switchback {} · up {} · config {} · revision {} · {} in flight{simulated}",
        status.version,
        span(status.up_ms),
        status.config,
        status.revision,
        status.in_flight,
    ));
    for it in &status.overrides {
        say::data(&format!("⏻ {} is disabled by {}: {}", it.route, it.by, it.reason));
    }
    say::data("");
    tasks(&status.tasks);
    say::data("");
    table(&status.routes);
    if !status.rejected.is_empty() {
        let counts: Vec<String> = status.rejected.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
        say::data(&format!("\nrequests that were not accepted: {}", counts.join(", ")));
    }
    say::data("");
    if status.ok {
        say::data("✓ nothing is wrong");
    }
    status.problems.iter().for_each(|it| say::data(&format!("✗ {it}")));
    Ok(status.ok)
}

fn tasks(tasks: &[Task]) {
    let width = tasks.iter().map(|it| it.task.len()).chain([4]).max().unwrap_or(4);
    say::data(&format!(
        "{:<width$}  {:>8}  {:>8}  {:>9}  {:>8}  {:>7}  {:>6}  {:>6}   (last 5 min)",
        "TASK", "REQUESTS", "OK", "RECOVERED", "DEGRADED", "REFUSED", "FAILED", "CALLER"
    ));
    for it in tasks {
        let n = |outcome: &str| it.last_5_min.get(outcome).copied().unwrap_or(0);
        let all: u64 = it.last_5_min.values().sum();
        say::data(&format!(
            "{:<width$}  {all:>8}  {:>8}  {:>9}  {:>8}  {:>7}  {:>6}  {:>6}",
            it.task,
            n("ok"),
            n("recovered"),
            n("degraded"),
            n("refused"),
            n("failed"),
            n("caller")
        ));
    }
}

fn span(ms: u64) -> String {
    match ms / 1_000 {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7_199 => format!("{} min", s / 60),
        s @ 7_200..=172_799 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}
