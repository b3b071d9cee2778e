//! What an operator sees of a configuration, right and wrong.

mod deployments;
mod findings;
mod help;
mod mutations;
mod rendering;
mod samples;
mod secrets;
mod shown;
mod tasks;
mod warnings;

use std::collections::HashMap;

use crate::{Compiled, Config, Diagnostic, Severity, Source, compile};

/// Files and variables of a test.
#[derive(Debug, Default, Clone)]
struct World {
    files: HashMap<String, String>,
    variables: HashMap<String, String>,
}

impl World {
    /// What the samples name.
    fn usual() -> Self {
        Self::default()
            .variable("OPENAI_API_KEY", "sk-proj-0123456789012345678901234567890")
            .variable("ANTHROPIC_API_KEY", "sk-ant-0123456789012345678901234567890")
            .variable("SWITCHBACK_APP_KEYS", "web:secret-of-web,mobile-app:secret-of-mobile:free")
            .variable("MOBILE_KEY", "mobile-secret")
            .variable("AZURE_KEY", "azure-secret")
            .file("contracts/triage.schema.json", TRIAGE)
            .file("contracts/category.schema.json", r#"{"type": "object"}"#)
            .file("/run/secrets/anthropic", "sk-ant-0123456789\n")
            .file("prompts/category-only.md", "Name the category.")
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    fn compile(&self, text: &str) -> Compiled {
        compile("conf/switchback.toml", text, self)
    }
}

impl Source for World {
    fn file(&self, path: &str) -> Result<String, String> {
        self.files.get(path).cloned().ok_or_else(|| "no such file".into())
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }
}

const TRIAGE: &str = r#"{
  "type": "object",
  "properties": { "queue": { "type": "string" }, "urgency": { "enum": ["low", "high"] } },
  "required": ["queue"]
}"#;

/// A file without errors or warnings that uses most of what there is.
const GOOD: &str = include_str!("good.toml");

/// Compiles a text that must be fine.
fn good(text: &str) -> Config {
    let compiled = World::usual().compile(text);
    assert_eq!(compiled.diagnostics, [], "{}", shown(&compiled.diagnostics, text));
    compiled.config.expect("no errors, so there is a configuration")
}

/// Compiles a text and gives its findings.
fn findings(text: &str) -> Vec<Diagnostic> {
    let compiled = World::usual().compile(text);
    let failed = compiled.diagnostics.iter().any(|it| it.severity == Severity::Error);
    assert_eq!(compiled.config.is_none(), failed, "a configuration exactly when there is no error");
    for it in &compiled.diagnostics {
        assert!(it.code.help().is_some(), "{} has no page", it.code);
        assert!(it.fix.as_ref().is_some_and(|fix| !fix.is_empty()), "{} has no fix: {}", it.code, it.message);
    }
    compiled.diagnostics
}

/// The one finding of a text.
fn finding(text: &str) -> Diagnostic {
    let found = findings(text);
    assert_eq!(found.len(), 1, "{}", shown(&found, text));
    found.into_iter().next().unwrap()
}

fn shown(found: &[Diagnostic], text: &str) -> String {
    crate::render(found, &[("conf/switchback.toml", text)], false)
}

/// A small file around the lines of one task. Its provider is a proxy of which the catalogue knows nothing.
fn with_task(lines: &str) -> String {
    format!(
        "version = 1\nprovider.openai.base-url = \"https://proxy.example/v1\"\n[segment.free]\n[segment.pro]\n[contract.triage]\nschema = \"contracts/triage.schema.json\"\n[task.chat]\n{lines}\n"
    )
}
