//! Other names of a task, tasks that are like another, and keys that all tasks share.

use crate::kit::scripted::{Scripted, completion, reply};
use crate::kit::{Gateway, ask, chat, chat_with, page, provider, send};

const TASKS: &str = r#"
[defaults]
retry-wait = "7ms..9ms"
deadline = "33s"
[task.chat]
about = "Talk."
names = ["gpt-4o", "gpt-4o-mini-2*", "claude-*-latest"]
deadline = "9s"
ladder = [{ try = "sim/one" }]
[task.twin]
like = "chat"
names = ["twin-of-*"]
ladder = [{ try = "sim/two" }]
[task.rest]
names = ["*"]
deadline = "5s"
ladder = [{ try = "sim/three" }]
[task.gpt-4o-mini-own]
ladder = [{ try = "sim/four" }]
"#;

async fn start() -> (Gateway, Scripted) {
    let vendor = Scripted::start(|_, _| reply(200, &completion("Hello."))).await;
    let text = page(&format!("{}{TASKS}", provider("sim", &vendor.base_url())));
    (Gateway::start_with(&text, &[]).await, vendor)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_means_its_task_and_says_so() {
    let (gateway, vendor) = start().await;
    for (named, task, model, why) in [
        ("chat", "chat", "one", None),
        ("gpt-4o", "chat", "one", Some("alias")),
        ("gpt-4o-mini-2024-07-18", "chat", "one", Some("alias")),
        ("claude-3-latest", "chat", "one", Some("alias")),
        ("twin-of-x", "twin", "two", Some("alias")),
        ("gpt-4o-mini-own", "gpt-4o-mini-own", "four", None),
        ("rest", "rest", "three", None),
        ("GPT-4o", "rest", "three", Some("alias")),
        ("gpt-4o-2024", "rest", "three", Some("alias")),
        ("*", "rest", "three", Some("alias")),
    ] {
        let seen = chat(gateway.listen, &ask(named, false, "Hi")).await;
        assert_eq!(seen.header("x-switchback-task"), Some(task), "{named}: {seen:?}");
        assert_eq!(seen.header("x-switchback-why"), why, "{named}");
        assert_eq!(seen.object()["why"], why.map_or(serde_json::Value::Null, Into::into), "{named}");
        assert_eq!(vendor.bodies().pop().unwrap()["model"], model, "{named}");
        assert_eq!(seen.header("x-switchback-outcome"), Some("ok"), "a name is no move: {named}");
    }
    let records = gateway.records_of(10).await;
    assert_eq!(records.iter().filter(|it| it["why"] == "alias").count(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_header_can_be_a_name_too_and_wins() {
    let (gateway, vendor) = start().await;
    let seen = chat_with(gateway.listen, &[("x-switchback-task", "gpt-4o")], &ask("rest", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-task"), Some("chat"), "{seen:?}");
    assert_eq!(vendor.bodies()[0]["model"], "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_like_another_has_its_keys_and_defaults_come_last() {
    let (gateway, vendor) = start().await;
    for (task, deadline) in [("chat", 9_000), ("twin", 9_000), ("rest", 5_000), ("gpt-4o-mini-own", 33_000)] {
        let seen = chat(gateway.listen, &ask(task, false, "Hi")).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        let id = seen.header("x-request-id").unwrap().to_owned();
        gateway.records_of(vendor.kept().len()).await;
        assert_eq!(gateway.get(&format!("/admin/v1/requests/{id}")).await["deadline_ms"], deadline, "{task}");
    }
    let models = send(gateway.listen, "GET", "/v1/models", &[], "").await.json();
    let ids: Vec<&str> = models["data"].as_array().unwrap().iter().filter_map(|it| it["id"].as_str()).collect();
    for task in ["chat", "twin", "rest", "gpt-4o-mini-own"] {
        assert_eq!(ids.iter().filter(|it| **it == task).count(), 1, "{ids:?}");
    }
    assert!(!ids.iter().any(|it| it.contains('*')), "no pattern is a model: {ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tasks_of_a_key_are_asked_whatever_the_name() {
    let (_, vendor) = start().await;
    let text = page(&format!(
        "{}{TASKS}[key.app]\nsecret = \"env:APP_KEY\"\ntasks = [\"chat\"]\n",
        provider("sim", &vendor.base_url())
    ));
    let gateway = Gateway::start_with(&text, &[("APP_KEY", "sk-app-0123456789abcdef")]).await;
    let key = [("authorization", "Bearer sk-app-0123456789abcdef")];
    assert_eq!(chat_with(gateway.listen, &key, &ask("gpt-4o", false, "Hi")).await.status, 200);
    let seen = chat_with(gateway.listen, &key, &ask("twin-of-gpt-4o", false, "Hi")).await;
    assert_eq!((seen.status, seen.code()), (403, "task_not_allowed".to_owned()), "{seen:?}");
}
