//! Every code of a diagnostic, with its title and the text of `help SBnnn`.
//!
//! The families: SB1xx reading the file, SB2xx ladders that cannot do what they seem to, SB3xx secrets and files,
//! SB4xx the network. A code keeps its meaning for ever; a retired one is not used again.

use crate::diagnostic::Code;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal, $help:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: Code = Code($code);)*

        /// Every code with its title and its long help.
        pub const CODES: &[(&str, &str, &str)] = &[$(($code, $title, $help)),*];
    };
}

codes! {
    SYNTAX = "SB100", "the file is not TOML (or JSON)",
        "The text cannot be read as TOML 1.0, or as JSON when its first character is `{`. Every place that breaks the\n\
         grammar is shown. While there are any, findings that may only follow from a part that could not be read are\n\
         held back: fix the grammar first, then run `switchback check` again.";
    UNKNOWN_KEY = "SB101", "unknown key",
        "A key that nothing reads. Switchback never ignores a key: one that does nothing would be believed. Rename it\n\
         to the key that was meant, or remove it. The known keys of the place are listed in the message.";
    WRONG_TYPE = "SB102", "the value is of another type",
        "The key takes another type of value: text in quotes, a whole number, true or false, a list in brackets, or a\n\
         table in braces. Times, sizes and shares are text, because they carry their unit: \"8s\", \"32MiB\", \"50%\".";
    NOT_YET = "SB103", "not supported yet",
        "The key or value belongs to Switchback's configuration, but this version does not do what it promises. It is\n\
         refused rather than ignored, so that nobody relies on it. Remove it, or run a version that has it.";
    MISSING_KEY = "SB104", "a required key is missing",
        "The table cannot mean anything without this key, and no default would be safe.";
    BAD_UNIT = "SB105", "the unit is missing or unknown",
        "Times, sizes and shares carry their unit in the value: ms, s, m, h, d for times (\"8s\", \"1.5h\"); B, KiB, MiB,\n\
         GiB, TiB for sizes (\"32MiB\"); % for shares (\"50%\"). A bare number could be read two ways, so it is refused.";
    UNKNOWN_VALUE = "SB106", "the value is none of those the key takes",
        "The key takes one of a short list of words; the message lists them.";
    OUT_OF_RANGE = "SB107", "the value is out of range",
        "The number or time is outside what the key can take. The limits stand in the message; they keep one request\n\
         from holding the gateway, and a typing slip of a factor of a thousand from going unseen.";
    BAD_NAME = "SB108", "a name that cannot be used",
        "Names start with a small letter and go on with small letters, digits, `-` and `_`, 48 characters at most. They\n\
         stand in headers, metrics and commands, where other characters would need escapes. A route may not be named\n\
         like a kind of rung, because records name rungs that call no route by their kind.";
    VERSION = "SB109", "the version of the file's format",
        "The first line of the file says which format it is written in: version = 1. It is how a later Switchback can\n\
         tell an old file from a wrong one. This build reads version 1.";
    BAD_VALUE = "SB110", "the value cannot be used",
        "The value has the right type but not the right form: an address, a URL, a header or a path that cannot work.";
    UNKNOWN_ROUTE = "SB112", "there is no such route",
        "A rung names a route that no [route.NAME] declares. To call a model without declaring a route, write the call\n\
         itself: { try = \"provider/model\" }.";
    UNKNOWN_PROVIDER = "SB113", "there is no such provider",
        "A call is `provider/model`, split at the first slash; the provider must be declared as [provider.NAME].";
    UNKNOWN_CONTRACT = "SB114", "there is no such contract",
        "A task names a contract that no [contract.NAME] declares. A contract is declared with its schema:\n\
         [contract.triage] and schema = \"contracts/triage.schema.json\".";
    UNKNOWN_SEGMENT = "SB115", "there is no such segment",
        "A rung or a key names a segment that is not declared. An empty table declares one: [segment.pro]. The order of\n\
         the tables is their order of importance, least critical first.";
    UNKNOWN_CLASS = "SB116", "there is no such failure class",
        "`when` takes failure classes (timeout, rate_limited, contract, …) and families of them (technical, output,\n\
         capability, business, policy). The list is closed.";
    UNKNOWN_TASK = "SB117", "there is no such task",
        "A key is limited to a task that the file does not have, or to a pattern that matches none: with it the key\n\
         could do less than it says. Or a task is `like` one that the file does not have.";
    DUPLICATE = "SB118", "given twice",
        "A key, table or name is given twice. TOML forbids it, and which one would count is a matter of luck.";
    TOML_11 = "SB119", "TOML 1.1 syntax",
        "The file uses syntax of TOML 1.1 (a line break or a last comma in an inline table). Switchback reads it, but\n\
         editors and other tools that know TOML 1.0 call it an error. Keep an inline table on one line, or write it as\n\
         a table of its own: [[task.NAME.ladder]].";
    NAMES_OVERLAP = "SB120", "one name for two tasks",
        "A pattern in a task's `names` also matches a name of another task, another task itself, or a declared route.\n\
         Which of them a request means would depend on the order of the file. Only the pattern \"*\" may overlap with\n\
         others, in one task: it takes what nothing else does.";
    BAD_LIKE = "SB121", "a task that cannot be like another",
        "`like` takes every key that is not given from one other task, in one step: a task that is like another cannot\n\
         be an example itself, so that whoever reads a task finds what it means in at most one other place.";
    RELAY_OVERLAP = "SB122", "one path for two providers",
        "Two providers relay the same path. A request for it could go to either of them, with either one's key.";
    STAR = "SB123", "a star that stands for no model",
        "{ try = \"provider/*\" } calls the model that the star in the task's `names` stood for in the request: with\n\
         names = [\"openai/*\"] a request for openai/gpt-5-mini calls gpt-5-mini. So every one of the task's names needs\n\
         exactly one star, and `try` exactly one, in the model. A [route.NAME] is one model and takes no star.";
    NO_LADDER = "SB201", "a task without a rung",
        "A task needs at least one rung: without one every request would fail at once.";
    NEVER_RUNS = "SB202", "a rung that can never run",
        "A rung above it always ends the walk first: `fail` takes everything, and an `answer` takes every class that\n\
         could lead to this rung. A rung that never runs is a promise that nobody keeps.";
    DEADLINE_SHORT = "SB203", "the deadline is shorter than the ladder can use",
        "On the slowest path every attempt takes its whole timeout. If that is more than the task's deadline, rungs at\n\
         the bottom are cut off or never run exactly when everything above is slow. Counted are, per rung: its timeout,\n\
         and for each retry the longest wait and the timeout again, within max-attempts. Of a timeout that the file does\n\
         not set, retries are not counted; repairs are where the contract's `repair` has a timeout.\n\
         Raise the deadline, shorten timeouts, or accept it: accept = [\"SB203\"] in the task.";
    ONE_OUTAGE = "SB204", "one outage removes every model of a task",
        "All model rungs of the task (for some segment or surface) call one provider. They protect against a failing\n\
         model, not against a failing provider. Add a rung at another provider, or accept it: accept = [\"SB204\"].";
    NOBODY = "SB205", "a rung that is for nobody",
        "The rung's segments, surfaces or classes leave no request that it could run for.";
    SMALLER_CONTEXT = "SB206", "a smaller context window below a larger one",
        "Requests that only the larger window holds skip the smaller rung, and no rung below has room for them: for\n\
         those requests the ladder is shorter than it looks. Add a rung with room, or accept it: accept = [\"SB206\"].";
    POLICY_MODEL = "SB207", "a model rung after a policy block",
        "A policy block is never routed around: no model rung may take `policy_blocked`. Only `answer` and `fail` may\n\
         follow one.";
    RUNG_KIND = "SB208", "a rung that is not exactly one thing",
        "Every rung has exactly one kind: { try = \"…\" }, { answer = \"…\" } or { fail = \"…\" }.";
    FEW_ATTEMPTS = "SB209", "fewer attempts than model rungs",
        "max-attempts counts every upstream call of a walk. With fewer attempts than model rungs the lowest of them\n\
         never run when the ones above fail. Raise max-attempts, or accept it: accept = [\"SB209\"].";
    LIVE_CONTRACT = "SB210", "a live stream under a contract",
        "With stream = \"live\" text leaves before the answer is whole, so a contract could only be found broken when the\n\
         caller has read it. A task with a contract streams \"assured\": judged first, then streamed.";
    BAD_ACCEPT = "SB211", "a warning that cannot be accepted",
        "`accept` lists warnings about this task that were read and are meant. Errors cannot be accepted, and neither\n\
         can warnings that are not about a task.";
    TOOL_LADDER = "SB212", "tool execution on more than one model",
        "A task of kind tool_execution has side effects: a second model could act a second time. Its ladder has one\n\
         model rung, without retries of another model.";
    NOT_LISTED = "SB213", "a model that the catalogue does not have",
        "The built-in catalogue knows the provider and not the model, and the file declares nothing of it: its window\n\
         and its price are unknown. Requests that do not fit are then sent all the same, and cost nothing in records.\n\
         The catalogue is older than the newest models: if the name is right, declare a [route.NAME] with `context`\n\
         and `usd-per-mtok`, or name a model that is the same with `is`; or accept it: accept = [\"SB213\"] in the tasks.";
    DEPRECATED = "SB215", "a model that is being retired",
        "The provider has announced that it retires the model, or has done so. One day it answers 404, and its route is\n\
         switched off. Name its successor, or accept it: accept = [\"SB215\"] in the tasks that use it.";
    REQUIRE_NOBODY = "SB216", "nothing satisfies what is required",
        "`require` of a task and of [defaults] hold together, and no deployment of any rung is in a region and carries\n\
         the tags that they ask for: every request of the task would fail. Also given where a provider's `relay` is\n\
         outside the `require` of [defaults]. Give the deployments `region` and `tags` where they are true.";
    OUTSIDE_REQUIRE = "SB217", "a rung outside of what is required",
        "No deployment of the rung's route satisfies the task's `require`, so the rung never runs: it is skipped as\n\
         `residency`. Give the route `region` and `tags` if they are true, remove the rung, or accept it:\n\
         accept = [\"SB217\"].";
    DIFFERENT_MODELS = "SB218", "a route of several models",
        "The calls of a route are deployments of one model: they are chosen by weight and health, and the caller is not\n\
         told of another model. Make another route of the other model and another rung of it. A deployment whose name\n\
         does not say its model says it with `is`. Or accept it: accept = [\"SB218\"] in the tasks that use the route.";
    NOT_NARROWER = "SB219", "a narrower rung that asks for the same",
        "The rung is `as = \"narrower\"`, calls the route of a rung above it, and changes nothing of the request: the model\n\
         is asked the same again, and its answer is marked as degraded. Give the rung an `instruction` or `with`, or\n\
         another model; or accept it: accept = [\"SB219\"].";
    READY_ANSWER = "SB221", "a ready answer that breaks its task's contract",
        "Callers of a task with a contract parse its answers. A ready answer that does not satisfy the contract would\n\
         crash them during the outage that it is for.";
    MISSING_SECRET = "SB301", "a secret cannot be read",
        "The environment variable is not set, or the file cannot be read, in the environment where this ran. Secrets\n\
         are read once, at start and at reload.";
    BAD_SECRET = "SB302", "a secret that cannot work",
        "The secret is empty, or holds characters that no credential holds (line breaks, control characters).";
    DUPLICATE_KEY = "SB303", "two application keys are the same",
        "Two application keys share a name or a secret. A name is what records and metrics show; a secret must say\n\
         which application it is.";
    BAD_APP_KEYS = "SB304", "application keys that cannot be read",
        "app-keys is a list in one secret: name:secret or name:secret:segment, separated by commas.";
    LITERAL_SECRET = "SB305", "a secret typed into the file",
        "Secrets stand in the file only by reference: env:NAME or file:path. One that was typed here is on disk, in\n\
         version control and in backups: take it out and rotate it.";
    MISSING_FILE = "SB306", "a file cannot be read",
        "The file that the key names cannot be read. Paths are relative to the configuration file.";
    BAD_SCHEMA = "SB307", "a contract's schema cannot be used",
        "The file is not JSON, or not a JSON Schema that can be checked (draft 2020-12 and older ones, without remote\n\
         references).";
    BAD_CERTIFICATE = "SB308", "no certificate in the file",
        "tls.ca names a file of certificates in PEM form: blocks that begin with -----BEGIN CERTIFICATE-----.";
    OPEN_ADMIN = "SB401", "the operator's address is open",
        "The operator's address shows requests and disables routes. On an address that other machines reach it needs\n\
         admin-token; better, keep it on 127.0.0.1 and use an ssh tunnel.";
    OPEN_LISTEN = "SB402", "the application's address is open",
        "Without application keys everybody who reaches the address spends the money behind the providers' keys. Give\n\
         app-keys or [key.NAME] tables, or listen on 127.0.0.1.";
    SAME_ADDRESS = "SB403", "both addresses are the same",
        "listen and admin are two doors with two audiences and need two ports.";
    PLAIN_HTTP = "SB404", "a key sent without TLS",
        "The provider's address is http:// on another machine: its key and all text travel readable.";
}

