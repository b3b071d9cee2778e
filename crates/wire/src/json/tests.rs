//! The short cuts read what the long ways read: strings, bytes that are not UTF-8, objects in objects.

use proptest::prelude::*;

use super::*;

#[derive(Debug, serde::Deserialize)]
struct Pair<'a> {
    #[serde(borrow, default)]
    a: Option<&'a RawValue>,
    #[serde(borrow, default)]
    inner: Option<Object<Inner<'a>>>,
}

#[derive(Debug, serde::Deserialize)]
struct Inner<'a> {
    #[serde(borrow, default)]
    b: Option<&'a RawValue>,
}

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_string_without_escapes_is_borrowed_and_every_other_is_decoded() {
    assert!(matches!(text(raw("\"héllo 😀\"")), Some(Cow::Borrowed("héllo 😀"))));
    assert!(matches!(text(raw(" \"\" ")), Some(Cow::Borrowed(""))));
    for (json, expected) in
        [(r#""a\nb""#, "a\nb"), (r#""\"""#, "\""), (r#""\\""#, "\\"), (r#""\u00e9\ud83d\ude00""#, "é😀")]
    {
        assert_eq!(text(raw(json)).as_deref(), Some(expected), "{json}");
    }
    for other in ["1", "null", "true", "[\"a\"]", "{\"a\":\"b\"}"] {
        assert_eq!(text(raw(other)), None, "{other}");
    }
}

#[test]
fn half_of_a_surrogate_pair_costs_one_character_and_not_the_text() {
    for json in [r#""a\ud83db""#, r#""a\ude00b""#] {
        let read = text(raw(json)).unwrap();
        assert!(read.starts_with('a') && read.ends_with('b') && read.contains('\u{fffd}'), "{json}: {read}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused_only_where_somebody_looks() {
    assert_eq!(object_in::<Pair<'_>>(b"{\"x\":\"\xff\",\"a\":1}").unwrap().a.unwrap().get(), "1");
    assert!(object_in::<Pair<'_>>(b"{\"a\":\"\xff\"}").is_err());
    assert!(object_in::<Pair<'_>>(b"{\"a\":1}\xff").is_err());
}

#[test]
fn a_member_object_is_an_object_and_its_keys_come_once() {
    let read = |json: &'static str| object::<Pair<'_>>(json);
    assert_eq!(read(r#"{"inner":{"b":[1],"b2":{}}}"#).unwrap().inner.unwrap().0.b.unwrap().get(), "[1]");
    assert!(read(r#"{"inner":null}"#).unwrap().inner.is_none());
    for json in
        [r#"{"inner":[1]}"#, r#"{"inner":[]}"#, r#"{"inner":"b"}"#, r#"{"inner":1}"#, r#"{"inner":{"b":1,"b":1}}"#]
    {
        assert!(read(json).is_err(), "{json}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_as_it_was_written(said in any::<String>()) {
        let json = serde_json::to_string(&said).unwrap();
        let read = text(raw(&json)).unwrap();
        prop_assert_eq!(&*read, &*said);
        prop_assert_eq!(matches!(read, Cow::Borrowed(_)), !json.contains('\\'));
    }
}
