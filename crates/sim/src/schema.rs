//! Makes a small value that satisfies a JSON Schema, and values that violate it on purpose.
//!
//! It understands what Pydantic and Zod export: types, `enum`, `const`, `required`, nested objects, arrays with `minItems`,
//! `$ref` into the same document, `allOf`, the first branch of `anyOf` and `oneOf`, bounds of numbers and lengths, and the common
//! formats. It does not solve `pattern`, `not`, `if` and `contains`. It never fetches a reference and never validates.

use std::borrow::Cow;

use fastrand::Rng;
use serde_json::{Map, Number, Value};

/// From this depth on, the way out of a recursive schema is taken where there is one (null, or a branch without reference).
const DEEP: usize = 6;
/// No value is nested deeper; what would be is null.
const DEEPEST: usize = 32;
/// No more values are made for one schema; the rest is null. Far above the 5 000 properties OpenAI accepts in total.
const MOST_VALUES: usize = 20_000;
/// No array is longer, whatever `minItems` says.
const LONGEST_ARRAY: u64 = 1_000;
/// No string is longer, whatever `minLength` says; in characters.
const LONGEST_TEXT: usize = 4_096;

const WORDS: [&str; 8] = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor"];

/// A small value that satisfies the schema: required properties only, arrays as short as allowed.
pub(crate) fn instance(schema: &Value, rng: &mut Rng) -> Value {
    let mut maker = Maker { root: schema, rng, made: 0 };
    maker.make(schema, 0, 0)
}

/// The instance without the first required property of the root; `null` where nothing is required.
pub(crate) fn with_missing_field(schema: &Value, rng: &mut Rng) -> Value {
    let required = first_required(schema);
    match (instance(schema, rng), required) {
        (Value::Object(mut fields), Some(name)) => {
            fields.remove(&name);
            Value::Object(fields)
        }
        _ => Value::Null,
    }
}

/// The instance with a value of the wrong type in its first required property, or else its first declared one; a list where
/// the schema names no property or allows every type for it.
pub(crate) fn with_wrong_type(schema: &Value, rng: &mut Rng) -> Value {
    let root = flatten(schema, schema, 0);
    let properties = root.get("properties").and_then(Value::as_object);
    let name = first_required(schema).or_else(|| properties?.keys().next().cloned());
    let wrong = name.as_ref().and_then(|name| wrong_value(schema, properties?.get(name)?));
    match (instance(schema, rng), name, wrong) {
        (Value::Object(mut fields), Some(name), Some(wrong)) => {
            fields.insert(name, wrong);
            Value::Object(fields)
        }
        _ => Value::Array(vec![Value::from("not what was asked for")]),
    }
}

struct Maker<'a> {
    root: &'a Value,
    rng: &'a mut Rng,
    made: usize,
}

// === impl Maker ===

