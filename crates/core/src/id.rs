//! Small identifiers: positions in the compiled policy, and the request's name.
//!
//! A position is valid for the policy it came from and for no other; nothing stores one beyond a request.

use std::fmt;
use std::sync::Arc;

/// A name as the operator wrote it: cheap to clone, shared by policy, health and record.
pub type Name = Arc<str>;

macro_rules! position {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The position as an index.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

position!(
    /// Position of a route in [`Policy::routes`](crate::policy::Policy::routes).
    RouteId
);
position!(
    /// Position of a task in [`Policy::tasks`](crate::policy::Policy::tasks).
    TaskId
);
position!(
    /// Position of a provider in [`Policy::providers`](crate::policy::Policy::providers).
    ProviderId
);
position!(
    /// Position of a contract in [`Policy::contracts`](crate::policy::Policy::contracts).
    ContractId
);

/// Name of one request: `req_` and 26 characters, sortable by arrival (a ULID: 48 bits of Unix milliseconds, 80 bits
/// of randomness, in Crockford's base 32).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Name);

/// Crockford's alphabet: no I, L, O or U, so that an id read aloud at night survives.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl RequestId {
    /// Builds the name from the time of arrival (Unix milliseconds) and random bits, of which the low 80 are used.
    #[must_use]
    pub fn new(unix_ms: u64, random: u128) -> Self {
        let bits = (u128::from(unix_ms) << 80) | (random & ((1 << 80) - 1));
        let mut text = String::with_capacity(30);
        text.push_str("req_");
        for place in (0..26).rev() {
            let digit = usize::try_from((bits >> (place * 5)) & 31).unwrap_or(0);
            text.push(ALPHABET.get(digit).copied().map_or('0', char::from));
        }
        Self(text.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_arrival() {
        let early = RequestId::new(1_000, u128::MAX);
        let late = RequestId::new(1_001, 0);
        assert!(early.as_str() < late.as_str());
        assert_eq!(early.as_str().len(), 30);
    }
}
