//! What examples and pages claim, held against the code.

use std::fs;
use std::path::PathBuf;

use switchback_config::{Source, compile, render};
use switchback_sim::Fault;

use crate::root;

/// Reads files next to the examples, and has a secret for every variable.
struct Beside(PathBuf);

impl Source for Beside {
    fn file(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(self.0.join(path)).map_err(|error| error.to_string())
    }

    fn variable(&self, name: &str) -> Option<String> {
        Some(format!("secret-of-{name}"))
    }
}

/// What `check` says of a configuration.
fn checked(name: &str, text: &str) -> String {
    let compiled = compile(name, text, &Beside(root().join("examples")));
    render(&compiled.diagnostics, &[(name, text)], false)
}

fn pages() -> Vec<(String, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|it| it.unwrap().path());
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|it| root().join(it));
    let pages = docs.chain(top).filter(|it| it.extension().is_some_and(|it| it == "md"));
    pages.map(|it| (it.display().to_string(), fs::read_to_string(it).unwrap())).collect()
}

#[test]
fn every_example_is_right_without_an_error_or_a_warning() {
    let files = fs::read_dir(root().join("examples")).unwrap().map(|it| it.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|it| it.extension().is_some_and(|it| it == "toml")).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let said = checked(&file.display().to_string(), &fs::read_to_string(&file).unwrap());
        assert!(said.is_empty(), "{}\n{said}", file.display());
    }
}

#[test]
fn every_whole_configuration_on_a_page_is_right() {
    let mut n_checked = 0;
    for (page, text) in pages() {
        for block in text.split("```toml\n").skip(1).filter_map(|it| it.split("```").next()) {
            if block.contains("version = 1") {
                let said = checked(&page, block);
                assert!(said.is_empty(), "{page}\n{block}\n{said}");
                n_checked += 1;
            }
        }
    }
    assert!(n_checked > 0);
}

#[test]
fn the_page_of_the_simulator_knows_every_fault_and_no_other() {
    let page = fs::read_to_string(root().join("docs/simulator.md")).unwrap();
    let (_, faults) = page.split_once("## Faults").unwrap();
    let rows: Vec<&str> = faults.lines().filter_map(|it| it.strip_prefix("| `")?.split("` |").next()).collect();
    let names: Vec<&str> = Fault::TABLE.iter().map(|it| it.name).collect();
    assert_eq!(rows, names);
    for row in Fault::TABLE {
        assert!(page.contains(row.about), "{}: {}", row.name, row.about);
        assert!(row.aliases.iter().all(|it| page.contains(&format!("`{it}`"))), "{}", row.name);
    }
}
