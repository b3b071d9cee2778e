//! SIGTERM drains: what is in flight finishes, nothing new begins, nothing is lost.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::kit::{Gateway, ask, chat, file, read, run, send, slow_sim, until};

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_finish_and_new_ones_are_not_taken() {
    let sim = slow_sim(Duration::from_secs(2)).await;
    let mut gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let addr = gateway.listen;
    let mut asked = JoinSet::new();
    for stream in [false, true] {
        asked.spawn(async move { (stream, chat(addr, &ask("chat", stream, "before the end")).await) });
    }
    until("both are at the provider", async || sim.open_calls() == 2).await;
    gateway.signal("TERM");
    let ready = async || send(gateway.admin, "GET", "/readyz", &[], "").await.status;
    until("it says that it drains", async || ready().await == 503).await;
    // A connection that was queued before the listener closed hears why; later ones are refused.
    if let Ok(mut late) = TcpStream::connect(addr).await {
        let body = ask("chat", false, "too late");
        let length = body.len();
        let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close";
        let _ = late.write_all(format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes()).await;
        let seen = read(&mut late).await;
        let is_told = seen.status == 503 && seen.code() == "gateway_overloaded" && seen.header("retry-after").is_some();
        assert!(is_told || seen.status == 0, "{seen:?}");
    }
    assert!(sim.calls().len() == 2, "nothing new was asked for: {:?}", sim.calls());
    for (stream, seen) in asked.join_all().await {
        assert_eq!((seen.status, seen.whole), (200, true), "{seen:?}");
        let text = if stream { seen.text() } else { seen.body.clone() };
        assert!(text.contains("before the end"), "{seen:?}");
        assert!(!stream || seen.is_done(), "{seen:?}");
    }
    assert_eq!(gateway.ended().await.code(), Some(0));
    let gateway = gateway.crash_and_restart().await;
    assert_eq!(gateway.records().await.len(), 2, "the records of both were written before the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_the_drain_cuts_leave_their_records() {
    const N: usize = 20;
    let sim = slow_sim(Duration::from_secs(25)).await;
    let mut gateway = Gateway::start(&file(&sim.base_url(), "large", "").server("drain = \"200ms\"")).await;
    let addr = gateway.listen;
    let mut asked = JoinSet::new();
    for n in 0..N {
        asked.spawn(async move { chat(addr, &ask("chat", n % 2 == 1, "too long")).await });
    }
    until("all are at the provider", async || sim.open_calls() == N).await;
    gateway.signal("TERM");
    assert_eq!(gateway.ended().await.code(), Some(0));
    assert!(asked.join_all().await.iter().all(|it| !it.whole), "the time was too short for every one of them");
    let gateway = gateway.crash_and_restart().await;
    let records = gateway.records().await;
    assert_eq!(records.len(), N, "every one of them is accounted for");
    assert!(records.iter().all(|it| it["outcome"] == "failed"), "{records:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let sim = slow_sim(Duration::from_secs(25)).await;
    let mut gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let addr = gateway.listen;
    let mut asked = JoinSet::new();
    asked.spawn(async move { chat(addr, &ask("chat", false, "long")).await });
    until("the provider is asked", async || sim.open_calls() == 1).await;
    gateway.signal("TERM");
    until("it drains", async || gateway.log().contains("draining")).await;
    gateway.signal("TERM");
    assert_eq!(gateway.ended().await.code(), Some(1));
    assert!(!asked.join_next().await.unwrap().unwrap().whole);
}

#[test]
fn without_a_gateway_the_verbs_that_need_one_say_so() {
    for verb in [&["status"][..], &["explain", "--last"], &["routes", "list"], &["reload"]] {
        // Port 9 is the discard service, which nothing offers here.
        let ran = run(&[&["--admin", "http://127.0.0.1:9"], verb].concat(), &[]);
        assert_eq!(ran.code, 3, "{verb:?}: {ran:?}");
        assert!(ran.err.contains("switchback serve"), "{ran:?}");
        assert!(ran.out.is_empty(), "{ran:?}");
    }
}
