//! `routes`: every route and how it is, one of them in full, and acting on them with a preview and a way back.

mod act;
mod show;

use serde::Deserialize;

use crate::admin::Admin;
use crate::cli::{self, Cli, RoutesAct};
use crate::exit::Exit;
use crate::say;

pub(super) use act::who;

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

pub(crate) async fn run(cli: &Cli, routes: &cli::Routes) -> Exit {
    let done = match &routes.act {
        None | Some(RoutesAct::List) => list(cli).await,
        Some(RoutesAct::Show(it)) => show::show(cli, it).await,
        Some(RoutesAct::Disable(it)) => act::disable(cli, it).await,
        Some(RoutesAct::Enable(it)) => act::enable(cli, it).await,
        Some(RoutesAct::Trip(it)) => act::trip(cli, it).await,
        Some(RoutesAct::Reset(it)) => act::reset(cli, it).await,
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
        let failing = share(it.calls, it.failed);
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

/// The share of calls that failed.
fn share(calls: u32, failed: u32) -> String {
    match calls {
        0 => "–".to_owned(),
        calls => format!("{:.0} %", f64::from(failed) * 100.0 / f64::from(calls)),
    }
}

/// A state with its mark.
fn marked(state: &str) -> String {
    let mark = match state {
        "closed" => "●",
        "disabled" => "⏻",
        _ => "◌",
    };
    format!("{mark} {}", state.replace('_', "-"))
}

fn state(it: &Row) -> String {
    let mut text = marked(&it.state);
    if let (Some(ms), "open" | "tripped") = (it.next_probe_ms, it.state.as_str()) {
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
