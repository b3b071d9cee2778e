//! The tools that a request declares, which of them may or must be called, and whether a call is valid.
//!
//! A tool is never run here. Tool types that are neither `function` nor `custom` run at the provider; once one is
//! declared, names that nobody declared are let through, because the provider may use them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use switchback_core::failure::Detail;

use crate::answer::Violation;
use crate::error::{PromiseError, SchemaError};
use crate::json;
use crate::repair::Wanted;
use crate::schema::{Finding, Schema};
use crate::words::{excerpt, type_of};

/// Most tools of one request. OpenAI takes 128; some providers take more.
const MOST_TOOLS: usize = 512;
/// Most patterns in all their schemas together; each may take 1 MiB when compiled.
const MOST_PATTERNS: usize = 128;
/// Longest name repeated in a message, in characters.
const QUOTED: usize = 64;

/// What a request says about tools.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    declared: BTreeMap<String, Takes>,
    /// Whether a tool is declared that runs at the provider.
    provider_runs_some: bool,
    patterns: usize,
    choice: Choice,
    /// The only names that may be called, where the request narrows them.
    allowed: Option<BTreeSet<String>>,
}

/// What a tool takes as arguments.
#[derive(Debug)]
enum Takes {
    /// Any text.
    Text,
    /// Any JSON object.
    Object,
    /// A JSON object that satisfies the schema.
    Valid(Schema),
}

/// `tool_choice`.
#[derive(Debug, Default, PartialEq, Eq)]
enum Choice {
    #[default]
    Auto,
    None,
    Required,
    Named(String),
}

// === impl Tools ===

impl Tools {
    /// Reads `tools` and `tool_choice` as parsed JSON; `null` is the same as absent.
    pub(crate) fn of_request(tools: &Value, choice: &Value) -> Result<Self, PromiseError> {
        let mut read = Self::default();
        match tools {
            Value::Null => (),
            Value::Array(list) if list.len() > MOST_TOOLS => {
                return Err(PromiseError::value("tools", format!("more than {MOST_TOOLS} tools")));
            }
            Value::Array(list) => {
                for (place, tool) in list.iter().enumerate() {
                    read.declare(&format!("tools[{place}]"), tool)?;
                }
            }
            other => return Err(unexpected("tools", "a list", other)),
        }
        read.choose(choice)?;
        Ok(read)
    }

    fn declare(&mut self, at: &str, tool: &Value) -> Result<(), PromiseError> {
        let kind = text(&format!("{at}.type"), member(tool, "type"))?;
        let (name, takes) = match kind {
            "function" => {
                let at = format!("{at}.function");
                let function = member(tool, "function");
                let takes = match member(function, "parameters") {
                    Value::Null => Takes::Object,
                    source => Takes::Valid(self.schema(&format!("{at}.parameters"), source)?),
                };
                (text(&format!("{at}.name"), member(function, "name"))?, takes)
            }
            "custom" => {
                let name = member(member(tool, "custom"), "name");
                (text(&format!("{at}.custom.name"), name)?, Takes::Text)
            }
            _ => {
                self.provider_runs_some = true;
                return Ok(());
            }
        };
        match self.declared.insert(name.to_owned(), takes) {
            Some(_) => {
                let name = excerpt(name, QUOTED);
                Err(PromiseError::value(at, format!("the tool \"{name}\" is declared twice")))
            }
            None => Ok(()),
        }
    }

    fn schema(&mut self, at: &str, source: &Value) -> Result<Schema, PromiseError> {
        let schema = Schema::compile(source).map_err(|error| PromiseError::schema(at, &error))?;
        self.patterns += schema.patterns();
        if self.patterns > MOST_PATTERNS {
            let limit = SchemaError::TooLarge { what: "the number of patterns in all tools", limit: MOST_PATTERNS };
            return Err(PromiseError::schema(at, &limit));
        }
        Ok(schema)
    }

    fn choose(&mut self, choice: &Value) -> Result<(), PromiseError> {
        let Value::Object(_) = choice else {
            return self.choose_mode("tool_choice", choice);
        };
        match text("tool_choice.type", member(choice, "type"))? {
            "allowed_tools" => {
                let narrowed = member(choice, "allowed_tools");
                let at = "tool_choice.allowed_tools.tools";
                let Value::Array(list) = member(narrowed, "tools") else {
                    return Err(unexpected(at, "a list", member(narrowed, "tools")));
                };
                let names: Result<BTreeSet<String>, PromiseError> = list
                    .iter()
                    .enumerate()
                    .filter_map(|(place, tool)| self.chosen(&format!("{at}[{place}]"), tool).transpose())
                    .collect();
                self.allowed = Some(names?);
                self.choose_mode("tool_choice.allowed_tools.mode", member(narrowed, "mode"))
            }
            _ => {
                self.choice = self.chosen("tool_choice", choice)?.map_or(Choice::Auto, Choice::Named);
                Ok(())
            }
        }
    }

