//! What was written, to what is used: names resolved, defaults filled in, secrets and files read through
//! [`Source`](crate::Source). Everything that cannot be resolved is reported and left out.

mod floor;
mod keys;
mod known;
mod names;
mod outside;
mod providers;
mod routes;
mod tasks;
mod tests;

use core::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use switchback_contract::Schema;
use switchback_core::id::Name;
use switchback_core::policy::Policy;

pub use self::known::with_model;
pub(crate) use self::outside::Outside;
pub(crate) use self::routes::Model;
pub(crate) use self::tasks::Ladder;
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, listed, shown};
use crate::raw::Raw;
use crate::settings::{AppKey, HeaderMode, ProviderSettings, Server, Store, Test};
use crate::suggest::closest;

/// A configuration that may still have errors, with what the checks need to name places.
#[derive(Debug)]
pub(crate) struct Draft<'r> {
    pub(crate) policy: Policy,
    pub(crate) server: Server,
    pub(crate) store: Store,
    pub(crate) providers: Vec<ProviderSettings>,
    /// In the order of `policy.contracts`; `None` where a schema could not be used.
    pub(crate) contracts: Vec<Option<Schema>>,
    pub(crate) keys: Vec<AppKey>,
    pub(crate) tests: Vec<Test>,
    /// The ladders of `policy.tasks`, with what was written.
    pub(crate) ladders: Vec<Ladder<'r>>,
    /// What is known of the models of `policy.routes`, deployment by deployment.
    pub(crate) models: Vec<Vec<Model>>,
}

/// Compiles what was written.
pub(crate) fn draft<'r>(raw: &'r Raw, outside: &mut Outside<'_>, report: &mut Report<'_>) -> Draft<'r> {
    let segments: Vec<Name> = raw.segments.iter().map(|it| it.value.as_str().into()).collect();
    let providers = providers::compile(raw, outside, report);
    names::overlaps(raw, report);
    let mut routes = routes::Routes::compile(raw, &providers, report);
    let contracts = contracts(raw, outside, report);
    // What several tasks take from one place is reported once.
    report.set_once(true);
    let (tasks, ladders) = tasks::compile(raw, &mut routes, outside, report);
    report.set_once(false);
    let names = raw.providers.iter().map(|it| it.name.value.as_str());
    let keys = keys::compile(raw, outside, report);
    let (routes, models) = routes.finish();
    let policy = Policy {
        providers: names
            .zip(raw.providers.iter().zip(&providers))
            .map(|(name, (written, settings))| switchback_core::route::Provider {
                name: name.into(),
                region: written.region.as_deref().map(Into::into),
                n_keys: settings.keys.len().max(1),
            })
            .collect(),
        routes,
        contracts: raw.contracts.iter().map(|it| it.name.value.as_str().into()).collect(),
        tasks,
        segments,
        breaker: raw.breaker.unwrap_or_default(),
    };
    let tests = tests::compile(raw, &policy, &ladders, report);
    Draft {
        policy,
        server: server(raw, outside, report),
        store: store(raw),
        providers,
        contracts,
        keys,
        tests,
        ladders,
        models,
    }
}

fn server(raw: &Raw, outside: &mut Outside<'_>, report: &mut Report<'_>) -> Server {
    let written = &raw.server;
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let admin_token = written
        .admin_token
        .as_ref()
        .and_then(|it| outside.secret(it, || "Nobody could act as an operator.".to_owned(), report));
    Server {
        listen: written.listen.as_ref().map_or(loopback(4_000), |it| it.value),
        admin: written.admin.as_ref().map_or(loopback(4_001), |it| it.value),
        admin_token,
        segment_from: written.segment_from.clone(),
        exhausted_status: written.exhausted_status.unwrap_or(424),
        hold_head: written.hold_head.unwrap_or(Duration::from_secs(15)),
        sticky: written.sticky.unwrap_or(Some(Duration::from_secs(3_600))),
        headers: written.headers.unwrap_or(HeaderMode::All),
        max_body: written.max_body.and_then(|it| usize::try_from(it).ok()).unwrap_or(32 << 20),
        drain: written.drain.unwrap_or(Duration::from_secs(30)),
    }
}

fn store(raw: &Raw) -> Store {
    const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);
    let (keep_for, keep_bytes) = raw.store.keep.unwrap_or((TWO_WEEKS, 50 << 30));
    let records = PathBuf::from(raw.store.records.as_deref().unwrap_or("switchback.db"));
    Store { records, keep_for, keep_bytes }
}

fn contracts(raw: &Raw, outside: &mut Outside<'_>, report: &mut Report<'_>) -> Vec<Option<Schema>> {
    raw.contracts
        .iter()
        .map(|contract| {
            let written = contract.schema.as_ref()?;
            if let Some(path) = written.value.strip_prefix("file:") {
                report.add(
                    Diagnostic::error(
                        codes::BAD_VALUE,
                        &written.span,
                        format!("`schema` in [contract.{}] is a path already", contract.name.value),
                    )
                    .label("without `file:`")
                    .fix(format!("schema = \"{path}\"")),
                );
                return None;
            }
            let text = outside.file(written, &format!("contract {}", contract.name.value), report)?;
            let problem = match serde_json::from_str(&text) {
                Ok(json) => match Schema::compile(&json) {
                    Ok(schema) => return Some(schema),
                    Err(problem) => problem.to_string(),
                },
                Err(problem) => format!("not JSON: {problem}"),
            };
            report.add(
                Diagnostic::error(
                    codes::BAD_SCHEMA,
                    &written.span,
                    format!("{} cannot be the schema of contract {}", shown(&written.value), contract.name.value),
                )
                .label("this file")
                .effect(problem)
                .fix("correct the file; Pydantic's model_json_schema() and Zod's toJSONSchema() write ones that work"),
            );
            None
        })
        .collect()
}

/// A name that is used and not declared.
#[derive(Debug)]
pub(crate) struct Unknown<'a> {
    pub(crate) code: crate::diagnostic::Code,
    /// Where it is used: `chat, rung 2`.
    pub(crate) place: &'a str,
    /// What it should name: `route`.
    pub(crate) what: &'a str,
    pub(crate) name: &'a str,
    /// How the key is written in a fix, with `{}` for the name: `try = "{}"`.
    pub(crate) written: &'a str,
}

impl Unknown<'_> {
    /// The finding, with the names that there are.
    pub(crate) fn diagnostic<'n>(&self, span: &Span, known: impl Iterator<Item = &'n str> + Clone) -> Diagnostic {
        let Unknown { code, place, what, name, written } = *self;
        let near = closest(name, known.clone());
        let shown_names: Vec<&str> = known.clone().take(12).collect();
        let more = if known.count() > shown_names.len() { ", …" } else { "" };
        let label = match (shown_names.is_empty(), near) {
            (true, _) => format!("no {what} is declared"),
            (false, Some(near)) => {
                format!("{what}s are: {}{more} (closest: {near})", listed(shown_names.iter().copied()))
            }
            (false, None) => format!("{what}s are: {}{more}", listed(shown_names.iter().copied())),
        };
        let declare = if crate::raw::is_name(name) { format!("[{what}.{name}]") } else { format!("[{what}.NAME]") };
        Diagnostic::error(code, span, format!("{place}: there is no {what} called {}", shown(name)))
            .label(label)
            .fix(near.map_or_else(|| format!("declare it: {declare}"), |near| written.replace("{}", near)))
    }
}
