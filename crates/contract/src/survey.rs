//! Walks a schema once before it is compiled: bounds, references, patterns.
//!
//! What the validator gets is a copy in which every reference is a plain `#/…` pointer that was followed here, every
//! pattern matches in linear time, and no `$id` or anchor is left that could make a reference mean something else. So
//! what was counted is what will run. Nothing is ever fetched: a reference that leaves the schema is an error.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::error::SchemaError;
use crate::pattern::{self, Split};
use crate::plan::{Node, Plan};

/// Most bytes of a schema's compact text.
const MOST_BYTES: usize = 64 * 1024;
/// Most JSON values of a schema. An exported schema takes 14 to 20 bytes per value, so [`MOST_BYTES`] bites first; a
/// bound of hundreds, as for hand-written schemas, would refuse a Pydantic model of a hundred fields.
const MOST_VALUES: usize = 5_000;
/// Most levels of JSON. Zod writes nested objects in place, two or three levels each; Pydantic uses references.
const MOST_LEVELS: usize = 64;
/// Most different patterns: each may compile to [`crate::schema`]'s size limit.
const MOST_PATTERNS: usize = 64;
/// Most `unevaluated…` keywords: each has the validator compile and run what is around it once more.
const MOST_UNEVALUATED: usize = 4;

/// What a keyword's value holds, and what the schemas in it apply to.
#[derive(Clone, Copy)]
enum Holds {
    /// A schema, or a list of them, for the same value.
    InPlace,
    /// Schemas by name for the same value; lists of names are passed over.
    InPlaceByName,
    /// Schemas by the name of the member.
    Members,
    /// Schemas by pattern for members.
    MembersByPattern,
    /// A schema for members.
    EveryMember,
    /// A schema for items, or a list of them by position.
    Items,
    /// Schemas by name that apply to nothing by themselves.
    Definitions,
    /// A schema that applies to nothing here.
    Aside,
}

#[rustfmt::skip]
const KEYWORDS: [(&str, Holds); 22] = [
    ("allOf", Holds::InPlace), ("anyOf", Holds::InPlace), ("oneOf", Holds::InPlace), ("not", Holds::InPlace),
    ("if", Holds::InPlace), ("then", Holds::InPlace), ("else", Holds::InPlace),
    ("dependentSchemas", Holds::InPlaceByName), ("dependencies", Holds::InPlaceByName),
    ("properties", Holds::Members),
    ("patternProperties", Holds::MembersByPattern),
    ("additionalProperties", Holds::EveryMember), ("unevaluatedProperties", Holds::EveryMember),
    ("propertyNames", Holds::EveryMember),
    ("items", Holds::Items), ("prefixItems", Holds::Items), ("additionalItems", Holds::Items),
    ("unevaluatedItems", Holds::Items), ("contains", Holds::Items),
    ("$defs", Holds::Definitions), ("definitions", Holds::Definitions),
    ("contentSchema", Holds::Aside),
];

/// Keywords that name a place or a dialect; none is left for the validator.
const NAMING: [&str; 6] = ["$id", "$anchor", "$schema", "$vocabulary", "$dynamicAnchor", "$recursiveAnchor"];

/// A change to the schema at a place.
enum Edit {
    /// Take the keywords of [`NAMING`] out.
    Unname,
    /// Point the reference here.
    Reference(String),
    /// Match these instead of the pattern.
    Pattern(Split),
}

/// A reference that is still to be followed.
struct Reference<'s> {
    from: usize,
    at: String,
    base: String,
    text: &'s str,
}

/// The walk over one schema.
struct Survey<'s> {
    source: &'s Value,
    /// Draft 4 writes `id` where later drafts write `$id`.
    old_ids: bool,
    nodes: Vec<Node>,
    places: HashMap<String, usize>,
    resources: HashMap<&'s str, String>,
    anchors: HashMap<(String, &'s str), String>,
    references: Vec<Reference<'s>>,
    patterns: BTreeSet<&'s str>,
    unevaluated: usize,
    edits: Vec<(String, Edit)>,
}

