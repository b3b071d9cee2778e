//! `man`: the manual as roff. The main page on stdout, or a page for each verb in a folder. Installs nothing.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;

const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "fine"),
    ("1", "it ran, and the answer is bad"),
    ("2", "wrong usage"),
    ("3", "no gateway answers"),
    ("4", "refused: it needs a reason or a confirmation, or somebody acted first"),
    ("5", "not found"),
    ("78", "the configuration is invalid"),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("SWITCHBACK_CONFIG", "the configuration file; ./switchback.toml without it"),
    ("SWITCHBACK_ADMIN", "the operator's side of a running gateway; http://127.0.0.1:4001 without it"),
    ("SWITCHBACK_ADMIN_TOKEN", "its token"),
    ("SWITCHBACK_LOG", "the least that serve logs: error, warn, info or debug"),
    ("SWITCHBACK_LOG_FORMAT", "how serve logs: auto, text or json"),
    ("NO_COLOR", "no colours, where it is set and not empty"),
];

pub(crate) fn run(cli: &Cli, man: &cli::Man) -> Exit {
    let mut command = Cli::command().mut_subcommand("routes", |it| it.disable_help_subcommand(true));
    command.build();
    let Some(folder) = &man.dir else {
        return match page(&command) {
            Ok(page) => {
                say::data(String::from_utf8_lossy(&page).trim_end());
                Exit::Fine
            }
            Err(error) => bad(&format!("the manual cannot be written: {error}")),
        };
    };
    match std::fs::create_dir_all(folder).and_then(|()| write(&command, folder)) {
        Ok(n) => {
            if !cli.quiet {
                say::talk(&format!("{n} pages; read one with `man {}`", folder.join("switchback.1").display()));
            }
            Exit::Fine
        }
        Err(error) => bad(&format!("{}: {error}", folder.display())),
    }
}

/// Writes the page of a verb and of those below it. How many.
fn write(command: &Command, folder: &Path) -> io::Result<usize> {
    let path = folder.join(Man::new(command.clone()).get_filename());
    std::fs::write(&path, page(command)?)?;
    say::data(&path.display().to_string());
    let below = command.get_subcommands().map(|it| write(it, folder));
    below.sum::<io::Result<usize>>().map(|n| n + 1)
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).manual("Switchback").render(&mut page)?;
    let mut more = Roff::default();
    if command.get_name() == "switchback" {
        section(&mut more, "ENVIRONMENT", ENVIRONMENT);
    }
    section(&mut more, "EXIT STATUS", EXIT_CODES);
    more.to_writer(&mut page)?;
    Ok(page)
}

fn section(roff: &mut Roff, title: &str, rows: &[(&str, &str)]) {
    roff.control("SH", [title]);
    for (name, meaning) in rows {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*meaning)]);
    }
}

fn bad(why: &str) -> Exit {
    say::talk(why);
    Exit::Bad
}
