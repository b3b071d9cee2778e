//! Rules for the pure crates: no clock, no socket, no thread, no file, no environment, and no way to get one.
//!
//! Clippy's bans see paths, the manifest sees crates, this sees words; together they leave little room. Clippy reads
//! the nearest `clippy.toml` and does not merge, so the bans of the root must be repeated in each pure crate, and that
//! is checked here too.

use super::Finding;
use super::code::{find_word, product_lines};
use super::manifest::{self, dependencies};
use crate::tree::Tree;

/// Folders of the crates that decide.
pub(super) const PURE: &[&str] = &["core", "contract", "wire", "config"];

/// Words that reach out of a pure crate, and what is used instead.
const REACHES: &[(&str, &str)] = &[
    ("async", "pure code does not wait"),
    (".await", "pure code does not wait"),
    ("Instant::now", "time is an argument"),
    ("SystemTime::now", "time is an argument"),
    ("time::Instant", "time is an argument: core::time::Now"),
    ("time::SystemTime", "time is an argument: core::time::Now"),
    ("std::thread", "pure code has no threads"),
    ("thread_local!", "pure code has no globals that change"),
    ("static mut", "pure code has no globals that change"),
    ("std::net", "pure code opens no sockets; addresses are in core::net"),
    ("std::fs", "files come through config's Source"),
    ("std::env", "variables come through config's Source"),
    ("std::process", "pure code starts nothing"),
    ("std::io::stdin", "pure code reads nothing"),
    ("println!", "pure code prints nothing"),
    ("eprintln!", "pure code prints nothing"),
];

/// What a pure crate may be built from, beside pure crates. A new name here is a decision.
const MAY_USE: &[&str] = &[
    "annotate-snippets",
    "bytes",
    "jsonschema",
    "memchr",
    "regex",
    "serde",
    "serde_json",
    "thiserror",
    "toml",
    "zeroize",
];

/// Bans that each pure crate has beside those of the root.
const BANNED: &[&str] = &[
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::spawn",
    "std::thread::sleep",
    "std::env::var",
    "std::fs::read",
    "std::fs::read_to_string",
    "std::fs::write",
    "std::fs::File::open",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
];

/// No word in the code of a pure crate reaches out of it.
pub(super) fn cannot_reach_the_world(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in PURE {
        let folder = format!("crates/{name}/src/");
        for (path, text) in tree.with_end(".rs").filter(|(path, _)| path.starts_with(&folder)) {
            for (number, line) in product_lines(path, text) {
                for (word, instead) in REACHES.iter().filter(|(word, _)| find_word(&line.code, word).is_some()) {
                    findings.push(Finding::error(path, number, format!("`{word}` in a pure crate: {instead}")));
                }
            }
        }
    }
    findings
}

/// The manifest of a pure crate offers nothing that could reach out of it.
pub(super) fn asks_for_nothing_impure(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in PURE {
        let path = format!("crates/{name}/Cargo.toml");
        for it in tree.text(&path).map(dependencies).unwrap_or_default() {
            let ours = it.name.starts_with("switchback-");
            let for_tests = it.table == "dev-dependencies";
            if !ours && !for_tests && !MAY_USE.contains(&it.name.as_str()) {
                let message = format!(
                    "a pure crate may not use {}; if it is pure too, add it to the list (tidy/pure.rs)",
                    it.name
                );
                findings.push(Finding::error(&path, it.line, message));
            }
        }
    }
    findings
}

