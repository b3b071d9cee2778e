//! The only file that knows the `jsonschema` crate: compiles a schema within bounds and says what a value lacks.
//!
//! What that crate would do by itself and must not: fetch references over HTTP or from files (its features are off, the
//! retriever refuses, and [`survey`](crate::survey) has followed every reference before), match patterns by
//! backtracking, and put the checked value into its messages. Messages here are our own words and hold none of the
//! answer's values, only names of members.

use std::fmt;
use std::sync::Arc;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, JsonType, PatternOptions, ValidationError, Validator};
use serde_json::Value;

use crate::error::SchemaError;
use crate::kinds::Kinds;
use crate::pattern;
use crate::plan::Plan;
use crate::strict;
use crate::survey::{self, Surveyed};
use crate::words::{excerpt, path, type_of};

/// Most findings of one check.
pub const MOST_FINDINGS: usize = 8;
/// Longest message and longest pointer of a finding, in characters.
pub const LONGEST_MESSAGE: usize = 200;
/// Most bytes that a pattern may take when it is compiled, and its matcher while it runs. Zod's host name
/// (`.{1,253}`, any character of Unicode) takes a third of it.
const PATTERN_BYTES: usize = 1024 * 1024;
/// Most steps times depth of a check for which every finding is collected: the validator copies parts of the value for
/// each branch that failed. Above it there is one finding only.
const MOST_TO_EXPLAIN: u64 = 2_000_000;
/// Longest name or allowed value that a message repeats, in characters.
const QUOTED: usize = 40;

/// Dialects by what `$schema` says, without its scheme and a trailing `#`.
const DIALECTS: [(&str, Draft); 5] = [
    ("json-schema.org/draft/2020-12/schema", Draft::Draft202012),
    ("json-schema.org/draft/2019-09/schema", Draft::Draft201909),
    ("json-schema.org/draft-07/schema", Draft::Draft7),
    ("json-schema.org/draft-06/schema", Draft::Draft6),
    ("json-schema.org/draft-04/schema", Draft::Draft4),
];
/// What a schema without `$schema` is taken for: the first of which it is a valid schema. Lists under `items` make it
/// draft 7, boolean `exclusiveMinimum` draft 4.
const UNNAMED: [Draft; 3] = [Draft::Draft202012, Draft::Draft7, Draft::Draft4];

/// A JSON Schema, compiled once; cloning shares it.
#[derive(Clone)]
pub struct Schema(Arc<Compiled>);

/// One thing about a value that its schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// JSON pointer into the value, empty for its root; at most [`LONGEST_MESSAGE`] characters.
    pub pointer: String,
    /// What was expected and what was found instead, at most [`LONGEST_MESSAGE`] characters, without values of the
    /// answer.
    pub message: String,
}

/// A place where the type of a value is wrong, with the types that are allowed there.
#[derive(Debug)]
pub(crate) struct Mistyped {
    /// JSON pointer into the value.
    pub(crate) pointer: String,
    /// What is allowed there.
    pub(crate) allowed: Kinds,
}

struct Compiled {
    validator: Validator,
    plan: Plan,
    patterns: usize,
    text: Arc<str>,
    fits_strict: bool,
}

// === impl Schema ===

impl Schema {
    /// Compiles a schema of draft 4 to 2020-12, as Pydantic v2 and Zod export them. `format` is asserted.
    ///
    /// Bounds: 64 KiB of compact text, 5,000 values, 64 levels, references within the schema only, 10,000 steps at one
    /// place, 64 different patterns of linear time and 1 MiB each.
    ///
    /// # Errors
    /// Which bound is broken, or where the schema is not one.
    pub fn compile(source: &Value) -> Result<Self, SchemaError> {
        survey::measure(source)?;
        let named = source.get("$schema").and_then(Value::as_str);
        let Some(named) = named else {
            let [newest, older @ ..] = UNNAMED;
            return compile_as(source, newest).or_else(|first| match first {
                SchemaError::Invalid { .. } => {
                    older.into_iter().find_map(|draft| compile_as(source, draft).ok()).ok_or(first)
                }
                bound => Err(bound),
            });
        };
        let bare = named.trim_end_matches('#');
        let bare = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"));
        let dialect = DIALECTS.iter().find(|(name, _)| Some(*name) == bare);
        let (_, draft) = dialect.ok_or_else(|| SchemaError::dialect(named))?;
        compile_as(source, *draft)
    }

