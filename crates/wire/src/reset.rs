//! How long a provider asks us to wait: Retry-After in all its forms, rate-limit resets, and the sentence in a message.
//!
//! Values come in seconds, milliseconds, dates, Go durations and Unix times. What is negative, zero or unreadable is
//! no wait at all; what is longer than [`MAX_WAIT`] is cut to it. Time comes in as an argument.

use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use crate::limits::BUCKETS;

/// Longest wait that is believed. Daily quotas end within it; after it the provider is asked again.
pub const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A view of a reply's headers: from a lower-case name to the first value that is text.
#[derive(Clone, Copy)]
pub struct Headers<'a>(&'a dyn Fn(&str) -> Option<&'a str>);

/// Headers with a wait in milliseconds.
const MILLISECOND_HEADERS: [&str; 3] = ["retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after"];

/// Units of durations in milliseconds, longest name first where one begins another.
#[rustfmt::skip]
const UNITS: [(&str, f64); 20] = [
    ("milliseconds", 1.0), ("millisecond", 1.0), ("minutes", 60e3), ("minute", 60e3), ("seconds", 1e3), ("second", 1e3),
    ("hours", 3.6e6), ("hour", 3.6e6), ("days", 86.4e6), ("day", 86.4e6), ("mins", 60e3), ("min", 60e3), ("secs", 1e3),
    ("sec", 1e3), ("ms", 1.0), ("µs", 1e-3), ("us", 1e-3), ("s", 1e3), ("m", 60e3), ("h", 3.6e6),
];

/// The sentence in which a provider names a wait.
const SENTENCE: &str = concat!(
    r"(?i)\b(?:try again|retry)(?: your request)? (?:in|after):? ",
    r"((?:\d+(?:\.\d+)? ?(?:milliseconds?|ms|minutes?|mins?|seconds?|secs?|hours?|days?|s|m|h|d)(?:,? (?:and )?)?)+)",
);

static SPOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(SENTENCE).ok());

// === impl Headers ===

impl<'a> Headers<'a> {
    /// A view through this look-up, which is called with lower-case names.
    #[must_use]
    pub fn new(look_up: &'a dyn Fn(&str) -> Option<&'a str>) -> Self {
        Self(look_up)
    }

    /// No headers at all.
    #[must_use]
    pub fn none() -> Self {
        Self(&|_| None)
    }

    /// The value of a header, by its lower-case name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        (self.0)(name)
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Headers")
    }
}

/// The wait of `retry-after-ms`, its relatives, or `Retry-After`: seconds (also with a fraction), or a date, which
/// counts from the reply's own `Date` and only without one from our clock (`now_unix_ms`).
#[must_use]
pub fn retry_after(headers: Headers<'_>, now_unix_ms: u64) -> Option<Duration> {
    let in_ms = MILLISECOND_HEADERS.iter().find_map(|name| wait_ms(headers.get(name)?.trim().parse().ok()?));
    in_ms.or_else(|| {
        let value = headers.get("retry-after")?.trim();
        match value.parse::<f64>() {
            Ok(seconds) => wait_ms(seconds * 1e3),
            Err(_) => until(http_date(value)?, now(headers, now_unix_ms)),
        }
    })
}

/// The longest reset among the buckets that are used up: a bucket with something left does not hold us back, and
/// requests reset before tokens do.
#[must_use]
pub fn bucket_reset(headers: Headers<'_>, now_unix_ms: u64) -> Option<Duration> {
    let empty =
        |name: &str| headers.get(name).and_then(|left| left.trim().parse::<f64>().ok()).is_some_and(|left| left <= 0.0);
    let resets = BUCKETS.iter().filter(|bucket| empty(bucket.remaining)).filter_map(|bucket| headers.get(bucket.reset));
    resets.filter_map(|value| until_reset(value, headers, now_unix_ms)).max()
}

/// How long until the time that a reset header tells.
pub(crate) fn until_reset(value: &str, headers: Headers<'_>, now_unix_ms: u64) -> Option<Duration> {
    reset_value(value, now(headers, now_unix_ms))
}

/// The wait that a message speaks of (`Please try again in 7m12s`), with the words that say so.
#[must_use]
pub fn spoken_wait(message: &str) -> Option<(&str, Duration)> {
    let found = SPOKEN.as_ref()?.captures(message)?;
    let wait = wait_ms(duration_ms(found.get(1)?.as_str())?)?;
    Some((found.get(0)?.as_str(), wait))
}

