//! `[provider.NAME]`.

use std::time::Duration;

use switchback_core::id::Name;

use super::keys::{KeyFamily, PROVIDER, TLS};
use super::place::{region, tags};
use super::reader::Reader;
use super::relay;
use super::server::is_header_name;
use super::tree::{At, Entry, Node, Value};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, looks_secret, opening, shown};
use crate::secret::Reference;

/// `[provider.NAME]` as it was written.
#[derive(Debug)]
pub(crate) struct RawProvider {
    pub(crate) name: At<String>,
    /// Place of the table, for what is missing in it.
    pub(crate) span: Span,
    pub(crate) api: Option<At<String>>,
    pub(crate) has_api: bool,
    /// `None`: not given.
    pub(crate) keys: Option<Vec<At<Reference>>>,
    pub(crate) base_url: Option<At<String>>,
    pub(crate) has_base_url: bool,
    pub(crate) region: Option<String>,
    pub(crate) tags: Vec<Name>,
    pub(crate) relay: Vec<At<String>>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) ca: Option<At<String>>,
}

pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Option<RawProvider> {
    let reader = Reader::open(&entry.node, &PROVIDER, format!("[provider.{}]", entry.key), report)?;
    Some(RawProvider {
        name: At { value: entry.key.clone(), span: entry.key_span.clone() },
        span: reader.span.clone(),
        api: reader.text("api", report),
        has_api: reader.has("api"),
        keys: keys(&reader, report),
        base_url: reader.text("base-url", report).and_then(|it| base_url(&reader, it, report)),
        has_base_url: reader.has("base-url"),
        region: region(&reader, report),
        tags: tags(&reader, report),
        relay: relay::read(&reader, report),
        headers: headers(&reader, report),
        connect_timeout: reader
            .time("connect-timeout", Duration::from_millis(10)..=Duration::from_secs(60), report)
            .map(|it| it.value),
        ca: certificates(&reader, report),
    })
}

fn keys(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<Vec<At<Reference>>> {
    let entry = reader.entry("keys")?;
    // A key that was typed as a text, not a list, must not be quoted in a fix: look at it as a reference first.
    if let Value::Text(text) = &entry.node.value {
        let text = At { value: text.clone(), span: entry.node.span.clone() };
        if let Some(reference) = reader.as_secret(text, "keys", true, report) {
            reader.wrong_type("keys", &entry.node, "a list", &format!("keys = [\"{}\"]", reference.value), report);
        }
        return Some(Vec::new());
    }
    let texts = reader.texts("keys", report)?;
    if texts.value.is_empty() && matches!(&entry.node.value, Value::List(items) if items.is_empty()) {
        report.add(
            Diagnostic::error(codes::BAD_VALUE, &texts.span, format!("`keys` in {} is empty", reader.place))
                .label("at least one key, or no `keys` at all")
                .fix("remove it, or keys = [\"env:NAME\"]"),
        );
    }
    let mut references: Vec<At<Reference>> = Vec::new();
    for text in texts.value {
        if text.value == "ambient" {
            reader.value_not_yet("keys", &text, "keys = [\"env:NAME\"]", report);
            continue;
        }
        let Some(reference) = reader.as_secret(text, "keys", true, report) else { continue };
        if references.iter().any(|it| it.value == reference.value) {
            report.add(
                Diagnostic::error(
                    codes::DUPLICATE,
                    &reference.span,
                    format!("{} is given twice in {}", reference.value, reader.place),
                )
                .label("a key counts once")
                .fix("keep one of the two"),
            );
        } else {
            references.push(reference);
        }
    }
    Some(references)
}

/// Paths of calls, which belong to no base URL.
const CALLS: [&str; 4] = ["/chat/completions", "/completions", "/v1/messages", "/messages"];

/// Checks the address and takes the slash off its end.
fn base_url(reader: &Reader<'_>, text: At<String>, report: &mut Report<'_>) -> Option<At<String>> {
    let fine = |url: &str| format!("base-url = \"{url}\"");
    let url = text.value.trim_end_matches('/');
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let problem = if let Some((_, host)) = authority.rsplit_once('@') {
        let path = rest.get(authority.len()..).unwrap_or("");
        let diagnostic = Diagnostic::error(
            codes::LITERAL_SECRET,
            &text.span,
            format!("`base-url` in {} holds a user or password", reader.place),
        )
        .label("no user or password before the host")
        .effect("It would stand in logs and backups, and no provider takes it there.")
        .fix(format!("{}, and the key in keys = [\"env:NAME\"]", fine(&format!("{scheme}://{host}{path}"))));
        report.add(diagnostic);
        return None;
    } else if scheme != "http" && scheme != "https" {
        let usual = if scheme.is_empty() && is_host(authority) {
            format!("https://{url}")
        } else {
            "https://host/v1".to_owned()
        };
        Some(("it begins with http:// or https://", usual))
    } else if !is_host(authority) {
        Some(("no host that can be reached", format!("{scheme}://host/v1")))
    } else if let Some(at) = url.find(['?', '#']) {
        Some(("no query or fragment", url.get(..at).unwrap_or("").to_owned()))
    } else if let Some(base) = CALLS.iter().find_map(|it| url.strip_suffix(it)) {
        Some(("the path of a call is appended to it", base.to_owned()))
    } else if url.bytes().any(|it| it <= b' ' || it == 0x7f || it >= 0x80) {
        Some(("no spaces and no letters outside ASCII", "https://host/v1".to_owned()))
    } else {
        None
    };
    let Some((label, meant)) = problem else {
        return Some(At { value: url.to_owned(), span: text.span });
    };
    report.add(
        Diagnostic::error(
            codes::BAD_VALUE,
            &text.span,
            format!("`base-url` in {} cannot be {}", reader.place, shown(&text.value)),
        )
        .label(label)
        .fix(fine(&meant)),
    );
    None
}

/// Whether it is `host`, `host:port` or `[ipv6]:port`.
fn is_host(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => return host.parse::<core::net::Ipv6Addr>().is_ok(),
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => return false,
        },
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, Some("443")),
        },
    };
    let port_fits = port.is_some_and(|it| it.parse::<u16>().is_ok_and(|it| it > 0));
    let named = !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._".contains(&it));
    port_fits && (named || host.parse::<core::net::Ipv6Addr>().is_ok())
}

