//! What the catalogue promises, held against the embedded text; prices and limits are written out as the source has them.

use std::collections::HashSet;

use proptest::prelude::*;
use switchback_core::route::Capability;

use super::*;
use crate::dialect::Api;

/// What a model costs, as `(input, output, cached, cache_write)` in pico-dollars per token.
type Prices = Option<(u64, u64, Option<u64>, Option<u64>)>;

fn prices(rates: &Rates) -> (u64, u64, Option<u64>, Option<u64>) {
    (rates.input, rates.output, rates.cached, rates.cache_write)
}

fn found(provider: &str, model: &str) -> Entry {
    find(provider, model).unwrap_or_else(|| panic!("{provider}/{model} is not there"))
}

#[test]
fn the_text_is_sorted_small_and_every_line_is_read() {
    let lines: Vec<&str> = body(MODELS).lines().collect();
    assert!(lines.len() > 1_700, "{}", lines.len());
    assert!(MODELS.len() < 150_000, "{} bytes", MODELS.len());
    for pair in lines.windows(2) {
        assert!(key(pair[0]).as_bytes() < key(pair[1]).as_bytes(), "{} stands before {}", pair[0], pair[1]);
    }
    let names: HashSet<&str> = providers().map(|it| it.name).collect();
    for line in lines {
        let entry = Entry::read(line).unwrap_or_else(|| panic!("cannot be read: {line}"));
        let (provider, model) = key(line).split_once('/').unwrap();
        assert!(names.contains(provider), "{provider} has no line of its own");
        assert_eq!(find(provider, model), Some(entry.clone()), "{line}");
        assert_eq!(entry.can.shares(entry.cannot), None, "{line}");
        for tiers in entry.price.iter().flat_map(|it| it.tiers.windows(2)) {
            assert!(tiers[0].over_context_tokens < tiers[1].over_context_tokens, "{line}");
        }
    }
}

#[test]
fn limits_and_prices_are_those_of_the_source() {
    #[rustfmt::skip]
    let expected: [(&str, &str, [Option<u64>; 3], Prices); 12] = [
        ("openai", "gpt-4o", [Some(128_000), None, Some(16_384)], Some((2_500_000, 10_000_000, Some(1_250_000), None))),
        ("openai", "gpt-5-mini", [Some(400_000), Some(272_000), Some(128_000)], Some((250_000, 2_000_000, Some(25_000), None))),
        ("openai", "gpt-5.6-sol", [Some(1_050_000), None, None], Some((5_000_000, 30_000_000, Some(500_000), Some(6_250_000)))),
        ("anthropic", "claude-sonnet-4-5", [Some(200_000), None, Some(64_000)], Some((3_000_000, 15_000_000, Some(300_000), Some(3_750_000)))),
        ("anthropic", "claude-sonnet-5", [Some(1_000_000), None, Some(128_000)], Some((3_000_000, 15_000_000, Some(300_000), Some(3_750_000)))),
        ("google", "gemini-2.5-pro", [Some(1_048_576), None, Some(65_536)], Some((1_250_000, 10_000_000, Some(125_000), None))),
        ("groq", "openai/gpt-oss-120b", [Some(131_072), None, Some(65_536)], Some((150_000, 600_000, Some(75_000), None))),
        ("deepseek", "deepseek-chat", [Some(1_000_000), None, Some(384_000)], Some((140_000, 280_000, Some(2_800), None))),
        ("mistral", "mistral-embed", [Some(8_000), None, None], Some((100_000, 0, None, None))),
        ("cohere", "embed-v4.0", [Some(128_000), None, None], Some((120_000, 0, None, None))),
        ("amazon-bedrock", "google.gemma-3-12b-it", [Some(131_072), None, Some(8_192)], Some((50_000, 100_000, None, None))),
        ("vercel", "google/gemini-embedding-2", [None, None, None], None),
    ];
    for (provider, model, limits, cost) in expected {
        let entry = found(provider, model);
        assert_eq!([entry.context, entry.max_input, entry.max_output], limits, "{provider}/{model}");
        assert_eq!(entry.price.as_ref().map(|it| prices(&it.base)), cost, "{provider}/{model}");
    }
}

