//! What an error body says, whatever its form.
//!
//! Providers, proxies and load balancers answer with objects, one-element arrays, strings, lists of findings, HTML or
//! nothing. All of it is read into the same few facts; what cannot be read leaves the facts empty and the status
//! decides. Every text is bounded here. Nothing is classified here.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json;
use crate::words;

/// Most bytes of any text that are looked at.
const MAX_TEXT: usize = 4_096;

/// Most findings of a validator's list that are joined.
const MAX_FINDINGS: usize = 8;

/// The facts.
#[derive(Debug, Default)]
pub(super) struct Evidence<'a> {
    /// The body names an error: an `error` member, or a message where an answer should be.
    pub(super) is_error: bool,
    /// Structured codes, the most telling first; numbers are not among them.
    pub(super) codes: Vec<Cow<'a, str>>,
    /// The provider's own `code`, for the caller.
    pub(super) code: Option<Cow<'a, str>>,
    /// The error's type.
    pub(super) kind: Option<Cow<'a, str>>,
    /// The request's member at fault.
    pub(super) param: Option<Cow<'a, str>>,
    /// A status written inside the body.
    pub(super) status: Option<u16>,
    /// The message for people.
    pub(super) message: Option<Cow<'a, str>>,
    /// The error that an aggregator passes on from its own upstream, as text.
    pub(super) upstream: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    choices: Option<&'a RawValue>,
    #[serde(borrow, default)]
    x_groq: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    detail: Option<&'a RawValue>,
    #[serde(borrow, default)]
    msg: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error_type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    param: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status_code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    details: Option<&'a RawValue>,
}

/// Anthropic's facts beside the error.
#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow, default)]
    error_code: Option<&'a RawValue>,
}

/// OpenRouter's facts beside the error.
#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, default)]
    error_type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    provider_code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    limit_source: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasons: Option<&'a RawValue>,
    #[serde(borrow, default)]
    flagged_input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    raw: Option<&'a RawValue>,
}

/// A choice or Groq's corner, of which only the error matters here.
#[derive(Deserialize)]
struct Inner<'a> {
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

// === impl Evidence ===

impl<'a> Evidence<'a> {
    /// Reads a body. With a good status only a body that names an error is evidence.
    pub(super) fn read(body: &'a [u8]) -> Self {
        let body = unwrapped(body);
        let envelope = match json::object_in::<Envelope<'a>>(body) {
            Ok(envelope) if !json::too_deep(body) => envelope,
            _ => return Self::of_text(body),
        };
        let mut evidence = Self::default();
        match envelope.error.filter(|raw| json::truthy(Some(raw))).or_else(|| inner_error(&envelope)) {
            Some(error) => {
                evidence.is_error = true;
                evidence.add(error);
            }
            None => {
                // The flat forms: an error's fields stand where an answer's should.
                if let Ok(flat) = serde_json::from_slice::<&RawValue>(body) {
                    evidence.add(flat);
                }
                evidence.is_error = evidence.message.is_some() && envelope.choices.is_none();
            }
        }
        if let Some(metadata) = envelope.metadata {
            evidence.add_metadata(metadata);
        }
        // Only Anthropic's envelope calls itself an error, and there the type is the code.
        if envelope.kind.and_then(json::text).as_deref() == Some("error") {
            evidence.codes.extend(evidence.kind.clone());
        }
        evidence
    }

    /// Text that is not JSON: a message unless it is a page.
    fn of_text(body: &'a [u8]) -> Self {
        let head = String::from_utf8_lossy(body.get(..body.len().min(MAX_TEXT)).unwrap_or_default());
        let is_words = !head.trim_start().starts_with(['<', '{', '[']) && !head.trim().is_empty();
        Self { message: is_words.then_some(head), ..Self::default() }
    }

    fn add(&mut self, error: &'a RawValue) {
        let Ok(fields) = json::object::<Fields<'a>>(error.get()) else {
            self.message = bounded(Some(error));
            return;
        };
        self.message = bounded(fields.message).or_else(|| findings(fields.detail)).or_else(|| bounded(fields.msg));
        self.kind = bounded(fields.kind);
        self.param = bounded(fields.param);
        self.status = number(fields.status_code).or_else(|| number(fields.code));
        self.code = named(fields.code);
        let details = fields.details.and_then(|raw| json::object::<Details<'a>>(raw.get()).ok());
        self.code = self.code.take().or_else(|| named(details?.error_code));
        self.codes.extend(self.code.clone());
        self.codes.extend(named(fields.error_type));
        if let Some(metadata) = fields.metadata {
            self.add_metadata(metadata);
        }
    }

    fn add_metadata(&mut self, metadata: &'a RawValue) {
        let Ok(metadata) = json::object::<Metadata<'a>>(metadata.get()) else { return };
        let flagged = json::truthy(metadata.reasons) || json::truthy(metadata.flagged_input);
        let more = [metadata.limit_source, metadata.provider_code, metadata.error_type].into_iter().filter_map(named);
        let flag = flagged.then_some(Cow::Borrowed("flagged_input"));
        // What the aggregator adds tells more than its own code: it goes first.
        self.codes = flag.into_iter().chain(more).chain(std::mem::take(&mut self.codes)).collect();
        self.code = self.code.take().or_else(|| named(metadata.error_type));
        self.upstream = self.upstream.take().or_else(|| bounded(metadata.raw));
    }
}

