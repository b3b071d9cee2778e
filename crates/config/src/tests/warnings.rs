//! Warnings: given where a ladder is weaker than it looks, silent where that is meant.

use super::*;

const TWO: &str = "[provider.local]\napi = \"openai-compatible\"\nbase-url = \"http://127.0.0.1:1/v1\"\n";

fn two_providers(lines: &str) -> String {
    with_task(&format!("{lines}\n{TWO}"))
}

fn codes(text: &str) -> Vec<&'static str> {
    findings(text).iter().map(|it| it.code.0).collect()
}

#[test]
fn a_deadline_that_the_slowest_path_does_not_fit_is_shown_with_the_sum() {
    let text = two_providers(
        "deadline = \"30s\"\nladder = [{ try = \"openai/m\", timeout = \"8s\" }, { try = \"local/n\", timeout = \"8s\", retries = 0 }, { try = \"local/big\", timeout = \"12s\", retries = 0 }]",
    );
    let found = finding(&text);
    assert_eq!((found.code.0, found.severity, found.line), ("SB203", Severity::Warning, 8));
    assert_eq!(found.message, "chat cannot always finish: the slowest path needs 36.4 s, the deadline is 30 s");
    assert_eq!(
        found.effect.as_deref(),
        Some(
            "rung 1  openai/m   8 s + 400 ms + 8 s  ends at 16.4 s\n\
             rung 2  local/n    8 s                 ends at 24.4 s\n\
             rung 3  local/big  12 s                ends at 36.4 s  ← past 30 s: it would be cut off"
        )
    );
    assert_eq!(
        found.fix.as_deref(),
        Some("raise deadline to \"37s\", or shorten the timeouts (retries = 0 is enough)")
    );
}

#[test]
fn retries_never_take_the_attempts_of_rungs_below() {
    // Two attempts for two rungs: the retry of the first is never made.
    let text = two_providers(
        "deadline = \"16s\"\nmax-attempts = 2\ntimeout = \"8s\"\nladder = [{ try = \"openai/m\" }, { try = \"local/n\" }]",
    );
    good(&text);
    let text = two_providers(
        "deadline = \"16s\"\nmax-attempts = 3\ntimeout = \"8s\"\nladder = [{ try = \"openai/m\" }, { try = \"local/n\" }]",
    );
    assert_eq!(codes(&text), ["SB203"]);
}

#[test]
fn a_deadline_is_held_against_the_rungs_of_its_surface() {
    let ladder = "ladder = [{ try = \"openai/m\", timeout = \"8s\", retries = 0 }, { try = \"local/n\", timeout = \"60s\", retries = 0, surfaces = [\"background\"] }]";
    good(&two_providers(&format!("deadline = {{ interactive = \"8s\", background = \"2m\" }}\n{ladder}")));
    let found =
        finding(&two_providers(&format!("deadline = {{ interactive = \"8s\", background = \"1m\" }}\n{ladder}")));
    assert!(found.message.contains("on surface background"), "{}", found.message);
}

#[test]
fn one_provider_behind_all_models_is_one_outage() {
    let text = with_task("ladder = [{ try = \"openai/m\" }, { try = \"openai/n\" }, { fail = \"No.\" }]");
    let found = finding(&text);
    assert_eq!((found.code.0, found.line, found.column), ("SB204", 8, 33));
    assert!(found.message.contains("rungs 1 and 2 are all at openai"), "{}", found.message);
    good(&two_providers("ladder = [{ try = \"openai/m\" }, { try = \"local/n\" }]"));
    good(&with_task("ladder = [{ try = \"openai/m\" }, { fail = \"No.\" }]"));
    // For whom the other provider's rung is not, it is no help.
    let text = two_providers(
        "ladder = [{ try = \"openai/m\" }, { try = \"openai/n\" }, { try = \"local/n\", segments = [\"pro\"] }]\ndeadline = \"5m\"",
    );
    assert_eq!(codes(&text), ["SB204"]);
}

