//! The shape of the JSON source, as far as the catalogue takes it. What it does not name is not taken.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug, Deserialize)]
pub(super) struct Source<'a> {
    #[serde(rename = "_meta")]
    pub(super) meta: Meta,
    #[serde(borrow)]
    pub(super) providers: BTreeMap<String, Provider<'a>>,
}

/// Where the data is from.
#[derive(Debug, Deserialize)]
pub(super) struct Meta {
    pub(super) source: String,
    pub(super) commit: String,
    pub(super) commit_date: String,
    pub(super) licence: String,
    pub(super) supplement: Option<Supplement>,
}

/// The second source, for entries that name it.
#[derive(Debug, Deserialize)]
pub(super) struct Supplement {
    pub(super) source: String,
    pub(super) commit: String,
    pub(super) commit_date: String,
    pub(super) licence: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Provider<'a> {
    pub(super) api: Option<String>,
    #[serde(default)]
    pub(super) env: Vec<String>,
    #[serde(borrow)]
    pub(super) models: BTreeMap<String, Model<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Model<'a> {
    pub(super) kind: String,
    #[serde(default)]
    pub(super) limit: Limit,
    pub(super) modalities: Option<Modalities>,
    pub(super) tools: Option<bool>,
    pub(super) structured_output: Option<bool>,
    pub(super) reasoning: Option<bool>,
    #[serde(borrow)]
    pub(super) cost: Option<Cost<'a>>,
    pub(super) status: Option<String>,
    pub(super) release_date: Option<String>,
    pub(super) source: Option<String>,
    pub(super) cost_source: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Limit {
    pub(super) context: Option<u64>,
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Modalities {
    #[serde(default)]
    pub(super) input: Vec<String>,
}

/// Prices as they are written, so that no float comes between.
#[derive(Debug, Deserialize)]
pub(super) struct Cost<'a> {
    pub(super) over_context_tokens: Option<u64>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) output: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) cache_read: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) cache_write: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) input_audio: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) output_audio: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) tiers: Vec<Cost<'a>>,
}
