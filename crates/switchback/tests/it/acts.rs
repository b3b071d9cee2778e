//! What operators do to parts of routes, to several at once and to what a star stands for holds as it was meant.

use crate::kit::{Gateway, Seen, ask, chat, send, sim, until};

/// Two deployments of one route, and a star.
async fn start() -> (Gateway, switchback_sim::Sim) {
    let sim = sim().await;
    let url = sim.base_url();
    let text = format!(
        r#"version = 1
[server]
listen = "127.0.0.1:0"
admin  = "127.0.0.1:0"
[store]
records = "sqlite:records.db"
[provider.one]
api      = "openai-compatible"
base-url = "{url}"
region   = "us"
[provider.two]
api      = "openai-compatible"
base-url = "{url}"
region   = "eu"
relay    = ["/v1/files*"]
[route.both]
calls = [{{ call = "one/a" }}, {{ call = "two/a" }}]
[task.chat]
ladder = [{{ try = "both", retries = 0 }}]
[task.eu]
require = {{ region = ["eu"] }}
ladder  = [{{ try = "both", retries = 0 }}]
[task.any]
names  = ["up/*"]
ladder = [{{ try = "one/*", retries = 0 }}]
"#
    );
    (Gateway::start_with(&text, &[]).await, sim)
}

async fn served(gateway: &Gateway, model: &str) -> Seen {
    chat(gateway.listen, &ask(model, false, "who is it?")).await
}

fn acts(gateway: &Gateway, args: &[&str]) {
    let ran = gateway.cli(&[&["routes"], args, &["--reason", "a test"]].concat());
    assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_star_that_is_disabled_is_disabled_for_models_that_nobody_has_asked_for_yet() {
    let (gateway, sim) = start().await;
    assert_eq!(served(&gateway, "up/known").await.status, 200);
    acts(&gateway, &["disable", "one/*", "--yes"]);
    let n_calls = sim.calls().len();
    for model in ["up/known", "up/fresh"] {
        let seen = served(&gateway, model).await;
        assert_eq!(seen.status, 424, "{model}: {seen:?}");
    }
    assert_eq!(sim.calls().len(), n_calls, "no call was made");
    let ran = gateway.cli(&["routes", "enable", "one/fresh", "--reason", "only this"]);
    assert!(ran.code != 0 && ran.err.contains("one/*"), "one of a star is not taken back alone: {ran:?}");
    acts(&gateway, &["enable", "one/*"]);
    assert_eq!(served(&gateway, "up/fresh").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_disable_of_the_whole_ends_no_long_one_of_a_part() {
    let (gateway, sim) = start().await;
    acts(&gateway, &["disable", "two/a", "--yes"]);
    acts(&gateway, &["disable", "both", "--for", "1s", "--yes"]);
    assert_eq!(served(&gateway, "chat").await.status, 424);
    until("the short one is over", async || served(&gateway, "chat").await.status == 200).await;
    for _ in 0..6 {
        assert_eq!(served(&gateway, "chat").await.header("x-switchback-region"), Some("us"));
    }
    assert_eq!(served(&gateway, "eu").await.status, 424, "the long one still holds: {:?}", sim.calls().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_disabled_route_can_be_enabled_and_the_rest_stays() {
    let (gateway, _sim) = start().await;
    acts(&gateway, &["disable", "both", "--yes"]);
    acts(&gateway, &["enable", "two/*"]);
    for _ in 0..4 {
        let seen = served(&gateway, "chat").await;
        assert_eq!((seen.status, seen.header("x-switchback-region")), (200, Some("eu")), "{seen:?}");
    }
    let kept = gateway.get("/admin/v1/status").await["overrides"].clone();
    assert_eq!(kept.as_array().map(Vec::len), Some(1), "{kept}");
    assert_eq!(kept[0]["route"], "both=one/a");
    let gateway = gateway.crash_and_restart().await;
    assert_eq!(served(&gateway, "chat").await.header("x-switchback-region"), Some("eu"), "over a crash, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preview_counts_only_what_the_task_may_use() {
    let (gateway, _sim) = start().await;
    let ran = gateway.cli(&["routes", "disable", "two/a", "--reason", "a test", "--yes"]);
    assert!(ran.err.contains("chat would go on with the other deployments"), "{ran:?}");
    assert!(ran.err.contains("eu: no rung is left"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_name_was_pointed_at_us_reads_no_providers_account() {
    let (gateway, sim) = start().await;
    let n_calls = sim.calls().len();
    let seen = send(gateway.listen, "GET", "/v1/files/file-1", &[("host", "evil.example")], "").await;
    assert_eq!(seen.status, 403, "{seen:?}");
    assert_eq!(sim.calls().len(), n_calls);
    let seen = send(gateway.listen, "GET", "/v1/files/file-1", &[("x-switchback-tags", "gdpr")], "").await;
    assert_eq!(seen.status, 424, "tags narrow what is passed on, too: {seen:?}");
}
