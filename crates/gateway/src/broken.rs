//! An answer that broke its promise, as its model is shown it.

/// What a model is shown of its own answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    /// What it said, bounded.
    pub(crate) said: String,
    /// What is wrong with it, in the validator's words.
    pub(crate) errors: String,
    /// Whether it called a tool, so that nothing but a call can take its place.
    pub(crate) called: bool,
}
