//! What tells how to use it, offline: help of codes and verbs, completions and man pages.

use std::io::Write as _;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::kit::run;

const VERBS: [&str; 13] = [
    "demo",
    "init",
    "check",
    "serve",
    "sim",
    "status",
    "tail",
    "explain",
    "routes",
    "reload",
    "help",
    "completions",
    "man",
];

#[test]
fn every_verb_is_explained() {
    for verb in VERBS {
        let ran = run(&["help", verb], &[]);
        assert!(ran.code == 0 && ran.out.contains(&format!("Usage: switchback {verb}")), "{verb}: {ran:?}");
    }
    for act in ["list", "show", "disable", "enable", "trip", "reset"] {
        let ran = run(&["help", "routes", act], &[]);
        assert!(ran.code == 0 && ran.out.contains(&format!("Usage: switchback routes {act}")), "{act}: {ran:?}");
    }
}

#[test]
fn a_code_is_explained_however_it_is_typed() {
    let told = run(&["help", "SB204"], &[]);
    assert!(told.code == 0 && told.out.starts_with("SB204  one outage"), "{told:?}");
    for typed in ["sb204", "204", "Sb204"] {
        assert_eq!(run(&["help", typed], &[]).out, told.out, "{typed}");
    }
    let json = run(&["help", "SB204", "--json"], &[]).json();
    assert_eq!(json["code"], "SB204");
    assert!(told.out.contains(json["help"].as_str().unwrap()), "{json}");
}

#[test]
fn what_does_not_exist_is_not_found_and_the_next_thing_is_named() {
    for (topic, suggested) in [
        (&["SB205x"][..], "from SB100"),
        (&["SB299"], "SB221"),
        (&["SB999"], "from SB100"),
        (&["rutes"], "routes"),
        (&["routes", "disabel"], "disable"),
    ] {
        let ran = run(&[&["help"], topic].concat(), &[]);
        assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{topic:?} {ran:?}");
        assert!(ran.err.contains(suggested), "{topic:?} {ran:?}");
    }
}

#[test]
fn completions_know_every_verb_and_are_sound() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(&["completions", shell], &[]);
        assert_eq!(ran.code, 0, "{shell} {}", ran.err);
        assert!(VERBS.iter().all(|it| ran.out.contains(it)) && ran.out.contains("trip"), "{shell}");
    }
    let script = run(&["completions", "bash"], &[]).out;
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let done = bash.wait_with_output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    assert_eq!(run(&["completions", "csh"], &[]).code, 2);
}

#[test]
fn the_manual_has_a_page_for_each_verb() {
    let main = run(&["man"], &[]);
    assert!(main.code == 0 && main.out.contains(".TH switchback 1"), "{main:?}");
    for section in ["ENVIRONMENT", "EXIT STATUS"] {
        assert!(main.out.contains(section), "{section} {}", main.out);
    }
    let folder = TempDir::new().unwrap();
    let below = folder.path().join("man1");
    let ran = run(&["man", "--dir", below.to_str().unwrap()], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for verb in VERBS.iter().map(|it| format!("-{it}")).chain(["".to_owned(), "-routes-trip".to_owned()]) {
        let path = below.join(format!("switchback{verb}.1"));
        let page = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(page.contains(&format!(".TH switchback{verb} 1")), "{verb}: {page}");
        assert!(ran.out.contains(&path.display().to_string()), "stdout names what was written: {}", ran.out);
    }
    assert_eq!(std::fs::read_to_string(below.join("switchback.1")).unwrap().trim_end(), main.out.trim_end());
    assert_eq!(run(&["man", "--dir", "/dev/null/man"], &[]).code, 1);
}