impl Maker<'_> {
    /// `ordinal` is the place in the array around, so that elements differ.
    fn make(&mut self, schema: &Value, depth: usize, ordinal: u64) -> Value {
        self.made += 1;
        if depth > DEEPEST || self.made > MOST_VALUES {
            return Value::Null;
        }
        let schema = flatten(self.root, schema, depth);
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array).filter(|values| !values.is_empty()) {
            let index = usize::try_from(ordinal).unwrap_or_default() % values.len();
            return values.get(index).cloned().unwrap_or_default();
        }
        match kind(&schema, depth) {
            "object" => self.object(&schema, depth),
            "array" => self.array(&schema, depth),
            "integer" => number(&schema, ordinal, true),
            "number" => number(&schema, ordinal, false),
            "boolean" => Value::Bool(true),
            "null" => Value::Null,
            _ => Value::String(self.text(&schema, ordinal)),
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut made = Map::new();
        for name in required(schema) {
            let property = properties.and_then(|properties| properties.get(name)).unwrap_or(&Value::Bool(true));
            let value = self.make(property, depth + 1, 0);
            made.insert(name.to_owned(), value);
        }
        Value::Object(made)
    }

    fn array(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let fixed = schema.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or_default().min(LONGEST_ARRAY);
        let items = schema.get("items").unwrap_or(&Value::Bool(true));
        let mut made = Vec::new();
        for ordinal in 0..least.max(u64::try_from(fixed.len()).unwrap_or_default()) {
            let item = usize::try_from(ordinal).ok().and_then(|index| fixed.get(index)).unwrap_or(items);
            made.push(self.make(item, depth + 1, ordinal));
        }
        Value::Array(made)
    }

    fn text(&mut self, schema: &Map<String, Value>, ordinal: u64) -> String {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        match format {
            "date" => format!("2026-01-{:02}", 1 + ordinal % 28),
            "date-time" => format!("2026-01-{:02}T12:00:00Z", 1 + ordinal % 28),
            "time" => "12:00:00Z".to_owned(),
            "duration" => "PT1H".to_owned(),
            "email" | "idn-email" => format!("{}{ordinal}@example.com", self.word()),
            "hostname" | "idn-hostname" => format!("{}.example.com", self.word()),
            "ipv4" => "192.0.2.1".to_owned(),
            "ipv6" => "2001:db8::1".to_owned(),
            "uri" | "uri-reference" | "iri" | "url" => format!("https://example.com/{}", self.word()),
            "uuid" => self.uuid(),
            _ => self.words(schema, ordinal),
        }
    }

    fn words(&mut self, schema: &Map<String, Value>, ordinal: u64) -> String {
        let limit = |name| schema.get(name).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
        let least = limit("minLength").unwrap_or_default().min(LONGEST_TEXT);
        let most = limit("maxLength").unwrap_or(LONGEST_TEXT).min(LONGEST_TEXT);
        let mut text = self.word().to_owned();
        if ordinal > 0 {
            text = format!("{ordinal}-{text}");
        }
        while text.len() < least {
            text.push('-');
            text.push_str(self.word());
        }
        // The words are ASCII, so a byte is a character.
        text.truncate(most.min(text.len().max(1)));
        text
    }

    fn word(&mut self) -> &'static str {
        self.rng.choice(WORDS).unwrap_or("sim")
    }

    fn uuid(&mut self) -> String {
        let bits = self.rng.u128(..);
        let (head, tail) = (bits >> 64, bits & 0xffff_ffff_ffff);
        let variant = 0x8 | ((bits >> 60) & 0x3);
        format!(
            "{:08x}-{:04x}-4{:03x}-{variant:x}{:03x}-{tail:012x}",
            head >> 32,
            (head >> 16) & 0xffff,
            head & 0xfff,
            (bits >> 48) & 0xfff
        )
    }
}

/// The keywords that hold for a value, with references and combinations folded in. Definitions are left behind.
fn flatten(root: &Value, schema: &Value, depth: usize) -> Map<String, Value> {
    let mut whole = Map::new();
    fold(&mut whole, root, schema, depth, 0);
    whole
}

fn fold(whole: &mut Map<String, Value>, root: &Value, schema: &Value, depth: usize, hops: usize) {
    let Some(schema) = schema.as_object() else { return };
    if hops > DEEPEST {
        return;
    }
    for (keyword, value) in schema {
        match keyword.as_str() {
            "$defs" | "definitions" | "$ref" | "allOf" | "anyOf" | "oneOf" => {}
            "properties" | "required" => join(whole, keyword, value),
            _ => {
                whole.entry(keyword.as_str()).or_insert_with(|| value.clone());
            }
        }
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|path| target(root, path)) {
        fold(whole, root, target, depth, hops + 1);
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        fold(whole, root, part, depth, hops + 1);
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(branch) = schema.get(keyword).and_then(Value::as_array).and_then(|all| branch(all, depth)) {
            fold(whole, root, branch, depth, hops + 1);
        }
    }
}

/// Adds properties to properties and required names to required names.
fn join(whole: &mut Map<String, Value>, keyword: &str, value: &Value) {
    match (whole.get_mut(keyword), value) {
        (Some(Value::Object(have)), Value::Object(more)) => {
            for (name, property) in more {
                have.entry(name.as_str()).or_insert_with(|| property.clone());
            }
        }
        (Some(Value::Array(have)), Value::Array(more)) => have.extend(more.iter().cloned()),
        (None, value) => {
            whole.insert(keyword.to_owned(), value.clone());
        }
        _ => {}
    }
}

/// The first branch; deep inside a recursive schema, one that ends it.
fn branch(all: &[Value], depth: usize) -> Option<&Value> {
    let ends = |branch: &&Value| branch.get("type").and_then(Value::as_str) == Some("null");
    let plain = |branch: &&Value| branch.get("$ref").is_none();
    if depth < DEEP {
        return all.first();
    }
    all.iter().find(ends).or_else(|| all.iter().find(plain)).or(all.first())
}

