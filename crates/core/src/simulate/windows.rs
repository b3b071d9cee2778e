//! The true windows of providers' rate limits, per call and key, and what replies tell of them.
//!
//! Fixed windows; a call counts when it begins, and a reply tells how things stand when it is made.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::dice::Dice;
use crate::failure::{Failure, FailureClass};
use crate::id::Name;
use crate::limits::{Limits, Window};
use crate::simulate::policy_maker::{chance, ms, one_of};
use crate::time::Now;

/// Every key's windows.
#[derive(Debug)]
pub(crate) struct Windows {
    dice: Dice,
    keys: BTreeMap<(Name, usize), Option<Meter>>,
}

/// One limit of a key.
#[derive(Debug, Clone)]
struct Meter {
    counts_tokens: bool,
    limit: u64,
    span: Duration,
    tells_limit: bool,
    /// Which window it is, and what has been used of it.
    number: u128,
    used: u64,
}

impl Windows {
    pub(crate) const fn new(dice: Dice) -> Self {
        Self { dice, keys: BTreeMap::new() }
    }

    /// A call reaches the provider: counted, or refused with a rate limit.
    pub(crate) fn take(&mut self, call: &Name, key: usize, tokens: u64, now: Now) -> Option<Failure> {
        let dice = &mut self.dice;
        let meter = self.keys.entry((Name::clone(call), key)).or_insert_with(|| Meter::random(dice)).as_mut()?;
        meter.turn_to(now);
        let wanted = if meter.counts_tokens { tokens } else { 1 };
        if meter.used + wanted <= meter.limit {
            meter.used += wanted;
            return None;
        }
        let mut failure = Failure { status: Some(429), ..Failure::new(FailureClass::RateLimited) };
        failure.retry_after = chance(dice, 50).then(|| meter.resets_in(now));
        Some(failure)
    }

    /// What a reply that is made now tells.
    pub(crate) fn tell(&mut self, call: &Name, key: usize, now: Now) -> Limits {
        let meter = self.keys.get_mut(&(Name::clone(call), key)).and_then(Option::as_mut);
        meter.map_or_else(Limits::default, |meter| {
            meter.turn_to(now);
            let left = meter.limit.saturating_sub(meter.used);
            let limit = meter.tells_limit.then_some(meter.limit);
            let window = Some(Window { limit, left, resets_in: Some(meter.resets_in(now)) });
            if meter.counts_tokens {
                Limits { tokens: window, ..Limits::default() }
            } else {
                Limits { requests: window, ..Limits::default() }
            }
        })
    }
}

impl Meter {
    fn random(dice: &mut Dice) -> Option<Self> {
        let counts_tokens = chance(dice, 30);
        let limit = if counts_tokens { one_of(dice, 5_000, &[70_000, 300_000]) } else { one_of(dice, 3, &[10, 40]) };
        let span = one_of(dice, ms(1_000), &[ms(10_000), ms(60_000)]);
        let meter = Self { counts_tokens, limit, span, tells_limit: chance(dice, 60), number: 0, used: 0 };
        chance(dice, 35).then_some(meter)
    }

    fn turn_to(&mut self, now: Now) {
        let number = now.since_origin().as_nanos() / self.span.as_nanos().max(1);
        if number != self.number {
            (self.number, self.used) = (number, 0);
        }
    }

    fn resets_in(&self, now: Now) -> Duration {
        let into = now.since_origin().as_nanos() % self.span.as_nanos().max(1);
        self.span - Duration::from_nanos(u64::try_from(into).unwrap_or(0))
    }
}
