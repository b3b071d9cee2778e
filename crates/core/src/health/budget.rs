//! The retry budget of a route: retries are funded by successes, so that they can never multiply an outage.
//!
//! Starts with 10 tokens; a success adds 0.1, a retry or repair takes 1, 50 is the most. Below 3 a trickle of 0.1 per
//! second comes in, so that a quiet route can still afford one. Why successes and not a share of traffic: in a
//! metastable overload only this form recovers like no retries at all (`docs/failures.md`).

use std::time::Duration;

use crate::time::Now;

/// Tokens are counted in thousandths.
const TOKEN: u64 = 1_000;
const START: u64 = 10 * TOKEN;
/// Retries that a budget can hold at most.
pub const MOST_RETRIES: u32 = 50;
const MOST: u64 = MOST_RETRIES as u64 * TOKEN;
const PER_SUCCESS: u64 = TOKEN / 10;
/// Up to here tokens trickle in.
const TRICKLE_TO: u64 = 3 * TOKEN;
/// Time in which a thousandth trickles in.
const TRICKLE_EVERY: Duration = Duration::from_millis(10);

/// The bucket.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    tokens: u64,
    /// Up to when the trickle has been counted.
    counted: Now,
}

impl Default for Budget {
    fn default() -> Self {
        Self { tokens: START, counted: Now::ZERO }
    }
}

impl Budget {
    /// Whole and broken tokens that are there.
    pub(super) fn tokens(&self, now: Now) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "fifty thousand at most")]
        let tokens = self.at(now) as f64;
        tokens / 1_000.0
    }

    /// Takes one token; whether it was there.
    pub(super) fn pay(&mut self, now: Now) -> bool {
        self.count(now);
        let paid = self.tokens >= TOKEN;
        if paid {
            self.tokens -= TOKEN;
        }
        paid
    }

    /// Returns a token that was paid for a retry that was not made.
    pub(super) fn refund(&mut self, now: Now) {
        self.count(now);
        self.tokens = (self.tokens + TOKEN).min(MOST);
    }

    pub(super) fn succeeded(&mut self, now: Now) {
        self.count(now);
        self.tokens = (self.tokens + PER_SUCCESS).min(MOST);
    }

    fn count(&mut self, now: Now) {
        let before = self.tokens;
        self.tokens = self.at(now);
        // Parts of a thousandth stay to be counted, unless nothing trickles.
        let counted = if before >= TRICKLE_TO || self.tokens >= TRICKLE_TO {
            now
        } else {
            self.counted + TRICKLE_EVERY.saturating_mul(u32::try_from(self.tokens - before).unwrap_or(u32::MAX))
        };
        self.counted = self.counted.max(counted);
    }

    fn at(&self, now: Now) -> u64 {
        let trickled = now.since(self.counted).as_millis() / TRICKLE_EVERY.as_millis();
        let trickled = u64::try_from(trickled).unwrap_or(u64::MAX);
        if self.tokens >= TRICKLE_TO { self.tokens } else { self.tokens.saturating_add(trickled).min(TRICKLE_TO) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn ten_retries_are_free_and_then_ten_successes_buy_one() {
        let mut budget = Budget::default();
        assert_eq!((0..20).filter(|_| budget.pay(at(0))).count(), 10);
        for n in 0..10 {
            assert!(!budget.pay(at(0)), "after {n} successes");
            budget.succeeded(at(0));
        }
        assert!(budget.pay(at(0)));
        assert!(!budget.pay(at(0)));
    }

    #[test]
    fn an_empty_budget_trickles_to_three_and_no_further() {
        let mut budget = Budget::default();
        while budget.pay(at(0)) {}
        assert!(!budget.pay(at(9_000)));
        assert!(budget.pay(at(10_000)));
        assert!((budget.tokens(at(3_600_000)) - 3.0).abs() < 1e-9);
        assert_eq!((0..20).filter(|_| budget.pay(at(3_600_000))).count(), 3);
    }

    #[test]
    fn looking_often_loses_no_trickle() {
        let mut budget = Budget::default();
        while budget.pay(at(0)) {}
        assert_eq!((0..=20_003).filter(|ms| budget.pay(at(*ms))).count(), 2);
    }

    #[test]
    fn it_never_holds_more_than_fifty() {
        let mut budget = Budget::default();
        for _ in 0..10_000 {
            budget.succeeded(at(0));
        }
        assert_eq!((0..100).filter(|_| budget.pay(at(0))).count(), 50);
    }
}
