//! Keys of the gateway itself: addresses, the store, contracts, segments, applications' keys, the breaker.

use super::{Key, KeyFamily, key};

/// The outermost tables.
pub(crate) const ROOT: KeyFamily = KeyFamily {
    name: "the file",
    #[rustfmt::skip]
    keys: &[
        key("version", "1", "required", "the format of the file; its first line"),
        key("server", "table", "none", "addresses, and what callers get"),
        key("store", "table", "none", "where decision records are kept"),
        key("provider", "tables with names", "none", "who can be called"),
        key("route", "tables with names", "none", "a model, where there is something to say about it"),
        key("contract", "tables with names", "none", "what an answer must satisfy"),
        key("segment", "tables with names", "none", "segments of users, least critical first"),
        key("defaults", "table", "none", "keys of tasks that do not give them"),
        key("task", "tables with names", "none", "what applications ask for, each with its ladder"),
        key("key", "tables with names", "none", "keys of applications"),
        key("breaker", "table", "none", "trip rules in place of the built-in ones"),
        key("test", "list of tables, `[[test]]`", "none", "what `switchback test` proves, offline"),
    ],
    later: &["review", "queue", "budget", "mode", "notify", "never", "always"],
    hints: &[
        ("tasks", "tables are named in the singular: [task.NAME]"),
        ("routes", "tables are named in the singular: [route.NAME]"),
        ("providers", "tables are named in the singular: [provider.NAME]"),
    ],
};

pub(crate) const SERVER: KeyFamily = KeyFamily {
    name: "[server]",
    #[rustfmt::skip]
    keys: &[
        key("listen", "IP:port", "127.0.0.1:4000",
            "the applications' address; other than loopback it needs application keys (SB402)"),
        key("admin", "IP:port", "127.0.0.1:4001", "the operators' address; other than loopback it needs `admin-token` (SB401)"),
        key("app-keys", "secret", "none",
            "`name:secret` or `name:secret:segment`, separated by commas; without this and without `[key.NAME]` everybody on \
             the loopback address is let in, and may call routes by name"),
        key("segment-from", "`header:NAME`", "none",
            "request header that names the segment of keys that have none; unknown values count as none"),
        key("exhausted-status", "424 or 503", "424", "HTTP status of an exhausted ladder and of a passed deadline"),
        key("hold-head", "time, 100ms–5m", "15s", "how long the head of a stream is held for the commit point"),
        key("sticky", "time, 1s–7d, or `off`", "1h", "how long a policy block stands for the same messages of the same key"),
        key("admin-token", "secret", "none", "what operators send as `Authorization: Bearer …`"),
        key("headers", "`all`, `off`", "all", "`off` sends `x-request-id` only; the body's object stays"),
        key("max-body", "size, 1KiB–1GiB", "32MiB", "longest request body"),
        key("drain", "time, 0s–1h", "30s",
            "how long requests in flight may take after the signal to stop; a change needs a restart"),
    ],
    later: &["tls"],
    hints: &[("port", "the port is part of the address: listen = \"127.0.0.1:4000\"")],
};

pub(crate) const STORE: KeyFamily = KeyFamily {
    name: "[store]",
    #[rustfmt::skip]
    keys: &[
        key("records", "`sqlite:PATH`", "sqlite:switchback.db",
            "where decision records, overrides and the audit are kept; `sqlite::memory:` keeps them in memory"),
        key("shared", "`off`", "off", "state across replicas is not built yet"),
        key("keep", "`time, size`", "14d, 50GiB", "older records go, and the oldest when the file is larger"),
        key("bodies", "`off`", "off", "kept bodies are not built yet"),
        key("durability", "`batched`", "batched", "records are written in batches off the request path"),
    ],
    later: &["redact"],
    hints: &[("path", "the file is records = \"sqlite:switchback.db\"")],
};

pub(crate) const CONTRACT: KeyFamily = KeyFamily {
    name: "[contract.NAME]",
    #[rustfmt::skip]
    keys: &[
        key("schema", "path", "required",
            "JSON Schema, draft 2020-12 or older, as Pydantic and Zod export them; no remote reference; compiled once, bounded"),
        key("repair", "table", "{ local = true, tries = 1 }", "how an answer that breaks the contract is mended"),
    ],
    later: &[
        "must",
        "language",
        "citations",
        "min-confidence",
        "min-logprob",
        "min-length",
        "max-length",
        "forbidden",
        "validator",
        "judge",
    ],
    hints: &[],
};

pub(crate) const REPAIR: KeyFamily = KeyFamily {
    name: "repair of a contract",
    #[rustfmt::skip]
    keys: &[
        key("local", "true, false", "true", "mend without a model what can be mended without one"),
        key("tries", "0–3", "1", "how often on a walk the model is shown its answer and what is wrong with it"),
        key("timeout", "time, 10ms–24h", "the rung's", "longest time of one such call"),
    ],
    later: &[],
    hints: &[("retries", "it is called `tries`")],
};

pub(crate) const SEGMENT: KeyFamily = KeyFamily { name: "[segment.NAME]", keys: &[], later: &["require"], hints: &[] };

pub(crate) const KEY: KeyFamily = KeyFamily {
    name: "[key.NAME]",
    #[rustfmt::skip]
    keys: &[
        key("secret", "secret", "one of the two", "what the application sends"),
        key("hash", "`sha256:` and 64 hexadecimal digits", "one of the two", "the same without the secret itself"),
        key("segment", "name", "none", "segment of all its requests"),
        key("tasks", "list of patterns", "all", "tasks that it may ask for; `*` is the only wildcard"),
        key("direct", "true, false", "false", "whether it may ask for a route by its name (one call, no ladder) and use `relay`"),
    ],
    later: &["requests", "tokens", "concurrency", "spend", "require"],
    hints: &[("key", "the key itself is secret = \"env:NAME\"")],
};

pub(crate) const BREAKER: KeyFamily = KeyFamily {
    name: "[breaker]",
    #[rustfmt::skip]
    keys: &[
        key("opens-at", "table", "{ failing = \"50%\", of-at-least = 10, within = \"60s\" }", "which share of failures opens it"),
        key("probe-every", "time, 100ms–60s", "5s", "from opening to the first probe; doubles up to 1m while probes fail"),
        key("closes-after", "1–100", "3", "sound probes that close it"),
    ],
    later: &[],
    hints: &[],
};

pub(crate) const OPENS_AT: KeyFamily = KeyFamily { name: "opens-at", keys: OPENS_AT_KEYS, later: &[], hints: &[] };

#[rustfmt::skip]
const OPENS_AT_KEYS: &[Key] = &[
    key("failing", "share, 1–100%", "50%", "failing calls, hard and soft failures together"),
    key("of-at-least", "1–100,000", "10", "calls that must be in the window"),
    key("within", "time, 1s–1h", "60s", "the window"),
];
