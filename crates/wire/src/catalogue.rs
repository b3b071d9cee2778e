//! The built-in catalogue: limits, capabilities and prices of models, as data that a configuration may override.
//!
//! A text of one line per model is embedded and searched by halving; nothing is read before it is asked for, and no
//! other line is parsed. What a line does not say is unknown: never false, never zero. The text is old by design; a model
//! that is missing here is no mistake of the operator's. It is written by `cargo xtask catalogue`, and the licences of
//! its sources stand beside it. Never asks a provider for anything.

mod near;
mod providers;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::iter::once;

use memchr::{memchr, memmem, memrchr};
use switchback_core::route::{Capabilities, Capability};

pub use near::near;
pub use providers::{Provider, provider, provider_of, providers};

const MODELS: &str = include_str!("../data/catalogue.txt");

/// Providers that call a model of their own by its name and by its name with the day of its release.
const SNAPSHOTS: [&str; 2] = ["anthropic", "openai"];

/// Decimals of a price: a dollar per million tokens is a million pico-dollars per token.
const DECIMALS: usize = 6;

/// What is known of a model at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The model's id in the catalogue; a dated name may have been found under its undated one.
    pub model: &'static str,
    /// Context window in tokens, prompt and output together.
    pub context: Option<u64>,
    /// Largest prompt in tokens, where it is stated apart from the context window.
    pub max_input: Option<u64>,
    /// Largest output in tokens. Never known of an embedding model.
    pub max_output: Option<u64>,
    /// What it is known to do: of tools, json (answers held to a schema), images, audio, pdf, reasoning, chat and
    /// embeddings.
    pub can: Capabilities,
    /// What it is known not to do, of the same, but for pdf and json. Sources list pdf too unevenly for its absence to
    /// say anything; for json see [`schema`](Self::schema).
    pub cannot: Capabilities,
    /// Whether answers can be held to a JSON schema. Where not, `json_object` may still work, so that json is then
    /// neither in [`can`](Self::can) nor in [`cannot`](Self::cannot).
    pub schema: Option<bool>,
    /// List price at this provider, before taxes, discounts and service tiers.
    pub price: Option<Price>,
    /// Whether the provider is known to be about to retire it, or to have done so.
    pub deprecated: bool,
    /// The day of its release, `YYYY-MM-DD`.
    pub released: Option<&'static str>,
}

/// What a model costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Prices of a request that no tier takes.
    pub base: Rates,
    /// Tiers for long prompts, from the smallest.
    pub tiers: Vec<Tier>,
}

/// Prices of a whole request whose prompt is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// A prompt of more tokens than these is in the tier.
    pub over_context_tokens: u64,
    /// The prices there; none is taken over from the base.
    pub rates: Rates,
}

/// Prices in pico-dollars (10⁻¹² USD) per token, which is millionths of a dollar per million tokens: 3 USD per million
/// tokens is 3,000,000. Zero is known to be free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Prompt tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Prompt tokens read from the provider's cache; unknown is billed as input.
    pub cached: Option<u64>,
    /// Prompt tokens written to the provider's cache; unknown is billed as input.
    pub cache_write: Option<u64>,
    /// Reasoning tokens; unknown is billed as output.
    pub reasoning: Option<u64>,
    /// Audio tokens of the prompt; unknown is billed as input.
    pub audio_input: Option<u64>,
    /// Audio tokens of the output; unknown is billed as output.
    pub audio_output: Option<u64>,
}

// === impl Price ===

impl Price {
    /// The prices of a request with a prompt of this many tokens: one tier's for the whole request.
    #[must_use]
    pub fn rates(&self, prompt_tokens: u64) -> &Rates {
        let tier = self.tiers.iter().rev().find(|it| prompt_tokens > it.over_context_tokens);
        tier.map_or(&self.base, |it| &it.rates)
    }
}

// === impl Entry ===

impl Entry {
    /// Reads a line; `None` where a field is none that is known, which the tests exclude for the embedded text.
    fn read(line: &'static str) -> Option<Self> {
        let mut fields = line.split('\t');
        let (_, model) = fields.next()?.split_once('/')?;
        let mut entry = Self {
            model,
            context: None,
            max_input: None,
            max_output: None,
            can: Capabilities::NONE,
            cannot: Capabilities::NONE,
            schema: None,
            price: None,
            deprecated: false,
            released: None,
        };
        for field in fields {
            entry.take(field)?;
        }
        Some(entry)
    }

    fn take(&mut self, field: &'static str) -> Option<()> {
        let (mark, rest) = field.split_at_checked(1)?;
        match mark {
            "c" => self.context = Some(rest.parse().ok()?),
            "i" => self.max_input = Some(rest.parse().ok()?),
            "o" => self.max_output = Some(rest.parse().ok()?),
            "+" | "-" => self.take_abilities(mark == "+", rest)?,
            "$" => self.price = Some(Price { base: Rates::read(rest)?, tiers: Vec::new() }),
            ">" => {
                let (over, rates) = rest.split_once(' ')?;
                let tier = Tier { over_context_tokens: over.parse().ok()?, rates: Rates::read(rates)? };
                self.price.as_mut()?.tiers.push(tier);
            }
            "!" => self.deprecated = true,
            "@" => self.released = Some(rest),
            _ => return None,
        }
        Some(())
    }