/// A schema that is bounded, with the copy to compile.
pub(crate) struct Surveyed {
    /// What applies to what.
    pub(crate) plan: Plan,
    /// The copy for the validator.
    pub(crate) document: Value,
    /// How many different patterns it holds.
    pub(crate) patterns: usize,
}

/// Refuses a schema that is too large or too deep. First of all, and without recursion.
pub(crate) fn measure(source: &Value) -> Result<(), SchemaError> {
    let mut values = 0_usize;
    let mut open = vec![(source, 1_usize)];
    while let Some((value, level)) = open.pop() {
        values += 1;
        if level > MOST_LEVELS {
            return Err(too_large("the number of nested levels", MOST_LEVELS));
        }
        if values + open.len() > MOST_VALUES {
            return Err(too_large("the number of values", MOST_VALUES));
        }
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, level + 1))),
            Value::Object(members) => open.extend(members.values().map(|member| (member, level + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
        }
    }
    if serde_json::to_string(source).is_ok_and(|text| text.len() <= MOST_BYTES) {
        Ok(())
    } else {
        Err(too_large("the number of bytes", MOST_BYTES))
    }
}

/// Walks a schema that [`measure`] let through.
pub(crate) fn survey(source: &Value, old_ids: bool) -> Result<Surveyed, SchemaError> {
    let mut survey = Survey {
        source,
        old_ids,
        nodes: Vec::new(),
        places: HashMap::new(),
        resources: HashMap::new(),
        anchors: HashMap::new(),
        references: Vec::new(),
        patterns: BTreeSet::new(),
        unevaluated: 0,
        edits: Vec::new(),
    };
    survey.visit("", source, "")?;
    while let Some(reference) = survey.references.pop() {
        survey.follow(reference)?;
    }
    let patterns = survey.patterns.len();
    let plan = Plan { nodes: survey.nodes };
    plan.bound()?;
    let mut document = source.clone();
    for (at, edit) in survey.edits {
        if let Some(Value::Object(schema)) = document.pointer_mut(&at) {
            edit.apply(schema, old_ids);
        }
    }
    Ok(Surveyed { plan, document, patterns })
}

// === impl Survey ===

impl<'s> Survey<'s> {
    /// Visits the schema at a place once and returns its position. Recursion is bounded by [`MOST_LEVELS`].
    fn visit(&mut self, at: &str, schema: &'s Value, base: &str) -> Result<usize, SchemaError> {
        if let Some(&position) = self.places.get(at) {
            return Ok(position);
        }
        let position = self.nodes.len();
        self.places.insert(at.to_owned(), position);
        self.nodes.push(Node { at: at.to_owned(), ..Node::default() });
        let Value::Object(members) = schema else {
            return Ok(position);
        };
        let base = self.name(at, members, base)?;
        self.keep_reference(position, at, members, &base)?;
        self.keep_patterns(at, members)?;
        for (keyword, holds) in KEYWORDS {
            if let Some(value) = members.get(keyword) {
                self.visit_keyword(position, &format!("{at}/{keyword}"), (holds, value), &base)?;
            }
        }
        if members.keys().any(|keyword| keyword.starts_with("unevaluated")) {
            self.unevaluated += 1;
            if self.unevaluated > MOST_UNEVALUATED {
                return Err(too_large("the number of \"unevaluated…\" keywords", MOST_UNEVALUATED));
            }
            self.node(position, |node| node.unevaluated = true);
        }
        Ok(position)
    }

