//! Lies that the world can tell the engine, to prove that the checkers notice.
//!
//! Each stands for a bug that a shell around the engine could have. The truth goes to the checkers, the lie to the
//! engine; a checker that stays silent under its lie proves nothing in an honest world either.

use crate::failure::{ClassSet, Failure, FailureClass};
use crate::limits::Limits;
use crate::plan::Ask;
use crate::policy::{Policy, Require};
use crate::route::Capabilities;
use crate::simulate::policy_maker::ready;
use crate::step::Facts;

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
    /// The engine's state does not know the weights of deployments.
    WeightsLost,
    /// The engine's state does not know the order of deployments.
    OrderLost,
    /// The engine is not told what region and tags the task requires.
    RequireLost,
    /// The tags that the caller asks for are dropped.
    TagsLost,
    /// The engine is not told who holds the state that the request names.
    PinLost,
    /// Another deployment is called than the engine said.
    CallsFirstDeployment,
    /// What providers tell of their rate limits is dropped.
    LimitsLost,
    /// Every retry is given back to its budget.
    RefundsRetries,
    /// Every failure is said to be repairable.
    EverythingIsRepairable,
    /// The engine is told of more repairs than the task allows.
    MoreRepairs,
    /// The engine is told of one more attempt than the task allows.
    MoreAttempts,
    /// Tripping a route does not reach the engine.
    TripIsLost,
    /// Resetting a route does not reach the engine.
    ResetIsLost,
    /// The engine believes that a ready answer stands below every ladder.
    InventsCover,
    /// The tokens of an answer are told twice as high.
    UsageDoubled,
    /// Prices do not reach the engine.
    PricesLost,
    /// What was mended of an answer is not told.
    MendedIsUntold,
    /// Fields that were dropped are not told.
    DroppedIsUntold,
}

impl Planted {
    /// Every planted bug.
    pub const ALL: [Planted; 34] = [
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
        Planted::WeightsLost,
        Planted::OrderLost,
        Planted::RequireLost,
        Planted::TagsLost,
        Planted::PinLost,
        Planted::CallsFirstDeployment,
        Planted::LimitsLost,
        Planted::RefundsRetries,
        Planted::EverythingIsRepairable,
        Planted::MoreRepairs,
        Planted::MoreAttempts,
        Planted::TripIsLost,
        Planted::ResetIsLost,
        Planted::InventsCover,
        Planted::UsageDoubled,
        Planted::PricesLost,
        Planted::MendedIsUntold,
        Planted::DroppedIsUntold,
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
        (Some(Planted::EverythingIsRepairable), _) => Some(Failure { repairable: true, ..truth.clone() }),
        (Some(Planted::DropsRetryAfter), _) => Some(Failure { retry_after: None, ..truth.clone() }),
        _ => Some(truth.clone()),
    }
}

/// What the engine is told besides how a call ended.
pub(crate) fn told_facts(planted: Option<Planted>, truth: &Facts) -> Facts {
    let mut told = truth.clone();
    match planted {
        Some(Planted::LimitsLost) => told.limits = Limits::default(),
        Some(Planted::UsageDoubled) => {
            if let Some(usage) = &mut told.usage {
                usage.completion = usage.completion.map(|it| it * 2 + 50);
            }
        }
        Some(Planted::MendedIsUntold) => told.mended.clear(),
        Some(Planted::DroppedIsUntold) => told.dropped.clear(),
        _ => {}
    }
    told
}

/// The request as the engine is told of it.
pub(crate) fn told_ask(planted: Option<Planted>, truth: &Ask) -> Ask {
    let mut told = truth.clone();
    match planted {
        Some(Planted::ForgetsNeeds) => told.needs = Capabilities::NONE,
        Some(Planted::TagsLost) => told.tags.clear(),
        Some(Planted::PinLost) => told.pinned = None,
        _ => {}
    }
    told
}

/// The policy as the engine is told of it: the same places everywhere.
pub(crate) fn told_policy(planted: Option<Planted>, truth: &Policy) -> Policy {
    let mut told = truth.clone();
    let deployments = told.routes.iter_mut().flat_map(|it| &mut it.deployments);
    match planted {
        Some(Planted::WeightsLost) => deployments.for_each(|it| it.weight = 1),
        Some(Planted::OrderLost) => deployments.for_each(|it| it.order = 1),
        Some(Planted::PricesLost) => deployments.for_each(|it| it.price = None),
        Some(Planted::RequireLost) => told.tasks.iter_mut().for_each(|it| it.require = Require::default()),
        Some(Planted::MoreRepairs) => told.tasks.iter_mut().for_each(|it| it.repair.tries += 2),
        Some(Planted::MoreAttempts) => told.tasks.iter_mut().for_each(|it| it.max_attempts += 1),
        Some(Planted::InventsCover) => {
            told.tasks.iter_mut().for_each(|it| it.ladder.push(ready(ClassSet::all())));
        }
        _ => {}
    }
    told
}
