//! What the request and the task promise together, and whether an answer keeps it.
//!
//! A refusal is not judged (the wire crate classifies those first), nothing is repaired here and no fence is stripped:
//! an answer either keeps its promise as it came or it does not. What can be done about it is [`crate::repair`]'s.

use std::sync::Arc;

use serde_json::Value;
use switchback_core::failure::Detail;

use crate::answer::{Answer, Violation};
use crate::error::PromiseError;
use crate::json;
use crate::repair::Wanted;
use crate::schema::{Finding, MOST_FINDINGS, Schema};
use crate::tools::{Tools, member, text, unexpected};
use crate::words::type_of;

/// Most bytes of one field of the request: schemas of 64 KiB each, as many as fit.
const MOST_BYTES: usize = 1024 * 1024;

/// What an answer must satisfy. Compiled once per request, cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Promise {
    format: Format,
    contract: Option<Schema>,
    tools: Arc<Tools>,
}

/// What the text of the final answer must be.
#[derive(Debug, Clone, Default)]
enum Format {
    #[default]
    Text,
    /// Any JSON value.
    Json,
    /// Any JSON object.
    Object,
    /// JSON that satisfies the schema.
    Valid(Schema),
}

// === impl Promise ===

impl Promise {
    /// Promises nothing: every answer with something in it keeps it.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The promise of a request, from the JSON texts of its fields as they came (each at most 1 MiB).
    ///
    /// A `response_format` of a type that is not OpenAI's is the provider's business and promises nothing.
    ///
    /// # Errors
    /// The caller's own mistake, for a 400: a field that is malformed, a schema outside the bounds of
    /// [`Schema::compile`], or a `tool_choice` that names or needs a tool which is not declared.
    pub fn of_request(
        response_format: Option<&str>,
        tools: Option<&str>,
        tool_choice: Option<&str>,
    ) -> Result<Self, PromiseError> {
        let format = parsed("response_format", response_format)?;
        let tools = Tools::of_request(&parsed("tools", tools)?, &parsed("tool_choice", tool_choice)?)?;
        Ok(Self { format: Format::of_request(&format)?, contract: None, tools: Arc::new(tools) })
    }

    /// The same with a task's contract, which the answer must satisfy too.
    #[must_use]
    pub fn and_contract(mut self, schema: Schema) -> Self {
        self.contract = Some(schema);
        self
    }

    /// Whether the final answer has to be JSON.
    #[must_use]
    pub fn promises_json(&self) -> bool {
        self.contract.is_some() || !matches!(self.format, Format::Text)
    }

    /// Whether the request declares tools.
    #[must_use]
    pub fn has_tools(&self) -> bool {
        !self.tools.is_empty()
    }

    /// Whether a tool call has to come: `tool_choice` is `required` or names a tool.
    #[must_use]
    pub fn requires_tool(&self) -> bool {
        self.tools.requires_call()
    }

    /// Whether the whole answer has to be judged before any of it may leave: more than tools that may be called.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.promises_json() || self.requires_tool()
    }

    /// Whether the whole answer keeps the promise.
    ///
    /// An answer with tool calls is judged on its calls: text beside them is not the final answer. One that an output
    /// cap cut passes only if what is there shows that it is whole.
    ///
    /// # Errors
    /// How it breaks the promise.
    pub fn judge(&self, answer: &Answer<'_>) -> Result<(), Violation> {
        if answer.refusal {
            return Ok(());
        }
        let judged = if answer.is_empty() {
            Err(Violation::of(Detail::Empty, "expected text or a tool call, found nothing"))
        } else if answer.tool_calls.is_empty() {
            let required = self.tools.judge_presence(std::iter::empty());
            required.and_then(|()| self.judge_text(answer))
        } else {
            self.judge_calls(answer)
        };
        judged.map_err(|violation| if answer.truncated { violation.cut() } else { violation })
    }

    /// Whether one whole tool call is valid, as a stream with `tools` needs it before the call may leave.
    ///
    /// # Errors
    /// What is wrong with it: undeclared, not allowed, or arguments that its schema does not take.
    pub fn judge_tool_call(&self, name: &str, arguments: &str) -> Result<(), Violation> {
        self.tools.judge_call(name, arguments)
    }

    /// What the text has to satisfy once it is repaired, where it has to be JSON.
    pub(crate) fn wanted_text(&self) -> Option<Wanted<'_>> {
        let schemas = match &self.format {
            Format::Valid(schema) => Some(schema).into_iter().chain(&self.contract).collect(),
            Format::Text | Format::Json | Format::Object => self.contract.iter().collect(),
        };
        let object = matches!(self.format, Format::Object);
        self.promises_json().then_some(Wanted { object, schemas })
    }

    /// What the arguments of a tool have to satisfy once they are repaired, where they have to be JSON.
    pub(crate) fn wanted_arguments(&self, tool: &str) -> Option<Wanted<'_>> {
        self.tools.wanted(tool)
    }

    fn judge_calls(&self, answer: &Answer<'_>) -> Result<(), Violation> {
        for call in &answer.tool_calls {
            self.tools.judge_call(&call.name, &call.arguments)?;
        }
        if let Some(last) = answer.tool_calls.last()
            && answer.truncated
            && !self.tools.is_visibly_whole(&last.name, &last.arguments)
        {
            return Err(Violation::of(Detail::ToolCall, "the call may be incomplete").with_tool(&last.name));
        }
        self.tools.judge_presence(answer.tool_calls.iter().map(|call| &*call.name))
    }

    fn judge_text(&self, answer: &Answer<'_>) -> Result<(), Violation> {
        if !self.promises_json() {
            return Ok(());
        }
        let value = json::parse(answer.text.as_deref().unwrap_or_default())
            .map_err(|message| Violation::of(Detail::Json, message))?;
        // A number has no end of its own: `12` may be what is left of `125`.
        if answer.truncated && value.is_number() {
            return Err(Violation::of(Detail::Json, "the number may be incomplete"));
        }
        if matches!(self.format, Format::Object) && !value.is_object() {
            let found = type_of(&value);
            return Err(Violation::of(Detail::Json, format!("expected object, found {found}")));
        }
        let mut findings: Vec<Finding> = Vec::new();
        if let Format::Valid(schema) = &self.format {
            findings = schema.check(&value);
        }
        if let Some(contract) = &self.contract {
            for finding in contract.check(&value) {
                if findings.len() < MOST_FINDINGS && !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(Violation::new(Detail::Schema, findings)) }
    }
}

// === impl Format ===

impl Format {
    fn of_request(field: &Value) -> Result<Self, PromiseError> {
        if field.is_null() {
            return Ok(Self::Text);
        }
        if !field.is_object() {
            return Err(unexpected("response_format", "an object", field));
        }
        match text("response_format.type", member(field, "type"))? {
            "json_object" => Ok(Self::Object),
            "json_schema" => {
                let named = member(field, "json_schema");
                if !named.is_object() {
                    return Err(unexpected("response_format.json_schema", "an object", named));
                }
                match member(named, "schema") {
                    Value::Null => Ok(Self::Json),
                    source => Schema::compile(source)
                        .map(Self::Valid)
                        .map_err(|error| PromiseError::schema("response_format.json_schema.schema", &error)),
                }
            }
            _ => Ok(Self::Text),
        }
    }
}

fn parsed(field: &str, text: Option<&str>) -> Result<Value, PromiseError> {
    match text {
        None => Ok(Value::Null),
        Some(text) if text.len() > MOST_BYTES => Err(PromiseError::value(field, "more than 1 MiB")),
        Some(text) => json::parse(text).map_err(|message| PromiseError::value(field, message)),
    }
}
