//! What was switched off comes back by itself: a real request, with something below it, finds out.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::kit::scripted::{Scripted, completion, refused, reply};
use crate::kit::upstream::Kept;
use crate::kit::{Gateway, ask, chat, page, until};

/// The first wait of what was switched off, and room for a busy machine.
const COMES_BACK_WITHIN: Duration = Duration::from_secs(100);
const OLD: &str = "sk-probe-old-0001";
const NEW: &str = "sk-probe-new-0002";

/// A provider that refuses the first key for its first call.
async fn start(keys: &str) -> (Gateway, std::sync::Arc<Scripted>) {
    let says = |n: usize, kept: &Kept| {
        if n == 0 && kept.head.contains(OLD) {
            return refused(401, "invalid_api_key", "", "Incorrect API key provided.");
        }
        reply(200, &completion("Hello."))
    };
    let vendor = std::sync::Arc::new(Scripted::start(says).await);
    let text = page(&format!(
        r#"[provider.sim]
api = "openai-compatible"
base-url = "{}"
keys = [{keys}]
[provider.other]
api = "openai-compatible"
base-url = "{}"
[task.chat]
ladder = [{{ try = "sim/one" }}, {{ try = "other/two" }}]"#,
        vendor.base_url(),
        vendor.base_url()
    ));
    (Gateway::start_with(&text, &[("OLD_KEY", OLD), ("NEW_KEY", NEW)]).await, vendor)
}

fn with_key(vendor: &Scripted, key: &str) -> usize {
    vendor.kept().iter().filter(|it| it.head.contains(key)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_costs_one_call_and_comes_back() {
    let (gateway, vendor) = start("\"env:OLD_KEY\", \"env:NEW_KEY\"").await;
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!((seen.status, seen.header("x-switchback-rung")), (200, Some("1/2")), "{seen:?}");
    assert_eq!(seen.object()["attempts"][0]["class"], "auth");
    for _ in 0..10 {
        let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
        assert_eq!(seen.header("x-switchback-attempts"), Some("1"), "{seen:?}");
    }
    assert_eq!((with_key(&vendor, OLD), with_key(&vendor, NEW)), (1, 11));
    let shown = gateway.cli(&["routes", "show", "sim/one"]);
    assert!(shown.out.contains("key 1 off (auth)") && !shown.out.contains(OLD), "{shown:?}");
    let by = Instant::now() + COMES_BACK_WITHIN;
    while with_key(&vendor, OLD) < 2 {
        assert!(Instant::now() < by, "the key was never tried again");
        assert_eq!(chat(gateway.listen, &ask("chat", false, "Hi")).await.status, 200);
        sleep(Duration::from_millis(500)).await;
    }
    until("it is in the pool again", async || {
        chat(gateway.listen, &ask("chat", false, "Hi")).await;
        with_key(&vendor, OLD) >= 4
    })
    .await;
    assert!(!gateway.cli(&["routes", "show", "sim/one"]).out.contains("off (auth)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn enable_tries_a_refused_key_at_once() {
    let (gateway, vendor) = start("\"env:OLD_KEY\"").await;
    for _ in 0..3 {
        let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
        assert_eq!(seen.header("x-switchback-served-by"), Some("other/two"), "{seen:?}");
    }
    assert_eq!(with_key(&vendor, OLD), 1);
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert!(seen.header("x-switchback-not-run").unwrap().contains("sim/one=auth"), "{seen:?}");
    let ran = gateway.cli(&["routes", "enable", "sim/one", "--reason", "the key was renewed"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("sim/one"), "{seen:?}");
}
