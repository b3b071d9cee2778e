//! `reload`: apply the configuration file now.

use serde::{Deserialize, Serialize};

use crate::admin::Admin;
use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;

#[derive(Serialize)]
struct Asked<'a> {
    reason: &'a str,
}

#[derive(Deserialize)]
struct Reloaded {
    config: String,
}

pub(crate) async fn run(cli: &Cli, reason: &cli::Reason) -> Exit {
    match asked(cli, reason).await {
        Ok(()) => Exit::Fine,
        Err(exit) => exit,
    }
}

async fn asked(cli: &Cli, reason: &cli::Reason) -> Result<(), Exit> {
    let reason = reason.reason.as_deref().unwrap_or("asked for on the command line");
    let answer = Admin::new(cli)?.post("/admin/v1/reload", &Asked { reason }).await?;
    if answer.status == 422 {
        // The file is bad, nothing was changed.
        let _ = answer.read::<Reloaded>();
        return Err(Exit::Config);
    }
    let reloaded: Reloaded = answer.read()?;
    if cli.json {
        say::data(&answer.body);
    } else {
        say::data(&format!("✓ the configuration that serves is now {}", reloaded.config));
    }
    Ok(())
}
