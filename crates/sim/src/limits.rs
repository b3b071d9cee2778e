//! Limits by key: how many requests and tokens each key has in a window, and how much of them is left.
//!
//! Windows are fixed: one begins with the first call after the last one ended, and at its end everything is back. So what the
//! headers promise is exactly what happens. Keys are kept as hashes and shown by their last four characters. This file decides
//! and counts; it answers nothing and asks no clock.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::script::glob;

/// No more rules are kept; setting one more forgets the oldest.
const MOST_RULES: usize = 64;
/// No more keys are counted; one more forgets the one that was not seen for longest.
const MOST_KEYS: usize = 1_024;
/// No window is longer: a day, the longest that providers have.
const LONGEST_WINDOW: Duration = Duration::from_secs(86_400);
/// No window is shorter.
const SHORTEST_WINDOW: Duration = Duration::from_millis(1);
/// Characters of a key that may be shown.
const SHOWN: usize = 4;

/// What each key may use in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls; no limit if none.
    pub requests: Option<u64>,
    /// Tokens of prompt and answer together; no limit if none. A call is let in if its prompt fits; its answer counts when it is sent.
    pub tokens: Option<u64>,
    /// How long a window is: a millisecond to a day; anything else becomes the nearer of the two.
    pub window: Duration,
}

/// One rule, as `GET /_sim/state` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LimitRule {
    /// Glob over the last four characters of the key.
    key: String,
    requests: Option<u64>,
    tokens: Option<u64>,
    window_ms: u64,
    #[serde(skip)]
    limits: Limits,
}

/// What one key has used, as `GET /_sim/state` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct KeyUse {
    key: Option<String>,
    requests: u64,
    tokens: u64,
    /// Calls turned away since the simulator started.
    limited: u64,
    resets_in_ms: u64,
}

/// What is left of a key's limits, after what was just counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limits: Limits,
    pub(crate) requests_left: u64,
    pub(crate) tokens_left: u64,
    /// Until everything is back; more than zero.
    pub(crate) resets_in: Duration,
}

/// Why a call is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// No request is left.
    Requests,
    /// Fewer tokens are left than the prompt has.
    Tokens,
    /// The prompt alone has more tokens than a whole window; waiting does not help.
    WholeWindow,
}

/// All limits and what was used of them.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    rules: Vec<LimitRule>,
    /// The key seen last stands last.
    used: VecDeque<Used>,
}

#[derive(Debug)]
struct Used {
    key: u64,
    label: Option<String>,
    began: Instant,
    requests: u64,
    tokens: u64,
    limited: u64,
}

// === impl Standing ===

impl Standing {
    /// Whole seconds until everything is back, rounded up: what `retry-after` says.
    pub(crate) fn seconds(&self) -> u64 {
        self.resets_in.as_secs() + u64::from(self.resets_in.subsec_nanos() > 0)
    }
}

// === impl Meter ===

impl Meter {
    /// Sets the limits of the keys whose last four characters match a glob; the newest rule that matches wins. No limits at all
    /// removes the rule.
    pub(crate) fn set(&mut self, key: &str, limits: Limits) {
        self.rules.retain(|rule| rule.key != key);
        if limits.requests.is_none() && limits.tokens.is_none() {
            return;
        }
        if self.rules.len() >= MOST_RULES {
            self.rules.remove(0);
        }
        let limits = Limits { window: limits.window.clamp(SHORTEST_WINDOW, LONGEST_WINDOW), ..limits };
        let Limits { requests, tokens, window } = limits;
        self.rules.push(LimitRule { key: key.to_owned(), requests, tokens, window_ms: millis(window), limits });
    }

    /// Forgets all limits and all that was used.
    pub(crate) fn clear(&mut self) {
        *self = Meter::default();
    }

    /// Counts one call of a key, or turns it away and counts nothing. `Ok(None)`: the key has no limits.
    ///
    /// # Errors
    /// Which limit it met, and where the key stands.
    pub(crate) fn admit(
        &mut self,
        key: Option<&str>,
        tokens: u64,
        now: Instant,
    ) -> Result<Option<Standing>, (Over, Standing)> {
        let label = key.map(last_four);
        let Some(limits) = self.limits_of(label.as_deref()) else { return Ok(None) };
        let used = self.used(hashed(key), label, limits.window, now);
        let standing = used.standing(limits, now);
        let over = if limits.tokens.is_some_and(|most| tokens > most) {
            Some(Over::WholeWindow)
        } else if limits.requests.is_some() && standing.requests_left == 0 {
            Some(Over::Requests)
        } else if limits.tokens.is_some() && standing.tokens_left < tokens {
            Some(Over::Tokens)
        } else {
            None
        };
        if let Some(over) = over {
            used.limited += 1;
            return Err((over, standing));
        }
        used.requests += 1;
        used.tokens = used.tokens.saturating_add(tokens);
        Ok(Some(used.standing(limits, now)))
    }