/// Headers that the gateway writes itself, or that would break the connection.
const OURS: &[&str] = &[
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "accept-encoding",
    "proxy-connection",
];

/// Headers that carry a credential.
const CREDENTIALS: &[&str] = &["authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"];

fn headers(reader: &Reader<'_>, report: &mut Report<'_>) -> Vec<(String, String)> {
    const ANY: KeyFamily = KeyFamily { name: "headers", keys: &[], later: &[], hints: &[] };
    let Some(entry) = reader.entry("headers") else { return Vec::new() };
    let Value::Table(_) = &entry.node.value else {
        Reader::open(&entry.node, &ANY, format!("`headers` in {}", reader.place), report);
        return Vec::new();
    };
    let mut headers: Vec<(String, String)> = Vec::new();
    for item in entries(&entry.node) {
        let Some(header) = header(reader, item, report) else { continue };
        if headers.iter().any(|(name, _)| *name == header.0) {
            report.add(
                Diagnostic::error(
                    codes::DUPLICATE,
                    &item.key_span,
                    format!("header {} is given twice in {}", shown(&item.key), reader.place),
                )
                .label("large and small letters are the same here")
                .fix("keep one of the two"),
            );
        } else {
            headers.push(header);
        }
    }
    headers
}

fn entries(node: &Node) -> &[Entry] {
    if let Value::Table(table) = &node.value { &table.entries } else { &[] }
}

fn header(reader: &Reader<'_>, item: &Entry, report: &mut Report<'_>) -> Option<(String, String)> {
    let name = item.key.to_ascii_lowercase();
    let refuse = |label: &str, fix: &str| {
        Diagnostic::error(
            codes::BAD_VALUE,
            &item.key_span,
            format!("header {} of {} cannot be set", shown(&item.key), reader.place),
        )
        .label(label.to_owned())
        .fix(fix.to_owned())
    };
    if !is_header_name(&name) {
        report.add(refuse("not a header's name", "use letters, digits and `-`"));
        return None;
    }
    if OURS.contains(&name.as_str()) {
        report.add(refuse("the gateway writes it for every call", "remove it"));
        return None;
    }
    if CREDENTIALS.contains(&name.as_str()) {
        report.add(refuse("it carries a credential", "remove it, and keys = [\"env:NAME\"]"));
        return None;
    }
    let Value::Text(value) = &item.node.value else {
        reader.wrong_type(&item.key, &item.node, "text in quotes", &format!("\"{name}\" = \"…\""), report);
        return None;
    };
    if looks_secret(value) {
        report.add(
            Diagnostic::error(
                codes::LITERAL_SECRET,
                &item.node.span,
                format!(
                    "that looks like a real key in the config file (header {} of {}, starts \"{}\")",
                    shown(&item.key),
                    reader.place,
                    opening(value)
                ),
            )
            .label("a credential belongs in `keys`, by reference")
            .fix("remove it, and keys = [\"env:NAME\"]; then rotate the key: it has been on disk"),
        );
        return None;
    }
    if Reference::parse(value).is_some() {
        report.add(
            Diagnostic::error(
                codes::NOT_YET,
                &item.node.span,
                format!("a reference in header {} of {} is not supported yet", shown(&item.key), reader.place),
            )
            .label("not supported yet")
            .fix("write the value itself, or remove the header"),
        );
        return None;
    }
    if value.len() > 4_096 || value.bytes().any(|it| !(it == b'\t' || (0x20..0x7f).contains(&it))) {
        report.add(
            Diagnostic::error(
                codes::BAD_VALUE,
                &item.node.span,
                format!("the value of header {} in {} cannot be sent", shown(&item.key), reader.place),
            )
            .label("printable ASCII, 4,096 characters at most")
            .fix(format!("\"{name}\" = \"value\"")),
        );
        return None;
    }
    Some((name, value.clone()))
}

fn certificates(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<At<String>> {
    let entry = reader.entry("tls")?;
    let tls = Reader::open(&entry.node, &TLS, format!("tls in {}", reader.place), report)?;
    tls.text("ca", report)
}
