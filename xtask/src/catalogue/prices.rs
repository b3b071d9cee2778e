//! Prices: from decimals of the source to decimals of the catalogue, through whole pico-dollars per token.
//!
//! A dollar per million tokens is a million pico-dollars per token, so six decimals are exact. No float is used.

use serde_json::value::RawValue;

use super::source::Cost;

/// The price fields of a model, each with a tab before it: the base, then the tiers from the smallest.
pub(super) fn priced(cost: &Cost<'_>, is_embedding: bool) -> Result<String, String> {
    let mut text = String::from("\t$") + &rates(cost, is_embedding)?;
    let mut tiers: Vec<(u64, &Cost<'_>)> = Vec::new();
    for tier in &cost.tiers {
        tiers.push((tier.over_context_tokens.ok_or("a tier does not say from when it counts")?, tier));
    }
    tiers.sort_by_key(|(over, _)| *over);
    for (over, tier) in tiers {
        text += &format!("\t>{over} {}", rates(tier, is_embedding)?);
    }
    Ok(text)
}

fn rates(cost: &Cost<'_>, is_embedding: bool) -> Result<String, String> {
    let input = decimal(cost.input.ok_or("has a price, but none of input")?)?;
    let output = match cost.output {
        Some(it) => decimal(it)?,
        // An embedding has no output that could cost anything.
        None if is_embedding => "0".to_owned(),
        None => return Err("has a price, but none of output".to_owned()),
    };
    let mut text = format!("{input} {output}");
    let others = [
        ('r', cost.cache_read),
        ('w', cost.cache_write),
        ('t', cost.reasoning),
        ('a', cost.input_audio),
        ('A', cost.output_audio),
    ];
    for (mark, price) in others {
        if let Some(price) = price {
            text += &format!(" {mark}{}", decimal(price)?);
        }
    }
    Ok(text)
}

/// The shortest decimal of a price.
fn decimal(price: &RawValue) -> Result<String, String> {
    let pico = pico_dollars(price.get()).ok_or_else(|| format!("price {price} is no whole pico-dollars per token"))?;
    let text = format!("{}.{:06}", pico / 1_000_000, pico % 1_000_000);
    Ok(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// A JSON number of dollars per million tokens in pico-dollars per token, if it is exactly that.
///
/// A source that was computed in floats writes `0.8999999999999999` for 0.9: what is off by less than a millionth of a
/// pico-dollar is that noise.
pub(super) fn pico_dollars(text: &str) -> Option<u64> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || all.len() > 24 || !all.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let value: u128 = all.parse().ok()?;
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_add(6)?;
    if value == 0 {
        return Some(0);
    }
    let scale = 10_u128.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 {
        return u64::try_from(value.checked_mul(scale)?).ok();
    }
    let nearest = value.checked_add(scale / 2)? / scale;
    let off = value.abs_diff(nearest.checked_mul(scale)?);
    (off.checked_mul(1_000_000)? < scale || off == 0).then(|| u64::try_from(nearest).ok())?
}
