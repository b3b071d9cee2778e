//! What a family of tables may hold: the keys that are served, and those of the design that are not yet.

use super::{breaker, contract, key, provider, route, rung, segment, server, store, task};

/// The keys of one kind of table.
#[derive(Debug)]
pub(crate) struct Family {
    /// What holds the keys, as messages name it: `[server]`, `a try rung`.
    pub(crate) name: &'static str,
    /// Keys that are read.
    pub(crate) known: &'static [&'static str],
    /// Keys of the design whose feature is not built yet.
    pub(crate) later: &'static [&'static str],
    /// Keys that people expect here, and why they are not here.
    pub(crate) hints: &'static [(&'static str, &'static str)],
}

/// The outermost tables.
pub(crate) const ROOT: Family = Family {
    name: "the file",
    known: &[
        "version", "server", "store", "provider", "route", "contract", "segment", "defaults", "task", "key", "breaker",
    ],
    later: &["review", "queue", "budget", "mode", "notify", "never", "always", "test"],
    hints: &[
        ("tasks", "tables are named in the singular: [task.NAME]"),
        ("routes", "tables are named in the singular: [route.NAME]"),
        ("providers", "tables are named in the singular: [provider.NAME]"),
    ],
};

/// Every family with keys of its own.
pub(crate) const FAMILIES: &[&Family] = &[
    &server::SERVER,
    &store::STORE,
    &provider::PROVIDER,
    &provider::TLS,
    &route::ROUTE,
    &contract::CONTRACT,
    &segment::SEGMENT,
    &key::KEY,
    &breaker::BREAKER,
    &breaker::OPENS_AT,
    &task::DEFAULTS,
    &task::TASK,
    &rung::TRY,
    &rung::ANSWER,
    &rung::FAIL,
];

/// Where a key would be known: `[task.NAME] or a try rung`; empty when nowhere.
pub(crate) fn homes_of(key: &str) -> String {
    let homes: Vec<&str> = FAMILIES.iter().filter(|it| it.known.contains(&key)).map(|it| it.name).take(3).collect();
    homes.join(" or ")
}
