//! `demo` and `sim`: one command, no key, nothing outside this machine.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::kit::gateway::command;
use crate::kit::{SOON, run, send};

/// A port whose next one is free, too.
fn two_ports() -> String {
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port.to_string();
        }
    }
    panic!("no two free ports");
}

/// Addresses on which a process listens, from the kernel's tables, as they stand there in hexadecimal.
fn listening(child: &Child) -> BTreeSet<String> {
    let sockets: BTreeSet<String> = fs::read_dir(format!("/proc/{}/fd", child.id()))
        .unwrap()
        .filter_map(|it| {
            fs::read_link(it.ok()?.path())
                .ok()?
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')
                .map(str::to_owned)
        })
        .collect();
    let mut found = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let rows = fs::read_to_string(format!("/proc/{}/net/{table}", child.id())).unwrap_or_default();
        for row in rows.lines().skip(1) {
            let fields: Vec<&str> = row.split_whitespace().collect();
            if fields[3] == "0A" && sockets.contains(fields[9]) {
                found.insert(fields[1].split(':').next().unwrap().to_owned());
            }
        }
    }
    found
}

/// 127.0.0.1 as the kernel's table shows it.
const LOOPBACK: &str = "0100007F";

fn wait_for_listeners(child: &Child) -> BTreeSet<String> {
    let by = Instant::now() + SOON;
    loop {
        let found = listening(child);
        if !found.is_empty() || Instant::now() > by {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_demo_tells_an_outage_and_sums_it_up() {
    let port = two_ports();
    let args = ["demo", "--for", "9s", "--outage-after", "2s", "--rate", "10", "--port", &port];
    let mut child = command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let listening = wait_for_listeners(&child);
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(child.wait().unwrap().success(), "{out}");
    assert_eq!(listening, BTreeSet::from([LOOPBACK.to_owned()]), "loopback only");
    for wanted in [
        "SIMULATED",
        "sim-a takes requests and never answers",
        "recovered",
        "SUMMARY (simulated)",
        "without the ladder",
    ] {
        assert!(out.contains(wanted), "{wanted} is not told:\n{out}");
    }
    let figure = |label: &str| {
        let line = out.lines().rfind(|line| line.trim_start().starts_with(label)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    assert!(figure("requests") > 20 && figure("recovered") > 0, "{out}");
    assert_eq!(figure("requests"), figure("answered") + figure("failed"), "the sum adds up:\n{out}");
    assert_eq!(figure("failed"), 0, "nobody noticed:\n{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulator_alone_stays_on_this_machine_and_fails_as_it_is_told() {
    let args = ["sim", "--port", "0", "--first-token", "1ms", "--between-tokens", "0ms"];
    let mut child = command().args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let addr = line.trim().split("http://").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
    let listening = wait_for_listeners(&child);
    let body = crate::kit::ask("any+529", false, "x");
    let seen = send(addr, "POST", "/v1/chat/completions", &[("authorization", "Bearer any")], &body).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(listening, BTreeSet::from([LOOPBACK.to_owned()]));
    assert_eq!((seen.status, seen.header("x-switchback-simulated")), (529, Some("true")), "{seen:?}");
}

#[test]
fn the_faults_are_listed_and_the_help_names_the_exit_codes() {
    let ran = run(&["sim", "--faults"], &[]);
    let listed: Vec<&str> = ran.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for row in switchback_sim::Fault::TABLE {
        assert!(listed.contains(&row.name), "{} is not listed", row.name);
    }
    let help = run(&["--help"], &[]).out;
    for wanted in ["Start", "Understand", "Act", "Exit codes", "78"] {
        assert!(help.contains(wanted), "{help}");
    }
    assert_eq!(run(&["demo", "--rate", "0"], &[]).code, 2);
    assert_eq!(run(&["sim", "--first-token", "sometimes"], &[]).code, 2);
}
