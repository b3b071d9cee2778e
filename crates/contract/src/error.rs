//! Why a schema or a request's promise cannot be used: the caller's or the operator's own mistake.
//!
//! Every text in here is bounded, and none of it comes from anywhere but the schema itself: nothing is ever fetched or
//! read, so nothing of a file or a neighbour's answer can stand in it. What is wrong with an *answer* is a
//! [`Violation`](crate::Violation), not an error.

use crate::words::excerpt;

/// Longest pointer, pattern or reference that a message repeats, in characters.
const QUOTED: usize = 120;

/// A schema that will not be compiled. `at` is a JSON pointer into the schema, empty for its root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Larger than a bound that keeps compiling and checking cheap.
    #[error("the schema is too large: {what} is more than the {limit} allowed")]
    TooLarge {
        /// What was counted, with its unit.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// `$schema` names a dialect that is not draft 4, 6, 7, 2019-09 or 2020-12.
    #[error("\"$schema\" names an unknown dialect: {name}")]
    Dialect {
        /// The name as written, bounded.
        name: String,
    },
    /// A reference that leaves the schema or points to nothing in it.
    #[error("the reference \"{reference}\" at \"{at}\" {why}")]
    Reference {
        /// Where it stands.
        at: String,
        /// The reference as written, bounded.
        reference: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A keyword that is not supported.
    #[error("\"{keyword}\" at \"{at}\" is not supported{why}")]
    Keyword {
        /// Where it stands.
        at: String,
        /// The keyword.
        keyword: &'static str,
        /// More about it, empty or starting with a colon.
        why: &'static str,
    },
    /// References that come back to where they started without going into a member or an item.
    #[error("the schema at \"{at}\" refers back to itself without going deeper")]
    Circular {
        /// A place on the circle.
        at: String,
    },
    /// References and branches that multiply: checking one value would take too many steps.
    #[error("the references and branches at \"{at}\" multiply to more than the {limit} steps allowed")]
    Multiplies {
        /// Where the count went over.
        at: String,
        /// The bound.
        limit: u64,
    },
    /// A regular expression that cannot be matched in linear time, is too large, or is not one.
    #[error("the pattern \"{pattern}\" at \"{at}\" {why}")]
    Pattern {
        /// Where it stands.
        at: String,
        /// The pattern, bounded.
        pattern: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not a schema of its dialect.
    #[error("the schema is invalid at \"{at}\": {message}")]
    Invalid {
        /// Where.
        at: String,
        /// What was expected there.
        message: String,
    },
}

/// A request whose own fields promise something that cannot be held: answered with 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PromiseError {
    /// The field, as OpenAI names it in `error.param`: `tools[0].function.parameters`.
    pub param: String,
    /// `error.code`: `invalid_schema` for a schema, `invalid_value` for anything else.
    pub code: &'static str,
    /// What to change, without a final stop.
    pub message: String,
}

// === impl SchemaError ===

impl SchemaError {
    pub(crate) fn reference(at: &str, reference: &str, why: &'static str) -> Self {
        Self::Reference { at: excerpt(at, QUOTED), reference: excerpt(reference, QUOTED), why }
    }

    pub(crate) fn pattern(at: &str, pattern: &str, why: &'static str) -> Self {
        Self::Pattern { at: excerpt(at, QUOTED), pattern: excerpt(pattern, QUOTED), why }
    }

    pub(crate) fn keyword(at: &str, keyword: &'static str, why: &'static str) -> Self {
        Self::Keyword { at: excerpt(at, QUOTED), keyword, why }
    }

    pub(crate) fn dialect(name: &str) -> Self {
        Self::Dialect { name: excerpt(name, QUOTED) }
    }

    pub(crate) fn circular(at: &str) -> Self {
        Self::Circular { at: excerpt(at, QUOTED) }
    }

    pub(crate) fn multiplies(at: &str, limit: u64) -> Self {
        Self::Multiplies { at: excerpt(at, QUOTED), limit }
    }
}

// === impl PromiseError ===

impl PromiseError {
    pub(crate) fn value(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: param.into(), code: "invalid_value", message: message.into() }
    }

    pub(crate) fn schema(param: impl Into<String>, error: &SchemaError) -> Self {
        Self { param: param.into(), code: "invalid_schema", message: error.to_string() }
    }
}
