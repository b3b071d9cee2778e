//! What the built-in catalogue knows of a call: limits, capabilities and prices that the file does not declare.
//!
//! The file wins, key by key. What neither says stays unknown, and unknown is eligible.

use switchback_core::money::{PicoPerToken, Price, Rates, Tier};
use switchback_core::route::{Capabilities, Capability, Deployment};
use switchback_wire::catalogue::{self, Entry};
use switchback_wire::dialect::Api;

use crate::raw::route::RawRoute;
use crate::settings::ProviderSettings;

/// Fills in what the catalogue knows and the file does not declare.
pub(super) fn fill(
    deployment: &mut Deployment,
    declared: Option<&RawRoute>,
    provider: &ProviderSettings,
    entry: Option<&Entry>,
) {
    deployment.context = declared.and_then(|it| it.context).or_else(|| entry.and_then(|it| it.context));
    deployment.max_output = declared.and_then(|it| it.max_output).or_else(|| entry.and_then(|it| it.max_output));
    let cannot = match declared.and_then(|it| it.can) {
        Some(can) => Capabilities::declarable().minus(can),
        None => entry.map_or(Capabilities::NONE, |it| it.cannot.both(modalities())),
    };
    deployment.cannot = cannot.union(provider.api.lacks());
    let listed = entry.and_then(|it| it.schema);
    let declared_json = declared.and_then(|it| it.can).map(|can| can.has(Capability::Json));
    deployment.holds_schema = match provider.api {
        Api::OpenAi | Api::Anthropic => declared_json.or(listed).unwrap_or(true),
        // A server that nobody knows may reject the field, or take it and do nothing.
        Api::OpenAiCompatible => declared_json.or(listed).unwrap_or(false),
    };
    let known = || entry.and_then(|it| it.price.as_ref()).map(price);
    deployment.price = declared.and_then(|it| it.price.clone()).or_else(known);
}

/// A deployment whose model holds a star, with the model that the star stands for in a request: its own name, call,
/// limits and price. The rest is the star's.
#[must_use]
pub fn with_model(star: &Deployment, provider: &ProviderSettings, matched: &str) -> Deployment {
    let model = star.model.replacen('*', matched, 1);
    let mut named =
        Deployment { call: format!("{}/{model}", provider.name).into(), model: model.as_str().into(), ..star.clone() };
    let entry = of_provider(provider).and_then(|it| catalogue::find(it, &model));
    fill(&mut named, None, provider, entry.as_ref());
    named
}

/// The name of a provider in the catalogue: that of the host which it calls.
pub(crate) fn of_provider(provider: &ProviderSettings) -> Option<&'static str> {
    // Without an address (reported elsewhere) nothing is known.
    let url = Some(provider.base_url.as_str()).filter(|it| !it.is_empty())?;
    catalogue::provider_of(provider.api, &provider.name, url)
}

/// What the catalogue is believed on: what a model can read. Of tools and JSON it says no where the vendor says yes
/// (`gpt-3.5-turbo`), and a route that is skipped for nothing is worse than one that says so itself.
fn modalities() -> Capabilities {
    Capabilities::NONE.with(Capability::Images).with(Capability::Audio)
}

fn price(listed: &catalogue::Price) -> Price {
    let tier = |it: &catalogue::Tier| Tier { over_tokens: it.over_context_tokens, rates: rates(&it.rates) };
    Price { base: rates(&listed.base), tiers: listed.tiers.iter().map(tier).collect() }
}

fn rates(listed: &catalogue::Rates) -> Rates {
    Rates {
        input: PicoPerToken(listed.input),
        cached: listed.cached.map(PicoPerToken),
        cache_write: listed.cache_write.map(PicoPerToken),
        output: PicoPerToken(listed.output),
        reasoning: listed.reasoning.map(PicoPerToken),
    }
}
