//! What a request cost: at the route's own price, never a guess, and the same in every place that tells it.

use serde_json::Value;

use crate::kit::metrics::Metrics;
use crate::kit::scripted::{Scripted, completion, message, raw_reply, reply};
use crate::kit::upstream::Kept;
use crate::kit::{Gateway, anthropic, ask, chat, page, provider, value};

/// 1,000 prompt tokens and 500 output tokens for every answer; `broken` fails, `silent` counts nothing, `cached` has read
/// half of the prompt from its cache.
async fn vendor() -> Scripted {
    Scripted::start(|_, kept: &Kept| {
        let body: Value = serde_json::from_slice(&kept.body).unwrap();
        let mut answer = completion("Hello.");
        match body["model"].as_str().unwrap() {
            "broken" => return raw_reply(500, "", ""),
            "silent" => answer["usage"] = Value::Null,
            "cached" => answer["usage"]["prompt_tokens_details"] = value(r#"{"cached_tokens": 500}"#),
            "bad" => answer["choices"][0]["message"]["content"] = value(r#""not JSON""#),
            "claude" => answer = message("Hello."),
            _ => {}
        }
        reply(200, &answer)
    })
    .await
}

const ROUTES: &str = r#"
[defaults]
retry-wait = "5ms..10ms"
[route.priced]
call = "open/priced"
usd-per-mtok = { in = 3.00, out = 12.00 }
[route.cached]
call = "open/cached"
usd-per-mtok = { in = 2.00, cached = 0.20, out = 10.00 }
[route.silent]
call = "open/silent"
usd-per-mtok = { in = 3.00, out = 12.00 }
[route.bad]
call = "open/bad"
usd-per-mtok = { in = 1.00, out = 1.00 }
[route.broken]
call = "open/broken"
usd-per-mtok = { in = 3.00, out = 12.00 }
[route.claude]
call = "closed/claude"
usd-per-mtok = { in = 3.00, out = 15.00 }
[task.priced]
ladder = [{ try = "priced" }]
[task.cached]
ladder = [{ try = "cached" }]
[task.silent]
ladder = [{ try = "silent" }]
[task.unpriced]
ladder = [{ try = "open/unpriced" }]
[task.claude]
ladder = [{ try = "claude" }]
[task.after-500]
ladder = [{ try = "broken", retries = 0 }, { try = "priced" }]
[task.all-500]
ladder = [{ try = "broken" }]
[task.wasted]
ladder = [{ try = "bad", retries = 0 }, { try = "priced" }]
"#;

async fn start(vendor: &Scripted) -> Gateway {
    let (open, closed) = (provider("open", &vendor.base_url()), anthropic("closed", &vendor.root()));
    Gateway::start_with(&page(&format!("{open}{closed}{ROUTES}")), &[]).await
}

fn near(value: &Value, wanted: Option<f64>) -> bool {
    match (value.as_f64(), wanted) {
        (Some(value), Some(wanted)) => (value - wanted).abs() < 1e-9,
        (value, wanted) => value.is_none() && wanted.is_none(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn header_object_and_record_tell_one_cost() {
    let vendor = vendor().await;
    let gateway = start(&vendor).await;
    for (task, header, cost) in [
        ("priced", "0.009", Some(0.009)),
        ("cached", "0.0061", Some(0.0061)),
        ("claude", "0.0105", Some(0.0105)),
        ("silent", "?", None),
        ("unpriced", "?", None),
        ("after-500", "0.009", Some(0.009)),
        ("all-500", "0", Some(0.0)),
    ] {
        let seen = chat(gateway.listen, &ask(task, false, "Hi")).await;
        assert_eq!(seen.header("x-switchback-cost-usd"), Some(header), "{task}: {seen:?}");
        let told = seen.object();
        assert!(near(&told["cost_usd"], cost), "{task}: {told:#}");
        assert!(told.as_object().unwrap().contains_key("cost_usd"), "unknown is null, not absent: {told:#}");
        let id = told["request_id"].as_str().unwrap();
        crate::kit::until("the record is there", async || {
            gateway.get(&format!("/admin/v1/requests/{id}")).await["request_id"] == id
        })
        .await;
        let record = gateway.get(&format!("/admin/v1/requests/{id}")).await;
        assert!(near(&record["cost_usd"], cost), "{task}: {record:#}");
        for attempt in record["attempts"].as_array().unwrap() {
            let failed = attempt["class"] == "server_error";
            assert!(near(&attempt["cost_usd"], if failed { Some(0.0) } else { cost }), "{task}: {attempt:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_no_use_is_paid_and_told_as_wasted() {
    let vendor = vendor().await;
    let gateway = start(&vendor).await;
    let body =
        r#"{"model":"wasted","messages":[{"role":"user","content":"JSON"}],"response_format":{"type":"json_object"}}"#;
    // Neither model says JSON here, so nothing is served and everything is paid for: two calls and a repair.
    let seen = chat(gateway.listen, body).await;
    assert_eq!(seen.code(), "all_rungs_failed", "{seen:?}");
    let told = seen.object();
    let each = told["attempts"].as_array().unwrap();
    let all: f64 = each.iter().map(|it| it["cost_usd"].as_f64().unwrap()).sum();
    assert!(each.len() >= 3 && all > 0.0 && near(&told["cost_usd"], Some(all)), "{told:#}");
    gateway.records_of(1).await;
    let metrics = Metrics::of(&gateway).await;
    let told = metrics.sum("cost_usd_total", &[("task", "wasted")]);
    assert!((told - all).abs() < 1e-9, "{told} {all}");
    let repairs: f64 = each.iter().filter(|it| it["kind"] == "repair").map(|it| it["cost_usd"].as_f64().unwrap()).sum();
    assert!((metrics.sum("cost_usd_total", &[("purpose", "repair")]) - repairs).abs() < 1e-9 && repairs > 0.0);
    assert!((metrics.sum("cost_usd_total", &[("purpose", "wasted")]) - (all - repairs)).abs() < 1e-9);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unknown_is_nowhere_a_number() {
    let vendor = vendor().await;
    let gateway = start(&vendor).await;
    chat(gateway.listen, &ask("silent", false, "Hi")).await;
    chat(gateway.listen, &ask("unpriced", false, "Hi")).await;
    gateway.records_of(2).await;
    let metrics = Metrics::of(&gateway).await;
    assert!(!metrics.0.iter().any(|it| it.name == "cost_usd_total"), "{metrics:?}");
    assert_eq!(metrics.sum("tokens_total", &[("route", "silent")]), 0.0);
    let (into, out) =
        ([("route", "open/unpriced"), ("direction", "in")], [("route", "open/unpriced"), ("direction", "out")]);
    assert_eq!((metrics.sum("tokens_total", &into), metrics.sum("tokens_total", &out)), (1000.0, 500.0));
    assert!(gateway.cli(&["explain", "--last"]).out.contains('?'));
}
