//! No secret is ever shown: not in answers, errors, records, operators' views, on the terminal or in the log.

use crate::kit::gateway::PROVIDER_KEY;
use crate::kit::{Gateway, ask, chat_with, file, run, send, sim};

const APP_KEY: &str = "sk-application-canary-77aa31";
const ADMIN: &str = "admin-canary-token-4be2";

#[tokio::test(flavor = "multi_thread")]
async fn canaries_are_seen_nowhere() {
    let sim = sim().await;
    let server = "app-keys = \"env:APP_KEYS\"\nadmin-token = \"env:ADMIN_TOKEN\"";
    let text = file(&sim.base_url(), "large", "").server(server).text();
    let app_keys = format!("web:{APP_KEY}");
    let envs = [("APP_KEYS", &*app_keys), ("ADMIN_TOKEN", ADMIN)];
    let gateway = Gateway::start_with(&text, &envs).await;
    let key = format!("Bearer {APP_KEY}");
    let mut shown = Vec::new();
    for fault in ["ok", "500", "401", "policy", "400", "hang-after-headers", "malformed-first"] {
        sim.set_fault("*", vec![fault.parse().unwrap()]);
        for stream in [false, true] {
            let headers = [("authorization", &*key), ("x-switchback-deadline", "400ms")];
            let seen = chat_with(gateway.listen, &headers, &ask("chat", stream, fault)).await;
            shown.push(format!("{}\n{}", seen.head, seen.body));
        }
    }
    let wrong = chat_with(gateway.listen, &[("authorization", "Bearer sk-wrong")], &ask("chat", false, "x")).await;
    shown.push(wrong.body);
    let token = format!("Bearer {ADMIN}");
    for path in ["status", "requests?limit=1000", "requests/last", "routes", "tasks", "audit"] {
        let path = format!("/admin/v1/{path}");
        let seen = send(gateway.admin, "GET", &path, &[("authorization", &token)], "").await;
        assert_eq!(seen.status, 200, "{path}");
        shown.push(seen.body);
    }
    for verb in [
        &["status"][..],
        &["status", "--json"],
        &["explain", "--last"],
        &["explain", "--last", "--json"],
        &["-v", "routes"],
    ] {
        let ran = gateway.cli(&[&["--admin-token", ADMIN], verb].concat());
        shown.push(ran.out + &ran.err);
    }
    for args in [&["check"][..], &["check", "--json"], &["--help"], &["serve", "--help"]] {
        let path = gateway.config_path();
        let envs = [("APP_KEYS", &*app_keys), ("ADMIN_TOKEN", ADMIN), ("SWITCHBACK_ADMIN_TOKEN", ADMIN)];
        let ran = run(&[&["-c", path.to_str().unwrap()], args].concat(), &envs);
        shown.push(ran.out + &ran.err);
    }
    shown.push(gateway.log());
    let files = std::fs::read_dir(gateway.folder.path()).unwrap().map(|it| it.unwrap().path());
    shown.extend(files.map(|it| String::from_utf8_lossy(&std::fs::read(it).unwrap()).into_owned()));
    assert!(shown.len() > 25);
    for text in &shown {
        for secret in [PROVIDER_KEY, APP_KEY, ADMIN] {
            assert!(!text.contains(secret), "{secret} is shown in: {text}");
        }
    }
}
