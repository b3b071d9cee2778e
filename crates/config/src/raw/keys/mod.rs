//! What a family of tables may hold: the keys that are served, and those of the design that are not yet.
//!
//! The one source of key names: the reader refuses what does not stand here, the reference page is written from it,
//! and `check --show` takes the words of defaults from it. Says nothing of how a value is read.

mod gateway;
mod proof;
mod request;
mod upstream;

pub(crate) use gateway::{BREAKER, CONTRACT, KEY, OPENS_AT, REPAIR, ROOT, SEGMENT, SERVER, STORE};
pub(crate) use proof::{EXPECT, PLAY, TEST};
pub(crate) use request::{ANSWER, DEADLINE, DEFAULTS, FAIL, REQUIRE, TASK, TRY};
pub(crate) use upstream::{CALL, PRICE, PROVIDER, ROUTE, TLS};

/// The keys of one kind of table.
#[derive(Debug)]
pub struct KeyFamily {
    /// What holds the keys, as messages name it: `[server]`, `a try rung`.
    pub name: &'static str,
    /// Keys that are read.
    pub keys: &'static [Key],
    /// Keys of the design whose feature is not built yet.
    pub later: &'static [&'static str],
    /// Keys that people expect here, and why they are not here.
    pub hints: &'static [(&'static str, &'static str)],
}

/// A key that is read.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// Type and unit of its value, with limits.
    pub takes: &'static str,
    /// What holds without it; `required` or `none` where nothing does.
    pub default: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
}

/// Every family of keys, in the order of the reference page.
pub const KEY_FAMILIES: &[&KeyFamily] = &[
    &ROOT, &SERVER, &STORE, &PROVIDER, &TLS, &ROUTE, &CALL, &PRICE, &CONTRACT, &REPAIR, &SEGMENT, &KEY, &BREAKER,
    &OPENS_AT, &DEFAULTS, &TASK, &DEADLINE, &REQUIRE, &TRY, &ANSWER, &FAIL, &TEST, &PLAY, &EXPECT,
];

/// A key, for the tables of this folder.
const fn key(name: &'static str, takes: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, takes, default, about }
}

// === impl KeyFamily ===

impl KeyFamily {
    /// Names of the keys that are read.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        self.keys.iter().map(|it| it.name)
    }

    pub(crate) fn reads(&self, key: &str) -> bool {
        self.names().any(|it| it == key)
    }
}

/// Where a key would be known: `[task.NAME] or a try rung`; empty when nowhere.
pub(crate) fn homes_of(key: &str) -> String {
    let tables = KEY_FAMILIES.iter().filter(|it| it.name != ROOT.name);
    let homes: Vec<&str> = tables.filter(|it| it.reads(key)).map(|it| it.name).take(3).collect();
    homes.join(" or ")
}
