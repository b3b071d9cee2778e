//! Exit codes: what a script may rely on.

use std::process::ExitCode;

use crate::say;

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Fine.
    Fine,
    /// It ran, and the answer is bad.
    Bad,
    /// Wrong usage.
    Usage,
    /// The gateway cannot be reached.
    Unreachable,
    /// Refused: it needs a reason or a confirmation, or somebody acted first.
    Refused,
    /// Not found.
    NotFound,
    /// The configuration is invalid (`EX_CONFIG`).
    Config,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::Bad => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::Refused => 4,
            Exit::NotFound => 5,
            Exit::Config => 78,
        })
    }
}

/// What clap says, and 2 for what was typed wrongly. Asking for help or the version is fine.
pub(crate) fn of_usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        say::talk(text.trim_end());
        return Exit::Usage.into();
    }
    say::data(text.trim_end());
    Exit::Fine.into()
}
