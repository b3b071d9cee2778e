//! `test` and `plan`: what a configuration promises is shown without a key, a network or a gateway.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::kit::{Gateway, Ran, file, run, sim};

const FILE: &str = r#"version = 1
[provider.openai]
[provider.anthropic]
[segment.pro]
[task.chat]
ladder = [
  { try = "openai/gpt-5-mini", timeout = "8s" },
  { try = "anthropic/claude-sonnet-5" },
  { try = "openai/gpt-5", as = "stronger", segments = ["pro"], when = ["contract"] },
  { answer = "We are busy.", when = ["technical"] },
]
[[test]]
name   = "openai down: claude answers"
ask    = "chat"
given  = { "openai/*" = "timeout" }
expect = { served-by = "anthropic/claude-sonnet-5", outcome = "recovered", attempts = 2, rung = 2, within = "9s" }
[[test]]
name   = "everything down: the note"
ask    = "chat"
given  = { "*" = "down" }
expect = { rung = 4, outcome = "degraded" }
"#;

fn on(text: &str, args: &[&str]) -> (Ran, TempDir) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("switchback.toml");
    std::fs::write(&path, text).unwrap();
    (run(&[&["-c", path.to_str().unwrap()], args].concat(), &[]), folder)
}

fn ran(text: &str, args: &[&str]) -> Ran {
    on(text, args).0
}