/// Codes that say that something is not there; silent while part of the file could not be read.
pub(crate) const NEEDS_WHOLE_FILE: &[Code] = &[
    MISSING_KEY,
    VERSION,
    UNKNOWN_ROUTE,
    UNKNOWN_PROVIDER,
    UNKNOWN_CONTRACT,
    UNKNOWN_SEGMENT,
    UNKNOWN_TASK,
    NO_LADDER,
    NEVER_RUNS,
    DEADLINE_SHORT,
    ONE_OUTAGE,
    NOBODY,
    SMALLER_CONTEXT,
    FEW_ATTEMPTS,
    RUNG_KIND,
    STAR,
    REQUIRE_NOBODY,
    OUTSIDE_REQUIRE,
    OPEN_ADMIN,
    OPEN_LISTEN,
    PLAIN_HTTP,
];

/// Warnings about a task, which its `accept` can silence.
pub(crate) const ACCEPTABLE: &[Code] = &[
    DEADLINE_SHORT,
    ONE_OUTAGE,
    SMALLER_CONTEXT,
    FEW_ATTEMPTS,
    NOT_LISTED,
    DEPRECATED,
    OUTSIDE_REQUIRE,
    DIFFERENT_MODELS,
    NOT_NARROWER,
];

/// Warnings of the design that nothing gives yet.
pub(crate) const LATER_WARNINGS: &[&str] = &["SB214"];
