//! Application keys: who may ask, and for what.

use crate::kit::{Gateway, ask, chat, chat_with, file, send, sim};

const KEYS: &str = r#"
[task.support]
ladder = [{ try = "backup" }]
[key.mobile]
secret = "env:MOBILE_KEY"
tasks = ["sup*"]
[key.batch]
secret = "env:BATCH_KEY"
direct = true
"#;

async fn start() -> (Gateway, switchback_sim::Sim) {
    let sim = sim().await;
    let text = file(&sim.base_url(), "large", "").server("app-keys = \"env:APP_KEYS\"").rest(KEYS).text();
    let envs = [("APP_KEYS", "web:sk-web-secret-001"), ("MOBILE_KEY", "sk-mobile-002"), ("BATCH_KEY", "sk-batch-0003")];
    (Gateway::start_with(&text, &envs).await, sim)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_needed_known_and_allowed() {
    let (gateway, sim) = start().await;
    let with = async |key: &str, model: &str| {
        chat_with(gateway.listen, &[("authorization", &format!("Bearer {key}"))], &ask(model, false, "may I?")).await
    };
    for (key, model, status, code) in [
        ("sk-nobody", "chat", 401, "invalid_api_key"),
        ("", "chat", 401, "invalid_api_key"),
        ("sk-web-secret-00", "chat", 401, "invalid_api_key"),
        ("sk-web-secret-0011", "chat", 401, "invalid_api_key"),
        ("sk-web-secret-001", "primary", 403, "direct_not_allowed"),
        ("sk-mobile-002", "chat", 403, "task_not_allowed"),
        ("sk-mobile-002", "backup", 403, "direct_not_allowed"),
        ("sk-web-secret-001", "nothing", 404, "model_not_found"),
    ] {
        let seen = with(key, model).await;
        assert_eq!((seen.status, seen.code()), (status, code.to_owned()), "{key} {model}: {seen:?}");
        assert_eq!(seen.header("x-should-retry"), Some("false"));
        assert!(seen.header("x-request-id").is_some());
    }
    let seen = chat(gateway.listen, &ask("chat", false, "no key")).await;
    assert_eq!(seen.status, 401, "{seen:?}");
    assert_eq!(sim.calls().len(), 0, "nobody was asked");
    assert_eq!(gateway.records().await.len(), 0, "what was not accepted has no record");
    assert_eq!(gateway.get("/admin/v1/status").await["rejected"]["auth"], 5);

    for (key, model, by) in [
        ("sk-web-secret-001", "chat", "primary"),
        ("sk-mobile-002", "support", "backup"),
        ("sk-batch-0003", "primary", "primary"),
        ("sk-batch-0003", "chat", "primary"),
    ] {
        let seen = with(key, model).await;
        assert_eq!((seen.status, seen.header("x-switchback-served-by")), (200, Some(by)), "{key} {model}: {seen:?}");
    }
    let who: Vec<String> =
        gateway.records_of(4).await.iter().map(|it| it["key"].as_str().unwrap_or("?").to_owned()).collect();
    assert_eq!(who, ["batch", "batch", "mobile", "web"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_what_the_key_may_ask_for_tasks_first() {
    let (gateway, _sim) = start().await;
    for (key, wanted) in [
        ("sk-web-secret-001", &["chat", "support"][..]),
        ("sk-mobile-002", &["support"]),
        ("sk-batch-0003", &["chat", "support", "primary", "backup"]),
    ] {
        let headers = [("authorization", &*format!("Bearer {key}"))];
        let seen = send(gateway.listen, "GET", "/v1/models", &headers, "").await;
        let list = seen.json();
        let ids: Vec<&str> = list["data"].as_array().unwrap().iter().filter_map(|it| it["id"].as_str()).collect();
        assert_eq!(ids, wanted, "{key}");
    }
    assert_eq!(send(gateway.listen, "GET", "/v1/models", &[], "").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_call_walks_no_ladder() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large+500", "")).await;
    let seen = chat(gateway.listen, &ask("primary", false, "direct")).await;
    assert_eq!((seen.status, seen.code()), (424, "all_rungs_failed".to_owned()), "{seen:?}");
    assert!(sim.calls().iter().all(|it| it.model == "large+500"), "{:?}", sim.calls());
}
