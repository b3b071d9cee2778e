//! What can be called: providers, routes, what they can do, and the workload a request is.

use std::str::FromStr;

use crate::id::{Name, ProviderId};
use crate::money::Price;

/// An upstream account with its endpoint.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name in the configuration.
    pub name: Name,
    /// Region of all its routes that name none.
    pub region: Option<Name>,
    /// How many credentials are pooled; at least one (an upstream without keys has one empty credential).
    pub n_keys: usize,
}

/// One model, in one or several deployments; what an operator disables.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name: the table's, or `provider/model` where a rung names the call itself.
    pub name: Name,
    /// Where the model can be called, in file order. Never empty, at most [`MOST_DEPLOYMENTS`].
    pub deployments: Vec<Deployment>,
}

impl Route {
    /// The largest context window among its deployments, in tokens; `None` while that of any is unknown.
    #[must_use]
    pub fn context(&self) -> Option<u64> {
        let each = self.deployments.iter().map(|it| it.context);
        each.collect::<Option<Vec<u64>>>()?.into_iter().max()
    }

    /// The one provider of all its deployments, where there is but one.
    #[must_use]
    pub fn only_provider(&self) -> Option<ProviderId> {
        let first = self.deployments.first()?.provider;
        self.deployments.iter().all(|it| it.provider == first).then_some(first)
    }
}

/// Most deployments of a route.
pub const MOST_DEPLOYMENTS: usize = 64;

/// One model at one provider, in one region, with its limits, capabilities and price.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// The call as the operator writes it: `provider/model`.
    pub call: Name,
    /// The provider that is called.
    pub provider: ProviderId,
    /// The model name that is sent upstream.
    pub model: Name,
    /// Lower orders are used first; a higher one only when none of a lower order can be called.
    pub order: u32,
    /// Share of the calls among deployments of the same order; at least one.
    pub weight: u32,
    /// The call's own region, else the route's, else the provider's.
    pub region: Option<Name>,
    /// Compliance tags: the call's own and the route's.
    pub tags: Vec<Name>,
    /// Context window in tokens, prompt and output together; `None` is unknown, and unknown is eligible.
    pub context: Option<u64>,
    /// Most output tokens; `None` is unknown.
    pub max_output: Option<u64>,
    /// What it is known not to be able to do: declared so, in the catalogue, or beyond its API's shape.
    pub cannot: Capabilities,
    /// Whether it is known to hold its answers to a schema that it is given.
    pub holds_schema: bool,
    /// What it costs; `None` is unknown, never free.
    pub price: Option<Price>,
}

#[cfg(any(test, feature = "simulate"))]
impl Deployment {
    /// One of which nothing but its call is known: in no region, without tags, limits or a price.
    pub(crate) fn plain(provider: u32, call: &str) -> Self {
        Self {
            call: call.into(),
            provider: ProviderId(provider),
            model: call.into(),
            order: 1,
            weight: 1,
            region: None,
            tags: Vec::new(),
            context: None,
            max_output: None,
            cannot: Capabilities::NONE,
            holds_schema: false,
            price: None,
        }
    }
}

/// A set of deployments of one route, by their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deployments(u64);

impl Deployments {
    /// Every place.
    pub const ALL: Deployments = Deployments(u64::MAX);

    /// With this place too; places from [`MOST_DEPLOYMENTS`] on are never in a set.
    #[must_use]
    pub const fn with(self, place: usize) -> Self {
        if place < MOST_DEPLOYMENTS { Deployments(self.0 | 1 << place) } else { self }
    }

    /// Whether the place is in the set.
    #[must_use]
    pub const fn has(self, place: usize) -> bool {
        place < MOST_DEPLOYMENTS && self.0 & 1 << place != 0
    }

