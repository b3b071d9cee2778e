//! Hostile schemas: what was measured on the validator by itself, and must not come through here.

use serde_json::{Map, Value, json};

use crate::{Schema, SchemaError};

fn refused(schema: &Value) -> SchemaError {
    Schema::compile(schema).unwrap_err()
}

/// `levels` definitions that each branch twice into the next, through `keyword`.
fn doubling(levels: usize, keyword: &str) -> Value {
    let mut definitions = Map::new();
    for level in 0..levels {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        definitions.insert(format!("d{level}"), json!({ keyword: [next.clone(), next] }));
    }
    definitions.insert(format!("d{levels}"), json!({"type": "null"}));
    json!({"$ref": "#/$defs/d0", "$defs": definitions})
}

#[test]
#[expect(clippy::disallowed_types, reason = "the socket of somebody else, to see that nobody connects to it")]
fn a_reference_to_a_server_is_never_fetched() {
    let metadata = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    metadata.set_nonblocking(true).unwrap();
    let url = format!("http://{}/latest/meta-data", metadata.local_addr().unwrap());
    for schema in [
        json!({ "$ref": url }),
        json!({"properties": {"a": {"anyOf": [{ "$ref": url }]}}}),
        json!({ "$id": url, "$ref": "other" }),
        json!({ "$schema": url, "type": "object" }),
        json!({"$ref": "#/x", "x": { "$ref": url }}),
        json!({"$dynamicRef": url}),
    ] {
        let error = refused(&schema).to_string();
        assert!(!error.contains("connect"), "{error}");
    }
    assert!(metadata.accept().is_err(), "somebody connected");
    assert_eq!(
        refused(&json!({"properties": {"a": {"$ref": "https://example.com/s.json"}}})).to_string(),
        "the reference \"https://example.com/s.json\" at \"/properties/a\" leaves the schema, and nothing is ever fetched",
    );
}

#[test]
fn a_reference_to_a_file_is_never_read() {
    let here = concat!("file://", env!("CARGO_MANIFEST_DIR"), "/fixtures/zod_2020.json");
    for reference in ["file:///etc/passwd", here, "/etc/passwd", "../Cargo.toml"] {
        let error = refused(&json!({ "$ref": reference })).to_string();
        assert!(error.contains("nothing is ever fetched"), "{error}");
        assert!(!error.contains("root:") && !error.contains("additionalProperties"), "{error}");
    }
}

#[test]
fn branches_that_double_are_refused_before_anything_is_checked() {
    for keyword in ["anyOf", "allOf", "oneOf"] {
        let error = refused(&doubling(26, keyword));
        assert!(matches!(error, SchemaError::Multiplies { .. }), "{error}");
    }
    assert!(matches!(refused(&doubling(14, "anyOf")), SchemaError::Multiplies { .. }));
    let sound = Schema::compile(&doubling(5, "anyOf")).unwrap();
    assert!(sound.check(&json!(null)).is_empty() && !sound.check(&json!(1)).is_empty());
}

#[test]
fn branches_that_double_as_the_value_gets_deeper_are_stopped_when_it_is_checked() {
    let step = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}});
    let schema = Schema::compile(&json!({"$ref": "#/$defs/n", "$defs": {"n": {"anyOf": [
        {"allOf": [step, {"required": ["never"]}]}, {"allOf": [step, {"required": ["a"]}]}, {"type": "null"}]}}}))
    .unwrap();
    let nested = |depth: usize| {
        let text = format!("{}null{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert!(schema.check(&nested(6)).is_empty());
    let findings = schema.check(&nested(60));
    assert_eq!(findings[0].message, "takes too many steps to check against its schema");
}

#[test]
fn a_deep_answer_to_a_recursive_schema_does_not_end_the_process() {
    let mut chain = Map::new();
    for link in 0..50 {
        chain.insert(format!("c{link}"), json!({"allOf": [{"$ref": format!("#/$defs/c{}", link + 1)}]}));
    }
    chain.insert("c50".to_owned(), json!({"items": {"$ref": "#/$defs/c0"}, "type": "array"}));
    // 101 schemas in each other at every one of 100 levels.
    let error = Schema::compile(&json!({"$ref": "#/$defs/c0", "$defs": chain})).unwrap_err();
    assert!(matches!(error, SchemaError::TooLarge { .. }), "{error}");

    let deep = |levels: usize| {
        serde_json::from_str::<Value>(&format!("{}{}", "[".repeat(levels), "]".repeat(levels))).unwrap()
    };
    let recursive = json!({"$ref": "#/$defs/n", "$defs": {"n": {"anyOf": [
        {"allOf": [{"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/n"}}]}]}, {"type": "null"}]}}});
    let recursive = Schema::compile(&recursive).unwrap();
    assert!(recursive.check(&deep(60)).is_empty());
    assert_eq!(recursive.check(&deep(120))[0].message, "takes too many steps to check against its schema");
    let mut wrong = deep(60);
    *wrong.pointer_mut(&"/0".repeat(58)).unwrap() = json!([7]);
    assert!(!recursive.check(&wrong).is_empty());
}

