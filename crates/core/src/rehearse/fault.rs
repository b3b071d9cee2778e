//! The one vocabulary of faults for everything that asks "what if": the config's `[[test]]` and `plan --if`.
//!
//! A failure class, `down`, `disabled`, or a named fault of the simulator. The table says how a call ends that meets it;
//! a test drives the real gateway against the simulator and holds every row that both know to be the same. The engine
//! does not know the simulator, so the names stand here once more. Nothing here reads a clock.

use std::time::Duration;

use crate::failure::{Detail, Failure, FailureClass};

/// How a call ends that meets a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// With a sound answer, this much later than usual.
    Answer {
        /// How much later.
        late: Duration,
    },
    /// Never by itself: the attempt's own clock ends it, as `timeout`.
    Silence,
    /// As this failure.
    Failure(Trouble),
    /// There is no call: an operator disabled what would be called.
    Disabled,
}

/// What is known of a failure; the parts of [`Failure`] that the walk asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// The class.
    pub class: FailureClass,
    /// What exactly.
    pub detail: Option<Detail>,
    /// The provider's code.
    pub code: Option<&'static str>,
    /// The wait that the provider asks for.
    pub retry_after: Option<Duration>,
    /// The field that the provider cannot take and that means the same when it is left out.
    pub hint: Option<&'static str>,
    /// Whether the model can be asked to mend its answer.
    pub repairable: bool,
    /// Whether the provider's own words reach the caller.
    pub words_kept: bool,
}

/// One row of [`FAULTS`].
#[derive(Debug, Clone, Copy)]
pub struct FaultRow {
    /// Its name.
    pub name: &'static str,
    /// Other names of it: failure classes that this is an example of, and everyday words.
    pub aliases: &'static [&'static str],
    /// How a call ends that meets it.
    pub effect: Effect,
}

// === impl Trouble ===

impl Trouble {
    const fn of(class: FailureClass) -> Self {
        Self { class, detail: None, code: None, retry_after: None, hint: None, repairable: false, words_kept: false }
    }

    const fn detail(mut self, detail: Detail) -> Self {
        self.detail = Some(detail);
        self
    }

    const fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    const fn after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(Duration::from_secs(seconds));
        self
    }

    const fn repairable(mut self) -> Self {
        self.repairable = true;
        self
    }

    const fn in_its_words(mut self) -> Self {
        self.words_kept = true;
        self
    }

    /// The same as a walk is told it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let mut failure = Failure::new(self.class);
        failure.detail = self.detail;
        failure.code = self.code.map(Into::into);
        failure.retry_after = self.retry_after;
        failure.hint = self.hint;
        failure.repairable = self.repairable;
        failure.words_kept = self.words_kept;
        failure
    }
}

// === impl FaultRow ===

impl FaultRow {
    /// The fault of this name; `_` and `-` are the same.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static FaultRow> {
        let same = |it: &str| it.len() == name.len() && it.bytes().zip(name.bytes()).all(|(a, b)| plain(a) == plain(b));
        FAULTS.iter().find(|row| same(row.name) || row.aliases.iter().any(|it| same(it)))
    }

    /// Every name and other name.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        FAULTS.iter().flat_map(|row| std::iter::once(row.name).chain(row.aliases.iter().copied()))
    }
}

const fn plain(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte }
}

