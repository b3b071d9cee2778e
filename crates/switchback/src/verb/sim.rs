//! `sim`: the provider simulator alone, on a port.

use std::net::{Ipv4Addr, SocketAddr};

use switchback_sim::{Elsewhere, Fault, FaultRow, Latency, Sim, SimSettings};

use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;

pub(crate) async fn run(cli: &Cli, asked: &cli::Sim) -> Exit {
    if asked.faults {
        for row in Fault::TABLE {
            let aliases =
                if row.aliases.is_empty() { String::new() } else { format!("  (also: {})", row.aliases.join(", ")) };
            say::data(&format!("{:<24} {}{}{aliases}", row.name, row.about, elsewhere(row)));
        }
        return Exit::Fine;
    }
    let (first_token, between_tokens) = match (latency(&asked.first_token), latency(&asked.between_tokens)) {
        (Some(first), Some(between)) => (first, between),
        _ => return Exit::Usage,
    };
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, asked.port));
    let settings = SimSettings { listen, seed: asked.seed, first_token, between_tokens, name: "sim".to_owned() };
    match Sim::start(settings).await {
        Ok(sim) => {
            say::data(&format!("base-url  {}", sim.base_url()));
            say::data(&format!("anthropic {}", sim.anthropic_base_url()));
            say::data(&format!("control   http://{}/_sim/", sim.control_addr()));
            if !cli.quiet {
                say::talk(
                    "SIMULATED. A model called `anything+FAULT` fails that way; `switchback sim --faults` lists them.",
                );
            }
            let _ = tokio::signal::ctrl_c().await;
            sim.stop().await;
            Exit::Fine
        }
        Err(error) => {
            say::talk(&format!("not started: {error}"));
            Exit::Bad
        }
    }
}

/// What is different in Anthropic's shape, if anything is.
fn elsewhere(row: &FaultRow) -> String {
    match row.anthropic {
        Elsewhere::Same => String::new(),
        Elsewhere::Otherwise(about) => format!("; Anthropic: {about}"),
        Elsewhere::Never(why) => format!("; Anthropic: never, {why}"),
    }
}

fn latency(text: &str) -> Option<Latency> {
    text.parse().map_err(|error| say::talk(&format!("{error}"))).ok()
}
