//! Rules for manifests: who may depend on whom, in which order, under which lints.

use super::Finding;
use crate::tree::Tree;

/// Every crate of ours by folder, and which of ours it may use. The arrows point one way.
const LAYERS: &[(&str, &[&str])] = &[
    ("crates/core", &[]),
    ("crates/contract", &["core"]),
    ("crates/wire", &["core"]),
    ("crates/config", &["core", "contract", "wire"]),
    ("crates/store", &["core"]),
    ("crates/sim", &["core", "wire"]),
    ("crates/console", &["core"]),
    ("crates/gateway", &["core", "contract", "wire", "config", "store", "console"]),
    ("crates/switchback", &["core", "contract", "wire", "config", "store", "sim", "gateway"]),
    ("xtask", &["core", "wire", "config"]),
    // Measures the program from outside, so that nothing of ours is on both sides of a figure.
    ("bench", &[]),
];
/// What every manifest ends with, so that the lints of the house hold everywhere.
const LINTS: &str = "[lints]\nworkspace = true";

/// One dependency of a manifest.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    /// The table's last part: `dependencies`, `dev-dependencies`, `build-dependencies`.
    pub(super) table: String,
    /// The package.
    pub(super) name: String,
    /// The line, from one.
    pub(super) line: usize,
}

/// The dependencies of a manifest, in the order of the file.
pub(super) fn dependencies(text: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut table = String::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            table = name.rsplit('.').next().unwrap_or_default().to_owned();
            continue;
        }
        let named = line.split(['=', '.']).next().unwrap_or_default().trim();
        if table.ends_with("dependencies") && !named.is_empty() && !line.starts_with('#') && line.contains('=') {
            found.push(Dependency { table: table.clone(), name: named.to_owned(), line: at + 1 });
        }
    }
    found
}

/// How a package is called in code.
pub(super) fn crate_name(package: &str) -> String {
    package.replace('-', "_")
}

/// A crate uses only crates of ours that stand below it, and every crate has its place. Tests may use any.
pub(super) fn is_in_its_layer(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_end("Cargo.toml").filter(|(path, _)| *path != "Cargo.toml") {
        let folder = path.trim_end_matches("/Cargo.toml");
        let Some((_, may)) = LAYERS.iter().find(|(it, _)| *it == folder) else {
            findings.push(Finding::error(path, 1, "this crate has no place among the layers (tidy/manifest.rs)"));
            continue;
        };
        for it in dependencies(text).iter().filter(|it| it.table != "dev-dependencies") {
            let ours = it.name.strip_prefix("switchback").map(|it| it.trim_start_matches('-'));
            if let Some(ours) = ours.filter(|it| !may.contains(it)) {
                let below = if may.is_empty() { "none of ours".to_owned() } else { may.join(", ") };
                findings.push(Finding::error(path, it.line, format!("may not depend on {ours}; it may on: {below}")));
            }
        }
    }
    findings
}

/// Other people's crates stand in alphabetical order, so that one is found and a second entry is seen.
pub(super) fn is_sorted(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_end("Cargo.toml") {
        let all = dependencies(text);
        let theirs: Vec<&Dependency> = all.iter().filter(|it| !it.name.starts_with("switchback")).collect();
        for pair in theirs.windows(2) {
            if let [first, second] = pair
                && first.table == second.table
                && first.name >= second.name
            {
                findings.push(Finding::error(
                    path,
                    second.line,
                    format!("{} stands behind {}", second.name, first.name),
                ));
            }
        }
    }
    findings
}

/// Every crate takes the lints of the workspace.
pub(super) fn takes_the_lints_of_the_house(tree: &Tree) -> Vec<Finding> {
    let without = tree.with_end("Cargo.toml").filter(|(path, text)| *path != "Cargo.toml" && !text.contains(LINTS));
    without
        .map(|(path, _)| Finding::error(path, 1, "does not take the lints of the workspace: [lints] workspace = true"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_reaches_up_is_found_but_not_its_tests() {
        let text = "[dependencies]\nswitchback-core.workspace = true\nswitchback-store.workspace = true\n[dev-dependencies]\nswitchback-sim.workspace = true\n";
        let found = is_in_its_layer(&Tree::of(&[("crates/wire/Cargo.toml", text)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 3);
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(is_in_its_layer(&Tree::of(&[("crates/extra/Cargo.toml", "")])).len(), 1);
    }

    #[test]
    fn dependencies_out_of_order_or_given_twice_are_found_within_one_table() {
        let text = "[dependencies]\nswitchback-core = \"1\"\nb = \"1\"\na.workspace = true\n# c\na = { version = \"1\" }\n\n[dev-dependencies]\na = \"1\"\n";
        let found = is_sorted(&Tree::of(&[("Cargo.toml", text)]));
        let lines: Vec<usize> = found.iter().map(|it| it.line).collect();
        assert_eq!(lines, [4, 6]);
    }

    #[test]
    fn a_crate_under_lints_of_its_own_is_found() {
        let tree = Tree::of(&[("a/Cargo.toml", "[lints]\nworkspace = true\n"), ("b/Cargo.toml", "[package]\n")]);
        let found = takes_the_lints_of_the_house(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "b/Cargo.toml");
    }
}
