//! The README's first path, typed as it stands there: from `init` to a request that recovered, and told why.
//!
//! The commands are those of the page and of no copy of it. Changed are only the ports, so that no test depends on one
//! of another, and the build: the program is there already.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::kit::SOON;

const README: &str = include_str!("../../../../README.md");

/// Four ports in a row that nobody listens on. Below those that systems give away by themselves, so that no other test
/// is given one meanwhile.
fn four_ports() -> u16 {
    let first = 10_000 + u16::try_from(std::process::id() % 2_000).unwrap() * 8;
    let mut tried = (0..100).map(|n| first + n * 8);
    let is_free = |port: &u16| (0..4).all(|n| TcpListener::bind(("127.0.0.1", port + n)).is_ok());
    tried.find(is_free).expect("four free ports in a row")
}

/// The commands under the heading, as they stand on the page.
fn commands() -> String {
    let (_, section) = README.split_once("## Two minutes, no key\n").expect("the README has the section");
    let (section, _) = section.split_once("\n## ").expect("it is not the last one");
    let blocks: Vec<&str> = section.split("```sh\n").skip(1).map(|it| it.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2, "the path, and how it is ended");
    blocks.concat()
}

/// The same commands on other ports, with the program that was built for this test.
fn typed(first: u16) -> String {
    let commands = commands();
    let built = commands.strip_prefix("cargo build --release\n").expect("it begins with the build");
    let program = Path::new(env!("CARGO_BIN_EXE_switchback")).parent().unwrap().display().to_string();
    let moved = "switchback init > switchback.toml\n";
    assert!(built.contains(moved) && built.contains("$PWD/target/release:") && built.contains("-q sim >"), "{built}");
    let ports = [(4000, first), (4001, first + 1), (4010, first + 2), (4011, first + 3)];
    let (mut text, mut edits) = (built.replace("$PWD/target/release", &program), String::new());
    for (from, to) in ports {
        text = text.replace(&format!(":{from}"), &format!(":{to}"));
        edits += &format!(" -e s/:{from}/:{to}/");
    }
    text.replace("-q sim >", &format!("-q sim --port {} >", first + 2))
        .replace(moved, &format!("{moved}sed -i{edits} switchback.toml\n"))
}

#[test]
fn the_readme_leads_from_init_to_a_recovered_request() {
    let first = four_ports();
    let folder = TempDir::new().unwrap();
    let mut shell = Command::new("timeout");
    // Whatever becomes of the commands, what they started ends with them.
    let typed = format!("trap 'kill $(jobs -p) 2>&- || true' EXIT\n{}", typed(first));
    shell.args([&SOON.as_secs().to_string(), "bash", "-ec", &typed]).current_dir(folder.path());
    shell.env("SWITCHBACK_ADMIN", format!("http://127.0.0.1:{}", first + 1)).env("TMPDIR", folder.path());
    // Keys in the environment of a reader change nothing.
    shell.env("OPENAI_API_KEY", "sk-canary-openai-0123456789").stdin(Stdio::null());
    let done = shell.output().unwrap();
    let (out, err) = (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert!(done.status.success(), "{}\n{out}\n{err}", done.status);
    for wanted in ["0 errors, 0 warnings", "ready", "HTTP/1.1 200 OK", "x-switchback-outcome: recovered", "RECOVERED"] {
        assert!(out.contains(wanted), "{wanted} is not there:\n{out}\n{err}");
    }
    // What the page shows of the answer is what comes, but for the milliseconds.
    let shown = README.lines().filter(|it| it.starts_with("x-switchback-") && it.contains("sim/two"));
    let plain = |text: &str| text.chars().filter(|it| !it.is_ascii_digit()).collect::<String>();
    let out = plain(&out);
    for line in shown {
        assert!(out.contains(&plain(line)), "{line} is shown, and does not come:\n{out}");
    }
}
