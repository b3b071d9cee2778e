//! One rung of a ladder: exactly one of `try`, `answer`, `fail`.

use std::time::Duration;

use switchback_core::failure::{CLASSES, ClassSet, FAMILIES, FailureClass, Family as ClassFamily};
use switchback_core::policy::{ROLES, Role, Surface};

use super::keys::{ANSWER, FAIL, KeyFamily, TRY};
use super::reader::Reader;
use super::task::{CLOCK, timeout};
use super::tree::{At, Node, Table, Value};
use super::with;
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, listed, shown};
use crate::suggest::closest;

/// Kinds of rung, served first. A route cannot be named like one.
pub(crate) const RUNG_KINDS: [&str; 10] =
    ["try", "answer", "fail", "partial", "cache", "rules", "http", "draft", "queue", "review"];

/// A rung as it was written.
#[derive(Debug, Clone)]
pub(crate) struct RawRung {
    /// Its place in the ladder, counted from one.
    pub(crate) number: usize,
    pub(crate) span: Span,
    pub(crate) kind: RawKind,
    pub(crate) segments: Option<At<Vec<At<String>>>>,
    pub(crate) surfaces: Option<At<Vec<Surface>>>,
    pub(crate) when: Option<At<ClassSet>>,
}

#[derive(Debug, Clone)]
pub(crate) enum RawKind {
    Try(Box<RawTry>),
    Answer(At<String>),
    Fail(At<String>),
}

/// How a route is called, as it was written.
#[derive(Debug, Clone)]
pub(crate) struct RawTry {
    pub(crate) route: At<String>,
    pub(crate) role: Option<At<Role>>,
    pub(crate) retries: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) first_token: Option<At<Duration>>,
    pub(crate) idle: Option<Duration>,
    /// Names on the wire, and values as JSON.
    pub(crate) with: Vec<(Box<str>, Box<str>)>,
    pub(crate) instruction: Option<At<String>>,
}

/// Reads a rung; `None` when it is of no kind that this version serves.
pub(crate) fn read(node: &Node, task: &str, number: usize, report: &mut Report<'_>) -> Option<RawRung> {
    let place = format!("{task}, rung {number}");
    let Value::Table(table) = &node.value else {
        let meant = match &node.value {
            Value::Text(text) if text.len() < 100 && !text.contains(['"', '\\', '\n']) => text.as_str(),
            _ => "provider/model",
        };
        report.add(
            Diagnostic::error(
                codes::WRONG_TYPE,
                &node.span,
                format!("{place} must be a table, not {}", node.value.kind()),
            )
            .label("a rung is a table")
            .fix(format!("{{ try = \"{meant}\" }}")),
        );
        return None;
    };
    let family = family(table, node, &place, report)?;
    let reader = Reader::open(node, family, place, report)?;
    let is_try = family.reads("try");
    let kind = match family.names().next() {
        Some("try") => read_try(&reader, report)?,
        Some("answer") => RawKind::Answer(reader.text("answer", report)?),
        _ => RawKind::Fail(reader.text("fail", report)?),
    };
    Some(RawRung {
        number,
        span: node.span.clone(),
        kind,
        segments: reader.texts("segments", report),
        surfaces: surfaces(&reader, report),
        when: if reader.has("when") && family.reads("when") { when(&reader, is_try, report) } else { None },
    })
}

