//! How findings come together: all at once, none that only follows from another.

use super::*;

#[test]
fn all_errors_of_a_file_are_told_at_once() {
    let text = "\
[provider.openai]
regoin = \"eu\"
[route.a]
call = \"opena/x\"
[task.chat]
deadline = 8
contract = \"none\"
ladder = [
  { try = \"b\", retries = -1 },
  { fail = \"x\" },
  { answer = \"y\" },
]
";
    let found = findings(text);
    let codes: Vec<_> = found.iter().map(|it| (it.code.0, it.line)).collect();
    assert_eq!(
        codes,
        [("SB109", 1), ("SB101", 2), ("SB113", 4), ("SB105", 6), ("SB114", 7), ("SB112", 9), ("SB107", 9)],
        "{}",
        shown(&found, text)
    );
}

#[test]
fn all_breaks_of_the_grammar_are_told_at_once() {
    let text = "version = 1\n[provider.openai]\nregion = eu\n[task.chat]\ndeadline = \"8s\nladder = [{ try = \"openai/m\" }]\n[server\nlisten = 1\n";
    let found = findings(text);
    let places: Vec<_> = found.iter().map(|it| (it.code.0, it.line, it.column)).collect();
    assert_eq!(places, [("SB100", 3, 10), ("SB100", 5, 15), ("SB100", 7, 8)], "{}", shown(&found, text));
    assert_eq!(found[0].fix.as_deref(), Some("write \"eu\""));
}

#[test]
fn what_could_not_be_read_is_not_called_missing() {
    let text = "version = 1\n[provider.openai\n[route.gpt]\ncall = \"openai/x\"\n[task.chat]\nladder = [{ try = \"gpt\", retrys = 1 }]\n";
    let codes: Vec<_> = findings(text).iter().map(|it| it.code.0).collect();
    assert_eq!(codes, ["SB100", "SB101"]);
}

#[test]
fn an_empty_file_says_what_its_first_line_is() {
    assert_eq!(finding("").fix.as_deref(), Some("version = 1"));
}

#[test]
fn a_table_without_its_name_says_so() {
    let found = finding("version = 1\n[provider]\napi = \"openai\"\n");
    assert_eq!((found.code.0, found.line, found.fix.as_deref()), ("SB102", 3, Some("put it under [provider.NAME]")));
    let found = finding("version = 1\n[[task]]\nladder = []\n");
    assert_eq!((found.code.0, found.fix.as_deref()), ("SB102", Some("[task.NAME]")));
}

#[test]
fn a_task_needs_a_rung() {
    for lines in ["kind = \"chat\"", "ladder = []"] {
        let found = finding(&with_task(lines));
        assert_eq!(found.code.0, "SB201");
        assert_eq!(found.fix.as_deref(), Some("ladder = [{ try = \"provider/model\" }]"));
    }
}

#[test]
fn a_rung_below_the_end_of_every_walk_never_runs() {
    let found = finding(&with_task("ladder = [{ try = \"openai/m\" }, { fail = \"No.\" }, { answer = \"Hi\" }]"));
    assert_eq!((found.code.0, found.label.as_str()), ("SB202", "the walk ends at rung 2, fail"));
    let found = finding(&with_task("ladder = [{ answer = \"Hi\" }, { try = \"openai/m\" }]"));
    assert_eq!((found.code.0, found.label.as_str()), ("SB202", "the walk ends at rung 1, answer"));
    let found = finding(&with_task("ladder = [{ try = \"openai/m\" }, { answer = \"Hi\" }, { answer = \"Ho\" }]"));
    assert_eq!((found.code.0, found.label.as_str()), ("SB202", "the walk ends at rung 2, answer"));
}

#[test]
fn a_rung_that_some_request_reaches_is_fine() {
    good(&with_task(
        "ladder = [{ try = \"openai/m\" }, { fail = \"No.\", segments = [\"free\"] }, { answer = \"Hi\" }]",
    ));
    good(&with_task(
        "ladder = [{ try = \"openai/m\" }, { fail = \"No.\", surfaces = [\"background\"] }, { answer = \"Hi\" }]",
    ));
    good(&with_task(
        "ladder = [{ try = \"openai/m\" }, { answer = \"Hi\", when = [\"technical\"] }, { answer = \"Ho\" }]",
    ));
    good(&with_task(
        "ladder = [{ try = \"openai/m\" }, { answer = \"Hi\" }, { answer = \"Blocked.\", when = [\"policy_blocked\"] }]",
    ));
}

#[test]
fn a_contract_of_the_defaults_that_is_unknown_is_told_once() {
    let text = "version = 1\n[provider.openai]\n[defaults]\ncontract = \"x\"\n[task.a]\nladder = [{ try = \"openai/m\" }]\n[task.b]\nladder = [{ try = \"openai/m\" }]\n";
    let found = finding(text);
    assert_eq!((found.code.0, found.line), ("SB114", 4));
}

#[test]
fn a_provider_says_what_it_speaks_and_where_it_is() {
    let found = finding("version = 1\n[provider.mine]\nbase-url = \"https://h/v1\"\n");
    assert_eq!((found.code.0, found.fix.as_deref()), ("SB104", Some("add api = \"openai-compatible\"")));
    let found = finding("version = 1\n[provider.mine]\napi = \"openai-compatible\"\n");
    assert_eq!(found.code.0, "SB104");
    assert!(found.fix.unwrap().contains("base-url"));
    for (url, meant) in [("/v1", ""), ("/v1/messages", ""), ("/proxy/v1/", "/proxy")] {
        let found =
            finding(&format!("version = 1\n[provider.anthropic]\nbase-url = \"https://api.anthropic.com{url}\"\n"));
        let fix = format!("base-url = \"https://api.anthropic.com{meant}\"");
        assert_eq!((found.code.0, found.line, found.fix), ("SB110", 3, Some(fix)), "{url}");
    }
    let found = finding("version = 1\n[provider.opnai]\n");
    assert_eq!(found.label, "did you mean [provider.openai]?");
}

#[test]
fn an_open_listener_needs_application_keys() {
    let found = finding("version = 1\n[server]\nlisten = \"0.0.0.0:4000\"\n");
    assert_eq!((found.code.0, found.line), ("SB402", 3));
    good("version = 1\n[server]\nlisten = \"0.0.0.0:4000\"\n[key.a]\nsecret = \"env:MOBILE_KEY\"\n");
    good("version = 1\n[server]\nadmin = \"0.0.0.0:4001\"\nadmin-token = \"env:MOBILE_KEY\"\n");
}

#[test]
fn check_as_json_has_the_promised_fields() {
    let text = with_task("ladder = [{ try = \"openai/m\", retrys = 1 }]");
    let json = serde_json::to_string(&finding(&text)).unwrap();
    assert_eq!(
        json,
        r#"{"code":"SB101","severity":"error","message":"unknown key `retrys` in chat, rung 1","file":"conf/switchback.toml","line":8,"column":31,"fix":"rename it to retries; known keys for a try rung: try, as, retries, timeout, first-token, idle, with, instruction, when, segments, surfaces"}"#
    );
}

#[test]
fn a_file_with_countless_mistakes_is_still_refused() {
    let text = format!("version = 1\n{}", (0..3_000).map(|it| format!("[task.t{it}]\n")).collect::<String>());
    let compiled = World::usual().compile(&text);
    assert_eq!((compiled.config.is_none(), compiled.diagnostics.len()), (true, 1_000));
    let json = format!("{{{}}}", (0..20_000).map(|it| format!("\"k{it}\":1,")).collect::<String>());
    assert_eq!(finding(&json).code.0, "SB100");
}

#[test]
fn dotted_keys_are_the_tables_that_they_stand_for() {
    good(&with_task(
        "deadline.interactive = \"40s\"\nladder = [{ try = \"openai/m\" }]\n[breaker]\nopens-at = { failing = \"10%\" }",
    ));
    let found =
        findings("version = 1\n[provider.openai]\n[provider.b]\napi = \"openai\"\ntls = { x.y = 1, x.z = 2 }\n");
    assert_eq!(found.iter().map(|it| it.code.0).collect::<Vec<_>>(), ["SB101"], "an unknown key, and no newer syntax");
}
