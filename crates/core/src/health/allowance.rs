//! What is left of a key's rate limits, as its provider tells it: a key that is about to run dry is not used.
//!
//! A reply tells how much is left as of one call. Calls admitted since then may not be counted in it, so they are taken
//! off: of fifty calls at once no more go out than were left. Once the window is over it is full again, as far as
//! the limit was told; else nothing is known, and what is unknown holds nobody back.

use std::time::Duration;

use crate::limits::{Limits, Window};
use crate::time::Now;

/// How long a limit without a reset is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// Longest window that is believed: longer ones are quotas, and the provider says so by refusing.
const LONGEST: Duration = Duration::from_secs(3_600);

/// The limits of one key for one model.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowance {
    requests: Left,
    tokens: Left,
    /// Output tokens; nothing is known to be spent of them until a reply tells.
    output: Left,
    /// Calls admitted so far, and their estimated tokens.
    spent: Spent,
    /// The call whose reply was told last.
    told_of: u64,
}

/// Calls and tokens, counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Spent {
    calls: u64,
    tokens: u64,
}

/// One limit.
#[derive(Debug, Clone, Default)]
struct Left {
    known: Option<Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    limit: Option<u64>,
    left: u64,
    /// What had been spent when this was left.
    as_of: u64,
    resets_at: Now,
    span: Duration,
    /// Whether no reply told it: the window before was over.
    assumed: bool,
}

// === impl Allowance ===

impl Allowance {
    /// Whether a call with a prompt of so many tokens would meet a limit now.
    pub(super) fn is_dry(&self, prompt_tokens: u64, now: Now) -> bool {
        self.requests.is_dry(1, self.spent.calls, now)
            || self.tokens.is_dry(prompt_tokens.max(1), self.spent.tokens, now)
            || self.output.is_dry(1, 0, now)
    }

    /// Forgets what was told, and keeps count: calls in flight are still out.
    pub(super) fn forget(&mut self) {
        self.requests.known = None;
        self.tokens.known = None;
        self.output.known = None;
        self.told_of = 0;
    }

    /// Counts a call; what is given back belongs to its reply.
    pub(super) fn admit(&mut self, prompt_tokens: u64) -> Spent {
        self.spent.calls = self.spent.calls.saturating_add(1);
        self.spent.tokens = self.spent.tokens.saturating_add(prompt_tokens);
        self.spent
    }

    /// What the reply to a call told. Replies to earlier calls are old news.
    pub(super) fn told(&mut self, limits: &Limits, call: Spent, now: Now) {
        if *limits == Limits::default() || call.calls < self.told_of {
            return;
        }
        self.told_of = call.calls;
        self.requests.told(limits.requests, call.calls, now);
        self.tokens.told(limits.tokens, call.tokens, now);
        self.output.told(limits.output, 0, now);
    }

    /// A sound reply told nothing: where the window before was told and this one is not, nothing is known any more.
    pub(super) fn silent(&mut self, call: Spent) {
        for left in [&mut self.requests, &mut self.tokens, &mut self.output] {
            left.known = left.known.filter(|it| !it.assumed || call.calls <= self.told_of);
        }
    }

    /// How long until all limits leave room for a call with a prompt of so many tokens.
    pub(super) fn dry_for(&self, prompt_tokens: u64, now: Now) -> Duration {
        let requests = self.requests.dry_for(1, self.spent.calls, now);
        let tokens = self.tokens.dry_for(prompt_tokens.max(1), self.spent.tokens, now);
        requests.max(tokens).max(self.output.dry_for(1, 0, now)).unwrap_or_default()
    }
}

// === impl Left ===

impl Left {
    fn told(&mut self, window: Option<Window>, as_of: u64, now: Now) {
        if let Some(window) = window {
            let span = window.resets_in.unwrap_or(BELIEVED).min(LONGEST);
            let (limit, left) = (window.limit, window.left);
            self.known = Some(Known { limit, left, as_of, resets_at: now + span, span, assumed: false });
        }
    }

    /// The first call of a window that nobody has told of yet is never held back: a limit of nothing, or one smaller than
    /// the request, would keep the key off for ever, and the reply tells more.
    fn is_dry(&self, wanted: u64, spent: u64, now: Now) -> bool {
        let untouched = self.known.is_some_and(|it| it.assumed && it.as_of == spent);
        !untouched && self.left(spent, now).is_some_and(|left| left < wanted)
    }

    fn left(&self, spent: u64, now: Now) -> Option<u64> {
        let known = self.known.as_ref()?;
        if now < known.resets_at {
            return Some(known.left.saturating_sub(spent.saturating_sub(known.as_of)));
        }
        None
    }

