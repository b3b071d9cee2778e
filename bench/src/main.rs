//! What the gateway costs: `cargo run --release -p switchback-bench`.
//!
//! A fake provider and a load of our own, on loopback; the release build of `switchback serve` between them, records on;
//! the same load without it, in turn; nginx in the same rounds where it is installed. Ends within three minutes, writes
//! `bench/results/latest.md` and `latest.json`, and asserts no time: figures belong to a machine.

mod failed;
mod figures;
mod load;
mod process;
mod report;
mod rounds;
mod table;
mod target;
mod upstream;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Parser as _;

use crate::failed::Failed;
use crate::report::{Machine, Report};
use crate::rounds::{Bench, Case};
use crate::target::Launcher;

/// What can be said on the command line.
#[derive(Debug, clap::Parser)]
#[command(name = "switchback-bench", about = "What the gateway costs, against a direct call; on loopback only.")]
struct Options {
    /// Rounds; each takes about 20 s, or 30 s with nginx.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
    rounds: u8,
    /// Measure this binary instead of building one.
    #[arg(long, value_name = "FILE")]
    gateway: Option<PathBuf>,
    /// Install nginx with apt-get if it is missing. One that is there is always measured.
    #[arg(long)]
    with_nginx: bool,
    /// Measure only this, and write no results: for a profiler.
    #[arg(long, value_name = "CASE")]
    only: Option<Case>,
}

fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        say("a debug build measures nothing: cargo run --release -p switchback-bench");
        return ExitCode::from(2);
    }
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("no figures: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failed> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let switchback = match &options.gateway {
        Some(file) => file.clone().into_os_string(),
        None => build()?,
    };
    let version = version(&switchback)?;
    let nginx = nginx(options.with_nginx)?;
    // From here on this process has one core; building had all.
    let is_pinned = process::pin_load();
    let epoch = Instant::now();
    let upstream = upstream::start(epoch)?;
    let launcher = Launcher { upstream, switchback, nginx, is_pinned };
    let targets = launcher.targets().into_iter().map(target::Target::name).collect();
    let cases = options.only.map_or_else(|| Case::ALL.to_vec(), |it| vec![it]);
    let rounds = usize::from(options.rounds);
    let bench = Bench::new(launcher, epoch, rounds, cases);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(bench.run(|n| say(&format!("round {n} of {rounds}"))))?;
    let report = Report {
        command: command(),
        version,
        machine: Machine::look(is_pinned, cores),
        rounds,
        requests: measured.n_requests,
        records_dropped: measured.records_dropped,
        targets,
        rows: table::rows(&measured),
    };
    let _ = write!(std::io::stdout().lock(), "{}", report.markdown());
    if options.only.is_some() {
        return Ok(());
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    report.write(&folder)?;
    say("written: bench/results/latest.md, latest.json");
    Ok(())
}

/// Builds the gateway beside this binary.
fn build() -> Result<OsString, Failed> {
    let own = std::env::current_exe()?;
    let (Some(release), Some(target)) = (own.parent(), own.parent().and_then(Path::parent)) else {
        return Err(Failed::new("this binary stands in no target folder; name the gateway with --gateway FILE"));
    };
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--package", "switchback", "--target-dir"]).arg(target);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if cargo.status()?.success() {
        return Ok(release.join("switchback").into_os_string());
    }
    Err(Failed::new("the gateway could not be built"))
}

fn version(switchback: &OsString) -> Result<String, Failed> {
    let output = Command::new(switchback).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// nginx, where it is installed or may be.
fn nginx(may_install: bool) -> Result<Option<OsString>, Failed> {
    let find = || {
        let places = ["nginx", "/usr/sbin/nginx"];
        let there = |place: &&str| Command::new(place).arg("-v").output().is_ok_and(|it| it.status.success());
        places.into_iter().find(there).map(OsString::from)
    };
    if let (None, true) = (find(), may_install) {
        let mut install = Command::new("apt-get");
        install.args(["install", "-y", "--no-install-recommends", "nginx-light"]);
        if !install.status()?.success() {
            return Err(Failed::new(
                "nginx could not be installed; try apt-get update first, or leave --with-nginx out",
            ));
        }
    }
    Ok(find())
}

/// The command that gives these figures again; a path of this machine is left out.
fn command() -> String {
    let mut command = "cargo run --release -p switchback-bench".to_owned();
    let is_shown = |it: &String| !it.contains('/') && it != "--gateway";
    let options: Vec<String> = std::env::args().skip(1).filter(is_shown).collect();
    if !options.is_empty() {
        command.push_str(" -- ");
        command.push_str(&options.join(" "));
    }
    command
}

/// Talk goes to stderr; stdout is for the table.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