/// Which kind the rung is of; reports rungs of no, several or later kinds.
fn family(table: &Table, node: &Node, place: &str, report: &mut Report<'_>) -> Option<&'static KeyFamily> {
    let kinds: Vec<_> = table.entries.iter().filter(|it| RUNG_KINDS.contains(&it.key.as_str())).collect();
    let Some(first) = kinds.first() else {
        let slip = table.entries.iter().find_map(|it| closest(&it.key, RUNG_KINDS).map(|near| (it, near)));
        report.add(match slip {
            Some((entry, near)) => Diagnostic::error(
                codes::UNKNOWN_KEY,
                &entry.key_span,
                format!("unknown key {} in {place}", shown(&entry.key)),
            )
            .label(format!("did you mean `{near}`?"))
            .fix(format!("rename it to {near}; every rung has one of: try, answer, fail")),
            None => Diagnostic::error(codes::RUNG_KIND, &node.span, format!("{place} does nothing"))
                .label("it has none of: try, answer, fail")
                .fix("add try = \"provider/model\""),
        });
        return None;
    };
    if let Some(second) = kinds.get(1) {
        report.add(
            Diagnostic::error(
                codes::RUNG_KIND,
                &second.key_span,
                format!("{place} has both `{}` and `{}`", first.key, second.key),
            )
            .label("a rung does one thing")
            .fix(format!("make two rungs of it, `{}` in the second", second.key)),
        );
        return None;
    }
    match first.key.as_str() {
        "try" => Some(&TRY),
        "answer" => Some(&ANSWER),
        "fail" => Some(&FAIL),
        later => {
            report.add(
                Diagnostic::error(
                    codes::NOT_YET,
                    &first.key_span,
                    format!("a `{later}` rung ({place}) is not supported yet"),
                )
                .label("not supported yet")
                .effect("This version has the rungs try, answer and fail.")
                .fix("remove it"),
            );
            None
        }
    }
}

fn read_try(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<RawKind> {
    let roles: Vec<(&str, Role)> = ROLES.iter().map(|(role, name)| (*name, *role)).collect();
    let role = reader.word("as", &roles, &[], report);
    let retries = reader.whole("retries", 0..=5, report).and_then(|it| u32::try_from(it.value).ok());
    let timeout = timeout(reader, "timeout", report).map(|it| it.value);
    let first_token = self::timeout(reader, "first-token", report);
    let idle = reader.time("idle", CLOCK, report).map(|it| it.value);
    let (with, instruction) = (with::read(reader, report), reader.text("instruction", report));
    let route = reader.text("try", report)?;
    Some(RawKind::Try(Box::new(RawTry { route, role, retries, timeout, first_token, idle, with, instruction })))
}

fn surfaces(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<At<Vec<Surface>>> {
    let names = reader.texts("surfaces", report)?;
    let mut surfaces = Vec::new();
    for name in &names.value {
        if let Ok(surface) = name.value.parse() {
            surfaces.push(surface);
            continue;
        }
        let known = ["interactive", "background"];
        let near = closest(&name.value, known);
        report.add(
            Diagnostic::error(
                codes::UNKNOWN_VALUE,
                &name.span,
                format!("`surfaces` in {} cannot hold {}", reader.place, shown(&name.value)),
            )
            .label(near.map_or_else(|| "no such surface".to_owned(), |it| format!("did you mean \"{it}\"?")))
            .fix(format!(
                "surfaces = [\"{}\"]; surfaces are: {}",
                near.unwrap_or("interactive"),
                listed(known)
            )),
        );
    }
    // A list of which nothing could be read must not become "for nobody".
    (surfaces.len() == names.value.len()).then_some(At { value: surfaces, span: names.span })
}

fn when(reader: &Reader<'_>, is_try: bool, report: &mut Report<'_>) -> Option<At<ClassSet>> {
    let names = reader.texts("when", report)?;
    if names.value.is_empty() {
        report.add(
            Diagnostic::error(codes::NOBODY, &names.span, format!("{} takes no class", reader.place))
                .label("an empty list: it would never run after a failure")
                .fix("remove when, or when = [\"technical\"]"),
        );
        return None;
    }
    let mut taken = ClassSet::EMPTY;
    let mut all_known = true;
    for name in &names.value {
        match class_set(reader, name, is_try) {
            Ok(set) => taken = taken.union(set),
            Err(diagnostic) => {
                report.add(*diagnostic);
                all_known = false;
            }
        }
    }
    all_known.then_some(At { value: taken, span: names.span })
}

/// The classes that a name in `when` stands for.
fn class_set(reader: &Reader<'_>, name: &At<String>, is_try: bool) -> Result<ClassSet, Box<Diagnostic>> {
    let word = name.value.as_str();
    // `capability` is a class and the family that holds it: who writes it means the family.
    let set = match FAMILIES.iter().find(|(_, it)| *it == word) {
        Some((family, _)) => ClassSet::of_family(*family),
        None => match word.parse::<FailureClass>() {
            Ok(class) => ClassSet::EMPTY.with(class),
            Err(()) => return Err(Box::new(unknown_class(reader, name))),
        },
    };
    if set.has(FailureClass::PolicyBlocked) && is_try {
        let fix = if word == "policy" { "write \"residency\"" } else { "remove it, or make the rung an `answer`" };
        return Err(Box::new(
            Diagnostic::error(
                codes::POLICY_MODEL,
                &name.span,
                format!("{} would call a model after a policy block", reader.place),
            )
            .label("no model rung takes policy_blocked")
            .effect("What one provider's policy stops must not be shopped around at others.")
            .fix(fix),
        ));
    }
    if set.iter().all(|class| class.family() == ClassFamily::Caller) {
        return Err(Box::new(
            Diagnostic::error(
                codes::NOBODY,
                &name.span,
                format!("{} takes {}, which ends every walk", reader.place, shown(word)),
            )
            .label("no rung runs after it")
            .effect("A caller's own mistake, or a caller who went away, is not mended by another rung.")
            .fix("remove it"),
        ));
    }
    if word == "refusal" {
        return Err(Box::new(
            Diagnostic::error(
                codes::NOT_YET,
                &name.span,
                format!("`refusal` in `when` of {} is not supported yet", reader.place),
            )
            .label("a refusal ends the walk")
            .effect("It needs refusals = \"try-equivalent\", which this version does not have.")
            .fix("remove it"),
        ));
    }
    Ok(set.without(FailureClass::Refusal))
}

fn unknown_class(reader: &Reader<'_>, name: &At<String>) -> Diagnostic {
    let classes =
        || CLASSES.iter().map(|row| row.name).filter(|it| !matches!(*it, "invalid_request" | "cancelled" | "refusal"));
    let families = || FAMILIES.iter().map(|(_, name)| *name).filter(|it| *it != "caller");
    let near = closest(&name.value, families().chain(classes()));
    Diagnostic::error(
        codes::UNKNOWN_CLASS,
        &name.span,
        format!("{}: there is no failure class {}", reader.place, shown(&name.value)),
    )
    .label(near.map_or_else(|| "not a class".to_owned(), |it| format!("did you mean `{it}`?")))
    .fix(format!(
        "{}families are: {}; classes are: {}",
        near.map_or_else(String::new, |it| format!("write \"{it}\"; ")),
        listed(families()),
        listed(classes()),
    ))
}
