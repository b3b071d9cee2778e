//! What a call costs: prices as integers, cost from the tokens that the provider counted.
//!
//! Unknown stays unknown, never zero: without a price, or without both token counts, there is no cost. What is free is
//! known without counts. What was never sent and what a provider answered with an error costs nothing; a call that was
//! cut after it was sent may have been charged, and nobody told us.

use crate::record::Usage;

/// Dollars as billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct NanoDollars(pub u64);

/// Price of one token in trillionths of a dollar: a price in dollars per million tokens times a million, which keeps the
/// digits of every price list exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct PicoPerToken(pub u64);

/// What the tokens of a deployment cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// The prices of short prompts.
    pub base: Rates,
    /// Prices of longer prompts, shortest first: each holds for the whole request once its prompt is longer.
    pub tiers: Vec<Tier>,
}

/// Prices by kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Prompt tokens.
    pub input: PicoPerToken,
    /// Prompt tokens read from a cache; `None`: as `input`.
    pub cached: Option<PicoPerToken>,
    /// Prompt tokens written to a cache; `None`: as `input`.
    pub cache_write: Option<PicoPerToken>,
    /// Output tokens.
    pub output: PicoPerToken,
    /// Output tokens spent on reasoning; `None`: as `output`.
    pub reasoning: Option<PicoPerToken>,
}

/// Prices of prompts above a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Holds for prompts of more than so many tokens.
    pub over_tokens: u64,
    /// The prices.
    pub rates: Rates,
}

// === impl NanoDollars ===

impl NanoDollars {
    /// In dollars, for people and for JSON.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a display value: exact below nine million dollars")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

// === impl Price ===

impl Price {
    /// Prices that hold for prompts of every length.
    #[must_use]
    pub const fn flat(base: Rates) -> Self {
        Self { base, tiers: Vec::new() }
    }

