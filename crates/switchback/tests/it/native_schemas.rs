//! The schema of a task's contract goes up in each vendor's own form, and nobody depends on its being taken.

use std::sync::Arc;

use serde_json::Value;

use crate::kit::scripted::{Scripted, completion, message, refused, reply};
use crate::kit::upstream::Kept;
use crate::kit::{Gateway, anthropic, ask, ask_with, chat, page, provider, value};

const SCHEMA: &str = r#"{"type":"object","properties":{"queue":{"type":"string"},"urgency":{"type":"integer"}},"required":["queue","urgency"],"additionalProperties":false}"#;
const SOUND: &str = r#"{"queue":"billing","urgency":2}"#;

/// A gateway whose task `triage` calls an OpenAI-shaped provider that holds schemas, and `claude` the other vendor's.
async fn start(task: &str, says: impl Fn(usize, &Kept) -> String + Send + Sync + 'static) -> (Gateway, Arc<Scripted>) {
    let vendor = Arc::new(Scripted::start(says).await);
    let (open, closed) = (provider("open", &vendor.base_url()), anthropic("closed", &vendor.root()));
    let text = page(&format!(
        r#"{open}{closed}
[route.gpt]
call = "open/gpt"
can = ["chat", "json", "tools", "stream"]
[route.mute]
call = "open/mute"
can = ["chat", "tools", "stream"]
[route.unknown]
call = "open/unknown"
[contract.triage]
schema = "triage.json"
[task.triage]
contract = "triage"
{task}
ladder = [{{ try = "gpt" }}]
[task.claude]
contract = "triage"
{task}
ladder = [{{ try = "closed/claude" }}]
[task.mute]
contract = "triage"
ladder = [{{ try = "mute" }}]
[task.unknown]
contract = "triage"
ladder = [{{ try = "unknown" }}]"#
    ));
    (Gateway::start_beside(&text, &[("triage.json", SCHEMA)]).await, vendor)
}

fn sound(_: usize, kept: &Kept) -> String {
    if kept.head.contains("/v1/messages") { reply(200, &message(SOUND)) } else { reply(200, &completion(SOUND)) }
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_vendor_gets_the_schema_in_its_own_form() {
    let (gateway, vendor) = start("", sound).await;
    for (task, place) in [("triage", "/response_format/json_schema/schema"), ("claude", "/output_config/format/schema")]
    {
        let seen = chat(gateway.listen, &ask(task, false, "My invoice is wrong.")).await;
        assert_eq!(seen.header("x-switchback-outcome"), Some("ok"), "{seen:?}");
        assert_eq!(seen.json()["choices"][0]["message"]["content"], SOUND);
        let sent = vendor.bodies().pop().unwrap();
        let went = sent.pointer(place).unwrap_or_else(|| panic!("{place} in {sent}"));
        assert_eq!(
            (&went["properties"], &went["required"]),
            (&schema()["properties"], &schema()["required"]),
            "{sent}"
        );
        assert_eq!(went["additionalProperties"], false);
        assert!(seen.object().get("dropped").is_none(), "{seen:?}");
    }
    let sent = vendor.bodies();
    assert_eq!((&sent[0]["response_format"]["type"], sent[0].get("output_config")), (&value(r#""json_schema""#), None));
    assert_eq!(
        (&sent[1]["output_config"]["format"]["type"], sent[1].get("response_format")),
        (&value(r#""json_schema""#), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_own_format_is_not_replaced() {
    let (gateway, vendor) = start("", sound).await;
    let format = r#","response_format":{"type":"json_object"}}"#;
    let seen = chat(gateway.listen, &ask_with("triage", false, "JSON please", format)).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    assert_eq!(vendor.bodies()[0]["response_format"], value(r#"{"type": "json_object"}"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn native_false_and_a_route_that_cannot_send_none() {
    let (gateway, vendor) = start("native = false", sound).await;
    for task in ["triage", "claude", "mute"] {
        let seen = chat(gateway.listen, &ask(task, false, "Hi")).await;
        assert!(matches!(seen.status, 200 | 400), "{seen:?}");
        assert!(seen.status == 200 || task == "mute", "{task}: {seen:?}");
    }
    for sent in vendor.bodies() {
        assert!(sent.get("response_format").is_none() && sent.get("output_config").is_none(), "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_ones_own_gets_it_only_where_the_file_says_so() {
    let (gateway, vendor) = start("", sound).await;
    let seen = chat(gateway.listen, &ask("unknown", false, "Hi")).await;
    assert_eq!(seen.header("x-switchback-outcome"), Some("ok"), "{seen:?}");
    assert_eq!(vendor.bodies()[0].get("response_format"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_rejects_it_is_asked_once_more_without_it() {
    for (task, member) in [("triage", "response_format"), ("claude", "output_config")] {
        let says = move |_: usize, kept: &Kept| {
            let body: Value = serde_json::from_slice(&kept.body).unwrap();
            match body.get(member) {
                Some(_) if member == "response_format" => {
                    refused(400, "invalid_value", "response_format", "Invalid schema for response_format 'triage'.")
                }
                Some(_) => {
                    let error = "output_config.format.schema: too many optional members";
                    reply(
                        400,
                        &value(&format!(
                            r#"{{"type":"error","error":{{"type":"invalid_request_error","message":"{error}"}}}}"#
                        )),
                    )
                }
                None => sound(0, kept),
            }
        };
        let (gateway, vendor) = start("", says).await;
        let seen = chat(gateway.listen, &ask(task, false, "Hi")).await;
        assert_eq!((seen.status, seen.header("x-switchback-outcome")), (200, Some("recovered")), "{seen:?}");
        assert_eq!(seen.header("x-switchback-attempts"), Some("2"), "{seen:?}");
        let told = seen.object();
        // What we added of our own is nothing that the caller lost.
        assert_eq!((&told["attempts"][0]["class"], told.get("dropped")), (&value(r#""capability""#), None));
        assert_eq!(vendor.bodies().iter().filter(|it| it.get(member).is_some()).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_own_format_that_is_rejected_is_the_callers_mistake() {
    let says =
        |_: usize, _: &Kept| refused(400, "invalid_value", "response_format", "Invalid schema for response_format.");
    let (gateway, vendor) = start("", says).await;
    let format = r#","response_format":{"type":"json_object"}}"#;
    let seen = chat(gateway.listen, &ask_with("triage", false, "JSON please", format)).await;
    assert_eq!((seen.status, seen.header("x-switchback-attempts")), (400, Some("1")), "{seen:?}");
    assert_eq!(vendor.kept().len(), 1);
}
