//! The corpus of realistic breakages: what is repaired means exactly what was meant, and what cannot be is left alone.

use serde_json::Value;

use crate::{Answer, Promise, RepairStep, ToolCall};

const FILES: [(&str, &str); 5] = [
    ("around", include_str!("../../fixtures/repair/around.txt")),
    ("punctuation", include_str!("../../fixtures/repair/punctuation.txt")),
    ("quotes", include_str!("../../fixtures/repair/quotes.txt")),
    ("types", include_str!("../../fixtures/repair/types.txt")),
    ("hopeless", include_str!("../../fixtures/repair/hopeless.txt")),
];
const SCHEMAS: &str = include_str!("../../fixtures/repair/schemas.json");
/// What cannot be seen in a text, or not kept by an editor, and how the corpus writes it.
const INVISIBLE: [(&str, &str); 6] = [
    ("⟦BOM⟧", "\u{feff}"),
    ("⟦ZWSP⟧", "\u{200b}"),
    ("⟦NBSP⟧", "\u{a0}"),
    ("⟦TAB⟧", "\t"),
    ("⟦CR⟧", "\r"),
    ("⟦BEL⟧", "\u{7}"),
];

/// One case of the corpus.
struct Case {
    name: String,
    schema: Value,
    truncated: bool,
    broken: String,
    /// Compact JSON, or nothing where the case must not be repaired.
    meant: Option<String>,
}

fn corpus() -> Vec<Case> {
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap();
    FILES.iter().flat_map(|(file, text)| cases(file, text, &schemas)).collect()
}

fn cases(file: &str, text: &str, schemas: &Value) -> Vec<Case> {
    let mut blocks = text.split("\n@@@ ").skip(1);
    let mut cases = Vec::new();
    while let Some(block) = blocks.next() {
        let (head, broken) = block.split_once('\n').unwrap();
        let head: Vec<&str> = head.split(" | ").collect();
        let mut broken = broken.to_owned();
        for (written, stands_for) in INVISIBLE {
            broken = broken.replace(written, stands_for);
        }
        let verdict = blocks.next().unwrap();
        let meant = match verdict.split_once('\n') {
            Some(("meant", meant)) => Some(meant.trim().to_owned()),
            _ => {
                assert_eq!(verdict.trim(), "unrepairable", "{file}: {}", head[0]);
                None
            }
        };
        assert!(schemas.get(head[1]).is_some(), "{file}: {} names the schema {}", head[0], head[1]);
        let schema = schemas[head[1]].clone();
        cases.push(Case { name: format!("{file}: {}", head[0]), schema, truncated: head.len() > 2, broken, meant });
    }
    cases
}

// === impl Case ===

impl Case {
    fn promise(&self) -> Promise {
        let format = format!(r#"{{"type":"json_schema","json_schema":{{"name":"x","schema":{}}}}}"#, self.schema);
        let tool = format!(r#"[{{"type":"function","function":{{"name":"f","parameters":{}}}}}]"#, self.schema);
        Promise::of_request(Some(&format), Some(&tool), None).unwrap()
    }

    fn as_text(&self) -> Answer<'_> {
        Answer { text: Some((&*self.broken).into()), truncated: self.truncated, ..Answer::default() }
    }

    fn as_arguments(&self) -> Answer<'_> {
        let call = ToolCall { name: "f".into(), arguments: (&*self.broken).into() };
        Answer { tool_calls: vec![call], truncated: self.truncated, ..Answer::default() }
    }

    fn repaired(&self) -> Option<String> {
        self.promise().repair(&self.as_text()).and_then(|it| it.text)
    }
}

#[test]
fn the_corpus_is_large_and_every_case_in_it_is_broken() {
    let cases = corpus();
    let repairable = cases.iter().filter(|case| case.meant.is_some()).count();
    assert!(repairable >= 220, "{repairable} cases that can be repaired");
    assert!(cases.len() - repairable >= 75, "{} that cannot", cases.len() - repairable);
    for case in &cases {
        assert!(case.promise().judge(&case.as_text()).is_err(), "{} is not broken", case.name);
        if let Some(meant) = &case.meant {
            let whole = Answer { text: Some(meant.into()), ..Answer::default() };
            assert_eq!(case.promise().judge(&whole), Ok(()), "{} means what its schema refuses", case.name);
        }
    }
    let names: std::collections::BTreeSet<&str> = cases.iter().map(|case| &*case.name).collect();
    assert_eq!(names.len(), cases.len(), "a name occurs twice");
}

/// Character by character: no digit, no letter and no order of members is lost on the way.
#[test]
fn what_is_repaired_is_what_was_meant_and_at_least_95_of_100_are() {
    let cases = corpus();
    let (mut repairable, mut repaired, mut missed) = (0, 0, Vec::new());
    for case in &cases {
        let Some(meant) = &case.meant else { continue };
        repairable += 1;
        match case.repaired() {
            Some(text) => {
                assert_eq!(&text, meant, "{}", case.name);
                repaired += 1;
            }
            None => missed.push(&case.name),
        }
    }
    println!("{repaired} of {repairable} repaired; left alone: {missed:#?}");
    assert!(repaired * 100 >= repairable * 95, "{repaired} of {repairable}; left alone: {missed:#?}");
}

