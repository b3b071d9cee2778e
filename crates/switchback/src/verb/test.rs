//! `test`: the configuration's `[[test]]`, walked by the real engine in virtual time. No call, no secret, no network.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use switchback_config::{Config, glob};
use switchback_core::health::Health;
use switchback_core::rehearse::{Difference, rehearse, walked};
use switchback_core::time::Now;
use switchback_gateway::ConfigFile;

use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;

mod junit;

/// How one test ended.
#[derive(Debug, Serialize)]
struct Done {
    name: String,
    task: String,
    file: String,
    line: usize,
    ok: bool,
    ms: f64,
    differences: Vec<Told>,
    walked: String,
}

/// What came otherwise.
#[derive(Debug, Serialize)]
struct Told {
    key: &'static str,
    expected: String,
    got: String,
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    passed: usize,
    failed: usize,
    ms: f64,
    tests: &'a [Done],
}

pub(crate) fn run(cli: &Cli, asked: &cli::Test) -> Exit {
    let config = match offline(cli) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let began = Instant::now();
    let done = all(cli, asked, config);
    let took = began.elapsed();
    if done.is_empty() {
        say::talk(&format!("no test of {} is called {}", cli.config.display(), asked.name));
        say::talk("fix: write one as [[test]] with name, ask, given and expect");
        return Exit::NotFound;
    }
    let failed = done.iter().filter(|it| !it.ok).count();
    if let Some(path) = &asked.junit
        && let Err(error) = std::fs::write(path, junit::report(&cli.config.to_string_lossy(), &done, took))
    {
        say::talk(&format!("{} cannot be written: {error}", path.display()));
        return Exit::Usage;
    }
    let passed = done.len() - failed;
    if cli.json {
        let report = Report { ok: failed == 0, passed, failed, ms: ms(took), tests: &done };
        say::data(&serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        print(&done, cli.quiet);
        say::data(&format!("{passed} passed, {failed} failed, in {:.1} ms", ms(took)));
    }
    if failed == 0 { Exit::Fine } else { Exit::Bad }
}

/// The configuration without its secrets, or the exit of a file that has errors, with them said.
pub(crate) fn offline(cli: &Cli) -> Result<Config, Exit> {
    let loaded = ConfigFile::at(&cli.config).load_offline().map_err(|why| {
        say::talk(&format!("SB306  the configuration cannot be read: {why}"));
        say::talk("fix: name the file with -c FILE");
        Exit::Config
    })?;
    loaded.compiled.config.ok_or_else(|| {
        let shown = cli.config.to_string_lossy();
        let colored = say::colored(cli.color);
        let text = switchback_config::render(&loaded.compiled.diagnostics, &[(&shown, &loaded.text)], colored);
        say::talk(text.trim_end());
        Exit::Config
    })
}

fn all(cli: &Cli, asked: &cli::Test, config: Config) -> Vec<Done> {
    let policy = Arc::new(config.policy);
    let wanted = config.tests.iter().filter(|it| glob::matches(&asked.name, &it.name));
    let done = wanted.filter_map(|test| {
        let began = Instant::now();
        let record = rehearse(&policy, &test.scenario, &Health::new(&policy), Now::ZERO)?;
        let differences = test.expect.differences(&record);
        Some(Done {
            name: test.name.to_string(),
            task: record.object.task.to_string(),
            file: cli.config.to_string_lossy().into_owned(),
            line: test.line,
            ok: differences.is_empty(),
            ms: ms(began.elapsed()),
            differences: differences.into_iter().map(Told::from).collect(),
            walked: format!("{}, after {} ms", walked(&record), record.total_ms),
        })
    });
    done.collect()
}

/// The tests of each task under its name; a failed one with what came instead.
fn print(done: &[Done], quiet: bool) {
    let mut tasks: Vec<&str> = Vec::new();
    for it in done {
        if !tasks.contains(&it.task.as_str()) {
            tasks.push(&it.task);
        }
    }
    for task in tasks {
        let mine: Vec<&Done> = done.iter().filter(|it| it.task == task && !(quiet && it.ok)).collect();
        if !mine.is_empty() {
            say::data(task);
        }
        for it in mine {
            if it.ok {
                say::data(&format!("  ✓ {}   {:.1} ms", it.name, it.ms));
                continue;
            }
            say::data(&format!("  ✗ {}   {}:{}", it.name, it.file, it.line));
            story(it).iter().for_each(|line| say::data(&format!("      {line}")));
        }
    }
}

/// Why a test failed, line by line.
fn story(it: &Done) -> Vec<String> {
    let side = |of: fn(&Told) -> &str| {
        let each = it.differences.iter().map(|told| format!("{} {}", told.key, of(told)));
        each.collect::<Vec<_>>().join(", ")
    };
    vec![
        format!("expected  {}", side(|it| &it.expected)),
        format!("got       {}", side(|it| &it.got)),
        format!("walked    {}", it.walked),
    ]
}

impl From<Difference> for Told {
    fn from(it: Difference) -> Self {
        Self { key: it.key, expected: it.expected, got: it.got }
    }
}

fn ms(span: Duration) -> f64 {
    (span.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