    fn visit_keyword(
        &mut self,
        position: usize,
        at: &str,
        (holds, value): (Holds, &'s Value),
        base: &str,
    ) -> Result<(), SchemaError> {
        let children: Vec<(String, &'s Value)> = match (holds, value) {
            (Holds::InPlace | Holds::Items, Value::Array(list)) => {
                let places = list.iter().enumerate();
                places.map(|(place, schema)| (place.to_string(), schema)).collect()
            }
            (Holds::InPlace | Holds::Items | Holds::EveryMember | Holds::Aside, schema) => {
                let child = self.visit(at, schema, base)?;
                match holds {
                    Holds::InPlace => self.node(position, |node| node.in_place.push(child)),
                    Holds::EveryMember => self.node(position, |node| node.every_member.push(child)),
                    Holds::Items => self.node(position, |node| node.every_item.push(child)),
                    Holds::InPlaceByName
                    | Holds::Members
                    | Holds::MembersByPattern
                    | Holds::Definitions
                    | Holds::Aside => (),
                }
                return Ok(());
            }
            (_, Value::Object(named)) => named.iter().map(|(name, schema)| (name.clone(), schema)).collect(),
            _ => Vec::new(),
        };
        for (name, schema) in children {
            if matches!(holds, Holds::InPlaceByName) && schema.is_array() {
                continue;
            }
            let child = self.visit(&format!("{at}/{}", escaped(&name)), schema, base)?;
            self.node(position, |node| match holds {
                Holds::InPlace | Holds::InPlaceByName => node.in_place.push(child),
                Holds::Members => drop(node.members.insert(name, child)),
                Holds::MembersByPattern | Holds::EveryMember => node.every_member.push(child),
                Holds::Items => node.prefix.push(child),
                Holds::Definitions | Holds::Aside => (),
            });
        }
        Ok(())
    }

    fn node(&mut self, position: usize, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(position) {
            change(node);
        }
    }

    /// Notes what the schema is called, and returns the place that references in it start from.
    fn name(&mut self, at: &str, members: &'s Map<String, Value>, base: &str) -> Result<String, SchemaError> {
        let named = NAMING.iter().any(|keyword| members.contains_key(*keyword));
        if named || (self.old_ids && members.contains_key("id")) {
            self.edits.push((at.to_owned(), Edit::Unname));
        }
        let keyword = if self.old_ids { "id" } else { "$id" };
        let mut base = base.to_owned();
        if let Some(id) = members.get(keyword).and_then(Value::as_str) {
            match id.strip_prefix('#') {
                Some(anchor) => self.anchor(at, &base, anchor)?,
                None => {
                    let id = id.trim_end_matches('#');
                    at.clone_into(&mut base);
                    if !id.is_empty() && self.resources.insert(id, at.to_owned()).is_some() {
                        return Err(SchemaError::reference(at, id, "names two schemas"));
                    }
                }
            }
        }
        if let Some(anchor) = members.get("$anchor").and_then(Value::as_str) {
            self.anchor(at, &base, anchor)?;
        }
        Ok(base)
    }

    fn anchor(&mut self, at: &str, base: &str, anchor: &'s str) -> Result<(), SchemaError> {
        match self.anchors.insert((base.to_owned(), anchor), at.to_owned()) {
            Some(_) => Err(SchemaError::reference(at, anchor, "names two schemas")),
            None => Ok(()),
        }
    }

    fn keep_reference(
        &mut self,
        from: usize,
        at: &str,
        members: &'s Map<String, Value>,
        base: &str,
    ) -> Result<(), SchemaError> {
        for keyword in ["$dynamicRef", "$recursiveRef"] {
            if members.contains_key(keyword) {
                return Err(SchemaError::keyword(at, keyword, ": use \"$ref\""));
            }
        }
        if let Some(text) = members.get("$ref").and_then(Value::as_str) {
            self.references.push(Reference { from, at: at.to_owned(), base: base.to_owned(), text });
        }
        Ok(())
    }

    fn keep_patterns(&mut self, at: &str, members: &'s Map<String, Value>) -> Result<(), SchemaError> {
        if let Some(pattern) = members.get("pattern").and_then(Value::as_str) {
            let split = pattern::split(pattern).map_err(|why| SchemaError::pattern(at, pattern, why))?;
            self.patterns.insert(pattern);
            self.edits.extend(split.map(|split| (at.to_owned(), Edit::Pattern(split))));
        }
        if let Some(Value::Object(named)) = members.get("patternProperties") {
            for pattern in named.keys() {
                if !matches!(pattern::split(pattern), Ok(None)) {
                    let why = pattern::split(pattern).err().unwrap_or(pattern::LOOK_AROUND);
                    return Err(SchemaError::pattern(&format!("{at}/patternProperties"), pattern, why));
                }
                self.patterns.insert(pattern);
            }
        }
        if self.patterns.len() > MOST_PATTERNS {
            return Err(too_large("the number of different patterns", MOST_PATTERNS));
        }
        Ok(())
    }

    /// Follows a reference inside the schema; there is no other kind.
    fn follow(&mut self, reference: Reference<'s>) -> Result<(), SchemaError> {
        let Reference { from, at, base, text } = reference;
        let fail = |why| SchemaError::reference(&at, text, why);
        let (resource, fragment) = text.split_once('#').unwrap_or((text, ""));
        let base = match resource {
            "" => base,
            named => match self.resources.get(named) {
                Some(place) => place.clone(),
                None => return Err(fail("leaves the schema, and nothing is ever fetched")),
            },
        };
        let fragment = percent_decoded(fragment).ok_or_else(|| fail("is not a valid reference"))?;
        let target = if fragment.is_empty() || fragment.starts_with('/') {
            format!("{base}{fragment}")
        } else {
            let anchor = self.anchors.iter().find(|((of, name), _)| *of == base && *name == fragment);
            anchor.map(|(_, place)| place.clone()).ok_or_else(|| fail("points to nothing"))?
        };
        let schema = self.source.pointer(&target).ok_or_else(|| fail("points to nothing"))?;
        self.edits.push((at, Edit::Reference(format!("#{}", percent_encoded(&target)))));
        let target = self.visit(&target, schema, &base)?;
        self.node(from, |node| node.in_place.push(target));
        Ok(())
    }
}

// === impl Edit ===

impl Edit {
    fn apply(self, schema: &mut Map<String, Value>, old_ids: bool) {
        match self {
            Self::Unname => {
                schema.retain(|keyword, _| !(NAMING.contains(&keyword.as_str()) || old_ids && keyword == "id"));
            }
            Self::Reference(target) => drop(schema.insert("$ref".to_owned(), Value::String(target))),
            Self::Pattern(split) => {
                let also = split.also.into_iter().map(|pattern| object([("pattern", pattern.into())]));
                let never = split.never.into_iter().map(|pattern| {
                    // `not` must not refuse what is no text at all: a pattern takes every other type.
                    object([("not", object([("type", "string".into()), ("pattern", pattern.into())]))])
                });
                let conditions: Vec<Value> = also.chain(never).collect();
                schema.insert("pattern".to_owned(), Value::String(split.main));
                match schema.get_mut("allOf") {
                    Some(Value::Array(all)) => all.extend(conditions),
                    _ => drop(schema.insert("allOf".to_owned(), Value::Array(conditions))),
                }
            }
        }
    }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

const fn too_large(what: &'static str, limit: usize) -> SchemaError {
    SchemaError::TooLarge { what, limit }
}

/// A name as a segment of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A pointer as the fragment of a URI: what RFC 3986 keeps stays, every other byte is written as `%XX`.
fn percent_encoded(pointer: &str) -> String {
    let mut text = String::with_capacity(pointer.len());
    for byte in pointer.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/$".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn percent_decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment;
    while let Some((plain, coded)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        bytes.push(u8::from_str_radix(coded.get(..2)?, 16).ok()?);
        rest = coded.get(2..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}