#[test]
fn a_smaller_window_below_a_larger_one_needs_a_rung_with_room() {
    let routes = format!(
        "{TWO}[route.big]\ncall = \"openai/b\"\ncontext = 400_000\n[route.small]\ncall = \"local/s\"\ncontext = 200_000\n"
    );
    let file = |ladder: &str| with_task(&format!("{ladder}\n{routes}"));
    let found = finding(&file("ladder = [{ try = \"big\" }, { try = \"small\" }]"));
    assert_eq!(found.code.0, "SB206");
    assert_eq!(
        found.message,
        "chat, rung 2 (small) is smaller than rung 1 (big): 200 000 against 400 000 tokens of context"
    );
    good(&file("ladder = [{ try = \"small\" }, { try = \"big\" }]"));
    good(&file("deadline = \"5m\"\nladder = [{ try = \"big\" }, { try = \"small\" }, { try = \"openai/unknown\" }]"));
    let narrow = "deadline = \"5m\"\nladder = [{ try = \"big\" }, { try = \"small\" }, { try = \"openai/unknown\", when = [\"technical\"] }]";
    assert_eq!(codes(&file(narrow)), ["SB206"], "room that does not take context_window is no room");
}

#[test]
fn fewer_attempts_than_model_rungs_are_told() {
    let text = two_providers("max-attempts = 1\nladder = [{ try = \"openai/m\" }, { try = \"local/n\" }]");
    let found = finding(&text);
    assert_eq!((found.code.0, found.line, found.fix.as_deref()), ("SB209", 8, Some("max-attempts = 2")));
}

#[test]
fn an_accepted_warning_is_silent() {
    for (code, lines) in [
        ("SB204", "ladder = [{ try = \"openai/m\" }, { try = \"openai/n\" }]"),
        ("SB209", "max-attempts = 1\nladder = [{ try = \"openai/m\" }, { try = \"local/n\" }]"),
        ("SB203", "deadline = \"1s\"\nladder = [{ try = \"openai/m\" }]"),
    ] {
        assert_eq!(codes(&two_providers(lines)), [code]);
        good(&two_providers(&format!("accept = [\"{code}\"]\n{lines}")));
    }
}

#[test]
fn a_key_without_tls_is_told() {
    let file = |url: &str| {
        format!(
            "version = 1\n[provider.far]\napi = \"openai-compatible\"\nkeys = [\"env:MOBILE_KEY\"]\nbase-url = \"{url}\"\n"
        )
    };
    assert_eq!(finding(&file("http://models.example/v1")).code.0, "SB404");
    for url in ["https://models.example/v1", "http://localhost:1/v1", "http://[::1]:8000/v1"] {
        good(&file(url));
    }
}

#[test]
fn syntax_of_toml_11_is_read_and_told() {
    let text = with_task("ladder = [\n  { try = \"openai/m\",\n    retries = 1 },\n]");
    let found = finding(&text);
    assert_eq!((found.code.0, found.severity, found.line), ("SB119", Severity::Warning, 9));
    assert_eq!(finding(&with_task("ladder = [{ try = \"openai/m\", }]")).code.0, "SB119");
    good(&with_task("deadline = { interactive = \"60s\", background = \"60s\" }\nladder = [{ try = \"openai/m\" }]"));
    good(&with_task("ladder = [\n  { try = \"openai/m\", segments = [\n \"pro\", ] },\n]"));
}

#[test]
fn repairs_with_a_timeout_of_their_own_are_part_of_the_slowest_path() {
    let text = two_providers(
        "contract = \"triage\"\ndeadline = \"25s\"\nladder = [{ try = \"openai/m\", timeout = \"10s\", retries = 0 }, { try = \"local/n\", timeout = \"10s\", retries = 0 }]",
    );
    good(&text);
    let mended = |tries: u32| {
        let repair = format!("triage.schema.json\"\nrepair = {{ tries = {tries}, timeout = \"4s\" }}");
        text.replace("triage.schema.json\"", &repair)
    };
    good(&mended(1));
    let found = finding(&mended(2));
    assert_eq!(found.code.0, "SB203");
    assert!(found.effect.unwrap().contains("rung 1  openai/m  10 s + repair 4 s + repair 4 s  ends at 18 s"));
    good(&mended(2).replace("deadline = \"25s\"", "deadline = \"25s\"\nmax-attempts = 3"));
}
