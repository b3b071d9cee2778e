//! `init`: a first configuration on stdout, made from the keys that are in the environment. It passes `check` as it is.
//!
//! Looks whether the usual variables are set, and never shows or keeps what is in them. Never writes a file.

mod text;

use serde::Serialize;

use crate::cli::{self, Cli, Template};
use crate::exit::Exit;
use crate::say;
use text::Vendor;

/// Whom a first configuration can call, the most usual first. Base addresses are those that the vendors' own SDKs take;
/// models and their windows are of the built-in catalogue.
const VENDORS: &[Vendor] = &[
    Vendor {
        name: "openai",
        variable: "OPENAI_API_KEY",
        base_url: None,
        models: &[("gpt-5-mini", 400_000), ("gpt-5-nano", 400_000)],
    },
    Vendor {
        name: "anthropic",
        variable: "ANTHROPIC_API_KEY",
        base_url: None,
        models: &[("claude-sonnet-5", 1_000_000), ("claude-haiku-4-5", 200_000)],
    },
    Vendor {
        name: "mistral",
        variable: "MISTRAL_API_KEY",
        base_url: Some("https://api.mistral.ai/v1"),
        models: &[("mistral-medium-latest", 262_144), ("mistral-small-latest", 256_000)],
    },
    Vendor {
        name: "deepseek",
        variable: "DEEPSEEK_API_KEY",
        base_url: Some("https://api.deepseek.com/v1"),
        models: &[("deepseek-chat", 1_000_000)],
    },
    Vendor {
        name: "groq",
        variable: "GROQ_API_KEY",
        base_url: Some("https://api.groq.com/openai/v1"),
        models: &[("openai/gpt-oss-120b", 131_072), ("openai/gpt-oss-20b", 131_072)],
    },
    Vendor {
        name: "together",
        variable: "TOGETHER_API_KEY",
        base_url: Some("https://api.together.xyz/v1"),
        models: &[("Qwen/Qwen3-235B-A22B-Instruct-2507-tput", 262_144), ("Qwen/Qwen3.5-9B", 262_144)],
    },
    Vendor {
        name: "openrouter",
        variable: "OPENROUTER_API_KEY",
        base_url: Some("https://openrouter.ai/api/v1"),
        models: &[("meta-llama/llama-3.3-70b-instruct", 131_072), ("meta-llama/llama-3.1-8b-instruct", 131_072)],
    },
];

#[derive(Serialize)]
struct Told<'a> {
    template: &'static str,
    variables: Vec<&'a str>,
    simulated: bool,
    configuration: &'a str,
}

pub(crate) fn run(cli: &Cli, init: &cli::Init) -> Exit {
    if init.from.is_some() {
        say::talk("--from is not supported yet: no other gateway's file can be translated; start with a template");
        return Exit::Usage;
    }
    let found: Vec<&Vendor> = VENDORS.iter().filter(|it| is_set(it.variable)).collect();
    let (template, text) = match init.template {
        Template::Chat => ("chat", text::chat(&found)),
        Template::Extraction => ("extraction", text::extraction(&found)),
        Template::Local => ("local", text::local()),
    };
    let is_local = init.template == Template::Local;
    if cli.json {
        let variables = if is_local { Vec::new() } else { found.iter().map(|it| it.variable).collect() };
        let simulated = found.is_empty() && !is_local;
        let told = Told { template, variables, simulated, configuration: &text };
        say::data(&serde_json::to_string_pretty(&told).unwrap_or_default());
    } else {
        say::data(text.trim_end());
    }
    if !cli.quiet {
        talk(&found, is_local);
    }
    Exit::Fine
}

fn talk(found: &[&Vendor], is_local: bool) {
    let variables: Vec<&str> = found.iter().map(|it| it.variable).collect();
    match (is_local, found.is_empty()) {
        (true, _) => say::talk("for Ollama and vLLM on this machine; put in the models that you run. No key is used."),
        (false, true) => {
            let known: Vec<&str> = VENDORS.iter().map(|it| it.variable).collect();
            say::talk(&format!("looked for {}", known.join(", ")));
            say::talk("found no key, so this calls the simulator: start it with `switchback sim` in another terminal");
        }
        (false, false) => say::talk(&format!(
            "found {}: their names go into the file, what is in them does not",
            variables.join(", ")
        )),
    }
    if say::is_data_shown() {
        say::talk("nothing was written: `switchback init > switchback.toml` writes it, then `switchback check`");
    } else {
        say::talk("next: `switchback check`, then `switchback serve`");
    }
}

/// Whether a variable holds anything.
#[expect(clippy::disallowed_methods, reason = "no configuration exists yet whose source could be asked")]
fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|it| !it.trim().is_empty())
}
