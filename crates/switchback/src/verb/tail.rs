//! `tail`: finished requests as they happen. Data on stdout, talk on stderr; a gateway that restarts is waited for.
//!
//! The gateway filters, so that a busy one sends only what is looked at. Ends fine on Ctrl-C and when nobody reads its
//! output any more. Never asks for a request twice, and never shows one twice.

mod line;
mod watch;

use std::time::Duration;

use switchback_config::glob;

use crate::admin::{Admin, NoStream};
use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;
use watch::{Ended, Watch};

/// Every outcome that a request can have.
const OUTCOMES: [&str; 6] = ["ok", "recovered", "degraded", "deferred", "refused", "failed"];
/// How many requests are asked for again after the connection was lost: those that finished meanwhile are among them.
const CAUGHT_UP: u16 = 200;
/// Waits between two attempts to come back: the first, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

pub(crate) async fn run(cli: &Cli, tail: &cli::Tail) -> Exit {
    tokio::select! {
        exit = follow(cli, tail) => exit,
        _ = tokio::signal::ctrl_c() => Exit::Fine,
        () = say::nobody_reads() => Exit::Fine,
    }
}

async fn follow(cli: &Cli, tail: &cli::Tail) -> Exit {
    let (admin, filter) = match (Admin::new(cli), filter(cli, tail)) {
        (Ok(admin), Ok(filter)) => (admin, filter),
        (Err(exit), _) | (_, Err(exit)) => return exit,
    };
    let mut watch = Watch::new(cli.json, tail.explain);
    let (mut last, mut wait, mut lost) = (tail.last, WAITS.0, false);
    loop {
        match admin.follow(&format!("/admin/v1/events?last={last}{filter}")).await {
            Ok(events) => {
                talk(cli, &begun(&admin, tail, lost));
                wait = WAITS.0;
                match watch.read(events).await {
                    Ended::Unread => return Exit::Fine,
                    Ended::Lost(why) => talk(cli, &format!("! {why}; asking {} again until it is back", admin.url())),
                }
            }
            Err(NoStream::Refused(answer)) => return answer.refusal(),
            Err(NoStream::Unreachable(why)) if !lost => return admin.unreachable(&why),
            Err(NoStream::Unreachable(_)) => {}
        }
        lost = true;
        // Without anything shown there is nothing to join on to.
        last = if watch.has_shown() { CAUGHT_UP } else { 0 };
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAITS.1);
    }
}

fn begun(admin: &Admin, tail: &cli::Tail, again: bool) -> String {
    let only = [("task", &tail.task), ("outcome", &tail.outcome), ("route", &tail.route)];
    let only: Vec<String> = only.iter().filter_map(|(name, it)| it.as_ref().map(|it| format!("{name} {it}"))).collect();
    let only = if only.is_empty() { String::new() } else { format!(", only {}", only.join(", ")) };
    let again = if again { " again" } else { "" };
    format!("following {}{again}{only}; times are UTC; ctrl-c ends", admin.url())
}

/// What the gateway is asked for, as the rest of a query.
fn filter(cli: &Cli, tail: &cli::Tail) -> Result<String, Exit> {
    if cli.json && tail.explain {
        say::talk("--explain is for people; with --json the records hold everything that it would say");
        return Err(Exit::Usage);
    }
    if let Some(asked) = &tail.outcome
        && !OUTCOMES.iter().any(|it| glob::matches(asked, it))
    {
        say::talk(&format!("--outcome {asked}: no request ever ends so; outcomes are {}", OUTCOMES.join(", ")));
        return Err(Exit::Usage);
    }
    let wanted = [("task", &tail.task), ("outcome", &tail.outcome), ("route", &tail.route)];
    let pairs = wanted.iter().filter_map(|(name, it)| Some(format!("&{name}={}", crate::admin::encoded(it.as_ref()?))));
    Ok(pairs.collect())
}

fn talk(cli: &Cli, line: &str) {
    if !cli.quiet {
        say::talk(line);
    }
}
