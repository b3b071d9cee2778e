//! Schemas exactly as Pydantic v2, Zod 4 and `zod-to-json-schema` export them, and what their answers look like.

use serde_json::{Value, json};

use crate::Schema;

const ORDER: &str = include_str!("../../fixtures/pydantic_order.json");
const FILTER: &str = include_str!("../../fixtures/pydantic_filter.json");
const ZOD: &str = include_str!("../../fixtures/zod_2020.json");
const ZOD_7: &str = include_str!("../../fixtures/zod_draft7.json");
const ZOD_3: &str = include_str!("../../fixtures/zod3_to_json_schema.json");

fn schema(text: &str) -> Schema {
    Schema::compile(&serde_json::from_str(text).unwrap()).unwrap()
}

/// The findings as a person reads them.
fn findings(schema: &Schema, value: &Value) -> Vec<String> {
    schema.check(value).iter().map(ToString::to_string).collect()
}

/// The value with one place changed.
fn with(value: &Value, pointer: &str, new: Value) -> Value {
    let mut value = value.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap()[name] = new;
    value
}

fn order() -> Value {
    json!({
        "id": "6f1c0a5e-27c5-4c0e-9a55-1a1f7a0f3f11", "placed_at": "2026-02-28T10:00:00Z", "deliver_on": null,
        "within": "P3D", "email": "ada@example.com", "site": "https://example.com/a", "priority": "high",
        "fallback_priority": null, "amount": "19.90", "tax": "1.5",
        "ship_to": {"street": "1 Long Road", "country": "FR"}, "bill_to": null,
        "payment": {"kind": "card", "last4": "4242"}, "position": [1, 2.5], "tags": ["a", "b"], "stock": {"x": 3},
    })
}

#[test]
fn a_pydantic_model_takes_what_it_describes() {
    assert_eq!(findings(&schema(ORDER), &order()), [""; 0]);
}

#[test]
fn a_finding_says_where_and_what_for_every_kind_of_field() {
    let schema = schema(ORDER);
    let cases = [
        ("/id", json!("12"), "$.id: expected text in the format \"uuid\""),
        ("/placed_at", json!("yesterday"), "$.placed_at: expected text in the format \"date-time\""),
        ("/deliver_on", json!("2026-02-30"), "$.deliver_on: expected text in the format \"date\""),
        ("/within", json!("3 days"), "$.within: expected text in the format \"duration\""),
        ("/email", json!("ada"), "$.email: expected text in the format \"email\""),
        ("/priority", json!("urgent"), "$.priority: expected one of \"low\", \"normal\", \"high\""),
        ("/fallback_priority", json!("urgent"), "$.fallback_priority: expected one of \"low\", \"normal\", \"high\""),
        ("/amount", json!(true), "$.amount: matches none of the 2 allowed forms"),
        ("/amount", json!("-."), "$.amount: expected text that does not match \"^(?:^[-+.]*$)\""),
        ("/amount", json!("12 EUR"), "$.amount: expected text that matches \"^[+-]?0*\\d*\\.?\\d*$\""),
        ("/tax", json!(""), "$.tax: expected text that does not match \"^(?:^[-+.]*$)\""),
        ("/ship_to/country", json!("France"), "$.ship_to.country: expected text that matches \"^[A-Z]{2}$\""),
        ("/ship_to/zip", json!(75001), "$.ship_to: unknown member \"zip\""),
        ("/bill_to", json!({"street": "x"}), "$.bill_to: the member \"country\" is missing"),
        ("/payment", json!({"kind": "transfer", "iban": 7}), "$.payment.iban: expected text, found number"),
        ("/payment", json!({"kind": "cash"}), "$.payment: matches none of the 2 allowed forms"),
        ("/position", json!([1, "x"]), "$.position[1]: expected number, found text"),
        ("/position", json!([1]), "$.position: expected at least 2 items"),
        ("/tags", json!(["a", "a"]), "$.tags: an item occurs twice"),
        ("/stock/x", json!(0), "$.stock.x: expected more than 0"),
        ("/stock/x", json!(1.5), "$.stock.x: expected whole number, found number"),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(findings(&schema, &with(&order(), pointer, value)), [expected], "{pointer}");
    }
}