/// What a reference such as `#/$defs/Person` points at, in the same document.
fn target<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    let path = path.strip_prefix('#')?;
    let path = if path.contains('%') { Cow::Owned(path.replace("%24", "$").replace("%20", " ")) } else { path.into() };
    root.pointer(&path)
}

fn required(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn first_required(schema: &Value) -> Option<String> {
    required(&flatten(schema, schema, 0)).next().map(str::to_owned)
}

/// The type to make: the declared one (not null, if another is allowed and we are not deep), or what the keywords suggest.
fn kind(schema: &Map<String, Value>, depth: usize) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            let kinds = || kinds.iter().filter_map(Value::as_str);
            let null = kinds().find(|kind| *kind == "null");
            let other = kinds().find(|kind| *kind != "null");
            if depth >= DEEP { null.or(other) } else { other.or(null) }.unwrap_or("string")
        }
        _ => {
            let has = |names: &[&str]| names.iter().any(|name| schema.contains_key(*name));
            if has(&["properties", "required", "additionalProperties"]) {
                "object"
            } else if has(&["items", "prefixItems", "minItems"]) {
                "array"
            } else if has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) {
                "number"
            } else {
                "string"
            }
        }
    }
}

/// The number nearest to 1 (2, 3, … for later elements of an array) that keeps the bounds.
fn number(schema: &Map<String, Value>, ordinal: u64, whole: bool) -> Value {
    let bound = |name| schema.get(name).and_then(Value::as_f64);
    let step = bound("multipleOf").filter(|step| *step > 0.0).or(whole.then_some(1.0));
    let low = bound("minimum").unwrap_or(f64::NEG_INFINITY);
    let high = bound("maximum").unwrap_or(f64::INFINITY);
    let above = bound("exclusiveMinimum").unwrap_or(f64::NEG_INFINITY);
    let below = bound("exclusiveMaximum").unwrap_or(f64::INFINITY);
    let nudge =
        step.unwrap_or_else(|| if above.is_finite() && below.is_finite() { (below - above) / 2.0 } else { 0.5 });
    let wanted = (1.0 + f64::from(u32::try_from(ordinal).unwrap_or_default())).min(high).max(low);
    let mut value = step.map_or(wanted, |step| (wanted / step).round() * step);
    if value > high || value >= below {
        value = step.map_or(below - nudge, |step| ((high.min(below) / step).ceil() - 1.0) * step);
    }
    if value < low || value <= above {
        value = step.map_or(above + nudge, |step| {
            let up = (low.max(above) / step).ceil() * step;
            if up <= above { up + step } else { up }
        });
    }
    exact(value)
}

/// A whole number as an integer, anything else as it is.
fn exact(value: f64) -> Value {
    let text = format!("{value}");
    let integer = text.parse::<i64>().map(Number::from).ok();
    integer.or_else(|| Number::from_f64(value)).map_or(Value::from(0), Value::Number)
}

/// A value whose type the property does not allow; nothing where it allows every type.
fn wrong_value(root: &Value, property: &Value) -> Option<Value> {
    let mut allowed = Vec::new();
    types(root, property, 0, &mut allowed);
    if allowed.is_empty() {
        return None;
    }
    let candidates = [
        ("number", Value::from(-12.5)),
        ("string", Value::from("not what was asked for")),
        ("object", Value::Object(Map::new())),
        ("array", Value::Array(Vec::new())),
        ("boolean", Value::Bool(false)),
    ];
    let fits = |kind: &str| allowed.iter().any(|allowed| allowed == kind);
    candidates.into_iter().find(|(kind, _)| !fits(kind)).map(|(_, value)| value)
}

/// Every type the keywords name, through references and branches.
fn types(root: &Value, schema: &Value, hops: usize, found: &mut Vec<String>) {
    if hops > DEEP {
        return;
    }
    match schema.get("type") {
        Some(Value::String(kind)) => found.push(kind.clone()),
        Some(Value::Array(kinds)) => found.extend(kinds.iter().filter_map(Value::as_str).map(str::to_owned)),
        _ => {}
    }
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    found.extend(listed.chain(schema.get("const")).map(|value| name_of(value).to_owned()));
    if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|path| target(root, path)) {
        types(root, target, hops + 1, found);
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for part in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
            types(root, part, hops + 1, found);
        }
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
