//! What calls cost, computed in floating point from what really happened; the engine counts in integers.

use crate::failure::Detail;
use crate::money::Price;
use crate::policy::Policy;
use crate::simulate::check::Seen;

/// Dollars of a call, or `None` where nobody can know.
pub(crate) fn cost(policy: &Policy, seen: &Seen) -> Option<f64> {
    let deployment = policy.route(seen.call.route)?.deployments.get(seen.call.deployment)?;
    let truth = seen.truth.as_ref();
    let usage = truth.and_then(|it| it.facts.usage).unwrap_or_default();
    if let Some(price) = &deployment.price {
        let (prompt, completion) = (usage.prompt, usage.completion);
        if let (Some(prompt), Some(completion)) = (prompt, completion) {
            return Some(of_tokens(price, prompt, completion, usage.cached.unwrap_or(0)));
        }
        if of_tokens(price, 1_000_000, 1_000_000, 0) + of_tokens(price, 10, 10, 5) == 0.0 {
            return Some(0.0);
        }
    }
    let truth = truth?;
    let failure = truth.failure.as_ref()?;
    let unsent = matches!(failure.detail, Some(Detail::Dns | Detail::Connect | Detail::Tls));
    let status = truth.facts.status.or(failure.status).unwrap_or(0);
    (unsent || status >= 400).then_some(0.0)
}

/// Dollars of tokens; of cached prompts as the simulation has them.
#[expect(clippy::cast_precision_loss, reason = "prices and counts of the simulation are small")]
fn of_tokens(price: &Price, prompt: u64, completion: u64, cached: u64) -> f64 {
    let tier = price.tiers.iter().filter(|it| prompt > it.over_tokens).max_by_key(|it| it.over_tokens);
    let rates = tier.map_or(&price.base, |it| &it.rates);
    let cheap = rates.cached.unwrap_or(rates.input).0 as f64;
    let pico = (prompt - cached) as f64 * rates.input.0 as f64
        + cached as f64 * cheap
        + completion as f64 * rates.output.0 as f64;
    pico / 1e12
}

/// Whether two costs are the same but for rounding to a billionth each.
pub(crate) fn is_same(one: Option<f64>, other: Option<f64>, n_parts: usize) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => (one - other).abs() <= 1e-9 * (u32::try_from(n_parts).map_or(1.0, f64::from) + 1.0),
        _ => false,
    }
}
