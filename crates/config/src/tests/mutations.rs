//! One mistake in a good file gives one finding: the right code at the right place, with a fix.

use super::*;

/// What is replaced in `good.toml`, by what (`¦` marks where the finding must point), the code, and a part of the fix.
type Row = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const KEYS: &[Row] = &[
    ("retries = 2,", "¦retrys = 2,", "SB101", "rename it to retries"),
    ("hold-head =", "¦hold_head =", "SB101", "rename it to hold-head"),
    ("listen =", "¦lisetn =", "SB101", "rename it to listen"),
    ("[breaker]", "[¦braker]", "SB101", "rename it to breaker"),
    ("region = \"us\"", "¦colour = \"us\"", "SB101", "known keys for [provider.NAME]: api, keys, base-url"),
    ("drain = \"45s\"", "¦deadline = \"45s\"", "SB101", "move it; known keys for [server]"),
    ("as = \"narrower\"", "¦hegde = \"p95\"", "SB101", "rename it to hedge"),
    ("  { try = \"local/meta/llama-4-mini\"", "  { ¦tri = \"local/meta/llama-4-mini\"", "SB101", "rename it to try"),
    ("{ fail = \"Nobody could route this ticket.\" }", "{ fail = \"Nobody.\", ¦when = [\"technical\"] }", "SB101", "known keys for a fail rung: fail, segments, surfaces"),
    ("timeout = \"10s\"", "¦about = \"x\"", "SB101", "remove it"),
    ("[segment.free]", "[segment.free]\n¦weight = 1", "SB101", "[segment.NAME] takes no keys"),
    ("hold-head = \"10s\"", "¦tls = { cert = \"a\", key = \"b\" }", "SB103", "remove it"),
    ("bodies = \"off\"", "bodies = ¦\"always\"", "SB103", "bodies = \"off\""),
    ("shared = \"off\"", "shared = ¦\"redis://cache\"", "SB103", "shared = \"off\""),
    ("durability = \"batched\"", "durability = ¦\"strict\"", "SB103", "durability = \"batched\""),
    ("records = \"sqlite:data/records.db\"", "records = ¦\"env:DATABASE_URL\"", "SB103", "records = \"sqlite:"),
    ("timeout = \"10s\"", "timeout = ¦\"auto\"", "SB103", "timeout = \"30s\""),
    ("timeout = \"8s\"", "timeout = ¦\"p95\"", "SB103", "timeout = \"30s\""),
    ("kind = \"classification\"", "kind = ¦\"embedding\"", "SB103", "kind = \"chat\""),
    ("resume = \"error\"", "resume = ¦\"replay\"", "SB103", "resume = \"error\""),
    ("refusals = \"stop\"", "refusals = ¦\"try-equivalent\"", "SB103", "refusals = \"stop\""),
    ("{ fail = \"Nobody could route this ticket.\" }", "{ ¦queue = \"later\" }", "SB103", "remove it"),
    ("keys = [\"env:OPENAI_API_KEY\"]", "keys = [¦\"ambient\"]", "SB103", "keys = [\"env:NAME\"]"),
    ("[breaker]", "[¦budget.all]\nlimit = \"$4\"\n[breaker]", "SB103", "remove its tables"),
    ("version = 1", "version = ¦2", "SB109", "version = 1"),
    ("version = 1\n", "\n", "SB109", "version = 1"),
    ("exhausted-status = 503", "¦exhausted-status = 503\nexhausted-status = 424", "SB118", "keep one"),
];

