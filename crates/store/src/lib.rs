//! The record store: decision records, operator overrides and the audit trail, in one SQLite file.
//!
//! Records are written behind the request that they tell of: [`Store::put`] hands one over and returns, a single
//! writer thread commits them in groups. What an operator does is the opposite: it is on the disk before the call
//! returns. Trouble with the disk costs records, which are counted and announced, and never an answer.
//!
//! | written | commit | survives a process that is killed | survives a power cut |
//! |---|---|---|---|
//! | decision record | group of 512 or 50 ms, `synchronous=NORMAL` | all but what still waits: the last 50 ms, the group being written, and what queues behind a slow disk (at most 8,192) | all up to the last checkpoint or durable write |
//! | override, audit entry | one transaction, `synchronous=FULL` | yes | yes, if the disk keeps what it says it has synced |
//!
//! This crate never interprets a record beyond its id, arrival, task and outcome, never makes a caller wait for a
//! record, and never writes a request's or an answer's text.

mod caller;
mod connection;
mod error;
mod minutes;
mod operator;
mod queue;
mod reader;
mod retention;
mod search;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use caller::CALLER;
pub use error::StoreError;
pub use minutes::{Added, MinuteCount};
pub use operator::{AuditEntry, Audited, Override};
pub use reader::{Found, MOST_CANDIDATES, MOST_ROWS};
pub use retention::Keep;
pub use search::{Page, Wanted};
pub use store::Store;
