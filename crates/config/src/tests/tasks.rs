//! What tasks compile to: what they take from each other, what they demand, what a rung sets.

use std::time::Duration;

use switchback_core::failure::FailureClass;
use switchback_core::policy::{Repair, Require, RungKind, StreamMode, Task, Try};

use super::*;

fn task(config: &Config, name: &str) -> Task {
    config.policy.tasks.iter().find(|it| &*it.name == name).cloned().unwrap_or_else(|| panic!("no task {name}"))
}

fn call(task: &Task, rung: usize) -> Try {
    let RungKind::Try(call) = &task.ladder[rung].kind else { panic!("a model rung") };
    call.clone()
}

/// A file around these lines, with a provider of which the catalogue knows nothing.
fn file(lines: &str) -> String {
    format!(
        "version = 1\nprovider.p = {{ api = \"openai-compatible\", base-url = \"http://127.0.0.1:1/v1\" }}\n{lines}\n"
    )
}

#[test]
fn a_task_takes_what_it_does_not_say_from_the_one_it_is_like_and_then_from_the_defaults() {
    let config = good(&file(
        "[defaults]\ntimeout = \"5s\"\nmax-attempts = 7\nladder = [{ try = \"p/of-defaults\" }]\n\
         [task.a]\nabout = \"A.\"\nnames = [\"a-*\"]\nmax-attempts = 3\nstream = \"live\"\ndeadline = { background = \"5m\" }\nladder = [{ try = \"p/of-a\" }]\n\
         [task.b]\nlike = \"a\"\nmax-attempts = 2\ndeadline = { interactive = \"20s\" }\n\
         [task.c]",
    ));
    let (b, c) = (task(&config, "b"), task(&config, "c"));
    assert_eq!((b.max_attempts, b.stream), (2, Some(StreamMode::Live)));
    assert_eq!((b.deadline.interactive, b.deadline.background), (Duration::from_secs(20), Duration::from_secs(300)));
    assert_eq!((&*b.ladder[0].name, call(&b, 0).timeout), ("p/of-a", Duration::from_secs(5)));
    assert!(b.names.is_empty() && b.about.is_none(), "names and a sentence are of one task");
    assert_eq!((&*c.ladder[0].name, c.max_attempts), ("p/of-defaults", 7));
}

#[test]
fn a_mistake_that_several_tasks_take_over_is_told_once() {
    let found =
        finding(&file("[task.a]\nladder = [{ try = \"gone\" }]\n[task.b]\nlike = \"a\"\n[task.c]\nlike = \"a\""));
    assert_eq!((found.code.0, found.line), ("SB112", 4));
    let found = finding(&file("[task.b]\nlike = \"a\"\n[task.a]\nladder = [{ try = \"gone\" }]"));
    assert_eq!((found.code.0, found.line), ("SB112", 6), "in whatever order they stand");
    let found = finding(&file("[task.a]\nladder = [{ fail = \"No.\" }, { try = \"p/m\" }]\n[task.c]\nlike = \"a\""));
    assert_eq!((found.code.0, found.line), ("SB202", 4));
    let found = finding(&file("[defaults]\nladder = [{ try = \"gone\" }]\n[task.b]\n[task.c]"));
    assert_eq!((found.code.0, found.line), ("SB112", 4));
}

#[test]
fn a_task_that_is_like_none_is_not_also_said_to_have_no_ladder() {
    assert_eq!(finding(&file("[task.a]\nlike = \"none\"")).code.0, "SB117");
    assert_eq!(finding(&file("[task.a]\nlike = \"b\"\n[task.b]\nkind = \"chat\"")).code.0, "SB201");
}

#[test]
fn demands_of_the_task_and_of_the_defaults_hold_together() {
    let demands = |defaults: &str, own: &str| {
        let text = file(&format!(
            "[defaults]\nrequire = {defaults}\n[route.r]\ncall = \"p/m\"\nregion = \"eu-west\"\ntags = [\"a\", \"b\"]\n\
             [task.t]\nrequire = {own}\nladder = [{{ try = \"r\" }}]"
        ));
        let config = good(&text);
        (task(&config, "t").require, config.floor)
    };
    let (both, floor) = demands(
        "{ region = [\"eu\", \"us\"], tags = [\"a\"] }",
        "{ region = [\"eu-west\", \"mars\"], tags = [\"b\"] }",
    );
    assert_eq!(both, Require { region: vec!["eu-west".into()], tags: vec!["b".into(), "a".into()] });
    assert_eq!(floor.region.len(), 2);
    let (both, _) = demands("{ tags = [\"a\"] }", "{ region = [\"eu\"] }");
    assert_eq!(both, Require { region: vec!["eu".into()], tags: vec!["a".into()] });
}

#[test]
fn demands_that_nothing_can_satisfy_are_refused() {
    let routes = "[route.r]\ncall = \"p/m\"\nregion = \"eu\"\n[route.s]\ncall = \"p/n\"\nregion = \"us\"\n";
    let of = |defaults: &str, own: &str, ladder: &str| {
        findings(&file(&format!("{defaults}\n{routes}[task.t]\n{own}\naccept = [\"SB204\"]\nladder = [{ladder}]")))
    };
    let found = of("[defaults]\nrequire = { region = [\"us\"] }", "require = { region = [\"eu\"] }", "{ try = \"r\" }");
    assert_eq!(found.iter().map(|it| it.code.0).collect::<Vec<_>>(), ["SB216"], "no region is both");
    let found = of("", "require = { region = [\"eu\"] }", "{ try = \"r\" }, { try = \"s\" }");
    assert_eq!((found.len(), found[0].code.0, found[0].severity), (1, "SB217", Severity::Warning), "one rung is left");
    let found = of("", "require = { region = [\"eu\"] }", "{ try = \"s\" }, { try = \"p/k\" }");
    assert_eq!((found.len(), found[0].code.0), (1, "SB216"), "an unknown region satisfies no demand for one");
    assert!(of("", "require = { region = [\"eu\"] }", "{ answer = \"We are busy.\" }").is_empty());
}

