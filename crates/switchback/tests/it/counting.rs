//! Metrics are counted from records, so both tell the same, and nothing that a caller chooses becomes a label.

use std::collections::BTreeSet;

use serde_json::Value;
use switchback_sim::Fault;

use crate::kit::metrics::{Metrics, Sample};
use crate::kit::{Gateway, TOOLS, ask, ask_with, chat, chat_with, page, provider, sim};

const REST: &str = r#"
[defaults]
retry-wait = "5ms..10ms"
[segment.pro]
[route.primary]
call = "sim/large"
can = ["chat", "json", "tools", "stream"]
usd-per-mtok = { in = 3.00, out = 12.00 }
[route.backup]
call = "sim/spare"
can = ["chat", "json", "tools", "stream"]
[contract.person]
schema = "person.json"
[task.chat]
ladder = [{ try = "primary" }, { try = "backup", segments = ["pro"] }, { try = "sim/last", as = "cheaper" }]
[task.extract]
contract = "person"
ladder = [{ try = "primary" }, { try = "backup" }]
[breaker]
opens-at = { failing = "90%", of-at-least = 20, within = "60s" }
"#;
const SCHEMA: &str = r#"{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}"#;

/// Traffic of every kind; how many requests were accepted.
async fn traffic() -> (Gateway, switchback_sim::Sim, usize) {
    let sim = sim().await;
    let server = "segment-from = \"header:x-switchback-segment\"\n[store]";
    let text = page(&format!("{}{REST}", provider("sim", &sim.base_url()))).replace("[store]", server);
    let gateway = Gateway::start_beside(&text, &[("person.json", SCHEMA)]).await;
    let mut n = 0;
    for fault in [
        Fault::Ok,
        Fault::ServerError,
        Fault::Overloaded,
        Fault::RateLimitedShort,
        Fault::BrokenJson,
        Fault::Policy,
        Fault::BadRequest,
        Fault::Truncated,
        Fault::Refusal,
        Fault::Reset,
    ] {
        for (task, stream, segment) in [("chat", false, "pro"), ("chat", true, "none"), ("extract", false, "pro")] {
            sim.set_fault("large", vec![fault, Fault::Ok]);
            let more = if stream { TOOLS } else { "" };
            let body = ask_with(task, stream, &format!("{n} about {fault:?}"), more);
            let seen = chat_with(gateway.listen, &[("x-switchback-segment", segment)], &body).await;
            assert!(seen.whole, "{seen:?}");
            n += 1;
        }
        // So that no cooling of a rate limit hides what comes next.
        assert_eq!(gateway.cli(&["routes", "reset", "*", "--reason", "the next kind"]).code, 0);
    }
    sim.set_fault("*", vec![Fault::ServerError]);
    chat(gateway.listen, &ask("chat", false, "all is broken")).await;
    (gateway, sim, n + 1)
}

