//! The file as it was written: values with places, every key known or refused, no name resolved yet.
//!
//! One file per table. Nothing here reads a secret or a file.

mod breaker;
mod contract;
mod inherit;
mod json;
pub(crate) mod key;
pub(crate) mod keys;
mod place;
mod price;
pub(crate) mod provider;
mod reader;
mod relay;
pub(crate) mod route;
pub(crate) mod rung;
mod segment;
pub(crate) mod server;
mod store;
pub(crate) mod task;
pub(crate) mod test;
mod toml;
pub(crate) mod tree;
mod with;

use switchback_core::breaker::BreakerRules;

pub(crate) use self::keys as families;
pub use self::keys::{KEY_FAMILIES, Key, KeyFamily};
use self::reader::Reader;
use self::tree::{At, Entry, Node, Table, Value};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, shown};

/// A whole file as it was written.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub(crate) server: server::RawServer,
    pub(crate) store: store::RawStore,
    pub(crate) providers: Vec<provider::RawProvider>,
    pub(crate) routes: Vec<route::RawRoute>,
    pub(crate) contracts: Vec<contract::RawContract>,
    pub(crate) segments: Vec<At<String>>,
    pub(crate) keys: Vec<key::RawKey>,
    pub(crate) defaults: task::RawSettings,
    pub(crate) tasks: Vec<task::RawTask>,
    pub(crate) breaker: Option<BreakerRules>,
    pub(crate) tests: Vec<test::RawTest>,
    /// Whether what tasks build on (`[defaults]`, routes, providers, contracts) had no error.
    pub(crate) ground_is_sound: bool,
}

/// Largest file that is read, in bytes; the largest real ones have some hundred kilobytes.
const LARGEST: usize = 4 << 20;

/// Longest chain of dotted keys in a file; the configuration needs three.
const LONGEST_CHAIN: usize = 256;

/// The tree of a text that was read without an error.
pub(crate) fn tree_of(text: &str) -> Table {
    parse(text, &mut Report::new("", text)).unwrap_or_default()
}

/// Reads the text. All findings stand in the report; what they are about is absent from the result.
pub(crate) fn read(text: &str, report: &mut Report<'_>) -> Raw {
    let Some(tree) = parse(text, report) else { return Raw::default() };
    let node = Node { value: Value::Table(tree), span: 0..0 };
    let Some(root) = Reader::open(&node, &keys::ROOT, "the file".to_owned(), report) else { return Raw::default() };
    version(&root, report);
    let one = |key: &str| root.entry(key).map(|it| &it.node);
    let n_errors = report.n_errors();
    let defaults = one("defaults").map(|it| task::read_defaults(it, report)).unwrap_or_default();
    let providers = named(&root, "provider", report).filter_map(|it| provider::read(it, report)).collect();
    let routes = named(&root, "route", report).filter_map(|it| route::read(it, report)).collect();
    let contracts = named(&root, "contract", report).filter_map(|it| contract::read(it, report)).collect();
    let ground_is_sound = report.n_errors() == n_errors;
    let mut tasks: Vec<_> = named(&root, "task", report).filter_map(|it| task::read(it, report)).collect();
    inherit::fill(&mut tasks, &defaults, report);
    Raw {
        server: one("server").map(|it| server::read(it, report)).unwrap_or_default(),
        store: one("store").map(|it| store::read(it, report)).unwrap_or_default(),
        providers,
        routes,
        contracts,
        segments: named(&root, "segment", report).map(|it| segment::read(it, report)).collect(),
        keys: named(&root, "key", report).filter_map(|it| key::read(it, report)).collect(),
        defaults,
        tasks,
        breaker: one("breaker").map(|it| breaker::read(it, report)),
        tests: root.entry("test").map(|it| test::read(it, report)).unwrap_or_default(),
        ground_is_sound,
    }
}

fn parse(text: &str, report: &mut Report<'_>) -> Option<Table> {
    if text.len() > LARGEST {
        report.add(
            Diagnostic::error(codes::SYNTAX, &(0..0), format!("the file has {} bytes, more than 4 MiB", text.len()))
                .fix("put long texts and schemas into files of their own: \"file:PATH\""),
        );
        return None;
    }
    if let Some(at) = long_chain(text) {
        report.add(
            Diagnostic::error(codes::SYNTAX, &(at..at), format!("a key has more than {LONGEST_CHAIN} dots"))
                .fix("no key of the configuration has more than two"),
        );
        return None;
    }
    let first = text.trim_start_matches('\u{feff}').trim_start();
    Some(if first.starts_with('{') { json::parse(text, report) } else { toml::parse(text, report) })
}

