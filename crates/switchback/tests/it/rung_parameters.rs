//! What a rung sets and says for itself, and what a request demands of every rung.

use serde_json::Value;

use crate::kit::scripted::{Scripted, completion, message, raw_reply, reply};
use crate::kit::upstream::Kept;
use crate::kit::{Gateway, anthropic, ask, ask_with, chat, chat_with, page, provider, value};

/// Both vendors' shapes at one recorder; `broken` models fail.
async fn vendor() -> Scripted {
    Scripted::start(|_, kept: &Kept| {
        let body = String::from_utf8_lossy(&kept.body).into_owned();
        match (body.contains("broken"), kept.head.contains("/v1/messages")) {
            (true, _) => raw_reply(500, "", ""),
            (false, true) => reply(200, &message("Hello.")),
            (false, false) => reply(200, &completion("Hello.")),
        }
    })
    .await
}

async fn start(vendor: &Scripted, rest: &str) -> Gateway {
    let (open, closed) = (provider("open", &vendor.base_url()), anthropic("closed", &vendor.root()));
    Gateway::start_with(&page(&format!("{open}{closed}{rest}")), &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_sets_members_on_its_rung_alone() {
    let vendor = vendor().await;
    let gateway = start(
        &vendor,
        r#"[task.chat]
ladder = [
  { try = "open/broken", retries = 0, with = { reasoning-effort = "low", temperature = 0.25, logit-bias = { "1" = -2 } } },
  { try = "open/two" },
]"#,
    )
    .await;
    let seen = chat(gateway.listen, &ask_with("chat", false, "Hi", r#","temperature":0.9,"seed":7}"#)).await;
    assert_eq!(seen.header("x-switchback-rung"), Some("2/2"), "{seen:?}");
    let sent = vendor.bodies();
    assert_eq!(sent[0]["reasoning_effort"], "low", "{sent:?}");
    assert_eq!(
        (&sent[0]["temperature"], &sent[0]["logit_bias"]),
        (&value(r#"0.25"#), &value(r#"{"1": -2}"#)),
        "{sent:?}"
    );
    assert_eq!((&sent[0]["seed"], sent[0]["messages"].as_array().map(Vec::len)), (&value(r#"7"#), Some(1)));
    assert_eq!((&sent[1]["temperature"], sent[1].get("reasoning_effort")), (&value(r#"0.9"#), None), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_reaches_the_other_vendor_in_its_own_words_and_what_does_not_is_told() {
    let vendor = vendor().await;
    let task = r#"[task.chat]
ladder = [{ try = "closed/claude", with = { max-completion-tokens = 99, temperature = 0.5, seed = 7 } }]"#;
    let gateway = start(&vendor, task).await;
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let sent = vendor.bodies().remove(0);
    assert_eq!((&sent["max_tokens"], &sent["temperature"]), (&value(r#"99"#), &value(r#"0.5"#)), "{sent}");
    assert_eq!((sent.get("seed"), &seen.object()["dropped"]), (None, &value(r#"["seed"]"#)), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instruction_is_said_on_its_rung_to_both_vendors() {
    let vendor = vendor().await;
    let gateway = start(
        &vendor,
        r#"[task.chat]
ladder = [
  { try = "open/broken-1", retries = 0 },
  { try = "open/broken-2", retries = 0, instruction = "Be brief, \"please\"." },
  { try = "closed/claude", instruction = "Be brief, \"please\"." },
]"#,
    )
    .await;
    let body =
        r#"{"model":"chat","messages":[{"role":"system","content":"You are kind."},{"role":"user","content":"Hi"}]}"#;
    let seen = chat(gateway.listen, body).await;
    assert_eq!(seen.header("x-switchback-rung"), Some("3/3"), "{seen:?}");
    let sent = vendor.bodies();
    let said = |it: &Value| it.to_string().contains(r#"Be brief, \"please\"."#);
    assert_eq!(sent.iter().map(said).collect::<Vec<_>>(), [false, true, true], "{sent:#?}");
    for it in &sent {
        assert!(it.to_string().contains("You are kind."), "what the caller said stays: {it}");
    }
    let roles: Vec<&str> =
        sent[1]["messages"].as_array().unwrap().iter().filter_map(|it| it["role"].as_str()).collect();
    assert!(roles.iter().filter(|it| **it == "system").count() == 2 && roles.len() == 3, "{roles:?}");
    assert!(sent[2]["system"].to_string().contains("Be brief"), "{}", sent[2]);
    assert_eq!(sent[2]["messages"].as_array().map(Vec::len), Some(1), "{}", sent[2]);
}

const PLACES: &str = r#"
[route.plain]
call = "open/plain"
[route.us]
call = "open/us"
region = "us"
tags = ["gdpr"]
[route.eu]
call = "closed/eu"
region = "eu-west"
tags = ["gdpr", "hipaa"]
[task.any]
ladder = [{ try = "plain" }, { try = "us" }, { try = "eu" }]
[task.european]
require = { region = ["eu"] }
ladder = [{ try = "plain" }, { try = "us" }, { try = "eu" }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn tags_narrow_to_the_routes_that_carry_all_of_them() {
    let vendor = vendor().await;
    let gateway = start(&vendor, PLACES).await;
    for (tags, by) in [("gdpr", "us"), ("gdpr,hipaa", "eu"), (" hipaa ", "eu")] {
        let seen = chat_with(gateway.listen, &[("x-switchback-tags", tags)], &ask("any", false, "Hi")).await;
        assert_eq!(seen.header("x-switchback-served-by"), Some(by), "{tags}: {seen:?}");
        assert_eq!(seen.header("x-switchback-outcome"), Some("ok"), "the first that may is the first rung: {seen:?}");
        assert!(seen.header("x-switchback-not-run").unwrap().starts_with("plain=residency"), "{seen:?}");
    }
    let calls = vendor.kept().len();
    let seen = chat_with(gateway.listen, &[("x-switchback-tags", "gdpr,fedramp")], &ask("any", false, "Hi")).await;
    assert_eq!((seen.status, seen.code()), (424, "no_compliant_route".to_owned()), "{seen:?}");
    assert_eq!(seen.header("x-should-retry"), Some("false"));
    assert_eq!((vendor.kept().len(), seen.header("x-switchback-attempts")), (calls, Some("0")), "{seen:?}");
    let seen = chat_with(gateway.listen, &[("x-switchback-tags", ", ,")], &ask("any", false, "Hi")).await;
    assert_eq!((seen.status, seen.code()), (400, "invalid_header".to_owned()), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_task_requires_holds_also_when_all_that_satisfies_it_is_away() {
    let vendor = vendor().await;
    let gateway = start(&vendor, PLACES).await;
    let seen = chat(gateway.listen, &ask("european", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-region"), Some("eu-west"), "{seen:?}");
    assert_eq!(seen.header("x-switchback-served-by"), Some("eu"), "{seen:?}");
    // Tags cannot widen what is required, and an outage cannot either.
    let seen = chat_with(gateway.listen, &[("x-switchback-tags", "gdpr")], &ask("european", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("eu"), "{seen:?}");
    assert_eq!(gateway.cli(&["routes", "disable", "eu", "--reason", "away", "--yes"]).code, 0);
    let calls = vendor.kept().len();
    let seen = chat(gateway.listen, &ask("european", false, "Hi")).await;
    assert_eq!((seen.status, seen.code()), (424, "all_rungs_failed".to_owned()), "{seen:?}");
    assert_eq!(vendor.kept().len(), calls, "nothing goes elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_id_keeps_the_request_at_its_owner() {
    let vendor = vendor().await;
    let gateway = start(
        &vendor,
        r#"[task.chat]
ladder = [{ try = "open/broken", retries = 0 }, { try = "closed/claude" }, { try = "open/two" }]"#,
    )
    .await;
    let body = r#"{"model":"chat","messages":[{"role":"user","content":[{"type":"text","text":"Read this."},{"type":"file","file":{"file_id":"file-abc"}}]}]}"#;
    let seen = chat(gateway.listen, body).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("open/two"), "{seen:?}");
    assert!(seen.header("x-switchback-not-run").unwrap().contains("closed/claude=pinned"), "{seen:?}");
    assert_eq!(vendor.kept().len(), 2);
    // The same text without a file goes where the ladder says.
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("closed/claude"), "{seen:?}");
}
