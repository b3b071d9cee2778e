//! Reads one table by its list of known keys, and says of each value that does not fit what would.
//!
//! Opening a table reports every key that nothing reads: unknown ones with "did you mean", known ones that this
//! version does not serve as not supported yet. A value that does not fit is reported and then absent, so that one
//! mistake gives one finding.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::keys::{self, KeyFamily};
use super::tree::{At, Entry, Node, Table, Value};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report, Span, listed, looks_secret, opening, shown};
use crate::secret::Reference;
use crate::suggest::closest;
use crate::units::{self, UnitProblem};

/// A table with the words for where it stands.
#[derive(Debug)]
pub(crate) struct Reader<'t> {
    table: &'t Table,
    /// The table's place: its header, or the whole inline table.
    pub(crate) span: Span,
    /// Where it stands, in words: `[server]`, `chat, rung 2`.
    pub(crate) place: String,
}

impl<'t> Reader<'t> {
    /// Takes a node that must be a table and reports the keys in it that nothing reads.
    pub(crate) fn open(node: &'t Node, family: &KeyFamily, place: String, report: &mut Report<'_>) -> Option<Self> {
        let Value::Table(table) = &node.value else {
            report.add(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    &node.span,
                    format!("{place} must be a table, not {}", node.value.kind()),
                )
                .label("not a table")
                .fix(if place.starts_with('[') {
                    format!("write it as {place} on a line of its own")
                } else {
                    "write it as { key = value }".to_owned()
                }),
            );
            return None;
        };
        let reader = Self { table, span: node.span.clone(), place };
        reader.refuse_unread(family, report);
        Some(reader)
    }

    /// Whether the key is given, rightly or not.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&'t Entry> {
        self.table.get(key)
    }

    pub(crate) fn entries(&self) -> &'t [Entry] {
        &self.table.entries
    }

    pub(crate) fn text(&self, key: &str, report: &mut Report<'_>) -> Option<At<String>> {
        let entry = self.table.get(key)?;
        self.as_text(&entry.node, key, report)
    }

    /// A list of texts.
    pub(crate) fn texts(&self, key: &str, report: &mut Report<'_>) -> Option<At<Vec<At<String>>>> {
        let entry = self.table.get(key)?;
        let Value::List(items) = &entry.node.value else {
            let one = if let Value::Text(text) = &entry.node.value { safe(text) } else { "…".to_owned() };
            self.wrong_type(key, &entry.node, "a list of texts", &format!("{key} = [\"{one}\"]"), report);
            return None;
        };
        let texts = items.iter().filter_map(|it| self.as_text(it, key, report)).collect();
        Some(At { value: texts, span: entry.node.span.clone() })
    }

    /// A whole number within a range.
    pub(crate) fn whole(&self, key: &str, range: RangeInclusive<u64>, report: &mut Report<'_>) -> Option<At<u64>> {
        let node = &self.table.get(key)?.node;
        let Value::Integer(number) = node.value else {
            let meant = match &node.value {
                Value::Text(text) => text.trim().parse::<u64>().ok(),
                _ => None,
            };
            self.wrong_type(
                key,
                node,
                "a whole number",
                &format!("{key} = {}", meant.unwrap_or(*range.start())),
                report,
            );
            return None;
        };
        let Some(value) = u64::try_from(number).ok().filter(|it| range.contains(it)) else {
            let near = if number < 0 || number.unsigned_abs() < *range.start() { range.start() } else { range.end() };
            report.add(
                Diagnostic::error(
                    codes::OUT_OF_RANGE,
                    &node.span,
                    format!("`{key}` in {} must be between {} and {}", self.place, range.start(), range.end()),
                )
                .label("out of range")
                .fix(format!("{key} = {near}")),
            );
            return None;
        };
        Some(At { value, span: node.span.clone() })
    }

    pub(crate) fn flag(&self, key: &str, report: &mut Report<'_>) -> Option<bool> {
        let node = &self.table.get(key)?.node;
        let Value::Flag(flag) = node.value else {
            let meant = matches!(&node.value, Value::Text(text) if text == "true");
            self.wrong_type(key, node, "true or false", &format!("{key} = {meant}"), report);
            return None;
        };
        Some(flag)
    }

    /// A time within a range.
    pub(crate) fn time(
        &self,
        key: &str,
        range: RangeInclusive<Duration>,
        report: &mut Report<'_>,
    ) -> Option<At<Duration>> {
        let entry = self.table.get(key)?;
        self.as_time(&entry.node, key, range, report)
    }

    pub(crate) fn as_time(
        &self,
        node: &Node,
        key: &str,
        range: RangeInclusive<Duration>,
        report: &mut Report<'_>,
    ) -> Option<At<Duration>> {
        let time = self.quantity(node, key, "a time", units::duration, report)?;
        if range.contains(&time.value) {
            return Some(time);
        }
        let (low, high) = (*range.start(), *range.end());
        let near = if time.value < low { low } else { high };
        report.add(
            Diagnostic::error(
                codes::OUT_OF_RANGE,
                &time.span,
                format!(
                    "`{key}` in {} must be between {} and {}",
                    self.place,
                    units::written(low),
                    units::written(high)
                ),
            )
            .label("out of range")
            .fix(format!("{key} = \"{}\"", units::written(near))),
        );
        None
    }

    /// A value with a unit, read by a function of [`units`].
    pub(crate) fn unit<T>(
        &self,
        key: &str,
        what: &str,
        read: fn(&str) -> Result<T, UnitProblem>,
        report: &mut Report<'_>,
    ) -> Option<At<T>> {
        let entry = self.table.get(key)?;
        self.quantity(&entry.node, key, what, read, report)
    }

    fn quantity<T>(
        &self,
        node: &Node,
        key: &str,
        what: &str,
        read: fn(&str) -> Result<T, UnitProblem>,
        report: &mut Report<'_>,
    ) -> Option<At<T>> {
        let written = match &node.value {
            Value::Text(text) => text.clone(),
            // A bare number is the commonest slip; the unit that was probably meant is offered, never assumed.
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Flag(_) | Value::Other(_) | Value::List(_) | Value::Table(_) => {
                self.wrong_type(key, node, &format!("{what} in quotes"), &format!("{key} = \"…\""), report);
                return None;
            }
        };
        let problem = match read(&written) {
            Ok(value) if matches!(node.value, Value::Text(_)) => return Some(At { value, span: node.span.clone() }),
            Ok(_) => UnitProblem { what: "is not text".to_owned(), meant: Some(written.clone()) },
            Err(problem) => problem,
        };
        let mut diagnostic = Diagnostic::error(
            codes::BAD_UNIT,
            &node.span,
            format!("`{key}` in {} must be {what}: {} {}", self.place, shown(&written), problem.what),
        );
        diagnostic = match problem.meant {
            Some(meant) => diagnostic.label(format!("did you mean \"{meant}\"?")).fix(format!("{key} = \"{meant}\"")),
            None => diagnostic.label("not understood").fix(format!("{key} = \"{}\"", example(what))),
        };
        report.add(diagnostic);
        None
    }

    /// One of a closed list of words.
    pub(crate) fn word<T: Copy>(
        &self,
        key: &str,
        words: &[(&str, T)],
        later: &[&str],
        report: &mut Report<'_>,
    ) -> Option<At<T>> {
        let text = self.text(key, report)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(At { value: *value, span: text.span });
        }
        let first = words.first().map_or("", |(word, _)| *word);
        if later.contains(&text.value.as_str()) {
            self.value_not_yet(key, &text, &format!("{key} = \"{first}\""), report);
            return None;
        }
        let known = words.iter().map(|(word, _)| *word);
        let near = closest(&text.value, known.clone());
        report.add(
            Diagnostic::error(
                codes::UNKNOWN_VALUE,
                &text.span,
                format!("`{key}` in {} cannot be {}", self.place, shown(&text.value)),
            )
            .label(near.map_or_else(|| "not one of its values".to_owned(), |it| format!("did you mean \"{it}\"?")))
            .fix(format!("{key} = \"{}\"; its values are: {}", near.unwrap_or(first), listed(known))),
        );
        None
    }

    /// A reference to a secret.
    pub(crate) fn secret(&self, key: &str, report: &mut Report<'_>) -> Option<At<Reference>> {
        let text = self.text(key, report)?;
        self.as_secret(text, key, false, report)
    }

    /// Takes a text as a reference; `in_list` says how the fix is written.
    pub(crate) fn as_secret(
        &self,
        text: At<String>,
        key: &str,
        in_list: bool,
        report: &mut Report<'_>,
    ) -> Option<At<Reference>> {
        if let Some(reference) = Reference::parse(&text.value) {
            return Some(At { value: reference, span: text.span });
        }
        let is_name = !text.value.is_empty()
            && text.value.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_');
        let name = if is_name { text.value.clone() } else { self.variable_for(key) };
        let value = if in_list { format!("{key} = [\"env:{name}\"]") } else { format!("{key} = \"env:{name}\"") };
        let path = format!("{}.{key}", self.place.trim_matches(['[', ']']));
        let diagnostic = if is_name {
            Diagnostic::error(
                codes::LITERAL_SECRET,
                &text.span,
                format!("{path} must say where the secret is, not {}", shown(&text.value)),
            )
            .label("a name without `env:`")
            .fix(value)
        } else {
            Diagnostic::error(
                codes::LITERAL_SECRET,
                &text.span,
                format!("that looks like a real key in the config file ({path}, starts \"{}\")", opening(&text.value)),
            )
            .label("only env:NAME or file:path may stand here")
            .effect("Who can read the file, its backups or its history can use the key.")
            .fix(format!("{value}, then rotate the key: it has been on disk"))
        };
        report.add(diagnostic);
        None
    }

    /// Reports a key that must be there.
    pub(crate) fn missing(&self, key: &str, why: &str, fix: &str, report: &mut Report<'_>) {
        report.add(
            Diagnostic::error(codes::MISSING_KEY, &self.span, format!("{} has no `{key}`", self.place))
                .label(why)
                .fix(format!("add {fix}")),
        );
    }

    /// Reports a value that is part of the design and not of this version.
    pub(crate) fn value_not_yet(&self, key: &str, text: &At<String>, fix: &str, report: &mut Report<'_>) {
        report.add(
            Diagnostic::error(
                codes::NOT_YET,
                &text.span,
                format!("{} for `{key}` in {} is not supported yet", shown(&text.value), self.place),
            )
            .label("not supported yet")
            .fix(fix),
        );
    }

    pub(crate) fn wrong_type(&self, key: &str, node: &Node, wanted: &str, fix: &str, report: &mut Report<'_>) {
        report.add(
            Diagnostic::error(
                codes::WRONG_TYPE,
                &node.span,
                format!("`{key}` in {} must be {wanted}, not {}", self.place, node.value.kind()),
            )
            .label(format!("{wanted} belongs here"))
            .fix(fix),
        );
    }

    fn as_text(&self, node: &Node, key: &str, report: &mut Report<'_>) -> Option<At<String>> {
        if let Value::Text(text) = &node.value {
            return Some(At { value: text.clone(), span: node.span.clone() });
        }
        let source = report.source(&node.span).to_owned();
        let meant = if source.len() < 40 && !matches!(node.value, Value::List(_) | Value::Table(_)) {
            source
        } else {
            "…".to_owned()
        };
        self.wrong_type(key, node, "text in quotes", &format!("{key} = \"{meant}\""), report);
        None
    }

    fn refuse_unread(&self, family: &KeyFamily, report: &mut Report<'_>) {
        for entry in &self.table.entries {
            let key = entry.key.as_str();
            if family.reads(key) {
                continue;
            }
            if family.later.contains(&key) {
                let is_root = family.name == keys::ROOT.name;
                let (what, fix) = if is_root {
                    (format!("[{key}]"), format!("remove its tables: [{key}…]"))
                } else {
                    (format!("`{key}` in {}", self.place), "remove it".to_owned())
                };
                report.add(
                    Diagnostic::error(codes::NOT_YET, &entry.key_span, format!("{what} is not supported yet"))
                        .label("not supported yet")
                        .effect("This version would do nothing with it, so it refuses it instead.")
                        .fix(fix),
                );
                continue;
            }
            report.add(self.unknown(entry, family));
        }
    }

    fn unknown(&self, entry: &Entry, family: &KeyFamily) -> Diagnostic {
        let key = entry.key.as_str();
        let diagnostic = Diagnostic::error(
            codes::UNKNOWN_KEY,
            &entry.key_span,
            format!("unknown key {} in {}", shown(key), self.place),
        );
        let known = if family.keys.is_empty() {
            format!("{} takes no keys", family.name)
        } else {
            format!("known keys for {}: {}", family.name, listed(family.names()))
        };
        if let Some((_, reason)) = family.hints.iter().find(|(it, _)| *it == key) {
            return diagnostic.label((*reason).to_owned()).fix(format!("remove it; {known}"));
        }
        if let Some(near) = closest(key, family.names().chain(family.later.iter().copied())) {
            return diagnostic.label(format!("did you mean `{near}`?")).fix(format!("rename it to {near}; {known}"));
        }
        match keys::homes_of(key) {
            homes if homes.is_empty() => diagnostic.label("nothing reads this").fix(format!("remove it; {known}")),
            homes => diagnostic.label(format!("`{key}` belongs in {homes}")).fix(format!("move it; {known}")),
        }
    }

    /// A good name for the variable behind a secret: `keys` of `[provider.openai]` gives `OPENAI_API_KEY`.
    fn variable_for(&self, key: &str) -> String {
        let name = self.place.trim_matches(['[', ']']).rsplit('.').next().unwrap_or("");
        let upper = |text: &str| -> String {
            text.chars().map(|it| if it.is_ascii_alphanumeric() { it.to_ascii_uppercase() } else { '_' }).collect()
        };
        match key {
            "keys" => format!("{}_API_KEY", upper(name)),
            "secret" => format!("{}_KEY", upper(name)),
            other => format!("SWITCHBACK_{}", upper(other)),
        }
    }
}

/// A text that a fix may repeat.
fn safe(text: &str) -> String {
    let plain = text.len() <= 60 && !looks_secret(text) && !text.contains(['"', '\\', '\n']);
    if plain { text.to_owned() } else { "…".to_owned() }
}

fn example(what: &str) -> &'static str {
    match what {
        "a size" => "32MiB",
        "a share" => "50%",
        "a range of times" => "200ms..2s",
        "a time and a size" => "14d, 50GiB",
        _ => "8s",
    }
}
