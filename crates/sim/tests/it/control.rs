//! Faults switched at run time, in-process and over HTTP; the log and the state.

use serde_json::Value;
use switchback_sim::{Fault, Sim, SimSettings};
use tokio::net::TcpStream;

use crate::client::{End, ask, chat, json, open, read, send, sim, write};

async fn statuses(sim: &Sim, model: &str, calls: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..calls {
        statuses.push(chat(sim.addr(), &ask(model, false, "hello")).await.status);
    }
    statuses
}

#[tokio::test]
async fn a_sequence_is_met_call_by_call_and_its_last_entry_stays() {
    let sim = sim().await;
    sim.set_fault("gpt-*", vec![Fault::ServerError, Fault::Ok, Fault::Quota]);
    assert_eq!(statuses(&sim, "gpt-sim", 4).await, [500, 200, 429, 429]);
    assert_eq!(statuses(&sim, "other", 1).await, [200]);
    sim.set_fault("*", vec![Fault::Ok]);
    assert_eq!(statuses(&sim, "gpt-sim+500", 1).await, [200], "the newest rule wins, and over the model name too");
    sim.clear_faults();
    assert_eq!(statuses(&sim, "gpt-sim", 1).await, [200]);
    assert_eq!(statuses(&sim, "gpt-sim+500", 1).await, [500]);
}

#[tokio::test]
async fn shells_can_switch_faults_on_both_ports() {
    let sim = sim().await;
    for addr in [sim.addr(), sim.control_addr()] {
        let set = send(addr, "POST", "/_sim/faults", "{\"model\":\"gpt-*\",\"faults\":[\"overloaded\",\"ok\"]}").await;
        assert_eq!(set.status, 200);
        assert_eq!(set.json()["faults"], json!([{"model": "gpt-*", "faults": ["529", "ok"], "next": 0}]));
        assert_eq!(statuses(&sim, "gpt-sim", 2).await, [529, 200]);
        let state = send(addr, "GET", "/_sim/state", "").await.json();
        assert_eq!((&state["open_calls"], &state["faults"][0]["next"]), (&json!(0), &json!(1)));
        assert_eq!(send(addr, "DELETE", "/_sim/faults", "").await.json()["faults"], json!([]));
        assert_eq!(statuses(&sim, "gpt-sim", 1).await, [200]);
    }
    let wrong = send(sim.addr(), "POST", "/_sim/faults", "{\"faults\":[\"overloded\"]}").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.json()["error"]["message"].as_str().unwrap().contains("did you mean 529"), "{wrong:?}");
    assert_eq!(send(sim.control_addr(), "GET", "/v1/models", "").await.status, 404, "the control port is no provider");
}

#[tokio::test]
async fn refused_is_refused_until_the_faults_change() {
    let sim = sim().await;
    let mut idle = open(sim.addr(), "POST", "/v1/chat/completions", &ask("gpt-sim", false, "hello").to_string()).await;
    assert_eq!(read(&mut idle).await.status, 200);
    let mut busy =
        open(sim.addr(), "POST", "/v1/chat/completions", &ask("gpt-sim+hang", false, "hello").to_string()).await;
    while sim.open_calls() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        sim.set_fault("*", vec![Fault::Refused]);
        let refused = TcpStream::connect(sim.addr()).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        let state = send(sim.control_addr(), "GET", "/_sim/state", "").await.json();
        assert_eq!(state["refusing"], true);
        send(sim.control_addr(), "DELETE", "/_sim/faults", "").await;
        assert_eq!(statuses(&sim, "gpt-sim", 1).await, [200]);
    }
    assert_eq!(read(&mut busy).await.end, End::Reset, "a call under way falls with the provider");
    assert_eq!(read(&mut idle).await.end, End::Reset);
    assert_eq!(sim.open_calls(), 0);
}

#[tokio::test]
async fn refused_can_be_ordered_over_the_very_port_that_it_closes() {
    let sim = sim().await;
    let set = send(sim.addr(), "POST", "/_sim/faults", "{\"faults\":[\"down\"]}").await;
    assert_eq!((set.status, set.end), (200, End::Proper));
    assert!(TcpStream::connect(sim.addr()).await.is_err());
    sim.set_fault("*", vec![]);
    assert_eq!(statuses(&sim, "gpt-sim", 1).await, [200]);
}

