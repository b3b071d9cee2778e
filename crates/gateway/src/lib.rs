//! The gateway: everything that does, around the engine that decides.
//!
//! One request flows one way: listen → admit → plan → attempt → judge → decide → answer → record. Read
//! `owner.rs` first: it is the hot path on one screen. Nothing in this crate decides what happens next when something
//! fails; it carries out the steps of [`switchback_core::walk::Walk`] and reports what it saw.
//!
//! [`Gateway::start`] runs one from a configuration; [`Gateway::drain`] ends it.

mod service;

mod admit;
mod keys;
mod names;
mod origin;
mod promises;
mod reject;
mod sticky;

mod owner;
mod relay;
mod relays;

mod attempt;
mod broken;
mod judge;
mod kept;
mod stream;

mod answer;
mod headers;
mod out;

mod clock;
mod file;
mod gateway;
mod overrides;
mod reload;
mod state;

mod telemetry;

mod admin;

pub mod listen;
pub mod strict;
pub mod tasks;
pub mod tls;
pub mod upstream;

pub use file::{ConfigFile, Loaded, is_refused};
pub use gateway::{Gateway, Start};
pub use reload::LastReload;
pub use state::StartError;
