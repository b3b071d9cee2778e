//! The decision in response headers: the same facts as the object, as of the moment the head leaves.

use std::fmt::Write as _;

use http::header::IntoHeaderName;
use http::{HeaderMap, HeaderName, HeaderValue};
use switchback_core::record::Object;

/// Longest header value: proxies in front of us reject heads above 8 KiB.
const LONGEST: usize = 2_048;

/// The name of a request, ours or a provider's.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
// As values the names are parsed once, by the compiler.
static OUTCOME: HeaderName = HeaderName::from_static("x-switchback-outcome");
static TASK: HeaderName = HeaderName::from_static("x-switchback-task");
static SERVED_BY: HeaderName = HeaderName::from_static("x-switchback-served-by");
static PROVIDER: HeaderName = HeaderName::from_static("x-switchback-provider");
static REGION: HeaderName = HeaderName::from_static("x-switchback-region");
static RUNG: HeaderName = HeaderName::from_static("x-switchback-rung");
static ATTEMPTS: HeaderName = HeaderName::from_static("x-switchback-attempts");
static WHY: HeaderName = HeaderName::from_static("x-switchback-why");
static DEGRADED: HeaderName = HeaderName::from_static("x-switchback-degraded");
static TRAIL: HeaderName = HeaderName::from_static("x-switchback-trail");
static NOT_RUN: HeaderName = HeaderName::from_static("x-switchback-not-run");
static COST: HeaderName = HeaderName::from_static("x-switchback-cost-usd");
static ADDED: HeaderName = HeaderName::from_static("x-switchback-added-ms");
static SIMULATED: HeaderName = HeaderName::from_static("x-switchback-simulated");

/// Puts everything that a head tells of a decision. A stream's head does not know the cost yet.
pub(crate) fn tell(headers: &mut HeaderMap, object: &Object, with_cost: bool) {
    put(headers, &OUTCOME, &object.outcome);
    put(headers, &TASK, &object.task);
    put_if(headers, &SERVED_BY, object.served_by.as_deref());
    put_if(headers, &PROVIDER, object.provider.as_deref());
    put_if(headers, &REGION, object.region.as_deref());
    if let Some(rung) = object.rung {
        put(headers, &RUNG, &format!("{rung}/{}", object.rungs));
    }
    headers.insert(&ATTEMPTS, object.attempts.len().into());
    put_if(headers, &WHY, object.why.as_deref());
    put_if(headers, &DEGRADED, object.degraded.as_deref());
    put_if(headers, &TRAIL, trail(object).as_deref());
    put_if(headers, &NOT_RUN, not_run(object).as_deref());
    if with_cost {
        put(headers, &COST, &object.cost_usd.map_or_else(|| "?".to_owned(), |it| it.to_string()));
    }
    if let Some(added) = object.added_ms {
        headers.insert(&ADDED, added.into());
    }
    if object.simulated {
        headers.insert(&SIMULATED, HeaderValue::from_static("true"));
    }
}

/// Puts one header; what cannot stand in a header is shown as `?`, and long values end in `…` as three dots.
pub(crate) fn put<N: IntoHeaderName>(headers: &mut HeaderMap, name: N, value: &str) {
    let shown = if value.len() > LONGEST {
        let cut = value.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST - 3).last().unwrap_or(0);
        HeaderValue::from_str(&format!("{}...", value.get(..cut).unwrap_or_default()))
    } else {
        HeaderValue::from_str(value)
    };
    let value = shown.unwrap_or_else(|_| HeaderValue::from_static("?"));
    headers.insert(name, value);
}

fn put_if(headers: &mut HeaderMap, name: &'static HeaderName, value: Option<&str>) {
    if let Some(value) = value {
        put(headers, name, value);
    }
}

/// `gpt=timeout;3000, claude=served;900`.
fn trail(object: &Object) -> Option<String> {
    let mut text = String::new();
    for it in &object.attempts {
        let separator = if text.is_empty() { "" } else { ", " };
        let class = it.class.as_deref().unwrap_or("?");
        let ms = it.ms.map_or_else(|| "?".to_owned(), |it| it.to_string());
        let _ = write!(text, "{separator}{}={class};{ms}", it.route);
    }
    (!text.is_empty()).then_some(text)
}

/// `gpt=not_reached, mini#4=breaker_open`: a name that stands on several rungs carries its rung.
fn not_run(object: &Object) -> Option<String> {
    let mut text = String::new();
    for it in &object.not_run {
        let separator = if text.is_empty() { "" } else { ", " };
        let again = object.not_run.iter().any(|other| other.name == it.name && other.rung != it.rung)
            || object.attempts.iter().any(|other| other.route == it.name);
        let rung = if again { format!("#{}", it.rung) } else { String::new() };
        let _ = write!(text, "{separator}{}{rung}={}", it.name, it.reason);
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_cannot_stand_in_a_header_is_unknown_and_a_long_one_is_cut() {
        let mut headers = HeaderMap::new();
        put(&mut headers, "x-switchback-task", "line\nbreak");
        assert_eq!(headers["x-switchback-task"], "?");
        put(&mut headers, "x-switchback-task", &"a".repeat(9_000));
        assert_eq!(headers["x-switchback-task"].len(), LONGEST);
    }
}