#[rustfmt::skip]
const VALUES: &[Row] = &[
    ("retries = 2", "retries = ¦\"two\"", "SB102", "retries = 0"),
    ("retries = 2", "retries = ¦\"2\"", "SB102", "retries = 2"),
    ("closes-after = 2", "closes-after = ¦2.5", "SB102", "closes-after = 1"),
    ("direct = true", "direct = ¦\"true\"", "SB102", "direct = true"),
    ("contract = \"triage\"", "contract = ¦7", "SB102", "contract = \"7\""),
    ("segments = [\"pro\"]", "segments = ¦\"pro\"", "SB102", "segments = [\"pro\"]"),
    ("{ fail = \"Nobody could route this ticket.\" }", "¦\"local/meta/llama-4\"", "SB102", "{ try = \"local/meta/llama-4\" }"),
    ("call = \"openai/gpt-5\"", "call = ¦1979-05-27", "SB102", "call = "),
    ("drain = \"45s\"", "drain = ¦45", "SB105", "drain = \"45s\""),
    ("drain = \"45s\"", "drain = ¦\"45\"", "SB105", "drain = \"45s\""),
    ("drain = \"45s\"", "drain = ¦\"45 seconds\"", "SB105", "drain = \"45s\""),
    ("max-body = \"16MiB\"", "max-body = ¦\"16MB\"", "SB105", "max-body = \"16MiB\""),
    ("failing = \"25%\"", "failing = ¦0.25", "SB105", "failing = \"25%\""),
    ("retry-wait = \"100ms..1s\"", "retry-wait = ¦\"1s..100ms\"", "SB105", "retry-wait = \"100ms..1s\""),
    ("keep = \"7d, 2GiB\"", "keep = ¦\"7d\"", "SB105", "keep = \"7d, 50GiB\""),
    ("surface = \"background\"", "surface = ¦\"backgruond\"", "SB106", "surface = \"background\""),
    ("as = \"cheaper\"", "as = ¦\"cheeper\"", "SB106", "as = \"cheaper\""),
    ("\"images\", ", "¦\"image\", ", "SB106", "write \"images\""),
    ("kind = \"classification\"", "kind = ¦\"clasification\"", "SB106", "kind = \"classification\""),
    ("exhausted-status = 503", "exhausted-status = ¦500", "SB106", "exhausted-status = 424"),
    ("api = \"openai-compatible\"", "api = ¦\"openai_compatible\"", "SB106", "api = \"openai-compatible\""),
    ("headers = \"off\"", "headers = ¦\"some\"", "SB106", "headers = \"all\""),
    ("retries = 2", "retries = ¦9", "SB107", "retries = 5"),
    ("max-attempts = 6", "max-attempts = ¦0", "SB107", "max-attempts = 1"),
    ("idle = \"5s\"", "idle = ¦\"2d\"", "SB107", "idle = \"1d\""),
    ("first-token = \"3s\"", "first-token = ¦\"9s\"", "SB107", "first-token = \"8s\""),
    ("max-body = \"16MiB\"", "max-body = ¦\"2B\"", "SB107", "max-body = \"32MiB\""),
    ("[segment.free]", "[segment.free]\n[segment.¦\"Gold Plus\"]", "SB108", "[segment.gold-plus]"),
    ("[route.gpt]", "[route.¦cache]\ncall = \"openai/x\"\n[route.gpt]", "SB108", "[route.cache-route]"),
    ("listen = \"0.0.0.0:4000\"", "listen = ¦\"localhost:4000\"", "SB110", "listen = \"127.0.0.1:4000\""),
    ("listen = \"0.0.0.0:4000\"", "listen = ¦\":4000\"", "SB110", "listen = \"0.0.0.0:4000\""),
    ("segment-from = \"header:X-Switchback-Segment\"", "segment-from = ¦\"x-segment\"", "SB110", "segment-from = \"header:x-segment\""),
    ("base-url = \"http://127.0.0.1:8000/v1/\"", "base-url = ¦\"127.0.0.1:8000/v1\"", "SB110", "base-url = \"https://127.0.0.1:8000/v1\""),
    ("base-url = \"http://127.0.0.1:8000/v1/\"", "base-url = ¦\"http://h/v1/chat/completions\"", "SB110", "base-url = \"http://h/v1\""),
    ("base-url = \"http://127.0.0.1:8000/v1/\"", "base-url = ¦\"http://h/v1?key=1\"", "SB110", "base-url = \"http://h/v1\""),
    ("\"X-Team\" = \"support\"", "¦\"Host\" = \"a\"", "SB110", "remove it"),
    ("call = \"openai/gpt-5\"", "call = ¦\"openai\"", "SB110", "call = \"openai/MODEL\""),
    ("records = \"sqlite:data/records.db\"", "records = ¦\"data/records.db\"", "SB110", "records = \"sqlite:data/records.db\""),
    ("fail = \"Nobody could route this ticket.\"", "fail = ¦\" \"", "SB110", "write the sentence"),
    ("hash = \"sha256:2cf2", "hash = ¦\"sha256:zzzz", "SB110", "sha256sum"),
];

