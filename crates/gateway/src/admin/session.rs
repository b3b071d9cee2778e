//! Who has signed in with a browser, and what proves that a form came from one of our own pages.
//!
//! A session is a random name in a cookie; only its digest is kept, in memory, until it ends, is signed out of, or the
//! admin token changes. Bounded: of too many the oldest ends. A form carries a second secret that no other page can
//! read; where nobody has to sign in, one secret of this process serves all forms. Never holds the admin token.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use subtle::ConstantTimeEq as _;
use switchback_core::time::Now;

/// Sessions at once.
const MOST: usize = 256;
/// How long a session lasts.
pub(super) const LASTS: Duration = Duration::from_secs(12 * 60 * 60);
/// Wrong tokens within [`TRIED_WITHIN`]; then every answer waits until it is over.
const MOST_WRONG: usize = 10;
/// The time in which wrong tokens are counted.
const TRIED_WITHIN: Duration = Duration::from_secs(60);

/// SHA-256 of a secret.
type Digest = [u8; 32];

/// All sessions.
pub(crate) struct Sessions {
    /// What forms carry where there is no session; `None`: the system gave no randomness, and no form is taken.
    form_token: Option<String>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Oldest first.
    sessions: VecDeque<Session>,
    /// When wrong tokens were sent, oldest first.
    wrong: VecDeque<Now>,
}

struct Session {
    name: Digest,
    /// The admin token that it was made with.
    token: Digest,
    form_token: String,
    until: Now,
}

/// Somebody who may look and act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visitor {
    /// What their forms must carry.
    pub(super) form_token: Option<String>,
    /// Their session, where they have one to sign out of.
    pub(super) session: Option<Digest>,
    /// The admin token under which they were let in.
    under: Option<Digest>,
}

/// Why nobody was signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsigned {
    /// The token is another one.
    Wrong,
    /// Too many wrong tokens were sent lately.
    TooMany,
    /// The system gave no randomness.
    NoChance,
}

// === impl Sessions ===

impl Sessions {
    pub(crate) fn new() -> Self {
        Self { form_token: random(), kept: Mutex::default() }
    }

    /// Whether too many wrong tokens were sent lately: whoever signs in has to wait, and is never kept out, because
    /// anybody can send wrong ones.
    pub(super) fn is_tried(&self, now: Now) -> bool {
        let kept = self.kept();
        kept.wrong.iter().filter(|at| now.since(**at) < TRIED_WITHIN).count() >= MOST_WRONG
    }

    /// A session for whoever sends this token: the name for the cookie.
    pub(super) fn sign_in(&self, sent: &str, token: &str, now: Now) -> Result<String, Unsigned> {
        let mut kept = self.kept();
        while kept.wrong.front().is_some_and(|at| now.since(*at) >= TRIED_WITHIN) {
            kept.wrong.pop_front();
        }
        if !bool::from(sent.as_bytes().ct_eq(token.as_bytes())) {
            if kept.wrong.len() >= MOST_WRONG {
                return Err(Unsigned::TooMany);
            }
            kept.wrong.push_back(now);
            return Err(Unsigned::Wrong);
        }
        let (name, form_token) = random().zip(random()).ok_or(Unsigned::NoChance)?;
        kept.sessions.retain(|it| now < it.until);
        if kept.sessions.len() >= MOST {
            kept.sessions.pop_front();
        }
        let session = Session { name: sha256(&name), token: sha256(token), form_token, until: now + LASTS };
        kept.sessions.push_back(session);
        Ok(name)
    }

    /// Who sends this cookie, while `token` is the admin token.
    pub(super) fn visitor(&self, name: &str, token: &str, now: Now) -> Option<Visitor> {
        let name = sha256(name);
        let kept = self.kept();
        let found = kept.sessions.iter().find(|it| bool::from(it.name.ct_eq(&name)))?;
        let holds = now < found.until && bool::from(found.token.ct_eq(&sha256(token)));
        let form_token = Some(found.form_token.clone());
        holds.then_some(Visitor { form_token, session: Some(name), under: Some(found.token) })
    }

