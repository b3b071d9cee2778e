//! The engine in a virtual world: random policies, every fault, every promise checked after every step.
//!
//! `SWITCHBACK_SIM_REQUESTS` makes it longer, `SWITCHBACK_SIM_SEED` runs one world again and prints the whole story of
//! the first request whose promise was broken.

use switchback_core::simulate::{Options, Planted, Report, Rule, Violation, run};

/// Requests with faults in one world; the same for a replay.
const PER_WORLD: u64 = 500;

#[expect(clippy::disallowed_methods, reason = "how long to run and what to run again are not the engine's settings")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn options(seed: u64) -> Options {
    Options::new(seed, PER_WORLD)
}

/// Worlds with consecutive seeds.
fn worlds(first: u64, n: u64) -> Report {
    let mut report = Report::default();
    for seed in first..first + n {
        report.add(run(&options(seed)));
    }
    report
}

/// The violation with the story of its request and how to see it again.
fn told(violation: &Violation) -> String {
    let traced = run(&Options { traced: Some(violation.request), ..options(violation.seed) });
    let seed = violation.seed;
    format!(
        "{violation}\n{}\nagain: SWITCHBACK_SIM_SEED={seed} cargo test -p switchback-core --test simulation -- --nocapture the_engine\n",
        traced.trace.join("\n")
    )
}

#[test]
fn the_engine_keeps_its_promises_in_every_world() {
    let (first, n) = match setting("SWITCHBACK_SIM_SEED") {
        Some(seed) => (seed, 1),
        None => (1, setting("SWITCHBACK_SIM_REQUESTS").unwrap_or(200_000).div_ceil(PER_WORLD)),
    };
    let report = worlds(first, n);
    println!("seeds {first}..{}\n{report}", first + n);
    let mut told_rules: Vec<Rule> = Vec::new();
    for violation in &report.violations {
        if !told_rules.contains(&violation.rule) {
            told_rules.push(violation.rule);
            println!("\n{}", told(violation));
        }
    }
    assert!(report.violations.is_empty(), "promises were broken");
    assert_eq!(report.requests, report.records);
    assert!(report.requests >= n * PER_WORLD);
}

#[test]
fn the_world_is_not_a_quiet_place() {
    let report = worlds(1, 40);
    for (what, n) in [
        ("faults", report.faults),
        ("waits", report.waits),
        ("hang-ups", report.hang_ups),
        ("broken streams", report.broken_streams),
        ("reloads", report.reloads),
        ("repairs", report.repairs),
        ("ends of windows", report.window_limits),
        ("breakers opened", report.opened),
        ("breakers closed", report.closed),
    ] {
        assert!(n >= 20, "only {n} {what}");
    }
    assert!(report.outcomes.iter().all(|it| *it >= 100), "{:?}", report.outcomes);
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 1..=20 {
        let (one, two) = (run(&options(seed)), run(&options(seed)));
        assert_eq!((one.hash, one.calls, one.outcomes), (two.hash, two.calls, two.outcomes), "seed {seed}");
    }
    assert_ne!(run(&options(1)).hash, run(&options(2)).hash);
}

/// What must be noticed under every lie.
fn notices(planted: Planted) -> &'static [Rule] {
    match planted {
        Planted::TruncatedIsSound | Planted::BrokenContractIsSound => &[Rule::Sound],
        Planted::PolicyBlockIsServerError => &[Rule::PolicyBlock],
        Planted::CallersErrorIsServerError => &[Rule::SameRungAgain, Rule::OpensForCause],
        Planted::DropsRetryAfter | Planted::WakesEarly => &[Rule::RetryAfter],
        Planted::LateTimers => &[Rule::EndsInTime],
        Planted::ForgetsHealth => &[Rule::OpenIsClosed, Rule::Disabled, Rule::SwitchedOff, Rule::RetryAfter],
        Planted::ForgetsToSettle => &[Rule::OneEnding],
        Planted::IgnoresHangUps => &[Rule::NothingAfterTheEnd],
        Planted::CancellationIsTransport => &[Rule::NothingAfterTheEnd, Rule::Recount],
        Planted::CallsTwice => &[Rule::MaxAttempts, Rule::RecordComplete],
        Planted::BrokenStreamIsFinished => &[Rule::AfterCommit],
        Planted::DisableIsLost => &[Rule::Disabled],
        Planted::ForgetsNeeds => &[Rule::Eligible],
        Planted::SuccessIsRateLimit => &[Rule::ComesBack],
        Planted::WeightsLost => &[Rule::Shares],
        Planted::OrderLost => &[Rule::LowerFirst, Rule::Shares],
        Planted::RequireLost | Planted::TagsLost | Planted::PinLost => &[Rule::Residency],
        Planted::CallsFirstDeployment => &[Rule::Residency, Rule::LowerFirst, Rule::RecordComplete],
        Planted::LimitsLost => &[Rule::DryKeys],
        Planted::RefundsRetries => &[Rule::RetryBudget],
        Planted::EverythingIsRepairable | Planted::MoreRepairs => &[Rule::Repair],
        Planted::MoreAttempts => &[Rule::Starves, Rule::MaxAttempts],
        Planted::TripIsLost | Planted::ResetIsLost => &[Rule::Recount],
        Planted::InventsCover => &[Rule::SwitchedOff],
        Planted::UsageDoubled | Planted::PricesLost => &[Rule::CostTrue],
        Planted::MendedIsUntold | Planted::DroppedIsUntold => &[Rule::RecordTrue],
    }
}

#[test]
fn every_planted_bug_is_found() {
    // What honest worlds of these seeds break: nothing, or the lie proves nothing.
    let mut honest: Vec<Report> = Vec::new();
    for planted in Planted::ALL {
        let mut left = notices(planted).to_vec();
        let mut seed = 0;
        while !left.is_empty() {
            seed += 1;
            assert!(seed <= 300, "{planted:?} was not noticed by {left:?}");
            let lied_to = run(&Options { planted: Some(planted), ..options(seed) });
            let place = usize::try_from(seed - 1).unwrap();
            if honest.len() <= place {
                honest.push(run(&options(seed)));
            }
            let breaks = |report: &Report, rule| report.violations.iter().any(|it| it.rule == rule);
            left.retain(|rule| !breaks(&lied_to, *rule) || breaks(&honest[place], *rule));
        }
        println!("{planted:?} found within {seed} seeds");
    }
}