/// The `clippy.toml` of a pure crate has its own bans and those of the root that it can reach.
pub(super) fn is_banned_by_clippy(tree: &Tree) -> Vec<Finding> {
    let root = tree.text("clippy.toml").unwrap_or_default();
    let settings =
        root.lines().map(str::trim).filter(|it| it.contains('=') && !it.starts_with('{') && !it.ends_with('['));
    let settings: Vec<&str> = settings.collect();
    let mut findings = Vec::new();
    for name in PURE.iter().filter(|it| tree.has(&format!("crates/{it}"))) {
        let path = format!("crates/{name}/clippy.toml");
        let Some(text) = tree.text(&path) else {
            findings.push(Finding::error(
                &path,
                1,
                "is missing: without it nothing bans the clock, sockets and files here",
            ));
            continue;
        };
        for setting in settings.iter().filter(|it| !text.lines().any(|line| line.trim() == **it)) {
            findings.push(Finding::error(
                &path,
                1,
                format!("lacks `{setting}` of the root's clippy.toml, which is not merged"),
            ));
        }
        let offered = tree.text(&format!("crates/{name}/Cargo.toml")).map(dependencies).unwrap_or_default();
        let reaches = |ban: &&str| {
            let of = ban.split("::").next().unwrap_or_default();
            of == "std" || offered.iter().any(|it| manifest::crate_name(&it.name) == of)
        };
        let bans = banned(root);
        let needed = BANNED.iter().copied().chain(bans.iter().copied().filter(reaches));
        let here = banned(text);
        for ban in needed.filter(|it| !here.contains(it)) {
            findings.push(Finding::error(&path, 1, format!("does not ban `{ban}`")));
        }
    }
    findings
}

/// The paths that a `clippy.toml` bans.
fn banned(text: &str) -> Vec<&str> {
    let entries = text.lines().map(str::trim).filter(|it| it.starts_with('{'));
    entries.filter_map(|it| it.split_once("path = \"")?.1.split('"').next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
        rule(&Tree::of(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_pure_crate_that_asks_for_the_time_or_waits_is_found() {
        let source = "//! A.\nuse std::time::{Duration, Instant};\nlet a = Instant::now();\nasync fn b() {}\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        let found =
            found(cannot_reach_the_world, &[("crates/core/src/a.rs", source), ("crates/gateway/src/a.rs", source)]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("a.rs:3") && found[1].contains("a.rs:4"), "{found:?}");
    }

    #[test]
    fn the_words_of_comments_and_texts_reach_nothing() {
        let source = "//! Never uses std::fs, never async.\nlet a = \"std::net\"; // std::env\n";
        assert_eq!(found(cannot_reach_the_world, &[("crates/wire/src/a.rs", source)]), Vec::<String>::new());
    }

    #[test]
    fn a_pure_crate_that_is_offered_a_runtime_is_found_except_for_its_tests() {
        let manifest =
            "[dependencies]\nserde.workspace = true\ntokio.workspace = true\n\n[dev-dependencies]\nproptest = \"1\"\n";
        let found = found(asks_for_nothing_impure, &[("crates/core/Cargo.toml", manifest)]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("crates/core/Cargo.toml:3: error") && found[0].contains("tokio"), "{found:?}");
    }

    #[test]
    fn bans_that_are_not_repeated_are_found_where_the_crate_could_break_them() {
        let root = "too-many-lines-threshold = 80\ndisallowed-methods = [\n  { path = \"tokio::spawn\", reason = \"a\" },\n  \
                    { path = \"serde_json::to_value\", reason = \"b\" },\n]\n";
        let bans: String = BANNED.iter().map(|it| format!("  {{ path = \"{it}\", reason = \"c\" }},\n")).collect();
        let own = format!("disallowed-methods = [\n{bans}]\n");
        let files = [
            ("clippy.toml", root),
            ("crates/core/Cargo.toml", "[dependencies]\nserde_json = \"1\"\n"),
            ("crates/core/clippy.toml", &own),
        ];
        let found = found(is_banned_by_clippy, &files);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("too-many-lines-threshold") && found[1].contains("serde_json::to_value"),
            "{found:?}"
        );
    }

    #[test]
    fn a_pure_crate_without_bans_is_found() {
        assert_eq!(found(is_banned_by_clippy, &[("crates/wire/src/lib.rs", "//! A.\n")]).len(), 1);
    }
}
