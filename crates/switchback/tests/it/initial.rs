//! `init`: a first configuration that is right as it is, whatever keys are there, and works with the simulator at once.

use std::process::Stdio;

use tempfile::TempDir;

use crate::kit::{Gateway, Ran, ask, chat, command, run, sim};

const OPENAI: (&str, &str) = ("OPENAI_API_KEY", "sk-canary-openai-0123456789");
const ANTHROPIC: (&str, &str) = ("ANTHROPIC_API_KEY", "sk-ant-canary-0123456789");
const GROQ: (&str, &str) = ("GROQ_API_KEY", "gsk_canary_0123456789");
const OTHERS: [(&str, &str); 4] = [
    ("MISTRAL_API_KEY", "canary-mistral-0123"),
    ("DEEPSEEK_API_KEY", "sk-canary-deepseek-0123"),
    ("TOGETHER_API_KEY", "canary-together-0123"),
    ("OPENROUTER_API_KEY", "sk-or-canary-0123"),
];

/// What `check --strict` says of what `init` printed under the same environment.
fn checked(template: &str, envs: &[(&str, &str)]) -> (Ran, Ran) {
    let made = run(&["init", "--template", template], envs);
    assert_eq!(made.code, 0, "{made:?}");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("switchback.toml");
    std::fs::write(&path, &made.out).unwrap();
    let checked = run(&["-c", path.to_str().unwrap(), "check", "--strict"], envs);
    (made, checked)
}

fn is_right(envs: &[(&str, &str)]) {
    for template in ["chat", "extraction", "local"] {
        let (made, checked) = checked(template, envs);
        assert_eq!(checked.code, 0, "{template} {checked:?}\n{}", made.out);
        assert!(made.out.lines().filter(|it| it.contains('#')).count() > 10, "it is commented: {}", made.out);
        for (_, secret) in envs {
            assert!(!made.out.contains(secret) && !made.err.contains(secret), "{made:?}");
        }
    }
}

#[test]
fn what_it_prints_without_a_key_passes_check_without_a_warning() {
    is_right(&[]);
}

#[test]
fn what_it_prints_for_openai_and_compatible_keys_passes_check_without_a_warning() {
    is_right(&[OPENAI]);
    is_right(&[GROQ]);
    is_right(&[OPENAI, GROQ]);
    is_right(&[&[OPENAI, GROQ][..], &OTHERS[..]].concat());
}

#[test]
fn what_it_prints_for_an_anthropic_key_passes_check_without_a_warning() {
    is_right(&[ANTHROPIC]);
    is_right(&[OPENAI, ANTHROPIC]);
    is_right(&[&[OPENAI, ANTHROPIC, GROQ][..], &OTHERS[..]].concat());
}

#[test]
fn two_vendors_make_the_smallest_ladder_of_the_design() {
    let made = run(&["init"], &[OPENAI, ANTHROPIC]);
    let providers: Vec<&str> =
        made.out.lines().filter_map(|it| it.strip_prefix("[provider.")?.split(']').next()).collect();
    assert_eq!(providers, ["openai", "anthropic"], "{}", made.out);
    let rungs: Vec<&str> = made.out.lines().filter_map(|it| it.trim().strip_prefix("{ try = ")).collect();
    assert_eq!(rungs, [r#""openai/gpt-5-mini" },"#, r#""anthropic/claude-sonnet-5" },"#], "{}", made.out);
    assert!(made.err.contains("OPENAI_API_KEY, ANTHROPIC_API_KEY"), "it says what it found: {}", made.err);
}

#[test]
fn an_empty_variable_is_no_key() {
    let made = run(&["init"], &[("OPENAI_API_KEY", " "), ("ANTHROPIC_API_KEY", "")]);
    assert!(made.out.contains("[provider.sim]") && !made.out.contains("[provider.openai]"), "{}", made.out);
    assert!(made.err.contains("found no key") && made.err.contains("switchback sim"), "{}", made.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_it_works_at_once_and_recovers() {
    let sim = sim().await;
    let made = run(&["init"], &[]).out;
    let text = made
        .replace("http://127.0.0.1:4010/v1", &sim.base_url())
        .replace("127.0.0.1:4000\"", "127.0.0.1:0\"")
        .replace("127.0.0.1:4001\"", "127.0.0.1:0\"");
    let gateway = Gateway::start_with(&text, &[]).await;
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!((seen.status, seen.header("x-switchback-outcome")), (200, Some("ok")), "{seen:?}");
    sim.set_fault("one", vec!["500".parse().unwrap()]);
    let seen = chat(gateway.listen, &ask("chat", false, "Hi")).await;
    assert_eq!((seen.status, seen.header("x-switchback-outcome")), (200, Some("recovered")), "{seen:?}");
    assert_eq!(seen.header("x-switchback-served-by"), Some("sim/two"), "{seen:?}");
}

/// The two calls that the file itself shows, as a shell would make them.
#[test]
fn the_commands_in_its_comments_are_whole() {
    for (template, task) in [("chat", "chat"), ("extraction", "extract")] {
        let made = run(&["init", "--template", template], &[]).out;
        let commands: Vec<&str> = made.lines().filter_map(|it| it.strip_prefix("#   ")).collect();
        let bodies: Vec<serde_json::Value> = commands
            .iter()
            .filter_map(|it| it.split("-d '").nth(1)?.strip_suffix('\''))
            .map(|it| serde_json::from_str(it).unwrap_or_else(|error| panic!("{error}: {it}")))
            .collect();
        assert_eq!(bodies.len(), 2, "{commands:?}");
        assert_eq!((&bodies[0]["model"], &bodies[1]["model"]), (&"one".into(), &task.into()), "{bodies:?}");
    }
}

#[test]
fn it_never_writes_a_file_and_never_reads_another_gateways() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("switchback.toml");
    std::fs::write(&path, "mine").unwrap();
    let done = command().arg("init").current_dir(folder.path()).stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else was written");
    let ran = run(&["init", "--from", "litellm.yaml"], &[]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.contains("not supported yet"), "{ran:?}");
    assert_eq!(run(&["init", "--template", "nothing"], &[]).code, 2);
}

#[test]
fn as_json_it_tells_what_was_found_and_gives_the_same_text() {
    let (text, json) = (run(&["init"], &[OPENAI]), run(&["init", "--json"], &[OPENAI]).json());
    assert_eq!(json["variables"][0], "OPENAI_API_KEY");
    assert_eq!((&json["template"], &json["simulated"]), (&"chat".into(), &false.into()));
    assert_eq!(json["configuration"].as_str().unwrap().trim_end(), text.out.trim_end());
}