/// Where a chain of dotted parts gets too long. Each part would nest a table, and deep nests end in a full stack.
fn long_chain(text: &str) -> Option<usize> {
    let mut n_dots = 0;
    text.bytes().enumerate().find_map(|(at, byte)| {
        match byte {
            b'.' => n_dots += 1,
            b'\n' | b'=' | b',' => n_dots = 0,
            _ => {}
        }
        (n_dots > LONGEST_CHAIN).then_some(at)
    })
}

fn version(root: &Reader<'_>, report: &mut Report<'_>) {
    let Some(entry) = root.entry("version") else {
        report.add(
            Diagnostic::error(codes::VERSION, &(0..0), "the file does not say its version")
                .label("the first line belongs to it")
                .fix("version = 1"),
        );
        return;
    };
    match entry.node.value {
        Value::Integer(1) => {}
        Value::Integer(other) => report.add(
            Diagnostic::error(
                codes::VERSION,
                &entry.node.span,
                format!("this build reads version 1, the file is version {other}"),
            )
            .label("not version 1")
            .fix("version = 1, if the file is of that version; else use the Switchback that wrote it"),
        ),
        _ => root.wrong_type("version", &entry.node, "a whole number", "version = 1", report),
    }
}

/// The tables `[family.NAME]`; their names are checked here, once for all families.
fn named<'t>(root: &Reader<'t>, family: &str, report: &mut Report<'_>) -> std::vec::IntoIter<&'t Entry> {
    let mut tables: Vec<&'t Entry> = Vec::new();
    let Some(entry) = root.entry(family) else { return tables.into_iter() };
    let Value::Table(table) = &entry.node.value else {
        report.add(
            Diagnostic::error(
                codes::WRONG_TYPE,
                &entry.node.span,
                format!("[{family}.NAME] must be a table, not {}", entry.node.value.kind()),
            )
            .label("it needs a name")
            .fix(format!("[{family}.NAME]")),
        );
        return tables.into_iter();
    };
    for item in &table.entries {
        let Value::Table(_) = item.node.value else {
            report.add(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    &item.key_span,
                    format!("{} stands in [{family}], which holds only tables with names", shown(&item.key)),
                )
                .label("the table has no name")
                .fix(format!("put it under [{family}.NAME]")),
            );
            continue;
        };
        if let Some(diagnostic) = bad_name(family, item) {
            report.add(diagnostic);
        }
        tables.push(item);
    }
    tables.into_iter()
}

fn bad_name(family: &str, item: &Entry) -> Option<Diagnostic> {
    let name = item.key.as_str();
    if !is_name(name) {
        let mut plain: String = name
            .chars()
            .map(|it| if it.is_ascii_alphanumeric() || it == '_' { it.to_ascii_lowercase() } else { '-' })
            .skip_while(|it| !it.is_ascii_lowercase())
            .take(48)
            .collect();
        if plain.is_empty() {
            plain = "name".to_owned();
        }
        return Some(
            Diagnostic::error(
                codes::BAD_NAME,
                &item.key_span,
                format!("{} cannot be the name of a {family}", shown(name)),
            )
            .label("small letters, digits, `-` and `_`, 48 at most, a letter first")
            .fix(format!("[{family}.{plain}]")),
        );
    }
    (family == "route" && rung::RUNG_KINDS.contains(&name)).then(|| {
        Diagnostic::error(codes::BAD_NAME, &item.key_span, format!("a route cannot be called `{name}`"))
            .label("it is a kind of rung")
            .effect("Records name rungs that call no route by their kind; the two could not be told apart.")
            .fix(format!("[route.{name}-route]"))
    })
}

/// Whether it is a name: `[a-z][a-z0-9_-]{0,47}`.
pub(crate) fn is_name(name: &str) -> bool {
    let rest_fits = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-' || it == b'_';
    name.len() <= 48 && name.bytes().next().is_some_and(|it| it.is_ascii_lowercase()) && name.bytes().all(rest_fits)
}
