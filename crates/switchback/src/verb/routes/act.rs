//! What an operator does to routes: disable, enable, trip, reset. A preview first, then the change with the revision that
//! the preview showed, so that nobody acts on what is no longer so. Never without a reason.

use serde::{Deserialize, Serialize};

use crate::admin::Admin;
use crate::cli::{self, Cli};
use crate::exit::Exit;
use crate::say;

/// A change as it is asked for: first as a preview, then with the revision that the preview showed.
#[derive(Serialize)]
struct Asked<'a> {
    select: &'a str,
    reason: &'a str,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    span: Option<&'a str>,
    by: String,
    preview: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
}

#[derive(Deserialize)]
struct Changed {
    routes: Vec<String>,
    #[serde(default)]
    effect: Vec<String>,
    revision: u64,
}

/// One of the four acts, in the words that it is told with.
struct Act<'a> {
    path: &'static str,
    selector: &'a str,
    reason: &'a cli::Reason,
    span: Option<&'a str>,
    /// What it will do, with the routes in the place of `{}`, and what to ask; absent where nothing can be lost.
    warns: Option<(String, &'static str)>,
    /// What it has done, behind the names of the routes.
    done: String,
    /// The verb that takes it back.
    undo: Option<&'static str>,
}

pub(super) async fn disable(cli: &Cli, disable: &cli::Disable) -> Result<(), Exit> {
    let span = disable.span.as_ref().map_or_else(|| "until somebody enables it".to_owned(), |it| format!("for {it}"));
    let act = Act {
        path: "/admin/v1/routes/disable",
        selector: &disable.selector,
        reason: &disable.reason,
        span: disable.span.as_deref(),
        warns: Some((format!("Stops every call to {{}} {span}, probes included."), "Disable")),
        done: format!("disabled {span}. Calls in flight will finish."),
        undo: Some("enable"),
    };
    act.carried_out(cli).await
}

pub(super) async fn enable(cli: &Cli, enable: &cli::Enable) -> Result<(), Exit> {
    let act = Act {
        path: "/admin/v1/routes/enable",
        selector: &enable.selector,
        reason: &enable.reason,
        span: None,
        warns: None,
        done: "enabled".to_owned(),
        undo: None,
    };
    act.carried_out(cli).await
}

pub(super) async fn trip(cli: &Cli, trip: &cli::Trip) -> Result<(), Exit> {
    let act = Act {
        path: "/admin/v1/routes/trip",
        selector: &trip.selector,
        reason: &trip.reason,
        span: None,
        warns: Some(("Treats {} as down from now on. Probes go on, and bring it back.".to_owned(), "Trip")),
        done: "tripped. Calls in flight will finish; sound probes bring it back.".to_owned(),
        undo: Some("reset"),
    };
    act.carried_out(cli).await
}

pub(super) async fn reset(cli: &Cli, reset: &cli::Reset) -> Result<(), Exit> {
    let act = Act {
        path: "/admin/v1/routes/reset",
        selector: &reset.selector,
        reason: &reset.reason,
        span: None,
        warns: None,
        done: "reset: what failed is forgotten, and it is called again at once".to_owned(),
        undo: None,
    };
    act.carried_out(cli).await
}

// === impl Act ===

impl Act<'_> {
    async fn carried_out(&self, cli: &Cli) -> Result<(), Exit> {
        if let Some(Err(why)) = self.span.map(switchback_config::duration) {
            say::talk(&format!("--for: {why}"));
            return Err(Exit::Usage);
        }
        let (select, reason, span) = (self.selector, needed(self.reason)?, self.span);
        let asked = Asked { select, reason, span, by: who(), preview: true, revision: None };
        let admin = Admin::new(cli)?;
        let preview: Changed = admin.post(self.path, &asked).await?.read()?;
        let names = preview.routes.join(", ");
        if let Some((warning, _)) = &self.warns
            && !cli.quiet
        {
            say::talk(&warning.replace("{}", &names));
            preview.effect.iter().for_each(|it| say::talk(&format!("  {it}")));
        }
        if let Some((_, question)) = &self.warns {
            confirmed(cli, &format!("{question} {names}?"))?;
        }
        let asked = Asked { preview: false, revision: Some(preview.revision), ..asked };
        let answer = admin.post(self.path, &asked).await?;
        let changed: Changed = answer.read()?;
        if cli.json {
            say::data(&answer.body);
            return Ok(());
        }
        say::data(&format!("✓ {} {}", changed.routes.join(", "), self.done));
        if let Some(undo) = self.undo {
            say::data(&format!("  undo: switchback routes {undo} '{select}' --reason \"…\""));
        }
        Ok(())
    }
}

fn needed(reason: &cli::Reason) -> Result<&str, Exit> {
    reason.reason.as_deref().map(str::trim).filter(|it| !it.is_empty()).ok_or_else(|| {
        say::talk("refused: every act needs a reason, for whoever reads the audit; add --reason \"…\"");
        Exit::Refused
    })
}

/// A yes: typed, or given beforehand. Without a person to ask it must have been given.
fn confirmed(cli: &Cli, question: &str) -> Result<(), Exit> {
    if cli.yes {
        return Ok(());
    }
    if cli.no_input || !say::is_person_there() {
        say::talk("refused: nobody is there to confirm; add --yes");
        return Err(Exit::Refused);
    }
    say::ask(&format!("{question} [y/N] "));
    let mut typed = String::new();
    let read = std::io::stdin().read_line(&mut typed);
    if read.is_ok() && matches!(typed.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    say::talk("nothing was changed");
    Err(Exit::Refused)
}

/// Who acts, for the audit.
#[expect(clippy::disallowed_methods, reason = "who acts is told by the terminal, for the audit")]
pub(in crate::verb) fn who() -> String {
    std::env::var("USER").unwrap_or_else(|_| "cli".to_owned())
}
