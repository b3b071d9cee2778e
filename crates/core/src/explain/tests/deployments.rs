//! What `explain` says of several deployments, repair, budgets and money.

use super::*;
use crate::money::{PicoPerToken, Price, Rates};
use crate::record::Usage;

/// The same, with gpt at two places: order 1 in the United States, order 2 in Europe; each call costs.
fn several() -> Arc<Policy> {
    let mut policy = Policy::clone(&policy());
    let rates = Rates {
        input: PicoPerToken(3_000_000),
        cached: None,
        cache_write: None,
        output: PicoPerToken(15_000_000),
        reasoning: None,
    };
    policy.providers.push(Provider { name: "azure".into(), region: None, n_keys: 1 });
    let route = &mut policy.routes[0];
    route.deployments[0].region = Some("us".into());
    let azure = Deployment { order: 2, region: Some("eu-west".into()), ..Deployment::plain(3, "azure/gpt") };
    route.deployments.push(azure);
    route.deployments.iter_mut().for_each(|it| it.price = Some(Price::flat(rates)));
    Arc::new(policy)
}

fn used() -> Facts {
    let usage = Usage { prompt: Some(1_000), completion: Some(200), ..Usage::default() };
    Facts { status: Some(200), usage: Some(usage), ..Facts::default() }
}

fn mendable() -> Failure {
    Failure {
        repairable: true,
        status: Some(200),
        message: Some("/total: is not a number".into()),
        ..Failure::new(C::Contract).with_detail(Detail::Schema)
    }
}

const REPAIRED_AT_ANOTHER_DEPLOYMENT: &str = "
◐ RECOVERED   The caller got a full-quality answer from gpt, 1.22 s later than if the first try had worked.
  DROPPED     seed: the answer was asked for without.
  EXPECTED?   Yes: the model was shown its answer and asked to repair it; nothing moved.
  USER SAW    Nothing odd except the wait. Nothing of an answer had been sent before.

  rung  what                                result                                                        at      took
  1.1   try   gpt via gpt/m in us           ✕ overloaded · 503                                          0 ms    0.42 s
        wait                                backoff                                                   0.42 s    0.30 s
  1.2   retry gpt via azure/gpt in eu-west  ✕ contract · schema · /total: is not a number · $0.006    0.72 s    0.50 s
  1.3   repair gpt via gpt/m in us          ● served · mended: fences · $0.006                        1.22 s    0.40 s
  2     claude                              · not_reached
  3     mini                                · not_reached
  4     answer                              · not_reached
  5     fail                                · not_reached
  total 1.62 s of 60.00 s · cost $0.012

  task extract-invoice · surface interactive · region us · key app-ledger · client OpenAI/Python 2.1.0 · config 9c1e4f2
  req_01HF7YAT000000000000000007
";

#[test]
fn repaired_at_another_deployment() {
    let policy = several();
    let mended = Facts { mended: vec!["fences".into()], dropped: vec!["seed".into()], ..used() };
    let seen = vec![
        (420, failed(C::Overloaded, None, Some(503))),
        (720, Observation::Elapsed),
        (1_220, Observation::Failed(mendable(), used())),
        (1_620, Observation::Sound(mended)),
    ];
    let told = told_under(&policy, &Health::new(&policy), None, false, seen);
    assert_told(&told, REPAIRED_AT_ANOTHER_DEPLOYMENT);
}

#[test]
fn an_answer_that_was_mended_here_says_what_and_that_nothing_else_was_called() {
    let mended = Facts { mended: vec!["fences".into(), "trailing-comma".into()], ..Facts::default() };
    let text = told(None, false, vec![(840, Observation::Sound(mended))]);
    assert!(text.contains("from gpt, in 0.84 s; it was mended first (fences, trailing-comma)."), "{text}");
    assert!(text.contains("Yes: the answer was mended here, without another call; nothing moved."), "{text}");
    assert!(text.contains("USER SAW    The answer."), "{text}");
}

#[test]
fn an_empty_retry_budget_is_told_where_it_kept_a_retry_from_being_made() {
    let policy = policy();
    let health = Health::new(&policy);
    while health.pay_retry(RouteId(0), Now::ZERO) {}
    let seen = vec![(420, failed(C::Overloaded, None, Some(503))), (900, sound())];
    let text = told_under(&policy, &health, None, false, seen);
    assert!(text.contains("✕ overloaded · 503 · not asked again: the route's retry budget is empty"), "{text}");
    assert!(!recovered().contains("retry budget"), "where it paid, nothing is said of it");
}

#[test]
fn a_request_that_no_rung_may_be_given_was_expected_to_fail() {
    let mut policy = Policy::clone(&several());
    policy.tasks[0].require.region = vec!["ch".into()];
    policy.tasks[0].ladder.truncate(2);
    let policy = Arc::new(policy);
    let text = told_under(&policy, &Health::new(&policy), None, false, Vec::new());
    assert!(text.contains("no_compliant_route (424)"), "{text}");
    assert!(text.contains("residency: is outside the region or tags that are required"), "{text}");
    assert!(text.contains("EXPECTED?   Yes: no rung could be called; each one's reason stands below."), "{text}");
}
