//! A walk in one line: `gpt✕timeout ×2 → claude●`.

use std::fmt::Write as _;

use crate::record::{DecisionRecord, SERVED};

/// The rungs in the order of the ladder, each with what became of it, and the error in which it ended. Rungs that were not
/// reached are not told.
#[must_use]
pub fn walked(record: &DecisionRecord) -> String {
    let object = &record.object;
    let mut parts: Vec<(u32, String)> = Vec::new();
    let mut same = 1;
    for (at, attempt) in object.attempts.iter().enumerate() {
        let class = attempt.class.as_deref().unwrap_or("?");
        let next = object.attempts.get(at + 1);
        if next.is_some_and(|it| it.rung == attempt.rung && it.class == attempt.class) {
            same += 1;
            continue;
        }
        let mut part =
            if class == SERVED { format!("{}●", attempt.route) } else { format!("{}✕{class}", attempt.route) };
        if same > 1 {
            let _ = write!(part, " ×{same}");
        }
        parts.push((attempt.rung, part));
        same = 1;
    }
    let skipped = object.not_run.iter().filter(|it| &*it.reason != "not_reached");
    parts.extend(skipped.map(|it| (it.rung, format!("{}: {}", it.name, it.reason))));
    let by_call = object.attempts.iter().any(|it| it.class.as_deref() == Some(SERVED));
    if let (Some(name), Some(rung), false) = (&object.served_by, object.rung, by_call) {
        parts.push((rung, format!("{name}●")));
    }
    parts.sort_by_key(|(rung, _)| *rung);
    let mut line = parts.into_iter().map(|(_, part)| part).collect::<Vec<_>>().join(" → ");
    if let Some(error) = &record.error {
        let arrow = if line.is_empty() { "" } else { " → " };
        let _ = write!(line, "{arrow}{}: {}", object.outcome, error.code);
    }
    line
}
