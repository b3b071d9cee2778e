//! A reload swaps the whole configuration or nothing; a bad file changes nothing and says so.

use serde_json::Value;
use tokio::task::JoinSet;

use crate::kit::{Gateway, ask, chat, file, sim, until};

const MORE: &str = "[task.other]\nladder = [{ try = \"primary\" }]\n";

/// Asks without a pause until told to stop; the statuses that were not 200.
async fn load(gateway: &Gateway, during: impl AsyncFnOnce()) -> (usize, Vec<u16>) {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut clients = JoinSet::new();
    for n in 0..3 {
        let (addr, stopped) = (gateway.listen, stopped.clone());
        clients.spawn(async move {
            let mut statuses = Vec::new();
            while !*stopped.borrow() {
                statuses.push(chat(addr, &ask("chat", n == 1, "under load")).await.status);
            }
            statuses
        });
    }
    during().await;
    stop.send_replace(true);
    let statuses: Vec<u16> = clients.join_all().await.into_iter().flatten().collect();
    (statuses.len(), statuses.into_iter().filter(|it| *it != 200).collect())
}

async fn status(gateway: &Gateway) -> Value {
    gateway.get("/admin/v1/status").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_changes_nothing_under_load_and_is_shown_until_it_is_good_again() {
    let sim = sim().await;
    let good = file(&sim.base_url(), "large", "");
    let gateway = Gateway::start(&good).await;
    let before = status(&gateway).await["config"].clone();
    let (n, failed) = load(&gateway, async || {
        gateway.rewrite(&good.text().replace("ladder", "laddder"));
        until("the bad file is noticed", async || status(&gateway).await["last_reload"]["ok"] == false).await;
    })
    .await;
    assert!(n > 0 && failed.is_empty(), "{failed:?} of {n}");
    let seen = status(&gateway).await;
    assert_eq!((&seen["config"], &seen["ok"]), (&before, &false.into()));
    let shown = gateway.cli(&["status"]);
    assert_eq!(shown.code, 1, "{shown:?}");
    assert!(shown.out.contains("The last reload was refused"), "{}", shown.out);
    let reload = gateway.cli(&["reload"]);
    assert_eq!(reload.code, 78, "{reload:?}");
    assert!(reload.err.contains("laddder"), "{reload:?}");
    gateway.rewrite(&good.text());
    assert_eq!(gateway.cli(&["reload"]).code, 0);
    let shown = gateway.cli(&["status"]);
    assert_eq!(shown.code, 0, "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_edit_is_taken_by_itself_and_by_a_signal_and_drops_no_request() {
    let sim = sim().await;
    let good = file(&sim.base_url(), "large", "");
    let gateway = Gateway::start(&good).await;
    let other = async || chat(gateway.listen, &ask("other", false, "x")).await.status;
    assert_eq!(other().await, 404);
    let (n, failed) = load(&gateway, async || {
        gateway.rewrite(&good.clone().rest(MORE).text());
        until("the new task is served", async || other().await == 200).await;
    })
    .await;
    assert!(n > 0 && failed.is_empty(), "{failed:?} of {n}");
    gateway.rewrite(&good.text());
    gateway.signal("HUP");
    until("the task is gone again", async || other().await == 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_refused_whole() {
    let sim = sim().await;
    let good = file(&sim.base_url(), "large", "");
    let gateway = Gateway::start(&good).await;
    for (from, to) in [
        ("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:4999\""),
        ("admin = \"127.0.0.1:0\"", "admin = \"127.0.0.1:4998\""),
        ("admin = \"127.0.0.1:0\"", "admin = \"127.0.0.1:0\"\ndrain = \"7s\""),
        ("sqlite:records.db", "sqlite:others.db"),
    ] {
        gateway.rewrite(&good.clone().rest(MORE).text().replace(from, to));
        let reload = gateway.cli(&["reload"]);
        assert_eq!(reload.code, 78, "{to}: {reload:?}");
        assert!(reload.err.contains("needs a restart"), "{to}: {reload:?}");
        assert_eq!(chat(gateway.listen, &ask("other", false, "x")).await.status, 404, "{to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_flight_finishes_under_the_file_it_began_with() {
    let sim = crate::kit::slow_sim(std::time::Duration::from_millis(1_500)).await;
    let good = file(&sim.base_url(), "large", "");
    let gateway = Gateway::start(&good).await;
    let addr = gateway.listen;
    let mut asked = JoinSet::new();
    asked.spawn(async move { chat(addr, &ask("chat", false, "long")).await });
    until("the provider is asked", async || sim.open_calls() == 1).await;
    gateway.rewrite(&good.text().replace("[task.chat]", "[task.renamed]"));
    assert_eq!(gateway.cli(&["reload"]).code, 0);
    let seen = asked.join_next().await.unwrap().unwrap();
    assert_eq!((seen.status, seen.header("x-switchback-task")), (200, Some("chat")), "{seen:?}");
    assert_eq!(chat(addr, &ask("chat", false, "short")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reload_is_accounted_for_whoever_asked_for_it() {
    let sim = sim().await;
    let good = file(&sim.base_url(), "large", "");
    let gateway = Gateway::start(&good).await;
    let config = async || status(&gateway).await["config"].as_str().unwrap().to_owned();
    let newest = async || gateway.get("/admin/v1/audit").await[0].clone();
    assert_eq!(gateway.cli(&["reload", "--reason", "a new key"]).code, 0);
    let told = newest().await;
    assert_eq!((&told["action"], &told["reason"]), (&"reload".into(), &"a new key".into()), "{told}");
    assert_eq!(told["target"], config().await);
    assert_eq!(gateway.cli(&["reload"]).code, 0);
    assert_eq!(newest().await["reason"], "no reason given", "none is made up");
    gateway.rewrite(&good.clone().rest(MORE).text());
    until("the edit is taken", async || newest().await["by"] == "watch").await;
    assert_eq!(newest().await["target"], config().await);
    gateway.signal("HUP");
    until("the signal is heard", async || newest().await["by"] == "signal").await;
    let n_told = gateway.get("/admin/v1/audit").await.as_array().unwrap().len();
    gateway.rewrite("version = 1\nnonsense = 2\n");
    assert_eq!(gateway.cli(&["reload", "--reason", "a slip"]).code, 78);
    assert_eq!(gateway.get("/admin/v1/audit").await.as_array().unwrap().len(), n_told, "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_needs_a_reason_and_the_revision_that_is() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let revision = status(&gateway).await["revision"].as_u64().unwrap();
    let json = ("content-type", "application/json");
    let post = async |body: String| crate::kit::send(gateway.admin, "POST", "/admin/v1/reload", &[json], &body).await;
    assert_eq!(post(format!(r#"{{"revision":{revision}}}"#)).await.status, 422);
    assert_eq!(post(format!(r#"{{"reason":" \u001b ","revision":{revision}}}"#)).await.status, 422);
    assert_eq!(post(r#"{"reason":"x"}"#.to_owned()).await.status, 422);
    let good = format!(r#"{{"reason":"a new\u001b[31m\nkey","by":"mara\u0007","revision":{revision}}}"#);
    assert_eq!(post(good.clone()).await.status, 200);
    let told = gateway.get("/admin/v1/audit").await[0].clone();
    assert_eq!((&told["by"], &told["reason"]), (&"mara".into(), &"a new[31m key".into()), "nothing steers a terminal");
    let late = post(good).await;
    assert_eq!((late.status, late.json()["revision"].as_u64()), (409, Some(revision + 1)), "{late:?}");
    let who = late.json()["error"].as_str().unwrap().to_owned();
    assert!(who.contains("mara reloaded the configuration: a new"), "{who}");
}