    /// How many patterns it holds: what makes a compiled schema large.
    pub(crate) fn patterns(&self) -> usize {
        self.0.patterns
    }

    /// The schema's own JSON, compact: what goes upstream where a route takes a schema natively.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.0.text
    }

    /// Whether it is inside the subset that strict structured output takes at every vendor: an object at the root, every
    /// object closed with all its members required, and no keyword beyond types, `enum`, `const`, `anyOf`, local
    /// references and common formats. Outside of it a vendor answers 400, or has to be asked without strictness.
    #[must_use]
    pub fn fits_strict(&self) -> bool {
        self.0.fits_strict
    }

    /// Where the value has a wrong type, as far as that can be told at a bounded cost.
    pub(crate) fn mistyped(&self, value: &Value) -> Vec<Mistyped> {
        let mut found = Vec::new();
        let work = self.0.plan.measure(value);
        if work.is_some_and(|work| work.steps.saturating_mul(work.depth as u64) <= MOST_TO_EXPLAIN) {
            for error in self.0.validator.iter_errors(value) {
                collect_mistyped(&error, &mut found);
            }
        }
        found
    }

    /// What the value lacks: nothing when it satisfies the schema, else 1 to [`MOST_FINDINGS`] findings.
    #[must_use]
    pub fn check(&self, value: &Value) -> Vec<Finding> {
        let Some(work) = self.0.plan.measure(value) else {
            return vec![Finding::new("", "takes too many steps to check against its schema")];
        };
        if self.0.validator.is_valid(value) {
            return Vec::new();
        }
        let mut findings = Vec::new();
        if work.steps.saturating_mul(work.depth as u64) <= MOST_TO_EXPLAIN {
            for error in self.0.validator.iter_errors(value) {
                explain(&error, &mut findings);
            }
        }
        if findings.is_empty() {
            findings.push(Finding::new("", "does not satisfy the schema"));
        }
        findings
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").finish_non_exhaustive()
    }
}

// === impl Finding ===

impl Finding {
    pub(crate) fn new(pointer: &str, message: impl AsRef<str>) -> Self {
        Self { pointer: excerpt(pointer, LONGEST_MESSAGE - 1), message: excerpt(message.as_ref(), LONGEST_MESSAGE - 1) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", path(&self.pointer), self.message)
    }
}

fn compile_as(source: &Value, draft: Draft) -> Result<Schema, SchemaError> {
    let Surveyed { plan, document, patterns: count } = survey::survey(source, draft == Draft::Draft4)?;
    let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES);
    let validator = jsonschema::options()
        .with_draft(draft)
        .with_pattern_options(patterns)
        .should_validate_formats(true)
        // Later drafts know it; Zod 3 writes it with draft 7.
        .with_format("uuid", is_uuid)
        .offline()
        .build(&document)
        .map_err(|error| invalid(&document, &error))?;
    let text = source.to_string().into();
    Ok(Schema(Arc::new(Compiled { validator, plan, patterns: count, text, fits_strict: strict::fits(source) })))
}