#[rustfmt::skip]
const REFERENCES: &[Row] = &[
    ("try = \"gpt\"", "try = ¦\"gtp\"", "SB112", "try = \"gpt\""),
    ("try = \"gpt\"", "try = ¦\"opnai/gpt-5\"", "SB113", "try = \"openai/gpt-5\""),
    ("call = \"local/meta/llama-4\"", "call = ¦\"locl/meta/llama-4\"", "SB113", "call = \"local/meta/llama-4\""),
    ("contract = \"triage\"", "contract = ¦\"trige\"", "SB114", "contract = \"triage\""),
    ("segments = [\"pro\"]", "segments = [¦\"por\"]", "SB115", "write \"pro\""),
    ("segment = \"pro\"", "segment = ¦\"gold\"", "SB115", "[segment.gold]"),
    ("\"technical\", \"contract\"", "\"technical\", ¦\"contarct\"", "SB116", "write \"contract\""),
    ("tasks = [\"support-*\"]", "tasks = [¦\"suport-*\"]", "SB117", "tasks = [\"*\"]"),
    ("tasks = [\"support-*\"]", "tasks = [¦\"chatt\"]", "SB117", "tasks = [\"chat\"]"),
    ("schema = \"contracts/triage.schema.json\"", "schema = ¦\"contracts/gone.json\"", "SB306", "correct the path"),
    ("schema = \"contracts/triage.schema.json\"", "schema = ¦\"prompts/category-only.md\"", "SB307", "correct the file"),
    ("connect-timeout = \"2s\"", "tls = { ca = ¦\"prompts/category-only.md\" }", "SB308", "openssl x509"),
    ("fail = \"Nobody could route this ticket.\"", "fail = ¦\"file:gone.txt\"", "SB306", "create the file"),
];

#[rustfmt::skip]
const LADDERS: &[Row] = &[
    ("ladder = [\n", "ladder = [\n  { fail = \"No.\" },\n  ", "SB202", ""),
    ("  { try = \"gpt\", ", "  ¦{ as = \"stronger\" },\n  { try = \"gpt\", ", "SB208", "add try"),
    ("as = \"narrower\" }", "¦answer = \"x\" }", "SB208", "two rungs"),
    ("[\"technical\", \"contract\"]", "[\"technical\", ¦\"policy_blocked\"]", "SB207", "remove it"),
    ("[\"technical\", \"contract\"]", "[¦\"policy\"]", "SB207", "residency"),
    ("[\"technical\", \"contract\"]", "[\"technical\", ¦\"refusal\"]", "SB103", "remove it"),
    ("[\"technical\", \"contract\"]", "[¦\"invalid_request\"]", "SB205", "remove it"),
    ("[\"technical\", \"contract\"]", "¦[]", "SB205", "remove when"),
    ("segments = [\"pro\"]", "segments = ¦[]", "SB205", "remove segments"),
    ("stream = \"assured\"", "stream = ¦\"live\"", "SB210", "stream = \"assured\""),
    ("surface = \"background\"", "accept = [¦\"SB101\"]", "SB211", "SB203, SB204, SB206, SB209"),
    ("surface = \"background\"", "accept = [¦\"SB999\"]", "SB211", "remove it"),
    ("kind = \"classification\"", "kind = \"tool_execution\"", "SB212", "remove the rung"),
    ("'{\"queue\": \"general\"}'", "¦\"We are busy.\"", "SB221", "fail"),
    ("'{\"queue\": \"general\"}'", "¦'{\"queue\": 7}'", "SB221", "fail"),
];

#[rustfmt::skip]
const DOORS: &[Row] = &[
    ("keys = [\"env:OPENAI_API_KEY\"]", "keys = [¦\"env:OPENAI_KEY\"]", "SB301", "export OPENAI_KEY="),
    ("secret = \"env:MOBILE_KEY\"", "secret = ¦\"file:/run/gone\"", "SB301", "mount the secret"),
    ("keys = [\"env:OPENAI_API_KEY\"]", "keys = [¦\"sk-proj-abcdefghijklmnop\"]", "SB305", "keys = [\"env:OPENAI_API_KEY\"], then rotate"),
    ("keys = [\"env:OPENAI_API_KEY\"]", "keys = ¦\"sk-proj-abcdefghijklmnop\"", "SB305", "keys = [\"env:OPENAI_API_KEY\"], then rotate"),
    ("keys = [\"env:OPENAI_API_KEY\"]", "keys = [¦\"OPENAI_API_KEY\"]", "SB305", "keys = [\"env:OPENAI_API_KEY\"]"),
    ("keys = [\"env:OPENAI_API_KEY\"]", "keys = ¦\"env:OPENAI_API_KEY\"", "SB102", "keys = [\"env:OPENAI_API_KEY\"]"),
    ("base-url = \"http://127.0.0.1:8000/v1/\"", "base-url = ¦\"http://me:pass@h/v1\"", "SB305", "base-url = \"http://h/v1\""),
    ("\"X-Team\" = \"support\"", "\"X-Team\" = ¦\"sk-proj-abcdefghijklmnop\"", "SB305", "rotate"),
    ("admin = \"127.0.0.1:4001\"", "admin = ¦\"0.0.0.0:4001\"", "SB401", "ssh tunnel"),
    ("admin = \"127.0.0.1:4001\"", "admin = ¦\"127.0.0.1:4000\"", "SB403", "admin = \"127.0.0.1:4001\""),
];

