//! Whole files: the smallest, the one that shows everything, one in JSON.

use std::sync::Arc;
use std::time::Duration;

use switchback_core::failure::FailureClass;
use switchback_core::health::Health;
use switchback_core::policy::{Role, RungKind, StreamMode, Surface};
use switchback_core::rehearse::rehearse;
use switchback_core::time::Now;

use super::*;
use crate::{AppSecret, HeaderMode};

const SMALL: &str = include_str!("small.toml");
const EVERYTHING: &str = include_str!("everything.toml");

#[test]
fn the_smallest_file_works_with_the_providers_that_are_there() {
    let text = SMALL.replace("[provider.anthropic]\n", "").replace(", { try = \"anthropic/claude-sonnet-5\" }", "");
    let config = good(&text);
    let [task] = config.policy.tasks.as_slice() else { panic!("one task") };
    assert_eq!((&*task.name, &*task.kind, task.max_attempts), ("chat", "chat", 4));
    assert_eq!(task.deadline.of(Surface::Interactive), Duration::from_secs(60));
    let [rung] = task.ladder.as_slice() else { panic!("one rung") };
    let RungKind::Try(call) = &rung.kind else { panic!("a model rung") };
    assert_eq!((call.role, call.retries, call.timeout), (Role::Primary, 1, Duration::from_secs(30)));
    assert_eq!((&*rung.name, rung.place.as_deref()), ("openai/gpt-5-mini", Some("switchback.toml:4")));
    let route = config.policy.route(call.route).unwrap();
    assert_eq!((&*route.name, &*route.deployments[0].model), ("openai/gpt-5-mini", "gpt-5-mini"));
    assert_eq!(config.providers[0].base_url, "https://api.openai.com/v1");
    assert_eq!(config.providers[0].keys[0].hint(), "sk-…890, 39 characters");
    assert_eq!(
        (config.server.listen.to_string(), config.server.admin.to_string()),
        ("127.0.0.1:4000".into(), "127.0.0.1:4001".into())
    );
    assert_eq!(
        (config.server.exhausted_status, config.server.headers, config.server.max_body),
        (424, HeaderMode::All, 32 << 20)
    );
    assert_eq!(config.server.sticky, Some(Duration::from_secs(3_600)));
    assert_eq!((config.store.records.to_str(), config.store.keep_bytes), (Some("switchback.db"), 50 << 30));
    assert!(config.keys.is_empty());
}

#[test]
fn the_smallest_file_of_two_vendors_knows_limits_and_prices_from_the_catalogue() {
    let config = good(SMALL);
    let both: Vec<_> = config.policy.routes.iter().map(|it| &it.deployments[0]).collect();
    assert!(both.iter().all(|it| it.context.is_some() && it.max_output.is_some() && it.price.is_some()), "{both:?}");
    assert_eq!(config.providers[1].base_url, "https://api.anthropic.com");
    assert_eq!(config.providers[1].keys[0].hint(), "sk-…890, 38 characters");
}

#[test]
fn a_provider_that_is_not_supported_yet_is_the_only_finding_of_a_file() {
    let found = finding(&SMALL.replace("anthropic", "gemini"));
    assert_eq!((found.code.0, found.line, found.column), ("SB103", 3, 11));
    assert!(found.message.contains("api gemini"), "{}", found.message);
    assert!(found.effect.unwrap().contains("anthropic"), "what it speaks is told");
}

#[test]
fn the_file_that_shows_everything_has_only_what_is_not_supported_yet() {
    let found = findings(EVERYTHING);
    let others: Vec<_> = found.iter().filter(|it| it.code.0 != "SB103").cloned().collect();
    assert_eq!(others, [], "{}", shown(&others, EVERYTHING));
    for key in ["`safety`", "`must`", "[budget]", "[[never]]", "`hedge`", "`rules`", "`requests`", "`SB214`", "`auto`"]
    {
        let plain = key.replace("[[", "[").replace("]]", "]");
        assert!(found.iter().any(|it| it.message.contains(&plain)), "nothing about {key}");
    }
    assert!(found.iter().all(|it| it.fix.is_some() && it.line > 0));
}

