//! One route at several places: which one is called, and what a failure of one costs.

use switchback_sim::{Fault, Sim};

use crate::kit::{Gateway, ask, chat, page, provider, sim};

/// A route `gpt` with a deployment at `one` (US) and at `two` (EU), and a route `spare` below it.
async fn start(one: &str, two: &str) -> (Gateway, Sim, Sim) {
    let (first, second) = (sim().await, sim().await);
    let (a, b) = (provider("one", &first.base_url()), provider("two", &second.base_url()));
    let text = page(&format!(
        r#"{a}{b}
[route.gpt]
calls = [{{ call = "one/gpt", region = "us", {one} }}, {{ call = "two/gpt", region = "eu", {two} }}]
[defaults]
retry-wait = "10ms..30ms"
[task.chat]
ladder = [{{ try = "gpt" }}, {{ try = "two/spare" }}]"#
    ));
    (Gateway::start_with(&text, &[]).await, first, second)
}

fn models(sim: &Sim) -> Vec<String> {
    sim.calls().into_iter().map(|it| it.model).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lower_order_takes_everything_while_it_can() {
    let (gateway, one, two) = start("order = 2", "order = 1").await;
    for _ in 0..8 {
        let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
        assert_eq!(seen.header("x-switchback-outcome"), Some("ok"), "{seen:?}");
        assert_eq!(seen.header("x-switchback-region"), Some("eu"), "the region of the call: {seen:?}");
        assert_eq!(seen.header("x-switchback-provider"), Some("two"));
        assert_eq!(seen.header("x-switchback-served-by"), Some("gpt"));
    }
    assert_eq!((one.calls().len(), two.calls().len()), (0, 8));
    let record = gateway.records_of(8).await.remove(0);
    assert_eq!((&record["region"], &record["provider"]), (&"eu".into(), &"two".into()), "{record:#}");
    let attempt = &record["attempts"][0];
    assert_eq!((&attempt["call"], &attempt["region"]), (&"two/gpt".into(), &"eu".into()), "{attempt:#}");
    assert_eq!(attempt["deployment"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn equals_are_called_by_their_weight() {
    let (gateway, one, two) = start("weight = 3", "weight = 1").await;
    for _ in 0..40 {
        assert_eq!(chat(gateway.listen, &ask("chat", false, "Hi")).await.status, 200);
    }
    assert_eq!((one.calls().len(), two.calls().len()), (30, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_goes_to_the_other_deployment() {
    let (gateway, one, two) = start("order = 1", "order = 2").await;
    one.set_fault("*", vec![Fault::ServerError]);
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-outcome"), Some("recovered"), "{seen:?}");
    assert_eq!(seen.header("x-switchback-rung"), Some("1/2"), "{seen:?}");
    assert_eq!(seen.header("x-switchback-region"), Some("eu"), "{seen:?}");
    assert_eq!((one.calls().len(), two.calls().len()), (1, 1));
    let told = seen.object();
    assert_eq!(
        (&told["attempts"][0]["class"], &told["attempts"][1]["kind"]),
        (&"server_error".into(), &"retry".into())
    );
    let record = &gateway.records_of(1).await[0];
    let regions: Vec<&str> =
        record["attempts"].as_array().unwrap().iter().filter_map(|it| it["region"].as_str()).collect();
    assert_eq!(regions, ["us", "eu"], "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_deployment_that_was_taken_out_leaves_the_other() {
    let (gateway, one, two) = start("order = 1", "order = 2").await;
    let ran = gateway.cli(&["routes", "disable", "one/gpt", "--reason", "maintenance", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for _ in 0..4 {
        let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
        assert_eq!(seen.header("x-switchback-served-by"), Some("gpt"), "{seen:?}");
        assert_eq!(seen.header("x-switchback-region"), Some("eu"), "{seen:?}");
        assert_eq!(seen.header("x-switchback-outcome"), Some("ok"), "the route is whole: {seen:?}");
    }
    assert_eq!((one.calls().len(), two.calls().len()), (0, 4));
    let ran = gateway.cli(&["routes", "disable", "two/gpt", "--reason", "this one, too", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("two/spare"), "{seen:?}");
    assert_eq!(seen.header("x-switchback-why"), Some("operator"), "{seen:?}");
    assert!(seen.header("x-switchback-not-run").is_some_and(|it| it.contains("gpt=disabled")), "{seen:?}");
    assert_eq!(gateway.cli(&["routes", "enable", "one/gpt", "--reason", "done"]).code, 0);
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-region"), Some("us"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selector_with_a_region_takes_out_the_deployment_there() {
    let (gateway, one, two) = start("order = 1", "order = 2").await;
    assert_eq!(gateway.cli(&["routes", "disable", "*gpt@us", "--reason", "US is down", "--yes"]).code, 0);
    assert_eq!(chat(gateway.listen, &ask("chat", false, "Hi")).await.header("x-switchback-region"), Some("eu"));
    assert_eq!((one.calls().len(), models(&two)), (0, vec!["gpt".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_gone_at_one_place_is_called_at_the_other_within_the_rung() {
    let (gateway, one, two) = start("order = 1", "order = 2").await;
    one.set_fault("*", vec![Fault::NotFound]);
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-rung"), Some("1/2"), "{seen:?}");
    assert_eq!(seen.header("x-switchback-region"), Some("eu"), "{seen:?}");
    assert_eq!(seen.object()["attempts"][0]["class"], "not_found");
    // From then on nobody pays for knowing it.
    for _ in 0..5 {
        let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
        assert_eq!(seen.header("x-switchback-attempts"), Some("1"), "{seen:?}");
    }
    assert_eq!((one.calls().len(), two.calls().len()), (1, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_left_only_when_both_places_have_failed() {
    let (gateway, one, two) = start("order = 1", "order = 2").await;
    one.set_fault("gpt", vec![Fault::Unavailable]);
    two.set_fault("gpt", vec![Fault::Unavailable]);
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("two/spare"), "{seen:?}");
    assert_eq!((models(&one), models(&two)), (vec!["gpt".to_owned()], vec!["gpt".to_owned(), "spare".to_owned()]));
}
