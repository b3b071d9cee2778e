//! House-keeping of the workspace: `cargo xtask tidy` holds the rules of the house that no compiler checks,
//! `cargo xtask generate` writes the pages that are tables of the code, `cargo xtask catalogue` the catalogue of
//! models.
//!
//! Reads the tree, writes under `docs/` and the data of `crates/wire`; never builds, downloads or starts anything. Exit
//! codes: 0 fine, 1 something was found, 2 wrong usage.

mod catalogue;
mod generate;
#[cfg(test)]
mod tests;
mod tidy;
mod tree;

use std::io::{Write as _, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::tree::Tree;

const USAGE: &str = "\
cargo xtask tidy                 hold the tree against the rules of the house
cargo xtask generate             write docs/failures.md, docs/signals.md and docs/codes.md
cargo xtask generate --check     only say whether they are stale
cargo xtask catalogue FILE.json  write the catalogue of models from its source";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let root = root();
    let done = match words.as_slice() {
        ["tidy"] => tidy(&root),
        ["generate"] => generate::write(&root),
        ["generate", "--check"] => generate::check(&root),
        ["catalogue", path] => catalogue::write(&root, path),
        _ => {
            talk(USAGE);
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|why| {
        talk(&why);
        ExitCode::FAILURE
    })
}

/// The workspace, wherever the command was typed.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

fn tidy(root: &Path) -> Result<ExitCode, String> {
    let tree = Tree::read(root).map_err(|error| format!("the tree cannot be read: {error}"))?;
    let findings = tidy::run(&tree);
    findings.iter().for_each(|it| data(&it.to_string()));
    let n_errors = findings.iter().filter(|it| it.is_error).count();
    talk(&format!("tidy: {} files, {n_errors} errors, {} warnings", tree.len(), findings.len() - n_errors));
    Ok(if n_errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A line of data. A reader that has gone away is no error.
fn data(line: &str) {
    let _ = writeln!(stdout().lock(), "{line}");
}

/// A line of talk.
fn talk(line: &str) {
    let _ = writeln!(stderr().lock(), "{line}");
}