/// Why the validator would not compile the schema.
fn invalid(document: &Value, error: &ValidationError<'_>) -> SchemaError {
    // An error while compiling has its place in the schema as the "instance"; a pattern is named by its text.
    let at = error.instance_path().as_str();
    let place = if at.is_empty() { error.schema_path().as_str() } else { at };
    if let ValidationErrorKind::Format { format } = error.kind()
        && format == "regex"
    {
        let named = error.instance().as_str().or_else(|| document.pointer(place)?.as_str());
        let pattern = named.unwrap_or_default();
        return SchemaError::pattern(place, pattern, pattern::NOT_COMPILED);
    }
    let mut findings = Vec::new();
    explain(error, &mut findings);
    let finding = findings.into_iter().next();
    let finding = finding.unwrap_or_else(|| Finding::new(place, "is not a schema"));
    SchemaError::Invalid { at: finding.pointer, message: finding.message }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Adds what the error says, in our words. Where only one branch of a union can have been meant, what that branch says.
fn explain(error: &ValidationError<'_>, findings: &mut Vec<Finding>) {
    if findings.len() >= MOST_FINDINGS {
        return;
    }
    if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } = error.kind()
        && let Some(branch) = meant(error.instance_path().as_str(), context)
    {
        for inner in branch {
            explain(inner, findings);
        }
        return;
    }
    findings.push(Finding::new(error.instance_path().as_str(), message(error)));
}

/// The one branch that can have been meant, if there is exactly one: `X | null` means `X`, and a union with a
/// discriminator means the branch whose fixed values are there.
fn meant<'e>(here: &str, branches: &'e [Vec<ValidationError<'static>>]) -> Option<&'e [ValidationError<'static>]> {
    let of_type: Vec<_> =
        branches.iter().filter(|branch| !branch.iter().any(|error| is_wrong_type(error, here))).collect();
    if let [branch] = of_type.as_slice() {
        return Some(branch);
    }
    let mut fitting = of_type.into_iter().filter(|branch| !branch.iter().any(is_wrong_constant));
    match (fitting.next(), fitting.next()) {
        (Some(branch), None) => Some(branch),
        _ => None,
    }
}

/// Adds the place if its type is wrong, in every branch of a union or in the one that can have been meant.
fn collect_mistyped(error: &ValidationError<'_>, found: &mut Vec<Mistyped>) {
    let here = error.instance_path().as_str();
    let mut wrong = |allowed| found.push(Mistyped { pointer: here.to_owned(), allowed });
    match error.kind() {
        ValidationErrorKind::Type { kind } => wrong(kinds(kind)),
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            let types = |branch: &[ValidationError<'_>]| {
                branch.iter().find(|error| is_wrong_type(error, here)).and_then(|error| match error.kind() {
                    ValidationErrorKind::Type { kind } => Some(kinds(kind)),
                    _ => None,
                })
            };
            let of_all: Option<Vec<Kinds>> = context.iter().map(|branch| types(branch)).collect();
            match of_all {
                Some(all) => wrong(all.into_iter().fold(Kinds::default(), Kinds::or)),
                None => meant(here, context).into_iter().flatten().for_each(|inner| collect_mistyped(inner, found)),
            }
        }
        _ => (),
    }
}

fn is_wrong_type(error: &ValidationError<'_>, here: &str) -> bool {
    matches!(error.kind(), ValidationErrorKind::Type { .. }) && error.instance_path().as_str() == here
}

fn is_wrong_constant(error: &ValidationError<'_>) -> bool {
    match error.kind() {
        ValidationErrorKind::Constant { .. } => true,
        ValidationErrorKind::Enum { options } => options.as_array().is_some_and(|options| options.len() == 1),
        _ => false,
    }
}

