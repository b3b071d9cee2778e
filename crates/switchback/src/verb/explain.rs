//! `explain`: why did this request go where it went?

use switchback_core::explain::story;
use switchback_core::record::DecisionRecord;

use crate::admin::Admin;
use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;

pub(crate) async fn run(cli: &Cli, explain: &cli::Explain) -> Exit {
    match told(cli, explain).await {
        Ok(()) => Exit::Fine,
        Err(exit) => exit,
    }
}

async fn told(cli: &Cli, explain: &cli::Explain) -> Result<(), Exit> {
    let id = explain.id.as_deref().unwrap_or("last");
    if !id.chars().all(|it| it.is_ascii_alphanumeric() || it == '_') {
        say::talk(&format!("{id} is not the id of a request; they look like req_01K9TQ7F3M…"));
        return Err(Exit::Usage);
    }
    let answer = Admin::new(cli)?.get(&format!("/admin/v1/requests/{id}")).await?;
    let record: DecisionRecord = answer.read()?;
    if cli.json {
        say::data(&answer.body);
    } else {
        say::data(story(&record).trim_end());
    }
    Ok(())
}
