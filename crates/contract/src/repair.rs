//! Repairs a broken answer without a model, and says what a model would be shown if that is not enough.
//!
//! What leaves here means what the model wrote: no value is made up, dropped or changed, and where the text can be read
//! in two ways it is not repaired. The result keeps the whole promise or there is none. Linear in the text, which is at
//! most [`MOST_BYTES`]; pure like all of this crate, and no template or prompt of a caller stands in its words.

mod closing;
mod coerce;
mod cursor;
mod find;
mod quoted;
mod reader;
mod tree;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;
use switchback_core::failure::{Detail, FailureClass};

use crate::answer::{Answer, Violation};
use crate::json;
use crate::promise::Promise;
use crate::schema::Schema;

/// Longest text that is repaired, in bytes.
const MOST_BYTES: usize = 1024 * 1024;
/// Most rounds of coercion: a text becomes a list, its item a number.
const MOST_ROUNDS: usize = 4;
/// Most values that are coerced in one round.
const MOST_COERCED: usize = 10_000;
/// Longest words for the model, in bytes.
const LONGEST_WORDS: usize = 2048;

/// An answer made whole without a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The text as sound, compact JSON, where the text had to be repaired.
    pub text: Option<String>,
    /// The arguments that had to be repaired, as sound, compact JSON, with the position of their call.
    pub arguments: Vec<(usize, String)>,
    /// What was done, each once, in the order of [`RepairStep::ALL`].
    pub steps: Vec<RepairStep>,
}

/// One kind of thing that local repair puts right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepairStep {
    /// A Markdown fence, or the word `json`, around the document.
    Fence,
    /// Words before or after it.
    Prose,
    /// A byte order mark, or white space that JSON does not know.
    Spaces,
    /// JSON inside a JSON text, or escaped once too often.
    Encoding,
    /// Comments.
    Comments,
    /// Brackets that were missing at the end, one too many, doubled, or of the wrong kind.
    Brackets,
    /// Commas that were missing, trailing or doubled.
    Commas,
    /// Other marks for a comma or a colon.
    Punctuation,
    /// Quotes that were missing around a name, not JSON's, or not escaped inside a text.
    Quotes,
    /// Escapes that JSON does not know, and control characters that it wants escaped.
    Escapes,
    /// `True`, `None` and their like.
    Literals,
    /// Numbers written as JSON does not.
    Numbers,
    /// A value in another type that says the same, where its schema allows only that.
    Coercion,
}

/// What a repaired document has to satisfy.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'p> {
    /// Whether it has to be an object.
    pub(crate) object: bool,
    /// The schemas it has to satisfy.
    pub(crate) schemas: Vec<&'p Schema>,
}

// === impl Promise ===

impl Promise {
    /// Repairs what [`judge`](Self::judge) finds broken: the text where JSON is promised, the arguments of calls where
    /// their tool takes JSON. `None` where nothing is broken, where it can be read in two ways, and where the result
    /// would not keep the whole promise.
    #[must_use]
    pub fn repair(&self, answer: &Answer<'_>) -> Option<Repaired> {
        if self.judge(answer).is_ok() {
            return None;
        }
        let mut repaired = Repaired { text: None, arguments: Vec::new(), steps: Vec::new() };
        let mut steps = BTreeSet::new();
        let mut whole = answer.clone();
        if answer.tool_calls.is_empty() {
            let wanted = self.wanted_text()?;
            let (text, taken) = wanted.repaired(answer.text.as_deref()?, answer.truncated)?;
            steps.extend(taken);
            whole.text = Some(Cow::Owned(text.clone()));
            repaired.text = Some(text);
        }
        let last = answer.tool_calls.len().saturating_sub(1);
        for (place, call) in whole.tool_calls.iter_mut().enumerate() {
            if self.judge_tool_call(&call.name, &call.arguments).is_ok() {
                continue;
            }
            let wanted = self.wanted_arguments(&call.name)?;
            let (arguments, taken) = wanted.repaired(&call.arguments, answer.truncated && place == last)?;
            steps.extend(taken);
            call.arguments = Cow::Owned(arguments.clone());
            repaired.arguments.push((place, arguments));
        }
        repaired.steps.extend(steps);
        self.judge(&whole).is_ok().then_some(repaired)
    }

    /// Whether a model that is shown its answer and the findings could do better: JSON, its schema or a call is wrong,
    /// and there is something to show. Not what an output cap cut: the cap would cut it again.
    #[must_use]
    pub fn is_mendable(&self, answer: &Answer<'_>, violation: &Violation) -> bool {
        let has_text = answer.text.as_deref().is_some_and(|text| !text.trim().is_empty());
        violation.class == FailureClass::Contract
            && match violation.detail {
                Detail::Json | Detail::Schema => has_text && self.promises_json(),
                Detail::ToolCall => !answer.tool_calls.is_empty() && self.has_tools(),
                _ => false,
            }
    }

