//! `[key.NAME]`: the key of an application.

use super::keys::KEY;
use super::reader::Reader;
use super::tree::{At, Entry};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report};
use crate::secret::Reference;

/// `[key.NAME]` as it was written.
#[derive(Debug)]
pub(crate) struct RawKey {
    pub(crate) name: At<String>,
    pub(crate) secret: Option<RawSecret>,
    pub(crate) segment: Option<At<String>>,
    pub(crate) tasks: Option<Vec<At<String>>>,
    pub(crate) direct: bool,
}

#[derive(Debug)]
pub(crate) enum RawSecret {
    Plain(At<Reference>),
    Sha256([u8; 32]),
}

pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Option<RawKey> {
    let reader = Reader::open(&entry.node, &KEY, format!("[key.{}]", entry.key), report)?;
    let secret = reader.secret("secret", report).map(RawSecret::Plain);
    let hash = hash(&reader, report).map(RawSecret::Sha256);
    match (reader.entry("secret"), reader.entry("hash")) {
        (None, None) => {
            let name = entry.key.to_ascii_uppercase().replace('-', "_");
            reader.missing(
                "secret",
                "what does the application send?",
                &format!("secret = \"env:{name}_KEY\""),
                report,
            );
        }
        (Some(_), Some(second)) => report.add(
            Diagnostic::error(
                codes::BAD_VALUE,
                &second.key_span,
                format!("{} has both `secret` and `hash`", reader.place),
            )
            .label("one of them")
            .fix("remove hash"),
        ),
        _ => {}
    }
    Some(RawKey {
        name: At { value: entry.key.clone(), span: entry.key_span.clone() },
        secret: secret.or(hash),
        segment: reader.text("segment", report),
        tasks: reader.texts("tasks", report).map(|it| it.value),
        direct: reader.flag("direct", report).unwrap_or(false),
    })
}

/// `sha256:` and 64 hexadecimal digits.
fn hash(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<[u8; 32]> {
    let text = reader.text("hash", report)?;
    let read = || {
        let digits = text.value.strip_prefix("sha256:")?;
        let mut bytes = [0; 32];
        if digits.len() != 64 || !digits.is_ascii() {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(at * 2..at * 2 + 2)?, 16).ok()?;
        }
        // `from_str_radix` takes a sign, which is no digit.
        (!digits.contains(['+', '-'])).then_some(bytes)
    };
    let bytes = read();
    if bytes.is_none() {
        report.add(
            Diagnostic::error(codes::BAD_VALUE, &text.span, format!("`hash` in {} is not a SHA-256", reader.place))
                .label("sha256: and 64 hexadecimal digits")
                .fix("hash = \"sha256:…\" with the output of: printf %s \"$KEY\" | sha256sum"),
        );
    }
    bytes
}
