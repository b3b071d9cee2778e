//! The figures as a table for people and as JSON for programs, with what is needed to get them again.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::failed::Failed;
use crate::figures::Spread;
use crate::table::Row;
use crate::target::Target;

/// The machine, without its name.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// Whether the load and what is measured had a core each.
    pub(crate) pinned: bool,
}

/// Everything that is written.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) command: String,
    pub(crate) version: String,
    pub(crate) machine: Machine,
    pub(crate) rounds: usize,
    pub(crate) requests: u64,
    pub(crate) records_dropped: u64,
    pub(crate) targets: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

// === impl Machine ===

impl Machine {
    pub(crate) fn look(pinned: bool, cores: usize) -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let info = read("/proc/cpuinfo");
        let model = info.lines().find_map(|it| it.strip_prefix("model name")?.split_once(':').map(|(_, name)| name));
        Self {
            cpu: model.unwrap_or("unknown").trim().to_owned(),
            cores,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            pinned,
        }
    }
}

// === impl Report ===

impl Report {
    /// The table, in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!(
            "# Benchmark\n\n`{}`\n\n{}. {} on {} cores, Linux {}, {}. {} rounds; median (min–max).\n\n",
            self.command,
            self.version,
            self.machine.cpu,
            self.machine.cores,
            self.machine.kernel,
            if self.machine.pinned {
                "target on one core, load and fake provider on another"
            } else {
                "not pinned to cores"
            },
            self.rounds,
        );
        let has_nginx = self.targets.contains(&Target::Nginx.name());
        let ratio = if has_nginx { " ÷ nginx |" } else { "" };
        let _ = writeln!(text, "| | {} |{ratio}", self.targets.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(self.targets.len() + usize::from(has_nginx)));
        for row in &self.rows {
            let unit = if row.unit.is_empty() { String::new() } else { format!(", {}", row.unit) };
            let _ = write!(text, "| {}{unit} |", row.what);
            for target in &self.targets {
                let _ = write!(text, " {} |", row.cells.get(target).map_or_else(|| "–".to_owned(), cell));
            }
            if has_nginx {
                let _ = write!(text, " {} |", row.to_nginx.map_or_else(|| "–".to_owned(), |it| cell(&it)));
            }
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "\n{} requests through the gateway, {} of their records not written. \"Added\" and \"÷ direct\" are against the \
             direct call of the same round; a failover is against the gateway's own answer without one. CPU is user and \
             system time of the whole process from `/proc/PID/stat`, until it is at rest again.",
            self.requests, self.records_dropped
        );
        text
    }

    /// Writes `latest.md` and `latest.json`.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Failed> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("latest.md"), self.markdown())?;
        let mut json = serde_json::to_string_pretty(self)?;
        json.push('\n');
        std::fs::write(folder.join("latest.json"), json)?;
        Ok(())
    }
}

/// `60 (55–71)`, with as many digits as mean something.
fn cell(spread: &Spread) -> String {
    let digits = |value: f64| match value.abs() {
        it if it >= 100.0 => format!("{value:.0}"),
        it if it >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    if (spread.min - spread.max).abs() < f64::EPSILON {
        return digits(spread.median);
    }
    format!("{} ({}–{})", digits(spread.median), digits(spread.min), digits(spread.max))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_table_has_a_cell_for_every_target_and_says_where_there_is_no_figure() {
        let spread = Spread { min: 55.0, median: 60.4, max: 171.2 };
        let row =
            Row { what: "added p50", unit: "µs", cells: BTreeMap::from([("Switchback", spread)]), to_nginx: None };
        let machine = Machine { cpu: "a CPU".into(), cores: 2, kernel: "6".into(), pinned: true };
        let report = Report {
            command: "run".into(),
            version: "switchback 0".into(),
            machine,
            rounds: 5,
            requests: 10,
            records_dropped: 0,
            targets: vec!["direct", "Switchback"],
            rows: vec![row],
        };
        assert!(report.markdown().contains("\n| added p50, µs | – | 60.4 (55.0–171) |\n"), "{}", report.markdown());
    }
}