#[test]
fn what_the_source_does_not_say_is_neither_yes_nor_no() {
    let entry = found("openai", "gpt-5.6-sol");
    for capability in [Capability::Tools, Capability::Json, Capability::Images, Capability::Audio, Capability::Pdf] {
        assert!(!entry.can.has(capability) && !entry.cannot.has(capability), "{}", capability.name());
    }
    assert_eq!((entry.schema, entry.released, entry.max_output), (None, None, None));
    assert_eq!(found("groq", "groq/compound").price, None);
}

#[test]
fn a_free_model_costs_nothing_and_is_not_of_unknown_price() {
    let price = found("nvidia", "abacusai/dracarys-llama-3_1-70b-instruct").price.expect("is known");
    assert_eq!((price.base.input, price.base.output), (0, 0));
}

#[test]
fn a_model_without_schemas_may_still_answer_in_json() {
    let entry = found("openai", "gpt-4-turbo");
    assert_eq!(entry.schema, Some(false));
    assert!(!entry.can.has(Capability::Json) && !entry.cannot.has(Capability::Json));
    assert!(found("openai", "gpt-4o").can.has(Capability::Json));
}

#[test]
fn known_abilities_are_told_apart_from_known_lacks() {
    let chat = found("openai", "gpt-5-mini");
    for capability in [Capability::Chat, Capability::Tools, Capability::Images, Capability::Reasoning] {
        assert!(chat.can.has(capability), "{}", capability.name());
    }
    assert!(chat.cannot.has(Capability::Audio) && chat.cannot.has(Capability::Embeddings));
    assert!(!chat.can.has(Capability::Pdf) && !chat.cannot.has(Capability::Pdf));
    let embedding = found("openai", "text-embedding-3-small");
    assert!(embedding.can.has(Capability::Embeddings) && embedding.cannot.has(Capability::Chat));
    assert!(found("google", "gemini-2.5-pro").can.has(Capability::Pdf));
}

#[test]
fn a_long_prompt_is_billed_by_its_tier_as_a_whole() {
    let price = found("google", "gemini-2.5-pro").price.expect("is known");
    assert_eq!(prices(price.rates(200_000)), (1_250_000, 10_000_000, Some(125_000), None));
    assert_eq!(prices(price.rates(200_001)), (2_500_000, 15_000_000, Some(250_000), None));
    let audio = found("google", "gemini-2.5-flash").price.expect("is known");
    assert_eq!(audio.base.audio_input, Some(1_000_000));
}

#[test]
fn a_dated_name_is_found_only_where_it_is_surely_the_same_model() {
    assert_eq!(found("openai", "gpt-5-mini-2025-08-07").model, "gpt-5-mini");
    assert_eq!(found("openai", "gpt-4.1-2025-04-14").model, "gpt-4.1");
    assert_eq!(found("anthropic", "claude-sonnet-4-5-20250929").model, "claude-sonnet-4-5-20250929");
    // Listed itself, and dearer than the name that moved on.
    let first = found("openai", "gpt-4o-2024-05-13").price.expect("is known");
    assert_eq!(first.base.input, 5_000_000);
    for (provider, model) in [
        ("openai", "gpt-5-mini-2025-08-08"),
        ("openai", "gpt-5-mini-latest"),
        ("openai", "gpt-5-mini-0807"),
        ("openai", "gpt-4o-20240513"),
        ("azure", "gpt-4o-2024-05-13"),
        ("openai", "-2025-08-07"),
        ("anthropic", "claude-sonnet-4-5-20251029"),
    ] {
        assert_eq!(find(provider, model), None, "{provider}/{model}");
    }
}

#[test]
fn a_model_of_another_provider_is_not_found_by_moving_the_slash() {
    assert!(find("openrouter", "openai/gpt-4o").is_some());
    assert_eq!(find("openrouter/openai", "gpt-4o"), None);
    assert_eq!(find("", "openai/gpt-4o"), None);
    assert_eq!(find("# Source: https:", "/github.com/anomalyco/models.dev (branch dev)"), None);
}

