//! Switching routes off and on: at once, with a reason, kept over a crash, ended by time, and accounted for.

use serde_json::Value;

use crate::kit::{Gateway, Seen, ask, chat, file, send, sim, until};

async fn served(gateway: &Gateway) -> Seen {
    chat(gateway.listen, &ask("chat", false, "who is it?")).await
}

async fn start() -> (Gateway, switchback_sim::Sim) {
    let sim = sim().await;
    (Gateway::start(&file(&sim.base_url(), "large", "")).await, sim)
}

fn by(seen: &Seen) -> Option<&str> {
    seen.header("x-switchback-served-by")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_route_is_not_called_over_a_crash_until_somebody_enables_it() {
    let (gateway, sim) = start().await;
    let ran = gateway.cli(&["routes", "disable", "primary", "--reason", "bad answers", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("chat would start at rung 2, backup"), "the preview says what it does: {ran:?}");
    assert!(ran.out.contains("undo: switchback routes enable"), "{ran:?}");
    let seen = served(&gateway).await;
    assert_eq!((by(&seen), seen.header("x-switchback-why")), (Some("backup"), Some("operator")), "{seen:?}");
    assert_eq!(seen.header("x-switchback-not-run"), Some("primary=disabled"));
    assert_eq!(seen.header("x-switchback-outcome"), Some("recovered"));
    assert_eq!(gateway.cli(&["routes", "list"]).code, 0);

    let gateway = gateway.crash_and_restart().await;
    assert!(gateway.log().contains("primary is disabled by"), "the start says what is switched off");
    assert_eq!(by(&served(&gateway).await), Some("backup"), "a crash does not switch it on again");
    assert!(sim.calls().iter().all(|it| it.model == "spare"), "no probe either: {:?}", sim.calls());

    assert_eq!(gateway.cli(&["routes", "enable", "primary", "--reason", "fixed"]).code, 0);
    assert_eq!(by(&served(&gateway).await), Some("primary"));
    let audit = gateway.get("/admin/v1/audit").await;
    let told: Vec<(&str, &str)> = audit.as_array().unwrap().iter().map(acted).collect();
    assert_eq!(told, [("enable", "fixed"), ("disable", "bad answers")]);
}

fn acted(entry: &Value) -> (&str, &str) {
    assert_eq!(entry["target"], "primary");
    assert!(entry["by"].as_str().is_some_and(|it| !it.is_empty()) && entry["at_ms"].is_u64(), "{entry}");
    (entry["action"].as_str().unwrap(), entry["reason"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disable_that_was_given_a_time_ends_by_itself_and_is_accounted_for() {
    let (gateway, _sim) = start().await;
    let ran =
        gateway.cli(&["routes", "disable", "sim/large", "--for", "2s", "--reason", "a moment", "--yes", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["routes"][0], "primary", "a selector may name the call");
    assert!(ran.json()["until_ms"].is_u64());
    assert_eq!(by(&served(&gateway).await), Some("backup"));
    until("it is over", async || by(&served(&gateway).await) == Some("primary")).await;
    until("it is accounted for", async || gateway.get("/admin/v1/audit").await[0]["action"] == "expire").await;
    assert_eq!(gateway.get("/admin/v1/status").await["overrides"], Value::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_without_a_reason_a_yes_and_a_route() {
    let (gateway, _sim) = start().await;
    for (args, code) in [
        (&["routes", "disable", "primary", "--yes"][..], 4),
        (&["routes", "disable", "primary", "--reason", "   ", "--yes"], 4),
        (&["routes", "disable", "primary", "--reason", "x"], 4),
        (&["routes", "disable", "primary", "--reason", "x", "--no-input"], 4),
        (&["routes", "enable", "primary"], 4),
        (&["routes", "disable", "nobody", "--reason", "x", "--yes"], 5),
        (&["routes", "disable", "primary", "--for", "soon", "--reason", "x", "--yes"], 2),
        (&["routes", "disable"], 2),
    ] {
        let ran = gateway.cli(args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{args:?}: {ran:?}");
    }
    assert_eq!(by(&served(&gateway).await), Some("primary"));
    assert_eq!(gateway.get("/admin/v1/audit").await, Value::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rules_hold_on_the_other_door() {
    let (gateway, _sim) = start().await;
    let json = ("content-type", "application/json");
    let revision = gateway.get("/admin/v1/status").await["revision"].as_u64().unwrap();
    let order = |more: &str| format!(r#"{{"select":"primary"{more}}}"#);
    let good = order(&format!(r#","reason":"x","revision":{revision}"#));
    let stale = order(&format!(r#","reason":"x","revision":{}"#, revision + 7));
    for (headers, body, status) in [
        (vec![json], order(&format!(r#","revision":{revision}"#)), 422),
        (vec![json], order(r#","reason":"x""#), 422),
        (vec![json], stale, 409),
        (vec![json, ("origin", "http://evil.example")], good.clone(), 403),
        (vec![("content-type", "text/plain")], good.clone(), 403),
        (vec![], good.clone(), 403),
    ] {
        let seen = send(gateway.admin, "POST", "/admin/v1/routes/disable", &headers, &body).await;
        assert_eq!(seen.status, status, "{body} {seen:?}");
        assert!(seen.json()["error"].as_str().is_some_and(|it| it.len() > 10), "{seen:?}");
    }
    assert_eq!(by(&served(&gateway).await), Some("primary"));
    let seen = send(gateway.admin, "POST", "/admin/v1/routes/disable", &[json], &good).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let again = send(gateway.admin, "POST", "/admin/v1/routes/disable", &[json], &good).await;
    assert_eq!((again.status, again.json()["revision"].as_u64()), (409, seen.json()["revision"].as_u64()), "{again:?}");
    assert!(again.json()["error"].as_str().unwrap().contains("somebody acted first"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_side_asks_for_its_token_on_every_path_of_the_api() {
    let sim = sim().await;
    let text = file(&sim.base_url(), "large", "").server("admin-token = \"env:ADMIN_TOKEN\"").text();
    let gateway = Gateway::start_with(&text, &[("ADMIN_TOKEN", "canary-admin-token-1")]).await;
    for path in ["/admin/v1/status", "/admin/v1/requests", "/admin/v1/routes", "/admin/v1/audit", "/admin/v1/tasks"] {
        assert_eq!(send(gateway.admin, "GET", path, &[], "").await.status, 401, "{path}");
        let wrong = [("authorization", "Bearer canary-admin-token-2")];
        assert_eq!(send(gateway.admin, "GET", path, &wrong, "").await.status, 401, "{path}");
        let right = [("authorization", "Bearer canary-admin-token-1")];
        assert_eq!(send(gateway.admin, "GET", path, &right, "").await.status, 200, "{path}");
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(send(gateway.admin, "GET", path, &[], "").await.status, 200, "{path}");
    }
    assert_eq!(gateway.cli(&["status"]).code, 4);
    assert_eq!(gateway.cli(&["--admin-token", "canary-admin-token-1", "status"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_who_act_on_the_same_view_exactly_one_does() {
    let (gateway, _sim) = start().await;
    let revision = gateway.get("/admin/v1/status").await["revision"].as_u64().unwrap();
    let mut acts = tokio::task::JoinSet::new();
    for n in 0..12 {
        let admin = gateway.admin;
        acts.spawn(async move {
            let body = format!(r#"{{"select":"*","reason":"x","by":"hand {n}","revision":{revision}}}"#);
            let path = ["/admin/v1/routes/disable", "/admin/v1/routes/enable", "/admin/v1/reload"][n % 3];
            send(admin, "POST", path, &[("content-type", "application/json")], &body).await
        });
    }
    let seen = acts.join_all().await;
    assert_eq!(seen.iter().filter(|it| it.status == 200).count(), 1, "{seen:?}");
    assert_eq!(seen.iter().filter(|it| it.status == 409).count(), 11, "{seen:?}");
    let told = gateway.get("/admin/v1/audit").await;
    let by = told[0]["by"].as_str().unwrap();
    assert!(told.as_array().unwrap().iter().all(|it| it["by"] == by), "{told}");
    let late = seen.iter().find(|it| it.status == 409).unwrap();
    assert!(late.json()["error"].as_str().unwrap().contains(&format!("{by} ")), "it says who: {late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_routes_are_switched_together() {
    let (gateway, _sim) = start().await;
    assert_eq!(gateway.cli(&["routes", "disable", "*", "--reason", "all of it", "--yes"]).code, 0);
    assert_ne!(served(&gateway).await.status, 200);
    let revision = gateway.get("/admin/v1/status").await["revision"].as_u64().unwrap();
    let gateway = gateway.crash_and_restart().await;
    assert_eq!(gateway.get("/admin/v1/status").await["overrides"].as_array().unwrap().len(), 2);
    assert_eq!(gateway.cli(&["routes", "enable", "*", "--reason", "well again"]).code, 0);
    assert_eq!(by(&served(&gateway).await), Some("primary"));
    assert_eq!(gateway.get("/admin/v1/status").await["revision"].as_u64(), Some(revision), "one change each");
    assert_eq!(gateway.get("/admin/v1/audit").await.as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_rung_has_a_star_is_one_task_whichever_models_were_asked_for() {
    let sim = sim().await;
    let task = "[task.any]\nnames = [\"any/*\"]\nladder = [{ try = \"sim/*\" }, { try = \"primary\" }]\n";
    let gateway = Gateway::start_with(&file(&sim.base_url(), "large", "").rest(task).text(), &[]).await;
    for model in ["any/one", "any/two", "any/three"] {
        let seen = chat(gateway.listen, &ask(model, false, "Hi")).await;
        assert_eq!(seen.status, 200, "{seen:?}");
    }
    let tasks = gateway.get("/admin/v1/tasks").await;
    let mine = tasks.as_array().unwrap().iter().filter(|it| it["task"] == "any");
    assert_eq!(mine.map(|it| it["last_5_min"]["ok"].as_u64()).collect::<Vec<_>>(), [Some(3)], "{tasks}");
    let primary = gateway.get("/admin/v1/routes/primary").await;
    let uses = primary["used_by"].as_array().unwrap().iter().filter(|it| *it == "any 2");
    assert_eq!(uses.count(), 1, "{primary}");
    let page = send(gateway.admin, "GET", "/requests", &[], "").await.body;
    assert_eq!(page.matches("<option value=\"any\"").count(), 1);
}
