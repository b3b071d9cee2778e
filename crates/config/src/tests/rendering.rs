//! Findings as a person reads them. What is here is the product: change it on purpose only.

use super::*;

fn rendered(text: &str) -> String {
    shown(&findings(text), text)
}

#[test]
fn an_unknown_key_shows_its_place_and_the_key_that_was_meant() {
    let text = with_task("ladder = [\n  { try = \"openai/m\", timeout = \"8s\", retrys = 1 },\n]");
    let expected = "\
✗ SB101: unknown key `retrys` in chat, rung 1
  ╭▸ conf/switchback.toml:9:39
  │
9 │   { try = \"openai/m\", timeout = \"8s\", retrys = 1 },
  │                                       ━━━━━━ did you mean `retries`?
  │
  ╰ fix: rename it to retries; known keys for a try rung: try, as, retries, timeout, first-token, idle, with, instruction, when, segments, surfaces
";
    assert_eq!(rendered(&text), expected);
}

#[test]
fn an_unknown_route_shows_the_routes_that_there_are() {
    let text = "version = 1\n[provider.openai]\n[route.gpt]\ncall = \"openai/a\"\n[route.mini]\ncall = \"openai/b\"\n[task.chat]\nladder = [{ try = \"gtp\" }]\n";
    let expected = "\
✗ SB112: chat, rung 1: there is no route called `gtp`
  ╭▸ conf/switchback.toml:8:19
  │
8 │ ladder = [{ try = \"gtp\" }]
  │                   ━━━━━ routes are: gpt, mini (closest: gpt)
  │
  ╰ fix: try = \"gpt\"
";
    assert_eq!(rendered(text), expected);
}

#[test]
fn a_deadline_that_is_too_short_shows_the_arithmetic() {
    let lines = "deadline = \"30s\"\nladder = [{ try = \"openai/m\", timeout = \"8s\" }, { try = \"local/big\", timeout = \"15s\", retries = 0 }]\n[provider.local]\napi = \"openai-compatible\"\nbase-url = \"http://127.0.0.1:1/v1\"";
    let expected = "\
! SB203: chat cannot always finish: the slowest path needs 31.4 s, the deadline is 30 s
  ╭▸ conf/switchback.toml:8:12
  │
8 │ deadline = \"30s\"
  │            ━━━━━ the deadline
  │
  ├ effect: rung 1  openai/m   8 s + 400 ms + 8 s  ends at 16.4 s
  │         rung 2  local/big  15 s                ends at 31.4 s  ← past 30 s: it would be cut off
  ╰ fix: raise deadline to \"32s\", or shorten the timeouts (retries = 0 is enough)
";
    assert_eq!(rendered(&with_task(lines)), expected);
}

#[test]
fn a_typed_key_is_starred_out_in_its_own_source_line() {
    let text = "version = 1\n[provider.openai]\nkeys = [\"sk-proj-abcdefghijklmnop\"]\n";
    let expected = "\
✗ SB305: that looks like a real key in the config file (provider.openai.keys, starts \"sk-pr\")
  ╭▸ conf/switchback.toml:3:9
  │
3 │ keys = [\"sk-pr*******************\"]
  │         ━━━━━━━━━━━━━━━━━━━━━━━━━━ only env:NAME or file:path may stand here
  │
  ├ effect: Who can read the file, its backups or its history can use the key.
  ╰ fix: keys = [\"env:OPENAI_API_KEY\"], then rotate the key: it has been on disk
";
    assert_eq!(rendered(text), expected);
}

#[test]
fn a_ready_answer_that_breaks_its_contract_says_what_is_wrong_with_it() {
    let text = with_task("contract = \"triage\"\nladder = [{ answer = '{\"queue\": 7}' }]");
    let expected = "\
✗ SB221: this text cannot be a ready answer for chat: it does not satisfy contract `triage`
  ╭▸ conf/switchback.toml:9:22
  │
9 │ ladder = [{ answer = '{\"queue\": 7}' }]
  │                      ━━━━━━━━━━━━━━ chat, rung 1
  │
  ├ effect: $.queue: expected text, found number
  │         Callers parse this; they would crash during your outage.
  ╰ fix: use { fail = \"…\" }, or give an answer file with valid JSON: { answer = \"file:PATH\" }
";
    assert_eq!(rendered(&text), expected);
}

#[test]
fn an_open_operator_address_says_who_could_come_in() {
    let text = "version = 1\n[server]\nadmin = \"0.0.0.0:4001\"\n";
    let expected = "\
✗ SB401: admin = \"0.0.0.0:4001\" would let anyone on the network disable routes and read requests
  ╭▸ conf/switchback.toml:3:9
  │
3 │ admin = \"0.0.0.0:4001\"
  │         ━━━━━━━━━━━━━━ other machines reach this address
  │
  ╰ fix: admin = \"127.0.0.1:4001\" and an ssh tunnel, or set admin-token = \"env:SWITCHBACK_ADMIN_TOKEN\"
";
    assert_eq!(rendered(text), expected);
}

#[test]
fn findings_are_parted_by_an_empty_line_and_colours_are_only_added() {
    let text = "version = 2\n[server]\nlisten = 1\n";
    let found = findings(text);
    let plain = shown(&found, text);
    assert_eq!(plain.matches("\n\n").count(), 1);
    let colored = crate::render(&found, &[("conf/switchback.toml", text)], true);
    assert!(colored.contains('\u{1b}') && !plain.contains('\u{1b}'));
    assert_eq!(crate::render(&[], &[], false), "");
}

#[test]
fn a_finding_without_its_text_still_has_its_place() {
    let found = findings("version = 1\n[server]\nlisten = 1\n");
    let text = crate::render(&found, &[], false);
    assert!(text.contains("conf/switchback.toml:3:10") && text.contains("fix: "), "{text}");
}
