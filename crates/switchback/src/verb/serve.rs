//! `serve`: run the gateway until it is told to stop.

use switchback_config::{Diagnostic, Severity};
use switchback_gateway::{ConfigFile, Gateway, Start, is_refused};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{self, Cli, LogFormat, LogLevel};
use crate::exit::Exit;
use crate::say;

/// Where the process tells what it does: lines for people, or JSON lines for whatever collects them.
#[derive(Clone, Copy)]
struct Log {
    json: bool,
}

pub(crate) async fn run(cli: &Cli, serve: &cli::Serve) -> Exit {
    let log = Log::begin(cli, serve);
    let file = ConfigFile::at(&cli.config);
    let loaded = match file.load() {
        Ok(loaded) => loaded,
        Err(why) => {
            log.failed(&format!("SB306  the configuration cannot be read: {why}"));
            log.failed("fix: name the file with -c FILE, or try `switchback demo`, which needs none");
            return Exit::Config;
        }
    };
    let diagnostics = &loaded.compiled.diagnostics;
    log.found(cli, diagnostics, &loaded.text);
    let (false, Some(config)) = (is_refused(diagnostics), loaded.compiled.config) else {
        let n = diagnostics.iter().filter(|it| it.severity == Severity::Error).count();
        log.failed(&format!("not started: {n} errors in {}", cli.config.display()));
        return Exit::Config;
    };
    let start = Start { config, file: Some(file), named: loaded.compiled.files, simulated: false };
    match Gateway::start(start).await {
        Ok(gateway) => {
            if !cli.quiet {
                banner(log, cli, &gateway);
            }
            until_stopped(log, gateway).await
        }
        Err(error) => {
            log.failed(&format!("not started: {error}"));
            Exit::Bad
        }
    }
}

// === impl Log ===

impl Log {
    fn begin(cli: &Cli, serve: &cli::Serve) -> Log {
        let json = match serve.log_format {
            LogFormat::Auto => !say::is_talk_shown(),
            LogFormat::Text => false,
            LogFormat::Json => true,
        };
        let level = match (cli.quiet, cli.verbose, serve.log) {
            (true, ..) | (false, false, LogLevel::Error) => tracing::Level::ERROR,
            (false, true, _) | (false, false, LogLevel::Debug) => tracing::Level::DEBUG,
            (false, false, LogLevel::Warn) => tracing::Level::WARN,
            (false, false, LogLevel::Info) => tracing::Level::INFO,
        };
        let log = tracing_subscriber::fmt().with_max_level(level).with_target(false).with_writer(std::io::stderr);
        // A log that somebody set up before stays.
        let _ = if json { log.json().flatten_event(true).try_init() } else { log.with_ansi(false).try_init() };
        Log { json }
    }

    /// What `check` says of the configuration.
    fn found(self, cli: &Cli, diagnostics: &[Diagnostic], text: &str) {
        if !self.json {
            if !diagnostics.is_empty() {
                let shown = cli.config.to_string_lossy();
                let told = switchback_config::render(diagnostics, &[(&shown, text)], say::colored(cli.color));
                say::talk(told.trim_end());
            }
            return;
        }
        for it in diagnostics {
            let (code, line) = (it.code.to_string(), it.line);
            match it.severity {
                Severity::Error => tracing::error!(code, line, "{}", it.message),
                Severity::Warning => tracing::warn!(code, line, "{}", it.message),
            }
        }
    }

    /// What goes on. With JSON lines every line is one of them.
    fn tell(self, line: &str) {
        if self.json {
            tracing::info!("{}", line.trim_start());
        } else {
            say::talk(line);
        }
    }

    /// What went wrong.
    fn failed(self, line: &str) {
        if self.json {
            tracing::error!("{line}");
        } else {
            say::talk(line);
        }
    }
}

fn banner(log: Log, cli: &Cli, gateway: &Gateway) {
    log.tell(&format!("switchback {} · {} · {}", env!("CARGO_PKG_VERSION"), cli.config.display(), gateway.config()));
    log.tell(&format!("  applications  http://{}/v1", gateway.listen()));
    log.tell(&format!(
        "  operators     http://{}/   (dashboard, metrics; switchback status, tail, explain, routes)",
        gateway.admin()
    ));
    gateway.overrides().iter().for_each(|it| log.tell(&format!("  ⏻ {it}")));
}

/// SIGHUP reloads, SIGTERM and Ctrl-C drain, a second one of those ends at once.
async fn until_stopped(log: Log, gateway: Gateway) -> Exit {
    let signals = (signal(SignalKind::hangup()), signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut hangup), Ok(mut terminate), Ok(mut interrupt)) = signals else {
        log.failed("not started: this system gives no signals");
        return Exit::Bad;
    };
    loop {
        tokio::select! {
            _ = hangup.recv() => match gateway.reload() {
                Ok(config) => log.tell(&format!("reloaded: {config}")),
                Err(why) => log.failed(&format!("! reload refused, still running {}\n{}", gateway.config(), why.trim_end())),
            },
            () = either(&mut terminate, &mut interrupt) => break,
        }
    }
    log.tell("draining: no new requests, those in flight finish; once more ends at once");
    tokio::select! {
        () = gateway.drain() => Exit::Fine,
        () = either(&mut terminate, &mut interrupt) => Exit::Bad,
    }
}

async fn either(a: &mut Signal, b: &mut Signal) {
    tokio::select! {
        _ = a.recv() => {}
        _ = b.recv() => {}
    }
}
