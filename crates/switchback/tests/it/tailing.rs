//! `tail`: every finished request once, as it happens; data apart from talk; and an end that is no error.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::Value;

use crate::kit::operators::Operators;
use crate::kit::{Gateway, SOON, ask, chat, command, file, run, sim, until};

/// A running `tail` whose lines can be waited for. Dropping it kills it.
struct Tail {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Tail {
    fn start(admin: &str, args: &[&str]) -> Tail {
        let mut command = command();
        let command = command.args(["--admin", admin, "tail"]).args(args).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Tail { child, out, err }
    }

    fn line(&self) -> String {
        self.out.recv_timeout(SOON).expect("a line of data")
    }

    fn talk(&self) -> String {
        self.err.recv_timeout(SOON).expect("a line of talk")
    }

    /// The exit code, and what was still said.
    fn ended(mut self) -> (Option<i32>, Vec<String>, Vec<String>) {
        let code = self.child.wait().unwrap().code();
        (code, self.out.iter().collect(), self.err.iter().collect())
    }

    fn interrupt(&self) {
        let kill = format!("kill -INT {}", self.child.id());
        assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).all(|it| sender.send(it).is_ok()));
    receiver
}

/// A record as the gateway tells it, arrived so many milliseconds after a moment.
fn record(id: &str, at: u64) -> String {
    format!(
        r#"{{"request_id":"{id}","task":"chat","surface":"interactive","outcome":"recovered","why":"ladder","served_by":"claude","rung":2,"rungs":2,"attempts":[{{"rung":1,"route":"gpt-mini","kind":"first","class":"timeout","status":null,"ms":3000,"cost_usd":null}},{{"rung":2,"route":"claude","kind":"first","class":"served","status":200,"ms":900,"cost_usd":null}}],"not_run":[],"cost_usd":null,"added_ms":3005,"arrived_ms":{},"total_ms":3910,"deadline_ms":60000,"stream":false,"committed":false,"config":"9d4455a"}}"#,
        1_800_000_000_000 + at
    )
}

