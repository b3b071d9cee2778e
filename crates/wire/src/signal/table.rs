//! The signal table: what providers say when they fail, and which class that is. Data, one row per line.
//!
//! Source of the rows: the providers' documentation and SDKs, collected with their uncertainties in the project's
//! provider notes. The shapes here are OpenAI's and its compatibles' (vLLM, Ollama, Groq, Together, DeepSeek, OpenRouter
//! and others), and Anthropic's. Rows are tried from the top; the first that fits wins. Whoever adds or changes a row
//! raises [`TABLE_VERSION`] and adds a case to the fixtures. No code stands here.

use switchback_core::failure::{Detail, FailureClass};

use Detail as D;
use FailureClass as C;

/// Version of the table, shown on the page that is generated from it.
pub const TABLE_VERSION: u32 = 3;

/// What a row says about a failure.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    /// The class.
    pub class: FailureClass,
    /// What exactly.
    pub detail: Option<Detail>,
    /// Whether the same route must not be tried again.
    pub forbids_same_route: bool,
}

/// A row that a structured code or type selects.
#[derive(Debug, Clone, Copy)]
pub struct NameRow {
    /// The code or type, compared without letter case.
    pub name: &'static str,
    /// Statuses on which the row counts; none is all.
    pub on: &'static [u16],
    /// The request's members that must be at fault; none is any.
    pub params: &'static [&'static str],
    /// The verdict.
    pub verdict: Verdict,
}

/// A row that words of a message select; it counts on its statuses only.
#[derive(Debug, Clone, Copy)]
pub struct TextRow {
    /// Statuses on which the row counts.
    pub on: &'static [u16],
    /// A regular expression, without letter case. What it matches, and each of its groups, must not be the caller's own
    /// words.
    pub pattern: &'static str,
    /// The verdict.
    pub verdict: Verdict,
}

/// The class of a range of statuses about which nothing more is known.
#[derive(Debug, Clone, Copy)]
pub struct StatusRow {
    /// First status.
    pub from: u16,
    /// Last status.
    pub to: u16,
    /// The verdict.
    pub verdict: Verdict,
}

/// Stands for the status of an error inside a 200 that names none.
pub const IN_BAND: u16 = 200;

const ANY: &[u16] = &[];
const BAD_INPUT: &[u16] = &[IN_BAND, 400, 422];
/// Where an overflow of the context window is believed by its words.
const OVERFLOW: &[u16] = &[IN_BAND, 400, 413, 422, 424, 500];
const LIMITED: &[u16] = &[IN_BAND, 413, 429];
const MONEY: &[u16] = &[IN_BAND, 400, 402, 403, 429];
const CAPS: &[&str] = &["max_tokens", "max_completion_tokens"];

const fn verdict(class: C, detail: Option<D>) -> Verdict {
    Verdict { class, detail, forbids_same_route: false }
}

const fn code(name: &'static str, on: &'static [u16], class: C, detail: Option<D>) -> NameRow {
    NameRow { name, on, params: &[], verdict: verdict(class, detail) }
}

