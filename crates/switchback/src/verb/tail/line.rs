//! One finished request as one line, and the sentences below it. Unknown is `?`, and nothing is rounded to zero.

use switchback_core::explain::story;
use switchback_core::record::{DecisionRecord, SERVED};

use crate::say;

/// When it finished, Unix milliseconds.
pub(super) fn finished_ms(record: &DecisionRecord) -> u64 {
    record.arrived_ms.saturating_add(record.total_ms)
}

/// Time of its end, id, outcome, task, trail, total time and cost.
pub(super) fn of(record: &DecisionRecord) -> String {
    let object = &record.object;
    format!(
        "{}  {}  {} {:<9}  {:<16}  {}  {} ms  {}",
        say::clock_time(finished_ms(record)),
        object.request_id,
        mark(&object.outcome),
        object.outcome,
        object.task,
        trail(record),
        record.total_ms,
        object.cost_usd.map_or_else(|| "?".to_owned(), dollars),
    )
}

/// The line, and below it why the request went where it went.
pub(super) fn told(record: &DecisionRecord) -> String {
    let story = story(record);
    let sentences = story.lines().take_while(|line| !line.is_empty());
    // The story begins with the outcome, which the line has told.
    let sentences = sentences.map(|line| match line.starts_with(' ') {
        true => format!("\n    {}", line.trim_start()),
        false => format!("\n    {}", line.split_once("   ").map_or(line, |(_, tale)| tale)),
    });
    of(record) + &sentences.collect::<String>()
}

/// One item per attempt, `route=class;milliseconds`, and who served where that was no model.
fn trail(record: &DecisionRecord) -> String {
    let object = &record.object;
    let attempts = object.attempts.iter().map(|it| {
        let ms = it.ms.map_or_else(|| "?".to_owned(), |ms| ms.to_string());
        format!("{}={};{ms}", it.route, it.class.as_deref().unwrap_or("?"))
    });
    let mut items: Vec<String> = attempts.collect();
    let by_model = object.attempts.iter().any(|it| it.class.as_deref() == Some(SERVED));
    if let (false, Some(by)) = (by_model, &object.served_by) {
        items.push(format!("{by}={SERVED}"));
    }
    if items.is_empty() { "nothing was called".to_owned() } else { items.join(", ") }
}

fn mark(outcome: &str) -> &'static str {
    match outcome {
        "ok" => "●",
        "recovered" => "◐",
        "degraded" => "▼",
        "deferred" => "◇",
        "refused" => "■",
        _ => "✕",
    }
}

/// Dollars with six digits behind the point at most.
fn dollars(usd: f64) -> String {
    let text = format!("{usd:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "0" && usd > 0.0 { "<$0.000001".to_owned() } else { format!("${text}") }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use switchback_core::record::DecisionRecord;

    use super::{dollars, of, told};

    const RECORD: &str = r#"{"request_id":"req_01","task":"chat","surface":"interactive","outcome":"recovered","why":"ladder",
        "served_by":"claude","rung":2,"rungs":2,"attempts":[
            {"rung":1,"route":"gpt","kind":"first","class":"timeout","status":null,"ms":3000,"cost_usd":null},
            {"rung":2,"route":"claude","kind":"first","class":"served","status":200,"ms":900,"cost_usd":0.01}],
        "not_run":[],"cost_usd":0.0183,"added_ms":3005,"arrived_ms":1800000000000,"total_ms":3910,"deadline_ms":60000,
        "stream":false,"committed":false,"config":"9d4455a"}"#;

    fn record(change: impl FnOnce(&mut Value)) -> DecisionRecord {
        let mut record: Value = serde_json::from_str(RECORD).unwrap();
        change(&mut record);
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn a_line_tells_when_who_what_where_how_long_and_how_much() {
        let line = of(&record(|_| {}));
        assert_eq!(
            line,
            "08:00:03  req_01  ◐ recovered  chat              gpt=timeout;3000, claude=served;900  3910 ms  $0.0183"
        );
    }

    #[test]
    fn what_is_not_known_is_a_question_mark_and_never_zero() {
        let line = of(&record(|it| {
            it["cost_usd"] = Value::Null;
            it["attempts"][0]["class"] = Value::Null;
            it["attempts"][0]["ms"] = Value::Null;
        }));
        assert!(line.contains("gpt=?;?, ") && line.ends_with("  ?"), "{line}");
        assert_eq!([dollars(0.0), dollars(0.000_000_4), dollars(1.5)], ["$0", "<$0.000001", "$1.5"]);
    }

    #[test]
    fn a_ready_answer_stands_at_the_end_of_the_trail() {
        let line = of(&record(|it| {
            it["outcome"] = "degraded".into();
            it["served_by"] = "answer".into();
            it["attempts"].as_array_mut().unwrap().truncate(1);
        }));
        assert!(line.contains("▼ degraded ") && line.contains("gpt=timeout;3000, answer=served  "), "{line}");
        let line = of(&record(|it| {
            it["outcome"] = "failed".into();
            it.as_object_mut().unwrap().remove("served_by");
            it["attempts"] = Value::Array(Vec::new());
        }));
        assert!(line.contains("✕ failed") && line.contains("nothing was called"), "{line}");
    }

    #[test]
    fn the_sentences_stand_below_and_say_what_was_and_why() {
        let told = told(&record(|_| {}));
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[0].starts_with("08:00:03  req_01"), "{told}");
        assert!(lines[1].starts_with("    The caller got a full-quality answer from claude"), "{told}");
        assert!(lines[1..].iter().all(|it| it.starts_with("    ") && it.trim().len() > 10), "{told}");
    }
}