#[rustfmt::skip]
const UPSTREAMS: &[Row] = &[
    ("call = \"openai/gpt-5\"\n", "call = \"openai/gpt-5\"\n¦calls = []\n", "SB110", "calls = [{ call"),
    ("weight = 3", "weight = ¦0", "SB107", "weight = 1"),
    ("order = 2", "order = ¦101", "SB107", "order = 100"),
    ("region = \"eu-west\"", "region = ¦\"EU West\"", "SB110", "region = \"eu\""),
    ("tags = [\"soc2\"]", "tags = [¦\"SOC 2\"]", "SB110", "gdpr"),
    ("call = \"local/meta/llama-4-b\"", "call = ¦\"local/meta/llama-4-a\"", "SB118", "sum of their weights"),
    ("call = \"local/meta/llama-4-b\"", "call = ¦\"locl/meta/llama-4-b\"", "SB113", "local/meta/llama-4-b"),
    ("order = 2 }", "order = 2, ¦context = 7 }", "SB101", "remove it"),
    ("is = \"groq/llama-3.3-70b-versatile\"", "is = ¦\"llama\"", "SB110", "is = \"llama/MODEL\""),
    ("in = 0.20", "in = ¦0.0000001", "SB107", "in = 3.00"),
    ("in = 0.20", "in = ¦-1", "SB107", "in = 3.00"),
    ("in = 0.20", "in = ¦1e3", "SB107", "in = 3.00"),
    ("in = 0.20", "in = ¦\"$0.20\"", "SB102", "in = 0.20"),
    ("usd-per-mtok = { in = 0.20, ", "usd-per-mtok = ¦{ ", "SB104", "add in = 3.00"),
    ("max-output = 8_192", "max-output = ¦0", "SB107", "max-output = 1"),
    ("max-output = 8_192", "¦safety = \"strict\"", "SB103", "remove it"),
    ("\"/v1/files*\"", "¦\"/v1/*\"", "SB110", "narrower path"),
    ("\"/v1/files*\"", "¦\"/v1/chat/completions\"", "SB110", "remove it"),
    ("\"/v1/files*\"", "¦\"/files\"", "SB110", "write \"/v1/files\""),
    ("\"/v1/files*\"", "¦\"/v1/../admin\"", "SB110", "/v1/files*"),
    ("\"/v1/files*\"", "¦\"/v1/files?x=1\"", "SB110", "/v1/files*"),
    ("api = \"openai-compatible\"", "relay = [¦\"/v1/audio/speech\"]\napi = \"openai-compatible\"", "SB122", "narrower paths"),
];

