//! The rate-limit headers of Anthropic's shape, and the times of day that they name.
//!
//! These times are the only part of an answer that differs from one day to the next.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;

use crate::limits::Standing;
use crate::playback::Reply;

/// The headers of an account that is nowhere near its limits.
pub(crate) fn with_roomy_limits(reply: Reply) -> Reply {
    let reset = time_in(Duration::from_secs(1));
    reply
        .with("anthropic-ratelimit-requests-limit", 4_000)
        .with("anthropic-ratelimit-requests-remaining", 3_999)
        .with("anthropic-ratelimit-requests-reset", reset.clone())
        .with("anthropic-ratelimit-input-tokens-limit", 2_000_000)
        .with("anthropic-ratelimit-input-tokens-remaining", 1_999_000)
        .with("anthropic-ratelimit-input-tokens-reset", reset.clone())
        .with("anthropic-ratelimit-output-tokens-limit", 400_000)
        .with("anthropic-ratelimit-output-tokens-remaining", 399_000)
        .with("anthropic-ratelimit-output-tokens-reset", reset.clone())
        .with("anthropic-ratelimit-tokens-limit", 2_400_000)
        .with("anthropic-ratelimit-tokens-remaining", 2_398_000)
        .with("anthropic-ratelimit-tokens-reset", reset)
}

/// The headers of a key that has limits: those it has, as they are.
pub(crate) fn with_standing(mut reply: Reply, standing: &Standing) -> Reply {
    let reset = time_in(standing.resets_in);
    if let Some(limit) = standing.limits.requests {
        reply = reply
            .with("anthropic-ratelimit-requests-limit", limit)
            .with("anthropic-ratelimit-requests-remaining", standing.requests_left)
            .with("anthropic-ratelimit-requests-reset", reset.clone());
    }
    if let Some(limit) = standing.limits.tokens {
        reply = reply
            .with("anthropic-ratelimit-tokens-limit", limit)
            .with("anthropic-ratelimit-tokens-remaining", standing.tokens_left)
            .with("anthropic-ratelimit-tokens-reset", reset);
    }
    reply
}

/// The time of day after this wait.
pub(crate) fn time_in(wait: Duration) -> HeaderValue {
    rfc3339(SystemTime::now() + wait)
}

/// A time of day such as `2026-01-02T03:04:05Z`, rounded up to a second, so that nobody comes back too early.
fn rfc3339(time: SystemTime) -> HeaderValue {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs() + u64::from(since.subsec_nanos() > 0);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("1970-01-01T00:00:00Z"))
}

/// Year, month and day of so many days after 1970-01-01. Counts in years that begin in March, so that the leap day is the last.
fn date(days: u64) -> (u64, u64, u64) {
    // Days since 0000-03-01; 400 years are always 146 097 days.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // From March on, five months are always 153 days.
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read_by_everybody_and_never_too_early() {
        for (seconds, nanos, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (951_782_400, 0, "2000-02-29T00:00:00Z"),
            (1_767_323_045, 0, "2026-01-02T03:04:05Z"),
            (1_767_323_044, 1, "2026-01-02T03:04:05Z"),
            (1_709_251_199, 0, "2024-02-29T23:59:59Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::new(seconds, nanos)), text);
        }
    }
}
