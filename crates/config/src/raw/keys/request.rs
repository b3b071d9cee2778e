//! Keys of what is asked for: tasks, their defaults, and rungs.

use super::{Key, KeyFamily, key};

/// Keys of a task whose feature is not built yet.
const LATER: &[&str] = &[
    "spend",
    "max-output",
    "job",
    "input",
    "guard",
    "tools",
    "when-degraded",
    "reviews",
    "slo",
    "min-rate",
    "latency-target",
];

/// Keys that a task and `[defaults]` share, behind those of a task alone.
macro_rules! task_keys {
    ($($own:expr),*) => {
        &[
            $($own,)*
            key("kind", "name of a kind", "chat",
                "a label: `chat`, `extraction`, `classification`, `rewrite`, `retrieval_answer`, `reasoning`, `code`, `multimodal`, \
                 `tool_execution` (which may have one model rung only)"),
            key("contract", "name", "none", "what every answer must satisfy"),
            key("native", "true, false", "true", "whether the contract's schema goes upstream in the provider's own structured-output form"),
            key("require", "table", "none", "a floor under every call: other deployments are not called. That of `[defaults]` holds too"),
            key("surface", "`interactive`, `background`", "interactive", "surface of requests that name none"),
            key("deadline", "time, 10ms–24h, or a table", "60s",
                "for the whole walk: until the answer is whole, for a live stream until its commit point"),
            key("max-attempts", "1–20", "4", "upstream calls of the whole walk, repairs included"),
            key("retry-wait", "range of times, up to 5m", "200ms..2s",
                "shortest and longest wait before a retry; the upper end is also the longest `Retry-After` that is waited for while a rung is left"),
            key("timeout", "time, 10ms–24h", "30s", "of one attempt, for rungs that name none"),
            key("stream", "`live`, `assured`", "assured where JSON or a tool call is promised, else live", "how streams are judged"),
            key("resume", "`error`", "error", "what happens to a stream that breaks after its commit point"),
            key("stream-deadline", "time, 10ms–24h", "10m", "longest life of a live stream after its commit point"),
            key("refusals", "`stop`", "stop", "a model's refusal ends the walk"),
            key("accept", "list of codes", "none", "warnings about the task that were read and are meant"),
            key("ladder", "list of rungs", "required", "the rungs, top first"),
        ]
    };
}

#[rustfmt::skip]
const OF_DEFAULTS: &[Key] = task_keys!();

#[rustfmt::skip]
const OF_TASK: &[Key] = task_keys!(
    key("about", "text", "none", "one sentence for people"),
    key("names", "list of patterns", "none", "other values of `model` that mean this task; `\"*\"` takes what nothing else does"),
    key("like", "name of a task", "none", "takes every key not given here from that task, except `names` and `about`; one step")
);

pub(crate) const DEFAULTS: KeyFamily = KeyFamily {
    name: "[defaults]",
    keys: OF_DEFAULTS,
    later: LATER,
    hints: &[
        ("about", "`about` is said of one task; it belongs in [task.NAME]"),
        ("names", "`names` are of one task; they belong in [task.NAME]"),
        ("like", "`like` is said of one task; it belongs in [task.NAME]"),
        ("retries", "`retries` is said of a rung: { try = \"…\", retries = 1 }"),
        ("idle", "`idle` is said of a rung: { try = \"…\", idle = \"20s\" }"),
    ],
};

pub(crate) const TASK: KeyFamily = KeyFamily {
    name: "[task.NAME]",
    keys: OF_TASK,
    later: LATER,
    hints: &[
        ("rungs", "the rungs are the list `ladder`"),
        ("retries", "`retries` is said of a rung: { try = \"…\", retries = 1 }"),
        ("idle", "`idle` is said of a rung: { try = \"…\", idle = \"20s\" }"),
        ("repair", "it is said of a contract: [contract.NAME] repair = { tries = 1 }"),
        ("region", "it is part of require = { region = [\"…\"] }"),
        ("tags", "they are part of require = { tags = [\"…\"] }"),
    ],
};

