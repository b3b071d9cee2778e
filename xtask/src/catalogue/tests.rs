//! The generator: a small source gives exactly these lines, and what the lines cannot hold stops it.

use super::prices::pico_dollars;
use super::*;

const SAMPLE: &str = r#"{
"_meta": {"source": "https://one.example", "commit": "c1", "commit_date": "2026-07-02", "licence": "MIT, Copyright (c) One",
  "supplement": {"source": "https://two.example", "commit": "c2", "commit_date": "2026-08-21", "licence": "MIT"}},
"providers": {
"b": {"name": "B", "api": "https://x-${REGION}.B.example/v1", "env": ["B_API_KEY", "REGION"], "models": {
  "z/full": {"kind": "chat", "release_date": "2026-01-31", "limit": {"context": 1000, "input": 800, "output": 200},
    "modalities": {"input": ["text", "image", "pdf"], "output": ["text"]}, "tools": true, "structured_output": false,
    "reasoning": true, "status": "deprecated", "cost": {"input": 3.0, "output": 15, "cache_read": 8e-05,
    "cache_write": 3.75, "reasoning": 1, "input_audio": 4, "output_audio": 5, "tiers": [
      {"over_context_tokens": 500, "input": 9, "output": 9}, {"over_context_tokens": 200, "input": 6, "output": 0.5, "cache_read": 1}]}},
  "bare": {"kind": "chat", "limit": {}},
  "free": {"kind": "chat", "release_date": "2026-01", "status": "beta", "limit": {"context": 9},
    "modalities": {"input": ["text"]}, "cost": {"input": 0, "output": 0.8999999999999999}}}},
"a-b": {"name": "AB", "env": [], "models": {
  "embed": {"kind": "embedding", "source": "two", "limit": {"context": 50, "output": 1536}, "cost": {"input": 0.12}}}}
}}"#;

fn lines(text: &str) -> Vec<&str> {
    text.lines().skip_while(|it| !it.is_empty()).skip(1).collect()
}

fn written(json: &str) -> Files {
    files(json).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn the_same_source_gives_the_same_lines() {
    let files = written(SAMPLE);
    assert_eq!(
        lines(&files.models),
        [
            "a-b/embed\tc50\t+e\t-c\t$0.12 0",
            "b/bare\t+c\t-e",
            "b/free\tc9\t+c\t-eia\t$0 0.9",
            "b/z/full\tc1000\ti800\to200\t+ctipr\t-esa\t$3 15 r0.00008 w3.75 t1 a4 A5\t>200 6 0.5 r1\t>500 9 9\t!\t@2026-01-31",
        ]
    );
    assert_eq!(
        lines(&files.providers),
        ["a-b\t-\t-\t-", "b\thttps://x-${REGION}.B.example/v1\tx-*.b.example\tB_API_KEY REGION"]
    );
}

#[test]
fn the_files_name_their_sources_dates_and_licences() {
    let files = written(SAMPLE);
    for wanted in ["https://one.example, commit c1 of 2026-07-02. MIT, Copyright (c) One.", "LICENSES.txt"] {
        assert!(files.models.contains(wanted) && files.providers.contains(wanted), "{wanted}");
    }
    assert!(files.models.contains("https://two.example, commit c2 of 2026-08-21. MIT."));
    assert!(files.models.contains("#   a-b/embed\n"));
}

#[test]
fn what_a_line_cannot_hold_stops_the_run() {
    let model = |fields: &str| {
        let meta = r#""_meta": {"source": "s", "commit": "c", "commit_date": "d", "licence": "MIT"}"#;
        format!(r#"{{{meta}, "providers": {{"p": {{"models": {{"m": {{"kind": "chat", {fields}}}}}}}}}}}"#)
    };
    assert!(files(&model(r#""tools": true"#)).is_ok());
    for (fields, why) in [
        (r#""cost": {"input": 0.0000001, "output": 1}"#, "p/m: price 0.0000001 is no whole pico-dollars per token"),
        (r#""cost": {"input": -1, "output": 1}"#, "p/m: price -1 is no whole pico-dollars per token"),
        (r#""cost": {"output": 1}"#, "p/m: has a price, but none of input"),
        (r#""cost": {"input": 1}"#, "p/m: has a price, but none of output"),
        (
            r#""cost": {"input": 1, "output": 1, "tiers": [{"input": 1, "output": 1}]}"#,
            "p/m: a tier does not say from when it counts",
        ),
    ] {
        assert_eq!(files(&model(fields)).err().as_deref(), Some(why), "{fields}");
    }
    let spaced = model(r#""tools": true"#).replace(r#""m":"#, r#""a model":"#);
    assert!(files(&spaced).is_err());
    assert!(files(&model(r#""tools": true"#).replace(r#""p":"#, r#""p/q":"#)).is_err());
    assert!(files(&model(r#""tools": true"#).replace("chat", "video")).is_err());
    assert!(files("{").is_err());
}

#[test]
fn a_price_is_exact_but_for_the_noise_of_floats() {
    for (text, expected) in [
        ("3", Some(3_000_000)),
        ("3.0", Some(3_000_000)),
        ("8e-05", Some(80)),
        ("1.5E+1", Some(15_000_000)),
        ("0.049999999999999996", Some(50_000)),
        ("0.0000015", None),
        ("1e-7", None),
        ("1e99", None),
        ("1e-999999999999", None),
        ("1e2147483647", None),
        ("0e99", Some(0)),
        ("0", Some(0)),
        ("null", None),
    ] {
        assert_eq!(pico_dollars(text), expected, "{text}");
    }
}
