//! Bytes of the provider dialects: what a request asks for, what an answer says, and what a failure means.
//!
//! Pure: bytes in, bytes and facts out, no clock, socket or file. Three promises hold throughout. Bodies are edited by
//! [splicing](splice), never by parsing and writing again, so that unknown fields survive as they came. Whatever comes
//! from outside is bounded and may be broken; nothing panics on it. And what a provider says about a failure is turned
//! into a class in one place, the [signal table](signal::table), which is data.
//!
//! On the way up: [`Head::read`], [`dialect::request`]. On the way down: [`dialect::whole`] and [`Whole::read`] for a body,
//! [`SseReader`], [`dialect::Translator`], [`Chunk::read`] and [`Assembly`] for a stream; then [`judge()`] for what the
//! wire shows of an answer, [`classify`] for everything that is none, and [`limits::read`] for what any reply tells of
//! rate limits.

pub mod assembly;
pub mod catalogue;
pub mod chat;
pub mod delta;
pub mod dialect;
pub mod estimate;
pub mod head;
mod json;
pub mod judge;
pub mod limits;
pub mod reset;
mod said;
pub mod signal;
pub mod splice;
pub mod sse;
pub mod words;

pub use assembly::Assembly;
pub use chat::{Answer, Choice, Malformed, Mended, ToolCall, Whole, mended};
pub use delta::{Chunk, Delta, FinishReason, ToolFragment, Usage, without_usage};
pub use dialect::{Api, Rewrite, Translator};
pub use estimate::estimate_tokens;
pub use head::{Head, HeadError};
pub use judge::{judge, prompt_was_cut};
pub use reset::Headers;
pub use signal::table::TABLE_VERSION;
pub use signal::{Signal, classify};
pub use splice::{Splice, with_member};
pub use sse::{Sse, SseError, SseEvent, SseReader, Tail, write_event};
