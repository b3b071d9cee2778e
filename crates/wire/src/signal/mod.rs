//! From what a provider sent to what went wrong: the one place where wire signals become failure classes.
//!
//! Order: the provider's code, the error's type, words of the message on the statuses of their row, the status alone.
//! Words count only where they are the provider's, never where they occur in the request, and what rests on words is
//! of low confidence. What no row knows is a server error without a class of its own ([`Detail::Unclassified`]), so
//! that somebody sees it and adds a row. This room decides nothing about what happens next.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};
use switchback_core::failure::{Confidence, Detail, Failure, FailureClass};

use crate::reset::{self, Headers};
use crate::words;

mod evidence;
mod quoted;
pub mod table;

use evidence::Evidence;
use quoted::Request;
use table::{CODES, IMPLIED, IN_BAND, LIMIT_TEXTS, NameRow, STATUSES, TEXTS, TextRow, Verdict};

/// What a provider sent that is not an answer: a reply with a bad status, a body or frame with an error in it, or a
/// good status with something that is no answer.
#[derive(Debug, Clone, Copy)]
pub struct Signal<'a> {
    /// The reply's HTTP status.
    pub status: u16,
    /// The reply's headers.
    pub headers: Headers<'a>,
    /// The reply's body, or the data of one stream event. JSON that was cut short says nothing; its status does.
    pub body: &'a [u8],
    /// The body that was sent, to tell the provider's words from the caller's.
    pub request: &'a [u8],
    /// Wall clock in Unix milliseconds, for reset times where the reply carries no `Date`.
    pub now_unix_ms: u64,
}

/// A verdict with how sure it is.
type Found = (Verdict, Confidence);

/// A text row with its pattern compiled.
struct Compiled {
    row: &'static TextRow,
    pattern: Regex,
}

static LIMIT_PATTERNS: LazyLock<Vec<Compiled>> = LazyLock::new(|| compile(LIMIT_TEXTS));
static PATTERNS: LazyLock<Vec<Compiled>> = LazyLock::new(|| compile(TEXTS));

/// Classifies what a provider sent.
///
/// `status` of the failure is the status inside the error where the reply hid it in a 200, else the reply's.
#[must_use]
pub fn classify(signal: &Signal<'_>) -> Failure {
    let evidence = Evidence::read(signal.body);
    let in_band = (200..300).contains(&signal.status);
    if in_band && !evidence.is_error {
        let mut failure = Failure::new(FailureClass::Contract).with_detail(Detail::Malformed);
        failure.status = Some(signal.status);
        return failure.with_message("the provider answered with something that is no completion");
    }
    let request = Request::new(signal.request);
    let status = if in_band { status_inside(&evidence) } else { signal.status };
    let (verdict, confidence) = find(&evidence, status, &request);

    let mut failure = Failure::new(verdict.class);
    failure.detail = verdict.detail;
    failure.confidence = confidence;
    failure.status = Some(if status == IN_BAND { signal.status } else { status });
    failure.code = evidence.code.as_deref().and_then(words::safe);
    failure.param = evidence.param.as_deref().and_then(words::safe);
    failure.message = evidence.message.as_deref().and_then(words::safe);
    if failure.class == FailureClass::Capability {
        failure.hint = hint(&evidence, signal.request);
    }
    failure.retry_after = wait(signal, &evidence, verdict.class, &request);
    failure.forbids_same_route = verdict.forbids_same_route
        || signal.headers.get("x-should-retry").is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
    failure
}

/// The field that the provider cannot take, where the request means the same without it: by its `param`, else by the
/// field at the beginning of its message, which is where Anthropic names it. What the request does not carry cannot be
/// left out of it.
fn hint(evidence: &Evidence<'_>, request: &[u8]) -> Option<&'static str> {
    let message = evidence.message.as_deref().unwrap_or_default().trim_start_matches('`');
    let end = message.find(|character: char| !matches!(character, 'a'..='z' | '0'..='9' | '_' | '.'));
    let (word, rest) = message.split_at(end.unwrap_or_default());
    let names = rest.starts_with([':', '`']) || rest.starts_with(" and ");
    let field = evidence.param.as_deref().or(names.then_some(word));
    let effort = message.contains("the effort parameter").then_some("effort");
    let known = crate::dialect::hints_named(field.or(effort)?);
    known.into_iter().flatten().find(|field| crate::json::member(request, field).is_some())
}

/// The status of an error inside a 200: the one it names, else the one its type stands for.
fn status_inside(evidence: &Evidence<'_>) -> u16 {
    let implied = || {
        let kind = evidence.kind.as_deref()?;
        IMPLIED.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)).map(|(_, status)| *status)
    };
    evidence.status.or_else(implied).unwrap_or(IN_BAND)
}

