//! `usd-per-mtok`: dollars per million tokens, read from the digits that were written and never through a float.

use switchback_core::money::{PicoPerToken, Price, Rates};

use super::keys::PRICE;
use super::reader::Reader;
use super::tree::{Node, Value};
use crate::codes;
use crate::diagnostic::{Diagnostic, Report};

/// Decimals that a price can have: a trillionth of a dollar per token is a millionth of a dollar per million tokens.
const DECIMALS: usize = 6;

/// Highest price in dollars per million tokens; a thousand times the dearest of any list.
const HIGHEST: u64 = 1_000_000;

/// The price of a route; `None` where none is given, or not all of it can be read.
pub(crate) fn read(route: &Reader<'_>, report: &mut Report<'_>) -> Option<Price> {
    let entry = route.entry("usd-per-mtok")?;
    let place = format!("usd-per-mtok of {}", route.place);
    let reader = Reader::open(&entry.node, &PRICE, place, report)?;
    for (key, what) in [("in", "what do prompt tokens cost?"), ("out", "what do output tokens cost?")] {
        if !reader.has(key) {
            reader.missing(key, what, &format!("{key} = 3.00; what is free costs {key} = 0"), report);
        }
    }
    let n_errors = report.n_errors();
    let [input, cached, cache_write, output] =
        ["in", "cached", "cache-write", "out"].map(|key| dollars(&reader, key, report));
    let rates = Rates { input: input?, cached, cache_write, output: output?, reasoning: None };
    (report.n_errors() == n_errors).then(|| Price::flat(rates))
}

fn dollars(reader: &Reader<'_>, key: &str, report: &mut Report<'_>) -> Option<PicoPerToken> {
    let node = &reader.entry(key)?.node;
    let problem = match written(node, report) {
        None => {
            let meant = match &node.value {
                Value::Text(text) => exact(text.trim().trim_start_matches('$')).ok().map(|_| text.trim()),
                _ => None,
            };
            let meant = meant.map_or("3.00", |it| it.trim_start_matches('$')).to_owned();
            reader.wrong_type(key, node, "dollars as a number", &format!("{key} = {meant}"), report);
            return None;
        }
        Some(digits) => match exact(&digits) {
            Ok(price) => return Some(price),
            Err(problem) => problem,
        },
    };
    report.add(
        Diagnostic::error(codes::OUT_OF_RANGE, &node.span, format!("`{key}` in {} {problem}", reader.place))
            .label("dollars per million tokens")
            .fix(format!("{key} = 3.00")),
    );
    None
}

/// The number as it stands in the file, `_` taken out; `None` where it is none.
fn written(node: &Node, report: &Report<'_>) -> Option<String> {
    match node.value {
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(_) => Some(report.source(&node.span).replace('_', "")),
        Value::Text(_) | Value::Flag(_) | Value::Other(_) | Value::List(_) | Value::Table(_) => None,
    }
}

/// Dollars per million tokens as trillionths of a dollar per token, exactly.
fn exact(digits: &str) -> Result<PicoPerToken, &'static str> {
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return Err("must be a plain decimal number, not below zero");
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > DECIMALS {
        return Err("has more than six decimals, which is finer than money is counted");
    }
    let parts: u64 = format!("{fraction:0<DECIMALS$}").parse().unwrap_or(0);
    let dollars = whole.parse::<u64>().ok().filter(|it| *it <= HIGHEST);
    let dollars = dollars.ok_or("must be at most 1,000,000")?;
    Ok(PicoPerToken(dollars * 1_000_000 + parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_exactly_what_was_written() {
        for (text, pico) in [
            ("3.00", 3_000_000),
            ("0.1", 100_000),
            ("0.000001", 1),
            ("0", 0),
            ("12", 12_000_000),
            ("0.0750000", 75_000),
        ] {
            assert_eq!(exact(text), Ok(PicoPerToken(pico)), "{text}");
        }
    }

    #[test]
    fn a_price_that_cannot_be_kept_exactly_is_refused() {
        for text in ["0.0000001", "1e3", "-1", "inf", "nan", "", ".5", "1000001", "99999999999999999999", "1.2.3"] {
            assert!(exact(text).is_err(), "{text}");
        }
    }
}
