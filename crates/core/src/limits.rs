//! What a provider says of its rate limits: how much is left, and when it is full again.
//!
//! Read from headers of any reply, good or bad. It only ever makes us hold back: a provider that says nothing is called
//! as before.

use std::time::Duration;

/// The limits that providers tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Calls.
    pub requests: Option<Window>,
    /// Tokens that a prompt counts against.
    pub tokens: Option<Window>,
    /// Output tokens, where they are counted apart. What an answer will take is not known beforehand: this holds calls
    /// back only once nothing is left.
    pub output: Option<Window>,
}

/// One limit as a reply told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How much the whole window allows, where it was told.
    pub limit: Option<u64>,
    /// How much is left of it.
    pub left: u64,
    /// How long until it is full again, where it was told.
    pub resets_in: Option<Duration>,
}