#[test]
fn every_setting_of_a_good_file_arrives() {
    let config = good(GOOD);
    let policy = &config.policy;
    let names: Vec<&str> = policy.routes.iter().map(|it| &*it.name).collect();
    assert_eq!(
        names,
        ["gpt", "llama", "pair", "local/meta/llama-4-mini", "openai/gpt-5-mini"],
        "declared ones first, each once"
    );
    assert_eq!(policy.routes[1].deployments[0].model.as_ref(), "meta/llama-4", "split at the first slash");
    assert_eq!(policy.routes[1].deployments[0].region.as_deref(), Some("eu"));
    assert_eq!(policy.routes[4].deployments[0].region.as_deref(), Some("us"), "its provider's");
    assert_eq!(policy.segments.iter().map(|it| &**it).collect::<Vec<_>>(), ["free", "pro"]);
    let triage = &policy.tasks[0];
    assert_eq!(
        (triage.surface, triage.max_attempts, triage.stream),
        (Surface::Background, 6, Some(StreamMode::Assured))
    );
    assert_eq!(triage.deadline.of(Surface::Background), Duration::from_secs(300));
    assert_eq!(triage.retry_wait.low, Duration::from_millis(100));
    assert_eq!(triage.stream_deadline, Duration::from_secs(300));
    let [first, second, _, answer, fail] = triage.ladder.as_slice() else { panic!("five rungs") };
    let RungKind::Try(call) = &first.kind else { panic!("a model rung") };
    assert_eq!((call.retries, call.timeout, call.idle), (2, Duration::from_secs(8), Duration::from_secs(5)));
    assert_eq!(call.first_token, Some(Duration::from_secs(3)));
    assert!(!first.when.has(FailureClass::Refusal) && !first.when.has(FailureClass::PolicyBlocked));
    assert_eq!((second.segments.as_deref(), second.surface), (Some(&["pro".into()][..]), Some(Surface::Background)));
    assert!(second.when.has(FailureClass::Contract) && !second.when.has(FailureClass::Budget));
    assert!(answer.when.has(FailureClass::PolicyBlocked));
    assert!(fail.when.has(FailureClass::InvalidRequest));
    assert_eq!(policy.breaker.probe_cap, Duration::from_secs(60));
    assert!(policy.breaker.consecutive.is_none() && !policy.breaker.jitter);
    assert_eq!(config.providers[1].base_url, "http://127.0.0.1:8000/v1");
    assert!(config.providers[1].keys[0].is_empty());
    assert_eq!(config.providers[0].headers, [("x-team".to_owned(), "support".to_owned())]);
    assert_eq!((config.server.segment_from.as_deref(), config.server.sticky), (Some("x-switchback-segment"), None));
    let keys: Vec<_> = config.keys.iter().map(|it| (&*it.name, it.segment.as_deref(), it.direct)).collect();
    assert_eq!(
        keys,
        [
            ("web", None, false),
            ("mobile-app", Some("free"), false),
            ("batch", Some("pro"), true),
            ("hashed", None, false)
        ]
    );
    assert!(matches!(config.keys[3].secret, AppSecret::Sha256([0x2c, ..])));
    assert_eq!(config.contracts.len(), policy.contracts.len());
}

#[test]
fn a_test_arrives_and_passes_as_it_is_written() {
    let config = good(GOOD);
    let [test] = config.tests.as_slice() else { panic!("one test") };
    assert_eq!((&*test.name, test.scenario.prompt_tokens), ("gpt is slow: jobs of pro get llama", 2_000));
    assert_eq!(GOOD.lines().nth(test.line - 1), Some("[[test]]"));
    assert_eq!(test.scenario.given[0].plays[1].after, Some(Duration::from_secs(9)));
    let (policy, now) = (Arc::new(config.policy), Now::ZERO);
    let record = rehearse(&policy, &test.scenario, &Health::new(&policy), now).unwrap();
    assert_eq!(test.expect.differences(&record), [], "{record:#?}");
}

#[test]
fn a_file_is_compiled_offline_without_reading_a_secret() {
    let world = World::default()
        .file("contracts/triage.schema.json", TRIAGE)
        .file("prompts/category-only.md", "Name the category.")
        .variable("OPENAI_API_KEY", "sk-proj-0123456789012345678901234567890");
    let compiled = crate::compile_offline("switchback.toml", GOOD, &world);
    assert_eq!(compiled.diagnostics, [], "{}", shown(&compiled.diagnostics, GOOD));
    let config = compiled.config.unwrap();
    assert_eq!(config.providers[0].keys[0].expose(), "env:OPENAI_API_KEY", "what is set is not read either");
    assert_eq!((config.tests.len(), config.policy.tasks.len()), (1, 3));
}

#[test]
fn two_tests_of_one_name_and_a_test_of_a_star_are_refused() {
    let twice = format!("{GOOD}{}", GOOD.split_at(GOOD.find("[[test]]").unwrap()).1);
    let found = finding(&twice);
    assert_eq!((found.code.0, found.fix.as_deref()), ("SB118", Some("give it a name of its own")));
    let star = with_task(
        "names = [\"openai/*\"]\nladder = [{ try = \"openai/*\" }]\naccept = [\"SB204\"]\n[[test]]\nname = \"a\"\n\
         ask = \"chat\"\nexpect = { outcome = \"ok\" }",
    );
    assert_eq!(findings(&star).iter().map(|it| it.code.0).collect::<Vec<_>>(), ["SB103"]);
}

