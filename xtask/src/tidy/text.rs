//! Rules for every text: no path of somebody's machine, nothing left to do, no pointer into the void, no key of the
//! configuration that its page does not know.

use super::Finding;
use super::code::lines;
use crate::tree::Tree;

/// Beginnings of paths that exist on one machine only, in two parts so that this file has none.
const MACHINES: &[(&str, &str)] = &[("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/"), ("/Us", "ers/")];
/// Marks of things to do.
const MARKS: &[(&str, &str)] = &[("TO", "DO"), ("FIX", "ME"), ("XX", "X:"), ("HA", "CK:")];
/// Folders of documents that are not part of this repository.
const ELSEWHERE: &[(&str, &str)] = &[("design", "/"), ("reference", "/")];
/// The page that knows every key of the configuration.
const KEYS_PAGE: &str = "docs/configuration-reference.md";
/// Where the families of keys are declared.
const KEYS_FOLDER: &str = "crates/config/src/raw/";

/// No path of a machine stands anywhere.
pub(super) fn names_no_machine(tree: &Tree) -> Vec<Finding> {
    each_line(tree, |path, number, line| {
        let named = MACHINES.iter().map(|(a, b)| format!("{a}{b}")).find(|it| begins_a_path(line, it));
        named.map(|it| Finding::error(path, number, format!("names a path of one machine: {it}…")))
    })
}

/// Whether the text stands where a path begins, and not inside an address or a longer path.
fn begins_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|it| it.chars().next_back());
        !before.is_some_and(|it| it.is_alphanumeric() || "._-/".contains(it))
    })
}

/// Nothing is left to do: in comments of code, and anywhere in other texts.
pub(super) fn leaves_nothing_to_do(tree: &Tree) -> Vec<Finding> {
    let marked = |text: &str| MARKS.iter().map(|(a, b)| format!("{a}{b}")).find(|it| text.contains(it));
    let mut findings = Vec::new();
    for (path, text) in tree.all() {
        let is_rust = path.ends_with(".rs");
        let parts: Vec<String> = if is_rust {
            lines(text).into_iter().map(|it| it.comment).collect()
        } else {
            text.lines().map(str::to_owned).collect()
        };
        for (at, part) in parts.iter().enumerate() {
            if let Some(mark) = marked(part) {
                findings.push(Finding::error(path, at + 1, format!("`{mark}`: do it, or write an issue")));
            }
        }
    }
    findings
}

/// Comments name documents that are here, and pages link to what is here.
pub(super) fn points_at_what_is_there(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_end(".rs") {
        for (at, line) in lines(text).iter().enumerate() {
            for named in line.comment.split('`').skip(1).step_by(2) {
                let document = named.split([' ', '#']).next().unwrap_or_default();
                let elsewhere = ELSEWHERE.iter().any(|(a, b)| document.starts_with(&format!("{a}{b}")));
                let gone = document.starts_with("docs/") && !tree.has(document);
                if elsewhere || gone {
                    findings.push(Finding::error(
                        path,
                        at + 1,
                        format!("points at {document}, which is not in this repository"),
                    ));
                }
            }
        }
    }
    for (path, text) in tree.with_end(".md") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (at, line) in text.lines().enumerate() {
            for link in line.split("](").skip(1).filter_map(|it| it.split([')', '#', ' ']).next()) {
                let outside = link.is_empty() || link.contains("://") || link.starts_with("mailto:");
                if !outside && !tree.has(&joined(folder, link)) {
                    findings.push(Finding::error(path, at + 1, format!("links to {link}, which is not there")));
                }
            }
        }
    }
    findings
}

/// A relative path from a folder, with `..` resolved.
fn joined(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|it| !it.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Every key that the configuration knows, served or refused as not supported yet, stands on its page.
pub(super) fn documents_every_key(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.text(KEYS_PAGE) else { return Vec::new() };
    let mut findings = Vec::new();
    for (path, text) in tree.with_end(".rs").filter(|(path, _)| path.starts_with(KEYS_FOLDER)) {
        for list in ["known: &[", "later: &[", "later!("] {
            for (at, _) in text.match_indices(list) {
                let behind = text.get(at + list.len()..).unwrap_or_default();
                let inside = behind.split([']', ')']).next().unwrap_or_default();
                let keys = inside.split('"').skip(1).step_by(2);
                for key in keys.filter(|it| !page.contains(&format!("`{it}`"))) {
                    let line = text.get(..at).map_or(1, |it| it.lines().count());
                    findings.push(Finding::error(path, line, format!("{KEYS_PAGE} does not know `{key}`")));
                }
            }
        }
    }
    findings
}

fn each_line(tree: &Tree, look: impl Fn(&str, usize, &str) -> Option<Finding>) -> Vec<Finding> {
    let lines =
        tree.all().flat_map(|(path, text)| text.lines().enumerate().map(move |(at, line)| (path, at + 1, line)));
    lines.filter_map(|(path, number, line)| look(path, number, line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_path_of_a_machine_is_found_and_an_address_is_not() {
        let path = ["/ho", "me/ada/a"].concat();
        let text = format!("//! A.\nconst A: &str = \"{path}\";\n// https://example.com{path} and a{path}\n");
        let found = names_no_machine(&Tree::of(&[("a.rs", &text), ("b.toml", "a = 1\n")]));
        assert_eq!(shown(&found).len(), 1, "{found:?}");
        assert_eq!(found[0].line, 2);
    }

    #[test]
    fn a_mark_of_something_to_do_is_found_in_comments_and_pages() {
        let mark = ["TO", "DO"].concat();
        let tree = Tree::of(&[
            ("a.rs", &format!("//! A.\n// {mark} later\n")),
            ("b.rs", &format!("let a = \"{mark}\";\n")),
            ("c.md", &mark),
        ]);
        let found = leaves_nothing_to_do(&tree);
        assert_eq!(shown(&found).len(), 2, "{found:?}");
    }

    #[test]
    fn a_pointer_into_the_void_is_found() {
        let elsewhere = ["design", "/a.md"].concat();
        let source = format!("//! See `docs/a.md`, `docs/b.md` and `{elsewhere}` §2.\n");
        let page = "[a](a.md) [b](../src/b.rs) [c](gone.md#x) [d](https://e.f) [g](#here)\n";
        let tree = Tree::of(&[("src/b.rs", &source), ("docs/a.md", page)]);
        let found = shown(&points_at_what_is_there(&tree));
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].contains("docs/b.md") && found[1].contains(&elsewhere) && found[2].contains("gone.md"),
            "{found:?}"
        );
    }

    #[test]
    fn a_key_that_its_page_does_not_know_is_found() {
        let source = "const A: Family = Family { known: &[\"one\", \"two\"], later: &[\n \"three\"], hints: &[(\"four\", \"x\")] };\nlater: later!(\"five\"),\n";
        let tree = Tree::of(&[("crates/config/src/raw/a.rs", source), (KEYS_PAGE, "`one` and `three`, not two\n")]);
        let found = shown(&documents_every_key(&tree));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("`two`") && found[1].contains("`five`"), "{found:?}");
    }
}
