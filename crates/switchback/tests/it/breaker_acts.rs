//! A real gateway whose breakers operators act on: what they see, what ends by itself, and what a restart keeps.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;
use switchback_sim::{Fault, Sim};

use crate::kit::{Gateway, ask, chat, command, page, provider, sim, until};

const QUICK: &str = "[breaker]\nopens-at = { failing = \"50%\", of-at-least = 4, within = \"60s\" }\nprobe-every = \"200ms\"\ncloses-after = 2\n";

async fn start() -> (Gateway, Sim) {
    let sim = sim().await;
    let text = page(&format!(
        r#"{}
[defaults]
retry-wait = "5ms..10ms"
[task.chat]
ladder = [{{ try = "sim/one", retries = 0 }}, {{ try = "sim/two" }}]
{QUICK}"#,
        provider("sim", &sim.base_url())
    ));
    (Gateway::start_with(&text, &[]).await, sim)
}

async fn served_by(gateway: &Gateway) -> String {
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    seen.header("x-switchback-served-by").unwrap_or_else(|| panic!("{seen:?}")).to_owned()
}

fn shown(gateway: &Gateway, route: &str) -> Value {
    gateway.cli(&["routes", "show", route, "--json"]).json()[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_opens_is_shown_with_its_failures_and_closes_by_itself() {
    let (gateway, sim) = start().await;
    sim.set_fault("one", vec![Fault::ServerError]);
    until("it opens", async || {
        served_by(&gateway).await;
        shown(&gateway, "sim/one")["state"] == "open"
    })
    .await;
    let ran = gateway.cli(&["routes", "show", "sim/one"]);
    assert!(ran.out.contains("open") && ran.out.contains("server_error") && ran.out.contains("chat 1"), "{ran:?}");
    let failures = shown(&gateway, "sim/one")["last_failures"].clone();
    assert!(failures.as_array().is_some_and(|it| it.iter().all(|it| it["status"] == 500)), "{failures:#}");
    sim.clear_faults();
    until("probes bring it back", async || {
        served_by(&gateway).await;
        shown(&gateway, "sim/one")["state"] == "closed"
    })
    .await;
    assert_eq!(served_by(&gateway).await, "sim/one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_moves_traffic_at_once_and_ends_when_probes_succeed() {
    let (gateway, sim) = start().await;
    assert_eq!(served_by(&gateway).await, "sim/one");
    let ran = gateway.cli(&["routes", "trip", "sim/one", "--reason", "looks slow", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("sim/two"), "{seen:?}");
    assert!(seen.header("x-switchback-not-run").unwrap().contains("sim/one=breaker_open"), "{seen:?}");
    assert_eq!(sim.calls().iter().filter(|it| it.model == "one").count(), 1);
    until("probes end the trip", async || {
        served_by(&gateway).await == "sim/one" && shown(&gateway, "sim/one")["state"] == "closed"
    })
    .await;
    until("nothing is left of it", async || {
        served_by(&gateway).await;
        shown(&gateway, "sim/one").get("overrides").and_then(Value::as_array).is_none_or(Vec::is_empty)
    })
    .await;
    let audit = gateway.get("/admin/v1/audit").await;
    assert!(audit.to_string().contains("looks slow"), "{audit:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_lasts_while_probes_fail() {
    let (gateway, sim) = start().await;
    sim.set_fault("one", vec![Fault::ServerError]);
    assert_eq!(gateway.cli(&["routes", "trip", "sim/one", "--reason", "down", "--yes"]).code, 0);
    until("a probe has failed", async || {
        assert_eq!(served_by(&gateway).await, "sim/two");
        sim.calls().iter().any(|it| it.model == "one")
    })
    .await;
    assert_eq!(shown(&gateway, "sim/one")["state"], "tripped");
    assert_eq!(gateway.cli(&["routes", "reset", "sim/one", "--reason", "look again"]).code, 0);
    let before = sim.calls().iter().filter(|it| it.model == "one").count();
    served_by(&gateway).await;
    assert_eq!(sim.calls().iter().filter(|it| it.model == "one").count(), before + 1, "a reset tries at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trip_and_a_disable_outlive_a_crash() {
    let (gateway, sim) = start().await;
    sim.set_fault("one", vec![Fault::ServerError]);
    assert_eq!(gateway.cli(&["routes", "trip", "sim/one", "--reason", "night shift", "--yes"]).code, 0);
    let gateway = gateway.crash_and_restart().await;
    assert_eq!(served_by(&gateway).await, "sim/two");
    assert!(shown(&gateway, "sim/one")["overrides"].to_string().contains("night shift"));
    assert_eq!(gateway.cli(&["routes", "reset", "sim/one", "--reason", "fine"]).code, 0);
    assert_eq!(gateway.cli(&["routes", "disable", "sim/two", "--reason", "audit", "--yes"]).code, 0);
    sim.clear_faults();
    let gateway = gateway.crash_and_restart().await;
    assert_eq!(served_by(&gateway).await, "sim/one", "the reset holds");
    sim.set_fault("one", vec![Fault::ServerError]);
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert!(seen.header("x-switchback-not-run").unwrap().contains("sim/two=disabled"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_out_for_a_time_comes_back_by_itself() {
    let (gateway, _sim) = start().await;
    let ran = gateway.cli(&["routes", "disable", "sim/one", "--reason", "short", "--for", "2s", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(served_by(&gateway).await, "sim/two");
    until("it is over", async || served_by(&gateway).await == "sim/one").await;
    until("nothing is left of it", async || {
        shown(&gateway, "sim/one").get("overrides").and_then(Value::as_array).is_none_or(Vec::is_empty)
    })
    .await;
    assert_eq!(gateway.cli(&["routes"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_tells_of_moves_as_they_happen() {
    let (gateway, sim) = start().await;
    let admin = format!("http://{}", gateway.admin);
    let mut command = command();
    let command = command.args(["--admin", &admin, "tail", "--outcome", "recovered", "--route", "sim/*", "--json"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    talk.read_line(&mut said).unwrap();
    assert!(said.contains("following"), "{said}");
    assert_eq!(served_by(&gateway).await, "sim/one");
    sim.set_fault("one", vec![Fault::Unavailable]);
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _ = child.kill();
    let _ = child.wait();
    let told: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["request_id"], seen.header("x-request-id").unwrap(), "only the one that moved: {told:#}");
    assert_eq!((&told["attempts"][0]["class"], &told["served_by"]), (&"overloaded".into(), &"sim/two".into()));
}