    /// Counts the tokens of an answer; the standing is where the key is then. Nothing for a key without limits.
    pub(crate) fn spend(&mut self, key: Option<&str>, tokens: u64, now: Instant) -> Option<Standing> {
        let label = key.map(last_four);
        let limits = self.limits_of(label.as_deref())?;
        let used = self.used(hashed(key), label, limits.window, now);
        used.tokens = used.tokens.saturating_add(tokens);
        Some(used.standing(limits, now))
    }

    pub(crate) fn rules(&self) -> Vec<LimitRule> {
        self.rules.clone()
    }

    /// What each key that has limits used in its present window; the key seen last stands last.
    pub(crate) fn uses(&self, now: Instant) -> Vec<KeyUse> {
        let shown = self.used.iter().filter_map(|used| {
            let standing = used.standing(self.limits_of(used.label.as_deref())?, now);
            let over = standing.resets_in.is_zero();
            Some(KeyUse {
                key: used.label.clone(),
                requests: if over { 0 } else { used.requests },
                tokens: if over { 0 } else { used.tokens },
                limited: used.limited,
                resets_in_ms: millis(standing.resets_in),
            })
        });
        shown.collect()
    }

    fn limits_of(&self, label: Option<&str>) -> Option<Limits> {
        let rule = self.rules.iter().rev().find(|rule| glob(&rule.key, label.unwrap_or_default()));
        rule.map(|rule| rule.limits)
    }

    /// The counters of a key in its present window; the key becomes the one seen last.
    fn used(&mut self, key: u64, label: Option<String>, window: Duration, now: Instant) -> &mut Used {
        let known = self.used.iter().position(|used| used.key == key).and_then(|place| self.used.remove(place));
        if self.used.len() >= MOST_KEYS {
            self.used.pop_front();
        }
        let mut used = known.unwrap_or(Used { key, label, began: now, requests: 0, tokens: 0, limited: 0 });
        if now.saturating_duration_since(used.began) >= window {
            (used.began, used.requests, used.tokens) = (now, 0, 0);
        }
        self.used.push_back_mut(used)
    }
}

// === impl Used ===

impl Used {
    fn standing(&self, limits: Limits, now: Instant) -> Standing {
        Standing {
            limits,
            requests_left: limits.requests.unwrap_or_default().saturating_sub(self.requests),
            tokens_left: limits.tokens.unwrap_or_default().saturating_sub(self.tokens),
            resets_in: limits.window.saturating_sub(now.saturating_duration_since(self.began)),
        }
    }
}

/// What may be shown of a key: its last four characters.
pub(crate) fn last_four(key: &str) -> String {
    key.chars().skip(key.chars().count().saturating_sub(SHOWN)).collect()
}

/// A key is never kept, only what it hashes to.
fn hashed(key: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(requests: u64, window: Duration) -> Meter {
        let mut meter = Meter::default();
        meter.set("*", Limits { requests: Some(requests), tokens: None, window });
        meter
    }

    #[test]
    fn a_window_begins_with_the_first_call_after_the_last_one_ended() {
        let mut meter = meter(1, Duration::from_secs(10));
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert!(meter.admit(Some("k"), 1, at(0)).is_ok());
        let (over, standing) = meter.admit(Some("k"), 1, at(4)).unwrap_err();
        assert_eq!((over, standing.resets_in, standing.seconds()), (Over::Requests, Duration::from_secs(6), 6));
        let standing = meter.admit(Some("k"), 1, at(25)).unwrap().unwrap();
        assert_eq!(
            (standing.requests_left, standing.resets_in),
            (0, Duration::from_secs(10)),
            "it begins at 25, not at 20"
        );
        assert_eq!(meter.uses(at(40))[0].requests, 0, "what was used in a window that is over is not shown");
    }

    #[test]
    fn a_wait_is_rounded_up_and_never_zero() {
        let mut meter = meter(0, Duration::from_millis(1_001));
        let standing = meter.admit(None, 1, Instant::now()).unwrap_err().1;
        assert_eq!(standing.seconds(), 2);
    }

    #[test]
    fn keys_and_rules_are_bounded_and_windows_too() {
        let mut meter = meter(5, Duration::MAX);
        let now = Instant::now();
        for key in 0..5_000 {
            let standing = meter.admit(Some(&key.to_string()), 1, now).unwrap().unwrap();
            assert_eq!((standing.requests_left, standing.resets_in), (4, LONGEST_WINDOW));
        }
        assert_eq!(meter.uses(now).len(), MOST_KEYS);
        for rule in 0..500 {
            meter.set(&rule.to_string(), Limits { requests: Some(1), tokens: None, window: Duration::ZERO });
        }
        assert_eq!(meter.rules().len(), MOST_RULES);
    }

    #[test]
    fn two_keys_with_the_same_end_are_two_accounts() {
        let mut meter = meter(1, Duration::from_secs(1));
        let now = Instant::now();
        assert!(meter.admit(Some("one-0001"), 1, now).is_ok());
        assert!(meter.admit(Some("two-0001"), 1, now).is_ok());
        assert!(meter.admit(Some("one-0001"), 1, now).is_err());
    }
}
