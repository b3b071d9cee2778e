//! `routes show`: one route in full, as whoever is called at night needs it. Facts that the gateway does not tell are left
//! out, and nothing is made up for them.

use serde::Deserialize;
use serde_json::value::RawValue;
use switchback_config::glob;

use super::{marked, share};
use crate::admin::{Admin, encoded};
use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;

/// What a selector is held against.
#[derive(Deserialize)]
struct Known {
    route: String,
    call: String,
    region: Option<String>,
    #[serde(default)]
    deployments: Vec<Deployment>,
}

/// One route in full.
#[derive(Deserialize)]
struct Route {
    route: String,
    call: String,
    region: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    state: String,
    next_probe_ms: Option<u64>,
    cooling_ms: Option<u64>,
    median_ms: Option<u64>,
    keys: usize,
    keys_cooling: usize,
    keys_off: usize,
    #[serde(default)]
    buckets: Vec<Bucket>,
    #[serde(default)]
    deployments: Vec<Deployment>,
    #[serde(default)]
    credentials: Vec<Credential>,
    retry_budget: Option<RetryBudget>,
    #[serde(default)]
    overrides: Vec<Override>,
    #[serde(default)]
    used_by: Vec<String>,
    #[serde(default)]
    last_failures: Vec<Failure>,
}

/// The breaker of one kind of work.
#[derive(Deserialize)]
struct Bucket {
    bucket: String,
    state: String,
    calls: u32,
    failed: u32,
    median_ms: Option<u64>,
    next_probe_ms: Option<u64>,
}

/// One of the places where a route is served.
#[derive(Deserialize)]
struct Deployment {
    call: String,
    region: Option<String>,
    state: Option<String>,
    weight: Option<u32>,
    order: Option<u32>,
}

/// One key of the provider, by its place.
#[derive(Deserialize)]
struct Credential {
    key: u32,
    state: String,
    why: Option<String>,
    again_ms: Option<u64>,
}

/// What is left for retries.
#[derive(Deserialize)]
struct RetryBudget {
    left: f64,
    most: f64,
}

/// What an operator did that still holds.
#[derive(Deserialize)]
struct Override {
    kind: String,
    by: String,
    reason: String,
    since_ms: Option<u64>,
    until_ms: Option<u64>,
}

/// A call that failed.
#[derive(Deserialize)]
struct Failure {
    at_ms: u64,
    class: String,
    request_id: Option<String>,
    status: Option<u16>,
    message: Option<String>,
}

pub(super) async fn show(cli: &Cli, show: &cli::Show) -> Result<(), Exit> {
    let admin = Admin::new(cli)?;
    let known: Vec<Known> = admin.get("/admin/v1/routes").await?.read()?;
    let selected: Vec<&Known> = known.iter().filter(|it| it.matches(&show.selector)).collect();
    if selected.is_empty() {
        let names: Vec<&str> = known.iter().map(|it| it.route.as_str()).collect();
        say::talk(&format!("no route matches {}; there are {}", show.selector, names.join(", ")));
        return Err(Exit::NotFound);
    }
    let mut bodies: Vec<Box<RawValue>> = Vec::new();
    for (n, it) in selected.iter().enumerate() {
        let answer = admin.get(&format!("/admin/v1/routes/{}", encoded(&it.route))).await?;
        if cli.json {
            bodies.push(answer.read()?);
            continue;
        }
        let route: Route = answer.read()?;
        if n > 0 {
            say::data("");
        }
        say::data(told(&route).trim_end());
    }
    if cli.json {
        say::data(&serde_json::to_string(&bodies).unwrap_or_default());
    }
    Ok(())
}

// === impl Known ===

impl Known {
    /// Whether a selector names it: a pattern over its name or a call of it, optionally with `@region`.
    fn matches(&self, selector: &str) -> bool {
        let (pattern, region) = match selector.split_once('@') {
            Some((pattern, region)) => (pattern, Some(region)),
            None => (selector, None),
        };
        let here = |at: Option<&str>| region.is_none_or(|it| at.is_some_and(|at| glob::matches(it, at)));
        let named = [self.route.as_str(), self.call.as_str()].iter().any(|it| glob::matches(pattern, it));
        (named && here(self.region.as_deref()))
            || self.deployments.iter().any(|it| glob::matches(pattern, &it.call) && here(it.region.as_deref()))
            // A name may hold an @ itself.
            || glob::matches(selector, &self.route)
            || glob::matches(selector, &self.call)
    }
}