#[rustfmt::skip]
const REQUESTS: &[Row] = &[
    ("tries = 2", "tries = ¦4", "SB107", "tries = 3"),
    ("tries = 2", "¦retries = 2", "SB101", "tries"),
    ("{ local = true,", "{ local = ¦1,", "SB102", "local = false"),
    ("native = false", "native = ¦\"no\"", "SB102", "native = false"),
    ("names = [\"gpt-4o-triage*\"]", "names = [¦\"cha*\"]", "SB120", "narrower patterns"),
    ("names = [\"*\"]", "names = [\"*\", ¦\"gpt-4o*\"]", "SB120", "narrower patterns"),
    ("names = [\"*\"]", "names = [¦\"llama\"]", "SB120", "narrower patterns"),
    ("names = [\"gpt-4o-triage*\"]", "names = [\"*\"]", "SB120", "only \"*\""),
    ("names = [\"*\"]", "names = [¦\"a b\"]", "SB110", "remove it"),
    ("names = [\"*\"]", "names = [\"*\", ¦\"*\"]", "SB118", "remove it"),
    ("like = \"chat\"", "like = ¦\"chta\"", "SB117", "like = \"chat\""),
    ("like = \"chat\"", "like = ¦\"assist\"", "SB121", "remove like"),
    ("[task.chat]\n", "[task.chat]\nlike = \"support-triage\"\n", "SB121", "like = \"support-triage\""),
    ("require = { region", "require = { ¦regions", "SB101", "region"),
    ("require = { region = [\"eu\"]", "require = { region = ¦[]", "SB110", "region = [\"eu\"]"),
    ("require = { region = [\"eu\"]", "require = ¦{ region = [\"mars\"]", "SB216", "region and tags"),
    ("[segment.free]", "[segment.free]\n¦require = { region = [\"eu\"] }", "SB103", "remove it"),
    ("reasoning-effort = \"low\"", "¦stream = true", "SB110", "`stream` of the task"),
    ("reasoning-effort = \"low\"", "¦tool-choice = \"none\"", "SB110", "remove it"),
    ("reasoning-effort = \"low\"", "¦Reasoning = 1", "SB110", "reasoning-effort"),
    ("reasoning-effort = \"low\"", "reasoning-effort = ¦nan", "SB102", "write a text"),
    ("reasoning-effort = \"low\"", "a-b = 1, ¦a_b = 2", "SB118", "keep one"),
    ("reasoning-effort = \"low\"", "user = ¦\"sk-proj-abcdefghijklmnop\"", "SB305", "rotate"),
    ("with = { reasoning-effort = \"low\" }", "with = ¦7", "SB102", "with = {"),
    ("instruction = \"file:prompts/category-only.md\"", "instruction = ¦\"file:gone.md\"", "SB306", "create the file"),
    ("instruction = \"file:prompts/category-only.md\"", "instruction = ¦\" \"", "SB110", "write the sentence"),
    ("instruction = \"file:prompts/category-only.md\"", "¦note = \"x\"", "SB103", "remove it"),
    ("try = \"openai/gpt-5-mini\"", "try = ¦\"openai/*\"", "SB123", "names = [\"openai/*\"]"),
    ("try = \"gpt\"", "try = ¦\"openai/*-*\"", "SB123", "try = \"openai/*\""),
    ("try = \"gpt\"", "try = ¦\"*/gpt-5\"", "SB123", "try = \"provider/*\""),
    ("call = \"openai/gpt-5\"\n", "call = ¦\"openai/*\"\n", "SB123", "in a rung"),
];

