//! Steady traffic of the demo: a caller that does what an application does, through the front door.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use switchback_gateway::upstream::{Endpoint, Upstream};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// Requests that may run at once; what comes on top is not sent.
const MOST_AT_ONCE: usize = 200;

const HELLO: &str = r#"{"model":"hello","messages":[{"role":"user","content":"Good morning! How are you?"}]}"#;
const HELLO_STREAM: &str =
    r#"{"model":"hello","stream":true,"messages":[{"role":"user","content":"Tell me something nice."}]}"#;
const EXTRACT: &str = r#"{"model":"extract","messages":[{"role":"user","content":"Two chairs, 120 EUR, by Friday."}],
"response_format":{"type":"json_schema","json_schema":{"name":"order","schema":{"type":"object",
"properties":{"item":{"type":"string"},"total":{"type":"number"}},"required":["item","total"],
"additionalProperties":false}}}}"#;

/// Sends this many requests a second until dropped.
pub(super) async fn flow(to: SocketAddr, rate: u16, seed: u64) {
    let Ok(endpoint) = Endpoint::parse(&format!("http://{to}/v1")) else { return };
    let caller = Arc::new(Upstream::new(endpoint, Duration::from_secs(1), None, 64, Duration::from_secs(30)));
    let mut every = interval(Duration::from_secs(1) / u32::from(rate.max(1)));
    every.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut running = JoinSet::new();
    let mut n = seed;
    loop {
        every.tick().await;
        while running.try_join_next().is_some() {}
        n = n.wrapping_add(1);
        let body = match n % 5 {
            0 | 3 => EXTRACT,
            1 => HELLO_STREAM,
            _ => HELLO,
        };
        if running.len() < MOST_AT_ONCE {
            running.spawn(send(Arc::clone(&caller), body));
        }
    }
}

/// One request, read to its end. What came of it is told by the gateway's own record.
async fn send(caller: Arc<Upstream>, body: &'static str) {
    let request = http::Request::post("/v1/chat/completions")
        .header("host", caller.endpoint().authority())
        .header("content-type", "application/json")
        .header("user-agent", "switchback-demo")
        .body(Full::from(body));
    let Ok(request) = request else { return };
    let by = Instant::now() + Duration::from_secs(1);
    if let Ok(mut response) = caller.send(0, request, by, &mut false).await {
        let read = async { while let Some(Ok(_)) = response.body_mut().frame().await {} };
        let _ = timeout(Duration::from_secs(10), read).await;
    }
}
