//! A retry budget: while a route is in trouble, retries do not multiply what it must bear.

use switchback_sim::Fault;
use tokio::task::JoinSet;

use crate::kit::metrics::Metrics;
use crate::kit::{Gateway, ask, chat, page, provider, sim};

/// Retries that the budget has at its start.
const START: usize = 10;
const REQUESTS: usize = 300;

async fn start(base_url: &str, below: &str) -> Gateway {
    // A breaker that stays out of it: it would hide the budget.
    let text = page(&format!(
        r#"{}
[defaults]
retry-wait = "1ms..2ms"
[breaker]
opens-at = {{ failing = "100%", of-at-least = 1000, within = "1s" }}
[task.chat]
ladder = [{{ try = "sim/half", retries = 3 }}{below}]"#,
        provider("sim", base_url)
    ));
    Gateway::start_with(&text, &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_stop_multiplying_while_half_of_the_calls_fail() {
    let sim = sim().await;
    let faults = [Fault::ServerError, Fault::Ok].into_iter().cycle().take(2 * REQUESTS);
    sim.set_fault("half", faults.collect());
    let gateway = start(&sim.base_url(), r#", { try = "sim/other" }"#).await;
    let mut asked = JoinSet::new();
    let listen = gateway.listen;
    for n in 0..REQUESTS {
        asked.spawn(async move { chat(listen, &ask("chat", false, "Hi")).await.status });
        if n % 25 == 24 {
            while let Some(status) = asked.join_next().await {
                assert_eq!(status.unwrap(), 200);
            }
        }
    }
    let primary = sim.calls().iter().filter(|it| it.model == "half").count();
    let sound = sim.calls().iter().filter(|it| it.model == "half" && it.status == Some(200)).count();
    // One call for each request, and retries: ten to begin with, one for each ten successes, and what trickles in.
    let bound = REQUESTS + START + sound / 10 + 20;
    assert!(primary <= bound, "{primary} calls, {bound} at most");
    assert!(primary > REQUESTS, "there are retries at all: {primary}");
    let records = gateway.records_of(REQUESTS).await;
    let attempts = || records.iter().flat_map(|it| it["attempts"].as_array().unwrap());
    let unpaid = attempts().filter(|it| it["unpaid"] == true).count();
    assert!(unpaid >= REQUESTS / 4, "{unpaid}");
    assert!(attempts().filter(|it| it["unpaid"] == true).all(|it| it["class"] == "server_error"));
    let retries = attempts().filter(|it| it["kind"] == "retry").count();
    assert_eq!(retries, primary - REQUESTS, "every further call is a retry in the record");
    assert_eq!(Metrics::of(&gateway).await.sum("retries_total", &[("route", "sim/half")]), retries as f64);
    let id = records.iter().find(|it| it["attempts"][0]["unpaid"] == true).unwrap()["request_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let explained = gateway.cli(&["explain", &id]);
    assert!(explained.out.contains("budget"), "{explained:?}");
    let shown = gateway.cli(&["routes", "show", "sim/half", "--json"]).json();
    assert!(shown[0]["retry_budget"]["left"].as_f64().is_some_and(|it| it < START as f64), "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rung_below_the_budget_holds_too() {
    let sim = sim().await;
    sim.set_fault("half", vec![Fault::ServerError]);
    let gateway = start(&sim.base_url(), "").await;
    for _ in 0..40 {
        let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
        assert_eq!(seen.code(), "all_rungs_failed", "{seen:?}");
    }
    let calls = sim.calls().len();
    assert!((40 + START..=40 + START + 20).contains(&calls), "{calls}");
}
