//! More requests than the keys of a provider may make: few of them meet a 429, and each gets its answer in time.

use std::time::Duration;

use switchback_sim::{Latency, Limits, Sim, SimSettings};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use crate::kit::{Gateway, Seen, anthropic, ask, chat, page, sim};

const KEYS: [(&str, &str); 3] = [("KEY_A", "sk-storm-aaaa"), ("KEY_B", "sk-storm-bbbb"), ("KEY_C", "sk-storm-cccc")];
const WINDOW: Duration = Duration::from_secs(1);
const PER_KEY: u64 = 20;
const DEADLINE: Duration = Duration::from_secs(8);

/// A provider whose keys are limited, and a gateway with three of them. `rungs` follow the first.
async fn start(limits: Limits, providers: &str, rungs: &str) -> (Gateway, Sim) {
    let first_token = Latency::Fixed(Duration::from_millis(30));
    let limited = Sim::start(SimSettings { first_token, ..SimSettings::default() }).await.unwrap();
    limited.set_limits("*", limits);
    let text = page(&format!(
        r#"[provider.limited]
api = "openai-compatible"
base-url = "{}"
keys = ["env:KEY_A", "env:KEY_B", "env:KEY_C"]
{providers}
[task.chat]
deadline = "8s"
ladder = [{{ try = "limited/big" }}{rungs}]"#,
        limited.base_url()
    ));
    (Gateway::start_with(&text, &KEYS).await, limited)
}

/// A hundred at once, then one every ten milliseconds for five seconds. Each answer with the time that it took.
async fn storm(gateway: &Gateway) -> Vec<(Seen, Duration)> {
    let mut asked = JoinSet::new();
    let listen = gateway.listen;
    let one = move || async move {
        let began = Instant::now();
        let seen = chat(listen, &ask("chat", false, "how many words are these, and who counts them?")).await;
        (seen, began.elapsed())
    };
    for _ in 0..100 {
        asked.spawn(one());
    }
    let mut ticks = interval(Duration::from_millis(10));
    for _ in 0..500 {
        ticks.tick().await;
        asked.spawn(one());
    }
    let all = asked.join_all().await;
    for (seen, took) in &all {
        // Milliseconds of scheduling on a busy machine are not the gateway's waiting; a second of it would be.
        assert!(*took < DEADLINE + WINDOW, "{took:?} {seen:?}");
        assert!(seen.whole && seen.status != 0, "everybody gets an answer: {seen:?}");
    }
    all
}

/// Calls to the limited provider and those of them that met a limit, in all and after the first window.
fn met(limited: &Sim) -> [usize; 4] {
    let calls = limited.calls();
    let first = calls.iter().map(|it| it.at_ms).min().unwrap() + 1_000;
    let later = || calls.iter().filter(|it| it.at_ms > first);
    let turned_away = calls.iter().filter(|it| it.limited).count();
    [calls.len(), turned_away, later().count(), later().filter(|it| it.limited).count()]
}

fn keys_are_used_evenly(limited: &Sim) {
    let calls = limited.calls();
    let served = |key: &str| calls.iter().filter(|it| !it.limited && it.key.as_deref() == Some(key)).count();
    let [a, b, c] = ["aaaa", "bbbb", "cccc"].map(served);
    let (least, most) = (a.min(b).min(c), a.max(b).max(c));
    assert!(least * 10 >= most * 7, "{a} {b} {c}");
}

const REQUESTS: Limits = Limits { requests: Some(PER_KEY), tokens: None, window: WINDOW };

#[tokio::test(flavor = "multi_thread")]
async fn with_a_rung_below_hardly_a_call_meets_a_limit_and_everybody_is_answered() {
    let other = sim().await;
    let below = anthropic("other", &other.anthropic_base_url());
    let (gateway, limited) = start(REQUESTS, &below, r#", { try = "other/claude" }"#).await;
    let all = storm(&gateway).await;
    let [calls, limits, later, later_limits] = met(&limited);
    println!("storm with a rung below: {limits} of {calls} calls met a 429, {later_limits} of {later} after a second");
    assert!(all.iter().all(|(seen, _)| seen.status == 200));
    assert!(later_limits * 100 < later * 5, "{later_limits} of {later}");
    // What the keys allow is used: no less than half of three keys, twenty calls and five windows.
    assert!(calls - limits >= 150, "{calls} {limits}");
    assert!(calls - limits + other.calls().len() >= all.len());
    keys_are_used_evenly(&limited);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_limits_are_heeded_like_limits_of_requests() {
    let other = sim().await;
    let below = anthropic("other", &other.anthropic_base_url());
    let limits = Limits { requests: None, tokens: Some(800), window: WINDOW };
    let (gateway, limited) = start(limits, &below, r#", { try = "other/claude" }"#).await;
    let all = storm(&gateway).await;
    let [calls, limits, later, later_limits] = met(&limited);
    println!("storm on tokens: {limits} of {calls} calls met a 429, {later_limits} of {later} after a second");
    assert!(all.iter().all(|(seen, _)| seen.status == 200));
    assert!(later_limits * 100 < later * 10, "{later_limits} of {later}");
    assert!(calls - limits >= 100, "{calls} {limits}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_below_an_answer_or_an_honest_429_comes_in_time() {
    let (gateway, limited) = start(REQUESTS, "", "").await;
    let all = storm(&gateway).await;
    let [calls, limits, later, later_limits] = met(&limited);
    let served = all.iter().filter(|(seen, _)| seen.status == 200).count();
    println!(
        "storm without a rung below: {served} of {} served; {limits} of {calls} calls met a 429, {later_limits} of {later} after a second",
        all.len()
    );
    for (seen, _) in all.iter().filter(|(seen, _)| seen.status != 200) {
        assert_eq!((seen.status, seen.code()), (429, "all_rungs_rate_limited".to_owned()), "{seen:?}");
        let after: u64 = seen.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=2).contains(&after), "a window is a second: {seen:?}");
    }
    assert!(served >= 200, "what the keys allow is used: {served}");
    assert!(later_limits * 100 < later * 5, "{later_limits} of {later}");
    keys_are_used_evenly(&limited);
}