#[test]
fn every_file_that_is_named_is_watched() {
    let text = GOOD
        .replace("\"Route a ticket.\"", "\"file:prompts/category-only.md\"")
        .replace("env:MOBILE_KEY", "file:/run/gone");
    let files = World::usual().compile(&text).files;
    for file in ["contracts/triage.schema.json", "prompts/category-only.md", "/run/gone"] {
        assert!(files.iter().any(|it| it == file), "{file} of {files:?}");
    }
}

#[test]
fn the_hash_names_the_text() {
    let hash = good(GOOD).hash;
    assert!(hash.len() == 7 && hash.bytes().all(|it| it.is_ascii_hexdigit()), "{hash}");
    assert_eq!(good(GOOD).hash, hash);
    assert_ne!(good(&GOOD.replace("\"45s\"", "\"46s\"")).hash, hash);
}

#[test]
fn a_breaker_that_says_little_takes_the_rest_from_the_design() {
    let config = good(
        "version = 1\n[provider.openai]\n[task.a]\nladder = [{ try = \"openai/gpt-5\" }]\n[breaker]\nprobe-every = \"1s\"\n",
    );
    let rules = config.policy.breaker;
    assert_eq!((rules.rate.failing, rules.rate.of_at_least, rules.closes_after), (0.5, 10, 3));
    assert_eq!((rules.rate.within, rules.probe_every), (Duration::from_secs(60), Duration::from_secs(1)));
    assert!(rules.consecutive.is_none(), "a [breaker] replaces all built-in rules");
}

#[test]
fn json_is_read_by_the_same_rules() {
    let text = r#"{
  "version": 1,
  "provider": { "openai": {} },
  "task": { "chat": {
    "deadline": "20s",
    "ladder": [ { "try": "openai/gpt-5-mini", "timeout": "5s" }, { "fail": "Later \"please\"." } ]
  } }
}"#;
    let config = good(text);
    assert!(
        matches!(&config.policy.tasks[0].ladder[1].kind, RungKind::Fail { message } if &**message == "Later \"please\".")
    );
    let found = finding(&text.replace("\"timeout\": \"5s\"", "\"timeout\": 5"));
    assert_eq!((found.code.0, found.line, found.column), ("SB105", 6, 58));
    let found = finding(&text.replace("\"deadline\"", "\"deadlin\""));
    assert_eq!((found.code.0, found.line, found.column), ("SB101", 5, 5));
    let found = finding(&text.replace("\"20s\",", "\"20s\""));
    assert_eq!((found.code.0, found.line, found.column), ("SB100", 6, 5));
    let found = finding(&text.replace("\"version\": 1,", "\"version\": 1, \"version\": 1,"));
    assert_eq!((found.code.0, found.line), ("SB118", 2));
}

#[test]
fn nothing_in_the_middle_of_a_file_makes_it_panic() {
    // A small generator of our own keeps the run the same everywhere.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1_000_003).unwrap() % below.max(1)
    };
    let json = r#"{"version":1,"provider":{"openai":{}},"task":{"a":{"ladder":[{"try":"openai/m"}]}}}"#;
    let pieces = [
        "\"",
        "[",
        "]",
        "{",
        "}",
        "=",
        "\n",
        ",",
        ".",
        "'''",
        "#",
        "\\u",
        "é",
        "\u{0}",
        "9",
        "-",
        "[[a]]",
        "a.b.c = 1\n",
        "\r",
    ];
    for round in 0..1_500 {
        let base = [GOOD, EVERYTHING, SMALL, json][round % 4];
        let mut text: Vec<char> = base.chars().collect();
        for _ in 0..=next(4) {
            let at = next(text.len());
            match next(4) {
                0 => text.truncate(at),
                1 => drop(text.drain(at..(at + next(20)).min(text.len()))),
                2 => text.splice(at..at, pieces[next(pieces.len())].chars()).for_each(drop),
                _ => text.swap(at, 0),
            }
            if text.is_empty() {
                break;
            }
        }
        let text: String = text.into_iter().collect();
        let found = findings(&text);
        assert!(found.iter().all(|it| text.get(it.span.clone()).is_some()), "every place is inside the text");
        if round % 10 == 0 {
            shown(&found, &text);
        }
    }
}

#[test]
fn a_monstrous_file_is_refused_in_words() {
    let deep = format!("a{} = 1", ".a".repeat(400_000));
    assert_eq!(finding(&deep).code.0, "SB100");
    let nested = format!("a = {}", "[".repeat(100_000));
    assert!(findings(&nested).iter().all(|it| it.code.0 == "SB100"));
    let json = "[".repeat(100_000);
    assert_eq!(finding(&format!("{{\"a\": {json}")).code.0, "SB100");
    assert_eq!(finding(&" ".repeat(5 << 20)).code.0, "SB100");
}
