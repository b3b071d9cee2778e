//! Keys of what proves a configuration: its tests.

use super::{KeyFamily, key};

pub(crate) const TEST: KeyFamily = KeyFamily {
    name: "[[test]]",
    #[rustfmt::skip]
    keys: &[
        key("name", "text", "required", "what it promises; no two tests share one"),
        key("ask", "name of a task", "required", "the task that is asked for"),
        key("given", "table of selectors and faults", "nothing fails",
            "what calls meet: a fault, `{ fault, after }`, or a list of them, one for each call, the last one for ever after. Of several \
             selectors that match a call the first holds"),
        key("segment", "name", "none", "the caller's segment"),
        key("surface", "`interactive`, `background`", "the task's", "the request's surface"),
        key("tokens", "0–10,000,000", "100", "tokens of the prompt"),
        key("needs", "list of `tools`, `images`, `audio`, `pdf`", "none", "what a route must be able to do"),
        key("expect", "table", "required", "what must come of it"),
    ],
    later: &["stream", "at", "job", "session", "messages"],
    hints: &[("task", "the task is named by `ask`"), ("if", "what calls meet stands in `given`")],
};

pub(crate) const PLAY: KeyFamily = KeyFamily {
    name: "a fault in `given`",
    #[rustfmt::skip]
    keys: &[
        key("fault", "a failure class, `down`, `disabled`, or a fault of the simulator", "required", "what the call meets"),
        key("after", "time, 0s–24h", "100ms; of silence, the attempt's whole time", "when it comes; `{ fault = \"ok\", after = \"9s\" }` is a slow answer"),
    ],
    later: &[],
    hints: &[],
};

pub(crate) const EXPECT: KeyFamily = KeyFamily {
    name: "expect",
    #[rustfmt::skip]
    keys: &[
        key("served-by", "name", "not asked", "the route that answers, or the kind of the rung"),
        key("outcome", "`ok`, `recovered`, `degraded`, `refused`, `failed`", "not asked", "what the caller gets"),
        key("rung", "1–1,000", "not asked", "the rung that answers"),
        key("attempts", "0–20", "not asked", "upstream calls"),
        key("code", "text", "not asked", "the error's code"),
        key("why", "`ladder`, `operator`, `breaker`, `budget`, `deadline`, `capability`, `unclassified`", "not asked", "why the last move was made"),
        key("within", "time, 10ms–24h", "not asked", "the longest time from arrival to the end"),
    ],
    later: &["review", "queue", "cost", "region", "provider"],
    hints: &[("status", "the error's `code` says more"), ("class", "the walk's classes are told when a test fails")],
};