    /// Whether nothing is charged for any token: a server of one's own.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let free = |it: &Rates| {
            let kinds = [Some(it.input), Some(it.output), it.cached, it.cache_write, it.reasoning];
            kinds.into_iter().flatten().all(|it| it.0 == 0)
        };
        free(&self.base) && self.tiers.iter().all(|it| free(&it.rates))
    }

    /// What a call with these token counts costs, rounded to a billionth once; `None` where prompt or output tokens are
    /// not known, unless nothing is charged for any.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<NanoDollars> {
        if self.is_free() {
            return Some(NanoDollars(0));
        }
        let (prompt, completion) = (usage.prompt?, usage.completion?);
        let rates = self.tiers.iter().rev().find(|it| prompt > it.over_tokens).map_or(&self.base, |it| &it.rates);
        let cached = usage.cached.unwrap_or(0).min(prompt);
        let written = usage.cache_write.unwrap_or(0).min(prompt - cached);
        let reasoning = usage.reasoning.unwrap_or(0).min(completion);
        let parts = [
            (prompt - cached - written, rates.input),
            (cached, rates.cached.unwrap_or(rates.input)),
            (written, rates.cache_write.unwrap_or(rates.input)),
            (completion - reasoning, rates.output),
            (reasoning, rates.reasoning.unwrap_or(rates.output)),
        ];
        // Counts are the provider's and prices the operator's: neither may be large enough to panic.
        let mut pico = 500_u128;
        for (tokens, price) in parts {
            pico = pico.checked_add(u128::from(tokens) * u128::from(price.0))?;
        }
        u64::try_from(pico / 1_000).ok().map(NanoDollars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rates(input: u64, output: u64) -> Rates {
        Rates {
            input: PicoPerToken(input),
            cached: None,
            cache_write: None,
            output: PicoPerToken(output),
            reasoning: None,
        }
    }

    fn usage(prompt: u64, completion: u64) -> Usage {
        Usage { prompt: Some(prompt), completion: Some(completion), ..Usage::default() }
    }

    #[test]
    fn a_call_costs_what_the_price_list_says() {
        // 3 and 15 dollars per million tokens.
        let price = Price::flat(rates(3_000_000, 15_000_000));
        assert_eq!(price.cost(&usage(1_000, 200)), Some(NanoDollars(6_000_000)));
        assert!((NanoDollars(6_000_000).dollars() - 0.006).abs() < 1e-12);
    }

    #[test]
    fn cached_written_and_reasoning_tokens_have_their_own_price() {
        let mut all = rates(3_000_000, 15_000_000);
        all.cached = Some(PicoPerToken(300_000));
        all.cache_write = Some(PicoPerToken(3_750_000));
        all.reasoning = Some(PicoPerToken(20_000_000));
        let counted = Usage { cached: Some(600), cache_write: Some(100), reasoning: Some(50), ..usage(1_000, 200) };
        let pico = 300 * 3_000_000 + 600 * 300_000 + 100 * 3_750_000 + 150 * 15_000_000 + 50 * 20_000_000_u64;
        assert_eq!(Price::flat(all).cost(&counted), Some(NanoDollars(pico / 1_000)));
    }

    #[test]
    fn a_long_prompt_pays_the_price_of_its_tier_for_the_whole_request() {
        let tier = Tier { over_tokens: 200_000, rates: rates(6_000_000, 22_500_000) };
        let price = Price { base: rates(3_000_000, 15_000_000), tiers: vec![tier] };
        assert_eq!(price.cost(&usage(200_000, 0)), Some(NanoDollars(600_000_000)));
        assert_eq!(price.cost(&usage(200_001, 0)), Some(NanoDollars(1_200_006_000)));
    }

    #[test]
    fn what_costs_nothing_costs_nothing_also_where_nobody_counted() {
        let free = Price::flat(rates(0, 0));
        assert_eq!(free.cost(&Usage::default()), Some(NanoDollars(0)));
        assert!(free.is_free() && !Price::flat(rates(0, 1)).is_free());
        let tier = Tier { over_tokens: 1, rates: rates(1, 0) };
        assert!(!Price { base: rates(0, 0), tiers: vec![tier] }.is_free());
    }

    #[test]
    fn no_count_and_no_price_is_large_enough_to_panic() {
        let price = Price::flat(rates(u64::MAX, u64::MAX));
        assert_eq!(price.cost(&usage(u64::MAX, u64::MAX)), None);
    }

    #[test]
    fn what_was_not_counted_is_unknown() {
        let price = Price::flat(rates(1, 1));
        assert_eq!(price.cost(&Usage { prompt: Some(5), ..Usage::default() }), None);
        assert_eq!(price.cost(&Usage::default()), None);
    }

    proptest! {
        #[test]
        fn every_token_is_charged_once_whatever_the_provider_counted(
            prompt in 0u64..2_000_000, completion in 0u64..200_000,
            cached: Option<u32>, written: Option<u32>, reasoning: Option<u32>,
            input in 0u64..100_000_000, output in 0u64..100_000_000,
        ) {
            // Where all kinds cost the same, it does not matter how the tokens are told apart.
            let mut all = rates(input, output);
            all.cached = Some(all.input);
            all.reasoning = Some(all.output);
            let told = Usage {
                cached: cached.map(u64::from),
                cache_write: written.map(u64::from),
                reasoning: reasoning.map(u64::from),
                ..usage(prompt, completion)
            };
            let pico = u128::from(prompt) * u128::from(input) + u128::from(completion) * u128::from(output);
            let exact = u64::try_from((pico + 500) / 1_000).unwrap();
            prop_assert_eq!(Price::flat(all).cost(&told), Some(NanoDollars(exact)));
        }

        #[test]
        fn a_cheaper_kind_of_token_never_makes_a_call_dearer(
            prompt in 0u64..2_000_000, cached in 0u64..3_000_000, input in 1u64..100_000_000,
        ) {
            let mut all = rates(input, 1);
            all.cached = Some(PicoPerToken(input / 10));
            let price = Price::flat(all);
            let plain = price.cost(&usage(prompt, 10));
            let told = Usage { cached: Some(cached), ..usage(prompt, 10) };
            prop_assert!(price.cost(&told) <= plain);
        }
    }
}
