//! Rules for every Rust file: it says what it is, it is not too long, nothing in it is left undone, and it starts
//! threads and tasks only where somebody waits for them.

use super::Finding;
use super::code::{find_word, is_test_file, lines, product_lines};
use crate::tree::Tree;

/// A file of more lines asks for a second room. Lines of tests inside a file are not counted.
const LONG: usize = 400;
/// A file of more lines is refused.
const TOO_LONG: usize = 600;
/// Files that may be long, and why.
const MAY_BE_LONG: &[(&str, &str)] =
    &[("crates/core/src/walk_tests.rs", "one short scenario per promise of the walk; they share one small world")];

/// Macros that stand for work that was not done.
const UNDONE: &[&str] = &["todo!", "unimplemented!", "dbg!"];

/// Forms that start something which runs on by itself.
const STARTS: &[&str] = &["tokio::spawn", "task::spawn", "spawn_blocking", "thread::spawn", "thread::Builder"];
/// Who may start something, what, and why.
const MAY_START: &[(&str, &str, &str)] = &[
    ("crates/gateway/src/gateway.rs", "spawn_blocking", "expiring overrides writes to the store, which blocks"),
    (
        "crates/gateway/src/admin/routes.rs",
        "spawn_blocking",
        "a change is answered when the store has it, which blocks",
    ),
    ("crates/gateway/src/promises.rs", "spawn_blocking", "compiling a schema may take long; awaited by the request"),
    ("crates/store/src/writer.rs", "thread::Builder", "the one thread that writes; closed with the store"),
    ("crates/store/src/reader.rs", "thread::Builder", "the one thread that reads; closed with the store"),
];

/// Every file opens with what it is, why, and what it never does.
pub(super) fn opens_with_its_purpose(tree: &Tree) -> Vec<Finding> {
    let silent = tree.with_end(".rs").filter(|(_, text)| !text.trim_start().starts_with("//!"));
    silent
        .map(|(path, _)| Finding::error(path, 1, "opens without `//!`: say what it is, why, and what it never does"))
        .collect()
}

/// No file is so long that nobody reads it.
pub(super) fn is_not_too_long(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_end(".rs") {
        let n_lines =
            if is_test_file(path) { text.lines().count() } else { product_lines(path, text).len().saturating_sub(1) };
        let may = MAY_BE_LONG.iter().any(|(it, _)| *it == path);
        if n_lines > TOO_LONG {
            findings.push(Finding::error(
                path,
                TOO_LONG,
                format!("has {n_lines} lines, more than {TOO_LONG}: it needs a second room"),
            ));
        } else if n_lines > LONG && !may {
            findings.push(Finding::warning(
                path,
                LONG,
                format!("has {n_lines} lines, more than {LONG}: it asks for a second room"),
            ));
        } else if n_lines <= LONG && may {
            findings.push(Finding::error(
                path,
                1,
                "is on the list of files that may be long, and is not long: take it off (tidy/rust.rs)",
            ));
        }
    }
    findings
}

/// Nothing is left for later, tests included.
pub(super) fn leaves_nothing_undone(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_end(".rs") {
        for (at, line) in lines(text).iter().enumerate() {
            for word in UNDONE.iter().filter(|it| find_word(&line.code, it).is_some()) {
                findings.push(Finding::error(path, at + 1, format!("`{word}` stands for work that was not done")));
            }
        }
    }
    findings
}

/// Tasks and threads of the product are started only where somebody waits for them. Tools run once and end.
pub(super) fn spawns_where_it_may(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_end(".rs").filter(|(path, _)| path.starts_with("crates/")) {
        for (number, line) in product_lines(path, text) {
            for form in STARTS.iter().filter(|it| find_word(&line.code, it).is_some()) {
                if !MAY_START.iter().any(|(may, what, _)| *may == path && what == form) {
                    let message =
                        format!("`{form}` here: start tasks through gateway::tasks, so that a drain can wait for them");
                    findings.push(Finding::error(path, number, message));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_say_what_it_is_is_found() {
        let tree = Tree::of(&[("a.rs", "use b;\n"), ("b.rs", "//! A thing.\n"), ("c.rs", "/// A thing.\nfn c() {}\n")]);
        let found: Vec<String> = opens_with_its_purpose(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("a.rs:1: error") && found[1].starts_with("c.rs:1: error"), "{found:?}");
    }

    #[test]
    fn a_long_file_is_warned_of_and_a_very_long_one_refused_and_tests_inside_do_not_count() {
        let of = |n: usize| "x;\n".repeat(n);
        let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", of(300), of(500));
        let tree = Tree::of(&[("a.rs", &of(400)), ("b.rs", &of(401)), ("c.rs", &of(601)), ("d.rs", &tested)]);
        let found = is_not_too_long(&tree);
        let shown: Vec<(&str, bool)> = found.iter().map(|it| (it.path.as_str(), it.is_error)).collect();
        assert_eq!(shown, [("b.rs", false), ("c.rs", true)]);
    }

    #[test]
    fn a_file_that_became_short_must_leave_the_list_of_long_ones() {
        let tree = Tree::of(&[(MAY_BE_LONG[0].0, "//! Short.\n")]);
        assert_eq!(is_not_too_long(&tree).len(), 1);
    }

    #[test]
    fn what_is_left_undone_is_found_but_not_in_texts() {
        let tree = Tree::of(&[("a.rs", "fn a() {\n    todo!()\n}\n"), ("b.rs", "fn b() { say(\"todo!\") }\n")]);
        let found = leaves_nothing_undone(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].line), ("a.rs", 2));
    }

    #[test]
    fn a_task_that_nobody_waits_for_is_found() {
        let tree = Tree::of(&[
            ("crates/gateway/src/admit.rs", "fn a() { tokio::spawn(b()); }\n"),
            ("crates/gateway/src/gateway.rs", "fn a() { tokio::task::spawn_blocking(b); std::thread::spawn(b); }\n"),
            ("crates/gateway/src/a_tests.rs", "fn a() { tokio::spawn(b()); }\n"),
        ]);
        let found: Vec<String> = spawns_where_it_may(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("tokio::spawn") && found[1].contains("thread::spawn"), "{found:?}");
    }
}