    fn choose_mode(&mut self, at: &str, mode: &Value) -> Result<(), PromiseError> {
        self.choice = match mode {
            Value::Null => Choice::Auto,
            Value::String(mode) if mode == "auto" => Choice::Auto,
            Value::String(mode) if mode == "none" => Choice::None,
            Value::String(mode) if mode == "required" => Choice::Required,
            other => {
                return Err(unexpected(at, "\"none\", \"auto\", \"required\" or the name of a tool", other));
            }
        };
        if self.choice == Choice::Required && self.declared.is_empty() && !self.provider_runs_some {
            return Err(PromiseError::value(at, "a tool call is required but no tool is declared"));
        }
        Ok(())
    }

    /// The declared tool that `{"type": …, "function": {"name": …}}` names; none where the provider runs it.
    fn chosen(&self, at: &str, tool: &Value) -> Result<Option<String>, PromiseError> {
        let kind = text(&format!("{at}.type"), member(tool, "type"))?;
        if !matches!(kind, "function" | "custom") {
            return Ok(None);
        }
        let at = format!("{at}.{kind}.name");
        let name = text(&at, member(member(tool, kind), "name"))?;
        if self.declared.contains_key(name) {
            Ok(Some(name.to_owned()))
        } else {
            let name = excerpt(name, QUOTED);
            Err(PromiseError::value(at, format!("the tool \"{name}\" is not declared in \"tools\"")))
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.declared.is_empty() && !self.provider_runs_some
    }

    pub(crate) fn requires_call(&self) -> bool {
        matches!(self.choice, Choice::Required | Choice::Named(_))
    }

    /// Whether the calls, by name, are the ones that had to come.
    pub(crate) fn judge_presence<'n>(&self, mut called: impl Iterator<Item = &'n str>) -> Result<(), Violation> {
        match &self.choice {
            Choice::Auto | Choice::None => Ok(()),
            Choice::Required if called.next().is_some() => Ok(()),
            Choice::Required => Err(Violation::of(Detail::ToolMissing, "expected a tool call, found none")),
            Choice::Named(name) if called.any(|called| called == name) => Ok(()),
            Choice::Named(name) => {
                Err(Violation::of(Detail::ToolMissing, "expected a call of this tool, found none").with_tool(name))
            }
        }
    }

    /// Whether the call is one that the request permits, with arguments that its tool takes.
    pub(crate) fn judge_call(&self, name: &str, arguments: &str) -> Result<(), Violation> {
        let wrong = |findings| Err(Violation::new(Detail::ToolCall, findings).with_tool(name));
        let wrong_with = |message: &str| wrong(vec![Finding::new("", message)]);
        if self.choice == Choice::None {
            return wrong_with("called although \"tool_choice\" is \"none\"");
        }
        let Some(takes) = self.declared.get(name) else {
            return if self.provider_runs_some { Ok(()) } else { wrong_with("called but not declared") };
        };
        if self.allowed.as_ref().is_some_and(|allowed| !allowed.contains(name)) {
            return wrong_with("called but not among the allowed tools");
        }
        if matches!(takes, Takes::Text) {
            return Ok(());
        }
        let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
        let value = match json::parse(arguments) {
            Ok(value @ Value::Object(_)) => value,
            Ok(other) => return wrong_with(&format!("expected object, found {}", type_of(&other))),
            Err(message) => return wrong_with(&message),
        };
        match takes {
            Takes::Text | Takes::Object => Ok(()),
            Takes::Valid(schema) => match schema.check(&value) {
                findings if findings.is_empty() => Ok(()),
                findings => wrong(findings),
            },
        }
    }

    /// What the arguments of a tool have to satisfy, where they have to be JSON.
    pub(crate) fn wanted(&self, name: &str) -> Option<Wanted<'_>> {
        match self.declared.get(name)? {
            Takes::Text => None,
            Takes::Object => Some(Wanted { object: true, schemas: Vec::new() }),
            Takes::Valid(schema) => Some(Wanted { object: true, schemas: vec![schema] }),
        }
    }

    /// Whether a call that stands last in a cut answer shows by itself that it is whole: its arguments are an object
    /// with its closing bracket, not nothing and not free text.
    pub(crate) fn is_visibly_whole(&self, name: &str, arguments: &str) -> bool {
        !matches!(self.declared.get(name), None | Some(Takes::Text)) && !arguments.trim().is_empty()
    }
}

/// A member of an object, `null` where there is none.
pub(crate) fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.get(name).unwrap_or(&Value::Null)
}

/// A text that has to be there.
pub(crate) fn text<'v>(at: &str, value: &'v Value) -> Result<&'v str, PromiseError> {
    match value.as_str() {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(unexpected(at, "text", value)),
    }
}

/// A value of the wrong type or with nothing in it.
pub(crate) fn unexpected(at: &str, expected: &str, found: &Value) -> PromiseError {
    let found = match found {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => format!("\"{}\"", excerpt(text, QUOTED)),
        other => type_of(other).to_owned(),
    };
    PromiseError::value(at, format!("expected {expected}, found {found}"))
}
