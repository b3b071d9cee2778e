//! The two small states of health: a key that cools, and something that was switched off and is probed now and then.
//!
//! Both know when a call was admitted: what a call from before says is old news.

use std::time::Duration;

use crate::health::allowance::Allowance;
use crate::outcome::Skip;
use crate::time::Now;

/// First wait before a switched-off credential or route is probed; doubles up to [`LONGEST_OFF`].
const FIRST_OFF: Duration = Duration::from_secs(60);
/// Longest wait between probes of a switched-off credential or route.
const LONGEST_OFF: Duration = Duration::from_secs(3_600);
/// First cooling of a key after a rate limit without a reset; doubles up to [`LONGEST_COOLING`].
const FIRST_COOLING: Duration = Duration::from_secs(1);
/// Longest cooling that we choose ourselves.
const LONGEST_COOLING: Duration = Duration::from_secs(60);
/// Longest cooling that a provider can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(86_400);

/// State of one key for one model.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyHealth {
    /// What the provider asked for; nothing but time ends it.
    pub(super) asked_until: Option<Now>,
    /// Our own choice where it asked for nothing: a request that has waited, or a success since, ends it.
    pub(super) own_until: Option<Now>,
    pub(super) limited_at: Now,
    pub(super) n_limited: u32,
    pub(super) off: Switch,
    pub(super) allowance: Allowance,
}

/// Something that is on, or off and probed now and then. A request that a rung below could still answer is covered and
/// may be the probe after the wait. One that nothing could answer would fail anyway, so it may be too, but only after
/// twice the wait: where covered requests come, they are taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Switch {
    pub(super) off: Option<Off>,
}

#[derive(Debug, Clone)]
pub(super) struct Off {
    pub(super) skip: Skip,
    /// What calls that were admitted before say is old news.
    pub(super) since: Now,
    pub(super) probe_at: Now,
    pub(super) wait: Duration,
    pub(super) probe_lease: Option<Now>,
}

// === impl Off ===

impl Off {
    /// When a request may probe it.
    fn due(&self, covered: bool) -> Now {
        if covered { self.probe_at } else { self.probe_at + self.wait }
    }
}

// === impl KeyHealth ===

impl KeyHealth {
    pub(super) fn is_cooling(&self, waited: bool, now: Now) -> bool {
        let until = if waited { self.asked_until } else { self.asked_until.max(self.own_until) };
        until.is_some_and(|until| now < until)
    }

    pub(super) fn cools_for(&self, now: Now) -> Duration {
        self.asked_until.max(self.own_until).map_or(Duration::ZERO, |until| now.until(until))
    }

    pub(super) fn limited(&mut self, at: Now, retry_after: Option<Duration>, now: Now) {
        if let Some(asked) = retry_after {
            self.asked_until = self.asked_until.max(Some(now + asked.min(LONGEST_ASKED)));
        } else if self.n_limited == 0 || at >= self.limited_at {
            let own = FIRST_COOLING.saturating_mul(2_u32.saturating_pow(self.n_limited.min(10))).min(LONGEST_COOLING);
            self.own_until = self.own_until.max(Some(now + own));
            self.n_limited = self.n_limited.saturating_add(1);
            self.limited_at = now;
        }
    }

    /// Forgets what keeps it from being used.
    pub(super) fn reset(&mut self) {
        let mut allowance = std::mem::take(&mut self.allowance);
        allowance.forget();
        *self = Self { allowance, ..Self::default() };
    }

    pub(super) fn succeeded(&mut self, at: Now) {
        if at >= self.limited_at {
            self.own_until = None;
            self.n_limited = 0;
        }
        self.off.succeeded(at);
    }
}

// === impl Switch ===

impl Switch {
    pub(super) fn obstacle(&self, covered: bool, now: Now) -> Option<Skip> {
        let off = self.off.as_ref()?;
        let lease_over = off.probe_lease.is_none_or(|lease| now >= lease);
        (!(now >= off.due(covered) && lease_over)).then_some(off.skip)
    }

    /// How long until such a request may probe it; zero when it is on.
    pub(super) fn probed_in(&self, covered: bool, now: Now) -> Duration {
        self.off.as_ref().map_or(Duration::ZERO, |off| now.until(off.due(covered)))
    }

    /// Told by a call that was admitted at `at`. Only a failed probe doubles the wait: many calls that were in flight
    /// when a credential was revoked are one event.
    pub(super) fn switch_off(&mut self, skip: Skip, at: Now, now: Now) {
        let wait = match &self.off {
            Some(off) if at <= off.since => return,
            Some(off) => off.wait.saturating_mul(2).min(LONGEST_OFF),
            None => FIRST_OFF,
        };
        self.off = Some(Off { skip, since: now, probe_at: now + wait, wait, probe_lease: None });
    }

    /// A call that was admitted at `at` worked; one from before the switch-off proves nothing.
    pub(super) fn succeeded(&mut self, at: Now) {
        if self.off.as_ref().is_some_and(|off| at > off.since) {
            self.off = None;
        }
    }

    pub(super) fn on(&mut self) {
        self.off = None;
    }

    pub(super) fn probe(&mut self, lease: Now) {
        if let Some(off) = &mut self.off {
            off.probe_lease = Some(lease);
        }
    }

    pub(super) fn return_probe(&mut self, lease: Now) {
        if let Some(off) = &mut self.off
            && off.probe_lease == Some(lease)
        {
            off.probe_lease = None;
        }
    }
}
