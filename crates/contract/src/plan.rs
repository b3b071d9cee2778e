//! How much work a schema can make: counted when it is compiled, and again for each value before it is checked.
//!
//! Compiling is cheap, checking is what explodes: two equal references per level double the work with every level, and
//! 1.7 KB of schema keep a core busy for seconds. What applies to one place of a value is bounded when the schema is compiled. What multiplies only as a value gets deeper (recursive
//! schemas, which are sound and common) cannot be, so each value is measured before it is checked: every pair of schema
//! and value counts once, remembered, so measuring stays cheap where checking would not be.

use std::collections::HashMap;

use serde_json::Value;

use crate::error::SchemaError;

/// Most steps that apply to one place of a value: the bound on a fan-out of references.
const MOST_STEPS_IN_PLACE: u64 = 10_000;
/// Most steps of all places of a schema together; compiling looks through branches from every place.
const MOST_STEPS_TOGETHER: u64 = 200_000;
/// Longest chain of references and branches at one place: each link is a frame on the stack.
const LONGEST_CHAIN: usize = 64;
/// Most steps to check one value: an answer of 128 k tokens against a union of ten takes some 400,000.
const MOST_STEPS: u64 = 1_000_000;
/// Most nested steps to check one value, so that the validator's recursion stays well inside a thread's 2 MiB.
const DEEPEST: usize = 400;
/// Weight of a schema with `unevaluated…`: the validator looks at its branches again for every such keyword.
const UNEVALUATED_WEIGHT: u64 = 3;

/// One schema inside the schema, with the positions of the schemas that it applies.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Where it stands, for messages.
    pub(crate) at: String,
    /// To the same value: branches, conditions, references.
    pub(crate) in_place: Vec<usize>,
    /// To the member of this name.
    pub(crate) members: HashMap<String, usize>,
    /// To members in general.
    pub(crate) every_member: Vec<usize>,
    /// To the item at this position.
    pub(crate) prefix: Vec<usize>,
    /// To items in general.
    pub(crate) every_item: Vec<usize>,
    /// Whether it has an `unevaluated…` keyword.
    pub(crate) unevaluated: bool,
}

/// All schemas inside a schema; the first is the root.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) nodes: Vec<Node>,
}

/// How much work something is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Schemas applied.
    pub(crate) steps: u64,
    /// Most of them nested in each other.
    pub(crate) depth: usize,
}

/// What is known of a node while the static bound is counted.
#[derive(Clone, Copy)]
enum Known {
    Nothing,
    Begun,
    Work(Work),
}

/// Measures one value against a plan.
struct Meter<'p> {
    plan: &'p Plan,
    known: HashMap<(usize, *const Value), Work>,
}

// === impl Plan ===

impl Plan {
    /// Refuses a schema whose references and branches multiply, or come back without going deeper.
    pub(crate) fn bound(&self) -> Result<(), SchemaError> {
        let mut known = vec![Known::Nothing; self.nodes.len()];
        let mut together = 0_u64;
        for (position, node) in self.nodes.iter().enumerate() {
            let work = self.in_place(position, &mut known, 0)?;
            together = together.saturating_add(work.steps);
            if together > MOST_STEPS_TOGETHER {
                return Err(SchemaError::multiplies(&node.at, MOST_STEPS_TOGETHER));
            }
        }
        Ok(())
    }

    fn in_place(&self, position: usize, known: &mut [Known], above: usize) -> Result<Work, SchemaError> {
        let (Some(node), Some(state)) = (self.nodes.get(position), known.get_mut(position)) else {
            return Ok(Work::default());
        };
        match *state {
            Known::Work(work) => return Ok(work),
            Known::Begun => return Err(SchemaError::circular(&node.at)),
            Known::Nothing => *state = Known::Begun,
        }
        let too_long =
            SchemaError::TooLarge { what: "the chain of references and branches at one place", limit: LONGEST_CHAIN };
        if above >= LONGEST_CHAIN {
            return Err(too_long);
        }
        let mut work = Work { steps: 1, depth: 1 };
        for &next in &node.in_place {
            work.add(self.in_place(next, known, above + 1)?, node.weight());
        }
        if work.depth > LONGEST_CHAIN {
            return Err(too_long);
        }
        if work.steps > MOST_STEPS_IN_PLACE {
            return Err(SchemaError::multiplies(&node.at, MOST_STEPS_IN_PLACE));
        }
        if let Some(state) = known.get_mut(position) {
            *state = Known::Work(work);
        }
        Ok(work)
    }

    /// The work of checking the value, or `None` when it is more than any sound answer takes.
    pub(crate) fn measure(&self, value: &Value) -> Option<Work> {
        let mut meter = Meter { plan: self, known: HashMap::new() };
        meter.measure(0, value, 0)
    }
}

// === impl Node ===

impl Node {
    fn weight(&self) -> u64 {
        if self.unevaluated { UNEVALUATED_WEIGHT } else { 1 }
    }
}

// === impl Work ===

impl Work {
    fn add(&mut self, inner: Work, times: u64) {
        self.steps = self.steps.saturating_add(inner.steps.saturating_mul(times));
        self.depth = self.depth.max(inner.depth + 1);
    }
}

// === impl Meter ===

impl Meter<'_> {
    fn measure(&mut self, position: usize, value: &Value, above: usize) -> Option<Work> {
        let key = (position, std::ptr::from_ref(value));
        if let Some(work) = self.known.get(&key) {
            return (above + work.depth <= DEEPEST).then_some(*work);
        }
        // Every remembered pair is at least one step of the value's own count.
        if above >= DEEPEST || self.known.len() as u64 >= MOST_STEPS {
            return None;
        }
        let plan = self.plan;
        let mut work = Work { steps: 1, depth: 1 };
        let Some(node) = plan.nodes.get(position) else {
            return Some(work);
        };
        for &next in &node.in_place {
            work.add(self.measure(next, value, above + 1)?, node.weight());
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    for next in node.members.get(name).into_iter().chain(&node.every_member) {
                        work.add(self.measure(*next, member, above + 1)?, 1);
                    }
                }
            }
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    for next in node.prefix.get(place).into_iter().chain(&node.every_item) {
                        work.add(self.measure(*next, item, above + 1)?, 1);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
        }
        self.known.insert(key, work);
        (work.steps <= MOST_STEPS).then_some(work)
    }
}