const fn fails(name: &'static str, aliases: &'static [&'static str], trouble: Trouble) -> FaultRow {
    FaultRow { name, aliases, effect: Effect::Failure(trouble) }
}

const fn answers(name: &'static str, aliases: &'static [&'static str], late_ms: u64) -> FaultRow {
    FaultRow { name, aliases, effect: Effect::Answer { late: Duration::from_millis(late_ms) } }
}

const fn silent(name: &'static str, aliases: &'static [&'static str]) -> FaultRow {
    FaultRow { name, aliases, effect: Effect::Silence }
}

use Detail as D;
use FailureClass as C;

/// Every fault. Classes that no provider's answer shows (`budget`, `deadline`, `cancelled`) are none: they are decided by
/// the engine or the caller.
#[rustfmt::skip]
pub const FAULTS: &[FaultRow] = &[
    answers("ok", &["none"], 0),
    fails("500", &["server_error"], Trouble::of(C::ServerError)),
    fails("502", &[], Trouble::of(C::ServerError)),
    fails("503", &[], Trouble::of(C::Overloaded).code("server_is_overloaded")),
    fails("529", &["overloaded"], Trouble::of(C::Overloaded)),
    fails("429", &["rate_limited"], Trouble::of(C::RateLimited).code("rate_limit_exceeded")),
    fails("429-retry-after", &[], Trouble::of(C::RateLimited).code("rate_limit_exceeded").after(1)),
    fails("429-retry-after-long", &[], Trouble::of(C::RateLimited).code("rate_limit_exceeded").after(120)),
    fails("quota", &["quota_exhausted"], Trouble::of(C::QuotaExhausted).code("insufficient_quota")),
    fails("401", &["auth"], Trouble::of(C::Auth).code("invalid_api_key")),
    fails("403", &[], Trouble::of(C::Auth).code("unsupported_country_region_territory")),
    fails("404", &["not_found"], Trouble::of(C::NotFound).code("model_not_found")),
    fails("400", &["invalid_request"], Trouble::of(C::InvalidRequest)),
    silent("408", &[]),
    silent("504", &[]),
    fails("refused", &["down"], Trouble::of(C::Transport).detail(D::Connect)),
    fails("reset", &["transport"], Trouble::of(C::Transport).detail(D::Reset)),
    silent("hang", &["timeout"]),
    silent("hang-after-headers", &[]),
    answers("slow-first-token", &[], 5_000),
    fails("cut", &[], Trouble::of(C::Transport).detail(D::Unfinished)),
    fails("cut-clean", &[], Trouble::of(C::Contract).detail(D::Malformed)),
    silent("stall", &[]),
    fails("malformed-chunk", &[], Trouble::of(C::Contract).detail(D::Malformed)),
    fails("malformed-first", &[], Trouble::of(C::Contract).detail(D::Malformed)),
    fails("error-event", &[], Trouble::of(C::ServerError)),
    fails("error-event-late", &[], Trouble::of(C::ServerError)),
    answers("no-done", &[], 0),
    fails("html", &[], Trouble::of(C::Contract).detail(D::Malformed)),
    fails("broken-json", &["contract"], Trouble::of(C::Contract).detail(D::Json).repairable()),
    fails("missing-field", &[], Trouble::of(C::Contract).detail(D::Schema).repairable()),
    fails("undeclared-tool", &[], Trouble::of(C::Contract).detail(D::ToolCall)),
    fails("bad-arguments", &[], Trouble::of(C::Contract).detail(D::ToolCall)),
    fails("empty", &[], Trouble::of(C::Contract).detail(D::Empty)),
    fails("no-choices", &[], Trouble::of(C::Contract).detail(D::Malformed)),
    fails("truncated", &[], Trouble::of(C::Truncated).detail(D::Json)),
    fails("context", &["context_window"], Trouble::of(C::ContextWindow).code("context_length_exceeded")),
    fails("refusal", &[], Trouble::of(C::Refusal).in_its_words()),
    fails("policy", &["policy_blocked"], Trouble::of(C::PolicyBlocked).detail(D::Input).code("content_policy_violation")),
    fails("filtered", &[], Trouble::of(C::PolicyBlocked).detail(D::Output).in_its_words()),
    fails("unsupported", &["capability"], Trouble::of(C::Capability).code("unsupported_parameter")),
    answers("wrong-model", &[], 0),
    silent("drip", &[]),
    silent("pings-only", &[]),
    answers("prompt-cut", &[], 0),
    fails("low_quality", &[], Trouble::of(C::LowQuality)),
    fails("residency", &[], Trouble::of(C::Residency)),
    FaultRow { name: "disabled", aliases: &[], effect: Effect::Disabled },
];
