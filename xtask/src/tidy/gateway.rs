//! Rules for the shell: it carries out what the engine decides, and its rooms see only what lies before them.

use std::collections::BTreeSet;

use super::Finding;
use super::code::{find_word, product_lines};
use crate::tree::Tree;

/// Crates that do and never decide.
const SHELL: &[&str] = &["gateway", "store", "sim", "switchback"];
/// Files that make a class out of evidence of their own: how the transport ended, which clock ran out.
const MAY_NAME_CLASSES: &[&str] =
    &["crates/gateway/src/attempt.rs", "crates/gateway/src/judge.rs", "crates/gateway/src/stream.rs"];

/// Every room of the gateway and the rooms it may import, in the order in which a request meets them. A room that has
/// several files is named by its folder.
///
/// The owner knows `attempt` and `answer`, which know it: it is handed through them. No other knot is allowed.
const ROOMS: &[(&str, &[&str])] = &[
    // Tools: they know nothing of requests.
    ("broken", &[]),
    ("clock", &[]),
    ("file", &[]),
    ("headers", &[]),
    ("keys", &[]),
    ("names", &[]),
    ("origin", &[]),
    ("out", &[]),
    ("promises", &[]),
    ("reject", &[]),
    ("relays", &[]),
    ("sticky", &[]),
    ("strict", &[]),
    ("tasks", &[]),
    ("telemetry", &[]),
    ("tls", &[]),
    ("upstream", &[]),
    // What requests share.
    ("overrides", &["state"]),
    (
        "state",
        &[
            "clock",
            "keys",
            "names",
            "overrides",
            "promises",
            "reject",
            "relays",
            "sticky",
            "telemetry",
            "tls",
            "upstream",
        ],
    ),
    // The stages.
    ("listen", &["strict", "tasks"]),
    ("admit", &["keys", "names", "origin", "promises", "reject", "state"]),
    ("attempt", &["broken", "judge", "kept", "owner", "state", "stream", "upstream"]),
    ("judge", &["admit", "broken", "kept", "upstream"]),
    ("kept", &["broken", "stream"]),
    ("stream", &["admit", "broken", "judge", "upstream"]),
    ("answer", &["headers", "kept", "owner", "stream"]),
    ("owner", &["admit", "answer", "attempt", "kept", "out", "state", "telemetry"]),
    ("relay", &["headers", "out", "reject", "state", "telemetry"]),
    // Around them.
    (
        "service",
        &["admit", "answer", "headers", "keys", "listen", "origin", "out", "owner", "reject", "relay", "state"],
    ),
    ("reload", &["file", "overrides", "state"]),
    ("admin", &["clock", "headers", "listen", "origin", "overrides", "reload", "state", "tasks", "telemetry"]),
    ("gateway", &["admin", "clock", "file", "listen", "overrides", "reload", "service", "state", "tasks"]),
];

/// No policy in the shell: a failure class is made there from evidence, never looked at to choose what to do.
pub(super) fn decides_nothing(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in SHELL {
        let folder = format!("crates/{name}/src/");
        for (path, text) in tree.with_end(".rs").filter(|(path, _)| path.starts_with(&folder)) {
            for (number, line) in product_lines(path, text) {
                let names = find_word(&line.code, "FailureClass::").is_some();
                if names && !MAY_NAME_CLASSES.contains(&path) {
                    findings.push(Finding::error(
                        path,
                        number,
                        "names a failure class: classes are made in judge, attempt and stream",
                    ));
                } else if chooses_by_class(&line.code) {
                    findings.push(Finding::error(
                        path,
                        number,
                        "chooses by failure class: that is the engine's to do (crates/core)",
                    ));
                }
            }
        }
    }
    findings
}

/// Whether the line looks at a class: as a pattern, in a comparison, or as what a `match` is over.
fn chooses_by_class(code: &str) -> bool {
    let compares = |it: &str| code.contains(&format!("== {it}")) || code.contains(&format!("!= {it}"));
    let is_pattern = code.split("FailureClass::").skip(1).any(|rest| {
        let behind = rest.trim_start_matches(|it: char| it.is_alphanumeric() || it == '_').trim_start();
        behind.starts_with("=>") || behind.starts_with("| ")
    });
    let tests = code.contains("matches!") && code.contains("FailureClass::");
    let over_class = ["match ", "if "].iter().any(|it| code.contains(it))
        && [".class {", ".class ==", ".class !=", ".class.family()", ".class.row()"].iter().any(|it| code.contains(it));
    compares("FailureClass::") || is_pattern || tests || over_class
}

