//! The only words between the engine and the shell: what to do next, and what was seen.

use std::time::Duration;

use crate::failure::Failure;
use crate::id::{Name, RouteId};
use crate::limits::Limits;
use crate::record::{Ending, Usage};
use crate::time::Now;

/// What the shell is told to do.
#[derive(Debug)]
pub enum Step {
    /// Make one upstream call.
    Call(Call),
    /// Sleep until this instant, then report [`Observation::Elapsed`].
    Wait {
        /// When to go on.
        until: Now,
    },
    /// Give the ready answer of this rung, or report [`Observation::Missed`] if it does not fit what the request
    /// promises.
    Local {
        /// The rung, from zero.
        rung: usize,
    },
    /// Serve the answer of the last call: whole, or as the live stream that has just committed.
    Answer,
    /// The live stream ended well; nothing is left to do.
    Done,
    /// End with this error: as the answer, or inside a live stream that has committed as its last event.
    End(Ending),
}

/// One upstream call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Which attempt of the walk, from one.
    pub attempt: u32,
    /// The rung, from zero.
    pub rung: usize,
    /// The route.
    pub route: RouteId,
    /// Which of its deployments, from zero.
    pub deployment: usize,
    /// The key, as a position among its provider's.
    pub key: usize,
    /// Whether the last answer is to be repaired: the model is shown what it said and what is wrong with it.
    pub repair: bool,
    /// When the attempt ends at the latest: whole, or committed.
    pub ends: Now,
    /// When the first content of a stream must have come.
    pub first_token: Now,
    /// Longest silence between content of a stream.
    pub idle: Duration,
    /// A request field to leave out: the route has said that it cannot take it, and the request means the same without.
    pub without: Option<&'static str>,
}

/// Request fields that the shell adds where the caller gave none. Leaving one out again takes nothing from the caller,
/// so it is never told as dropped.
pub const OURS: [&str; 2] = ["response_format", "stream_options"];

/// What the shell has seen.
#[derive(Debug)]
pub enum Observation {
    /// The request was admitted.
    Begin,
    /// The call gave a whole answer that was judged sound.
    Sound(Facts),
    /// The call gives a live stream whose first content has come; the permit stays taken until the end.
    Committed(Facts),
    /// The committed stream ended well.
    Finished(Facts),
    /// The call failed, before or after its commit point.
    Failed(Failure, Facts),
    /// The wait is over.
    Elapsed,
    /// The ready answer fits and is given.
    Given,
    /// The ready answer does not fit what the request promises.
    Missed,
    /// The caller went away.
    Gone,
}

/// What is known of a call, whichever way it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// HTTP status.
    pub status: Option<u16>,
    /// The model version that the provider reported.
    pub model: Option<Box<str>>,
    /// Tokens that the provider counted.
    pub usage: Option<Usage>,
    /// Time from sending to the first content of a stream.
    pub first_token: Option<Duration>,
    /// The provider's own id of the call.
    pub provider_request_id: Option<Box<str>>,
    /// Whether a simulated provider answered.
    pub simulated: bool,
    /// What the provider said of its rate limits.
    pub limits: Limits,
    /// Request fields that the API's shape could not express and that the request means the same without.
    pub dropped: Vec<Name>,
    /// What was mended of the answer without another call, by the names of the contract crate.
    pub mended: Vec<Name>,
}
