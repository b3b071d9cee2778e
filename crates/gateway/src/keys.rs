//! Keys of applications: who is calling?
//!
//! A credential is looked up by its SHA-256, so that no comparison runs over the secret itself, and the digest is
//! compared once more in constant time. Nothing here can print a secret.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use subtle::ConstantTimeEq as _;
use switchback_config::{AppKey, AppSecret};
use switchback_core::id::Name;

/// All keys of a configuration.
#[derive(Debug, Default)]
pub(crate) struct KeyRing {
    by_digest: HashMap<[u8; 32], Caller>,
}

/// Who calls, and what it may do.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The key's name; `None` where no keys are configured.
    pub(crate) name: Option<Name>,
    /// The key's segment.
    pub(crate) segment: Option<Name>,
    /// Whether it may call a route by its name.
    pub(crate) direct: bool,
    tasks: Option<Vec<String>>,
}

impl KeyRing {
    /// # Errors
    ///
    /// The name of a key whose secret another key has, too: which of the two rights would it carry?
    pub(crate) fn new(keys: &[AppKey]) -> Result<Self, Name> {
        let entry = |key: &AppKey| {
            let digest = match &key.secret {
                AppSecret::Plain(secret) => sha256(secret.expose().as_bytes()),
                AppSecret::Sha256(digest) => *digest,
            };
            let caller = Caller {
                name: Some(Name::clone(&key.name)),
                segment: key.segment.clone(),
                direct: key.direct,
                tasks: key.tasks.clone(),
            };
            (digest, caller)
        };
        let mut by_digest = HashMap::with_capacity(keys.len());
        for key in keys {
            let (digest, caller) = entry(key);
            if by_digest.insert(digest, caller).is_some() {
                return Err(Name::clone(&key.name));
            }
        }
        Ok(Self { by_digest })
    }

    /// Whether everybody who reaches the listener is let in.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_digest.is_empty()
    }

    /// The names of all keys, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.by_digest.values().filter_map(|it| Some(it.name.as_ref()?.to_string())).collect();
        names.sort_unstable();
        names
    }

    /// Who sends this `Authorization` header. Without any key everybody on the loopback address is let in, and may
    /// call routes by name.
    pub(crate) fn caller(&self, authorization: Option<&str>) -> Option<Caller> {
        if self.is_empty() {
            return Some(Caller { name: None, segment: None, direct: true, tasks: None });
        }
        let (scheme, secret) = authorization?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let digest = sha256(secret.trim().as_bytes());
        let (known, caller) = self.by_digest.get_key_value(&digest)?;
        bool::from(known.ct_eq(&digest)).then(|| caller.clone())
    }
}

impl Caller {
    /// Whether it may ask for this task.
    pub(crate) fn may_ask(&self, task: &str) -> bool {
        self.tasks.as_ref().is_none_or(|globs| globs.iter().any(|glob| switchback_config::glob::matches(glob, task)))
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
        *to = *from;
    }
    out
}
