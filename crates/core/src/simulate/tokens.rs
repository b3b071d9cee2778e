//! A naive retry budget (D8): every payment and success is kept, and the invariant is recounted over every window.

use std::time::Duration;

use crate::simulate::check::Found;
use crate::simulate::report::Rule;
use crate::time::Now;

/// The budget of one route, in tokens.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    left: f64,
    as_of: Now,
    /// Retries and repairs that were made, and successes, in order.
    made: Vec<(Now, What)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Retry,
    Success,
}

/// A thousandth is what both may round.
const SLACK: f64 = 0.005;

impl Default for Tokens {
    fn default() -> Self {
        Self { left: 10.0, as_of: Now::ZERO, made: Vec::new() }
    }
}

impl Tokens {
    /// What is there now: below three a tenth of a token comes in per second.
    fn at(&self, now: Now) -> f64 {
        let trickled = self.left + 0.1 * now.since(self.as_of).as_secs_f64();
        if self.left < 3.0 { trickled.min(3.0) } else { self.left }
    }

    fn set(&mut self, left: f64, now: Now) {
        (self.left, self.as_of) = (left.min(50.0), self.as_of.max(now));
    }

    pub(crate) fn pay(&mut self, now: Now, found: &mut Found) {
        let left = self.at(now);
        if left < 1.0 - SLACK {
            found.push((Rule::RetryBudget, format!("a retry with {left:.3} tokens left")));
        }
        self.set(left - 1.0, now);
    }

    pub(crate) fn refund(&mut self, now: Now) {
        self.set(self.at(now) + 1.0, now);
    }

    pub(crate) fn succeeded(&mut self, now: Now) {
        self.set(self.at(now) + 0.1, now);
        self.made.push((now, What::Success));
    }

    /// A retry or repair begins: over no window are there more than what a full bucket, the successes and the trickle pay.
    pub(crate) fn retried(&mut self, now: Now, found: &mut Found) {
        self.made.push((now, What::Retry));
        let (mut retries, mut successes) = (0_u32, 0_u32);
        for (place, (at, what)) in self.made.iter().enumerate().rev() {
            match what {
                What::Retry => retries += 1,
                What::Success => successes += 1,
            }
            let full = if place == 0 { 10.0 } else { 50.0 };
            // A retry may be paid a while before it is made.
            let span = now.since(*at) + Duration::from_secs(60);
            let allowed = full + 0.1 * f64::from(successes) + 0.1 * span.as_secs_f64();
            if f64::from(retries) > allowed + SLACK {
                let what = format!("{retries} retries in {:?} with {successes} successes", now.since(*at));
                found.push((Rule::RetryBudget, what));
                return;
            }
        }
    }

    /// What is wrong with the engine's budget; afterwards the model follows it.
    pub(crate) fn compare(&mut self, its: f64, now: Now, found: &mut Found) {
        let mine = self.at(now);
        if (mine - its).abs() > SLACK {
            found.push((Rule::RetryBudget, format!("the budget is {its:.3}, a recount says {mine:.3}")));
        }
        // Both round in their own way; a drift of many roundings would say nothing.
        self.set(its, now);
    }
}
