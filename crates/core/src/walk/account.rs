//! What a walk has done so far: the account from which outcome, object and record are derived.

use crate::failure::Failure;
use crate::id::RouteId;
use crate::outcome::{Skip, Why};
use crate::record::Ending;
use crate::step::Facts;
use crate::time::Now;

/// What became of a rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RungState {
    NotReached,
    Ran,
    Skipped(Skip),
}

/// One upstream call.
#[derive(Debug)]
pub(crate) struct Tried {
    pub(crate) rung: usize,
    pub(crate) route: RouteId,
    pub(crate) deployment: usize,
    pub(crate) key: usize,
    pub(crate) kind: &'static str,
    pub(crate) started: Now,
    pub(crate) ended: Option<Now>,
    /// Whether the request's deadline, not the route's timeout, bounds it.
    pub(crate) cut_by_deadline: bool,
    /// Whether the first content has a clock of its own, shorter than both.
    pub(crate) own_first_token: bool,
    pub(crate) without: Option<&'static str>,
    pub(crate) failure: Option<Failure>,
    /// Whether the route's budget could not pay for staying on the route.
    pub(crate) unpaid: bool,
    pub(crate) facts: Facts,
}

/// A wait before a retry.
#[derive(Debug)]
pub(crate) struct Waited {
    pub(crate) rung: usize,
    pub(crate) asked_for: bool,
    pub(crate) from: Now,
    pub(crate) until: Now,
}

/// Leaving a rung.
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) class: &'static str,
    pub(crate) why: Why,
}

/// How the walk ended.
#[derive(Debug)]
pub(crate) enum HowEnded {
    /// By the answer of the last call.
    Served,
    /// By the ready answer of this rung.
    Given(usize),
    /// By an error.
    Failed(Ending),
}
