//! Whether a schema is inside what strict structured output takes at every vendor.
//!
//! The intersection of the published subsets of OpenAI and Anthropic: a schema outside of it is answered with 400 by at
//! least one of them. In doubt it is outside, for then the worst is that a vendor is asked without strictness; the
//! answer is validated all the same. Never changes a schema to make it fit.

use serde_json::{Map, Value};

/// Most levels of objects and lists: older deployments of OpenAI's models refuse a sixth.
const MOST_LEVELS: usize = 5;
/// Most values of all `enum`s together, as OpenAI bounds them.
const MOST_ENUM_VALUES: usize = 1_000;
/// Keywords that say nothing about the value.
const NOTES: [&str; 3] = ["title", "description", "$schema"];
/// What may stand at the root beside a schema.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];
/// Formats that both vendors take.
const FORMATS: [&str; 9] = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];
const SCALARS: [&str; 5] = ["string", "number", "integer", "boolean", "null"];

/// The walk over one schema.
struct Walk<'s> {
    root: &'s Value,
    enum_values: usize,
    /// References that are being followed: one that comes back is recursive.
    following: Vec<&'s str>,
    /// Schemas still to be looked at: references multiply.
    left: usize,
}

/// Whether the schema fits.
pub(crate) fn fits(source: &Value) -> bool {
    let is_object = source.get("type").and_then(Value::as_str) == Some("object");
    let mut walk = Walk { root: source, enum_values: 0, following: Vec::new(), left: 5_000 };
    is_object && walk.fits(source, 0).is_some()
}

// === impl Walk ===

impl<'s> Walk<'s> {
    /// `None` where the schema does not fit, so that `?` ends the walk.
    fn fits(&mut self, schema: &'s Value, level: usize) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        let members = schema.as_object()?;
        let is_root = std::ptr::eq(schema, self.root);
        let says: Vec<&str> = members.keys().map(|it| &**it).filter(|it| !NOTES.contains(it)).collect();
        let says: Vec<&str> = says.into_iter().filter(|it| !(is_root && DEFINITIONS.contains(it))).collect();
        if let Some(reference) = members.get("$ref") {
            // Beside a reference not even a description is taken.
            return if members.len() == 1 { self.follow(reference.as_str()?, level) } else { None };
        }
        if let Some(forms) = members.get("anyOf") {
            return if says == ["anyOf"] && !is_root { self.union(forms.as_array()?, level) } else { None };
        }
        if let Some(Value::Array(values)) = members.get("enum") {
            self.enum_values += values.len();
            let are_scalars = !values.iter().any(|it| it.is_object() || it.is_array());
            let only = says.iter().all(|it| matches!(*it, "enum" | "type"));
            return (only && are_scalars && !values.is_empty() && self.enum_values <= MOST_ENUM_VALUES).then_some(());
        }
        if let Some(value) = members.get("const") {
            let only = says.iter().all(|it| matches!(*it, "const" | "type"));
            return (only && !value.is_object() && !value.is_array()).then_some(());
        }
        match members.get("type")? {
            Value::String(kind) => match &**kind {
                "object" => self.object(members, &says, level + 1),
                "array" => {
                    let only = says.iter().all(|it| matches!(*it, "type" | "items"));
                    if only && level < MOST_LEVELS { self.fits(members.get("items")?, level + 1) } else { None }
                }
                kind => scalar(kind, members, &says),
            },
            Value::Array(kinds) => {
                let are_scalars = kinds.iter().all(|it| it.as_str().is_some_and(|it| SCALARS.contains(&it)));
                (are_scalars && !kinds.is_empty() && says == ["type"]).then_some(())
            }
            _ => None,
        }
    }

    fn object(&mut self, members: &'s Map<String, Value>, says: &[&str], level: usize) -> Option<()> {
        let known = ["type", "properties", "required", "additionalProperties"];
        let closed = members.get("additionalProperties") == Some(&Value::Bool(false));
        if level > MOST_LEVELS || !closed || !says.iter().all(|it| known.contains(it)) {
            return None;
        }
        let properties = members.get("properties")?.as_object()?;
        let none = Vec::new();
        let required = members.get("required").map_or(Some(&none), Value::as_array)?;
        let all_required = properties.keys().all(|name| required.iter().any(|it| it.as_str() == Some(name)));
        if !all_required || required.len() != properties.len() {
            return None;
        }
        properties.values().try_for_each(|it| self.fits(it, level))
    }

    /// The forms of a union; objects among them must not begin with the same member.
    fn union(&mut self, forms: &'s [Value], level: usize) -> Option<()> {
        let mut first_names = Vec::new();
        for form in forms {
            self.fits(form, level)?;
            let plain = form.get("$ref").and_then(Value::as_str).and_then(|it| self.target(it)).unwrap_or(form);
            let properties = plain.get("properties").and_then(Value::as_object);
            if let Some(first) = properties.and_then(|it| it.keys().next()) {
                if first_names.contains(&first) {
                    return None;
                }
                first_names.push(first);
            }
        }
        (!forms.is_empty()).then_some(())
    }

    fn follow(&mut self, reference: &'s str, level: usize) -> Option<()> {
        if self.following.contains(&reference) {
            return None;
        }
        self.following.push(reference);
        let fits = self.target(reference).and_then(|it| self.fits(it, level));
        self.following.pop();
        fits
    }

    /// What a reference to one of the root's definitions points at.
    fn target(&self, reference: &str) -> Option<&'s Value> {
        let (definitions, name) = reference.strip_prefix("#/")?.split_once('/')?;
        let plain = DEFINITIONS.contains(&definitions) && !name.contains(['/', '%', '~']);
        plain.then(|| self.root.get(definitions)?.get(name)).flatten()
    }
}

fn scalar(kind: &str, members: &Map<String, Value>, says: &[&str]) -> Option<()> {
    let format = members.get("format").map(|it| it.as_str().is_some_and(|it| FORMATS.contains(&it)));
    let only = says.iter().all(|it| *it == "type" || *it == "format" && kind == "string");
    (SCALARS.contains(&kind) && only && format.unwrap_or(true)).then_some(())
}
