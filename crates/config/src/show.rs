//! What holds, key by key, and where it comes from: the file, a default, or the catalogue. For `check --show`.
//!
//! Values that the file gives are shown as they stand there; secrets stand there only by reference, and of headers only
//! the names are shown. Nothing is shown of a file that has an error.

mod upstream;

use std::fmt;

use serde::Serialize;
use switchback_core::policy::RungKind;

use crate::compile::{self, Draft, Outside};
use crate::diagnostic::Report;
use crate::raw::tree::{Entry, Node, Table, Value};
use crate::raw::{self, KeyFamily, families};
use crate::{Source, units};

/// Longest value that is shown, in characters.
const LONGEST: usize = 100;

/// A key as it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The table, as it is written in the file: `[task.chat]`, `[task.chat] rung 2`.
    pub place: String,
    /// The key.
    pub key: &'static str,
    /// Its value, as the file would write it.
    pub value: String,
    /// Who gave it.
    pub origin: Origin,
}

/// Where a setting comes from. As JSON it is its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody gave it.
    Default,
    /// The built-in catalogue.
    Catalogue,
    /// This line of the file, counted from one; of a task it may be that of `[defaults]` or of the task it is like.
    File(usize),
}

/// Every setting of a configuration, in the order of the file; none where the file has an error.
#[must_use]
pub fn settings(file_name: &str, text: &str, source: &dyn Source) -> Vec<Setting> {
    let mut report = Report::new(file_name, text);
    let mut outside = Outside::new(source);
    let raw = raw::read(text, &mut report);
    let tree = raw::tree_of(text);
    let draft = compile::draft(&raw, &mut outside, &mut report);
    if report.n_errors() > 0 {
        return Vec::new();
    }
    let mut show = Show { report: &report, tree: &tree, draft: &draft, shown: Vec::new() };
    show.all();
    show.shown
}

/// Settings as a table for people, an empty line between two tables of the file.
#[must_use]
pub fn render_settings(settings: &[Setting]) -> String {
    let widest = |of: fn(&Setting) -> &str| settings.iter().map(|it| of(it).chars().count()).max().unwrap_or(0);
    let (keys, values) = (widest(|it| it.key), widest(|it| &it.value).min(48));
    let mut text = String::new();
    let mut place = "";
    for it in settings {
        if it.place != place {
            text.push_str(if place.is_empty() { "" } else { "\n" });
            text.push_str(&it.place);
            text.push('\n');
            place = &it.place;
        }
        text.push_str(&format!("  {:keys$}  {:values$}  {}\n", it.key, it.value, it.origin));
    }
    text
}

// === impl Origin ===

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Catalogue => f.write_str("catalogue"),
            Self::File(line) => write!(f, "line {line}"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Walks through a configuration without errors.
struct Show<'a> {
    report: &'a Report<'a>,
    tree: &'a Table,
    draft: &'a Draft<'a>,
    shown: Vec<Setting>,
}

impl<'a> Show<'a> {
    fn all(&mut self) {
        for (name, family) in [("server", &families::SERVER), ("store", &families::STORE)] {
            self.table(&format!("[{name}]"), family, &[self.tree.get(name).and_then(as_table)]);
        }
        self.providers();
        self.deployments();
        for entry in named(self.tree, "contract") {
            self.table(&format!("[contract.{}]", entry.key), &families::CONTRACT, &[as_table(entry)]);
        }
        for entry in named(self.tree, "key") {
            self.table(&format!("[key.{}]", entry.key), &families::KEY, &[as_table(entry)]);
        }
        if let Some(breaker) = self.tree.get("breaker").and_then(as_table) {
            self.table("[breaker]", &families::BREAKER, &[Some(breaker)]);
        }
        self.tasks();
    }

