//! `routes`: every route and how it is; switching routes off and on, with a preview and a way back.

use serde::{Deserialize, Serialize};

use crate::admin::Admin;
use crate::cli::{self, Cli, RoutesAct};
use crate::exit::Exit;
use crate::say;

/// One route, as far as the table shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) route: String,
    call: String,
    pub(super) state: String,
    calls: u32,
    failed: u32,
    median_ms: Option<u64>,
    next_probe_ms: Option<u64>,
    keys: usize,
    keys_cooling: usize,
    keys_off: usize,
    used_by: Vec<String>,
}

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
    effect: Vec<String>,
    revision: u64,
}

pub(crate) async fn run(cli: &Cli, routes: &cli::Routes) -> Exit {
    let done = match &routes.act {
        None | Some(RoutesAct::List) => list(cli).await,
        Some(RoutesAct::Disable(it)) => disable(cli, it).await,
        Some(RoutesAct::Enable(it)) => enable(cli, it).await,
    };
    done.map_or_else(|exit| exit, |()| Exit::Fine)
}

async fn list(cli: &Cli) -> Result<(), Exit> {
    let answer = Admin::new(cli)?.get("/admin/v1/routes").await?;
    let rows: Vec<Row> = answer.read()?;
    if cli.json {
        say::data(&answer.body);
    } else {
        table(&rows);
    }
    Ok(())
}

/// The table of routes.
pub(super) fn table(rows: &[Row]) {
    let width = rows.iter().map(|it| it.route.len()).chain([5]).max().unwrap_or(5);
    let call = rows.iter().map(|it| it.call.len()).chain([4]).max().unwrap_or(4);
    say::data(&format!(
        "{:<width$}  {:<call$}  {:<26}  {:>6}  {:>7}  {:>8}  USED BY",
        "ROUTE", "CALL", "STATE", "CALLS", "FAILING", "MEDIAN"
    ));
    for it in rows {
        let failing = match it.calls {
            0 => "–".to_owned(),
            calls => format!("{:.0} %", f64::from(it.failed) * 100.0 / f64::from(calls)),
        };
        let median = it.median_ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms} ms"));
        say::data(&format!(
            "{:<width$}  {:<call$}  {:<26}  {:>6}  {failing:>7}  {median:>8}  {}",
            it.route,
            it.call,
            state(it),
            it.calls,
            it.used_by.join(" · ")
        ));
    }
}

fn state(it: &Row) -> String {
    let mark = match it.state.as_str() {
        "closed" => "●",
        "disabled" => "⏻",
        _ => "◌",
    };
    let mut text = format!("{mark} {}", it.state.replace('_', "-"));
    if let (Some(ms), "open") = (it.next_probe_ms, it.state.as_str()) {
        text.push_str(&format!(", probe in {} s", ms.div_ceil(1_000)));
    }
    if it.keys_off > 0 {
        text.push_str(&format!(", {}/{} keys off", it.keys_off, it.keys));
    }
    if it.keys_cooling > 0 {
        text.push_str(&format!(", {}/{} keys cooling", it.keys_cooling, it.keys));
    }
    text
}

async fn disable(cli: &Cli, disable: &cli::Disable) -> Result<(), Exit> {
    const PATH: &str = "/admin/v1/routes/disable";
    if let Some(Err(why)) = disable.span.as_deref().map(switchback_config::duration) {
        say::talk(&format!("--for: {why}"));
        return Err(Exit::Usage);
    }
    let asked = Asked {
        select: &disable.selector,
        reason: needed(&disable.reason)?,
        span: disable.span.as_deref(),
        by: who(),
        preview: true,
        revision: None,
    };
    let admin = Admin::new(cli)?;
    let preview: Changed = admin.post(PATH, &asked).await?.read()?;
    let span = disable.span.as_ref().map_or_else(|| "until somebody enables it".to_owned(), |it| format!("for {it}"));
    let names = preview.routes.join(", ");
    if !cli.quiet {
        say::talk(&format!("Stops every call to {names} {span}, probes included."));
        preview.effect.iter().for_each(|it| say::talk(&format!("  {it}")));
    }
    confirmed(cli, &format!("Disable {names}?"))?;
    let answer = admin.post(PATH, &Asked { preview: false, revision: Some(preview.revision), ..asked }).await?;
    let changed: Changed = answer.read()?;
    if cli.json {
        say::data(&answer.body);
    } else {
        say::data(&format!("✓ {} disabled {span}. Calls in flight will finish.", changed.routes.join(", ")));
        say::data(&format!("  undo: switchback routes enable '{}' --reason \"…\"", disable.selector));
    }
    Ok(())
}

async fn enable(cli: &Cli, enable: &cli::Enable) -> Result<(), Exit> {
    const PATH: &str = "/admin/v1/routes/enable";
    let (select, reason) = (enable.selector.as_str(), needed(&enable.reason)?);
    let asked = Asked { select, reason, span: None, by: who(), preview: true, revision: None };
    let admin = Admin::new(cli)?;
    let preview: Changed = admin.post(PATH, &asked).await?.read()?;
    let answer = admin.post(PATH, &Asked { preview: false, revision: Some(preview.revision), ..asked }).await?;
    let changed: Changed = answer.read()?;
    if cli.json {
        say::data(&answer.body);
    } else {
        say::data(&format!("✓ {} enabled", changed.routes.join(", ")));
    }
    Ok(())
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
pub(super) fn who() -> String {
    std::env::var("USER").unwrap_or_else(|_| "cli".to_owned())
}