    /// What a model is shown to mend its own answer: the findings, one on a line, and what is wanted. At most 2 KiB,
    /// with names of members but none of the answer's values.
    #[must_use]
    pub fn errors_for_model(&self, violation: &Violation) -> String {
        let wanted = match &violation.tool {
            Some(_) => "Call it again with arguments that are one valid JSON object and satisfy its schema.",
            None if self.requires_tool() && violation.detail == Detail::ToolMissing => "Call the required tool.",
            None if self.promises_json() => {
                "Answer again with the whole corrected JSON only: no words around it, no code fence."
            }
            None => "Answer again.",
        };
        let mut words = match &violation.tool {
            Some(tool) => format!("The call of \"{tool}\" is not valid:\n"),
            None => "The answer is not valid:\n".to_owned(),
        };
        for finding in &violation.findings {
            let place = if finding.pointer.is_empty() { "the whole" } else { &finding.pointer };
            let line = format!("- at {place}: {}\n", finding.message);
            if words.len() + line.len() + wanted.len() > LONGEST_WORDS {
                break;
            }
            words.push_str(&line);
        }
        words + wanted
    }
}

// === impl RepairStep ===

impl RepairStep {
    /// Every step.
    #[rustfmt::skip]
    pub const ALL: [Self; 13] = [
        Self::Fence, Self::Prose, Self::Spaces, Self::Encoding, Self::Comments, Self::Brackets, Self::Commas,
        Self::Punctuation, Self::Quotes, Self::Escapes, Self::Literals, Self::Numbers, Self::Coercion,
    ];

    /// The stable name.
    #[must_use]
    #[rustfmt::skip]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fence => "fence", Self::Prose => "prose", Self::Spaces => "spaces", Self::Encoding => "encoding",
            Self::Comments => "comments", Self::Brackets => "brackets", Self::Commas => "commas",
            Self::Punctuation => "punctuation", Self::Quotes => "quotes", Self::Escapes => "escapes",
            Self::Literals => "literals", Self::Numbers => "numbers", Self::Coercion => "coercion",
        }
    }
}

// === impl Wanted ===

impl Wanted<'_> {
    /// The one document in the text that is wanted, as sound JSON. `None` where there is none, or two that differ.
    fn repaired(&self, text: &str, truncated: bool) -> Option<(String, BTreeSet<RepairStep>)> {
        if text.len() > MOST_BYTES {
            return None;
        }
        let mut settled: Option<(String, Value, BTreeSet<RepairStep>)> = None;
        for found in find::documents(text) {
            let Some((json, value, steps)) = self.settle(found, truncated) else {
                continue;
            };
            match &settled {
                Some((_, other, _)) if *other != value => return None,
                Some(_) => (),
                None => settled = Some((json, value, steps)),
            }
        }
        settled.map(|(json, _, steps)| (json, steps))
    }

    fn settle(&self, found: find::Found, truncated: bool) -> Option<(String, Value, BTreeSet<RepairStep>)> {
        let find::Found { document, mut steps, amid_words, inline } = found;
        let may_be_an_example = truncated && amid_words || inline && self.schemas.is_empty();
        if may_be_an_example || !self.is_whole(&document, truncated) {
            return None;
        }
        let mut root = document.root;
        let mut value = root.value();
        for _ in 0..MOST_ROUNDS {
            let mistyped: Vec<_> = self.schemas.iter().flat_map(|schema| schema.mistyped(&value)).collect();
            if mistyped.is_empty() || mistyped.len() > MOST_COERCED || !coerce::coerce(&mut root, mistyped) {
                break;
            }
            steps.insert(RepairStep::Coercion);
            value = root.value();
        }
        let mut text = String::new();
        root.write(&mut text)?;
        let value = json::parse(&text).ok()?;
        let satisfies = self.schemas.iter().all(|schema| schema.check(&value).is_empty());
        (satisfies && (value.is_object() || !self.object)).then_some((text, value, steps))
    }

    /// Whether the brackets that were closed for it can be closed in one way only.
    fn is_whole(&self, document: &reader::Document, truncated: bool) -> bool {
        let sources = || self.schemas.iter().filter_map(|it| serde_json::from_str::<Value>(it.text()).ok());
        let is_cut = truncated && document.open > 0;
        let unsure = document.closed_inside || (document.open > 0 && !truncated);
        (!is_cut || sources().any(|it| closing::is_full(&it, &document.root, document.open)))
            && (!unsure || sources().chain([Value::Null]).any(|it| closing::is_certain(&it, &document.root)))
    }
}