fn each<'v>(records: &'v [Value], member: &str) -> Vec<(&'v Value, &'v Value)> {
    let of = |it: &'v Value| it[member].as_array().into_iter().flatten().map(move |entry| (it, entry));
    records.iter().flat_map(of).collect()
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_the_records_tell() {
    let (gateway, _sim, n) = traffic().await;
    let records = gateway.records_of(n).await;
    let metrics = Metrics::of(&gateway).await;
    let sum = |name: &str, labels: &[(&str, &str)]| metrics.sum(name, labels);
    assert_eq!(sum("requests_total", &[]), n as f64);
    assert_eq!(sum("request_duration_seconds_count", &[]), n as f64);
    assert_eq!(sum("overhead_seconds_count", &[]), n as f64);
    for it in &records {
        let (task, segment, outcome) = (text(it, "task"), text(it, "segment"), text(it, "outcome"));
        let same = |other: &&Value| {
            text(other, "task") == task && text(other, "segment") == segment && text(other, "outcome") == outcome
        };
        let labels = [("task", task), ("segment", segment), ("outcome", outcome), ("surface", "interactive")];
        assert_eq!(sum("requests_total", &labels), records.iter().filter(same).count() as f64, "{labels:?}");
    }
    let attempts = each(&records, "attempts");
    assert_eq!(sum("attempts_total", &[]), attempts.len() as f64);
    assert_eq!(sum("upstream_duration_seconds_count", &[]), attempts.len() as f64);
    let classes: BTreeSet<&str> = attempts.iter().map(|(_, it)| text(it, "class")).collect();
    assert!(classes.len() >= 8, "the traffic is of every kind: {classes:?}");
    for class in classes {
        let mine = attempts.iter().filter(|(_, it)| text(it, "class") == class).count();
        assert_eq!(sum("attempts_total", &[("result", class), ("provider", "sim")]), mine as f64, "{class}");
    }
    let again = attempts.iter().filter(|(_, it)| matches!(text(it, "kind"), "retry" | "repair")).count();
    assert_eq!(sum("retries_total", &[]), again as f64);
    assert!(again > 0);
    let moves = each(&records, "moves");
    assert_eq!(sum("moves_total", &[]), moves.len() as f64);
    for (of, it) in &moves {
        let labels = [("task", text(of, "task")), ("from", text(it, "from")), ("to", text(it, "to"))];
        let labels = [&labels[..], &[("class", text(it, "class")), ("why", text(it, "why"))]].concat();
        assert!(sum("moves_total", &labels) >= 1.0, "{labels:?}");
    }
    let skips = each(&records, "not_run").into_iter().filter(|(_, it)| it["reason"] != "not_reached").count();
    assert_eq!(sum("skips_total", &[]), skips as f64);
    assert!(skips > 0 && !moves.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_costs_and_tokens_are_those_of_the_records() {
    let (gateway, _sim, n) = traffic().await;
    let records = gateway.records_of(n).await;
    let metrics = Metrics::of(&gateway).await;
    let attempts = each(&records, "attempts");
    let cost: f64 = attempts.iter().filter_map(|(_, it)| it["cost_usd"].as_f64()).sum();
    assert!(cost > 0.0 && (metrics.sum("cost_usd_total", &[]) - cost).abs() < 1e-9);
    for (direction, member) in [("in", "prompt"), ("out", "completion")] {
        let tokens: u64 = attempts.iter().filter_map(|(_, it)| it["usage"][member].as_u64()).sum();
        assert!(tokens > 0);
        assert_eq!(metrics.sum("tokens_total", &[("direction", direction)]), tokens as f64, "{direction}");
    }
    // Of the task with a contract: sound answers passed, and what broke it failed or was repaired.
    let mine = || attempts.iter().filter(|(of, _)| of["task"] == "extract");
    let broke = mine().filter(|(_, it)| matches!(text(it, "class"), "contract" | "truncated")).count();
    let checks = |result| metrics.sum("contract_checks_total", &[("contract", "person"), ("result", result)]);
    assert_eq!(checks("failed"), broke as f64);
    assert!(broke > 0 && checks("passed") > 0.0);
    // A refusal is judged by nobody.
    let served = mine().filter(|(_, it)| it["class"] == "served").count();
    assert_eq!(checks("passed") + checks("repaired"), served as f64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_is_in_one_state() {
    let (gateway, sim, _) = traffic().await;
    sim.set_fault("*", vec![Fault::ServerError]);
    for _ in 0..30 {
        chat(gateway.listen, &ask("chat", false, "all is broken")).await;
    }
    let metrics = Metrics::of(&gateway).await;
    let states: Vec<&Sample> = metrics.0.iter().filter(|it| it.name == "breaker_state").collect();
    let series: BTreeSet<(&str, &str)> =
        states.iter().map(|it| (it.labels["route"].as_str(), it.labels["bucket"].as_str())).collect();
    for (route, bucket) in &series {
        assert_eq!(metrics.sum("breaker_state", &[("route", route), ("bucket", bucket)]), 1.0, "{route} {bucket}");
    }
    let shown = gateway.cli(&["routes", "show", "primary", "--json"]).json();
    let short = shown[0]["buckets"].as_array().unwrap().iter().find(|it| it["bucket"] == "short").unwrap().clone();
    let state = short["state"].as_str().unwrap().replace('-', "_");
    let labels = [("route", "primary"), ("bucket", "short"), ("state", state.as_str())];
    assert_eq!((state.as_str(), metrics.sum("breaker_state", &labels)), ("open", 1.0), "{short:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_caller_chooses_is_a_label() {
    let sim = sim().await;
    let server = "segment-from = \"header:x-switchback-segment\"\n[store]";
    let text = page(&format!("{}{REST}", provider("sim", &sim.base_url()))).replace("[store]", server);
    let gateway = Gateway::start_beside(&text, &[("person.json", SCHEMA)]).await;
    chat(gateway.listen, &ask("chat", false, "Hi")).await;
    chat(gateway.listen, &ask("unknown-model", false, "Hi")).await;
    gateway.records_of(1).await;
    let series = |metrics: &Metrics| -> BTreeSet<String> {
        metrics.0.iter().map(|it| format!("{} {:?}", it.name, it.labels)).collect()
    };
    let before = series(&Metrics::of(&gateway).await);
    for n in 0..1_000 {
        let headers = [("x-switchback-segment", format!("segment-{n}")), ("user-agent", format!("agent-{n}"))];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let seen = chat_with(gateway.listen, &headers, &ask(&format!("model-{n}"), false, "Hi")).await;
        assert_eq!(seen.status, 404);
        if n % 50 == 0 {
            assert_eq!(chat_with(gateway.listen, &headers, &ask("chat", false, "Hi")).await.status, 200);
        }
    }
    gateway.records_of(21).await;
    let metrics = Metrics::of(&gateway).await;
    let new: Vec<String> = series(&metrics).difference(&before).cloned().collect();
    assert!(new.is_empty(), "{new:#?}");
    assert_eq!(metrics.sum("rejected_total", &[]), 1_001.0);
    assert_eq!(metrics.sum("requests_total", &[]), 21.0);
}
