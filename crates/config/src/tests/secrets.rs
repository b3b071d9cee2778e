//! No secret is ever shown, whatever is wrong with it.

use super::*;

fn everything_said(world: &World, text: &str) -> String {
    let compiled = world.compile(text);
    let json = serde_json::to_string(&compiled.diagnostics).unwrap();
    let colored = crate::render(&compiled.diagnostics, &[("conf/switchback.toml", text)], true);
    format!("{json}\n{}\n{colored}\n{compiled:?}", shown(&compiled.diagnostics, text))
}

#[test]
fn a_key_typed_into_the_file_is_not_repeated() {
    let secret = "sk-proj-VERYSECRETVERYSECRET";
    for line in [
        format!("[provider.openai]\nkeys = [\"{secret}\"]"),
        format!("[provider.openai]\nkeys = \"{secret}\""),
        format!("[provider.openai]\nkeys = [\"env:{secret}\"]"),
        format!("[provider.openai]\nkeys = [{secret}]"),
        format!("[provider.openai]\napi = \"{secret}\""),
        format!("[provider.openai]\nheaders = {{ x-key = \"{secret}\", Authorization = \"Bearer {secret}\" }}"),
        format!("[provider.openai]\nretrys = 1 # {secret}"),
        format!("[provider.openai]\nbase-url = \"https://me:{secret}@host/v1\""),
        format!("[provider.openai]\nregion = \"{secret}\""),
        format!("[key.a]\nsecret = \"{secret}\""),
        format!("[server]\nadmin-token = \"{secret}\"\nlisten = \"{secret}\""),
        format!("[server]\napp-keys = \"web:{secret}\""),
        format!("[store]\nrecords = \"postgres://me:{secret}@host/db\""),
    ] {
        let text = format!("version = 1\n{line}\n");
        let said = everything_said(&World::usual(), &text);
        assert!(said.contains("SB"), "something is wrong with {line}");
        assert!(!said.contains("SECRET"), "{line}\n{said}");
    }
}

#[test]
fn a_secret_without_a_known_prefix_is_not_repeated_either() {
    let text =
        "version = 1\n[key.a]\nsecret = \"correct horse battery\"\n[provider.openai]\nkeys = [\"0123456789abcdef\"]\n";
    let said = everything_said(&World::usual(), text);
    assert!(said.contains("starts \\\"corre\\\"") && said.contains("starts \\\"0123\\\""), "{said}");
    assert!(!said.contains("horse") && !said.contains("01234"), "{said}");
}

#[test]
fn the_list_of_application_keys_is_not_repeated() {
    let text = "version = 1\n[segment.free]\n[server]\napp-keys = \"env:LIST\"\n";
    for (list, code) in [
        ("web:hunter2secret,web:othersecret", "SB303"),
        ("web:hunter2secret,app:hunter2secret", "SB303"),
        ("hunter2secret", "SB304"),
        ("web:", "SB304"),
        ("Hunter2Secret:x", "SB304"),
        ("web:hunter2secret:free:x", "SB304"),
        ("web:hunter2secret:gold", "SB115"),
        ("web:hunter2secret:Hunter2Secret", "SB304"),
        ("", "SB302"),
        ("web:hunter2\nsecret", "SB302"),
    ] {
        let world = World::usual().variable("LIST", list);
        let compiled = world.compile(text);
        assert_eq!(compiled.diagnostics[0].code.0, code, "{list}");
        let said = everything_said(&world, text).to_lowercase();
        assert!(!said.contains("hunter2") && !said.contains("othersecret"), "{said}");
    }
}

#[test]
fn a_missing_secret_names_who_needs_it() {
    let text = "version = 1\n[provider.openai]\n[route.gpt]\ncall = \"openai/gpt-5\"\n[task.triage]\nladder = [{ try = \"gpt\" }]\n[task.chat]\nladder = [{ fail = \"x\" }, { try = \"openai/m\" }]\n";
    let compiled = World::default().compile(text);
    let found = &compiled.diagnostics[0];
    assert_eq!((found.code.0, found.line, found.message.as_str()), ("SB301", 2, "env:OPENAI_API_KEY is not set"));
    assert!(found.effect.as_deref().unwrap().starts_with("Used by 2 rungs: triage 1, chat 2."), "{:?}", found.effect);
    assert_eq!(found.fix.as_deref(), Some("export OPENAI_API_KEY=…"));
}

#[test]
fn the_line_break_at_the_end_of_a_secret_file_is_not_part_of_it() {
    let world = World::usual().file("key", "the-key\n");
    let compiled = world.compile("version = 1\n[key.a]\nsecret = \"file:key\"\n");
    let config = compiled.config.unwrap();
    assert!(matches!(&config.keys[0].secret, crate::AppSecret::Plain(it) if it.expose() == "the-key"));
    for bad in ["\n", "a\nb", "a ", "\u{7f}x"] {
        let compiled = World::usual().file("key", bad).compile("version = 1\n[key.a]\nsecret = \"file:key\"\n");
        assert_eq!(compiled.diagnostics[0].code.0, "SB302", "{bad:?}");
    }
}
