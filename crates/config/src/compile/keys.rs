//! Keys of applications: `[key.NAME]` tables and the list behind `app-keys`.

use switchback_core::id::Name;

use super::{Outside, Unknown};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, shown};
use crate::glob;
use crate::raw::Raw;
use crate::raw::key::{RawKey, RawSecret};
use crate::raw::tree::At;
use crate::secret::Secret;
use crate::settings::{AppKey, AppSecret};

/// Most keys in one list; more belong into tables.
const MOST_LISTED: usize = 1_000;

pub(super) fn compile(raw: &Raw, outside: &mut Outside<'_>, report: &mut Report<'_>) -> Vec<AppKey> {
    let mut keys: Vec<AppKey> = Vec::new();
    // What the list holds is a secret as a whole.
    if let Some(reference) = raw.server.app_keys.as_ref().filter(|_| !outside.is_offline()) {
        let effect = "No application of the list could call.";
        if let Some(list) = outside.secret(reference, || effect.to_owned(), report) {
            listed_keys(&list, &reference.value.to_string(), &reference.span, raw, report, &mut keys);
        }
    }
    for written in &raw.keys {
        if let Some(key) = key(written, raw, outside, report) {
            add(&mut keys, key, &written.name.span, &format!("[key.{}]", written.name.value), report);
        }
    }
    keys
}

/// Reads `name:secret[:segment],…`. What is wrong is told by the number of the entry: nothing of it is printed but
/// its name, and that only if it is one.
fn listed_keys(list: &Secret, source: &str, span: &Span, raw: &Raw, report: &mut Report<'_>, keys: &mut Vec<AppKey>) {
    let entries = list.expose().split(',').map(str::trim).filter(|it| !it.is_empty());
    for (at, entry) in entries.enumerate() {
        let place = format!("entry {} of {source}", at + 1);
        if at == MOST_LISTED {
            report.add(
                Diagnostic::error(codes::BAD_APP_KEYS, span, format!("{source} lists more than {MOST_LISTED} keys"))
                    .label("too many for a list")
                    .fix("declare them as [key.NAME] tables"),
            );
            return;
        }
        let mut parts = entry.split(':');
        let (name, secret, segment) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next());
        let problem = if parts.next().is_some() {
            "has more than three parts"
        } else if secret.is_empty() {
            "has no secret"
        } else if !crate::raw::is_name(name) {
            "does not begin with a name (small letters, digits, `-`, `_`)"
        } else {
            ""
        };
        if !problem.is_empty() {
            report.add(
                Diagnostic::error(codes::BAD_APP_KEYS, span, format!("{place} {problem}"))
                    .label("it holds name:secret or name:secret:segment, separated by commas")
                    .fix("mobile:SECRET:free,web:SECRET"),
            );
            continue;
        }
        let segment = segment.filter(|it| !it.is_empty()).map(|it| At { value: it.to_owned(), span: span.clone() });
        if let Some(segment) = &segment
            && !crate::raw::is_name(&segment.value)
        {
            report.add(
                Diagnostic::error(
                    codes::BAD_APP_KEYS,
                    span,
                    format!("{place}: its third part is not the name of a segment"),
                )
                .label("it holds name:secret or name:secret:segment, separated by commas")
                .fix("mobile:SECRET:free,web:SECRET"),
            );
            continue;
        }
        let key = AppKey {
            name: name.into(),
            secret: AppSecret::Plain(Secret::new(secret.to_owned())),
            segment: segment_of(segment.as_ref(), &place, raw, report),
            tasks: None,
            direct: false,
        };
        add(keys, key, span, &place, report);
    }
}

fn key(written: &RawKey, raw: &Raw, outside: &mut Outside<'_>, report: &mut Report<'_>) -> Option<AppKey> {
    let name = &written.name.value;
    let place = format!("[key.{name}]");
    let segment = segment_of(written.segment.as_ref(), &place, raw, report);
    let tasks = written.tasks.as_ref().map(|patterns| {
        patterns.iter().for_each(|it| known_task(it, &place, raw, report));
        patterns.iter().map(|it| it.value.clone()).collect()
    });
    let secret = match written.secret.as_ref()? {
        RawSecret::Sha256(hash) => AppSecret::Sha256(*hash),
        RawSecret::Plain(reference) => {
            AppSecret::Plain(outside.secret(reference, || format!("Application {name} could not call."), report)?)
        }
    };
    Some(AppKey { name: name.as_str().into(), secret, segment, tasks, direct: written.direct })
}

fn segment_of(segment: Option<&At<String>>, place: &str, raw: &Raw, report: &mut Report<'_>) -> Option<Name> {
    let segment = segment?;
    let known = raw.segments.iter().map(|it| it.value.as_str());
    if known.clone().any(|it| it == segment.value) {
        return Some(segment.value.as_str().into());
    }
    let unknown = Unknown {
        code: codes::UNKNOWN_SEGMENT,
        place,
        what: "segment",
        name: &segment.value,
        written: "segment = \"{}\"",
    };
    report.add(unknown.diagnostic(&segment.span, known));
    None
}

fn known_task(pattern: &At<String>, place: &str, raw: &Raw, report: &mut Report<'_>) {
    let tasks = raw.tasks.iter().map(|it| it.name.value.as_str());
    if tasks.clone().any(|it| glob::matches(&pattern.value, it)) {
        return;
    }
    if !pattern.value.contains('*') {
        let unknown = Unknown {
            code: codes::UNKNOWN_TASK,
            place,
            what: "task",
            name: &pattern.value,
            written: "tasks = [\"{}\"]",
        };
        report.add(unknown.diagnostic(&pattern.span, tasks));
        return;
    }
    report.add(
        Diagnostic::error(
            codes::UNKNOWN_TASK,
            &pattern.span,
            format!("{place}: {} matches no task", shown(&pattern.value)),
        )
        .label("no task has such a name")
        .effect("The key would allow nothing by it.")
        .fix("remove it, or write a pattern that matches: tasks = [\"*\"]"),
    );
}

fn add(keys: &mut Vec<AppKey>, key: AppKey, span: &Span, place: &str, report: &mut Report<'_>) {
    let same_secret = |it: &AppKey| match (&it.secret, &key.secret) {
        (AppSecret::Plain(a), AppSecret::Plain(b)) => a.expose() == b.expose(),
        (AppSecret::Sha256(a), AppSecret::Sha256(b)) => a == b,
        (AppSecret::Plain(_), AppSecret::Sha256(_)) | (AppSecret::Sha256(_), AppSecret::Plain(_)) => false,
    };
    let problem = if let Some(other) = keys.iter().find(|it| it.name == key.name) {
        format!("{place}: there is a key called {} already", other.name)
    } else if let Some(other) = keys.iter().find(|it| same_secret(it)) {
        format!("{place} ({}) has the same secret as {}", key.name, other.name)
    } else {
        keys.push(key);
        return;
    };
    report.add(
        Diagnostic::error(codes::DUPLICATE_KEY, span, problem)
            .label("every application has a name and a secret of its own")
            .fix("give one of the two another name or a new secret"),
    );
}
