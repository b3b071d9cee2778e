//! The binary: what was typed → one verb → an exit code. One file per verb under `verb/`.

mod admin;
mod cli;
mod exit;
mod say;
mod verb;

use clap::Parser as _;
use std::process::ExitCode;

use crate::cli::{Cli, Verb};
use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::of_usage(&error),
    };
    let done = match cli.verb {
        Verb::Check(ref it) => verb::check::run(&cli, it),
        Verb::Test(ref it) => verb::test::run(&cli, it),
        Verb::Plan(ref it) => on_runtime(verb::plan::run(&cli, it)),
        Verb::Help(ref it) => verb::help::run(&cli, it),
        Verb::Init(ref it) => verb::init::run(&cli, it),
        Verb::Completions(ref it) => verb::completions::run(it),
        Verb::Man(ref it) => verb::man::run(&cli, it),
        Verb::Demo(ref it) => on_runtime(verb::demo::run(&cli, it)),
        Verb::Serve(ref it) => on_runtime(verb::serve::run(&cli, it)),
        Verb::Sim(ref it) => on_runtime(verb::sim::run(&cli, it)),
        Verb::Status => on_runtime(verb::status::run(&cli)),
        Verb::Tail(ref it) => on_runtime(verb::tail::run(&cli, it)),
        Verb::Explain(ref it) => on_runtime(verb::explain::run(&cli, it)),
        Verb::Routes(ref it) => on_runtime(verb::routes::run(&cli, it)),
        Verb::Reload(ref it) => on_runtime(verb::reload::run(&cli, it)),
    };
    done.into()
}

fn on_runtime(verb: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(verb);
            // Whatever still runs in the background has no say any more.
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            say::talk(&format!("cannot start: {error}"));
            Exit::Bad
        }
    }
}
