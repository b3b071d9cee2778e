//! `[server]`.

use core::net::SocketAddr;
use std::time::Duration;

use super::keys::SERVER;
use super::reader::Reader;
use super::tree::{At, Node};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, shown};
use crate::secret::Reference;
use crate::settings::HeaderMode;
use crate::units;

/// `[server]` as it was written.
#[derive(Debug, Default)]
pub(crate) struct RawServer {
    pub(crate) listen: Option<At<SocketAddr>>,
    pub(crate) admin: Option<At<SocketAddr>>,
    pub(crate) app_keys: Option<At<Reference>>,
    /// Whether `app-keys` is given at all, rightly or not.
    pub(crate) has_app_keys: bool,
    pub(crate) admin_token: Option<At<Reference>>,
    pub(crate) has_admin_token: bool,
    pub(crate) segment_from: Option<String>,
    pub(crate) exhausted_status: Option<u16>,
    pub(crate) hold_head: Option<Duration>,
    /// `Some(None)` is off.
    pub(crate) sticky: Option<Option<Duration>>,
    pub(crate) headers: Option<HeaderMode>,
    pub(crate) max_body: Option<u64>,
    pub(crate) drain: Option<Duration>,
}

pub(crate) fn read(node: &Node, report: &mut Report<'_>) -> RawServer {
    let Some(reader) = Reader::open(node, &SERVER, "[server]".to_owned(), report) else { return RawServer::default() };
    let seconds = Duration::from_secs;
    RawServer {
        listen: address(&reader, "listen", "127.0.0.1:4000", report),
        admin: address(&reader, "admin", "127.0.0.1:4001", report),
        app_keys: reader.secret("app-keys", report),
        has_app_keys: reader.has("app-keys"),
        admin_token: reader.secret("admin-token", report),
        has_admin_token: reader.has("admin-token"),
        segment_from: segment_from(&reader, report),
        exhausted_status: exhausted_status(&reader, report),
        hold_head: reader.time("hold-head", Duration::from_millis(100)..=seconds(300), report).map(|it| it.value),
        sticky: sticky(&reader, report),
        headers: reader
            .word("headers", &[("all", HeaderMode::All), ("off", HeaderMode::Off)], &[], report)
            .map(|it| it.value),
        max_body: max_body(&reader, report),
        drain: reader.time("drain", Duration::ZERO..=seconds(3_600), report).map(|it| it.value),
    }
}

fn address(reader: &Reader<'_>, key: &str, usual: &str, report: &mut Report<'_>) -> Option<At<SocketAddr>> {
    let text = reader.text(key, report)?;
    if let Ok(address) = text.value.parse() {
        return Some(At { value: address, span: text.span });
    }
    let (host, port) = text.value.rsplit_once(':').unwrap_or((&text.value, ""));
    let port = port.parse::<u16>().ok().or_else(|| text.value.parse().ok());
    let meant = match (host, port) {
        ("localhost", Some(port)) => format!("127.0.0.1:{port}"),
        ("" | "*", Some(port)) => format!("0.0.0.0:{port}"),
        (host, None) if host.parse::<core::net::IpAddr>().is_ok_and(|it| it.is_ipv4()) => {
            format!("{host}:{}", usual.rsplit(':').next().unwrap_or("4000"))
        }
        (_, Some(port)) => format!("127.0.0.1:{port}"),
        (_, None) => usual.to_owned(),
    };
    report.add(
        Diagnostic::error(
            codes::BAD_VALUE,
            &text.span,
            format!("`{key}` in [server] is not an address: {}", shown(&text.value)),
        )
        .label("an address is IP:port, without a name or a scheme")
        .fix(format!("{key} = \"{meant}\"")),
    );
    None
}

fn segment_from(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<String> {
    let text = reader.text("segment-from", report)?;
    let name = text.value.strip_prefix("header:").map(str::trim).filter(|it| is_header_name(it));
    if name.is_none() {
        let meant = text.value.trim_start_matches("header:").trim();
        let meant = if is_header_name(meant) { meant } else { "x-switchback-segment" };
        report.add(
            Diagnostic::error(
                codes::BAD_VALUE,
                &text.span,
                format!("`segment-from` in [server] cannot be {}", shown(&text.value)),
            )
            .label("it takes header:NAME")
            .fix(format!("segment-from = \"header:{meant}\"")),
        );
    }
    name.map(str::to_ascii_lowercase)
}

fn exhausted_status(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<u16> {
    let status = reader.whole("exhausted-status", 100..=599, report)?;
    if let 424 | 503 = status.value {
        return u16::try_from(status.value).ok();
    }
    report.add(
        Diagnostic::error(
            codes::UNKNOWN_VALUE,
            &status.span,
            format!("`exhausted-status` in [server] cannot be {}", status.value),
        )
        .label("424 or 503")
        .effect("Clients repeat most other statuses by themselves; 424 stops all that were tried.")
        .fix("exhausted-status = 424"),
    );
    None
}

fn sticky(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<Option<Duration>> {
    if reader.text("sticky", report)?.value == "off" {
        return Some(None);
    }
    reader.time("sticky", Duration::from_secs(1)..=Duration::from_secs(7 * 86_400), report).map(|it| Some(it.value))
}

fn max_body(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<u64> {
    const RANGE: std::ops::RangeInclusive<u64> = 1_024..=1 << 30;
    let size = reader.unit("max-body", "a size", units::size, report)?;
    if RANGE.contains(&size.value) {
        return Some(size.value);
    }
    report.add(
        Diagnostic::error(codes::OUT_OF_RANGE, &size.span, "`max-body` in [server] must be between 1KiB and 1GiB")
            .label("out of range")
            .fix("max-body = \"32MiB\""),
    );
    None
}

/// Whether it is a header's name (RFC 9110, `token`), short enough to be one.
pub(crate) fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it))
}
