//! The sentence at the top: how bad is it, and did users notice?

use super::{NowView, Outcomes};
use crate::words::{count, plural};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Well,
    Quiet,
    /// Callers are fine, but something is wrong.
    Odd,
    Degraded,
    Failing,
    Unknown,
}

/// The answer to the first two questions of an incident.
pub(super) struct Verdict {
    pub(super) level: Level,
    pub(super) headline: String,
    /// Did users notice?
    pub(super) users: String,
    pub(super) title: String,
    /// Nothing has ever come, as far as this page knows.
    pub(super) is_first_time: bool,
}

// === impl Level ===

impl Level {
    pub(super) const fn shape(self) -> &'static str {
        match self {
            Level::Well => "●",
            Level::Quiet => "○",
            Level::Odd => "▲",
            Level::Degraded => "▼",
            Level::Failing => "✕",
            Level::Unknown => "?",
        }
    }

    pub(super) const fn style(self) -> &'static str {
        match self {
            Level::Well => "ok",
            Level::Quiet => "quiet",
            Level::Odd => "odd",
            Level::Degraded => "degraded",
            Level::Failing => "failed",
            Level::Unknown => "other",
        }
    }
}

/// From what the last five minutes came to, and from what is wrong.
pub(super) fn verdict(view: &NowView) -> Verdict {
    let Ok(tasks) = &view.tasks else {
        let users = "Requests are answered, but their records cannot be read: what callers got is not known.";
        return told(view, Level::Unknown, "What callers get is not known".to_owned(), users.to_owned(), false);
    };
    let sum = |of: fn(&super::TaskRow) -> &Outcomes| tasks.iter().fold(Outcomes::default(), |sum, it| sum.plus(of(it)));
    let (five, hour) = (sum(|it| &it.last_5_min), sum(|it| &it.last_hour));
    let ever = hour.total() > 0
        || five.caller > 0
        || hour.caller > 0
        || view.minutes.iter().any(|it| it.outcomes.total() > 0)
        || !view.moved.is_empty();
    let is_first_time = five.total() == 0 && !ever;
    let level = match () {
        () if five.failed > 0 => Level::Failing,
        () if five.degraded > 0 => Level::Degraded,
        () if !view.problems.is_empty() => Level::Odd,
        () if five.total() == 0 => Level::Quiet,
        () => Level::Well,
    };
    let headline = match level {
        Level::Failing => "Callers get errors",
        Level::Degraded => "Callers get less than full quality",
        Level::Odd if five.total() == 0 => "Something is wrong; nobody has asked for 5 minutes",
        Level::Odd => "Something is wrong; callers get full quality",
        Level::Quiet if five.caller > 0 => "Quiet: callers cancelled, or sent what no provider takes",
        Level::Quiet if is_first_time => "Nothing has come through yet",
        Level::Quiet => "Quiet: no request ended in the last 5 minutes",
        Level::Well if five.recovered > 0 => "Callers get full quality, some of it by fallback",
        Level::Well | Level::Unknown => "All is well",
    };
    let users = format!("{}{}", noticed(&five, &hour, view.in_flight), own_doing(five.caller));
    told(view, level, headline.to_owned(), users, is_first_time)
}

fn told(view: &NowView, level: Level, headline: String, users: String, is_first_time: bool) -> Verdict {
    let n = view.problems.len();
    let count = if n == 0 { String::new() } else { format!(" ({n})") };
    let title = format!("{} Now{count}", level.shape());
    Verdict { level, headline, users, title, is_first_time }
}

/// Those that ended by their caller's own doing, in a sentence of their own.
fn own_doing(n: u64) -> String {
    match n {
        0 => String::new(),
        n => format!(" Besides, callers cancelled or mistook {}.", plural(n, "request")),
    }
}

/// Did users notice? In the last five minutes, by what their requests came to.
fn noticed(five: &Outcomes, hour: &Outcomes, in_flight: u64) -> String {
    if five.total() == 0 {
        return match (hour.total(), in_flight) {
            (0, 0) => "No request was answered in the last hour, and none is under way.".to_owned(),
            (0, n) => format!("{} under way, none was answered in the last hour.", plural(n, "request")),
            (n, _) => format!("{} ended in the last hour: {}.", plural(n, "request"), hour.sentence()),
        };
    }
    let mut parts = Vec::new();
    if five.failed > 0 {
        parts.push(format!("{} got a clear error", count(five.failed)));
    }
    if five.degraded > 0 {
        parts.push(format!("{} a degraded answer", count(five.degraded)));
    }
    if five.refused > 0 {
        parts.push(format!("{} a refusal", count(five.refused)));
    }
    if five.recovered > 0 {
        parts.push(format!("{} only waited longer", count(five.recovered)));
    }
    let all = plural(five.total(), "request");
    match (five.noticed(), parts.is_empty()) {
        (_, true) => format!("Users noticed nothing: {all} in the last 5 minutes, each answered at the first try."),
        (0, false) => format!("Users noticed only the wait: of {all} in the last 5 minutes {}.", parts.join(", ")),
        (_, false) => format!("Users noticed: of {all} in the last 5 minutes {}.", parts.join(", ")),
    }
}