    /// Whether all of the other set is in this one.
    #[must_use]
    pub const fn covers(self, other: Deployments) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: Deployments) -> Self {
        Deployments(self.0 | other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn minus(self, other: Deployments) -> Self {
        Deployments(self.0 & !other.0)
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One thing that a route can do or a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Capability {
    /// Tool calls.
    Tools,
    /// Structured output (`response_format`).
    Json,
    /// Image parts in messages.
    Images,
    /// Audio parts in messages.
    Audio,
    /// File parts in messages.
    Pdf,
    /// Streamed answers.
    Stream,
    /// Continuing a given start of the answer.
    Prefill,
    /// Embeddings.
    Embeddings,
    /// Reranking.
    Rerank,
    /// Moderation verdicts.
    Moderation,
    /// Chat completions.
    Chat,
    /// Reasoning before the answer.
    Reasoning,
    /// More than one choice (`n` above 1).
    Choices,
    /// Log-probabilities of tokens.
    Logprobs,
    /// Sequences at which the answer stops.
    Stop,
    /// Tools whose input is free text.
    CustomTools,
}

/// Every capability with its name in `can`.
pub const CAPABILITIES: [(Capability, &str); 12] = [
    (Capability::Tools, "tools"),
    (Capability::Json, "json"),
    (Capability::Images, "images"),
    (Capability::Audio, "audio"),
    (Capability::Pdf, "pdf"),
    (Capability::Stream, "stream"),
    (Capability::Prefill, "prefill"),
    (Capability::Embeddings, "embeddings"),
    (Capability::Rerank, "rerank"),
    (Capability::Moderation, "moderation"),
    (Capability::Chat, "chat"),
    (Capability::Reasoning, "reasoning"),
];

/// What a request may need that no route declares: whether it can be had follows from the shape of the provider's API.
pub const SHAPE_PROMISES: [(Capability, &str); 4] = [
    (Capability::Choices, "n"),
    (Capability::Logprobs, "logprobs"),
    (Capability::Stop, "stop"),
    (Capability::CustomTools, "custom tools"),
];

impl Capability {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        CAPABILITIES.iter().chain(&SHAPE_PROMISES).find(|(it, _)| *it == self).map_or("", |(_, name)| name)
    }
}

impl FromStr for Capability {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        CAPABILITIES.iter().find(|(_, it)| *it == name).map(|(it, _)| *it).ok_or(())
    }
}

/// A set of capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(u32);

impl Capabilities {
    /// None.
    pub const NONE: Capabilities = Capabilities(0);

    /// All that a route can declare.
    #[must_use]
    pub fn declarable() -> Self {
        CAPABILITIES.iter().fold(Self::NONE, |all, (it, _)| all.with(*it))
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: Capabilities) -> Self {
        Capabilities(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn both(self, other: Capabilities) -> Self {
        Capabilities(self.0 & other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub const fn minus(self, other: Capabilities) -> Self {
        Capabilities(self.0 & !other.0)
    }

    /// With this one too.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Capabilities(self.0 | 1 << capability as u8)
    }

    /// Whether it is in the set.
    #[must_use]
    pub const fn has(self, capability: Capability) -> bool {
        self.0 & 1 << capability as u8 != 0
    }

    /// The first capability, declarable or of a shape, that is in both sets.
    #[must_use]
    pub fn shares(self, other: Capabilities) -> Option<Capability> {
        CAPABILITIES.iter().chain(&SHAPE_PROMISES).map(|(it, _)| *it).find(|it| self.has(*it) && other.has(*it))
    }
}

/// Workload bucket of a request: a route may be healthy for short text and open for long multimodal calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Bucket {
    /// Text of up to 8,000 tokens.
    Short,
    /// Text of more than 8,000 tokens.
    Long,
    /// Tools declared, up to 8,000 tokens.
    Tools,
    /// Tools declared, more than 8,000 tokens.
    ToolsLong,
    /// At least one image.
    Images,
}

/// Every bucket with its name in metrics and state.
pub const BUCKETS: [(Bucket, &str); 5] = [
    (Bucket::Short, "short"),
    (Bucket::Long, "long"),
    (Bucket::Tools, "tools"),
    (Bucket::ToolsLong, "tools-long"),
    (Bucket::Images, "images"),
];

/// Prompts above this many estimated tokens are `long`.
pub const LONG_TOKENS: u64 = 8_000;

impl Bucket {
    /// The bucket of a request that needs these capabilities and has a prompt of about this many tokens.
    #[must_use]
    pub const fn of(needs: Capabilities, prompt_tokens: u64) -> Self {
        let long = prompt_tokens > LONG_TOKENS;
        if needs.has(Capability::Images) {
            Bucket::Images
        } else if needs.has(Capability::Tools) {
            if long { Bucket::ToolsLong } else { Bucket::Tools }
        } else if long {
            Bucket::Long
        } else {
            Bucket::Short
        }
    }

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        BUCKETS.get(self as usize).map_or("", |(_, name)| name)
    }
}
