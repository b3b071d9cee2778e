//! `[breaker]`: replaces all built-in trip rules.

use std::time::Duration;

use switchback_core::breaker::{BreakerRules, Rate};

use super::keys::{BREAKER, OPENS_AT};
use super::reader::Reader;
use super::tree::Node;
use crate::codes;
use crate::diagnostic::{Diagnostic, Report};
use crate::units;

/// Longest time between probes under an operator's rules: `probe-every` doubles up to one minute.
const PROBE_CAP: Duration = Duration::from_secs(60);

pub(crate) fn read(node: &Node, report: &mut Report<'_>) -> BreakerRules {
    let usual = BreakerRules::default();
    let mut rules = BreakerRules { consecutive: None, probe_cap: PROBE_CAP, jitter: false, ..usual };
    let Some(reader) = Reader::open(node, &BREAKER, "[breaker]".to_owned(), report) else { return rules };
    if let Some(every) = reader.time("probe-every", Duration::from_millis(100)..=PROBE_CAP, report) {
        rules.probe_every = every.value;
    }
    if let Some(count) = reader.whole("closes-after", 1..=100, report) {
        rules.closes_after = u32::try_from(count.value).unwrap_or(usual.closes_after);
    }
    if let Some(entry) = reader.entry("opens-at")
        && let Some(opens) = Reader::open(&entry.node, &OPENS_AT, "opens-at in [breaker]".to_owned(), report)
    {
        rules.rate = rate(&opens, usual.rate, report);
    }
    rules
}

fn rate(reader: &Reader<'_>, usual: Rate, report: &mut Report<'_>) -> Rate {
    let mut rate = usual;
    if let Some(share) = reader.unit("failing", "a share", units::share, report) {
        if share.value < 0.01 {
            report.add(
                Diagnostic::error(
                    codes::OUT_OF_RANGE,
                    &share.span,
                    "`failing` in opens-at must be between 1% and 100%",
                )
                .label("out of range")
                .fix("failing = \"50%\""),
            );
        }
        rate.failing = share.value;
    }
    if let Some(count) = reader.whole("of-at-least", 1..=100_000, report) {
        rate.of_at_least = u32::try_from(count.value).unwrap_or(usual.of_at_least);
    }
    if let Some(within) = reader.time("within", Duration::from_secs(1)..=Duration::from_secs(3_600), report) {
        rate.within = within.value;
    }
    rate
}
