//! `help SB204`: what a code means, offline.

use switchback_config::CODES;

use crate::cli;
use crate::exit::Exit;
use crate::say;

pub(crate) fn run(help: &cli::Help) -> Exit {
    let Some(asked) = &help.code else {
        CODES.iter().for_each(|(code, title, _)| say::data(&format!("{code}  {title}")));
        return Exit::Fine;
    };
    match CODES.iter().find(|(code, ..)| code.eq_ignore_ascii_case(asked)) {
        Some((code, title, help)) => {
            say::data(&format!("{code}  {title}\n\n{help}"));
            Exit::Fine
        }
        None => {
            say::talk(&format!(
                "there is no code {asked}; `switchback help` lists them, `switchback --help` the verbs"
            ));
            Exit::NotFound
        }
    }
}