/// A room of the gateway imports only what its row allows.
pub(super) fn imports_what_its_room_may(tree: &Tree) -> Vec<Finding> {
    const FOLDER: &str = "crates/gateway/src/";
    let mut findings = Vec::new();
    for (path, text) in tree.with_end(".rs").filter(|(path, _)| path.starts_with(FOLDER)) {
        let inside = path.trim_start_matches(FOLDER);
        let room = inside.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        if room == "lib" || room.ends_with("tests") {
            continue;
        }
        let Some((_, may)) = ROOMS.iter().find(|(it, _)| *it == room) else {
            findings.push(Finding::error(
                path,
                1,
                format!("`{room}` has no row in the table of rooms (tidy/gateway.rs)"),
            ));
            continue;
        };
        for (number, line) in product_lines(path, text) {
            for named in imported(&line.code) {
                if named != room && !may.contains(&named.as_str()) {
                    let allowed = if may.is_empty() { "nothing of the gateway".to_owned() } else { may.join(", ") };
                    findings.push(Finding::error(
                        path,
                        number,
                        format!("`{room}` may not import `{named}`; it may: {allowed}"),
                    ));
                }
            }
        }
    }
    findings
}

/// The modules of the crate's root that a line names: behind `crate::`, alone or in braces.
fn imported(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect::<String>();
    let mut named = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{').and_then(|it| it.split_once('}')) {
            Some((list, _)) => named.extend(list.split(',').map(|it| word(it.trim()))),
            None => {
                named.insert(word(rest));
            }
        }
    }
    named.retain(|it| it.starts_with(|first: char| first.is_ascii_lowercase()));
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: fn(&Tree) -> Vec<Finding>, path: &str, text: &str) -> usize {
        rule(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_class_that_is_looked_at_in_the_shell_is_found() {
        let judge = "crates/gateway/src/judge.rs";
        for text in [
            "match failure.class {\n",
            "FailureClass::Timeout => retry(),\n",
            "FailureClass::Timeout | FailureClass::Auth => retry(),\n",
            "if failure.class == other {\n",
            "let a = it.class() == FailureClass::Auth;\n",
            "let a = matches!(class, FailureClass::Auth);\n",
        ] {
            assert_eq!(found(decides_nothing, judge, text), 1, "{text}");
        }
    }

    #[test]
    fn a_class_may_be_made_from_evidence_where_that_is_the_work() {
        let text =
            "let a = Failure::new(FailureClass::Timeout);\nSendError::Dns(_) => (FailureClass::Transport, None),\n";
        assert_eq!(found(decides_nothing, "crates/gateway/src/judge.rs", text), 0);
        assert_eq!(found(decides_nothing, "crates/gateway/src/answer.rs", text), 2);
        assert_eq!(found(decides_nothing, "crates/core/src/walk.rs", "match failure.class {\n"), 0);
    }

    #[test]
    fn an_import_against_the_flow_is_found() {
        let rule = imports_what_its_room_may;
        assert_eq!(
            found(rule, "crates/gateway/src/admit.rs", "use crate::owner::Owner;\nuse crate::state::Shared;\n"),
            1
        );
        assert_eq!(
            found(
                rule,
                "crates/gateway/src/upstream/pool.rs",
                "use crate::{admit, judge};\nuse crate::upstream::Wire;\n"
            ),
            2
        );
        assert_eq!(
            found(rule, "crates/gateway/src/tls.rs", "#[cfg(test)]\nmod tests { use crate::owner::Owner; }\n"),
            0
        );
    }

    #[test]
    fn a_file_that_is_in_no_room_is_found() {
        assert_eq!(found(imports_what_its_room_may, "crates/gateway/src/helpers.rs", "//! Helps.\n"), 1);
    }

    #[test]
    fn no_room_lets_a_tool_know_of_requests() {
        let tools = ROOMS.iter().take_while(|(name, _)| *name != "overrides");
        assert!(tools.clone().count() > 5 && tools.clone().all(|(_, may)| may.is_empty()));
    }
}
