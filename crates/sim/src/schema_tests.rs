//! What the value maker promises, schema by schema.

use super::*;

/// JSON as it stands in the source.
macro_rules! json {
    ($($json:tt)+) => { serde_json::from_str::<Value>(stringify!($($json)+)).unwrap() };
}

fn made(schema: &Value) -> Value {
    instance(schema, &mut Rng::with_seed(7))
}

#[test]
fn an_exported_model_with_definitions_is_filled_in() {
    let schema = json!({
        "$defs": {
            "Colour": {"enum": ["red", "green"], "type": "string"},
            "Line": {"type": "object", "properties": {"sku": {"type": "string", "minLength": 20, "maxLength": 22},
                     "count": {"type": "integer", "minimum": 5}}, "required": ["sku", "count"]}
        },
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "day": {"type": "string", "format": "date"},
            "at": {"type": "string", "format": "date-time"},
            "mail": {"type": "string", "format": "email"},
            "colour": {"$ref": "#/$defs/Colour"},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}, "minItems": 2},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "kind": {"const": "order"},
            "weight": {"type": "number", "exclusiveMinimum": 3.0, "exclusiveMaximum": 4.0},
            "left_out": {"type": "string"}
        },
        "required": ["id", "day", "at", "mail", "colour", "lines", "note", "kind", "weight"]
    });
    let value = made(&schema);
    let uuid = value["id"].as_str().unwrap();
    assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{uuid}");
    assert_eq!(&uuid[14..15], "4");
    assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
    assert_eq!(value["day"], "2026-01-01");
    assert_eq!(value["at"], "2026-01-01T12:00:00Z");
    assert!(value["mail"].as_str().unwrap().ends_with("@example.com"));
    assert_eq!(value["colour"], "red");
    assert_eq!(value["lines"].as_array().unwrap().len(), 2);
    let sku = value["lines"][1]["sku"].as_str().unwrap();
    assert!((20..=22).contains(&sku.len()), "{sku}");
    assert_eq!(value["lines"][0]["count"], 5);
    assert!(value["note"].is_string());
    assert_eq!(value["kind"], "order");
    let weight = value["weight"].as_f64().unwrap();
    assert!(weight > 3.0 && weight < 4.0, "{weight}");
    assert_eq!(value.get("left_out"), None);
    assert_eq!(value, made(&schema), "the same seed gives the same value");
}

#[test]
fn numbers_keep_their_bounds() {
    for (schema, expected) in [
        (json!({"type": "integer"}), json!(1)),
        (json!({"type": "integer", "maximum": -3}), json!(-3)),
        (json!({"type": "integer", "exclusiveMinimum": 10}), json!(11)),
        (json!({"type": "integer", "exclusiveMaximum": 0}), json!(-1)),
        (json!({"type": "integer", "minimum": 7, "multipleOf": 5}), json!(10)),
        (json!({"type": "integer", "exclusiveMinimum": 10, "multipleOf": 5}), json!(15)),
        (json!({"type": "number", "minimum": 0, "maximum": 0.5}), json!(0.5)),
        (json!({"type": "number", "exclusiveMaximum": 1}), json!(0.5)),
        (json!({"minimum": 2}), json!(2)),
    ] {
        assert_eq!(made(&schema), expected, "{schema}");
    }
}

#[test]
fn elements_of_an_array_differ() {
    let schema = json!({"type": "array", "minItems": 3, "uniqueItems": true, "items": {"type": "string"}});
    let value = made(&schema);
    let mut texts: Vec<_> = value.as_array().unwrap().clone();
    texts.sort_by_key(ToString::to_string);
    texts.dedup();
    assert_eq!(texts.len(), 3, "{value}");
    assert_eq!(made(&json!({"type": "array", "minItems": 2, "items": {"enum": ["a", "b"]}})), json!(["a", "b"]));
}

#[test]
fn a_recursive_schema_ends() {
    let schema = json!({
        "$defs": {"Node": {"type": "object", "required": ["next"],
                  "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}}}},
        "$ref": "#/$defs/Node"
    });
    let text = made(&schema).to_string();
    assert!(text.contains("null"), "{text}");
    let endless = json!({"type": "object", "required": ["again"], "properties": {"again": {"$ref": "#"}}});
    assert!(made(&endless).is_object());
    assert!(made(&json!({"$ref": "#"})).is_string());
    assert!(made(&json!({"type": "array", "minItems": 1000000000, "items": {"type": "null"}})).is_array());
}

#[test]
fn parts_of_all_of_hold_together() {
    let schema = json!({"allOf": [
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        {"properties": {"b": {"type": "boolean"}}, "required": ["b"]}
    ]});
    assert_eq!(made(&schema), json!({"a": 1, "b": true}));
}

#[test]
fn the_violations_violate() {
    let schema = json!({"type": "object", "properties": {"age": {"type": "integer"}, "name": {"type": "string"}},
                        "required": ["name", "age"]});
    let rng = &mut Rng::with_seed(7);
    let missing = with_missing_field(&schema, rng);
    assert_eq!(missing, json!({"age": 1}));
    let wrong = with_wrong_type(&schema, rng);
    assert!(wrong["name"].is_number() && wrong["age"].is_number(), "{wrong}");
    let nullable = json!({"type": "object", "required": ["n"], "properties": {"n": {"anyOf": [{"type": "number"}, {"type": "null"}]}}});
    assert!(with_wrong_type(&nullable, rng)["n"].is_string());
    assert!(with_wrong_type(&json!({"type": "object"}), rng).is_array());
    assert_eq!(with_missing_field(&json!({"type": "object"}), rng), Value::Null);
}
