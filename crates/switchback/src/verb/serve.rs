//! `serve`: run the gateway until it is told to stop.

use switchback_config::Severity;
use switchback_gateway::{ConfigFile, Gateway, Start, is_refused};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;

pub(crate) async fn run(cli: &Cli, serve: &cli::Serve) -> Exit {
    log(cli, serve.log_json);
    let file = ConfigFile::at(&cli.config);
    let loaded = match file.load() {
        Ok(loaded) => loaded,
        Err(why) => {
            say::talk(&format!("SB306  the configuration cannot be read: {why}"));
            say::talk("fix: name the file with -c FILE, or try `switchback demo`, which needs none");
            return Exit::Config;
        }
    };
    let diagnostics = &loaded.compiled.diagnostics;
    if !diagnostics.is_empty() {
        let shown = cli.config.to_string_lossy();
        say::talk(
            switchback_config::render(diagnostics, &[(&shown, &loaded.text)], say::colored(cli.color)).trim_end(),
        );
    }
    let (false, Some(config)) = (is_refused(diagnostics), loaded.compiled.config) else {
        let n = diagnostics.iter().filter(|it| it.severity == Severity::Error).count();
        say::talk(&format!("not started: {n} errors in {}", cli.config.display()));
        return Exit::Config;
    };
    let start = Start { config, file: Some(file), named: loaded.compiled.files, simulated: false };
    match Gateway::start(start).await {
        Ok(gateway) => {
            if !cli.quiet {
                banner(cli, &gateway);
            }
            until_stopped(gateway).await
        }
        Err(error) => {
            say::talk(&format!("not started: {error}"));
            Exit::Bad
        }
    }
}

fn banner(cli: &Cli, gateway: &Gateway) {
    say::talk(&format!("switchback {} · {} · {}", env!("CARGO_PKG_VERSION"), cli.config.display(), gateway.config()));
    say::talk(&format!("  applications  http://{}/v1", gateway.listen()));
    say::talk(&format!("  operators     http://{}   (switchback status, explain, routes)", gateway.admin()));
    gateway.overrides().iter().for_each(|it| say::talk(&format!("  ⏻ {it}")));
}

/// SIGHUP reloads, SIGTERM and Ctrl-C drain, a second one of those ends at once.
async fn until_stopped(gateway: Gateway) -> Exit {
    let signals = (signal(SignalKind::hangup()), signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut hangup), Ok(mut terminate), Ok(mut interrupt)) = signals else {
        say::talk("not started: this system gives no signals");
        return Exit::Bad;
    };
    loop {
        tokio::select! {
            _ = hangup.recv() => match gateway.reload() {
                Ok(config) => say::talk(&format!("reloaded: {config}")),
                Err(why) => say::talk(&format!("! reload refused, still running {}\n{}", gateway.config(), why.trim_end())),
            },
            () = either(&mut terminate, &mut interrupt) => break,
        }
    }
    say::talk("draining: no new requests, those in flight finish; once more ends at once");
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

fn log(cli: &Cli, json: bool) {
    let level = match (cli.quiet, cli.verbose) {
        (true, _) => tracing::Level::ERROR,
        (false, true) => tracing::Level::DEBUG,
        (false, false) => tracing::Level::INFO,
    };
    let log = tracing_subscriber::fmt().with_max_level(level).with_target(false).with_writer(std::io::stderr);
    // A log that somebody set up before stays.
    let _ = if json { log.json().try_init() } else { log.with_ansi(false).try_init() };
}
