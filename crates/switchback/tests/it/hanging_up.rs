//! A client that hangs up at any moment leaves one record and no running upstream call.

use switchback_sim::Sim;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::kit::{Gateway, ask, chat, file, open, sim, until};

/// Clocks that never strike within a test.
const PATIENT: &str = r#", timeout = "55s", first-token = "50s", idle = "50s""#;

async fn left(model: &str, stream: bool, moment: impl AsyncFnOnce(&mut TcpStream, &Sim)) -> (Gateway, Sim) {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), model, PATIENT)).await;
    let body = ask("chat", stream, "hello out there");
    let mut client = open(gateway.listen, "POST", "/v1/chat/completions", &[], &body).await;
    moment(&mut client, &sim).await;
    drop(client);
    let records = gateway.records_of(1).await;
    assert_eq!((&records[0]["outcome"], &records[0]["error"]["code"]), (&"failed".into(), &"cancelled".into()));
    until("the provider is called no longer", async || sim.open_calls() == 0).await;
    assert_eq!(sim.calls().len(), 1, "nobody is asked for a caller who has gone: {:?}", sim.calls());
    let status = gateway.get("/admin/v1/status").await;
    assert_eq!(
        (&status["in_flight"], &status["ok"]),
        (&0.into(), &true.into()),
        "one closed tab is no outage: {status}"
    );
    let counted = &status["tasks"][0]["last_5_min"];
    assert_eq!((&counted["caller"], counted.get("failed")), (&1.into(), None), "{counted}");
    (gateway, sim)
}

async fn asked(_: &mut TcpStream, sim: &Sim) {
    until("the provider is asked", async || sim.open_calls() == 1).await;
}

async fn begun(client: &mut TcpStream, _: &Sim) {
    let mut part = vec![0; 4096];
    let mut seen = Vec::new();
    while !seen.windows(7).any(|it| it == b"content") {
        let length = client.read(&mut part).await.unwrap();
        assert_ne!(length, 0, "the stream ended: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&part[..length]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_answer_has_begun() {
    left("large+hang", false, asked).await;
    left("large+hang", true, asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_an_answer_that_is_not_streamed() {
    left("large+stall", false, asked).await;
    left("large+hang-after-headers", false, asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_a_stream_has_content() {
    left("large+slow-first-token", true, asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_middle_of_a_stream() {
    let (gateway, _sim) = left("large+stall", true, begun).await;
    assert_eq!(gateway.records().await[0]["attempts"][0]["class"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_retry_is_waited_for() {
    let sim = sim().await;
    let task = r#"retry-wait = "20s..20s""#;
    let gateway = Gateway::start(&file(&sim.base_url(), "large+500", PATIENT).task(task)).await;
    let client = open(gateway.listen, "POST", "/v1/chat/completions", &[], &ask("chat", false, "hello")).await;
    until("the first call has failed", async || sim.calls().len() == 1 && sim.open_calls() == 0).await;
    drop(client);
    let records = gateway.records_of(1).await;
    assert_eq!(records[0]["error"]["code"], "cancelled");
    assert_eq!(sim.calls().len(), 1);
    assert_eq!(records[0]["attempts"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_sending_the_request_is_no_request() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", PATIENT)).await;
    let mut client = TcpStream::connect(gateway.listen).await.unwrap();
    let half = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{\"model\":";
    client.write_all(half).await.unwrap();
    drop(client);
    assert_eq!(chat(gateway.listen, &ask("chat", false, "hello")).await.status, 200);
    assert_eq!(gateway.records_of(1).await[0]["outcome"], "ok");
    assert_eq!(sim.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn hang_ups_do_not_hurt_the_route() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", PATIENT)).await;
    sim.set_fault("large", vec![switchback_sim::Fault::Hang]);
    for n in 1..=12 {
        let client = open(gateway.listen, "POST", "/v1/chat/completions", &[], &ask("chat", false, "hello")).await;
        until("the provider is asked", async || sim.calls().len() == n).await;
        drop(client);
        until("the call has ended", async || sim.open_calls() == 0).await;
    }
    gateway.records_of(12).await;
    sim.clear_faults();
    let seen = chat(gateway.listen, &ask("chat", false, "hello")).await;
    assert_eq!(seen.header("x-switchback-served-by"), Some("primary"), "{seen:?}");
}