#[test]
fn the_host_says_which_provider_it_is() {
    let compatible = Api::OpenAiCompatible;
    for (name, url, expected) in [
        ("fast", "https://api.groq.com/openai/v1", Some("groq")),
        ("openai", "https://API.OPENAI.COM:443/v1", Some("openai")),
        ("together", "https://api.together.ai/v1", Some("togetherai")),
        ("az", "https://my-resource.openai.azure.com/openai/v1", Some("azure")),
        ("eu", "https://europe-west1-aiplatform.googleapis.com/v1beta1/projects/p", Some("google-vertex")),
        ("google-vertex-anthropic", "https://aiplatform.googleapis.com/v1", Some("google-vertex-anthropic")),
        ("openai", "http://127.0.0.1:8000/v1", None),
        ("openai", "http://localhost:8000/v1", None),
        ("groq", "https://proxy.example/openai/v1", None),
        ("groq", "https://api.groq.com.example/openai/v1", None),
        ("groq", "https://api.groq.com@proxy.example/v1", None),
        ("groq", "https://proxy.example/https://api.groq.com", None),
        ("az", "https://.openai.azure.com/openai/v1", None),
        ("databricks", "https://my.host/ai-gateway/mlflow/v1", None),
        ("groq", "api.groq.com", None),
        ("groq", "", None),
    ] {
        assert_eq!(provider_of(compatible, name, url), expected, "{name} at {url}");
    }
    assert_eq!(provider_of(Api::OpenAi, "mine", ""), Some("openai"));
}

#[test]
fn a_provider_tells_where_it_answers_and_which_variables_hold_its_key() {
    let keys = |name: &str| -> Vec<&str> { provider(name).expect("is there").key_variables().collect() };
    assert_eq!(keys("openai"), ["OPENAI_API_KEY"]);
    assert_eq!(keys("google"), ["GOOGLE_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY"]);
    assert_eq!(keys("azure"), ["AZURE_API_KEY"]);
    assert_eq!(keys("huggingface"), ["HF_TOKEN"]);
    assert_eq!(keys("amazon-bedrock"), [""; 0]);
    assert_eq!(provider("groq").and_then(|it| it.base_url), Some("https://api.groq.com/openai/v1"));
    assert_eq!(provider("azure").and_then(|it| it.base_url), None);
    assert_eq!(provider("nobody"), None);
    assert_eq!(providers().count(), body(PROVIDERS_TEXT).lines().count());
    for it in providers() {
        assert!(models_of(it.name).next().is_some(), "{} has no models", it.name);
        // Where the address is the same for everybody, it must lead back to the provider.
        let back = it.base_url.map(|url| provider_of(Api::OpenAiCompatible, it.name, url));
        assert!(back.is_none_or(|back| back == Some(it.name)), "{}: {back:?}", it.name);
    }
}

const PROVIDERS_TEXT: &str = include_str!("../../data/providers.txt");

#[test]
fn a_mistyped_model_is_guessed_but_a_newer_version_is_not() {
    for (provider, wrong, expected) in [
        ("openai", "gpt-4o-mni", Some("gpt-4o-mini")),
        ("openai", "gpt4o-mini", Some("gpt-4o-mini")),
        ("openai", "GPT-4o", Some("gpt-4o")),
        ("groq", "gpt-oss-120b", Some("openai/gpt-oss-120b")),
        ("openai", "openai/gpt-4o", Some("gpt-4o")),
        ("anthropic", "claude-sonet-4-5", Some("claude-sonnet-4-5")),
        ("openai", "gpt-9.9-mini", None),
        ("openai", "something-else-4", None),
        ("openai", "", None),
        ("nobody", "gpt-4o", None),
        ("", "gpt-4o", None),
    ] {
        assert_eq!(near(provider, wrong), expected, "{provider}/{wrong}");
    }
    assert_eq!(near("openai", &"gpt-4o".repeat(50)), None);
}

#[test]
fn a_price_is_read_exactly_or_not_at_all() {
    for (text, expected) in [
        ("3", Some(3_000_000)),
        ("0.15", Some(150_000)),
        ("0.000001", Some(1)),
        ("0", Some(0)),
        ("0.0000001", None),
        ("18446744073709551615", None),
        ("-1", None),
        ("1.", Some(1_000_000)),
        ("", None),
        ("1.-5", None),
    ] {
        assert_eq!(pico_dollars(text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_asked_can_break_it(provider in ".{0,20}", model in ".{0,40}", url in ".{0,40}") {
        prop_assert_eq!(find(&provider, &model), None);
        let _ = near(&provider, &model);
        let _ = near("openrouter", &model);
        let _ = find("openai", &format!("{model}-2025-08-07"));
        let _ = provider_of(Api::OpenAiCompatible, &provider, &url);
        let _ = provider_of(Api::OpenAiCompatible, &provider, &format!("https://{url}"));
    }
}
