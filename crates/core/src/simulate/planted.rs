//! Lies that the world can tell the engine, to prove that the checkers notice.
//!
//! Each stands for a bug that a shell around the engine could have. The truth goes to the checkers, the lie to the
//! engine; a checker that stays silent under its lie proves nothing in an honest world either.

use crate::failure::{Failure, FailureClass};

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// An answer that was cut off is judged sound.
    TruncatedIsSound,
    /// An answer that broke its contract is judged sound.
    BrokenContractIsSound,
    /// A policy block is taken for a server error.
    PolicyBlockIsServerError,
    /// The caller's mistake is taken for a server error.
    CallersErrorIsServerError,
    /// The wait that the provider asked for is dropped.
    DropsRetryAfter,
    /// A wait ends after half of its time.
    WakesEarly,
    /// The end of an attempt is noticed seconds late.
    LateTimers,
    /// Every step looks at a fresh health.
    ForgetsHealth,
    /// How a call ended is sometimes never told.
    ForgetsToSettle,
    /// A caller who has gone is not told to the engine.
    IgnoresHangUps,
    /// A cancellation is told as a broken connection.
    CancellationIsTransport,
    /// Some calls are made twice.
    CallsTwice,
    /// A stream that broke after its commit point is told as finished.
    BrokenStreamIsFinished,
    /// Disabling a route does not reach the engine.
    DisableIsLost,
    /// The engine is not told what a route must be able to do.
    ForgetsNeeds,
    /// A sound answer is told as a rate limit.
    SuccessIsRateLimit,
}

impl Planted {
    /// Every planted bug.
    pub const ALL: [Planted; 16] = [
        Planted::TruncatedIsSound,
        Planted::BrokenContractIsSound,
        Planted::PolicyBlockIsServerError,
        Planted::CallersErrorIsServerError,
        Planted::DropsRetryAfter,
        Planted::WakesEarly,
        Planted::LateTimers,
        Planted::ForgetsHealth,
        Planted::ForgetsToSettle,
        Planted::IgnoresHangUps,
        Planted::CancellationIsTransport,
        Planted::CallsTwice,
        Planted::BrokenStreamIsFinished,
        Planted::DisableIsLost,
        Planted::ForgetsNeeds,
        Planted::SuccessIsRateLimit,
    ];
}

/// What the engine is told of a failed call; `None`: that it was sound.
pub(crate) fn told(planted: Option<Planted>, truth: &Failure) -> Option<Failure> {
    let as_server_error = || Some(Failure { class: FailureClass::ServerError, detail: None, ..truth.clone() });
    match (planted, truth.class) {
        (Some(Planted::TruncatedIsSound), FailureClass::Truncated)
        | (Some(Planted::BrokenContractIsSound), FailureClass::Contract) => None,
        (Some(Planted::PolicyBlockIsServerError), FailureClass::PolicyBlocked)
        | (Some(Planted::CallersErrorIsServerError), FailureClass::InvalidRequest) => as_server_error(),
        (Some(Planted::DropsRetryAfter), _) => Some(Failure { retry_after: None, ..truth.clone() }),
        _ => Some(truth.clone()),
    }
}
