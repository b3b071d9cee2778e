//! `reload`: apply the configuration file now.

use serde::{Deserialize, Serialize};

use crate::admin::Admin;
use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;
use crate::verb::routes::who;

/// What the audit says where nobody said why: no reason is made up for them.
const NO_REASON: &str = "no reason given";

#[derive(Serialize)]
struct Asked<'a> {
    reason: &'a str,
    revision: u64,
    by: String,
}

#[derive(Deserialize)]
struct Status {
    revision: u64,
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
    let reason = reason.reason.as_deref().map(str::trim).filter(|it| !it.is_empty()).unwrap_or(NO_REASON);
    let admin = Admin::new(cli)?;
    let Status { revision } = admin.get("/admin/v1/status").await?.read()?;
    let answer = admin.post("/admin/v1/reload", &Asked { reason, revision, by: who() }).await?;
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
