//! Keys of what can be called: providers and routes.

use super::{KeyFamily, key};

pub(crate) const PROVIDER: KeyFamily = KeyFamily {
    name: "[provider.NAME]",
    #[rustfmt::skip]
    keys: &[
        key("api", "name of an API", "the provider's name", "the shape that it speaks"),
        key("keys", "list of secrets", "the API's usual variable", "several are pooled: a limited one cools, the others go on"),
        key("base-url", "URL", "the API's own", "what an SDK takes as base URL: http or https, no user, no query"),
        key("region", "text", "none", "region of its calls that name none; shown in headers, used by `require` and by selectors such as `*@eu`"),
        key("tags", "list of tags", "none", "compliance tags of all its calls, asked for by `require`"),
        key("headers", "table of texts", "none", "sent with every call; credentials and headers that the gateway writes are refused"),
        key("connect-timeout", "time, 10ms–60s", "3s", "name, TCP and TLS together"),
        key("tls", "table", "none", "what is trusted beside the built-in certificates"),
        key("relay", "list of path patterns", "none",
            "other endpoints, passed to this provider as they are for keys with `direct`; they begin with `/v1/`, `*` is the only wildcard"),
    ],
    later: &["http2"],
    hints: &[
        ("key", "several may be pooled: keys = [\"env:NAME\"]"),
        ("api-key", "several may be pooled: keys = [\"env:NAME\"]"),
        ("url", "it is called base-url"),
    ],
};

pub(crate) const TLS: KeyFamily = KeyFamily {
    name: "tls of a provider",
    keys: &[key("ca", "path", "none", "a PEM file of further certificate authorities")],
    later: &["cert", "key"],
    hints: &[],
};

pub(crate) const ROUTE: KeyFamily = KeyFamily {
    name: "[route.NAME]",
    #[rustfmt::skip]
    keys: &[
        key("call", "`provider/model`", "one of the two", "the one deployment of the route; split at the first slash"),
        key("calls", "list of 1–64 tables", "one of the two", "several deployments of one model"),
        key("is", "`provider/model`", "the call", "the model's name in the built-in catalogue, where the call does not say it"),
        key("region", "text", "the provider's", "region of its calls that name none"),
        key("tags", "list of tags", "none", "compliance tags of all its calls, beside the provider's"),
        key("context", "tokens, 1–100,000,000", "the catalogue's",
            "prompt and output together; a request that does not fit skips the rung (`context_too_small`). Unknown is eligible"),
        key("max-output", "tokens, 1–100,000,000", "the catalogue's", "most output tokens of one answer"),
        key("can", "list", "the catalogue's",
            "`tools`, `json`, `images`, `audio`, `pdf`, `stream`, `prefill`, `embeddings`, `rerank`, `moderation`, `chat`, `reasoning`; \
             a request that needs what is not listed skips the rung (`no_capability`). Unknown is eligible"),
        key("usd-per-mtok", "table", "the catalogue's", "list price in dollars per million tokens. Unknown is unknown, never free"),
    ],
    later: &["usd-per-search", "safety", "space", "cold-start", "concurrency"],
    hints: &[
        ("model", "provider and model together: call = \"provider/model\""),
        ("provider", "provider and model together: call = \"provider/model\""),
        ("weight", "it is said of one of several `calls`: { call = \"…\", weight = 1 }"),
        ("order", "it is said of one of several `calls`: { call = \"…\", order = 1 }"),
    ],
};

pub(crate) const CALL: KeyFamily = KeyFamily {
    name: "one of calls",
    #[rustfmt::skip]
    keys: &[
        key("call", "`provider/model`", "required", "split at the first slash"),
        key("is", "`provider/model`", "the route's", "the model's name in the built-in catalogue"),
        key("weight", "1–1,000", "1", "share of the calls among those of the same order"),
        key("order", "1–100", "1", "lower ones are used first; a higher one only when none of a lower order can be called"),
        key("region", "text", "the route's", "where it is"),
        key("tags", "list of tags", "none", "compliance tags, beside the route's and the provider's"),
    ],
    later: &[],
    hints: &[
        ("model", "provider and model together: call = \"provider/model\""),
        ("context", "limits are the route's: all its calls are one model"),
        ("can", "capabilities are the route's: all its calls are one model"),
    ],
};

pub(crate) const PRICE: KeyFamily = KeyFamily {
    name: "usd-per-mtok",
    #[rustfmt::skip]
    keys: &[
        key("in", "dollars, up to six decimals", "required", "prompt tokens"),
        key("cached", "dollars", "as `in`", "prompt tokens read from a cache"),
        key("cache-write", "dollars", "as `in`", "prompt tokens written to a cache"),
        key("out", "dollars", "required", "output tokens"),
    ],
    later: &[],
    hints: &[("input", "it is called `in`"), ("output", "it is called `out`")],
};