    /// Every key of a family: from the first of the tables that gives it, else its default.
    fn table(&mut self, place: &str, family: &KeyFamily, tables: &[Option<&'a Table>]) {
        for key in family.keys.iter().filter(|it| it.name != "ladder") {
            let given = tables.iter().flatten().find_map(|it| it.get(key.name));
            let (value, origin) = match given {
                Some(entry) => self.given(entry),
                None => (key.default.replace('`', ""), Origin::Default),
            };
            self.add(place, key.name, value, origin);
        }
    }

    fn tasks(&mut self) {
        let usual = self.tree.get("defaults").and_then(as_table);
        for (entry, ladder) in named(self.tree, "task").into_iter().zip(&self.draft.ladders) {
            let place = format!("[task.{}]", entry.key);
            let own = as_table(entry);
            let like = ladder.written.like.as_ref().map(|it| it.value.as_str());
            let other =
                named(self.tree, "task").into_iter().find(|it| Some(it.key.as_str()) == like).and_then(as_table);
            let first = self.shown.len();
            self.table(&place, &families::TASK, &[own, other, usual]);
            let first_of = |key: &str, tables: &[Option<&'a Table>]| tables.iter().flatten().find_map(|it| it.get(key));
            // What two tables demand holds together; and a name or a sentence is of one task only.
            let demands = [first_of("require", &[own, other]), first_of("require", &[usual])];
            let is_own = |key: &str| own.is_some_and(|it| it.get(key).is_some());
            for it in self.shown.iter_mut().skip(first) {
                if let ("require", [Some(_), Some(usual)]) = (it.key, demands) {
                    it.value = format!("{}, and {}", it.value, flat(self.report.source(&usual.node.span)));
                } else if matches!(it.key, "about" | "names") && !is_own(it.key) {
                    (it.value, it.origin) = ("none".to_owned(), Origin::Default);
                }
            }
            let rungs = first_of("ladder", &[own, other, usual]).map(|it| &it.node.value);
            let Some(Value::List(rungs)) = rungs else { continue };
            let timeout = first_of("timeout", &[own, other, usual]);
            for ((written, rung), node) in ladder.rungs.iter().zip(rungs) {
                self.rung(&format!("{place} rung {}", written.number), &rung.kind, node, timeout);
            }
        }
    }

    fn rung(&mut self, place: &str, kind: &RungKind, node: &'a Node, timeout: Option<&'a Entry>) {
        let Value::Table(table) = &node.value else { return };
        let family = match kind {
            RungKind::Try(_) => &families::TRY,
            RungKind::Answer { .. } => &families::ANSWER,
            RungKind::Fail { .. } => &families::FAIL,
        };
        let first = self.shown.len();
        self.table(place, family, &[Some(table)]);
        let RungKind::Try(call) = kind else { return };
        for it in self.shown.iter_mut().skip(first).filter(|it| it.origin == Origin::Default) {
            match it.key {
                "as" => call.role.name().clone_into(&mut it.value),
                "timeout" => {
                    it.value = format!("\"{}\"", units::written(call.timeout));
                    it.origin = timeout.map_or(Origin::Default, |it| line(self.report, it));
                }
                _ => {}
            }
        }
    }

    /// A key that the file gives.
    fn given(&self, entry: &Entry) -> (String, Origin) {
        let value = match &entry.node.value {
            Value::Table(table) if entry.key == "headers" => {
                let names: Vec<&str> = table.entries.iter().map(|it| it.key.as_str()).collect();
                format!("{{ {} }}", names.join(" = …, ") + " = …")
            }
            _ => flat(self.report.source(&entry.node.span)),
        };
        (value, line(self.report, entry))
    }

    fn add(&mut self, place: &str, key: &'static str, value: String, origin: Origin) {
        let place = place.to_owned();
        self.shown.push(Setting { place, key, value, origin });
    }
}

fn line(report: &Report<'_>, entry: &Entry) -> Origin {
    Origin::File(report.place(entry.key_span.start).0)
}

fn as_table(entry: &Entry) -> Option<&Table> {
    if let Value::Table(table) = &entry.node.value { Some(table) } else { None }
}

/// The tables `[family.NAME]`.
fn named<'a>(tree: &'a Table, family: &str) -> Vec<&'a Entry> {
    tree.get(family).and_then(as_table).map_or_else(Vec::new, |it| it.entries.iter().collect())
}

/// Source text on one line, cut where it is long.
fn flat(source: &str) -> String {
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST { line } else { line.chars().take(LONGEST).chain(['…']).collect() }
}
