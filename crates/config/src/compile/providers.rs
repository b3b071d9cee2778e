//! Providers: which shape they speak, where they are, with which keys.

use std::time::Duration;

use switchback_wire::dialect::{APIS, Api, ApiRow};

use super::Outside;
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, listed, shown};
use crate::glob;
use crate::raw::Raw;
use crate::raw::provider::RawProvider;
use crate::raw::rung::RawKind;
use crate::raw::tree::At;
use crate::secret::{Reference, Secret};
use crate::settings::ProviderSettings;
use crate::suggest::closest;

/// Shapes of the design that are not spoken yet.
const LATER: [&str; 6] = ["azure", "gemini", "vertex", "bedrock", "mistral", "cohere"];

/// The settings of each provider, in the order of the file. A provider with an error keeps its place, so that what
/// names it is not reported too.
pub(super) fn compile(raw: &Raw, outside: &mut Outside<'_>, report: &mut Report<'_>) -> Vec<ProviderSettings> {
    relays(raw, report);
    raw.providers.iter().map(|it| provider(it, raw, outside, report)).collect()
}

fn provider(written: &RawProvider, raw: &Raw, outside: &mut Outside<'_>, report: &mut Report<'_>) -> ProviderSettings {
    let vendor = vendor(written, report);
    let keys = vendor.map_or_else(Vec::new, |it| keys(written, it, raw, outside, report));
    let base_url = vendor.and_then(|it| base_url(written, it, report)).unwrap_or_default();
    let name = &written.name.value;
    if base_url.starts_with("http://") && !is_local(&base_url) && keys.iter().any(|it| !it.is_empty()) {
        let span = written.base_url.as_ref().map_or(&written.span, |it| &it.span);
        report.add(
            Diagnostic::warning(codes::PLAIN_HTTP, span, format!("[provider.{name}] sends its key without TLS"))
                .label("readable on the way")
                .effect("Whoever is on the path can read the key and every prompt.")
                .fix(format!("base-url = \"{}\"", base_url.replacen("http://", "https://", 1))),
        );
    }
    ProviderSettings {
        name: name.as_str().into(),
        api: vendor.map_or(Api::OpenAiCompatible, |it| it.api),
        base_url,
        keys,
        headers: written.headers.clone(),
        tags: written.tags.clone(),
        relay: written.relay.iter().map(|it| it.value.clone()).collect(),
        connect_timeout: written.connect_timeout.unwrap_or(Duration::from_secs(3)),
        tls_ca: written.ca.as_ref().and_then(|it| certificates(it, name, outside, report)),
    }
}

/// Reports paths that two providers claim.
fn relays(raw: &Raw, report: &mut Report<'_>) {
    for (at, provider) in raw.providers.iter().enumerate() {
        for pattern in &provider.relay {
            let above = raw.providers.iter().take(at);
            let other = above.flat_map(|other| other.relay.iter().map(move |it| (other, it)));
            let Some((other, same)) = other.into_iter().find(|(_, it)| glob::overlap(&it.value, &pattern.value)) else {
                continue;
            };
            report.add(
                Diagnostic::error(
                    codes::RELAY_OVERLAP,
                    &pattern.span,
                    format!(
                        "[provider.{}] and [provider.{}] both relay what {} matches",
                        other.name.value,
                        provider.name.value,
                        shown(&pattern.value)
                    ),
                )
                .label(format!("overlaps with {}", shown(&same.value)))
                .effect("A request for such a path could go to either of them.")
                .fix("write narrower paths, or keep one of the two"),
            );
        }
    }
}