    fn dry_for(&self, wanted: u64, spent: u64, now: Now) -> Option<Duration> {
        let known = self.known.as_ref()?;
        self.is_dry(wanted, spent, now).then(|| now.until(known.resets_at))
    }

    /// The window is over: it is full again.
    fn renew(&mut self, spent: u64, now: Now) {
        let Some(known) = &mut self.known else { return };
        if now < known.resets_at {
            return;
        }
        self.known = match known.limit {
            Some(limit) if !known.span.is_zero() => {
                Some(Known { left: limit, as_of: spent, resets_at: now + known.span, assumed: true, ..*known })
            }
            _ => None,
        };
    }
}

impl Allowance {
    /// Begins new windows where the old ones are over; called before a call is counted.
    pub(super) fn renew(&mut self, now: Now) {
        self.requests.renew(self.spent.calls, now);
        self.tokens.renew(self.spent.tokens, now);
        self.output.renew(0, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Now {
        Now::ZERO + Duration::from_millis(ms)
    }

    fn calls(left: u64, limit: Option<u64>, resets_ms: u64) -> Limits {
        let window = Window { limit, left, resets_in: Some(Duration::from_millis(resets_ms)) };
        Limits { requests: Some(window), ..Limits::default() }
    }

    #[test]
    fn no_more_calls_go_out_than_were_left() {
        let mut allowance = Allowance::default();
        let first = allowance.admit(10);
        allowance.told(&calls(3, None, 60_000), first, at(0));
        let made = (0..50).take_while(|_| {
            let free = !allowance.is_dry(10, at(1));
            if free {
                allowance.admit(10);
            }
            free
        });
        assert_eq!(made.count(), 3);
        assert_eq!(allowance.dry_for(10, at(0)), Duration::from_millis(60_000));
    }

    #[test]
    fn calls_in_flight_are_taken_off_what_an_older_reply_tells() {
        let mut allowance = Allowance::default();
        let first = allowance.admit(1);
        let _second = allowance.admit(1);
        let third = allowance.admit(1);
        allowance.told(&calls(5, None, 60_000), first, at(0));
        assert_eq!(allowance.requests.left(3, at(0)), Some(3));
        allowance.told(&calls(1, None, 60_000), third, at(0));
        allowance.told(&calls(9, None, 60_000), first, at(0));
        assert_eq!(allowance.requests.left(3, at(0)), Some(1), "an older reply says nothing any more");
    }

    #[test]
    fn a_window_that_is_over_is_full_again_as_far_as_its_limit_is_known() {
        let mut allowance = Allowance::default();
        let call = allowance.admit(1);
        allowance.told(&calls(0, Some(2), 1_000), call, at(0));
        assert!(allowance.is_dry(1, at(999)));
        assert!(!allowance.is_dry(1, at(1_000)));
        allowance.renew(at(1_000));
        allowance.admit(1);
        allowance.admit(1);
        assert!(allowance.is_dry(1, at(1_001)), "two of two are taken");
        let call = allowance.admit(1);
        allowance.told(&calls(0, None, 1_000), call, at(2_000));
        allowance.renew(at(3_000));
        assert!(!allowance.is_dry(1, at(3_000)), "what is unknown holds nobody back");
    }

    #[test]
    fn a_prompt_larger_than_the_tokens_left_waits_and_a_small_one_does_not() {
        let mut allowance = Allowance::default();
        let call = allowance.admit(100);
        let window = Window { limit: None, left: 500, resets_in: Some(Duration::from_secs(60)) };
        allowance.told(&Limits { tokens: Some(window), ..Limits::default() }, call, at(0));
        assert!(allowance.is_dry(501, at(1)));
        assert!(!allowance.is_dry(500, at(1)));
        assert_eq!(allowance.dry_for(501, at(1)), Duration::from_millis(59_999), "as long as it is held back");
        assert_eq!(allowance.dry_for(500, at(1)), Duration::ZERO);
    }

    #[test]
    fn output_tokens_hold_back_no_prompt_until_none_is_left() {
        let mut allowance = Allowance::default();
        let output = |left| Limits {
            output: Some(Window { limit: Some(8_000), left, resets_in: Some(Duration::from_secs(60)) }),
            ..Limits::default()
        };
        let call = allowance.admit(100);
        allowance.told(&output(1), call, at(0));
        assert!(!allowance.is_dry(100_000, at(1)));
        let call = allowance.admit(100_000);
        allowance.told(&output(0), call, at(1));
        assert!(allowance.is_dry(1, at(2)));
        assert_eq!(allowance.dry_for(1, at(1)), Duration::from_secs(60));
        assert!(!allowance.is_dry(1, at(60_001)), "the window is over");
    }
}