#[test]
fn a_schema_that_comes_back_to_itself_in_place_is_refused() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]},
            "b": {"not": {"$ref": "#/$defs/a"}}}}),
    ] {
        assert!(matches!(refused(&schema), SchemaError::Circular { .. }));
    }
    assert!(Schema::compile(&json!({"items": {"$ref": "#"}})).is_ok());
}

#[test]
fn a_schema_nested_thousands_deep_is_refused_before_any_recursion() {
    let mut schema = json!({});
    for _ in 0..5_000 {
        schema = Value::Object(Map::from_iter([("not".to_owned(), schema)]));
    }
    assert!(matches!(refused(&schema), SchemaError::TooLarge { .. }));
    // Dropping it is recursive too, and not what is tested.
    while let Some(inner) = schema.get_mut("not").map(Value::take) {
        schema = inner;
    }
}

#[test]
fn long_chains_of_references_compile_or_are_refused_without_overflowing() {
    let mut definitions = Map::new();
    for link in 0..1_000 {
        let next = json!({"$ref": format!("#/$defs/c{}", link + 1)});
        definitions.insert(format!("c{link}"), json!({"properties": {"n": next}}));
    }
    definitions.insert("c1000".to_owned(), json!({}));
    let through_members = Schema::compile(&json!({"$ref": "#/$defs/c0", "$defs": definitions})).unwrap();
    assert!(through_members.check(&json!({"n": {"n": {}}})).is_empty());

    let mut definitions = Map::new();
    for link in 0..1_000 {
        definitions.insert(format!("c{link}"), json!({"$ref": format!("#/$defs/c{}", link + 1)}));
    }
    definitions.insert("c1000".to_owned(), json!({}));
    assert!(matches!(refused(&json!({"$ref": "#/$defs/c0", "$defs": definitions})), SchemaError::TooLarge { .. }));
}

#[test]
fn a_pattern_that_needs_backtracking_is_refused_by_name_and_place() {
    assert_eq!(
        refused(&json!({"properties": {"a": {"type": "string", "pattern": "^(a+)+\\1$"}}})).to_string(),
        "the pattern \"^(a+)+\\1$\" at \"/properties/a\" uses a back-reference, which cannot be matched in linear time",
    );
    for schema in [
        json!({"pattern": "(?<=a)b"}),
        json!({"patternProperties": {"^(?!x)": {}}}),
        json!({"propertyNames": {"pattern": "a(?!b)"}}),
    ] {
        let error = refused(&schema).to_string();
        assert!(error.contains("look-around"), "{error}");
    }
}

#[test]
fn a_pattern_that_is_too_large_or_broken_is_refused_by_name_and_place() {
    for pattern in ["(a{1000}){1000}", "[a", "(a"] {
        for schema in [
            json!({"properties": {"a": {"pattern": pattern}}}),
            json!({"properties": {"a": {"patternProperties": {pattern: {}}}}}),
        ] {
            let error = refused(&schema).to_string();
            assert!(error.contains(pattern) && error.contains("/properties/a"), "{error}");
        }
    }
    let evil = Schema::compile(&json!({"pattern": "^(a+)+$"})).unwrap();
    assert!(!evil.check(&json!(format!("{}!", "a".repeat(50_000)))).is_empty());
}

#[test]
fn sizes_are_bounded() {
    let fields = |count: usize, length: usize| {
        let named = (0..count).map(|place| (format!("f{place}"), json!({"title": "t".repeat(length)})));
        json!({"properties": named.collect::<Map<_, _>>()})
    };
    assert!(Schema::compile(&fields(1_000, 10)).is_ok());
    assert!(matches!(refused(&fields(1_000, 60)), SchemaError::TooLarge { limit: 65_536, .. }));
    assert!(matches!(refused(&fields(3_000, 1)), SchemaError::TooLarge { limit: 5_000, .. }));
    let patterns = (0..65).map(|place| json!({"pattern": format!("^{place}")}));
    assert!(matches!(
        refused(&json!({"anyOf": patterns.collect::<Vec<_>>()})),
        SchemaError::TooLarge { limit: 64, .. }
    ));
    let nested = (0..5).fold(json!({}), |inner, _| json!({"allOf": [inner], "unevaluatedProperties": false}));
    assert!(matches!(refused(&nested), SchemaError::TooLarge { limit: 4, .. }));
}

#[test]
fn what_is_no_schema_is_refused_where_it_is_wrong() {
    let error = refused(&json!({"properties": {"a": {"type": "strnig"}}})).to_string();
    assert!(error.contains("/properties/a/type"), "{error}");
    assert!(Schema::compile(&json!("object")).is_err());
    let reference = refused(&json!({"properties": {"a": {"$ref": "#/$defs/missing"}}}));
    assert!(reference.to_string().contains("points to nothing"), "{reference}");
    assert!(matches!(refused(&json!({"$schema": "https://example.com/mine"})), SchemaError::Dialect { .. }));
}