#[rustfmt::skip]
const PROOFS: &[Row] = &[
    ("[[test]]", "[¦test.a]", "SB102", "[[test]]"),
    ("name = \"gpt is slow", "¦nmae = \"gpt is slow", "SB101", "rename it to name"),
    ("ask = \"support-triage\"", "ask = ¦\"suport-triage\"", "SB117", "ask = \"support-triage\""),
    ("ask = \"support-triage\"", "¦task = \"support-triage\"", "SB101", "known keys for [[test]]"),
    ("tokens = 2_000", "¦stream = true", "SB103", "remove it"),
    ("tokens = 2_000", "tokens = ¦-1", "SB107", "tokens = 0"),
    ("tokens = 2_000\n", "tokens = 2_000\nsegment = \"x\"\n", "SB118", "keep one"),
    ("needs = [\"tools\"]", "needs = [¦\"tool\"]", "SB106", "write \"tools\""),
    ("needs = [\"tools\"]", "needs = [¦\"json\"]", "SB106", "tools, images, audio, pdf"),
    ("surface = \"background\"\ntokens", "surface = ¦\"both\"\ntokens", "SB106", "interactive"),
    ("given = {", "given = ¦7 # {", "SB102", "given = {"),
    ("\"openai/*\" = [\"500\", { fault = \"ok\", after = \"9s\" }]", "\"openai/*\" = ¦[]", "SB107", "[\"500\", \"ok\"]"),
    ("\"openai/*\" = [\"500\"", "\"openai/*\" = [¦\"tiemout\"", "SB106", "write \"timeout\""),
    ("\"openai/*\" = [\"500\"", "\"openai/*\" = [¦500", "SB102", "\"timeout\""),
    ("\"openai/*\" = [\"500\"", "¦\"openai/*\" = [\"disabled\"", "SB112", "name one of: gpt, llama"),
    ("\"openai/*\" = [\"500\"", "¦\"gemini/*\" = [\"500\"", "SB112", "name one of: gpt, llama"),
    ("\"openai/*\" = [\"500\"", "¦\"openai/*@mars\" = [\"500\"", "SB112", "name one of: gpt, llama"),
    ("\"as:narrower\" = \"timeout\"", "¦\"as:stronger\" = \"timeout\"", "SB112", "name one of: gpt, llama"),
    ("\"as:narrower\" = \"timeout\"", "¦\"as:narrower\" = \"disabled\"", "SB112", "name one of: gpt, llama"),
    ("\"as:narrower\" = \"timeout\"", "\"llama\" = { fault = \"disabled\", after = ¦\"3s\" }", "SB110", "remove after"),
    ("after = \"9s\"", "¦aftre = \"9s\"", "SB101", "rename it to after"),
    ("after = \"9s\"", "after = ¦\"9\"", "SB105", "after = \"9s\""),
    ("{ fault = \"ok\", ", "¦{ ", "SB104", "fault = \"ok\""),
    ("expect = { served-by", "¦expects = { served-by", "SB101", "rename it to expect"),
    ("served-by = \"llama\"", "served-by = ¦\"lama\"", "SB112", "served-by = \"llama\""),
    ("served-by = \"llama\"", "served-by = ¦\"fail\"", "SB112", "served-by = "),
    ("outcome = \"degraded\"", "outcome = ¦\"degradet\"", "SB106", "outcome = \"degraded\""),
    ("outcome = \"degraded\"", "outcome = ¦\"deferred\"", "SB103", "outcome = \"ok\""),
    ("rung = 2", "rung = ¦6", "SB107", "rung = 5"),
    ("attempts = 3", "attempts = ¦21", "SB107", "attempts = 20"),
    ("why = \"ladder\"", "why = ¦\"drill\"", "SB103", "why = \"ladder\""),
    ("within = \"40s\"", "¦cost = \"$1\"", "SB103", "remove it"),
];

fn each(rows: &[Row]) {
    for (from, to, code, fix) in rows {
        assert!(GOOD.contains(from), "nothing to replace: {from}");
        let marked = GOOD.replacen(from, to, 1);
        let text = marked.replace('¦', "");
        let found = findings(&text);
        let all = shown(&found, &text);
        let codes: Vec<&str> = found.iter().map(|it| it.code.0).collect();
        assert_eq!(codes.first().copied(), Some(*code), "{to}\n{all}");
        let first = &found[0];
        assert!(first.fix.as_deref().is_some_and(|it| it.contains(fix)), "{to}: no {fix:?} in\n{all}");
        if let Some(at) = marked.find('¦').filter(|_| *code != "SB118") {
            assert_eq!(found.len(), 1, "one mistake, one finding: {to}\n{all}");
            let before = &marked[..at];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            assert_eq!((first.line, first.column), (line, column), "{to}\n{all}");
        }
    }
}

#[test]
fn a_key_that_nothing_reads_is_refused_with_the_one_that_was_meant() {
    each(KEYS);
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_one_that_does() {
    each(VALUES);
}

#[test]
fn a_name_that_is_not_declared_is_refused_with_the_nearest_one() {
    each(REFERENCES);
}

#[test]
fn a_ladder_that_cannot_do_what_it_says_is_refused() {
    each(LADDERS);
}

#[test]
fn a_secret_or_a_door_that_is_open_is_refused() {
    each(DOORS);
}

#[test]
fn a_deployment_or_a_path_that_cannot_work_is_refused() {
    each(UPSTREAMS);
}

#[test]
fn what_a_task_or_a_rung_cannot_mean_is_refused() {
    each(REQUESTS);
}

#[test]
fn a_test_that_could_never_run_or_never_fail_is_refused() {
    each(PROOFS);
}

#[test]
fn a_duplicate_says_where_the_first_one_stands() {
    let found = finding("version = 1\n[provider.openai]\nregion = \"eu\"\nregion = \"us\"\n");
    assert_eq!((found.code.0, found.line, found.column), ("SB118", 4, 1));
    assert_eq!(found.label, "first given in line 3");
    let found = finding("version = 1\n[task.a]\nladder = [{ fail = \"x\" }]\n[task.a]\nladder = [{ fail = \"y\" }]\n");
    assert_eq!((found.code.0, found.line, found.column), ("SB118", 4, 7));
    assert_eq!(found.label, "first given in line 2");
}