/// The value of a reset header: a Go duration, a date, Unix milliseconds or seconds by their size, or seconds.
fn reset_value(value: &str, now_ms: f64) -> Option<Duration> {
    let value = value.trim();
    match value.parse::<f64>() {
        Ok(at) if at > 1e12 => until(at, now_ms),
        Ok(at) if at > 1e9 => until(at * 1e3, now_ms),
        Ok(seconds) => wait_ms(seconds * 1e3),
        Err(_) => match duration_ms(value) {
            Some(ms) => wait_ms(ms),
            None => until(rfc3339(value).or_else(|| http_date(value))?, now_ms),
        },
    }
}

/// When the reply was made: by its own clock if it says so, so that a wrong clock on either side does no harm.
#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay far below 2^52")]
fn now(headers: Headers<'_>, now_unix_ms: u64) -> f64 {
    headers.get("date").and_then(http_date).unwrap_or(now_unix_ms as f64)
}

fn until(at_ms: f64, now_ms: f64) -> Option<Duration> {
    wait_ms(at_ms - now_ms)
}

/// A wait that makes sense, cut to [`MAX_WAIT`].
fn wait_ms(ms: f64) -> Option<Duration> {
    let wanted = ms.is_finite() && ms > 0.0;
    wanted.then(|| Duration::from_secs_f64((ms / 1e3).min(MAX_WAIT.as_secs_f64())))
}

/// `2m59.56s`, `12ms`, `1 minute 5 seconds`, in milliseconds. A number without a unit is none.
fn duration_ms(text: &str) -> Option<f64> {
    let mut rest = text.trim_matches([' ', ',', '.']);
    let mut total = None;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at(end);
        let after = after.trim_start();
        let lower = after.to_ascii_lowercase();
        let short = [("ns", 1e-6), ("d", 86.4e6)];
        let (unit, ms) = UNITS.into_iter().chain(short).find(|(unit, _)| lower.starts_with(unit))?;
        total = Some(total.unwrap_or(0.0) + number.parse::<f64>().ok()? * ms);
        rest = after.get(unit.len()..)?.trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest);
    }
    total
}

/// The three forms of RFC 9110 §5.6.7, in Unix milliseconds: the month is a name, the time has colons, and of the two
/// numbers the day comes before the year.
fn http_date(text: &str) -> Option<f64> {
    let mut month = None;
    let mut numbers = Vec::with_capacity(2);
    let mut seconds = None;
    for word in text.split([' ', ',', '-']).filter(|word| !word.is_empty()).take(8) {
        if word.contains(':') {
            seconds = clock(word);
        } else if let Ok(number) = word.parse::<i64>() {
            numbers.push(number);
        } else {
            month = month.or_else(|| month_of(word));
        }
    }
    let &[day, year] = numbers.as_slice() else { return None };
    let year = match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        _ => year,
    };
    unix_ms(year, month?, day, seconds?)
}

/// `2026-01-02T03:04:05.25Z`, or with an offset, in Unix milliseconds.
fn rfc3339(text: &str) -> Option<f64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let at = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(at);
    let offset = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0.0,
        ("+", offset) => clock(offset)?,
        ("-", offset) => -clock(offset)?,
        _ => return None,
    };
    unix_ms(year, month, day, clock(time)? - offset)
}

/// `03:04:05.25` or `03:04` in seconds.
fn clock(text: &str) -> Option<f64> {
    let mut parts = text.splitn(3, ':').map(|part| part.parse::<f64>().ok().filter(|part| (0.0..61.0).contains(part)));
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = match parts.next() {
        Some(seconds) => seconds?,
        None => 0.0,
    };
    Some(hours * 3600.0 + minutes * 60.0 + seconds)
}

fn month_of(word: &str) -> Option<i64> {
    const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec";
    let place = MONTHS.split(' ').position(|month| month.eq_ignore_ascii_case(word))?;
    i64::try_from(place + 1).ok()
}

/// Unix milliseconds of a day and its seconds. Days are counted by the civil-calendar rule: years begin in March, so
/// that the leap day is the last of its year, and 400 years have 146,097 days.
#[expect(clippy::cast_precision_loss, reason = "days are far below 2^52")]
fn unix_ms(year: i64, month: i64, day: i64, seconds: f64) -> Option<f64> {
    if !((1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    // Days from March of the year 0 to January of 1970.
    const EPOCH: i64 = 719_468;
    Some(((days - EPOCH) as f64).mul_add(86.4e6, seconds * 1e3))
}

#[cfg(test)]
mod tests;
