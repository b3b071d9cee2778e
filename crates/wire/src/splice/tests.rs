//! Edits against serde_json: what a parser sees after a splice is what it would see after the same change to a value.

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::*;

fn body(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn span_of(body: &str, key: &str) -> Range<usize> {
    let members: std::collections::HashMap<String, &RawValue> = serde_json::from_str(body).unwrap();
    json::span(body.as_bytes(), members[key])
}

#[test]
fn nothing_to_edit_gives_the_very_same_bytes() {
    let original = body(r#"{"a":1}"#);
    let spliced = Splice::new().apply(&original);
    assert_eq!(spliced.as_ptr(), original.as_ptr());
}

#[test]
fn a_member_goes_into_an_empty_object_without_a_comma() {
    assert_eq!(with_member(&body(" { } \n"), "x", "1").unwrap(), " { \"x\":1} \n".as_bytes());
    assert_eq!(with_member(&body(r#"{"a":1}"#), "x", "{}").unwrap(), r#"{"a":1,"x":{}}"#.as_bytes());
}

#[test]
fn what_is_not_an_object_gets_no_member() {
    for text in ["", "[]", "null", "[{}", "{\"a\":1", "<html>}"] {
        assert_eq!(with_member(&body(text), "x", "1"), None, "{text}");
    }
}

#[test]
fn a_key_that_holds_quotes_is_removed_whole() {
    let text = r#"{"k":"v", "a\"\\" : [1,2] , "z":0}"#;
    let mut splice = Splice::new();
    splice.remove_member(text.as_bytes(), span_of(text, "a\"\\"));
    let out = splice.apply(&body(text));
    assert_eq!(out, r#"{"k":"v" , "z":0}"#.as_bytes());
}

#[test]
fn a_span_that_is_no_member_changes_nothing() {
    let text = r#"{"a":[1,2,3]}"#;
    for span in [0..1, 6..7, 8..9, 40..50] {
        let mut splice = Splice::new();
        splice.remove_member(text.as_bytes(), span);
        assert_eq!(splice.apply(&body(text)), text.as_bytes());
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~\\n\u{e9}\u{4e2d}\u{1f600}]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"\\\\]{1,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn edits_mean_what_the_same_change_to_a_value_means(
        members in prop::collection::btree_map("[a-z\"\\\\ ]{1,5}", value(), 0..6),
        pretty in any::<bool>(),
        actions in prop::collection::vec(0..3u8, 6),
        name in "[A-Z\"\\\\\\n]{1,4}",
    ) {
        let mut expected: Map<String, Value> = members.into_iter().collect();
        let original = Value::Object(expected.clone());
        let text = if pretty { serde_json::to_string_pretty(&original) } else { serde_json::to_string(&original) }.unwrap();
        let mut splice = Splice::new();
        for (key, action) in expected.clone().keys().zip(actions) {
            match action {
                0 => {
                    splice.remove_member(text.as_bytes(), span_of(&text, key));
                    expected.remove(key);
                }
                1 => {
                    splice.replace(span_of(&text, key), "\"new\"");
                    expected.insert(key.clone(), Value::from("new"));
                }
                _ => {}
            }
        }
        splice.insert_member(json::object_end(text.as_bytes()).unwrap(), &name, "[7]");
        expected.insert(name, Value::from(vec![7]));
        let out = splice.apply(&body(&text));
        let got: Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(got, Value::Object(expected));
    }
}
