//! Which JSON Schemas Anthropic compiles, for `output_config.format` and for strict tools.
//!
//! The real API refuses what its grammar cannot promise: open objects, bounds of numbers, lengths and arrays, `oneOf`. A gateway
//! that hands such a schema on unchanged is told so here. References are not followed; definitions are checked where they stand.

use serde_json::{Map, Value};

use super::fields::Check;

/// No schema is nested deeper.
const DEEPEST: usize = 64;

const OF_NUMBERS: [&str; 5] = ["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"];
const OF_TEXTS: [&str; 2] = ["maxLength", "minLength"];
const OF_ARRAYS: [&str; 6] = ["contains", "maxContains", "maxItems", "minContains", "prefixItems", "uniqueItems"];
const OF_OBJECTS: [&str; 5] =
    ["maxProperties", "minProperties", "patternProperties", "propertyNames", "unevaluatedProperties"];
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// Whether the schema at this path is one that Anthropic compiles.
pub(crate) fn check(at: &str, schema: &Value) -> Check {
    walk(schema, 0).map_err(|why| format!("{at}: {why}"))
}

fn walk(schema: &Value, depth: usize) -> Check {
    let Some(schema) = schema.as_object() else {
        return Err("Schemas must be objects".to_owned());
    };
    if depth > DEEPEST {
        return Err("Invalid schema: The compiled grammar is too large".to_owned());
    }
    for word in ["oneOf", "not", "if", "dependentSchemas"] {
        if schema.contains_key(word) {
            return Err(format!("Schema type '{word}' is not supported"));
        }
    }
    for kind in kinds(schema) {
        of_kind(kind, schema)?;
    }
    for holder in ["properties", "$defs", "definitions"] {
        for part in schema.get(holder).and_then(Value::as_object).into_iter().flat_map(Map::values) {
            walk(part, depth + 1)?;
        }
    }
    for holder in ["anyOf", "allOf"] {
        for part in schema.get(holder).and_then(Value::as_array).into_iter().flatten() {
            walk(part, depth + 1)?;
        }
    }
    schema.get("items").map_or(Ok(()), |items| walk(items, depth + 1))
}

fn of_kind(kind: &str, schema: &Map<String, Value>) -> Check {
    match kind {
        "object" if schema.get("additionalProperties") != Some(&Value::Bool(false)) => {
            Err("For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned())
        }
        "object" => none_of(kind, schema, &OF_OBJECTS),
        "array" => match schema.get("minItems").map(Value::as_u64) {
            None | Some(Some(0 | 1)) => none_of(kind, schema, &OF_ARRAYS),
            Some(_) => Err("For 'array' type, 'minItems' values other than 0 or 1 are not supported".to_owned()),
        },
        "integer" | "number" => none_of(kind, schema, &OF_NUMBERS),
        "string" => match schema.get("format").and_then(Value::as_str) {
            Some(format) if !FORMATS.contains(&format) => Err(format!(
                "For 'string' type, format '{}' is not supported",
                format.chars().take(64).collect::<String>()
            )),
            _ => none_of(kind, schema, &OF_TEXTS),
        },
        _ => Ok(()),
    }
}

fn none_of(kind: &str, schema: &Map<String, Value>, words: &[&str]) -> Check {
    let found: Vec<&str> = words.iter().copied().filter(|word| schema.contains_key(*word)).collect();
    match found.as_slice() {
        [] => Ok(()),
        [only] => Err(format!("For '{kind}' type, property '{only}' is not supported")),
        several => Err(format!("For '{kind}' type, properties {} are not supported", several.join(", "))),
    }
}

/// The declared types.
fn kinds(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let (one, several) = match schema.get("type") {
        Some(Value::String(kind)) => (Some(kind.as_str()), None),
        Some(Value::Array(kinds)) => (None, Some(kinds)),
        _ => (None, None),
    };
    one.into_iter().chain(several.into_iter().flatten().filter_map(Value::as_str))
}
