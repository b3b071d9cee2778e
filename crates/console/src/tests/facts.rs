//! A story tells every fact of its record, for any record.

use proptest::prelude::*;
use switchback_core::explain;
use switchback_core::failure::CLASSES;
use switchback_core::outcome::SKIPS;
use switchback_core::record::{Attempt, AttemptStory, DecisionRecord, Move, NotRun, SERVED, Wait};

use super::samples::*;
use crate::words::{dollars, seconds};
use crate::*;

/// What stands between a tag and its end, per row of the ladder.
fn ladder_rows(page: &str) -> Vec<String> {
    let (_, table) = page.split_once("<table class=\"ladder\">").expect("a ladder");
    let (table, _) = table.split_once("<tfoot>").expect("its end");
    table.split("<tr>").skip(2).map(text).collect()
}

/// A piece of HTML as its text.
fn text(html: &str) -> String {
    let mut text = String::new();
    for (place, piece) in html.split('<').enumerate() {
        let shown = if place == 0 { piece } else { piece.split_once('>').map_or("", |(_, shown)| shown) };
        text.push_str(shown);
        text.push(' ');
    }
    let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A fact as it stands in [`text`]: blanks of any kind are one.
fn flat(fact: &str) -> String {
    fact.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn a_class() -> impl Strategy<Value = Option<String>> {
    let classes: Vec<String> = CLASSES.iter().map(|it| it.name.to_owned()).chain([SERVED.to_owned()]).collect();
    proptest::option::weighted(0.9, proptest::sample::select(classes))
}

fn an_attempt() -> impl Strategy<Value = Attempt> {
    let numbers = (1u32..6, 0u64..90_000, proptest::option::of(0u64..90_000), proptest::option::of(100u16..600));
    let cost = proptest::option::of(0.0001..2.0f64);
    let names = (proptest::sample::select(vec!["first", "retry", "probe"]), "[a-z]{1,12}", a_class());
    (numbers, cost, names).prop_map(|((rung, at_ms, ms, status), cost_usd, (kind, route, class))| Attempt {
        rung,
        route: route.into(),
        kind: kind.into(),
        class: class.map(Into::into),
        status,
        ms,
        cost_usd,
        story: Some(AttemptStory { at_ms, key: 1, ..AttemptStory::default() }),
    })
}

/// A record as no walk would write it, but as a store could hold it.
fn a_record() -> impl Strategy<Value = DecisionRecord> {
    let attempts = proptest::collection::vec(an_attempt(), 0..8);
    let kinds = proptest::sample::select(vec!["backoff", "retry_after"]);
    let wait = (1u32..6, kinds, 0u64..90_000, 0u64..20_000);
    let waits = proptest::collection::vec(wait, 0..6);
    let reasons: Vec<&'static str> = SKIPS.iter().map(|it| it.name).chain(["not_reached"]).collect();
    let not_run = proptest::collection::vec(("[a-z]{1,12}", proptest::sample::select(reasons)), 0..8);
    let moves = proptest::collection::vec((1u32..6, 1u32..6, "[a-z]{1,9}", "[a-z]{1,9}", "[a-z_]{1,9}"), 0..5);
    (attempts, waits, not_run, moves, 0u64..100_000).prop_map(|(attempts, waits, not_run, moves, total_ms)| {
        let mut record = recovered();
        let first = 6;
        record.object.rungs = first + u32::try_from(not_run.len()).expect("few");
        record.object.attempts = attempts;
        let skipped = (first..).zip(not_run);
        record.object.not_run =
            skipped.map(|(rung, (name, reason))| NotRun { rung, name: name.into(), reason: reason.into() }).collect();
        record.waits =
            waits.into_iter().map(|(rung, kind, at_ms, ms)| Wait { rung, kind: kind.into(), at_ms, ms }).collect();
        let moved = moves.into_iter().map(|(from_rung, to_rung, from, to, why)| Move {
            from_rung,
            to_rung,
            from: from.into(),
            to: to.into(),
            class: "timeout".into(),
            why: why.into(),
            place: None,
        });
        record.moves = moved.collect();
        record.total_ms = total_ms;
        record
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_attempt_wait_skip_and_move_of_a_record_is_in_its_story(record in a_record()) {
        let page = story(&story_of(record.clone()));
        let rows = ladder_rows(&page);
        let whole = text(&page);
        for it in &record.object.attempts {
            let story = it.story.as_ref().expect("a story");
            let class = it.class.as_deref().unwrap_or("unfinished");
            let end = format!(
                "{} {} {}",
                seconds(story.at_ms),
                it.ms.map_or_else(|| "?".to_owned(), seconds),
                dollars(it.cost_usd)
            );
            let row = |row: &&String| row.contains(&format!(" {class} ")) && row.ends_with(&flat(&end));
            prop_assert!(rows.iter().find(row).is_some(), "{it:?} in {rows:#?}");
        }
        let n_of = |rung| record.object.attempts.iter().filter(|it| it.rung == rung).count();
        for rung in 1..6 {
            let drawn = rows.iter().filter(|row| (1..9).any(|nth| row.contains(&format!("{rung} . {nth} ")) || row.contains(&format!("{rung}.{nth} "))));
            prop_assert_eq!(drawn.count(), n_of(rung), "rung {}", rung);
        }
        for it in &record.waits {
            let end = flat(&format!("{} {} {} –", it.kind.replace('_', "-"), seconds(it.at_ms), seconds(it.ms)));
            prop_assert!(rows.iter().any(|row| row.contains("wait") && row.ends_with(&end)), "{it:?} in {rows:#?}");
        }
        prop_assert_eq!(page.matches("<line class=\"wait\"").count(), record.waits.len() + 1, "one more is the key");
        for it in &record.object.not_run {
            let (name, reason) = (&it.name, it.reason.replace('_', " "));
            let row = rows.iter().find(|row| row.starts_with(&format!("{} ", it.rung))).expect("its rung");
            prop_assert!(row.contains(&**name) && row.contains(&reason), "{it:?}: {row}");
        }
        for it in &record.moves {
            let moved = format!("{} {} → to {} {}", it.from_rung, it.from, it.to_rung, it.to);
            prop_assert!(whole.contains(&moved) && whole.contains(&format!("why {}", it.why)), "{it:?}: {whole}");
        }
    }

    #[test]
    fn no_rung_of_a_ladder_is_ever_missing(rungs in 1u32..300) {
        let mut record = recovered();
        record.object.rungs = rungs;
        let page = story(&story_of(record));
        let bodies = page.matches("<th scope=\"rowgroup\"").count();
        prop_assert_eq!(bodies, usize::try_from(rungs.max(5)).expect("few"));
    }
}

#[test]
fn the_sentences_are_those_of_explain() {
    for record in [recovered(), degraded(), failed(), plain()] {
        let told = explain::story(&record);
        let whole = text(&story(&story_of(record)));
        let head = told.split("\n\n").next().expect("a head");
        for line in head.lines() {
            let sentence = line.get(14..).or(line.split_once("   ").map(|(_, it)| it)).expect("a sentence");
            assert!(
                whole.contains(flat(sentence).trim_start_matches(|it: char| !it.is_alphanumeric())),
                "{line}\n{whole}"
            );
        }
        assert!(whole.contains(&flat(&told)), "the text as it is stands below");
    }
}

#[test]
fn a_story_shows_what_the_record_tells_of_each_call() {
    let whole = text(&story(&story_of(recovered())));
    for fact in [
        "The provider's code server_overloaded",
        "Its words The server is currently overloaded with other requests.",
        "Asked to wait 20.00 s",
        "First content after 0.64 s",
        "Model that it reported claude-sonnet-4-5-20250929",
        "Tokens 1 240 in (900 cached), 318 out",
        "The provider's id msg_01",
        "Key number 2 of its provider's",
        "Not passed on seed",
        "Client OpenAI/Python 2.1.0",
        "Took 11.84 s of 60.00 s",
        "Cost of all attempts ?",
        "x-switchback-outcome recovered",
        "3 ⊟ gpt-pro wrong segment: is for other segments",
        "4 □ answer not reached: an answer was found first",
    ] {
        assert!(whole.contains(fact), "{fact}\n{whole}");
    }
    assert!(story(&story_of(recovered())).contains("href=\"/admin/v1/requests/req_01K9TQ7F3MHYV551E12Y9MP472\""));
}

#[test]
fn rungs_that_are_no_calls_say_what_they_did() {
    let whole = text(&story(&story_of(degraded())));
    assert!(whole.contains("4 ● answer gave its answer"), "{whole}");
    let whole = text(&story(&story_of(failed())));
    assert!(whole.contains("3 ● fail reached: the walk ended in an error"), "{whole}");
}

#[test]
fn a_row_of_the_list_tells_the_way_in_the_order_in_which_it_was_gone() {
    let whole = text(&requests(&requests_view(Listed::Rows { records: vec![degraded()], older: None })));
    let way = "claude ✕ rate_limited 0.21 s gpt – disabled mini – breaker_open answer ● given";
    assert!(whole.contains(way), "{whole}");
    let whole = text(&now(&NowView { moved: vec![recovered()], ..now_view() }));
    assert!(whole.contains("gpt ✕ timeout 8.00 s gpt ✕ overloaded 0.42 s claude ● served 3.10 s"), "{whole}");
    assert!(whole.contains("2 not reached"), "{whole}");
}