#[test]
fn tests_pass_without_any_key_and_say_how_many() {
    let ran = ran(FILE, &["test"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("✓ openai down: claude answers"), "{}", ran.out);
    assert!(ran.out.contains("2 passed, 0 failed"), "{}", ran.out);
}

#[test]
fn a_failed_test_shows_what_was_expected_what_came_and_the_walk() {
    let ran = ran(&FILE.replace("\"*\" = \"down\"", "\"openai/*\" = \"500\""), &["test"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for part in [
        "✗ everything down: the note",
        "switchback.toml:17",
        "expected  outcome degraded, rung 4",
        "got       outcome recovered, rung 2",
        "walked    openai/gpt-5-mini✕server_error ×2 → anthropic/claude-sonnet-5●",
        "1 passed, 1 failed",
    ] {
        assert!(ran.out.contains(part), "no {part:?} in {}", ran.out);
    }
}

#[test]
fn a_pattern_chooses_tests_and_one_that_matches_none_is_not_found() {
    let some = ran(FILE, &["test", "openai*"]);
    assert!(some.code == 0 && some.out.contains("1 passed, 0 failed"), "{some:?}");
    assert_eq!(ran(FILE, &["test", "gemini*"]).code, 5);
    let none = FILE.split("[[test]]").next().unwrap();
    assert_eq!(ran(none, &["test"]).code, 5, "a run of no test is no success");
}

#[test]
fn results_come_as_json_and_as_junit() {
    let bad = FILE.replace("rung = 4", "rung = 1").replace("the note", "the <note> & \\\"more\\\"");
    let ran = ran(&bad, &["test", "--json"]);
    let json = ran.json();
    assert_eq!((ran.code, &json["ok"], &json["passed"], &json["failed"]), (1, &false.into(), &1.into(), &1.into()));
    let failed = &json["tests"][1];
    assert_eq!((&failed["line"], &failed["differences"][0]["key"]), (&17.into(), &"rung".into()), "{failed}");
    assert_eq!((&failed["differences"][0]["expected"], &failed["differences"][0]["got"]), (&"1".into(), &"4".into()));
    let (ran, folder) = on(&bad, &["test", "--junit", "/dev/stdout", "-q"]);
    assert_eq!(ran.code, 1, "{ran:?} in {folder:?}");
    for part in [
        "tests=\"2\" failures=\"1\"",
        "name=\"everything down: the &lt;note&gt; &amp; &quot;more&quot;\"",
        "line=\"17\"",
        "<failure ",
    ] {
        assert!(ran.out.contains(part), "no {part:?} in {}", ran.out);
    }
}

#[test]
fn a_file_with_errors_is_invalid_and_its_tests_are_not_run() {
    let ran = ran(&FILE.replace("attempts = 2", "atempts = 2"), &["test"]);
    assert_eq!((ran.code, ran.out.as_str()), (78, ""), "{ran:?}");
    assert!(ran.err.contains("did you mean `attempts`"), "{ran:?}");
}

#[test]
fn a_hundred_tests_take_milliseconds() {
    let mut text = FILE.to_owned();
    for n in 0..100 {
        text.push_str(&format!(
            "[[test]]\nname = \"t{n}\"\nask = \"chat\"\ngiven = {{ \"*\" = [\"500\", \"timeout\", \"ok\"] }}\nexpect = {{ outcome = \"recovered\" }}\n"
        ));
    }
    let json = ran(&text, &["test", "--json"]).json();
    assert_eq!((&json["passed"], &json["failed"]), (&102.into(), &0.into()));
    println!("102 tests: {} ms", json["ms"]);
}

#[test]
fn every_example_with_tests_passes_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let files = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let tested = |it: &PathBuf| {
        it.extension().is_some_and(|it| it == "toml") && std::fs::read_to_string(it).unwrap().contains("\n[[test]]")
    };
    let files: Vec<_> = files.filter(tested).collect();
    assert!(!files.is_empty(), "there is an example with tests");
    for file in files {
        let ran = run(&["-c", file.to_str().unwrap(), "test"], &[]);
        assert_eq!(ran.code, 0, "{}: {ran:?}", file.display());
    }
}

#[test]
fn a_plan_says_which_rung_would_serve_and_why_the_others_would_not() {
    let plan = ran(FILE, &["plan", "chat", "--if", "openai/*=disabled"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    assert!(plan.out.contains("– skipped       disabled"), "{}", plan.out);
    assert!(plan.out.contains("2 try anthropic/claude-sonnet-5  ← would serve"), "{}", plan.out);
    let json = ran(FILE, &["plan", "chat", "--json", "--if", "openai/gpt-5-mini=500,ok"]).json();
    assert_eq!((&json["task"], &json["would_serve"]), (&"chat".into(), &"openai/gpt-5-mini".into()), "{json}");
    assert_eq!(json["outcome"], "recovered", "{json}");
    let verdicts: Vec<_> = json["rungs"].as_array().unwrap().iter().map(|it| it["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["serves", "if_needed", "skipped", "if_needed"], "{json}");
    let first = json["rungs"][0].as_object().unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["kind", "name", "reason", "rung", "verdict"]);
    let pro = ran(FILE, &["plan", "chat", "--json", "--segment", "pro"]).json();
    assert_eq!(pro["rungs"][2]["verdict"], "if_needed", "{pro}");
}

#[test]
fn a_plan_refuses_what_it_cannot_suppose() {
    for (args, code, part) in [
        (vec!["plan", "chta"], 5, "tasks are: chat"),
        (vec!["plan", "chat", "--segment", "free"], 5, "segments are: pro"),
        (vec!["plan", "chat", "--surface", "both"], 2, "interactive or background"),
        (vec!["plan", "chat", "--if", "openai/*"], 2, "SELECTOR=FAULT"),
        (vec!["plan", "chat", "--if", "openai/*=tiemout"], 2, "no fault `tiemout`"),
        (vec!["plan", "chat", "--if", "gemini/*=timeout"], 2, "no rung of chat"),
        (vec!["plan", "chat", "--if", "as:primary=disabled"], 2, "name the route"),
    ] {
        let ran = ran(FILE, &args);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{args:?}: {ran:?}");
        assert!(ran.err.contains(part), "no {part:?} in {ran:?}");
    }
}

#[tokio::test]
async fn a_live_plan_knows_what_an_operator_did_and_changes_nothing() {
    let sim = sim().await;
    let gateway = Gateway::start(&file(&sim.base_url(), "m", "")).await;
    let plan = |more: &[&str]| gateway.cli(&[&["plan", "chat", "--live", "--json"], more].concat());
    let served = |it: &Ran| it.json()["would_serve"].as_str().map(str::to_owned);
    assert_eq!(served(&plan(&[])).as_deref(), Some("primary"));
    for _ in 0..30 {
        // Suppositions leave no trace: neither a disabled route nor a breaker that counts.
        assert_eq!(served(&plan(&["--if", "primary=disabled"])).as_deref(), Some("backup"));
        assert_eq!(served(&plan(&["--if", "primary=500", "--if", "backup=down"])), None);
    }
    assert_eq!(served(&plan(&[])).as_deref(), Some("primary"));
    let disabled = gateway.cli(&["routes", "disable", "primary", "--reason", "drill", "--yes"]);
    assert_eq!(disabled.code, 0, "{disabled:?}");
    let after = plan(&[]);
    assert_eq!(served(&after).as_deref(), Some("backup"), "{after:?}");
    assert_eq!(after.json()["rungs"][0]["reason"], "disabled", "{after:?}");
    assert_eq!((plan(&["--if", "x=down"]).code, gateway.cli(&["plan", "none", "--live"]).code), (2, 5));
    assert_eq!(sim.calls().len(), 0, "no call was made");
}