    /// Whoever needs no session: they have sent the token itself, or there is none.
    pub(super) fn without(&self, token: Option<&str>) -> Visitor {
        Visitor { form_token: self.form_token.clone(), session: None, under: token.map(sha256) }
    }

    /// Whether a visitor who was let in would still be, now that `token` is the admin token.
    pub(super) fn holds(&self, visitor: &Visitor, token: Option<&str>, now: Now) -> bool {
        if visitor.under != token.map(sha256) {
            return false;
        }
        let Some(name) = visitor.session else { return true };
        self.kept().sessions.iter().any(|it| it.name == name && now < it.until)
    }

    pub(super) fn sign_out(&self, visitor: &Visitor) {
        self.kept().sessions.retain(|it| Some(it.name) != visitor.session);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("n", &self.kept().sessions.len()).finish_non_exhaustive()
    }
}

// === impl Visitor ===

impl Visitor {
    /// Whether a form that carries this came from a page that was made for them.
    pub(super) fn made(&self, sent: &str) -> bool {
        self.form_token.as_deref().is_some_and(|it| bool::from(it.as_bytes().ct_eq(sent.as_bytes())))
    }
}

/// 256 random bits in hexadecimal.
fn random() -> Option<String> {
    let mut bytes = [0_u8; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

fn sha256(text: &str) -> Digest {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest(&SHA256, text.as_bytes()).as_ref()) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Now = Now::ZERO;

    #[test]
    fn a_session_ends_after_its_time_with_its_token_and_when_it_is_signed_out_of() {
        let sessions = Sessions::new();
        let name = sessions.sign_in("right", "right", AT).unwrap();
        let visitor = sessions.visitor(&name, "right", AT).unwrap();
        assert_eq!(name.len(), 64);
        assert!(visitor.made(&visitor.form_token.clone().unwrap()));
        assert!(!visitor.made("") && !visitor.made(&sessions.without(None).form_token.unwrap()));
        assert_eq!(sessions.visitor(&name, "another", AT), None);
        assert_eq!(sessions.visitor("made-up", "right", AT), None);
        assert_eq!(sessions.visitor(&name, "right", AT + LASTS), None);
        assert!(sessions.holds(&visitor, Some("right"), AT));
        assert!(!sessions.holds(&visitor, Some("right"), AT + LASTS));
        assert!(!sessions.holds(&visitor, Some("another"), AT) && !sessions.holds(&visitor, None, AT));
        sessions.sign_out(&visitor);
        assert_eq!(sessions.visitor(&name, "right", AT), None);
        assert!(!sessions.holds(&visitor, Some("right"), AT));
    }

    #[test]
    fn of_too_many_sessions_the_oldest_ends() {
        let sessions = Sessions::new();
        let names: Vec<String> = (0..=MOST).map(|_| sessions.sign_in("t", "t", AT).unwrap()).collect();
        assert_eq!(sessions.visitor(&names[0], "t", AT), None);
        assert!(names[1..].iter().all(|it| sessions.visitor(it, "t", AT).is_some()));
    }

    #[test]
    fn after_too_many_wrong_tokens_only_the_right_one_is_still_looked_at() {
        let sessions = Sessions::new();
        for _ in 0..MOST_WRONG {
            assert_eq!(sessions.sign_in("wrong", "right", AT), Err(Unsigned::Wrong));
        }
        assert_eq!(sessions.sign_in("wrong", "right", AT), Err(Unsigned::TooMany));
        assert!(sessions.is_tried(AT) && !sessions.is_tried(AT + TRIED_WITHIN));
        assert!(sessions.sign_in("right", "right", AT).is_ok(), "whoever sent the wrong ones keeps nobody out");
        assert_eq!(sessions.sign_in("wrong", "right", AT + TRIED_WITHIN), Err(Unsigned::Wrong));
    }

    #[test]
    fn without_a_session_the_form_token_is_that_of_this_process() {
        let (one, other) = (Sessions::new(), Sessions::new());
        let token = one.without(None).form_token.unwrap();
        assert!(one.without(None).made(&token));
        assert!(!other.without(None).made(&token));
        assert!(one.holds(&one.without(None), None, AT + LASTS + LASTS));
        assert!(!one.holds(&one.without(None), Some("since then"), AT), "a token was set meanwhile");
    }
}
