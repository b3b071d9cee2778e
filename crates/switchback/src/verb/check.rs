//! `check`: is this configuration right? Every finding of the file at once, with a fix for each.

use serde::Serialize;
use switchback_config::{Setting, Severity};
use switchback_gateway::{ConfigFile, is_refused};

use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;

#[derive(Serialize)]
struct Report<'a, T> {
    ok: bool,
    diagnostics: &'a [T],
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Vec<Setting>>,
}

/// The one finding that has no text to stand in.
#[derive(Serialize)]
struct Unreadable<'a> {
    code: &'a str,
    severity: &'static str,
    message: &'a str,
    file: &'a str,
    line: usize,
    column: usize,
    fix: Option<&'a str>,
}

pub(crate) fn run(cli: &Cli, check: &cli::Check) -> Exit {
    let file = ConfigFile::at(&cli.config);
    let shown = cli.config.to_string_lossy();
    let loaded = match file.load() {
        Ok(loaded) => loaded,
        Err(why) => return unreadable(cli, &why),
    };
    let diagnostics = &loaded.compiled.diagnostics;
    let refused = is_refused(diagnostics) || (check.strict && !diagnostics.is_empty());
    let settings = check.show.then(|| file.settings(&loaded.text));
    if cli.json {
        let report = Report { ok: !refused, diagnostics, settings };
        say::data(&serde_json::to_string_pretty(&report).unwrap_or_default());
        return exit(refused);
    }
    if !diagnostics.is_empty() {
        let text = switchback_config::render(diagnostics, &[(&shown, &loaded.text)], say::colored(cli.color));
        say::data(text.trim_end());
        say::data("");
    }
    if let Some(settings) = settings.filter(|it| !it.is_empty()) {
        say::data(switchback_config::render_settings(&settings).trim_end());
        say::data("");
    }
    if let Some(config) = &loaded.compiled.config {
        let policy = &config.policy;
        say::data(&format!(
            "{shown} · {} · {}, {}, {}",
            config.hash,
            count(policy.providers.len(), "provider"),
            count(policy.routes.len(), "route"),
            count(policy.tasks.len(), "task"),
        ));
    }
    let n = |severity| diagnostics.iter().filter(|it| it.severity == severity).count();
    let verdict = if refused { "switchback would not start with it" } else { "switchback would start with it" };
    let (errors, warnings) = (count(n(Severity::Error), "error"), count(n(Severity::Warning), "warning"));
    say::data(&format!("{errors}, {warnings}: {verdict}."));
    exit(refused)
}

fn unreadable(cli: &Cli, why: &str) -> Exit {
    if cli.json {
        let finding = Unreadable {
            code: "SB306",
            severity: "error",
            message: why,
            file: &cli.config.to_string_lossy(),
            line: 1,
            column: 1,
            fix: Some("name the file with -c FILE"),
        };
        let report = Report { ok: false, diagnostics: &[finding], settings: None };
        say::data(&serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        say::talk(&format!("SB306  the configuration cannot be read: {why}"));
        say::talk("fix: name the file with -c FILE, or try `switchback demo`, which needs none");
    }
    Exit::Config
}

fn exit(refused: bool) -> Exit {
    if refused { Exit::Config } else { Exit::Fine }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