fn vendor(written: &RawProvider, report: &mut Report<'_>) -> Option<&'static ApiRow> {
    let name = &written.name;
    if written.has_api && written.api.is_none() {
        return None;
    }
    let api = written.api.as_ref().unwrap_or(name);
    if let Some(vendor) = APIS.iter().find(|it| it.name == api.value) {
        return Some(vendor);
    }
    if LATER.contains(&api.value.as_str()) {
        report.add(
            Diagnostic::error(
                codes::NOT_YET,
                &api.span,
                format!("api {} of [provider.{}] is not supported yet", api.value, name.value),
            )
            .label("not supported yet")
            .effect(format!("This version speaks {}.", listed(APIS.iter().map(|it| it.name))))
            .fix("remove the provider, or api = \"openai-compatible\" with a base-url that speaks OpenAI's shape"),
        );
        return None;
    }
    let known = || APIS.iter().map(|it| it.name);
    let near = closest(&api.value, known());
    let diagnostic = if written.has_api {
        Diagnostic::error(
            codes::UNKNOWN_VALUE,
            &api.span,
            format!("`api` in [provider.{}] cannot be {}", name.value, shown(&api.value)),
        )
        .label(near.map_or_else(|| "no such api".to_owned(), |it| format!("did you mean \"{it}\"?")))
        .fix(format!("api = \"{}\"; apis are: {}", near.unwrap_or("openai-compatible"), listed(known())))
    } else {
        Diagnostic::error(codes::MISSING_KEY, &name.span, format!("[provider.{}] has no `api`", name.value))
            .label(near.map_or_else(
                || "which shape does it speak? its name is none".to_owned(),
                |it| format!("did you mean [provider.{it}]?"),
            ))
            .fix(format!("add api = \"{}\"", near.unwrap_or("openai-compatible")))
    };
    report.add(diagnostic);
    None
}

fn keys(
    written: &RawProvider,
    vendor: &ApiRow,
    raw: &Raw,
    outside: &mut Outside<'_>,
    report: &mut Report<'_>,
) -> Vec<Secret> {
    // Only told where a key is missing: looking for it is a walk over the whole file.
    let effect = || users(raw, &written.name.value);
    if let Some(references) = &written.keys {
        return references.iter().filter_map(|it| outside.secret(it, effect, report)).collect();
    }
    let Some(variable) = vendor.key_variable else { return vec![Secret::new(String::new())] };
    let usual = At { value: Reference::Variable(variable.to_owned()), span: written.name.span.clone() };
    outside
        .secret(&usual, || format!("{} It is the usual variable; another: keys = [\"env:NAME\"].", effect()), report)
        .into_iter()
        .collect()
}

/// Who cannot call without the keys of this provider.
fn users(raw: &Raw, provider: &str) -> String {
    let is_call = |call: &str| call.split_once('/').is_some_and(|(it, _)| it == provider);
    let is_route = |route: &str| {
        let named = raw.routes.iter().find(|it| it.name.value == route);
        match named {
            Some(named) => named.calls.iter().any(|it| is_call(&it.call.value)),
            None => is_call(route),
        }
    };
    let mut users: Vec<String> = Vec::new();
    for task in &raw.tasks {
        for rung in task.rungs() {
            if let RawKind::Try(call) = &rung.kind
                && is_route(&call.route.value)
            {
                users.push(format!("{} {}", task.name.value, rung.number));
            }
        }
    }
    let more = users.len().saturating_sub(6);
    let names = users.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
    match users.len() {
        0 => "No rung calls this provider.".to_owned(),
        1 => format!("Used by 1 rung: {names}."),
        n_users if more > 0 => format!("Used by {n_users} rungs: {names} and {more} more."),
        n_users => format!("Used by {n_users} rungs: {names}."),
    }
}

fn base_url(written: &RawProvider, vendor: &ApiRow, report: &mut Report<'_>) -> Option<String> {
    if let Some(url) = &written.base_url {
        let twice = url.value.strip_suffix("/v1").filter(|_| vendor.path.starts_with("/v1/"));
        if let Some(meant) = twice {
            report.add(
                Diagnostic::error(
                    codes::BAD_VALUE,
                    &url.span,
                    format!("`base-url` in [provider.{}] ends in /v1, which is part of the call", written.name.value),
                )
                .label(format!("{} is appended to it", vendor.path))
                .fix(format!("base-url = \"{meant}\"")),
            );
        }
        return Some(url.value.clone());
    }
    if vendor.base_url.is_none() && !written.has_base_url {
        report.add(
            Diagnostic::error(
                codes::MISSING_KEY,
                &written.name.span,
                format!("[provider.{}] has no `base-url`", written.name.value),
            )
            .label("where is it?")
            .fix("add base-url = \"http://127.0.0.1:8000/v1\""),
        );
    }
    vendor.base_url.map(str::to_owned)
}

/// Whether the host of a checked address is this machine.
fn is_local(url: &str) -> bool {
    let authority = url.trim_start_matches("http://").split('/').next().unwrap_or("");
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => authority.split(':').next().unwrap_or(""),
    };
    host == "localhost" || host.parse::<core::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

fn certificates(
    path: &At<String>,
    provider: &str,
    outside: &mut Outside<'_>,
    report: &mut Report<'_>,
) -> Option<String> {
    let text = outside.file(path, &format!("provider {provider}"), report)?;
    if text.contains("-----BEGIN CERTIFICATE-----") {
        return Some(text);
    }
    report.add(
        Diagnostic::error(
            codes::BAD_CERTIFICATE,
            &path.span,
            format!("{} holds no certificate in PEM form", shown(&path.value)),
        )
        .label("this file")
        .fix("openssl x509 -inform der -in FILE -out FILE.pem, if it is in DER form"),
    );
    None
}