const fn code_for(name: &'static str, params: &'static [&'static str], class: C) -> NameRow {
    NameRow { name, on: ANY, params, verdict: verdict(class, None) }
}

const fn text(on: &'static [u16], class: C, detail: Option<D>, pattern: &'static str) -> TextRow {
    TextRow { on, pattern, verdict: verdict(class, detail) }
}

const fn text_forbidding(on: &'static [u16], class: C, detail: D, pattern: &'static str) -> TextRow {
    TextRow { on, pattern, verdict: Verdict { class, detail: Some(detail), forbids_same_route: true } }
}

const fn status(from: u16, to: u16, class: C, detail: Option<D>) -> StatusRow {
    StatusRow { from, to, verdict: verdict(class, detail) }
}

/// By the provider's code, OpenRouter's `metadata.error_type`, `provider_code` and `limit_source`, and Anthropic's
/// `details.error_code` and type.
#[rustfmt::skip]
pub const CODES: &[NameRow] = &[
    // Context window.
    code("context_length_exceeded",               ANY, C::ContextWindow,  None),
    code("model_context_window_exceeded",         ANY, C::ContextWindow,  None),
    code("token_limit_exceeded",                  ANY, C::ContextWindow,  None),
    code("max_tokens_exceeded",                   ANY, C::ContextWindow,  None),
    // Policy: a filter in front of the model.
    code("content_policy_violation",              ANY, C::PolicyBlocked,  Some(D::Input)),
    code("invalid_prompt",                        ANY, C::PolicyBlocked,  Some(D::Input)),
    code("cyber_policy",                          ANY, C::PolicyBlocked,  Some(D::Input)),
    code("bio_policy",                            ANY, C::PolicyBlocked,  Some(D::Input)),
    code("misalignment_policy_violation",         ANY, C::PolicyBlocked,  Some(D::Input)),
    code("image_content_policy_violation",        ANY, C::PolicyBlocked,  Some(D::Input)),
    code("content_filter",                        ANY, C::PolicyBlocked,  Some(D::Input)),
    code("flagged_input",                         ANY, C::PolicyBlocked,  Some(D::Input)),
    code("refusal",                               ANY, C::Refusal,        None),
    // Money and long-period quota.
    code("openrouter_in_flight_budget",           ANY, C::RateLimited,    None),
    code("insufficient_quota",                    ANY, C::QuotaExhausted, None),
    code("credit_balance_exhausted",              ANY, C::QuotaExhausted, None),
    code("organization_spend_limit_exceeded",     ANY, C::QuotaExhausted, None),
    code("project_spend_limit_exceeded",          ANY, C::QuotaExhausted, None),
    code("organization_usage_limit_exceeded",     ANY, C::QuotaExhausted, None),
    code("billing_hard_limit_reached",            ANY, C::QuotaExhausted, None),
    code("billing_not_active",                    ANY, C::QuotaExhausted, None),
    code("payment_required",                      ANY, C::QuotaExhausted, None),
    code("enforced_spend_limit_reached",          ANY, C::QuotaExhausted, None),
    code("contract_spend_limit_reached",          ANY, C::QuotaExhausted, None),
    code("linked_organization_spend_limit_reached", ANY, C::QuotaExhausted, None),
    code("billing_unavailable",                   ANY, C::QuotaExhausted, None),
    // Rates and capacity. `slow_down` means both: the status tells them apart.
    code("slow_down",                         &[503], C::Overloaded,     None),
    code("slow_down",                             ANY, C::RateLimited,    None),
    code("rate_limit_exceeded",                   ANY, C::RateLimited,    None),
    code("ramp_limit_exceeded",                   ANY, C::RateLimited,    None),
    code("dynamic_request_limited",   &[IN_BAND, 429], C::RateLimited,    None),
    code("dynamic_token_limited",     &[IN_BAND, 429], C::RateLimited,    None),
    code("server_is_overloaded",                  ANY, C::Overloaded,     None),
    code("capacity_exceeded",                     ANY, C::Overloaded,     None),
    code("provider_overloaded",                   ANY, C::Overloaded,     None),
    // Credentials.
    code("invalid_api_key",                       ANY, C::Auth,           None),
    code("unsupported_country_region_territory",  ANY, C::Auth,           None),
    code("account_deactivated",                   ANY, C::Auth,           None),
    code("authentication",                        ANY, C::Auth,           None),
    code("permission_denied",                     ANY, C::Auth,           None),
    code("organization_on_hold",                  ANY, C::Auth,           None),
    code("cmek_key_disabled",                     ANY, C::Auth,           None),
    code("cmek_key_network_blocked",              ANY, C::Auth,           None),
    // The model is not there.
    code("model_not_found",                       ANY, C::NotFound,       None),
    code("model_decommissioned",                  ANY, C::NotFound,       None),
    code("not_found",                             ANY, C::NotFound,       None),
    // The route cannot. A cap that is too high for one model may fit the next one.
    code("unsupported_parameter",                 ANY, C::Capability,     None),
    code("unsupported_value",                     ANY, C::Capability,     None),
    code("unknown_parameter",                     ANY, C::Capability,     None),
    code_for("invalid_value",                    CAPS, C::Capability),
    code_for("integer_above_max_value",          CAPS, C::Capability),
    // The model broke its promise and the provider noticed (Groq).
    code("tool_use_failed",                       ANY, C::Contract,       Some(D::ToolCall)),
    code("json_validate_failed",                  ANY, C::Contract,       Some(D::Json)),
    // The caller's mistakes. A string too long is not a context window.
    code("string_above_max_length",               ANY, C::InvalidRequest, None),
    code("string_too_long",                       ANY, C::InvalidRequest, None),
    code("array_above_max_length",                ANY, C::InvalidRequest, None),
    code("decimal_above_max_value",               ANY, C::InvalidRequest, None),
    code("integer_above_max_value",               ANY, C::InvalidRequest, None),
    code("missing_required_parameter",            ANY, C::InvalidRequest, None),
    code("invalid_type",                          ANY, C::InvalidRequest, None),
    code("invalid_value",                         ANY, C::InvalidRequest, None),
    code("invalid_json_schema",                   ANY, C::InvalidRequest, None),
    code("invalid_encrypted_content",             ANY, C::InvalidRequest, None),
    code("invalid_request",                   &[IN_BAND], C::InvalidRequest, None),
    code("invalid_image",                         ANY, C::InvalidRequest, None),
    code("precondition_failed",                   ANY, C::InvalidRequest, None),
    code("payload_too_large",                     ANY, C::InvalidRequest, None),
    code("unprocessable",                         ANY, C::InvalidRequest, None),
    // The provider failed.
    code("timeout",                               ANY, C::Timeout,        Some(D::Total)),
    code("provider_unavailable",      &[IN_BAND, 502], C::ServerError,    None),
    code("server",               &[IN_BAND, 500, 502], C::ServerError,    None),
    code("cmek_context_unavailable",              ANY, C::ServerError,    None),
    code("cmek_key_unreachable",                  ANY, C::ServerError,    None),
    // Anthropic's: its overload has a type of its own.
    code("api_error",                     &[501, 503], C::ServerError,    None),
];

/// By the error's type. General types are not here: the status says more than they do (see [`IMPLIED`]).
#[rustfmt::skip]
pub const TYPES: &[NameRow] = &[
    code("insufficient_quota",                    ANY, C::QuotaExhausted, None),
    code("billing_error",                         ANY, C::QuotaExhausted, None),
    code("rate_limit_error",                      ANY, C::RateLimited,    None),
    code("requests",                          LIMITED, C::RateLimited,    None),
    code("tokens",                            LIMITED, C::RateLimited,    None),
    code("dynamic_request_limited",           LIMITED, C::RateLimited,    None),
    code("dynamic_token_limited",             LIMITED, C::RateLimited,    None),
    code("service_unavailable_error",             ANY, C::Overloaded,     None),
    code("overloaded_error",                      ANY, C::Overloaded,     None),
    code("authentication_error",                  ANY, C::Auth,           None),
    code("timeout_error",                         ANY, C::Timeout,        Some(D::Total)),
    code("not_found_error",                       ANY, C::NotFound,       None),
    code("NotFoundError",                         ANY, C::NotFound,       None),
    code("NotImplementedError",                   ANY, C::Capability,     None),
];

/// The status that a general type stands for, where an error inside a 200 names no status.
#[rustfmt::skip]
pub const IMPLIED: &[(&str, u16)] = &[
    ("invalid_request_error", 400),
    ("BadRequestError",       400),
    ("permission_error",      403),
    ("conflict_error",        409),
    ("request_too_large",     413),
    ("server_error",          500),
    ("api_error",             500),
    ("internal_server_error", 500),
    ("InternalServerError",   500),
];

/// Words that say which limit was hit: they also refine a rate limit that a code or type named.
#[rustfmt::skip]
pub const LIMIT_TEXTS: &[TextRow] = &[
    // One request is larger than the whole budget of a minute: waiting cannot cure it.
    text_forbidding(LIMITED, C::RateLimited, D::TooLargeForLimit, r"(request too large).{0,400}\b(?:tokens|requests) per min|(request too large).{0,400}\b[tr]pm\b"),
    text(MONEY,   C::QuotaExhausted, None, r"exceeded your current quota"),
    text(MONEY,   C::QuotaExhausted, None, r"insufficient (?:account )?(?:balance|quota|credits?|funds)"),
    text(MONEY,   C::QuotaExhausted, None, r"reached your specified (?:\w+ )?api usage limits?"),
    text(MONEY,   C::QuotaExhausted, None, r"credit balance is too low|(?:spend|spending|usage|billing hard) limit (?:has been )?(?:reached|exceeded)"),
    text(LIMITED, C::QuotaExhausted, None, r"\b(?:tokens|requests) per day\b|\((?:tpd|rpd)\)"),
    text(&[429],  C::Overloaded,     None, r"high demand|service tier capacity exceeded|(?:engine|model|server) is (?:currently |temporarily )?overloaded"),
];

/// Words of messages, where neither code nor type said enough.
#[rustfmt::skip]
pub const TEXTS: &[TextRow] = &[
    // Policy first: a decision that stands is never taken for anything else.
    text(&[IN_BAND, 400, 403, 422, 500], C::PolicyBlocked, Some(D::Input), r"content_policy_violation|responsibleaipolicyviolation|rejected as a result of our safety system|content management policy"),
    text(BAD_INPUT, C::PolicyBlocked, Some(D::Input), r"(?:violat\w+|against|by) (?:our |the |openai's )?usage polic(?:y|ies)"),
    text(&[403],    C::PolicyBlocked, Some(D::Input), r"input was flagged|flagged (?:by|for) (?:the )?moderation"),
    // Anthropic's filter tells of an answer that it stopped as if the request were invalid.
    text(&[IN_BAND, 400], C::PolicyBlocked, Some(D::Output), r"output blocked by (?:the |our )?content filter"),
    // Not the window: an output cap above what the model can write.
    text(BAD_INPUT, C::Capability, None, r"max(?:_completion|_new)?_?tokens\b.{0,80}exceeds the model(?:.s)? (?:output )?limit"),
    text(BAD_INPUT, C::Capability, None, r"maximum allowed number of output tokens"),
    text(BAD_INPUT, C::Capability, None, r"supports at most \d[\d,]* completion tokens"),
    // Context window.
    text(OVERFLOW, C::ContextWindow, None, r"maximum context length is \d[\d,]* tokens"),
    text(OVERFLOW, C::ContextWindow, None, r"exceeds the context window"),
    text(OVERFLOW, C::ContextWindow, None, r"prompt is too long"),
    text(OVERFLOW, C::ContextWindow, None, r"input is too long for requested model"),
    text(OVERFLOW, C::ContextWindow, None, r"exceed context limit"),
    text(OVERFLOW, C::ContextWindow, None, r"(input token count).{0,200}(exceeds the maximum)|exceeds the maximum number of tokens allowed"),
    text(OVERFLOW, C::ContextWindow, None, r"too large for model with \d+ maximum context length"),
    text(OVERFLOW, C::ContextWindow, None, r"reduce the length of the messages"),
    text(OVERFLOW, C::ContextWindow, None, r"maximum prompt length is \d+"),
    text(&[400],   C::ContextWindow, None, r"too many tokens:"),
    text(OVERFLOW, C::ContextWindow, None, r"decoder prompt .{0,200}(longer than the maximum model length)"),
    text(OVERFLOW, C::ContextWindow, None, r"max_tokens.{0,120}is too large.{0,200}\bcontext\b"),
    text(OVERFLOW, C::ContextWindow, None, r"exceeds the available context size"),
    text(OVERFLOW, C::ContextWindow, None, r"greater than the context length"),
    text(OVERFLOW, C::ContextWindow, None, r"longer than the context length currently available"),
    text(OVERFLOW, C::ContextWindow, None, r".inputs. tokens \+ .max_new_tokens. must be"),
    text(OVERFLOW, C::ContextWindow, None, r"context window exceeds limit"),
    text(OVERFLOW, C::ContextWindow, None, r"exceeded model token limit"),
    text(OVERFLOW, C::ContextWindow, None, r"(current length is) .{0,80}(while limit is)"),
    text(OVERFLOW, C::ContextWindow, None, r"tokens?\b.{0,60}(exceeds the limit of \d+)"),
    text(OVERFLOW, C::ContextWindow, None, r"context length is only \d+ tokens|input tokens exceed the configured limit"),
    text(OVERFLOW, C::ContextWindow, None, r"input length.{0,200}exceeds.{0,200}context length"),
    // Together documents 403 for it; other 413s about tokens.
    text(&[403],   C::ContextWindow, None, r"context (?:length|window)|tokens \+ .{0,4}max_(?:new_)?tokens|input tokens"),
    text(&[413],   C::ContextWindow, None, r"(?:\S+ ){2}tokens?\b"),
    // Credentials, where the status does not say it.
    text(&[IN_BAND, 400], C::Auth, None, r"(?:incorrect|invalid) api key|api key not valid|api_key_invalid"),
    // The model is not there.
    text(BAD_INPUT, C::NotFound, None, r"is not a valid model id|(?:the )?model\b.{0,120}(?:does not exist|has been decommissioned|not found|is no longer (?:available|supported))"),
    // The route cannot.
    text(&[404],    C::Capability, None, r"no endpoints found that (?:support|can handle)"),
    text(&[IN_BAND, 400, 404, 422, 500], C::Capability, None, r"does not support .{0,60}(?:tools?\b|tool_choice|function|thinking|reasoning|vision|image|audio|file|chat|generate|response.?format|json|stream|parameter|system|developer|prefill|effort|structured)"),
    text(BAD_INPUT, C::Capability, None, r"extra inputs are not permitted|unrecognized request argument|unsupported (?:parameter|value)|is not supported (?:with|by) this model"),
    text(BAD_INPUT, C::Capability, None, r"is deprecated for this model|cannot both be specified|may not be enabled when tool_choice forces"),
    text(BAD_INPUT, C::Capability, None, r"(output_config\.format).{0,200}(invalid schema|not supported)|(stop_sequences).{0,80}(whitespace)"),
    text(BAD_INPUT, C::Capability, None, r"tool choice requires|no tools? (?:are |is )?supported|too many states|grammar is too (?:large|complex)"),
    // Capacity inside another status.
    text(&[IN_BAND, 500, 502], C::Overloaded, None, r"(?:engine|model|server|provider) is (?:currently |temporarily )?(?:overloaded|at capacity)|server busy|maximum pending requests exceeded"),
    text(&[IN_BAND], C::RateLimited, None, r"rate limit (?:reached|exceeded)|too many requests"),
];

/// By status alone.
#[rustfmt::skip]
pub const STATUSES: &[StatusRow] = &[
    status(300, 399, C::Contract,       Some(D::Malformed)),
    status(400, 400, C::InvalidRequest, None),
    status(401, 401, C::Auth,           None),
    status(402, 402, C::QuotaExhausted, None),
    status(403, 403, C::Auth,           None),
    status(404, 404, C::NotFound,       None),
    status(405, 406, C::InvalidRequest, None),
    status(407, 407, C::Auth,           None),
    status(408, 408, C::Timeout,        Some(D::Total)),
    status(409, 409, C::ServerError,    None),
    status(410, 410, C::NotFound,       None),
    status(411, 411, C::InvalidRequest, None),
    status(413, 413, C::InvalidRequest, None),
    status(415, 415, C::InvalidRequest, None),
    status(422, 422, C::InvalidRequest, None),
    status(423, 425, C::ServerError,    None),
    status(429, 429, C::RateLimited,    None),
    status(451, 451, C::PolicyBlocked,  Some(D::Input)),
    status(498, 498, C::Overloaded,     None),
    status(499, 499, C::Transport,      Some(D::Reset)),
    status(500, 500, C::ServerError,    None),
    status(501, 501, C::Capability,     None),
    status(502, 502, C::ServerError,    None),
    status(503, 503, C::Overloaded,     None),
    status(504, 504, C::Timeout,        Some(D::Total)),
    status(505, 505, C::Capability,     None),
    status(520, 523, C::ServerError,    None),
    status(524, 524, C::Timeout,        Some(D::Total)),
    status(525, 527, C::ServerError,    None),
    status(529, 529, C::Overloaded,     None),
    status(530, 530, C::ServerError,    None),
];
