//! A rehearsed fault is the simulated one: the real gateway against the simulator leaves the record that the rehearsal says.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;
use switchback_config::{Source, compile_offline, select};
use switchback_core::health::Health;
use switchback_core::record::DecisionRecord;
use switchback_core::rehearse::{FaultRow, Play, Scenario, rehearse};
use switchback_core::time::Now;
use switchback_sim::Fault;

use crate::kit::{Gateway, ask, chat, sim, until};

const SCHEMA: &str =
    r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}"#;

struct Schema;

impl Source for Schema {
    fn file(&self, _: &str) -> Result<String, String> {
        Ok(SCHEMA.to_owned())
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }
}

/// One task for each fault, with a provider of its own: what switches a credential off must hit nobody else. The model's
/// name brings the fault to the simulator.
fn file(base_url: &str, faults: &[&str]) -> String {
    let mut text = format!(
        "version = 1\n[server]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[store]\nrecords = \"sqlite:records.db\"\n\
         [defaults]\nretry-wait = \"10ms..20ms\"\ntimeout = \"700ms\"\ncontract = \"a\"\n[contract.a]\nschema = \"a.schema.json\"\n\
         [provider.good]\napi = \"openai-compatible\"\nbase-url = \"{base_url}\"\n\
         [route.backup]\ncall = \"good/spare\"\ncan = [\"chat\", \"json\", \"tools\", \"stream\"]\n"
    );
    for it in faults {
        let _ = write!(
            text,
            "[provider.p-{it}]\napi = \"openai-compatible\"\nbase-url = \"{base_url}\"\n[route.r-{it}]\n\
             call = \"p-{it}/m+{it}\"\ncan = [\"chat\", \"json\", \"tools\", \"stream\"]\n[task.t-{it}]\n\
             ladder = [{{ try = \"r-{it}\" }}, {{ try = \"backup\" }}, {{ answer = \"{{\\\"a\\\":\\\"busy\\\"}}\" }}]\n"
        );
    }
    text
}

/// What a caller could notice of a record, and what the breaker would.
fn told(record: &Value) -> Vec<String> {
    let word = |value: &Value, key: &str| value[key].as_str().unwrap_or("-").to_owned();
    let attempts = record["attempts"].as_array().unwrap().iter().map(|it| {
        let asked = it["retry_after_ms"].as_u64().unwrap_or(0);
        format!(
            "{}: {} {} {} {}, {asked} ms",
            word(it, "route"),
            word(it, "kind"),
            word(it, "class"),
            word(it, "detail"),
            word(it, "code")
        )
    });
    let ends = [word(record, "outcome"), word(record, "served_by"), word(&record["error"], "code")];
    attempts.chain(ends).collect()
}

fn rehearsed(text: &str, fault: &str) -> DecisionRecord {
    let config = compile_offline("switchback.toml", text, &Schema).config.expect("a sound file");
    let policy = Arc::new(config.policy);
    let id = policy.task_named(&format!("t-{fault}")).unwrap();
    let play = Play { fault: FaultRow::named(fault).unwrap_or_else(|| panic!("{fault} is no fault")), after: None };
    let given = select::given(&policy, policy.task(id).unwrap(), &format!("r-{fault}"), vec![play]).unwrap();
    let scenario = Scenario { given: vec![given], ..Scenario::plain(id) };
    rehearse(&policy, &scenario, &Health::new(&policy), Now::ZERO).unwrap()
}

#[tokio::test]
async fn every_fault_of_the_simulator_is_rehearsed_as_the_gateway_meets_it() {
    let sim = sim().await;
    // By a model's name `refused` is a reset: nothing can be refused once it is read.
    let faults: Vec<&str> = Fault::TABLE.iter().filter(|it| it.fault != Fault::Refused).map(|it| it.name).collect();
    let text = file(&sim.base_url(), &faults);
    let gateway = Gateway::start_beside(&text, &[("a.schema.json", SCHEMA)]).await;
    let mut wrong = Vec::new();
    for fault in faults {
        // A text of its own: a filter's decision sticks to the same messages.
        let seen = chat(gateway.listen, &ask(&format!("t-{fault}"), false, &format!("hello {fault}"))).await;
        let path = format!("/admin/v1/requests/{}", seen.header("x-request-id").unwrap());
        let mut record = Value::Null;
        until("the record is kept", async || {
            record = gateway.get(&path).await;
            record["outcome"].is_string()
        })
        .await;
        let real = told(&record);
        let record = serde_json::to_string(&rehearsed(&text, fault)).unwrap();
        let mine = told(&serde_json::from_str(&record).unwrap());
        if real != mine {
            wrong.push(format!("{fault}\n  gateway   {real:?}\n  rehearsed {mine:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_name_of_a_simulated_fault_names_the_same_in_a_rehearsal() {
    for row in Fault::TABLE {
        let mine = FaultRow::named(row.name).unwrap_or_else(|| panic!("{}", row.name));
        assert_eq!(mine.name, row.name);
        for alias in row.aliases {
            assert_eq!(FaultRow::named(alias).map(|it| it.name), Some(row.name), "{alias}");
        }
    }
}