    fn take_abilities(&mut self, does: bool, letters: &str) -> Option<()> {
        for letter in letters.chars() {
            let capability = match letter {
                'c' => Capability::Chat,
                'e' => Capability::Embeddings,
                't' => Capability::Tools,
                's' => Capability::Json,
                'i' => Capability::Images,
                'a' => Capability::Audio,
                'p' => Capability::Pdf,
                'r' => Capability::Reasoning,
                _ => return None,
            };
            let is_schema = capability == Capability::Json;
            if is_schema {
                self.schema = Some(does);
            }
            if does {
                self.can = self.can.with(capability);
            } else if !is_schema {
                self.cannot = self.cannot.with(capability);
            }
        }
        Some(())
    }
}

// === impl Rates ===

impl Rates {
    fn read(text: &str) -> Option<Self> {
        let mut prices = text.split(' ');
        let (input, output) = (pico_dollars(prices.next()?)?, pico_dollars(prices.next()?)?);
        let mut rates = Self { input, output, ..Self::default() };
        for price in prices {
            let (mark, decimal) = price.split_at_checked(1)?;
            let place = match mark {
                "r" => &mut rates.cached,
                "w" => &mut rates.cache_write,
                "t" => &mut rates.reasoning,
                "a" => &mut rates.audio_input,
                "A" => &mut rates.audio_output,
                _ => return None,
            };
            *place = Some(pico_dollars(decimal)?);
        }
        Some(rates)
    }
}

/// What the catalogue knows of a model, by a provider's name in the catalogue ([`provider_of`]) and the model's name as it
/// is sent upstream, letter by letter.
///
/// A name that ends in a date, `-2025-08-07` or `-20250807`, and is not listed itself is found under the name without
/// the date where both are surely the same: the provider gives its own models such names, the model was released on
/// that very day, and no dated name of it is listed (else the undated one has moved on, as `gpt-4o` has). Every other
/// dated name may be a snapshot with other limits and another price, and is unknown. So is `-latest` unless it is
/// listed: it means whatever is newest, which the catalogue cannot know.
#[must_use]
pub fn find(provider: &str, model: &str) -> Option<Entry> {
    exact(provider, model).or_else(|| {
        let (undated, date) = SNAPSHOTS.contains(&provider).then(|| dated(model))??;
        let entry = exact(provider, undated)?;
        let is_of_that_day = entry.released.is_some_and(|day| digits(day).eq(digits(date)));
        let has_moved = || models_of(provider).any(|id| dated(id).is_some_and(|(name, _)| name == undated));
        (is_of_that_day && !has_moved()).then_some(entry)
    })
}

fn exact(provider: &str, model: &str) -> Option<Entry> {
    // A slash in the provider's name could reach into a model's name.
    if provider.is_empty() || provider.contains('/') {
        return None;
    }
    let line = from(provider, model).next()?;
    (order(line, provider, model) == Ordering::Equal).then(|| Entry::read(line))?
}

/// A name that ends in a date, without it, and the date.
fn dated(model: &str) -> Option<(&str, &str)> {
    ["-dddd-dd-dd", "-dddddddd"].into_iter().find_map(|shape| {
        let (name, date) = model.split_at_checked(model.len().checked_sub(shape.len())?)?;
        let fits = |(is, wanted): (u8, u8)| if wanted == b'd' { is.is_ascii_digit() } else { is == wanted };
        (!name.is_empty() && date.bytes().zip(shape.bytes()).all(fits)).then_some((name, date))
    })
}

fn digits(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(u8::is_ascii_digit)
}

/// Ids of the models of a provider, in order; none of a provider that is not in the catalogue.
fn models_of(provider: &str) -> impl Iterator<Item = &'static str> {
    from(provider, "").map_while(move |line| key(line).strip_prefix(provider)?.strip_prefix('/'))
}

/// The lines from the first that is not before this model on.
fn from(provider: &str, model: &str) -> impl Iterator<Item = &'static str> + use<> {
    let models = body(MODELS);
    let text = models.as_bytes();
    // Both stand at starts of lines; what is left of `low` is before the model, what is right of `high` is not.
    let (mut low, mut high) = (0, text.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let before = text.get(low..middle).and_then(|it| memrchr(b'\n', it));
        let start = before.map_or(low, |at| low + at + 1);
        let length = text.get(start..high).and_then(|it| memchr(b'\n', it));
        let end = length.map_or(high, |at| start + at + 1);
        match order(models.get(start..end).unwrap_or_default(), provider, model) {
            Ordering::Less => low = end,
            Ordering::Equal | Ordering::Greater => high = start,
        }
    }
    models.get(low..).unwrap_or_default().lines()
}

/// How a line stands to a model.
fn order(line: &str, provider: &str, model: &str) -> Ordering {
    key(line).bytes().cmp(provider.bytes().chain(once(b'/')).chain(model.bytes()))
}

fn key(line: &str) -> &str {
    line.split_once('\t').map_or(line, |(key, _)| key)
}

/// A text of the catalogue without its header, which ends with an empty line.
fn body(text: &'static str) -> &'static str {
    let end = memmem::find(text.as_bytes(), b"\n\n").map_or(0, |at| at + 2);
    text.get(end..).unwrap_or_default()
}

/// A decimal of dollars per million tokens in pico-dollars per token.
fn pico_dollars(decimal: &str) -> Option<u64> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let missing = DECIMALS.checked_sub(fraction.len())?;
    let scale = |digits: usize| 10_u64.checked_pow(u32::try_from(digits).ok()?);
    let parts = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()?.checked_mul(scale(missing)?)? };
    whole.parse::<u64>().ok()?.checked_mul(scale(DECIMALS)?)?.checked_add(parts)
}
