//! The rules of the house that can be checked by reading files. One file per kind of rule.
//!
//! Every rule is a function from the tree to findings, and has a test that plants a violation. A rule that does not fit
//! is changed here, with its reason; there is no way to silence it from where it is broken.

mod code;
mod gateway;
mod manifest;
mod pure;
mod rust;
mod text;

use std::fmt;

use crate::tree::Tree;

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// From one; 0 where the whole file is meant.
    line: usize,
    /// Whether it fails the run; else it is a warning.
    pub(crate) is_error: bool,
    message: String,
}

impl Finding {
    pub(crate) fn error(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, is_error: true, message: message.into() }
    }

    pub(crate) fn warning(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, is_error: false, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_error { "error" } else { "warning" };
        write!(f, "{}:{}: {kind}: {}", self.path, self.line.max(1), self.message)
    }
}

/// A rule: what it finds in the tree.
type Rule = fn(&Tree) -> Vec<Finding>;

/// Every rule.
const RULES: &[Rule] = &[
    rust::opens_with_its_purpose,
    rust::is_not_too_long,
    rust::leaves_nothing_undone,
    rust::spawns_where_it_may,
    pure::cannot_reach_the_world,
    pure::asks_for_nothing_impure,
    pure::is_banned_by_clippy,
    gateway::decides_nothing,
    gateway::imports_what_its_room_may,
    manifest::is_in_its_layer,
    manifest::is_sorted,
    manifest::takes_the_lints_of_the_house,
    text::names_no_machine,
    text::leaves_nothing_to_do,
    text::points_at_what_is_there,
    text::documents_every_key,
];

/// Everything that is found, in the order of the files.
pub(crate) fn run(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(tree)).collect();
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A finding is read by people and by editors that jump to `file:line`.
    #[test]
    fn a_finding_names_its_place_first() {
        assert_eq!(Finding::error("a.rs", 3, "it is so").to_string(), "a.rs:3: error: it is so");
        assert_eq!(Finding::warning("a.rs", 0, "it is so").to_string(), "a.rs:1: warning: it is so");
    }

    #[test]
    fn a_tree_that_breaks_no_rule_has_no_finding() {
        let tree = Tree::of(&[("crates/store/src/lib.rs", "//! What it is.\n\npub mod a;\n")]);
        assert_eq!(run(&tree), []);
    }

    #[test]
    fn every_rule_is_run_and_findings_come_in_the_order_of_the_files() {
        let tree =
            Tree::of(&[("crates/wire/src/b.rs", "fn b() { todo!() }\n"), ("crates/core/src/a.rs", "use std::fs;\n")]);
        let places: Vec<String> = run(&tree).into_iter().map(|it| it.path).collect();
        assert!(places.is_sorted() && places.len() >= 4, "{places:?}");
    }
}
