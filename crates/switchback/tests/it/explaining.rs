//! `explain`: the first lines answer the incident's questions, the rest shows everything that ran and did not run.

use crate::kit::{Gateway, Seen, ask, chat, file, sim};

async fn told(model: &str, rung: &str) -> (Gateway, Seen, switchback_sim::Sim) {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), model, rung)).await;
    let seen = chat(gateway.listen, &ask("chat", false, "why?")).await;
    (gateway, seen, sim)
}

fn first_lines(text: &str) -> String {
    text.lines().take_while(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_lines_name_from_to_class_outcome_and_whether_it_was_expected() {
    let (gateway, seen, _sim) = told("large+503", "").await;
    let id = seen.header("x-request-id").unwrap().to_owned();
    let ran = gateway.cli(&["explain", &id]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let first = first_lines(&ran.out);
    assert!(first.lines().count() <= 5, "{first}");
    for wanted in ["RECOVERED", "primary → backup", "overloaded", "EXPECTED?", "Yes"] {
        assert!(first.contains(wanted), "{wanted} is not in\n{first}");
    }
    assert!(first.contains("switchback.toml:"), "the ladder's line is named:\n{first}");
    assert_eq!(ran.out.matches("✕ overloaded").count(), 2, "every attempt is shown:\n{}", ran.out);
    assert_eq!(ran.out.matches("wait ").count(), 1, "every wait is shown:\n{}", ran.out);
    assert!(ran.out.contains("● served") && ran.out.contains(&id), "{}", ran.out);
    assert_eq!(gateway.cli(&["explain", "--last"]).out, ran.out);
    assert_eq!(gateway.cli(&["explain", &id[..id.len() - 2]]).out, ran.out, "a unique beginning is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn rungs_that_did_not_run_are_named_with_their_reason() {
    let (gateway, _seen, _sim) = told("large", "").await;
    let ran = gateway.cli(&["explain", "--last"]);
    assert!(first_lines(&ran.out).contains("OK"), "{}", ran.out);
    let line = ran.out.lines().find(|line| line.contains("backup")).unwrap();
    assert!(line.contains("not_reached"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_tells_what_the_caller_got() {
    let (gateway, seen, _sim) = told("large+policy", "").await;
    assert_eq!(seen.status, 400);
    let ran = gateway.cli(&["explain", "--last"]);
    let first = first_lines(&ran.out);
    assert!(first.contains("REFUSED") && first.contains("policy"), "{first}");
    assert!(ran.out.contains("wrong_class") || ran.out.contains("not_reached"), "{}", ran.out);
    assert!(!first.contains("MOVED"), "{first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_is_the_callers_object_and_more() {
    let (gateway, seen, _sim) = told("large+hang", r#", timeout = "500ms""#).await;
    let ran = gateway.cli(&["explain", "--last", "--json"]);
    let (record, object) = (ran.json(), seen.object());
    for (key, value) in object.as_object().unwrap() {
        if key != "attempts" {
            assert_eq!(&record[key], value, "{key}");
        }
    }
    for (kept, told) in record["attempts"].as_array().unwrap().iter().zip(object["attempts"].as_array().unwrap()) {
        assert!(told.as_object().unwrap().iter().all(|(key, value)| &kept[key] == value), "{kept} {told}");
        assert!(kept["at_ms"].is_u64(), "times are added: {kept}");
    }
    let moved = &record["moves"][0];
    assert_eq!((&moved["from"], &moved["to"]), (&"primary".into(), &"backup".into()));
    assert_eq!((&moved["class"], &moved["why"]), (&"timeout".into(), &"ladder".into()));
    assert_eq!(record["attempts"][0]["detail"], "total");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found_and_what_is_no_id_is_wrong_usage() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let ran = gateway.cli(&["explain", "--last"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    chat(gateway.listen, &ask("chat", false, "x")).await;
    let ran = gateway.cli(&["explain", "req_01AAAAAAAAAAAAAAAAAAAAAAAA"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.err.contains("the oldest request that is kept"), "{ran:?}");
    assert_eq!(gateway.cli(&["explain", "../etc"]).code, 2);
    assert_eq!(gateway.cli(&["explain"]).code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_is_fine_until_something_is_wrong() {
    let (gateway, _seen, sim) = told("large", "").await;
    let ran = gateway.cli(&["status"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("nothing is wrong") && ran.out.contains("chat"), "{}", ran.out);
    sim.set_fault("*", vec![switchback_sim::Fault::ServerError]);
    assert_eq!(chat(gateway.listen, &ask("chat", false, "x")).await.status, 424);
    let ran = gateway.cli(&["status"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("chat: 1 of 2 requests"), "{}", ran.out);
    let ran = gateway.cli(&["status", "--json"]);
    assert_eq!((ran.code, &ran.json()["ok"]), (1, &false.into()));
    assert!(ran.json()["revision"].is_u64());
}
