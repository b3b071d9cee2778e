//! How long to wait before the same route is tried again.

use std::time::Duration;

use crate::dice::Dice;
use crate::policy::RetryWait;

/// Wait `n` (counted from one) of a walk on a rung: `low + random(0, min(high, low·2ⁿ) − low)`.
///
/// Full jitter above a floor (Brooker, "Exponential backoff and jitter", 2015): it spreads retries in time, and the
/// floor keeps the first one from being immediate.
#[must_use]
pub fn backoff(wait: RetryWait, n: u32, dice: &mut Dice) -> Duration {
    let doubled = wait.low.saturating_mul(2_u32.saturating_pow(n.min(31)));
    let most = doubled.min(wait.high).saturating_sub(wait.low);
    wait.low + dice.span(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_wait_stays_between_low_and_high(low in 0u64..5_000, more in 0u64..60_000, n in 1u32..64, seed: u64) {
            let wait = RetryWait { low: Duration::from_millis(low), high: Duration::from_millis(low + more) };
            let it = backoff(wait, n, &mut Dice::seeded(seed));
            prop_assert!(it >= wait.low && it <= wait.high);
        }
    }
}
