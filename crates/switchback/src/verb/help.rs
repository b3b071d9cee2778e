//! `help SB204`, `help routes disable`: what a code or a verb means, offline. Never asks a gateway.

use clap::error::{ContextKind, ContextValue};
use clap::{Command, CommandFactory as _};
use serde::Serialize;
use switchback_config::CODES;

use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;

/// A code as `--json` tells it.
#[derive(Serialize)]
struct Told<'a> {
    code: &'a str,
    title: &'a str,
    help: &'a str,
}

pub(crate) fn run(cli: &Cli, help: &cli::Help) -> Exit {
    let told = |&(code, title, help): &(&'static str, &'static str, &'static str)| Told { code, title, help };
    let Some(asked) = help.topic.first() else {
        if cli.json {
            let all: Vec<Told<'_>> = CODES.iter().map(told).collect();
            say::data(&serde_json::to_string_pretty(&all).unwrap_or_default());
        } else {
            CODES.iter().for_each(|(code, title, _)| say::data(&format!("{code}  {title}")));
        }
        return Exit::Fine;
    };
    if let Some(it) = CODES.iter().find(|(code, ..)| digits(code) == digits(asked)) {
        let it = told(it);
        if cli.json {
            say::data(&serde_json::to_string_pretty(&it).unwrap_or_default());
        } else {
            say::data(&format!("{}  {}\n\n{}", it.code, it.title, it.help));
        }
        return Exit::Fine;
    }
    if is_code(asked) {
        say::talk(&format!("there is no code {asked}{}", near_code(asked).unwrap_or_else(all_codes)));
        say::talk("`switchback help` lists all codes");
        return Exit::NotFound;
    }
    of_verb(&help.topic)
}

fn of_verb(words: &[String]) -> Exit {
    let mut command = Cli::command();
    command.build();
    let mut at = &mut command;
    for word in words {
        let near = near_verb(at, word);
        match at.find_subcommand_mut(word) {
            Some(verb) => at = verb,
            None => {
                let near = near.map_or_else(String::new, |it| format!("; did you mean {it}?"));
                say::talk(&format!("there is no verb {}{near}", words.join(" ")));
                say::talk("`switchback --help` lists the verbs, `switchback help` the codes");
                return Exit::NotFound;
            }
        }
    }
    say::data(at.render_long_help().to_string().trim_end());
    Exit::Fine
}

/// The verb that was probably meant, as the command line itself would say it.
fn near_verb(command: &Command, word: &str) -> Option<String> {
    let error = command.clone().try_get_matches_from([command.get_name(), word]).err()?;
    match error.get(ContextKind::SuggestedSubcommand)? {
        ContextValue::Strings(near) => near.first().cloned(),
        ContextValue::String(near) => Some(near.clone()),
        _ => None,
    }
}

/// Whether it was meant as a code: it begins as one, with or without its letters.
fn is_code(word: &str) -> bool {
    digits(word).starts_with(|it: char| it.is_ascii_digit())
}

/// What stands behind `SB`.
fn digits(word: &str) -> &str {
    let prefix = word.get(..2).filter(|it| it.eq_ignore_ascii_case("sb"));
    prefix.and_then(|it| word.get(it.len()..)).unwrap_or(word)
}

/// What was probably meant: the code of the same family with the nearest number, the lower one of two.
fn near_code(asked: &str) -> Option<String> {
    let asked: u32 = digits(asked).parse().ok()?;
    let family = CODES.iter().filter_map(|(code, title, _)| Some((digits(code).parse::<u32>().ok()?, code, title)));
    let family = family.filter(|(number, ..)| number / 100 == asked / 100);
    let (_, code, title) = family.min_by_key(|(number, ..)| number.abs_diff(asked))?;
    Some(format!("; did you mean {code}, {title}?"))
}

/// What codes there are.
fn all_codes() -> String {
    let (first, last) = (CODES.first().map_or("?", |it| it.0), CODES.last().map_or("?", |it| it.0));
    format!("; they go from {first} to {last}")
}