#[test]
fn a_recursive_union_with_a_discriminator_is_checked_all_the_way_down() {
    let schema = schema(FILTER);
    let mut filter = json!({"op": "is", "field": "age", "value": 3});
    for depth in 0..8 {
        filter = match depth % 3 {
            0 => json!({"op": "not", "filter": filter}),
            1 => json!({"op": "or", "filters": [filter.clone(), filter]}),
            _ => json!({"op": "and", "filters": [filter]}),
        };
    }
    let filter = json!({"op": "and", "filters": [filter]});
    assert_eq!(findings(&schema, &filter), [""; 0]);

    let wrong = json!({"op": "and", "filters": [{"op": "not", "filter": {"op": "is", "field": 1, "value": 3}}]});
    assert_eq!(findings(&schema, &wrong), ["$.filters[0].filter.field: expected text, found number"]);
}

fn zod_answer() -> Value {
    json!({
        "id": "6f1c0a5e-27c5-4c0e-9a55-1a1f7a0f3f11", "email": "ada.l@example.com", "at": "2024-02-29T10:00:00Z",
        "length": "P1DT2H", "host": "api.example.com", "data": "YWJj", "count": 2, "note": null,
        "shape": {"type": "square", "side": 2}, "pair": ["a", 1], "scores": {"a": 1.5},
        "owner": {"name": "Ada", "children": [{"name": "Bo", "children": []}]},
    })
}

#[test]
fn zods_own_look_ahead_works_and_means_what_it_meant() {
    let schema = schema(ZOD);
    assert_eq!(findings(&schema, &zod_answer()), [""; 0]);
    let refused = [
        ("/email", json!("a..b@example.com")),
        ("/email", json!(".a@example.com")),
        ("/email", json!("a@b")),
        ("/at", json!("2023-02-29T10:00:00Z")),
        ("/length", json!("P")),
        ("/length", json!("P1DT")),
        ("/length", json!("P1W2D")),
        ("/host", json!("-a.example.com")),
        ("/host", json!(format!("{}com", "abcdefghi.".repeat(26)))),
        ("/scores/A1", json!(1)),
        ("/count", json!(0)),
        ("/pair", json!([1, 1])),
    ];
    for (pointer, value) in refused {
        assert_ne!(findings(&schema, &with(&zod_answer(), pointer, value.clone())), [""; 0], "{pointer} {value}");
    }
    for length in ["P3W", "PT5M", "P1Y2M3DT4H5M6.7S"] {
        // The built-in format takes no fraction, so only the pattern is at stake for the last one.
        let findings = findings(&schema, &with(&zod_answer(), "/length", json!(length)));
        assert!(!findings.iter().any(|finding| finding.contains("match")), "{length}: {findings:?}");
    }
}

#[test]
fn a_union_with_a_discriminator_is_explained_by_the_branch_that_was_meant() {
    let wrong = with(&zod_answer(), "/shape", json!({"type": "circle", "radius": "2"}));
    assert_eq!(findings(&schema(ZOD), &wrong), ["$.shape.radius: expected number, found text"]);
    let deep = with(&zod_answer(), "/owner/children", json!([{"name": "", "children": []}]));
    assert_eq!(findings(&schema(ZOD), &deep), ["$.owner.children[0].name: expected at least 1 characters"]);
}