#[test]
fn what_is_relayed_is_under_the_demands_of_the_defaults_too() {
    let text =
        "version = 1\n[provider.openai]\nrelay = [\"/v1/files*\"]\n[defaults]\nrequire = { region = [\"eu\"] }\n";
    let found = finding(text);
    assert_eq!((found.code.0, found.line, found.column), ("SB216", 3, 10));
    let config = good(&text.replace("relay =", "region = \"eu\"\nrelay ="));
    assert_eq!(config.providers[0].relay, ["/v1/files*"]);
}

#[test]
fn names_of_the_file_that_only_the_rest_may_overlap() {
    let config = good(GOOD);
    assert_eq!(&*task(&config, "assist").names[0], "*");
    assert_eq!(&*task(&config, "support-triage").names[0], "gpt-4o-triage*");
    let two = |one: &str, other: &str| {
        findings(&file(&format!(
            "[task.a]\nnames = [\"{one}\"]\nladder = [{{ try = \"p/m\" }}]\n[task.b]\nnames = [\"{other}\"]\nladder = [{{ try = \"p/m\" }}]"
        )))
    };
    assert!(two("gpt-4*", "gpt-5*").is_empty());
    assert!(two("gpt-4*", "*").is_empty());
    assert!(two("p/*", "x/*").is_empty(), "a bare call is no name of its own");
    for (one, other) in [("gpt-4*", "gpt-4o"), ("*-mini", "gpt*"), ("*", "*"), ("x", "a")] {
        let found = two(one, other);
        assert_eq!((found.len(), found[0].code.0), (1, "SB120"), "{one} and {other}");
    }
}

#[test]
fn a_star_needs_a_star_in_every_name() {
    let of = |names: &str| findings(&file(&format!("[task.a]\nnames = {names}\nladder = [{{ try = \"p/*\" }}]")));
    assert!(of("[\"p/*\", \"q/*\"]").is_empty());
    for names in ["[\"p/*\", \"plain\"]", "[\"p/*/*\"]", "[]"] {
        assert_eq!(of(names).iter().map(|it| it.code.0).collect::<Vec<_>>(), ["SB123"], "{names}");
    }
}

#[test]
fn a_rung_sets_members_of_the_request_and_adds_an_instruction() {
    let config = good(GOOD);
    let triage = task(&config, "support-triage");
    let narrower = call(&triage, 2);
    assert_eq!(narrower.with, [("reasoning_effort".into(), "\"low\"".into())]);
    assert_eq!(narrower.instruction.as_deref(), Some("Name the category."));
    assert!(!triage.native && task(&config, "chat").native);
    let text = "ladder = [{ try = \"openai/m\", with = { temperature = 0.2, seed = 7, store = false, stop = [\"a\\\"\", \"b\"], metadata = { a-b = \"c\" } } }]";
    let set = call(&task(&good(&with_task(text)), "chat"), 0).with;
    let set: Vec<String> = set.iter().map(|(name, json)| format!("{name}={json}")).collect();
    assert_eq!(set, ["temperature=0.2", "seed=7", "store=false", "stop=[\"a\\\"\",\"b\"]", "metadata={\"a-b\":\"c\"}"]);
}

#[test]
fn a_contract_says_how_its_answers_are_mended() {
    let config = good(GOOD);
    let timeout = Some(Duration::from_secs(4));
    assert_eq!(task(&config, "support-triage").repair, Repair { local: true, tries: 2, timeout });
    assert_eq!(task(&config, "chat").repair, Repair::default(), "what a request promises is mended too");
}

#[test]
fn repair_that_is_off_mends_nothing() {
    let from = "repair = { local = true, tries = 2, timeout = \"4s\" }";
    assert!(GOOD.contains(from), "the sample says how it is mended");
    let config = good(&GOOD.replace(from, "repair = \"off\""));
    let off = Repair { local: false, tries: 0, timeout: None };
    assert_eq!(task(&config, "support-triage").repair, off);
}

#[test]
fn a_narrower_rung_that_asks_for_the_same_is_told() {
    let text = "deadline = \"5m\"\naccept = [\"SB204\"]\nladder = [{ try = \"openai/m\" }, { try = \"openai/m\", as = \"narrower\" }]";
    let found = finding(&with_task(text));
    assert_eq!((found.code.0, found.severity, found.column), ("SB219", Severity::Warning, 33));
    good(&with_task(&text.replace("as =", "instruction = \"Name the category only.\", as =")));
    good(&with_task(&text.replace("\"SB204\"", "\"SB204\", \"SB219\"")));
}

#[test]
fn capability_in_when_is_the_whole_family() {
    let text = "ladder = [{ try = \"openai/m\" }, { answer = \"Hi.\", when = [\"capability\"] }]";
    let when = task(&good(&with_task(text)), "chat").ladder[1].when;
    assert!(when.has(FailureClass::ContextWindow) && when.has(FailureClass::Capability));
    assert!(!when.has(FailureClass::Refusal) && !when.has(FailureClass::Timeout));
}