#[test]
fn what_cannot_be_repaired_without_a_guess_is_left_alone() {
    for case in corpus().iter().filter(|case| case.meant.is_none()) {
        assert_eq!(case.repaired(), None, "{}", case.name);
    }
}

#[test]
fn arguments_of_a_call_are_repaired_like_a_text() {
    let mut repaired = 0;
    for case in corpus().iter().filter(|case| case.schema["type"] == "object") {
        let promise = case.promise();
        let answer = case.as_arguments();
        let found = promise.repair(&answer).map(|it| it.arguments);
        if let (Some(text), true) = (case.repaired(), case.meant.is_some()) {
            assert_eq!(found, Some(vec![(0, text)]), "{}", case.name);
            repaired += 1;
        } else {
            assert_eq!(found, None, "{}", case.name);
        }
    }
    assert!(repaired > 150, "{repaired}");
}

#[test]
fn nothing_invalid_leaves_and_a_repair_says_what_it_did() {
    let mut seen = std::collections::BTreeSet::new();
    for case in corpus() {
        let promise = case.promise();
        let Some(repaired) = promise.repair(&case.as_text()) else { continue };
        let answer = Answer { text: repaired.text.map(Into::into), ..case.as_text() };
        assert_eq!(promise.judge(&answer), Ok(()), "{}", case.name);
        assert!(!repaired.steps.is_empty() && repaired.steps.is_sorted(), "{}", case.name);
        seen.extend(repaired.steps);
    }
    let never: Vec<_> = RepairStep::ALL.iter().filter(|step| !seen.contains(step)).collect();
    assert!(never.is_empty(), "no case needs {never:?}");
}

/// Without a schema nothing tells an example from the answer, so only a document on its own is taken for it.
#[test]
fn any_object_is_taken_from_its_own_lines_but_not_out_of_a_sentence() {
    let promise = Promise::of_request(Some(r#"{"type":"json_object"}"#), None, None).unwrap();
    let repaired = |text: &str| {
        let answer = Answer { text: Some(text.into()), ..Answer::default() };
        promise.repair(&answer).and_then(|it| it.text)
    };
    for text in
        ["Here it is:\n```json\n{'a': 1}\n```\nBye.", "Result: {\"a\": 1}", "{\"a\": 1,}", "It is:\n\n{a: 1}\n\nBye."]
    {
        assert_eq!(repaired(text).as_deref(), Some(r#"{"a":1}"#), "{text}");
    }
    for text in
        ["Sorry, I only know {\"a\": 1} as an example.", "{\"a\": 1} would be wrong.", "[{\"a\": 1}]", "\"a\"", "[1]"]
    {
        assert_eq!(repaired(text), None, "{text}");
    }
}

#[test]
fn the_names_of_steps_are_stable() {
    let names: Vec<&str> = RepairStep::ALL.iter().map(|step| step.name()).collect();
    let stable = [
        "fence",
        "prose",
        "spaces",
        "encoding",
        "comments",
        "brackets",
        "commas",
        "punctuation",
        "quotes",
        "escapes",
        "literals",
        "numbers",
        "coercion",
    ];
    assert_eq!(names, stable);
}

#[test]
fn each_call_is_repaired_alone_and_what_is_sound_stays() {
    let tools = r#"[{"type":"function","function":{"name":"f","parameters":{"type":"object",
        "properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}}},
        {"type":"function","function":{"name":"g"}},{"type":"custom","custom":{"name":"sql"}}]"#;
    let promise = Promise::of_request(None, Some(tools), None).unwrap();
    let calls = |list: &[(&'static str, &'static str)]| Answer {
        tool_calls: list.iter().map(|(name, it)| ToolCall { name: (*name).into(), arguments: (*it).into() }).collect(),
        ..Answer::default()
    };
    let answer = calls(&[("f", "{\"n\":1}"), ("f", "{'n': '2',}"), ("sql", "select 1,"), ("g", "{x: 1}")]);
    let repaired = promise.repair(&answer).unwrap();
    assert_eq!(repaired.text, None);
    assert_eq!(repaired.arguments, [(1, "{\"n\":2}".to_owned()), (3, "{\"x\":1}".to_owned())]);
    assert_eq!(repaired.steps, [RepairStep::Commas, RepairStep::Quotes, RepairStep::Coercion]);
    assert_eq!(promise.repair(&calls(&[("f", "{\"n\":1}")])), None, "nothing is broken");
    assert_eq!(promise.repair(&calls(&[("h", "{}")])), None, "nobody declared it");
    assert_eq!(promise.repair(&calls(&[("f", "{'n': 1}"), ("f", "{\"n\":")])), None, "the other one stays broken");
    let cut = Answer { truncated: true, ..calls(&[("f", "{\"n\": 1"), ("f", "{'n': 1}")]) };
    assert_eq!(promise.repair(&cut), None, "a number may go on");
    let cut = Answer { truncated: true, ..calls(&[("f", "{'n': 1}"), ("g", "{\"x\": true")]) };
    assert_eq!(promise.repair(&cut), None, "the last call could hold more");
}
