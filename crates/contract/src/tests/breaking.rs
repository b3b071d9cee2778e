//! Properties of local repair: it says what was meant or nothing, whatever was broken, and never panics.

mod style;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use self::style::style;
use crate::{Answer, Promise};

/// Texts that are easily taken for something else.
const TRICKY: [&str; 20] = [
    "",
    " ",
    "a\"b",
    "it's",
    "C:\\temp",
    "```json",
    "// no comment",
    "# 1",
    "/* x */",
    "{\"a\": 1}",
    "[1, 2",
    "a, b",
    "x: y",
    "True",
    "null",
    "“quoted”",
    "line\nbreak\ttab",
    "\\\"",
    "}]",
    "12",
];
/// Pieces of which broken texts are made.
const PIECES: [&str; 36] = [
    "{", "}", "[", "]", ",", ":", "\"", "'", "`", "```", "json", "//", "#", "/*", "*/", "\\", "\\\"", "\\u12", "\n",
    " ", "1", "-", "0.5", "a", "true", "None", "“", "”", "{{", "}}", "...", "\u{feff}", "é", "=>", "：", "\"id\":",
];
const NAMES: [&str; 5] = ["color", "größe", "content-type", "it's", "a \"b\""];

fn words() -> impl Strategy<Value = String> {
    prop_oneof![proptest::sample::select(&TRICKY[..]).prop_map(str::to_owned), "[a-zA-Z ]{0,12}", "\\PC{0,12}",]
}

/// A value of [`schema`].
fn order() -> impl Strategy<Value = Value> {
    let line = (words(), any::<i32>()).prop_map(|(sku, qty)| json!({"sku": sku, "qty": qty}));
    let names = proptest::sample::select(&NAMES[..]).prop_map(str::to_owned);
    (
        any::<i64>(),
        words(),
        (-1e9..1e9_f64),
        any::<bool>(),
        proptest::option::of(words()),
        proptest::collection::vec(words(), 0..4),
        proptest::collection::vec(line, 0..4),
        proptest::collection::btree_map(names, words(), 0..3),
    )
        .prop_map(|(id, title, price, paid, note, tags, lines, meta)| {
            let meta: Map<String, Value> = meta.into_iter().map(|(name, text)| (name, Value::String(text))).collect();
            json!({
                "id": id, "title": title, "price": price, "paid": paid, "note": note, "tags": tags,
                "lines": lines, "meta": meta, "zone": {"code": 7},
            })
        })
}