fn event(id: &str, at: u64) -> String {
    format!("event: request\ndata: {}\n\n", record(id, at))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_line_of_data_and_everything_else_is_talk() {
    let operators = Operators::start().await;
    let events = operators.stream();
    let tail = Tail::start(&operators.url(), &[]);
    assert!(tail.talk().contains(&format!("following {}", operators.url())));
    events.send(format!(": still here\n\n{}event: breaker\ndata: {{}}\n\n", event("req_1", 0))).unwrap();
    events.send("event: missed\ndata: 12\n\n".to_owned()).unwrap();
    assert_eq!(
        tail.line(),
        "08:00:03  req_1  ◐ recovered  chat              gpt-mini=timeout;3000, claude=served;900  3910 ms  ?"
    );
    assert!(tail.talk().contains("12 requests are not shown"));
    tail.interrupt();
    let (code, out, err) = tail.ended();
    assert_eq!((code, out, err), (Some(0), Vec::new(), Vec::new()), "ctrl-c is an end like any other");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_is_asked_to_filter_and_to_begin_with_the_last() {
    let operators = Operators::start().await;
    let _events = operators.stream();
    let args =
        ["--task", "support-*", "--outcome", "re*", "--route", "openai/*", "--last", "5", "--admin-token", "canary"];
    let tail = Tail::start(&operators.url(), &args);
    let talk = tail.talk();
    assert!(["task support-*", "outcome re*", "route openai/*"].iter().all(|it| talk.contains(it)), "{talk}");
    let asked = operators.asked();
    assert_eq!(asked[0].line, "GET /admin/v1/events?last=5&task=support-%2A&outcome=re%2A&route=openai%2F%2A");
    assert!(asked[0].head.contains("Bearer canary"), "{}", asked[0].head);
    assert!(!talk.contains("canary"), "{talk}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_it_goes_on_and_shows_nothing_twice_and_nothing_too_little() {
    let operators = Operators::start().await;
    let (first, second) = (operators.stream(), operators.stream());
    let tail = Tail::start(&operators.url(), &[]);
    assert!(tail.talk().contains("following"));
    first.send(event("req_0", 0) + &event("req_1", 10_000)).unwrap();
    assert!(tail.line().contains("req_0") && tail.line().contains("req_1"));
    drop(first);
    assert!(tail.talk().contains("asking"), "the break is told");
    assert!(tail.talk().contains("following"), "and that it goes on");
    // What finished meanwhile comes with the last ones: one that was shown, one from long before, and a new one.
    second.send(event("req_early", 0) + &event("req_1", 10_000) + &event("req_2", 10_500)).unwrap();
    assert!(tail.line().contains("req_2"));
    let lasts: Vec<String> = operators.asked().iter().map(|it| it.line.clone()).collect();
    assert_eq!(lasts, ["GET /admin/v1/events?last=0", "GET /admin/v1/events?last=200"]);
    drop(second);
    assert!(tail.talk().contains("asking"));
    operators.answers("GET /admin/v1/events", 401, r#"{"error":"send the admin token"}"#);
    assert!(tail.talk().contains("admin token"), "a refusal is no restart");
    let (code, out, _) = tail.ended();
    assert_eq!((code, out), (Some(4), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_every_line_is_the_record_itself() {
    let operators = Operators::start().await;
    let events = operators.stream();
    let tail = Tail::start(&operators.url(), &["--json"]);
    // Data over several lines is one record as well.
    let split = record("req_2", 5).replacen(",\"task\"", ",\ndata: \"task\"", 1);
    events.send(event("req_1", 0) + "event: request\ndata: " + &split + "\n\n").unwrap();
    assert_eq!(tail.line(), record("req_1", 0));
    let second: Value = serde_json::from_str(&tail.line()).unwrap();
    assert_eq!(second, serde_json::from_str::<Value>(&record("req_2", 5)).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn explained_the_reason_stands_below_the_line() {
    let operators = Operators::start().await;
    let events = operators.stream();
    let tail = Tail::start(&operators.url(), &["--explain", "-q"]);
    events.send(event("req_1", 0)).unwrap();
    assert!(tail.line().contains("req_1"));
    assert!(tail.line().starts_with("    The caller got a full-quality answer from claude"));
    tail.interrupt();
    let (code, out, err) = tail.ended();
    assert!(out.iter().all(|it| it.starts_with("    ")), "{out:?}");
    assert_eq!((code, err), (Some(0), Vec::new()), "quiet is without talk");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_fine_as_soon_as_nobody_reads() {
    let operators = Operators::start().await;
    let events = operators.stream();
    events.send(event("req_1", 0)).unwrap();
    let binary = env!("CARGO_BIN_EXE_switchback");
    // The second line never comes: it must not wait for it.
    let piped =
        format!("{binary} --admin {} tail -n 1 | head -n 1; echo ended with ${{PIPESTATUS[0]}}", operators.url());
    let ran = thread::spawn(move || command_of(&piped));
    until("the pipe ends", async || ran.is_finished()).await;
    let out = ran.join().unwrap();
    assert!(out.contains("req_1") && out.ends_with("ended with 0\n"), "{out}");
}

fn command_of(script: &str) -> String {
    let done = std::process::Command::new("bash").args(["-c", script]).stdin(Stdio::null()).output().unwrap();
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_followed_is_said_at_once() {
    let nobody = run(&["--admin", "http://127.0.0.1:9", "tail"], &[]);
    assert_eq!((nobody.code, nobody.out.as_str()), (3, ""), "{nobody:?}");
    let operators = Operators::start().await;
    operators.answers("GET /admin/v1/events", 401, r#"{"error":"send the admin token"}"#);
    let refused = run(&["--admin", &operators.url(), "tail"], &[]);
    assert!(refused.code == 4 && refused.err.contains("admin token"), "{refused:?}");
    for args in [&["--outcome", "recoverd"][..], &["--json", "--explain"], &["--last", "5000"], &["--last", "x"]] {
        let ran = run(&[&["--admin", &operators.url(), "tail"], args].concat(), &[]);
        assert!(ran.code == 2 && !ran.err.is_empty(), "{args:?} {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_another_version_is_told_and_passed_over() {
    let operators = Operators::start().await;
    let events = operators.stream();
    let tail = Tail::start(&operators.url(), &["-q"]);
    events.send(format!("event: request\ndata: {{\"request_id\":7}}\n\n{}", event("req_2", 0))).unwrap();
    assert!(tail.talk().contains("not understood"));
    assert!(tail.line().contains("req_2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_gateway_is_followed_from_its_last_requests_on() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    assert_eq!(chat(gateway.listen, &ask("chat", false, "one")).await.status, 200);
    gateway.records_of(1).await;
    let tail = Tail::start(&format!("http://{}", gateway.admin), &["--last", "5"]);
    let before = tail.line();
    assert!(before.contains("● ok") && before.contains("primary=served;"), "{before}");
    sim.set_fault("large", vec!["500".parse().unwrap()]);
    assert_eq!(chat(gateway.listen, &ask("chat", false, "two")).await.status, 200);
    let live = tail.line();
    assert!(live.contains("◐ recovered") && live.contains("primary=server_error;"), "{live}");
    let only = Tail::start(&format!("http://{}", gateway.admin), &["--last", "5", "--outcome", "ok", "--json"]);
    let only: Value = serde_json::from_str(&only.line()).unwrap();
    assert_eq!(only["outcome"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_hold_for_the_last_requests_and_for_the_next_ones() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "large", "")).await;
    let admin = format!("http://{}", gateway.admin);
    assert_eq!(chat(gateway.listen, &ask("chat", false, "one")).await.status, 200);
    sim.set_fault("large", vec!["500".parse().unwrap()]);
    assert_eq!(chat(gateway.listen, &ask("chat", false, "two")).await.status, 200);
    sim.set_fault("large", Vec::new());
    assert_eq!(chat(gateway.listen, &ask("chat", false, "three")).await.status, 200);
    gateway.records_of(3).await;
    for filter in [["--outcome", "re*"], ["--task", "ch*"], ["--route", "back*"]] {
        let tail = Tail::start(&admin, &[&filter[..], &["--last", "1", "--json"]].concat());
        let past: Value = serde_json::from_str(&tail.line()).unwrap();
        let expected = if filter[0] == "--task" { "ok" } else { "recovered" };
        assert_eq!(past["outcome"], expected, "{filter:?} {past}");
    }
    let tail = Tail::start(&admin, &["--outcome", "re*", "--json"]);
    assert!(tail.talk().contains("following"));
    sim.set_fault("large", vec!["500".parse().unwrap()]);
    assert_eq!(chat(gateway.listen, &ask("chat", false, "four")).await.status, 200);
    let live: Value = serde_json::from_str(&tail.line()).unwrap();
    assert_eq!(live["outcome"], "recovered", "{live}");
}
