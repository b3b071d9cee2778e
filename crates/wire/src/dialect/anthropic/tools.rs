//! Tools and the choice among them.
//!
//! Schemas of tools go as they came. `strict` goes with them only where the schema fits what Anthropic can hold a model
//! to; the contract checks the arguments either way.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::request::Fields;
use super::schema;
use crate::json::{self, Members, Writer};

/// The schema of an input of which nothing is said.
const ANY_INPUT: &str = r#"{"type":"object","properties":{}}"#;

/// What the caller lets the model choose.
#[derive(Default)]
struct Choice<'a> {
    /// `auto`, `any`, `tool` or `none`; nothing where the caller said nothing.
    kind: Option<Cow<'a, str>>,
    /// The tool that must be called.
    name: Option<&'a RawValue>,
    /// The tools that may be called, where not all may.
    allowed: Option<Vec<Cow<'a, str>>>,
}

/// Writes `tools` and `tool_choice`; without tools no choice, because one among none is refused. A conversation in which
/// tools were `called` must declare some: those then, with none to choose.
pub(super) fn write(fields: &Fields<'_>, called: &[&RawValue], out: &mut Writer) {
    let choice = Choice::read(fields);
    let list = |name: &str| fields.get(name).and_then(json::elements).unwrap_or_default();
    let newer = list("tools").into_iter().map(|raw| (raw, Members::of(Some(raw))));
    let newer = newer.map(|(raw, tool)| (raw, Members::of(tool.get("function")), tool));
    let older = list("functions").into_iter().map(|raw| (raw, Members::of(Some(raw)), Members::default()));
    let mut tools = Vec::new();
    for (raw, function, tool) in newer.chain(older) {
        let name = function.text("name");
        let offered = choice.allowed.as_ref().is_none_or(|allowed| name.is_some_and(|name| allowed.contains(&name)));
        if offered {
            // What is no function goes as it came: it may be a tool of Anthropic's own.
            tools.push(if function.0.is_empty() { raw.get().to_owned() } else { written(&function, &tool) });
        }
    }
    if tools.is_empty() {
        if !called.is_empty() {
            let told = |name: &&RawValue| Writer::new().raw("name", name.get()).raw("input_schema", ANY_INPUT).finish();
            let told: Vec<String> = called.iter().map(told).collect();
            out.raw("tools", &format!("[{}]", told.join(","))).raw("tool_choice", r#"{"type":"none"}"#);
        }
        return;
    }
    out.raw("tools", &format!("[{}]", tools.join(",")));
    choice.write(fields, out);
}

// === impl Choice ===

impl<'a> Choice<'a> {
    fn read(fields: &Fields<'a>) -> Self {
        let Some(raw) = fields.get("tool_choice").or_else(|| fields.get("function_call")) else {
            return Self::default();
        };
        if let Some(word) = json::text(raw) {
            let kind = if word == "required" { "any".into() } else { word };
            return Self { kind: Some(kind), ..Self::default() };
        }
        let choice = Members::of(Some(raw));
        match choice.text("type").as_deref() {
            Some("allowed_tools") => {
                let allowed = Members::of(choice.get("allowed_tools"));
                let names = allowed.get("tools").and_then(json::elements).unwrap_or_default().into_iter();
                let names = names.filter_map(|tool| Members::of(Members::of(Some(tool)).get("function")).text("name"));
                let required = allowed.text("mode").as_deref() == Some("required");
                let kind = if required { "any" } else { "auto" };
                Self { kind: Some(kind.into()), name: None, allowed: Some(names.collect()) }
            }
            _ => {
                let named = Members::of(choice.get("function").or_else(|| choice.get("custom")));
                // The older form names the function itself.
                let name = named.get("name").or_else(|| choice.get("name"));
                Self { kind: Some("tool".into()), name, allowed: None }
            }
        }
    }

    fn write(&self, fields: &Fields<'_>, out: &mut Writer) {
        let one_at_a_time = fields.get("parallel_tool_calls").is_some_and(|raw| raw.get() == "false");
        let mut choice = Writer::new();
        match &self.kind {
            Some(kind) => {
                choice.text("type", kind);
            }
            None if one_at_a_time => {
                choice.text("type", "auto");
            }
            None => return,
        }
        if let Some(name) = self.name {
            choice.raw("name", name.get());
        }
        if one_at_a_time && self.kind.as_deref() != Some("none") {
            choice.raw("disable_parallel_tool_use", "true");
        }
        out.raw("tool_choice", &choice.finish());
    }
}

/// One function as a tool.
fn written(function: &Members<'_>, tool: &Members<'_>) -> String {
    let mut out = Writer::new();
    if let Some(name) = function.get("name") {
        out.raw("name", name.get());
    }
    if let Some(description) = function.get("description") {
        out.raw("description", description.get());
    }
    let parameters = function.get("parameters");
    out.raw("input_schema", &input_schema(parameters));
    let strict = function.get("strict").is_some_and(|raw| raw.get() == "true");
    if strict && parameters.is_some_and(|raw| schema::fits(raw.get())) {
        out.raw("strict", "true");
    }
    if let Some(cache) = tool.get("cache_control") {
        out.raw("cache_control", cache.get());
    }
    out.finish()
}

/// The schema of a tool's input, which must say that it is an object.
fn input_schema(parameters: Option<&RawValue>) -> String {
    let Some(parameters) = parameters else { return ANY_INPUT.to_owned() };
    match Members::read(parameters.get()) {
        Some(members) if members.0.is_empty() => ANY_INPUT.to_owned(),
        Some(members) if members.get("type").is_none() => parameters.get().replacen('{', r#"{"type":"object","#, 1),
        // What is no schema stays for the provider to reject.
        Some(_) | None => parameters.get().to_owned(),
    }
}