fn find(evidence: &Evidence<'_>, status: u16, request: &Request<'_>) -> Found {
    let names = evidence.codes.iter().filter_map(|code| find_name(CODES, code, status, evidence)).next();
    let kinds =
        || evidence.kind.iter().chain(&evidence.codes).find_map(|kind| find_name(table::TYPES, kind, status, evidence));
    let named = names.or_else(kinds);
    let by_status = STATUSES.iter().find(|row| (row.from..=row.to).contains(&status)).map(|row| row.verdict);
    // Words that only repeat what something better says are not a guess.
    let words_say = |verdict: Verdict, known: Option<Verdict>| {
        let same = known.is_some_and(|known| known.class == verdict.class);
        (verdict, if same { Confidence::High } else { Confidence::Low })
    };
    // A rate limit may be a daily quota or one request too large: only its words tell.
    let limited = named.is_none_or(|verdict| verdict.class == FailureClass::RateLimited);
    if limited && let Some(refined) = find_text(&LIMIT_PATTERNS, evidence, status, request) {
        return words_say(refined, named.or(by_status));
    }
    if let Some(verdict) = named {
        return (verdict, Confidence::High);
    }
    if let Some(verdict) = find_text(&PATTERNS, evidence, status, request) {
        return words_say(verdict, by_status);
    }
    let unknown =
        Verdict { class: FailureClass::ServerError, detail: Some(Detail::Unclassified), forbids_same_route: false };
    (by_status.unwrap_or(unknown), Confidence::High)
}

fn find_name(rows: &[NameRow], name: &str, status: u16, evidence: &Evidence<'_>) -> Option<Verdict> {
    let param = evidence.param.as_deref().unwrap_or_default();
    let fits = |row: &&NameRow| {
        row.name.eq_ignore_ascii_case(name)
            && (row.on.is_empty() || row.on.contains(&status))
            && (row.params.is_empty() || row.params.contains(&param))
    };
    rows.iter().find(fits).map(|row| row.verdict)
}

fn find_text(rows: &[Compiled], evidence: &Evidence<'_>, status: u16, request: &Request<'_>) -> Option<Verdict> {
    let texts = || evidence.message.iter().chain(&evidence.upstream);
    let rows = rows.iter().filter(|compiled| compiled.row.on.contains(&status));
    let mut hits = rows.filter(|compiled| texts().any(|text| is_providers(&compiled.pattern, text, request)));
    hits.next().map(|compiled| compiled.row.verdict)
}

/// Whether the pattern occurs in words that are not the caller's. Each group of a pattern with a gap must be the
/// provider's too, so that half a signal cannot be borrowed.
fn is_providers(pattern: &Regex, text: &str, request: &Request<'_>) -> bool {
    pattern.captures_iter(text).any(|found| !found.iter().flatten().any(|part| request.holds(part.as_str())))
}

/// The wait that the provider asks for.
fn wait(
    signal: &Signal<'_>,
    evidence: &Evidence<'_>,
    class: FailureClass,
    request: &Request<'_>,
) -> Option<std::time::Duration> {
    let asked = reset::retry_after(signal.headers, signal.now_unix_ms);
    let spoken = || {
        let (words, wait) = reset::spoken_wait(evidence.message.as_deref()?)?;
        (!request.holds(words)).then_some(wait)
    };
    let of_bucket = || {
        let limited = matches!(class, FailureClass::RateLimited | FailureClass::QuotaExhausted);
        limited.then(|| reset::bucket_reset(signal.headers, signal.now_unix_ms)).flatten()
    };
    asked.or_else(spoken).or_else(of_bucket)
}

fn compile(rows: &'static [TextRow]) -> Vec<Compiled> {
    // A row that does not compile is left out; a test holds that every row does.
    let pattern =
        |row: &TextRow| RegexBuilder::new(row.pattern).case_insensitive(true).dot_matches_new_line(true).build();
    rows.iter().filter_map(|row| Some(Compiled { row, pattern: pattern(row).ok()? })).collect()
}

#[cfg(test)]
mod tests;