/// The only element of a one-element array, else the body as it is.
fn unwrapped(body: &[u8]) -> &[u8] {
    if json::first_byte(body) != Some(b'[') {
        return body;
    }
    match serde_json::from_slice::<Vec<&RawValue>>(body).as_deref() {
        Ok([only]) => only.get().as_bytes(),
        _ => body,
    }
}

/// An error inside a choice (OpenRouter) or beside the answer (Groq).
fn inner_error<'a>(envelope: &Envelope<'a>) -> Option<&'a RawValue> {
    let choices = envelope.choices.and_then(json::elements).unwrap_or_default();
    let mut inner = choices.into_iter().chain(envelope.x_groq);
    inner.find_map(|raw| json::object::<Inner<'a>>(raw.get()).ok()?.error.filter(|raw| json::truthy(Some(raw))))
}

/// A text, or the JSON of any other value, cut to [`MAX_TEXT`]; nothing for what is empty.
fn bounded(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let raw = raw.filter(|raw| json::truthy(Some(raw)))?;
    Some(match json::text(raw) {
        Some(Cow::Borrowed(text)) => Cow::Borrowed(words::head(text, MAX_TEXT)),
        Some(Cow::Owned(text)) => Cow::Owned(words::head(&text, MAX_TEXT).to_owned()),
        None => Cow::Borrowed(words::head(raw.get(), MAX_TEXT)),
    })
}

/// A code that is a name: numbers are statuses, and a name is short.
fn named(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    bounded(raw).filter(|code| {
        code.len() <= 64 && code.bytes().any(|byte| byte.is_ascii_alphabetic()) && !code.starts_with(['{', '['])
    })
}

/// A failing status written as number or string.
fn number(raw: Option<&RawValue>) -> Option<u16> {
    let text = bounded(raw)?;
    text.trim().parse().ok().filter(|status| (400..600).contains(status))
}

/// `detail`: a text, or a validator's list of findings.
fn findings(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let list = raw.and_then(json::elements);
    let Some(list) = list else { return bounded(raw) };
    let texts = list.into_iter().take(MAX_FINDINGS).filter_map(|finding| {
        let fields = json::object::<Fields<'_>>(finding.get()).ok();
        fields
            .and_then(|fields| bounded(fields.msg).or_else(|| bounded(fields.message)))
            .or_else(|| bounded(Some(finding)))
    });
    let joined = texts.collect::<Vec<_>>().join("; ");
    (!joined.is_empty()).then_some(Cow::Owned(joined))
}
