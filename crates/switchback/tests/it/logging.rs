//! The log of `serve`: lines for people, or one JSON object per line and nothing else.

use serde_json::Value;
use tempfile::TempDir;

use crate::kit::{SOON, command, file, until};

/// Serves until it says where it listens, stops it, and returns what stood on stderr.
async fn logged(args: &[&str], envs: &[(&str, &str)], told: &str) -> String {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("switchback.toml"), file("http://127.0.0.1:9/v1", "m", "").text()).unwrap();
    let log = folder.path().join("log");
    let sink = std::fs::File::create(&log).unwrap();
    let mut command = command();
    command.env_remove("SWITCHBACK_LOG_FORMAT").arg("serve").args(args).envs(envs.iter().copied());
    let mut child = command.current_dir(folder.path()).stderr(sink).spawn().unwrap();
    until("it serves", async || std::fs::read_to_string(&log).unwrap().contains(told)).await;
    let kill = format!("kill -TERM {}", child.id());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    tokio::time::timeout(SOON, tokio::task::spawn_blocking(move || child.wait().unwrap())).await.unwrap().unwrap();
    std::fs::read_to_string(&log).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_terminal_is_every_line_is_json() {
    let log = logged(&[], &[], "operators").await;
    let lines: Vec<Value> = log.lines().map(|it| serde_json::from_str(it).unwrap_or_else(|_| panic!("{it}"))).collect();
    assert!(lines.len() >= 3, "{log}");
    assert!(lines.iter().all(|it| it["level"].is_string() && it["timestamp"].is_string()), "{log}");
    assert!(lines.iter().any(|it| it["message"].as_str().is_some_and(|it| it.starts_with("applications"))), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_for_people_can_be_asked_for_by_flag_and_by_variable() {
    for (args, envs) in [(&["--log-format", "text"][..], &[][..]), (&[], &[("SWITCHBACK_LOG_FORMAT", "text")])] {
        let log = logged(args, envs, "operators").await;
        assert!(log.contains("  applications  http://127.0.0.1:"), "{log}");
    }
    let log = logged(&["--log-format", "json"], &[("SWITCHBACK_LOG_FORMAT", "text")], "operators").await;
    assert!(log.lines().all(|it| it.starts_with('{')), "the flag wins: {log}");
}

#[test]
fn a_level_or_a_form_that_does_not_exist_is_wrong_usage() {
    for envs in [("SWITCHBACK_LOG", "loud"), ("SWITCHBACK_LOG_FORMAT", "xml")] {
        let ran = crate::kit::run(&["serve"], &[envs]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(envs.1), "{ran:?}");
    }
}
