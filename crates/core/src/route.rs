//! What can be called: providers, routes, what they can do, and the workload a request is.

use std::str::FromStr;

use crate::id::{Name, ProviderId};

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

/// One model at one provider, in one region; what an operator disables.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name: the table's, or `provider/model` where a rung names the call itself.
    pub name: Name,
    /// The provider that is called.
    pub provider: ProviderId,
    /// The model name that is sent upstream.
    pub model: Name,
    /// The route's region, else its provider's.
    pub region: Option<Name>,
    /// Context window in tokens, prompt and output together; `None` is unknown, and unknown is eligible.
    pub context: Option<u64>,
    /// What it can do; `None` is undeclared, and undeclared is eligible.
    pub can: Option<Capabilities>,
}

impl Route {
    /// The call as the operator writes it: `provider/model`.
    #[must_use]
    pub fn call(&self, provider: &Provider) -> String {
        format!("{}/{}", provider.name, self.model)
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

    /// The first declarable capability of `needs` that is missing here.
    #[must_use]
    pub fn lacks(self, needs: Capabilities) -> Option<Capability> {
        CAPABILITIES.iter().map(|(it, _)| *it).find(|it| needs.has(*it) && !self.has(*it))
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