#[rustfmt::skip]
fn message(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as K;
    match error.kind() {
        K::Type { kind } => format!("expected {}, found {}", types(kind), type_of(error.instance())),
        K::Required { property } => format!("the member {} is missing", quoted(property)),
        K::AdditionalProperties { unexpected } | K::UnevaluatedProperties { unexpected } => {
            format!("unknown member {}", names(unexpected))
        }
        K::Enum { options } => format!("expected one of {}", options_of(options)),
        K::Constant { expected_value } => format!("expected {}", quoted(expected_value)),
        K::Format { format } => format!("expected text in the format \"{}\"", excerpt(format, QUOTED)),
        K::Pattern { pattern } => format!("expected text that matches \"{}\"", excerpt(pattern, QUOTED)),
        K::Not { schema } => match schema.get("pattern").and_then(Value::as_str) {
            Some(pattern) => format!("expected text that does not match \"{}\"", excerpt(pattern, QUOTED)),
            None => "matches what the schema excludes".to_owned(),
        },
        K::Minimum { limit } => format!("expected at least {limit}"),
        K::Maximum { limit } => format!("expected at most {limit}"),
        K::ExclusiveMinimum { limit } => format!("expected more than {limit}"),
        K::ExclusiveMaximum { limit } => format!("expected less than {limit}"),
        K::MultipleOf { multiple_of } => format!("expected a multiple of {multiple_of}"),
        K::MinLength { limit } => format!("expected at least {limit} characters"),
        K::MaxLength { limit } => format!("expected at most {limit} characters"),
        K::MinItems { limit } => format!("expected at least {limit} items"),
        K::MaxItems { limit } => format!("expected at most {limit} items"),
        K::AdditionalItems { limit } => format!("expected no more than {limit} items"),
        K::MinProperties { limit } => format!("expected at least {limit} members"),
        K::MaxProperties { limit } => format!("expected at most {limit} members"),
        K::UniqueItems => "an item occurs twice".to_owned(),
        K::Contains => "lacks an item that the schema asks for".to_owned(),
        K::AnyOf { context } | K::OneOfNotValid { context } => {
            format!("matches none of the {} allowed forms", context.len())
        }
        K::OneOfMultipleValid { .. } => "matches more than one of the forms of which exactly one is allowed".to_owned(),
        K::PropertyNames { error } => format!("the name of a member is not allowed: {}", message(error)),
        K::FalseSchema => "nothing is allowed here".to_owned(),
        K::UnevaluatedItems { .. } => "an item too many".to_owned(),
        K::Referencing(_) => "a reference cannot be followed".to_owned(),
        K::ContentEncoding { .. } | K::ContentMediaType { .. } | K::FromUtf8 { .. } => {
            "expected text in another encoding".to_owned()
        }
        K::BacktrackLimitExceeded { .. } | K::RegexEngineFailure { .. } => "a pattern could not be matched".to_owned(),
        K::Custom { .. } => "does not satisfy the schema".to_owned(),
    }
}

fn kinds(kind: &TypeKind) -> Kinds {
    let one = |kind| match kind {
        JsonType::Null => Kinds::NULL,
        JsonType::Boolean => Kinds::BOOL,
        JsonType::Integer => Kinds::WHOLE,
        JsonType::Number => Kinds::WHOLE.or(Kinds::NUMBER),
        JsonType::String => Kinds::TEXT,
        JsonType::Array => Kinds::LIST,
        JsonType::Object => Kinds::OBJECT,
    };
    match kind {
        TypeKind::Single(kind) => one(*kind),
        TypeKind::Multiple(several) => several.iter().map(one).fold(Kinds::default(), Kinds::or),
    }
}

fn types(kind: &TypeKind) -> String {
    let words: Vec<&str> = match kind {
        TypeKind::Single(one) => vec![word(*one)],
        TypeKind::Multiple(several) => several.iter().map(word).collect(),
    };
    words.join(" or ")
}

const fn word(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Null => "null",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "whole number",
        JsonType::Number => "number",
        JsonType::String => "text",
        JsonType::Array => "list",
        JsonType::Object => "object",
    }
}

/// A value that stands in the schema, as JSON, cut.
fn quoted(value: &Value) -> String {
    excerpt(&value.to_string(), QUOTED)
}

fn names(unexpected: &[String]) -> String {
    let shown: Vec<String> = unexpected.iter().take(3).map(|name| format!("\"{}\"", excerpt(name, QUOTED))).collect();
    let more = unexpected.len().saturating_sub(shown.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

fn options_of(options: &Value) -> String {
    let list = options.as_array().map_or(&[][..], Vec::as_slice);
    let shown: Vec<String> = list.iter().take(5).map(quoted).collect();
    let rest = if list.len() > shown.len() { ", …" } else { "" };
    format!("{}{rest}", shown.join(", "))
}