pub(crate) const DEADLINE: KeyFamily = KeyFamily {
    name: "a deadline",
    #[rustfmt::skip]
    keys: &[
        key("interactive", "time, 10ms–24h", "60s", "where a person waits"),
        key("background", "time, 10ms–24h", "60s", "where a job waits"),
    ],
    later: &[],
    hints: &[],
};

pub(crate) const REQUIRE: KeyFamily = KeyFamily {
    name: "require",
    #[rustfmt::skip]
    keys: &[
        key("region", "list of regions", "any", "the call is in one of these; `eu` is met by `eu` and `eu-*`, and by no unknown region"),
        key("tags", "list of tags", "none", "the call carries each of these"),
    ],
    later: &[],
    hints: &[("regions", "it is called `region`"), ("tag", "it is called `tags`")],
};

pub(crate) const TRY: KeyFamily = KeyFamily {
    name: "a try rung",
    #[rustfmt::skip]
    keys: &[
        key("try", "route, or `provider/model`", "required",
            "what is called; `provider/*` calls the model that the star in the task's `names` matched"),
        key("as", "`equivalent`, `stronger`, `faster`, `cheaper`, `narrower`", "the first is the primary, others are `equivalent`",
            "what the caller gets compared with the primary: `cheaper` and `narrower` answers are marked as degraded, `stronger` is \
             preferred after a broken contract"),
        key("retries", "0–5", "1", "retries on this rung, all classes together"),
        key("timeout", "time, 10ms–24h", "the task's", "of one attempt: until the answer is whole, or a live stream has committed"),
        key("first-token", "time, 10ms–24h", "as `timeout`", "longest time to the first content of a stream"),
        key("idle", "time, 10ms–24h", "20s", "longest silence between content of a stream; pings do not count"),
        key("with", "table", "none", "members of the request that are set on this rung: their wire names with dashes, any value"),
        key("instruction", "text", "none", "one more system message on this rung"),
        key("when", "list of classes and families", "technical, output, capability, business",
            "the rung runs only if one of them was met; not asked while nothing has failed"),
        key("segments", "list of names", "all", "whom it is for; a request without a segment skips it"),
        key("surfaces", "list of `interactive`, `background`", "both", "which requests it is for"),
    ],
    later: &["hedge", "contract", "confirm", "max-output", "trim", "note"],
    hints: &[
        ("deadline", "the deadline is the task's; a rung has `timeout`"),
        ("model", "the model is part of the call: try = \"provider/model\""),
        ("segment", "a list: segments = [\"…\"]"),
        ("surface", "a list: surfaces = [\"interactive\"]"),
        ("temperature", "it is set by with = { temperature = 0.2 }"),
        ("reasoning-effort", "it is set by with = { reasoning-effort = \"low\" }"),
    ],
};

pub(crate) const ANSWER: KeyFamily = KeyFamily {
    name: "an answer rung",
    #[rustfmt::skip]
    keys: &[
        key("answer", "text", "required", "a ready answer; the outcome is `degraded`"),
        key("when", "list of classes and families", "technical, output, capability, business", "as of a try rung"),
        key("segments", "list of names", "all", "whom it is for"),
        key("surfaces", "list of `interactive`, `background`", "both", "which requests it is for"),
    ],
    later: &["note"],
    hints: &[],
};

pub(crate) const FAIL: KeyFamily = KeyFamily {
    name: "a fail rung",
    #[rustfmt::skip]
    keys: &[
        key("fail", "text", "required", "ends the walk with a clear error"),
        key("segments", "list of names", "all", "whom it is for"),
        key("surfaces", "list of `interactive`, `background`", "both", "which requests it is for"),
    ],
    later: &[],
    hints: &[("when", "`fail` takes every class; it ends the walk")],
};
