//! A caller who hangs up leaves nothing running.

use std::time::Duration;

use switchback_sim::{Sim, SimSettings};
use tokio::io::AsyncReadExt;

use crate::client::{ask, open, sim};

async fn until(sim: &Sim, open_calls: usize) {
    let reached = async {
        while sim.open_calls() != open_calls {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), reached).await;
    assert!(waited.is_ok(), "{} calls open instead of {open_calls}", sim.open_calls());
}

#[tokio::test]
async fn hanging_up_before_the_answer_closes_the_call() {
    let sim = sim().await;
    for stream in [false, true] {
        let mut connections = Vec::new();
        for _ in 0..3 {
            let body = ask("gpt-sim+hang", stream, "hello").to_string();
            connections.push(open(sim.addr(), "POST", "/v1/chat/completions", &body).await);
        }
        until(&sim, 3).await;
        connections.pop();
        until(&sim, 2).await;
        drop(connections);
        until(&sim, 0).await;
    }
    assert!(sim.calls().iter().all(|call| !call.finished));
}

#[tokio::test]
async fn hanging_up_in_the_middle_of_an_answer_closes_the_call() {
    let sim = sim().await;
    for fault in ["stall", "drip", "hang-after-headers"] {
        for stream in [false, true] {
            let body = ask(&format!("gpt-sim+{fault}"), stream, "hello").to_string();
            let mut connection = open(sim.addr(), "POST", "/v1/chat/completions", &body).await;
            assert!(connection.read(&mut [0; 4096]).await.unwrap() > 0);
            until(&sim, 1).await;
            drop(connection);
            until(&sim, 0).await;
        }
    }
    assert!(sim.calls().iter().all(|call| !call.finished));
}

#[tokio::test]
async fn hanging_up_while_the_model_thinks_closes_the_call() {
    let settings = SimSettings { first_token: "1m".parse().unwrap(), ..SimSettings::default() };
    let sim = Sim::start(settings).await.unwrap();
    for stream in [false, true] {
        let body = ask("gpt-sim", stream, "hello").to_string();
        let connection = open(sim.addr(), "POST", "/v1/chat/completions", &body).await;
        until(&sim, 1).await;
        drop(connection);
        until(&sim, 0).await;
    }
}
