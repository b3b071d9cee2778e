//! A virtual world in virtual time that proves the engine.
//!
//! The world drives the real [`Walk`](crate::walk::Walk) and [`Health`](crate::health::Health): random policies, many
//! requests at once, providers that fail in every way and recover, callers who hang up, operators and reloads in
//! mid-flight. It plays the shell; providers are scripts. The checkers know only what happened (who was called when,
//! what the provider did, what the engine said next) and judge it by a naive model of their own: they never read the
//! engine's bookkeeping to excuse the engine. Everything follows from the seed, so a violation is replayed by its seed.
//! It opens no socket, reads no clock, and is compiled only for tests (feature `simulate`).
//!
//! What a clean run proves: with no violation in N requests, the probability of one *under this distribution of
//! policies and faults* is below 3/N (95 %).

mod arrivals;
mod check;
mod faults;
mod fits;
mod liveness;
mod money;
mod places;
mod planted;
mod policy_maker;
mod record_check;
mod recount;
mod report;
mod scopes;
mod switches;
mod tokens;
mod windows;
mod world;

pub use planted::Planted;
pub use report::{Report, Rule, Violation};

/// What to simulate.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Everything follows from it.
    pub seed: u64,
    /// Requests that arrive while there are faults; some more follow when they have stopped.
    pub requests: u64,
    /// A lie that the world tells the engine, to prove that the checkers notice.
    pub planted: Option<Planted>,
    /// The request whose every step is written to [`Report::trace`].
    pub traced: Option<u64>,
}

impl Options {
    /// An honest world.
    #[must_use]
    pub const fn new(seed: u64, requests: u64) -> Self {
        Self { seed, requests, planted: None, traced: None }
    }
}

/// Simulates; the same options always give the same report.
///
/// First there are faults, and safety must hold. Then the faults stop, and everything must come back by itself.
#[must_use]
pub fn run(options: &Options) -> Report {
    world::World::new(*options).run()
}
