//! Whether brackets that the text does not close can be closed in one way only.
//!
//! A text that an output cap cut is whole only if nothing more could have come: every open list and object has to be
//! full by its schema. In one that its model ended itself a bracket may be missing anywhere, and what came after it
//! then stands one level too deep: closing at the end is right only if nothing could have been meant further out.

use std::collections::HashSet;

use serde_json::Value;

use super::tree::Node;

/// Most references followed at one place.
const MOST_HOPS: usize = 16;

/// A place in a schema; unknown where the schema is not plain enough to tell.
#[derive(Clone, Copy)]
struct Place<'s> {
    root: &'s Value,
    here: Option<&'s Value>,
}

/// A list or object around the one that is looked at.
enum Around<'n, 's> {
    List(Place<'s>),
    Object(HashSet<&'n str>, Place<'s>),
}

/// Whether none of the outermost `open` brackets, each the last of what is in the one around it, could hold more.
pub(super) fn is_full(schema: &Value, root: &Node, open: usize) -> bool {
    let mut place = Place::root(schema);
    let mut node = root;
    for _ in 0..open {
        if !place.is_full(node) {
            return false;
        }
        let inner = match node {
            Node::List(items) => items.last().map(|it| (it, place.item())),
            Node::Object(members) => members.last().map(|(name, it)| (it, place.member(name))),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => None,
        };
        match inner {
            Some(inner) => (node, place) = inner,
            None => return true,
        }
    }
    true
}

/// Whether no member and no item could have been meant for something further out than where it stands.
pub(super) fn is_certain(schema: &Value, root: &Node) -> bool {
    certain(root, Place::root(schema), &mut Vec::new())
}

fn certain<'n, 's>(node: &'n Node, place: Place<'s>, around: &mut Vec<Around<'n, 's>>) -> bool {
    match node {
        Node::Object(members) => {
            if let Some((name, last)) = members.last()
                && !place.requires(name)
                && around.iter().any(|it| it.takes_member(name, last))
            {
                return false;
            }
            around.push(Around::Object(members.iter().map(|(name, _)| &**name).collect(), place));
            let all = members.iter().all(|(name, member)| certain(member, place.member(name), around));
            around.pop();
            all
        }
        Node::List(items) => {
            let Some((last, before)) = items.split_last() else {
                return true;
            };
            if around.iter().any(|it| it.takes_item(last)) {
                return false;
            }
            // What stands in an item that is not the last was closed before the next one came.
            let alone = &mut vec![Around::List(place)];
            if !before.iter().all(|item| certain(item, place.item(), alone)) {
                return false;
            }
            around.push(Around::List(place));
            let all = certain(last, place.item(), around);
            around.pop();
            all
        }
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => true,
    }
}

// === impl Around ===

impl Around<'_, '_> {
    fn takes_member(&self, name: &str, member: &Node) -> bool {
        match self {
            Self::List(_) => false,
            Self::Object(names, place) => {
                !names.contains(name) && !place.refuses_member(name) && place.member(name).takes(member)
            }
        }
    }

    fn takes_item(&self, item: &Node) -> bool {
        match self {
            Self::List(place) => place.item().takes(item),
            Self::Object(..) => false,
        }
    }
}

// === impl Place ===

impl<'s> Place<'s> {
    fn root(schema: &'s Value) -> Self {
        Self { root: schema, here: Some(schema) }.plain()
    }

    fn at(self, here: Option<&'s Value>) -> Self {
        Self { here, ..self }.plain()
    }

    /// Follows references, and unions of one form with `null`.
    fn plain(mut self) -> Self {
        for _ in 0..MOST_HOPS {
            let Some(here) = self.here else {
                return self;
            };
            let one = ["anyOf", "oneOf", "allOf"].into_iter().find_map(|keyword| here.get(keyword));
            if let Some(reference) = here.get("$ref") {
                let pointer = reference.as_str().and_then(|it| it.strip_prefix('#'));
                self.here = pointer.filter(|it| !it.contains('%')).and_then(|it| self.root.pointer(it));
            } else if let Some(forms) = one.and_then(Value::as_array)
                && here.get("properties").is_none()
            {
                let mut forms = forms.iter().filter(|it| it.get("type").and_then(Value::as_str) != Some("null"));
                self.here = forms.next().filter(|_| forms.next().is_none());
            } else {
                return self;
            }
        }
        Self { here: None, ..self }
    }

    fn get(self, keyword: &str) -> Option<&'s Value> {
        self.here?.get(keyword)
    }

    fn member(self, name: &str) -> Self {
        let declared = self.get("properties").and_then(|it| it.get(name));
        self.at(declared.or_else(|| self.get("additionalProperties").filter(|it| it.is_object())))
    }

    fn item(self) -> Self {
        self.at(self.get("items").filter(|it| it.is_object() && self.get("prefixItems").is_none()))
    }

    fn requires(self, name: &str) -> bool {
        let required = self.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|it| it.as_str() == Some(name)))
    }

    fn refuses_member(self, name: &str) -> bool {
        self.is_closed() && self.get("properties").and_then(|it| it.get(name)).is_none()
    }

    fn is_closed(self) -> bool {
        let closed = ["additionalProperties", "unevaluatedProperties"];
        let closed = closed.into_iter().any(|keyword| self.get(keyword) == Some(&Value::Bool(false)));
        closed && self.get("patternProperties").is_none()
    }

    fn is_full(self, node: &Node) -> bool {
        match node {
            Node::Object(members) => {
                let declared = self.get("properties").and_then(Value::as_object);
                let names: HashSet<&str> = members.iter().map(|(name, _)| &**name).collect();
                self.is_closed() && declared.is_some_and(|it| it.keys().all(|name| names.contains(&**name)))
            }
            Node::List(items) => self.get("maxItems").and_then(Value::as_u64) == Some(items.len() as u64),
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) => true,
        }
    }

    /// Whether a value like this could stand here: wrong only in being too generous.
    fn takes(self, node: &Node) -> bool {
        let of_type = match self.get("type") {
            Some(Value::String(only)) => fits(only, node),
            Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).any(|it| fits(it, node)),
            _ => true,
        };
        let Node::Object(members) = node else {
            return of_type;
        };
        let names: HashSet<&str> = members.iter().map(|(name, _)| &**name).collect();
        let required = self.get("required").and_then(Value::as_array);
        let required = required.is_none_or(|it| it.iter().filter_map(Value::as_str).all(|it| names.contains(it)));
        of_type && required && !names.into_iter().any(|name| self.refuses_member(name))
    }
}

fn fits(kind: &str, node: &Node) -> bool {
    match kind {
        "object" => matches!(node, Node::Object(_)),
        "array" => matches!(node, Node::List(_)),
        "null" => matches!(node, Node::Null),
        // A scalar may still be coerced into another one.
        _ => !matches!(node, Node::Object(_) | Node::List(_)),
    }
}
