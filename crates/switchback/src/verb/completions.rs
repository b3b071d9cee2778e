//! `completions bash`: what a shell needs to complete our command line, on stdout. Installs nothing.

use clap::CommandFactory as _;

use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;

pub(crate) fn run(completions: &cli::Completions) -> Exit {
    let mut command = Cli::command();
    // Into memory first: the generator panics where a reader goes away.
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut command, "switchback", &mut script);
    say::data(String::from_utf8_lossy(&script).trim_end());
    Exit::Fine
}
