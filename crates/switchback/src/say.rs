//! The only place that prints: data on stdout, talk on stderr. A reader that has gone away is no error.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};

use crate::cli::Color;

/// A line of data.
pub(crate) fn data(line: &str) {
    let _ = writeln!(stdout().lock(), "{line}");
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

/// Whether a person sits there who can be asked.
pub(crate) fn is_person_there() -> bool {
    std::io::stdin().is_terminal() && stderr().is_terminal()
}
