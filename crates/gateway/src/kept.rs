//! What a call leaves in hand: for the answer, or for the walk and the answer both.

use std::sync::Arc;

use bytes::Bytes;
use switchback_core::failure::Failure;

use crate::broken::Broken;
use crate::stream::Live;

/// What an attempt leaves in hand for the answer.
pub(crate) enum Kept {
    /// Nothing.
    Nothing,
    /// A whole answer that was judged.
    Whole(Bytes),
    /// A whole stream that was judged before any of it left.
    Judged(Box<Live>),
    /// A stream that has just committed.
    Live(Box<Live>),
    /// A ready answer.
    Ready(Arc<str>),
    /// An answer that broke its promise, for the model to mend.
    Broken(Box<Broken>),
}

/// A failure, and the provider's own words where it has some.
pub(crate) struct Lost {
    pub(crate) failure: Box<Failure>,
    pub(crate) kept: Kept,
}

impl From<Failure> for Lost {
    fn from(failure: Failure) -> Self {
        Self { failure: Box::new(failure), kept: Kept::Nothing }
    }
}
