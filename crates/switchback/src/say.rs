//! The only place that prints: data on stdout, talk on stderr. A reader that has gone away is no error.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::os::fd::AsFd as _;

use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

use crate::cli::Color;

/// A line of data.
pub(crate) fn data(line: &str) {
    let _ = writeln!(stdout().lock(), "{line}");
}

/// A line of data for somebody who may stop reading. Whether it was taken.
pub(crate) fn is_taken(line: &str) -> bool {
    let mut out = stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}

/// Ends when nobody reads our data any more; never where it goes into a file or to a terminal.
pub(crate) async fn nobody_reads() {
    // Only watched, never written to: so it may stay as it is, where others that have it expect writes that wait.
    let watched = stdout().as_fd().try_clone_to_owned().and_then(Sender::from_owned_fd_unchecked);
    if let Ok(watched) = watched
        && watched.ready(Interest::ERROR).await.is_ok_and(|it| it.is_error() || it.is_write_closed())
    {
        return;
    }
    std::future::pending().await
}

/// A line of talk.
pub(crate) fn talk(line: &str) {
    let _ = writeln!(stderr().lock(), "{line}");
}

/// A question without a line end.
pub(crate) fn ask(question: &str) {
    let _ = write!(stderr().lock(), "{question}");
    let _ = stderr().lock().flush();
}

/// Whether stdout may be coloured.
#[expect(clippy::disallowed_methods, reason = "NO_COLOR is a convention of terminals, not a setting of ours")]
pub(crate) fn colored(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => stdout().is_terminal() && std::env::var("NO_COLOR").map_or(true, |it| it.is_empty()),
    }
}

/// Whether our data goes to a terminal.
pub(crate) fn is_data_shown() -> bool {
    stdout().is_terminal()
}

/// Whether our talk goes to a terminal.
pub(crate) fn is_talk_shown() -> bool {
    stderr().is_terminal()
}

/// Whether a person sits there who can be asked.
pub(crate) fn is_person_there() -> bool {
    std::io::stdin().is_terminal() && stderr().is_terminal()
}

/// Unix milliseconds as the time of the day, in UTC.
pub(crate) fn clock_time(unix_ms: u64) -> String {
    shown(unix_ms, "%H:%M:%S")
}

/// Unix milliseconds as day and time, in UTC.
pub(crate) fn day_and_time(unix_ms: u64) -> String {
    shown(unix_ms, "%Y-%m-%d %H:%M:%S UTC")
}

fn shown(unix_ms: u64, how: &str) -> String {
    let stamp = i64::try_from(unix_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(|| format!("{unix_ms} ms"), |it| it.strftime(how).to_string())
}
