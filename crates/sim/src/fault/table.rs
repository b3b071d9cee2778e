//! The table of faults: names, other names, and what each looks like in each shape.
//!
//! Data only; `docs/simulator.md` shows the same rows and is held against them.

use super::{Elsewhere, Fault, FaultRow};

const fn row(
    fault: Fault,
    name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
    anthropic: Elsewhere,
) -> FaultRow {
    FaultRow { fault, name, aliases, about, anthropic }
}

/// The fault looks the same in Anthropic's shape.
const SAME: Elsewhere = Elsewhere::Same;

/// It looks otherwise there.
const fn but(about: &'static str) -> Elsewhere {
    Elsewhere::Otherwise(about)
}

/// It cannot be had there.
const fn never(why: &'static str) -> Elsewhere {
    Elsewhere::Never(why)
}

impl Fault {
    /// Every fault with its name, aliases and meaning; in the order of documentation.
    pub const TABLE: &'static [FaultRow] = &[
        row(Fault::Ok, "ok", &["none"], "no fault; in a sequence, a call that succeeds", SAME),
        row(
            Fault::ServerError,
            "500",
            &["server_error"],
            "status 500 with an error of type server_error",
            but("status 500, api_error"),
        ),
        row(Fault::BadGateway, "502", &[], "status 502 with an HTML page, as a proxy in between sends it", SAME),
        row(Fault::Unavailable, "503", &[], "status 503, code server_is_overloaded", but("status 503, api_error")),
        row(Fault::Overloaded, "529", &["overloaded"], "status 529, error type overloaded_error", SAME),
        row(
            Fault::RateLimited,
            "429",
            &["rate_limited"],
            "status 429 that names no time to come back",
            but("status 429, rate_limit_error that names no time to come back"),
        ),
        row(
            Fault::RateLimitedShort,
            "429-retry-after",
            &[],
            "status 429 with Retry-After: 1",
            but("status 429, rate_limit_error with retry-after: 1"),
        ),
        row(
            Fault::RateLimitedLong,
            "429-retry-after-long",
            &[],
            "status 429 with Retry-After: 120",
            but("status 429, rate_limit_error with retry-after: 120"),
        ),
        row(
            Fault::Quota,
            "quota",
            &["quota_exhausted"],
            "status 429, code insufficient_quota",
            but("status 400, invalid_request_error: the credit balance is too low"),
        ),
        row(
            Fault::Unauthorized,
            "401",
            &["auth"],
            "status 401, code invalid_api_key",
            but("status 401, authentication_error"),
        ),
        row(
            Fault::Forbidden,
            "403",
            &[],
            "status 403, code unsupported_country_region_territory",
            but("status 403, permission_error"),
        ),
        row(
            Fault::NotFound,
            "404",
            &["not_found"],
            "status 404, code model_not_found",
            but("status 404, not_found_error that names the model"),
        ),
        row(
            Fault::BadRequest,
            "400",
            &["invalid_request"],
            "status 400, an invalid request without a special code",
            but("status 400, invalid_request_error"),
        ),
        row(
            Fault::RequestTimeout,
            "408",
            &[],
            "status 408 with an error of type timeout",
            but("status 408, timeout_error"),
        ),
        row(Fault::GatewayTimeout, "504", &[], "status 504 with an HTML page", but("status 504, timeout_error")),
        row(
            Fault::Refused,
            "refused",
            &["down"],
            "switched at run time: nothing listens until the faults change; by model name: the connection is reset",
            SAME,
        ),
        row(
            Fault::Reset,
            "reset",
            &["transport"],
            "the request is read, then the connection is reset without an answer",
            SAME,
        ),
        row(Fault::Hang, "hang", &["timeout"], "the request is read and never answered", SAME),
        row(Fault::HangAfterHeaders, "hang-after-headers", &[], "status 200 and headers, then silence", SAME),
        row(
            Fault::SlowFirstToken,
            "slow-first-token",
            &[],
            "the first token takes 5 s longer, then all is normal",
            SAME,
        ),
        row(Fault::Cut, "cut", &[], "the connection ends in the middle of the body, without its proper end", SAME),
        row(
            Fault::CutClean,
            "cut-clean",
            &[],
            "the answer ends in the middle but the HTTP body ends properly: no finish_reason, no [DONE]",
            but("the answer ends in the middle but the HTTP body ends properly: no message_delta, no message_stop"),
        ),
        row(Fault::Stall, "stall", &[], "some of the answer, then silence for ever on an open connection", SAME),
        row(
            Fault::MalformedChunk,
            "malformed-chunk",
            &[],
            "stream: a line of garbage after the first content; otherwise a body that is not JSON",
            SAME,
        ),
        row(
            Fault::MalformedFirst,
            "malformed-first",
            &[],
            "stream: garbage as the first event; otherwise a body that is not JSON",
            SAME,
        ),
        row(
            Fault::ErrorEvent,
            "error-event",
            &[],
            "status 200 with an error object before any content",
            but(
                "stream: `event: error` with overloaded_error before any content; otherwise status 200 with such an error",
            ),
        ),
        row(
            Fault::ErrorEventLate,
            "error-event-late",
            &[],
            "status 200 with an error object after some content",
            but(
                "stream: `event: error` with overloaded_error after some content; otherwise an answer with an error beside it",
            ),
        ),
        row(
            Fault::NoDone,
            "no-done",
            &[],
            "stream: finish_reason but no [DONE]; otherwise a normal answer",
            but("stream: message_delta with its stop_reason but no message_stop; otherwise a normal answer"),
        ),
        row(Fault::Html, "html", &[], "status 200 with an HTML page", SAME),
        row(
            Fault::BrokenJson,
            "broken-json",
            &["contract"],
            "the content is JSON that does not parse; with tools declared, the arguments of a tool call are",
            but(
                "the content is JSON that does not parse; with tools declared, the pieces of a tool call's input are, or without a stream the input is a text that does not parse",
            ),
        ),
        row(
            Fault::MissingField,
            "missing-field",
            &[],
            "the JSON content lacks the schema's first required property; without a schema it is `{}`",
            SAME,
        ),
        row(Fault::UndeclaredTool, "undeclared-tool", &[], "calls the tool drop_tables, which nobody declared", SAME),
        row(
            Fault::BadArguments,
            "bad-arguments",
            &[],
            "calls a declared tool with arguments of the wrong type; without tools as undeclared-tool",
            SAME,
        ),
        row(
            Fault::Empty,
            "empty",
            &[],
            "content \"\" with finish_reason stop",
            but("no content blocks and stop_reason end_turn"),
        ),
        row(
            Fault::NoChoices,
            "no-choices",
            &[],
            "an otherwise normal answer whose choices are empty",
            never("an answer of this shape is one message and has no choices; `empty` is the one without content"),
        ),
        row(
            Fault::Truncated,
            "truncated",
            &[],
            "finish_reason length in the middle of the text, JSON or arguments",
            but(
                "stop_reason max_tokens in the middle of the text or JSON; of a tool call's input only half comes, and without a stream nothing",
            ),
        ),
        row(
            Fault::Context,
            "context",
            &["context_window"],
            "status 400, code context_length_exceeded",
            but("status 400, invalid_request_error: prompt is too long"),
        ),
        row(
            Fault::Refusal,
            "refusal",
            &[],
            "the message carries a refusal instead of content",
            but("no content and stop_reason refusal"),
        ),
        row(
            Fault::Policy,
            "policy",
            &["policy_blocked"],
            "status 400, code content_policy_violation",
            but("status 400, invalid_request_error: blocked by the content filtering policy"),
        ),
        row(
            Fault::Filtered,
            "filtered",
            &[],
            "part of the text, then finish_reason content_filter",
            but("part of the text, then stop_reason refusal with a category of policy"),
        ),
        row(
            Fault::Unsupported,
            "unsupported",
            &["capability"],
            "status 400, code unsupported_parameter, temperature",
            but("status 400, invalid_request_error: temperature is not permitted"),
        ),
        row(Fault::WrongModel, "wrong-model", &[], "a normal answer that names another model", SAME),
        row(Fault::Drip, "drip", &[], "one token every 2 s", SAME),
        row(
            Fault::PingsOnly,
            "pings-only",
            &[],
            "stream: a comment every 2 s and never an event; otherwise a blank line every 2 s and never a body",
            but("stream: message_start, then a ping every 2 s; otherwise a blank line every 2 s and never a body"),
        ),
        row(
            Fault::PromptCut,
            "prompt-cut",
            &[],
            "a normal answer whose usage counts a tenth of the prompt, as a server whose context is too small and does not say so",
            SAME,
        ),
    ];
}
