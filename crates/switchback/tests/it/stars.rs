//! `names = ["openai/*"]` and `{ try = "openai/*" }`: the model that the caller named, with a ladder below it.

use std::collections::BTreeSet;

use switchback_sim::{Fault, Sim};

use crate::kit::{Gateway, ask, chat, page, provider, send, sim, until};

async fn start(providers: &str, task: &str) -> (Gateway, Sim) {
    let sim = sim().await;
    let text = page(&format!(
        r#"{}{providers}
[defaults]
retry-wait = "5ms..10ms"
[task.any]
names = ["openai/*"]
ladder = [{{ try = "sim/*" }}, {{ try = "sim/spare" }}]
{task}"#,
        provider("sim", &sim.base_url())
    ));
    (Gateway::start_with(&text, &[]).await, sim)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_passed_through() {
    let (gateway, sim) = start("", "").await;
    for model in ["gpt-5", "gpt-5-mini", "ft:gpt-4o:org::id", "meta/llama-3"] {
        let seen = chat(gateway.listen, &ask(&format!("openai/{model}"), false, "Hi")).await;
        assert_eq!(seen.header("x-switchback-task"), Some("any"), "{seen:?}");
        assert_eq!(seen.header("x-switchback-served-by"), Some(format!("sim/{model}").as_str()), "{seen:?}");
        assert_eq!(seen.header("x-switchback-why"), Some("alias"), "{seen:?}");
        assert_eq!(sim.calls().pop().unwrap().model, model);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_tasks_own_name_no_model_is_named() {
    let (gateway, sim) = start("", "").await;
    let seen = chat(gateway.listen, &ask("any", false, "Hi")).await;
    assert_eq!((seen.status, seen.code()), (404, "model_not_found".to_owned()), "{seen:?}");
    assert!(seen.json()["error"]["message"].as_str().unwrap().contains("name a model"), "{seen:?}");
    for named in ["openai/", "openai/*", "openai/a b", "other/gpt-5"] {
        assert_eq!(chat(gateway.listen, &ask(named, false, "Hi")).await.status, 404, "{named}");
    }
    assert_eq!(sim.calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_closes_no_other() {
    let (gateway, sim) =
        start("", "[breaker]\nopens-at = { failing = \"50%\", of-at-least = 4, within = \"60s\" }").await;
    sim.set_fault("bad", vec![Fault::ServerError]);
    until("the breaker of the bad model opens", async || {
        let seen = chat(gateway.listen, &ask("openai/bad", false, "Hi")).await;
        assert_eq!(seen.header("x-switchback-served-by"), Some("sim/spare"), "{seen:?}");
        seen.header("x-switchback-not-run").is_some_and(|it| it.contains("sim/bad=breaker_open"))
    })
    .await;
    let seen = chat(gateway.listen, &ask("openai/good", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("sim/good"), "{seen:?}");
    assert_eq!(seen.header("x-switchback-outcome"), Some("ok"), "{seen:?}");
    let shown = gateway.cli(&["routes", "show", "sim/bad", "--json"]).json();
    assert_eq!(shown[0]["state"], "open", "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_one_model_holds_back_no_other() {
    let (gateway, sim) = start("", "").await;
    sim.set_fault("busy", vec![Fault::RateLimitedLong]);
    for _ in 0..2 {
        let seen = chat(gateway.listen, &ask("openai/busy", false, "Hi")).await;
        assert_eq!(seen.header("x-switchback-served-by"), Some("sim/spare"), "{seen:?}");
    }
    assert_eq!(sim.calls().iter().filter(|it| it.model == "busy").count(), 1, "the key cools for this model");
    let seen = chat(gateway.listen, &ask("openai/free", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("sim/free"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_cannot_make_models_without_end() {
    let (gateway, sim) = start("", "").await;
    let mut statuses = BTreeSet::new();
    for n in 0..400 {
        statuses.insert(chat(gateway.listen, &ask(&format!("openai/m{n}"), false, "Hi")).await.status);
    }
    assert_eq!(statuses, [200, 503].into(), "and whoever asks is told that it is ours, not theirs");
    let models: BTreeSet<String> = sim.calls().into_iter().map(|it| it.model).collect();
    assert_eq!(models.len(), 256, "what docs/configuration.md says");
    // Those that are known go on being served.
    let seen = chat(gateway.listen, &ask("openai/m0", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("sim/m0"), "{seen:?}");
    let page = send(gateway.admin, "GET", "/metrics", &[], "").await.body;
    assert!(!page.contains("m399"), "what was refused is no label");
}
