//! Pages that are tables of the code: written from it, and refused when stale.
//!
//! Nobody edits them by hand. What a table means is said here in a few sentences; what it holds comes from the crates.

mod codes;
mod configuration;
mod failures;
mod signals;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::talk;

/// What every generated page opens with.
const MARK: &str =
    "<!-- Written by `cargo xtask generate` from the code. Do not edit: change the code and run it again. -->\n\n";

/// A page: where it stands, and what is to stand there.
type Page = (&'static str, fn() -> String);

const PAGES: &[Page] = &[
    ("docs/failures.md", failures::page),
    ("docs/signals.md", signals::page),
    ("docs/codes.md", codes::page),
    ("docs/configuration-reference.md", configuration::page),
];

/// Writes every page that is stale.
///
/// # Errors
///
/// A page that cannot be written.
pub(crate) fn write(root: &Path) -> Result<ExitCode, String> {
    let stale = stale(root);
    for (path, page) in PAGES.iter().filter(|(path, _)| stale.contains(path)) {
        fs::write(root.join(path), whole(*page)).map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says which pages are stale.
///
/// # Errors
///
/// Never; a page that cannot be read is stale.
pub(crate) fn check(root: &Path) -> Result<ExitCode, String> {
    let stale: Vec<&str> = stale(root);
    stale.iter().for_each(|it| talk(&format!("{it}:1: error: is stale; run `cargo xtask generate`")));
    Ok(if stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn stale(root: &Path) -> Vec<&'static str> {
    let is_stale =
        |(path, page): &&Page| fs::read_to_string(root.join(path)).ok().as_deref() != Some(whole(*page).as_str());
    PAGES.iter().filter(is_stale).map(|(path, _)| *path).collect()
}

fn whole(page: fn() -> String) -> String {
    format!("{MARK}{}\n", page().trim_end())
}

/// A table of these columns and rows.
fn table<const N: usize>(columns: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head = line(&columns.map(str::to_owned));
    let rule = line(&columns.map(|_| "---".to_owned()));
    let body: String = rows.map(|row| line(&row.map(|cell| cell.replace('|', "\\|")))).collect();
    format!("{head}{rule}{body}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_differs_from_the_code_is_stale_and_writing_cures_it() {
        let root = std::env::temp_dir().join(format!("switchback-xtask-{}", std::process::id()));
        fs::create_dir_all(root.join("docs")).unwrap();
        assert_eq!(stale(&root).len(), PAGES.len());
        write(&root).unwrap();
        assert_eq!(stale(&root), Vec::<&str>::new());
        fs::write(root.join("docs/codes.md"), "edited by hand").unwrap();
        assert_eq!(stale(&root), ["docs/codes.md"]);
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn every_class_skip_key_and_code_stands_on_its_page() {
        let (failures, codes) = (failures::page(), codes::page());
        for row in &switchback_core::failure::CLASSES {
            assert!(failures.contains(&format!("| `{}` |", row.name)), "{}", row.name);
        }
        for row in &switchback_core::outcome::SKIPS {
            assert!(failures.contains(&format!("| `{}` |", row.name)), "{}", row.name);
        }
        let keys = configuration::page();
        for family in switchback_config::KEY_FAMILIES {
            assert!(keys.contains(&format!("## {}\n", family.name)), "{}", family.name);
            for key in family.keys.iter().map(|it| it.name).chain(family.later.iter().copied()) {
                assert!(keys.contains(&format!("`{key}`")), "{} {key}", family.name);
            }
        }
        for (code, ..) in switchback_config::CODES {
            assert!(codes.contains(&format!("## {code}: ")), "{code}");
        }
    }

    #[test]
    fn a_bar_in_a_cell_does_not_end_it() {
        assert_eq!(table(["a"], [["b|c".to_owned()]].into_iter()), "| a |\n| --- |\n| b\\|c |\n\n");
    }
}
