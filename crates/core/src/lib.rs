//! The decision engine of Switchback: what is the safest useful thing to do next when a model path fails?
//!
//! Pure. It takes the [policy](policy::Policy), the [health](health::Health) of routes and what has happened so far
//! ([`Observation`](step::Observation)), and returns the next [`Step`](step::Step). It reads no clock, opens no socket
//! and starts no thread: time and randomness come in as arguments, so that the gateway, the offline tools and a
//! simulation of a million requests drive the very same code. Begin with [`walk::Walk`].

pub mod walk;

pub mod plan;
pub mod step;

pub mod failure;
pub mod outcome;
pub mod policy;
pub mod route;

pub mod breaker;
pub mod health;
pub mod latency;
pub mod limits;
pub mod money;
pub mod retry;
pub mod window;

pub mod derive;
mod ending;
pub mod explain;
pub mod record;
pub mod rehearse;
pub mod relayed;

pub mod dice;
pub mod id;
pub mod time;

#[cfg(feature = "simulate")]
pub mod simulate;