fn told(it: &Route) -> String {
    let mut lines = vec![headline(it)];
    let mut row = |label: &str, rows: Vec<String>| {
        let labels = std::iter::once(label).chain(std::iter::repeat(""));
        lines.extend(rows.into_iter().zip(labels).map(|(text, label)| format!("  {label:<12}{text}")));
    };
    row("override", it.overrides.iter().map(Override::told).collect());
    row("deployments", it.deployments.iter().map(Deployment::told).collect());
    row("keys", keys(it));
    row("breaker", it.buckets.iter().map(Bucket::told).collect());
    row("median", it.median_ms.map(|ms| format!("{ms} ms")).into_iter().collect());
    let budget = it.retry_budget.as_ref().map(|it| format!("{:.1} of {:.0} left for retries", it.left, it.most));
    row("budget", budget.into_iter().collect());
    row("used by", if it.used_by.is_empty() { vec!["no task".to_owned()] } else { vec![it.used_by.join(" · ")] });
    row("failures", it.last_failures.iter().map(Failure::told).collect());
    let holds = |kind: &str| it.overrides.iter().any(|it| it.kind == kind);
    let next = match (holds("disable"), holds("trip")) {
        (true, _) => "enable",
        (false, true) => "reset",
        (false, false) => "disable",
    };
    row("next", vec![format!("switchback routes {next} '{}' --reason \"…\"", it.route)]);
    lines.join("\n")
}

fn headline(it: &Route) -> String {
    let mut text = format!("{}  {}", it.route, it.call);
    if let Some(region) = &it.region {
        text.push_str(&format!("  @{region}"));
    }
    if !it.tags.is_empty() {
        text.push_str(&format!("  [{}]", it.tags.join(", ")));
    }
    text.push_str(&format!("  {}", marked(&it.state)));
    text.push_str(&probe(it.next_probe_ms));
    if let Some(ms) = it.cooling_ms {
        text.push_str(&format!(", cooling for {}", wait(ms)));
    }
    text
}

fn keys(it: &Route) -> Vec<String> {
    let ready = it.keys.saturating_sub(it.keys_cooling + it.keys_off);
    let mut rows = vec![format!("{ready} of {} ready, {} cooling, {} off", it.keys, it.keys_cooling, it.keys_off)];
    rows.extend(it.credentials.iter().filter(|it| it.state != "ready").map(Credential::told));
    rows
}

// === the rows ===

impl Override {
    fn told(&self) -> String {
        let since = self.since_ms.map_or_else(String::new, |it| format!(" since {}", say::day_and_time(it)));
        let until = self
            .until_ms
            .map_or_else(|| "until somebody takes it back".to_owned(), |it| format!("until {}", say::day_and_time(it)));
        let did = match self.kind.as_str() {
            "disable" => "disabled",
            "trip" => "tripped",
            other => other,
        };
        format!("⏻ {did} by {}{since}, {until}: {}", self.by, self.reason)
    }
}

impl Deployment {
    fn told(&self) -> String {
        let region = self.region.as_ref().map_or_else(String::new, |it| format!("  @{it}"));
        let order = self.order.map_or_else(String::new, |it| format!("  order {it}"));
        let weight = self.weight.map_or_else(String::new, |it| format!("  weight {it}"));
        let state = self.state.as_ref().map_or_else(String::new, |it| format!("  {}", marked(it)));
        format!("{}{region}{order}{weight}{state}", self.call)
    }
}

impl Credential {
    fn told(&self) -> String {
        let why = self.why.as_ref().map_or_else(String::new, |it| format!(" ({it})"));
        let again = self.again_ms.map_or_else(String::new, |it| format!(", tried again in {}", wait(it)));
        format!("key {} {}{why}{again}", self.key, self.state)
    }
}

impl Bucket {
    fn told(&self) -> String {
        let median = self.median_ms.map_or_else(String::new, |ms| format!(", median {ms} ms"));
        format!(
            "{:<11} {}{}, {} of {} calls failed in its window ({}){median}",
            self.bucket,
            marked(&self.state),
            probe(self.next_probe_ms),
            self.failed,
            self.calls,
            share(self.calls, self.failed),
        )
    }
}

impl Failure {
    fn told(&self) -> String {
        let status = self.status.map_or_else(String::new, |it| format!(" {it}"));
        let id = self.request_id.as_deref().unwrap_or("?");
        let message = self.message.as_ref().map_or_else(String::new, |it| format!("  {it}"));
        format!("{}  {}{status}  {id}{message}", say::day_and_time(self.at_ms), self.class)
    }
}

fn probe(ms: Option<u64>) -> String {
    ms.map_or_else(String::new, |ms| format!(", probe in {}", wait(ms)))
}

/// A wait, rounded up.
fn wait(ms: u64) -> String {
    match ms.div_ceil(1_000) {
        s @ 0..=119 => format!("{s} s"),
        s => format!("{} min", s.div_ceil(60)),
    }
}