#[test]
fn drafts_before_2020_keep_their_own_meaning() {
    let seven = schema(ZOD_7);
    let good = json!({"name": "a", "pair": ["x", 1, true], "price": 1, "owner": {"name": "b"},
        "next": {"name": "c", "next": null}});
    assert_eq!(findings(&seven, &good), [""; 0]);
    assert_eq!(findings(&seven, &with(&good, "/pair", json!(["x", "y"]))), ["$.pair[1]: expected number, found text"]);
    assert_eq!(
        findings(&seven, &with(&good, "/pair", json!(["x", 1, 2]))),
        ["$.pair[2]: expected true or false, found number"]
    );
    assert_eq!(
        findings(&seven, &with(&good, "/next", json!({"next": null}))),
        ["$.next: the member \"name\" is missing"]
    );

    let three = schema(ZOD_3);
    let good = json!({"id": "6f1c0a5e-27c5-4c0e-9a55-1a1f7a0f3f11", "from": {"email": "a@example.com"},
        "to": {"email": "b@example.com"}, "subject": null});
    assert_eq!(findings(&three, &good), [""; 0]);
    assert_eq!(findings(&three, &with(&good, "/id", json!("7"))), ["$.id: expected text in the format \"uuid\""]);
    assert_eq!(
        findings(&three, &with(&good, "/to", json!({"email": "b"}))),
        ["$.to.email: expected text in the format \"email\""]
    );
    assert_eq!(
        findings(&three, &with(&good, "/subject", json!(1))),
        ["$.subject: expected null or text, found number"]
    );
}

#[test]
fn a_schema_without_a_dialect_is_taken_for_the_newest_that_fits() {
    let tuple = Schema::compile(&json!({"type": "array", "items": [{"type": "string"}]})).unwrap();
    assert!(!tuple.check(&json!([1])).is_empty() && tuple.check(&json!(["a", 1])).is_empty());
    let four = Schema::compile(&json!({"type": "number", "minimum": 0, "exclusiveMinimum": true})).unwrap();
    assert!(!four.check(&json!(0)).is_empty() && four.check(&json!(1)).is_empty());
}

#[test]
fn names_and_anchors_inside_a_schema_can_be_referred_to() {
    let tree = Schema::compile(&json!({"$id": "T0", "type": "object", "properties": {
        "nodes": {"type": "array", "items": {"$ref": "T0"}}}, "required": ["nodes"]}));
    assert_eq!(
        findings(&tree.unwrap(), &json!({"nodes": [{"nodes": [{}]}]})),
        ["$.nodes[0].nodes[0]: the member \"nodes\" is missing"]
    );
    let inner = Schema::compile(&json!({"$ref": "urn:b#/$defs/c d", "$defs": {"a": {"$id": "urn:b", "$defs": {
        "c d": {"$ref": "#x"}, "e": {"$anchor": "x", "type": "null"}}}}}));
    assert_eq!(findings(&inner.unwrap(), &json!(1)), ["$: expected null, found number"]);
}

#[test]
fn what_only_looks_like_a_reference_or_a_pattern_is_left_alone() {
    let schema = Schema::compile(&json!({
        "type": "object",
        "properties": {"$ref": {"type": "string"}, "$id": {"type": "string"}, "pattern": {"type": "number"}},
        "default": {"$ref": "http://example.com/", "pattern": "(?<=a)b"},
        "examples": [{"$ref": "file:///etc/passwd"}],
        "required": ["$ref"],
    }))
    .unwrap();
    assert_eq!(findings(&schema, &json!({"$ref": "x", "$id": "y", "pattern": 1})), [""; 0]);
    assert_eq!(findings(&schema, &json!({"$ref": 1})), ["$.$ref: expected text, found number"]);
}

#[test]
fn findings_are_few_and_short_and_hold_no_values() {
    let schema = Schema::compile(&json!({"type": "array", "items": {"type": "object", "additionalProperties": false,
        "properties": {"a": {"enum": ["x"]}, "b": {"maxLength": 3}, "c": {"format": "email"}}}}))
    .unwrap();
    let item = json!({"a": "hunter2", "b": "hunter2", "c": "hunter2", "n".repeat(5_000): 1});
    let findings = schema.check(&json!(vec![item; 50]));
    assert_eq!(findings.len(), crate::MOST_FINDINGS);
    for finding in findings {
        assert!(finding.message.chars().count() <= crate::LONGEST_MESSAGE);
        assert!(!finding.message.contains("hunter2"), "{}", finding.message);
    }
    let long = json!({"type": "object", "additionalProperties": {"type": "object", "additionalProperties": false}});
    let deep = Schema::compile(&long).unwrap().check(&json!({"k".repeat(5_000): 1}));
    assert!(deep[0].pointer.chars().count() <= crate::LONGEST_MESSAGE);
}
