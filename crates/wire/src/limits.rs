//! What a provider says of its rate limits, in the headers of any reply.
//!
//! Providers name the same limits differently; this is the one table of their names, which waits after a used-up
//! limit are read from too. A header that cannot be read, or says that it does not know (`-1`), says nothing. What is
//! read only ever makes us hold back.

use std::time::Duration;

use switchback_core::limits::{Limits, Window};

use crate::reset::{self, Headers};

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counts {
    /// Calls.
    Requests,
    /// Tokens.
    Tokens,
    /// Output tokens, apart from those of prompts.
    Output,
}

/// The headers of one limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    /// What it counts.
    pub(crate) counts: Counts,
    /// How much a whole window allows.
    limit: &'static str,
    /// How much is left.
    pub(crate) remaining: &'static str,
    /// When it is full again; empty where the provider does not tell.
    pub(crate) reset: &'static str,
}

use Counts as C;

/// Every limit that providers tell of: OpenAI, Azure and Groq; Anthropic, in all and apart; Mistral; Together and
/// OpenRouter.
#[rustfmt::skip]
pub(crate) const BUCKETS: [Bucket; 10] = [
    bucket(C::Requests, "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    bucket(C::Tokens,   "x-ratelimit-limit-tokens",   "x-ratelimit-remaining-tokens",   "x-ratelimit-reset-tokens"),
    bucket(C::Requests, "anthropic-ratelimit-requests-limit",      "anthropic-ratelimit-requests-remaining",      "anthropic-ratelimit-requests-reset"),
    bucket(C::Tokens,   "anthropic-ratelimit-tokens-limit",        "anthropic-ratelimit-tokens-remaining",        "anthropic-ratelimit-tokens-reset"),
    bucket(C::Tokens,   "anthropic-ratelimit-input-tokens-limit",  "anthropic-ratelimit-input-tokens-remaining",  "anthropic-ratelimit-input-tokens-reset"),
    bucket(C::Output,   "anthropic-ratelimit-output-tokens-limit", "anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
    bucket(C::Requests, "x-ratelimit-limit-req-minute",    "x-ratelimit-remaining-req-minute",    ""),
    bucket(C::Tokens,   "x-ratelimit-limit-tokens-minute", "x-ratelimit-remaining-tokens-minute", ""),
    bucket(C::Requests, "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    bucket(C::Tokens,   "x-tokenlimit-limit", "x-tokenlimit-remaining", "x-ratelimit-reset"),
];

const fn bucket(counts: Counts, limit: &'static str, remaining: &'static str, reset: &'static str) -> Bucket {
    Bucket { counts, limit, remaining, reset }
}

/// Anthropic's limit of all tokens: it repeats the tighter of the two that count prompts and answers apart.
const ALL_TOKENS: &str = "anthropic-ratelimit-tokens-remaining";
/// Its limits that count them apart.
const APART: [&str; 2] = ["anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-output-tokens-remaining"];
/// What the names in [`BUCKETS`] begin with.
const BEGINNINGS: [&str; 3] = ["x-ratelimit-", "anthropic-ratelimit-", "x-tokenlimit-"];

/// Whether a header of this lower-case name may tell of a limit. Most replies of local servers have none: asked once of
/// each header that is there, this is far cheaper than looking for every name that could be.
#[must_use]
pub fn may_tell(name: &str) -> bool {
    BEGINNINGS.iter().any(|it| name.starts_with(it))
}

/// Reads the limits of a reply. Where several count the same, the one with the least left is told, and of two with as
/// much left the one that is full again later. Where prompts and answers are counted apart, what repeats the tighter of
/// the two is passed over: it would hold prompts to what is left for answers. Resets are counted from the reply's own
/// `Date`, else from `now_unix_ms`.
#[must_use]
pub fn read(headers: &Headers<'_>, now_unix_ms: u64) -> Limits {
    let apart = APART.iter().all(|name| headers.get(name).is_some());
    let repeats = |bucket: &Bucket| bucket.remaining == ALL_TOKENS;
    let tightest = |counts: Counts| {
        let windows = BUCKETS.iter().filter(|bucket| bucket.counts == counts && !(apart && repeats(bucket)));
        let windows = windows.filter_map(|bucket| window(bucket, headers, now_unix_ms));
        windows.min_by_key(|window| (window.left, Duration::MAX.saturating_sub(window.resets_in.unwrap_or_default())))
    };
    Limits { requests: tightest(C::Requests), tokens: tightest(C::Tokens), output: tightest(C::Output) }
}

fn window(bucket: &Bucket, headers: &Headers<'_>, now_unix_ms: u64) -> Option<Window> {
    let count = |name: &str| headers.get(name).and_then(|value| value.trim().parse::<u64>().ok());
    // First, because without it the other two are not worth looking for.
    let left = count(bucket.remaining)?;
    Some(Window {
        limit: count(bucket.limit),
        left,
        resets_in: headers.get(bucket.reset).and_then(|value| reset::until_reset(value, *headers, now_unix_ms)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-02 03:04:05 UTC.
    const NOW: u64 = 1_767_323_045_000;

    fn limits(headers: &[(&str, &str)]) -> Limits {
        let look_up = |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value);
        read(&Headers::new(&look_up), NOW)
    }

    fn of(limit: u64, left: u64, resets_in: f64) -> Option<Window> {
        Some(Window { limit: Some(limit), left, resets_in: Some(Duration::from_secs_f64(resets_in)) })
    }

    #[test]
    fn openais_limits_reset_after_a_duration() {
        let told = limits(&[
            ("x-ratelimit-limit-requests", "500"),
            ("x-ratelimit-remaining-requests", "499"),
            ("x-ratelimit-reset-requests", "120ms"),
            ("x-ratelimit-limit-tokens", "30000"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "6m0.5s"),
        ]);
        assert_eq!((told.requests, told.tokens), (of(500, 499, 0.12), of(30_000, 0, 360.5)));
    }

    #[test]
    fn anthropics_output_tokens_are_no_limit_of_prompts() {
        let told = limits(&[
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2026-01-02T03:04:06Z"),
            ("anthropic-ratelimit-tokens-limit", "8000"),
            ("anthropic-ratelimit-tokens-remaining", "1000"),
            ("anthropic-ratelimit-tokens-reset", "2026-01-02T03:05:05Z"),
            ("anthropic-ratelimit-input-tokens-limit", "40000"),
            ("anthropic-ratelimit-input-tokens-remaining", "39000"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-01-02T03:04:10Z"),
            ("anthropic-ratelimit-output-tokens-limit", "8000"),
            ("anthropic-ratelimit-output-tokens-remaining", "1000"),
            ("anthropic-ratelimit-output-tokens-reset", "2026-01-02T03:05:05+00:00"),
        ]);
        assert_eq!((told.requests, told.tokens), (of(50, 49, 1.0), of(40_000, 39_000, 5.0)));
        assert_eq!(told.output, of(8_000, 1_000, 60.0));
        let all = limits(&[("anthropic-ratelimit-tokens-remaining", "7")]);
        assert_eq!(all.tokens, Some(Window { limit: None, left: 7, resets_in: None }), "where nothing else is told");
    }

    #[test]
    fn others_tell_with_their_own_names() {
        let together = [
            ("x-ratelimit-limit", "10"),
            ("x-ratelimit-remaining", "3"),
            ("x-ratelimit-reset", "1"),
            ("x-tokenlimit-limit", "2000"),
            ("x-tokenlimit-remaining", "7"),
        ];
        assert_eq!(limits(&together).requests, of(10, 3, 1.0));
        assert_eq!(limits(&together).tokens, of(2_000, 7, 1.0));
        let mistral = limits(&[("x-ratelimit-remaining-tokens-minute", "12")]);
        assert_eq!(mistral.tokens, Some(Window { limit: None, left: 12, resets_in: None }));
    }

    #[test]
    fn no_name_of_a_limit_is_overlooked() {
        for it in BUCKETS {
            assert!(may_tell(it.remaining) && may_tell(it.limit), "{it:?}");
            assert!(it.reset.is_empty() || may_tell(it.reset), "{it:?}");
        }
        assert!(!may_tell("x-request-id") && !may_tell("content-type"));
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        assert_eq!(limits(&[]), Limits::default());
        for left in ["-1", "", "many", "1e99"] {
            assert_eq!(limits(&[("x-ratelimit-remaining-requests", left)]), Limits::default(), "{left}");
        }
        let odd = limits(&[("x-ratelimit-remaining-requests", " 4 "), ("x-ratelimit-reset-requests", "soon")]);
        assert_eq!(odd.requests, Some(Window { limit: None, left: 4, resets_in: None }));
    }
}
