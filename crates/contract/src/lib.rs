//! Holds an answer against what it must satisfy: the request's own `response_format` and `tools`, and a task's schema.
//!
//! An empty answer, one that is not the JSON it promised, a tool call nobody declared or with arguments its schema does
//! not take: a success to the provider, a failure to whoever has to use it. [`Promise`] says which, and repairs what can
//! be repaired without a guess. Begin there.
//!
//! Pure: no clock, socket, thread or file. A schema comes from a caller and is hostile until shown otherwise, so
//! nothing in it is ever fetched, and what it can cost is bounded before it is compiled and before each check. A
//! violation's words hold none of the answer's values.
//!
//! ```
//! use switchback_contract::{Answer, Promise};
//!
//! let format = r#"{"type":"json_schema","json_schema":{"name":"bill","schema":{
//!     "type":"object","properties":{"total":{"type":"number"}},"required":["total"]}}}"#;
//! let promise = Promise::of_request(Some(format), None, None)?;
//! let answer = Answer { text: Some(r#"{"total":"ten"}"#.into()), ..Answer::default() };
//! let violation = promise.judge(&answer).unwrap_err();
//! assert_eq!(violation.to_string(), "$.total: expected number, found text");
//! # Ok::<(), switchback_contract::PromiseError>(())
//! ```

mod answer;
mod error;
mod json;
mod kinds;
mod pattern;
mod plan;
mod promise;
mod repair;
mod schema;
mod strict;
mod survey;
mod tools;
mod words;

pub use answer::{Answer, ToolCall, Violation};
pub use error::{PromiseError, SchemaError};
pub use promise::Promise;
pub use repair::{RepairStep, Repaired};
pub use schema::{Finding, LONGEST_MESSAGE, MOST_FINDINGS, Schema};

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write schemas and values with `json!`, which converts")]
mod tests;
