//! `check --show`: what holds, and who gave it.

use super::*;
use crate::{Origin, render_settings, settings};

fn of(text: &str) -> Vec<crate::Setting> {
    settings("conf/switchback.toml", text, &World::usual())
}

fn one(text: &str, place: &str, key: &str) -> (String, Origin) {
    let all = of(text);
    let found = all.iter().find(|it| it.place == place && it.key == key);
    found
        .map(|it| (it.value.clone(), it.origin))
        .unwrap_or_else(|| panic!("{place} {key} in\n{}", render_settings(&all)))
}

#[test]
fn every_setting_says_where_it_comes_from() {
    let text = "version = 1\n[provider.openai]\n[route.mini]\ncall = \"openai/gpt-5-mini\"\nmax-output = 500\n\
                [defaults]\ntimeout = \"7s\"\n[task.chat]\ndeadline = \"50s\"\nladder = [{ try = \"mini\", retries = 2 }]\n\
                [task.more]\nlike = \"chat\"\n";
    assert_eq!(one(text, "[server]", "listen"), ("127.0.0.1:4000".into(), Origin::Default));
    assert_eq!(one(text, "[provider.openai]", "keys"), ("[\"env:OPENAI_API_KEY\"]".into(), Origin::Default));
    assert_eq!(one(text, "[provider.openai]", "base-url").0, "\"https://api.openai.com/v1\"");
    let route = "[route.mini] openai/gpt-5-mini";
    assert_eq!(one(text, route, "context"), ("400000".into(), Origin::Catalogue));
    assert_eq!(one(text, route, "max-output"), ("500".into(), Origin::File(5)));
    assert_eq!(one(text, route, "usd-per-mtok"), ("{ in = 0.25, cached = 0.025, out = 2 }".into(), Origin::Catalogue));
    assert_eq!(one(text, route, "region"), ("unknown".into(), Origin::Default));
    assert_eq!(one(text, "[task.chat]", "deadline"), ("\"50s\"".into(), Origin::File(9)));
    assert_eq!(one(text, "[task.chat]", "timeout"), ("\"7s\"".into(), Origin::File(7)));
    assert_eq!(one(text, "[task.chat]", "max-attempts"), ("4".into(), Origin::Default));
    assert_eq!(one(text, "[task.more]", "deadline"), ("\"50s\"".into(), Origin::File(9)));
    assert_eq!(one(text, "[task.chat] rung 1", "timeout"), ("\"7s\"".into(), Origin::File(7)));
    assert_eq!(one(text, "[task.chat] rung 1", "as"), ("primary".into(), Origin::Default));
    assert_eq!(one(text, "[task.more] rung 1", "retries"), ("2".into(), Origin::File(10)));
}

#[test]
fn what_is_said_to_be_the_default_is_what_holds() {
    // The words of the key tables against the compiled file, for every default that is one value.
    let config = good("version = 1\n[provider.openai]\n[task.t]\nladder = [{ try = \"openai/gpt-5\" }]\n");
    let told = |name: &str, key: &str| {
        let family = crate::KEY_FAMILIES.iter().find(|it| it.name == name).unwrap();
        family.keys.iter().find(|it| it.name == key).unwrap_or_else(|| panic!("{key}")).default
    };
    let time = |name: &str, key: &str| crate::duration(told(name, key)).unwrap();
    let task = &config.policy.tasks[0];
    assert_eq!(told("[task.NAME]", "max-attempts"), task.max_attempts.to_string());
    assert_eq!(told("[task.NAME]", "kind"), &*task.kind);
    assert_eq!(told("[task.NAME]", "native"), task.native.to_string());
    assert_eq!(told("[task.NAME]", "surface"), task.surface.name());
    assert_eq!(time("[task.NAME]", "deadline"), task.deadline.interactive);
    assert_eq!(time("a deadline", "background"), task.deadline.background);
    assert_eq!(time("[task.NAME]", "stream-deadline"), task.stream_deadline);
    assert_eq!(
        crate::units::range(told("[task.NAME]", "retry-wait")).unwrap(),
        (task.retry_wait.low, task.retry_wait.high)
    );
    let switchback_core::policy::RungKind::Try(call) = &task.ladder[0].kind else { panic!("a model rung") };
    assert_eq!(time("[task.NAME]", "timeout"), call.timeout);
    assert_eq!(time("a try rung", "idle"), call.idle);
    assert_eq!(told("a try rung", "retries"), call.retries.to_string());
    assert_eq!(told("repair of a contract", "tries"), task.repair.tries.to_string());
    assert_eq!(told("repair of a contract", "local"), task.repair.local.to_string());
    let server = &config.server;
    assert_eq!(told("[server]", "listen"), server.listen.to_string());
    assert_eq!(told("[server]", "admin"), server.admin.to_string());
    assert_eq!(told("[server]", "exhausted-status"), server.exhausted_status.to_string());
    assert_eq!(time("[server]", "hold-head"), server.hold_head);
    assert_eq!(Some(time("[server]", "sticky")), server.sticky);
    assert_eq!(time("[server]", "drain"), server.drain);
    assert_eq!(crate::units::size(told("[server]", "max-body")).unwrap(), server.max_body as u64);
    assert_eq!(crate::units::keep(told("[store]", "keep")).unwrap(), (config.store.keep_for, config.store.keep_bytes));
    assert_eq!(time("[provider.NAME]", "connect-timeout"), config.providers[0].connect_timeout);
    let given = good("version = 1\n[breaker]\n").policy.breaker;
    assert_eq!(time("[breaker]", "probe-every"), given.probe_every);
    assert_eq!(told("[breaker]", "closes-after"), given.closes_after.to_string());
    assert_eq!(time("opens-at", "within"), given.rate.within);
    assert_eq!(told("opens-at", "of-at-least"), given.rate.of_at_least.to_string());
}

#[test]
fn no_secret_and_no_value_of_a_header_is_shown() {
    let all = render_settings(&of(GOOD));
    assert!(all.contains("X-Team") && !all.contains("\"support\""), "{all}");
    assert!(!all.contains("secret-of") && !all.contains("sk-proj"), "{all}");
}

#[test]
fn a_file_with_an_error_has_no_settings() {
    assert_eq!(of("version = 1\n[server]\nlisten = 1\n"), []);
    assert_eq!(of("versoin"), []);
}

#[test]
fn every_key_says_what_it_takes_and_does() {
    for family in crate::KEY_FAMILIES {
        for key in family.keys {
            assert!(
                [key.takes, key.default, key.about].iter().all(|it| !it.is_empty()),
                "{} {}",
                family.name,
                key.name
            );
            assert!(!key.about.ends_with('.') && !key.about.contains('\n'), "{} {}", family.name, key.name);
            assert!(!family.later.contains(&key.name), "{} {}", family.name, key.name);
        }
    }
}
