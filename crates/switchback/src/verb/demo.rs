//! `demo`: the product in a minute. Simulated providers, steady traffic, a scripted outage, told as it happens.
//!
//! No key, no network, no file: everything stays on this machine's loopback address and is marked as simulated.

mod script;
mod told;
mod traffic;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use switchback_gateway::{Gateway, Start};
use switchback_sim::{Latency, Sim, SimError, SimSettings};
use tokio::time::{Instant, sleep_until};

use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;
use script::{Providers, Script};
use told::Told;

/// Where the other verbs look for a gateway unless they are told.
const USUAL_ADMIN_PORT: u16 = 4001;

pub(crate) async fn run(_cli: &Cli, demo: &cli::Demo) -> Exit {
    let (Some(outage_after), Some(span)) =
        (time(&demo.outage_after), demo.span.as_deref().map_or(Some(None), |it| time(it).map(Some)))
    else {
        return Exit::Usage;
    };
    let providers = match providers(demo.seed).await {
        Ok(providers) => providers,
        Err(error) => return not_started(&error.to_string()),
    };
    let gateway = match start(demo, &providers).await {
        Ok(gateway) => gateway,
        Err(why) => return not_started(&why),
    };
    welcome(&gateway, outage_after);
    let mut told = Told::new(gateway.follow());
    let script = Script::new(&providers, outage_after);
    let ends = span.map(|it| Instant::now() + it);
    tokio::select! {
        () = traffic::flow(gateway.listen(), demo.rate, demo.seed) => {}
        () = script.play() => {}
        () = told.follow(&gateway) => {}
        _ = tokio::signal::ctrl_c() => {}
        () = end(ends) => {}
    }
    told.summary();
    gateway.drain().await;
    Exit::Fine
}

async fn end(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn providers(seed: u64) -> Result<Providers, SimError> {
    let sim = async |name: &str, seed: u64, first: u64| {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let first_token = Latency::Lognormal { median: Duration::from_millis(first), sigma: 0.3 };
        let between_tokens = Latency::Fixed(Duration::from_millis(2));
        Sim::start(SimSettings { listen, seed, first_token, between_tokens, name: name.to_owned() }).await
    };
    Ok(Providers {
        a: sim("sim-a", seed, 60).await?,
        b: sim("sim-b", seed.wrapping_add(1), 90).await?,
        c: sim("sim-c", seed.wrapping_add(2), 30).await?,
    })
}

async fn start(demo: &cli::Demo, providers: &Providers) -> Result<Gateway, String> {
    let text = script::configuration(demo.port, providers);
    let compiled = switchback_config::compile("demo.toml", &text, &script::Simulated);
    let Some(config) = compiled.config else {
        return Err(switchback_config::render(&compiled.diagnostics, &[("demo.toml", &text)], false));
    };
    let start = Start { config, file: None, named: Vec::new(), simulated: true };
    Gateway::start(start)
        .await
        .map_err(|error| format!("{error} (another port: --port {})", demo.port.saturating_add(100)))
}

fn welcome(gateway: &Gateway, outage_after: Duration) {
    let (listen, admin) = (gateway.listen(), gateway.admin());
    // As it was called, so that what stands here can be called again.
    let called = std::env::args().next().unwrap_or_else(|| "switchback".to_owned());
    let mut lines = vec![
        format!("DASHBOARD  http://{admin}/   open it now and watch"),
        String::new(),
        "SIMULATED  nothing leaves this machine; no key is used".to_owned(),
        format!("  API        http://{listen}/v1   any key; model = \"hello\" or \"extract\""),
        "  sim-a      the usual model, in OpenAI's shape, $2 / $8 per million tokens".to_owned(),
        "  sim-b      as good, in Anthropic's shape, $3 / $15".to_owned(),
        "  sim-c      small, $0.10 / $0.40: its answers are marked as degraded".to_owned(),
        "  ladder     sim-a → sim-b → sim-c → a ready answer, or a clear error".to_owned(),
        format!(
            "  in {:<7} sim-a stops answering; later sim-b is overloaded, too",
            format!("{} s", outage_after.as_secs())
        ),
        String::new(),
        "Try, in another terminal:".to_owned(),
        format!("  curl -i {listen}/v1/chat/completions -d \\"),
        r#"    '{"model":"hello","messages":[{"role":"user","content":"Hi"}]}'"#.to_owned(),
    ];
    if admin.port() != USUAL_ADMIN_PORT {
        lines.push(format!("  export SWITCHBACK_ADMIN=http://{admin}"));
    }
    lines.extend([
        format!("  {called} tail"),
        format!("  {called} explain --last"),
        format!("  {called} routes disable sim-b --reason \"a look\" --for 1m --yes"),
        String::new(),
        "Ctrl-C ends it with a summary.".to_owned(),
        String::new(),
    ]);
    lines.iter().for_each(|it| say::data(it));
}

fn time(text: &str) -> Option<Duration> {
    switchback_config::duration(text).map_err(|why| say::talk(&format!("{text}: {why}"))).ok()
}

fn not_started(why: &str) -> Exit {
    say::talk(&format!("not started: {}", why.trim_end()));
    Exit::Bad
}
