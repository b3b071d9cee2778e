//! The JSON Schema of an answer in the subset that Anthropic holds a model to.
//!
//! Bounds, patterns and everything else that is not enforced moves into the description, where the model reads it;
//! objects take no more members than they name. Both only narrow what the model may write, so that what comes back
//! can satisfy the schema that was given. A schema that the subset cannot express (free-form objects, recursion) is not
//! written at all. Never judges an answer: that is the contract's.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::{self, Members, Writer};

/// Keywords that are taken as they are.
const TAKEN: [&str; 5] = ["enum", "const", "title", "required", "type"];

/// Keywords whose value is a map of schemas.
const MAPS: [&str; 3] = ["properties", "$defs", "definitions"];

/// Keywords that say nothing about the answer.
const SILENT: [&str; 4] = ["$schema", "$id", "$comment", "examples"];

/// Formats that are enforced.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// A schema on its way into the subset.
#[derive(Default)]
struct Walk<'a> {
    /// Whether anything had to be changed.
    changed: bool,
    /// The definition that is being read, where one is.
    inside: Option<String>,
    /// Which definition names which.
    names: Vec<(Option<String>, Cow<'a, str>)>,
}

/// The schema in the subset; `None` where it cannot be expressed.
pub(super) fn native(schema: &str) -> Option<String> {
    let (text, _) = walked(schema)?;
    Some(text)
}

/// Whether the schema is within the subset as it stands.
pub(super) fn fits(schema: &str) -> bool {
    walked(schema).is_some_and(|(_, changed)| !changed)
}

fn walked(schema: &str) -> Option<(String, bool)> {
    if json::too_deep(schema.as_bytes()) {
        return None;
    }
    let whole: &RawValue = serde_json::from_str(schema).ok()?;
    let mut walk = Walk::default();
    let text = walk.schema(whole)?;
    (!walk.recurs()).then_some((text, walk.changed))
}

// === impl Walk ===

impl<'a> Walk<'a> {
    fn schema(&mut self, raw: &'a RawValue) -> Option<String> {
        let members = Members::read(raw.get())?;
        let is_object = is_object(&members);
        let typed = ["type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"];
        if !is_object && typed.iter().all(|keyword| members.get(keyword).is_none()) {
            return None;
        }
        if is_object {
            may_be_closed(&members)?;
            names_what_it_requires(&members)?;
        }
        let mut out = Writer::new();
        let mut notes = Vec::new();
        if is_object && members.get("type").is_none() {
            self.changed = true;
            out.text("type", "object");
        }
        for (keyword, value) in &members.0 {
            self.keyword(keyword, value, &mut out, &mut notes)?;
        }
        if is_object {
            self.changed |= members.get("additionalProperties").is_none();
            out.raw("additionalProperties", "false");
        }
        self.changed |= !notes.is_empty();
        let said = members.text("description").unwrap_or_default();
        match (said.is_empty(), notes.is_empty()) {
            (true, true) => {}
            (false, true) => {
                out.text("description", &said);
            }
            (_, false) => {
                out.text("description", format!("{said} ({})", notes.join("; ")).trim_start());
            }
        }
        Some(out.finish())
    }

    /// Writes one member of a schema, or notes it for the description.
    fn keyword(&mut self, name: &str, value: &'a RawValue, out: &mut Writer, notes: &mut Vec<String>) -> Option<()> {
        match name {
            "description" | "additionalProperties" => {}
            "items" => {
                out.raw(name, &self.schema(value)?);
            }
            "anyOf" | "oneOf" | "allOf" => {
                self.changed |= name == "oneOf";
                let parts = json::elements(value)?;
                // Each part is closed on its own: no value would be of several.
                if name == "allOf" && parts.len() > 1 {
                    return None;
                }
                let list: Option<Vec<String>> = parts.into_iter().map(|it| self.schema(it)).collect();
                let name = if name == "oneOf" { "anyOf" } else { name };
                out.raw(name, &format!("[{}]", list?.join(",")));
            }
            "$ref" => {
                let path = json::text(value)?;
                let target = path.strip_prefix("#/$defs/").or_else(|| path.strip_prefix("#/definitions/"))?;
                self.names.push((self.inside.clone(), target.to_owned().into()));
                out.raw(name, value.get());
            }
            "format" if json::text(value).is_some_and(|it| FORMATS.contains(&&*it)) => {
                out.raw(name, value.get());
            }
            "minItems" if matches!(value.get(), "0" | "1") => {
                out.raw(name, value.get());
            }
            _ if MAPS.contains(&name) => {
                out.raw(name, &self.map(name != "properties", value)?);
            }
            _ if TAKEN.contains(&name) => {
                out.raw(name, value.get());
            }
            _ if SILENT.contains(&name) => self.changed = true,
            _ => notes.push(format!("{name}: {}", value.get())),
        }
        Some(())
    }

    fn map(&mut self, defines: bool, value: &'a RawValue) -> Option<String> {
        let mut out = Writer::new();
        for (name, schema) in Members::read(value.get())?.0 {
            let outer = self.inside.clone();
            if defines {
                self.inside = Some(name.to_string());
            }
            out.raw(&name, &self.schema(schema)?);
            self.inside = outer;
        }
        Some(out.finish())
    }

    /// Whether a definition names itself, also by way of others.
    fn recurs(&self) -> bool {
        self.names.iter().filter_map(|(from, _)| from.as_deref()).any(|start| {
            let mut reached: Vec<&str> = vec![start];
            let mut next = 0;
            while let Some(from) = reached.get(next).copied() {
                next += 1;
                for (_, to) in self.names.iter().filter(|(of, _)| of.as_deref() == Some(from)) {
                    if *to == start {
                        return true;
                    }
                    if !reached.contains(&&**to) {
                        reached.push(to);
                    }
                }
            }
            false
        })
    }
}

/// Whether the schema describes an object, alone or among other types.
fn is_object(members: &Members<'_>) -> bool {
    match members.get("type") {
        Some(kind) => {
            let among = || json::elements(kind).unwrap_or_default().into_iter().filter_map(json::text);
            json::text(kind).as_deref() == Some("object") || among().any(|kind| kind == "object")
        }
        None => members.get("properties").is_some(),
    }
}

/// Whether a closed object of this schema can exist: all that it requires is among its own members, and no other schema
/// stands beside them, which would be closed to these as these are to its own.
fn names_what_it_requires(members: &Members<'_>) -> Option<()> {
    let beside = ["allOf", "anyOf", "oneOf", "$ref"].iter().any(|keyword| members.get(keyword).is_some());
    let named = Members::of(members.get("properties"));
    let required = members.get("required").and_then(json::elements).unwrap_or_default();
    let all = required.into_iter().filter_map(json::text).all(|name| named.get(&name).is_some());
    (all && !beside).then_some(())
}

/// Whether an object of this schema loses nothing when it may have no members but those that are named.
fn may_be_closed(members: &Members<'_>) -> Option<()> {
    let more = members.get("additionalProperties").map(RawValue::get);
    let named = members.get("properties").is_some_and(|raw| !json::is_empty_container(raw.get()));
    match more {
        Some("false") => Some(()),
        None | Some("true") => named.then_some(()),
        Some(_) => None,
    }
}