/// Closed where it has members of its own, and every member required: nothing could stand anywhere else.
fn schema() -> Value {
    let line = json!({"type": "object", "properties": {"sku": {"type": "string"}, "qty": {"type": "integer"}},
        "required": ["sku", "qty"], "additionalProperties": false});
    let zone = json!({"type": "object", "properties": {"code": {"type": "integer"}}, "required": ["code"],
        "additionalProperties": false});
    let properties = json!({"id": {"type": "integer"}, "title": {"type": "string"}, "price": {"type": "number"},
        "paid": {"type": "boolean"}, "note": {"type": ["string", "null"]}, "zone": zone,
        "tags": {"type": "array", "items": {"type": "string"}}, "lines": {"type": "array", "items": line},
        "meta": {"type": "object", "additionalProperties": {"type": "string"}}});
    let required: Vec<&String> = properties.as_object().unwrap().keys().collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn strict() -> Promise {
    let format = format!(r#"{{"type":"json_schema","json_schema":{{"name":"x","schema":{}}}}}"#, schema());
    Promise::of_request(Some(&format), None, None).unwrap()
}

/// The same names without one that has to be there, and without an end to them.
fn loose() -> Promise {
    let mut schema = schema();
    schema["required"] = json!([]);
    schema["additionalProperties"] = json!(true);
    schema["properties"]["lines"]["items"] = json!({"type": "object"});
    schema["properties"]["zone"] = json!({"type": "object"});
    let format = format!(r#"{{"type":"json_schema","json_schema":{{"name":"x","schema":{schema}}}}}"#);
    Promise::of_request(Some(&format), None, None).unwrap()
}

fn any_object() -> Promise {
    Promise::of_request(Some(r#"{"type":"json_object"}"#), None, None).unwrap()
}

fn answer(text: &str, truncated: bool) -> Answer<'_> {
    Answer { text: Some(text.into()), truncated, ..Answer::default() }
}

/// What a repair leaves, or the text itself where nothing has to be repaired.
fn repaired(promise: &Promise, text: &str, truncated: bool) -> Option<Value> {
    let answer = answer(text, truncated);
    if promise.judge(&answer).is_ok() {
        return serde_json::from_str(text).ok();
    }
    let text = promise.repair(&answer)?.text?;
    let whole = Answer { text: Some(text.as_str().into()), ..answer };
    assert_eq!(promise.judge(&whole), Ok(()), "{text}");
    serde_json::from_str(&text).ok()
}

fn wrapped(how: u8, text: &str) -> String {
    match how {
        0 => text.to_owned(),
        1 => format!("```json\n{text}\n```"),
        2 => format!("Here's the result:\n\n{text}\n\nLet me know if it helps."),
        3 => format!("Sure.\n```\n{text}\n```\nDone."),
        4 => format!("\u{feff}{text}"),
        5 => format!("json\n{text}"),
        6 => serde_json::to_string(text).unwrap(),
        _ => format!("<answer>{text}</answer>"),
    }
}

/// Positions of brackets, commas, colons and quotes that are JSON's own, not a text's.
fn structure(json: &str) -> Vec<usize> {
    let (mut inside, mut escaped) = (false, false);
    let mut places = Vec::new();
    for (place, c) in json.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => {
                inside = !inside;
                places.push(place);
            }
            '{' | '}' | '[' | ']' | ',' | ':' if !inside => places.push(place),
            _ => (),
        }
    }
    places
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_in_another_style_comes_back_as_it_was_meant(value in order(), style in style(), how in 0_u8..8) {
        // Brackets are closed only where the text ends: other words after it are not its end.
        let style = if how == 7 || how == 2 { style.closed() } else { style };
        let text = wrapped(how, &style.write(&value));
        prop_assert_eq!(repaired(&strict(), &text, false), Some(value), "{}", text);
    }

    #[test]
    fn numbers_and_truth_written_as_texts_come_back_as_what_they_are(value in order()) {
        let mut loose = value.clone();
        for place in ["/id", "/price", "/paid", "/zone/code"] {
            let at = loose.pointer_mut(place).unwrap();
            *at = Value::String(at.to_string());
        }
        prop_assert_eq!(repaired(&strict(), &loose.to_string(), false), Some(value));
    }

    /// With one sign of the structure lost, doubled or mistaken, what comes back is what was meant, or nothing.
    #[test]
    fn a_slip_in_the_structure_never_changes_what_is_meant(
        value in order(), pretty: bool, at: proptest::sample::Index, slip in 0_u8..3, other in "[\\]}{\\[,:\"]",
    ) {
        let sound = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let places = structure(&sound);
        let place = places[at.index(places.len())];
        let mut text = sound.clone();
        match slip {
            0 => drop(text.remove(place)),
            1 => text.insert(place, sound[place..].chars().next().unwrap()),
            _ => text.replace_range(place..=place, &other),
        }
        for promise in [strict(), loose(), any_object()] {
            let judged = promise.judge(&answer(&text, false)).is_ok();
            if let Some(found) = repaired(&promise, &text, false) && !judged {
                prop_assert_eq!(&found, &value, "{}", text);
            }
        }
    }

    /// A cap may cut anywhere: what was cut is never served as if it were whole.
    #[test]
    fn a_cut_answer_is_repaired_only_if_nothing_is_missing(
        value in order(), pretty: bool, at: proptest::sample::Index, fenced: bool,
    ) {
        let sound = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let sound = if fenced { format!("```json\n{sound}\n```") } else { sound };
        let mut end = at.index(sound.len());
        while !sound.is_char_boundary(end) {
            end -= 1;
        }
        for promise in [strict(), loose(), any_object()] {
            if let Some(found) = repaired(&promise, &sound[..end], true) {
                prop_assert_eq!(&found, &value, "{}", &sound[..end]);
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic_and_nothing_invalid_leaves(
        pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60), truncated: bool,
    ) {
        let text = pieces.concat();
        for promise in [strict(), loose(), any_object()] {
            repaired(&promise, &text, truncated);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), truncated: bool) {
        repaired(&any_object(), &String::from_utf8_lossy(&bytes), truncated);
    }
}

/// Each would take hours if any part of the text were looked at again for every other part.
#[test]
fn a_text_of_one_mebibyte_is_read_in_linear_time() {
    let units = [
        "[",
        "{",
        "{{",
        "{\"a\":",
        "\"",
        "'",
        "“",
        "[\"",
        "[1,",
        "[1\n",
        "\\",
        "\\\"",
        "#",
        "# \n",
        "[#",
        "[/*",
        "/**/",
        "[/**/",
        "[ ",
        "[]",
        "{}",
        "[1]",
        "[1] ",
        "{x} ",
        "[a ",
        "{a",
        "{a:",
        "{\"a\": \"",
        "\"a\" ",
        "\"a\", ",
        "\"a\": ",
        "```",
        "json",
        "-",
        "1_",
        "[x](y) ",
        "{\"a\":1}",
        "{\"a\":1} or ",
        "é",
        "\u{feff}",
        "[{",
        "}{",
        "\"a\n",
        "[[1],",
        "\"\"\"",
        "a\"b \"",
        ".",
        "{\"a\":[",
    ];
    for unit in units {
        for (lead, bytes) in [("", 1024 * 1024), ("{\"title\": \"", 65_536), ("[", 65_536), ("Words: ", 65_536)] {
            let text = lead.to_owned() + &unit.repeat((bytes - lead.len()) / unit.len());
            repaired(&any_object(), &text, false);
        }
    }
    let spaces = format!("{{\"title\": \"a\"{}\"paid\": true,}}", " ".repeat(1_000_000));
    repaired(&loose(), &spaces, false);
}

#[test]
fn a_long_answer_is_repaired_and_a_longer_one_is_not() {
    let line = "{\"sku\": \"A-1\", \"qty\": \"2\",},";
    let text = |count: usize| {
        let rest = "'id': 1, 'title': 't', 'price': 1, 'paid': True, 'note': None, 'tags': [], 'meta': {}, 'zone': {'code': 7}";
        format!("{{{rest}, 'lines': [{}]}}", line.repeat(count))
    };
    let found = repaired(&strict(), &text(5_000), false).unwrap();
    assert_eq!(found["lines"].as_array().unwrap().len(), 5_000);
    assert_eq!(found["lines"][4_999], json!({"sku": "A-1", "qty": 2}));
    assert_eq!(repaired(&strict(), &text(50_000), false), None);
}
