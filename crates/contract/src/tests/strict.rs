//! Which schemas go upstream as strict ones, and in which words.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::Schema;

fn fits(schema: &Value) -> bool {
    Schema::compile(schema).unwrap().fits_strict()
}

/// An object with one member of this schema, closed and required.
fn holding(member: &Value) -> Value {
    json!({"type": "object", "properties": {"a": member}, "required": ["a"], "additionalProperties": false})
}

#[test]
fn a_schema_goes_upstream_as_it_was_compiled() {
    let source = json!({"type": "object", "$id": "https://example.com/a", "properties": {"b": {"$ref": "#/$defs/c"}},
        "$defs": {"c": {"type": "string", "title": "C"}}});
    let schema = Schema::compile(&source).unwrap();
    assert_eq!(serde_json::from_str::<Value>(schema.text()).unwrap(), source);
    assert!(Arc::ptr_eq(schema.text(), schema.clone().text()));
}

#[test]
fn what_every_vendor_takes_fits() {
    let defined = json!({"type": "object", "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "T",
        "properties": {"a": {"$ref": "#/$defs/b"}, "c": {"anyOf": [{"$ref": "#/$defs/b"}, {"type": "null"}]}},
        "required": ["a", "c"], "additionalProperties": false, "$defs": {"b": holding(&json!({"type": "string"}))}});
    let members = [
        json!({"type": "integer", "description": "years"}),
        json!({"type": ["string", "null"]}),
        json!({"type": "string", "format": "date-time"}),
        json!({"enum": ["low", "high"]}),
        json!({"type": "string", "const": "card"}),
        json!({"type": "array", "items": holding(&json!({"type": "boolean"}))}),
        json!({"type": "object", "properties": {}, "additionalProperties": false}),
        json!({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}),
    ];
    assert!(fits(&defined));
    for member in members {
        assert!(fits(&holding(&member)), "{member}");
    }
}

#[test]
fn what_any_vendor_would_refuse_does_not_fit() {
    let card = json!({"type": "object", "properties": {"kind": {"const": "card"}}, "required": ["kind"],
        "additionalProperties": false});
    let mut cash = card.clone();
    cash["properties"]["kind"]["const"] = json!("cash");
    let members = [
        json!(true),
        json!({}),
        json!({"type": "string", "default": "x"}),
        json!({"type": "string", "minLength": 1}),
        json!({"type": "string", "pattern": "^a"}),
        json!({"type": "string", "format": "json-pointer"}),
        json!({"type": "integer", "minimum": 0}),
        json!({"type": "array", "items": {"type": "string"}, "maxItems": 3}),
        json!({"type": "array"}),
        json!({"type": "array", "prefixItems": [{"type": "string"}]}),
        json!({"type": ["object", "null"]}),
        json!({"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}),
        json!({"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": false}),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
        json!({"oneOf": [{"type": "string"}, {"type": "null"}]}),
        json!({"allOf": [{"type": "string"}]}),
        json!({"not": {"type": "string"}}),
        json!({"anyOf": [card, cash]}),
        json!({"enum": [{"a": 1}]}),
        json!({"enum": (0..1_001).collect::<Vec<i32>>()}),
    ];
    for member in members {
        assert!(!fits(&holding(&member)), "{member}");
    }
    let mut deep = json!({"type": "string"});
    for level in 0..6 {
        assert_eq!(fits(&holding(&deep)), level < 5, "{level}");
        deep = holding(&deep);
    }
    let mut beside = holding(&json!({"$ref": "#/$defs/b", "description": "beside a reference"}));
    beside["$defs"] = json!({"b": {"type": "string"}});
    let mut recursive = holding(&json!({"anyOf": [{"$ref": "#/$defs/b"}, {"type": "null"}]}));
    recursive["$defs"] = json!({"b": holding(&json!({"anyOf": [{"$ref": "#/$defs/b"}, {"type": "null"}]}))});
    let roots = [
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"type": "string"}),
        json!({"type": "object"}),
        json!({"type": "object", "anyOf": [{"type": "object"}]}),
        json!(true),
        beside,
        recursive,
    ];
    for root in roots {
        assert!(!fits(&root), "{root}");
    }
}

/// References that meet again are looked at again: that must end.
#[test]
fn a_schema_of_references_that_multiply_does_not_fit() {
    let mut schema = holding(&json!({"$ref": "#/$defs/d0"}));
    schema["$defs"] = json!({"d4": {"type": "string"}});
    for level in 0..4 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        let names: Vec<String> = (0..100).map(|at| format!("m{at}")).collect();
        let properties: Value = names.iter().map(|name| (name.clone(), next.clone())).collect();
        schema["$defs"][format!("d{level}")] =
            json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false});
    }
    assert!(!fits(&schema));
}
