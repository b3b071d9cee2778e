//! Sticky safety decisions: what a provider's filter blocked is not asked again elsewhere for a while.
//!
//! The key is an HMAC over the application key's name and all messages, with a secret of this process: the table
//! holds no text and cannot be searched for one. Bounded: when it is full the oldest decisions are dropped.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use switchback_core::time::Now;

/// Most decisions that are kept.
const MOST: usize = 100_000;

type Digest = [u8; 32];

/// The table of decisions.
pub(crate) struct Sticky {
    secret: hmac::Key,
    decisions: Mutex<Decisions>,
}

#[derive(Default)]
struct Decisions {
    by_digest: HashMap<Digest, Decision>,
    /// When the last of them ends.
    latest: Now,
}

struct Decision {
    until: Now,
    code: Box<str>,
}

impl std::fmt::Debug for Sticky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sticky").finish_non_exhaustive()
    }
}

impl Sticky {
    pub(crate) fn new() -> Self {
        let mut secret = [0; 32];
        // Without randomness the table still works; its keys could then be guessed by who reads this process.
        let _ = SystemRandom::new().fill(&mut secret);
        Self { secret: hmac::Key::new(hmac::HMAC_SHA256, &secret), decisions: Mutex::default() }
    }

    /// Whether nothing at all is blocked any more: then no request needs to be hashed.
    pub(crate) fn is_empty(&self, now: Now) -> bool {
        let mut decisions = self.decisions.lock().unwrap_or_else(PoisonError::into_inner);
        if decisions.latest <= now && !decisions.by_digest.is_empty() {
            decisions.by_digest.clear();
        }
        decisions.by_digest.is_empty()
    }

    /// The provider's code, if the same request of the same application was blocked and the decision still stands.
    pub(crate) fn standing(&self, key: Option<&str>, messages: &[u8], now: Now) -> Option<Box<str>> {
        let digest = self.digest(key, messages);
        let decisions = self.decisions.lock().unwrap_or_else(PoisonError::into_inner);
        decisions.by_digest.get(&digest).filter(|it| now < it.until).map(|it| it.code.clone())
    }

    /// Keeps a decision.
    pub(crate) fn keep(&self, key: Option<&str>, messages: &[u8], code: &str, now: Now, sticks: Duration) {
        let digest = self.digest(key, messages);
        let mut decisions = self.decisions.lock().unwrap_or_else(PoisonError::into_inner);
        let until = now + sticks;
        decisions.latest = decisions.latest.max(until);
        let table = &mut decisions.by_digest;
        if table.len() >= MOST {
            table.retain(|_, it| now < it.until);
        }
        if table.len() >= MOST {
            let oldest = table.iter().min_by_key(|(_, it)| it.until).map(|(digest, _)| *digest);
            oldest.map(|it| table.remove(&it));
        }
        table.insert(digest, Decision { until, code: code.into() });
    }

    fn digest(&self, key: Option<&str>, messages: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&self.secret);
        let key = key.unwrap_or_default();
        context.update(&u64::try_from(key.len()).unwrap_or(0).to_be_bytes());
        context.update(key.as_bytes());
        context.update(&canonical(messages));
        let mut out = Digest::default();
        for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        out
    }
}

/// The messages themselves, whatever their white space, escapes and order of members: the same request written another
/// way is the same request.
fn canonical(messages: &[u8]) -> Vec<u8> {
    let parsed = serde_json::from_slice::<serde_json::Value>(messages);
    parsed.ok().and_then(|it| serde_json::to_vec(&it).ok()).unwrap_or_else(|| messages.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_stands_for_its_time_for_the_same_key_and_messages_only() {
        let sticky = Sticky::new();
        let hour = Duration::from_secs(3_600);
        sticky.keep(Some("app"), b"[bad]", "content_filter", Now::ZERO, hour);
        sticky.keep(Some("app"), br#"[{"role": "user", "content": "hi"}]"#, "content_filter", Now::ZERO, hour);
        let other_way = br#"[{"content":"\u0068i","role":"user"}]"#;
        assert!(sticky.standing(Some("app"), other_way, Now::ZERO).is_some(), "the same words");
        assert_eq!(sticky.standing(Some("app"), b"[bad]", Now::ZERO).as_deref(), Some("content_filter"));
        assert_eq!(sticky.standing(Some("other"), b"[bad]", Now::ZERO), None);
        assert_eq!(sticky.standing(Some("app"), b"[good]", Now::ZERO), None);
        assert_eq!(sticky.standing(Some("app"), b"[bad]", Now::ZERO + hour), None);
    }
}