#[tokio::test]
async fn a_sequence_that_leads_to_refused_still_answers_the_call_before() {
    let sim = sim().await;
    sim.set_fault("*", vec![Fault::ServerError, Fault::Refused]);
    let seen = chat(sim.addr(), &ask("gpt-sim", false, "hello")).await;
    assert_eq!((seen.status, seen.end), (500, End::Proper));
    let refused = TcpStream::connect(sim.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn the_log_tells_every_call_and_no_key() {
    let sim = sim().await;
    chat(sim.addr(), &ask("gpt-sim", true, "hello")).await;
    chat(sim.addr(), &ask("gpt-sim+cut", false, "hello")).await;
    chat(sim.addr(), &ask("gpt-sim+500", false, "hello")).await;
    send(sim.addr(), "POST", "/v1/chat/completions", "not json").await;
    let calls = sim.calls();
    let told: Vec<_> = calls.iter().map(|c| (c.number, c.model.as_str(), c.stream, c.fault, c.finished)).collect();
    assert_eq!(
        told,
        [
            (0, "gpt-sim", true, None, true),
            (1, "gpt-sim+cut", false, Some(Fault::Cut), false),
            (2, "gpt-sim+500", false, Some(Fault::ServerError), true),
            (3, "", false, None, true),
        ]
    );
    let shown = send(sim.control_addr(), "GET", "/_sim/calls", "").await;
    assert!(!shown.body.contains("sk-test"), "{}", shown.body);
    let shown = shown.json();
    assert_eq!((&shown[1]["fault"], &shown[1]["key"]), (&"cut".into(), &"1234".into()));
    assert_eq!(shown.as_array().map(Vec::len), Some(4));
    assert_eq!(send(sim.addr(), "DELETE", "/_sim/calls", "").await.status, 200);
    assert_eq!(sim.calls(), []);
    chat(sim.addr(), &ask("gpt-sim", false, "hello")).await;
    assert_eq!((sim.calls()[0].number, sim.calls()[0].finished), (4, true), "numbers go on");
}

#[tokio::test]
async fn the_log_is_bounded() {
    let sim = sim().await;
    let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
    let body = ask("gpt-sim+500", false, "hello").to_string();
    for _ in 0..10_050 {
        write(&mut stream, "POST", "/v1/chat/completions", &body, "k").await;
        assert_eq!(read(&mut stream).await.status, 500);
    }
    let calls = sim.calls();
    assert_eq!(calls.len(), 10_000);
    assert_eq!((calls[0].number, calls[9_999].number), (50, 10_049));
    assert!(calls.iter().all(|call| call.finished));
}

#[tokio::test]
async fn a_stopped_simulator_gives_its_ports_back() {
    let sim = sim().await;
    let (addr, control) = (sim.addr(), sim.control_addr());
    assert!(sim.base_url().ends_with("/v1"));
    let mut busy = open(addr, "POST", "/v1/chat/completions", &ask("gpt-sim+hang", false, "hello").to_string()).await;
    sim.stop().await;
    assert!(TcpStream::connect(addr).await.is_err());
    assert!(TcpStream::connect(control).await.is_err());
    assert_eq!(read(&mut busy).await.status, 0);
    let again = Sim::start(SimSettings { listen: addr, ..SimSettings::default() }).await.unwrap();
    assert_eq!(again.addr(), addr);
    let taken = Sim::start(SimSettings { listen: addr, ..SimSettings::default() }).await.unwrap_err();
    assert!(taken.to_string().contains(&addr.to_string()), "{taken}");
}

#[tokio::test]
async fn a_body_above_the_bound_is_refused() {
    let sim = sim().await;
    let order = format!("{{\"faults\":[\"ok\"],\"model\":\"{}\"}}", "x".repeat(70_000));
    let seen = send(sim.control_addr(), "POST", "/_sim/faults", &order).await;
    assert_eq!(seen.status, 413);
    assert_eq!(seen.json()["error"]["code"], Value::from("request_too_large"));
}
