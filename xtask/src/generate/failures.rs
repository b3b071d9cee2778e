//! `docs/failures.md`: what can go wrong, what each class permits, why a rung does not run, and what health makes of it.

use std::time::Duration;

use switchback_core::breaker::BreakerRules;
use switchback_core::failure::{CLASSES, ClassRow, FAMILIES, Family, HealthEffect, SameRoute};
use switchback_core::outcome::{CountsAs, SKIPS, SkipRow};

use super::table;

const OPENING: &str = "\
# Failure classes and skips

Every attempt that did not work has exactly one **class**. The list is closed and the names are stable: they stand in
headers, records, `when` of a rung, and the fault names of the simulator. What a class permits is a table in
`crates/core/src/failure.rs`, and the walk reads that table.

";

const AFTER_CLASSES: &str = "\
Read with these, which a table cannot say:

- **Retries** are bounded four times: by the rung's `retries`, by the task's `max-attempts` (a retry is not made where it
  would leave fewer attempts than there are eligible model rungs below), by the deadline, and by the route's retry budget.
  A retry goes to a deployment and key that this request has not called yet, where there is one.
- **The retry budget** of a route starts with 10; each success adds 0.1, each retry and each repair takes 1; 50 is the most,
  and below 3 a tenth comes in per second. Where it is empty the walk moves on at once. It is paid before the wait, so
  that nobody waits for a retry that others have used up. Successes pay, and not traffic: an outage funds no retries.
- **Repair.** An answer that broke its promise in a way that can be told in words is shown to its model, with what is wrong,
  before any retry: as often on a walk as `repair.tries` says, never where it would take the attempt of a rung below. What a
  repair did not mend goes to a `stronger` rung, if there is one, else once more to the same.
- **Rate limits.** A limited, refused or empty key is followed once per rung by another key or deployment, without
  a wait. A `Retry-After` no longer than the upper end of `retry-wait` is waited for; a longer one moves on at once, and
  is waited for only where nothing but `fail` is left below and the deadline allows it.
- **`truncated`** is a failure only where a promise is left incomplete: JSON that was promised, or a tool call. Other text
  that reached its output cap is the answer that the caller asked for, with its finish reason.
- **`refusal`** and an answer that a provider's filter cut keep status 200 and the provider's own words. Outcome: `refused`.
- **`policy_blocked`** is never followed by a model rung, in this request or, for `server.sticky`, in the same request sent
  again. Only an `answer` whose `when` takes it may follow, and `fail`.
- **Keys that are about to run dry** ([why](decisions/0007-dry-keys-are-the-last-resort.md)) are not called while anything
  else is: another key, another deployment, a rung below. Where nothing below could answer, one is called all the same.
- **`contract`** prefers the next eligible rung below that is `stronger`, if there is one; those between are `passed_over`.
- **`timeout`** counts for the breaker unless the request's own deadline was the shorter one.
- **`contract` with detail `malformed`** (a body that is not what the protocol promises) counts for the breaker. A
  well-formed answer with bad content does not.
- What no row of the [signal table](signals.md) knows is `server_error` with `why` = `unclassified`, so that somebody maps
  it.

Not produced by this version, because what they judge is not built yet: `low_quality`, `budget`, `residency`. `deadline`
appears as the skip `no_time` and as the error code of a request.

";

const HEALTH: &str = "\
## What health makes of it

Scopes, never one cooldown. A route may have several deployments, each with a state of its own: it is out only where none
of them can be called.

| scope | off or cooling after | back |
| --- | --- | --- |
| credential | `auth` with 401, `quota_exhausted` | one request at a time probes after 60 s, doubling to 1 h; one below which nothing could answer only after twice that; `routes enable` or a reload tries at once |
| key × model | `rate_limited`: cools until the reset that the provider names, else 1 s doubling to 60 s; dry until the reset that the provider tells; `auth` with 403: off | when the time is over; a key that is off is probed like a credential |
| deployment | `not_found`: off. `routes disable`: no call at all, probes included | probed like a credential; `routes enable`, or when its `--for` is over |
| deployment × workload bucket | the breaker opens; `routes trip` | single probes, below; `routes reset` |

Buckets are `images`; else `tools` or `tools-long` where tools are declared; else `short` or `long`. Long is more than 8,000
estimated prompt tokens. A route may be healthy for short text and open for long calls.

";

pub(super) fn page() -> String {
    let mut page = OPENING.to_owned();
    let columns = ["class", "family", "in words", "same route again", "next rung", "health"];
    page += &table(columns, CLASSES.iter().map(class));
    page += AFTER_CLASSES;
    page += "## Families\n\n`when` of a rung takes classes and families. Without `when` a rung takes technical, output, capability (but\n\
             not `refusal`) and business.\n\n";
    page += &table(["family", "classes"], FAMILIES.iter().map(family));
    page += "## Skips\n\nA rung that did not run says why. A skip is no failure; the third column says as what it counts for the rungs\n\
             below, which run if they take any class met. `why` is that of the move it causes. A rung below the one that\n\
             answered is `not_reached`.\n\n";
    page += &table(["skip", "in words", "counts as", "why", "the caller's own rung"], SKIPS.iter().map(skip));
    page +=
        "A rung that was never this caller's is not \"the first rung\": an answer from the next one is still `ok`.\n\n";
    page += HEALTH;
    page += &breaker();
    page
}

fn class(row: &ClassRow) -> [String; 6] {
    let again = match row.same_route {
        SameRoute::Never => "never",
        SameRoute::Backoff => "after a backoff",
        SameRoute::ConnectOnly => "after a connect timeout only",
        SameRoute::IfWaitFits => "if the wait fits",
    };
    let health = match row.health {
        HealthEffect::None => "–",
        HealthEffect::Hard => "breaker: hard",
        HealthEffect::Soft => "breaker: rate only",
        HealthEffect::CoolsKey => "cools the key",
        HealthEffect::CredentialOff => "switches the credential off",
        HealthEffect::RouteOff => "switches the route off",
    };
    let next = if row.moves { "yes" } else { "no" };
    [
        code(row.name),
        name_of(row.family).to_owned(),
        row.words.to_owned(),
        again.to_owned(),
        next.to_owned(),
        health.to_owned(),
    ]
}

fn family((family, name): &(Family, &str)) -> [String; 2] {
    let classes: Vec<String> = CLASSES.iter().filter(|it| it.family == *family).map(|it| code(it.name)).collect();
    [code(name), classes.join(", ")]
}

fn skip(row: &SkipRow) -> [String; 5] {
    let counts = match row.counts_as {
        CountsAs::Nothing => "nothing".to_owned(),
        CountsAs::Technical => "any technical class".to_owned(),
        CountsAs::Class(class) => code(class.name()),
    };
    let why = row.why.map_or_else(|| "–".to_owned(), |it| code(it.name()));
    let own = if row.not_the_callers { "no" } else { "yes" };
    [code(row.name), row.words.to_owned(), counts, why, own.to_owned()]
}

fn breaker() -> String {
    let rules = BreakerRules::default();
    let in_a_row = rules.consecutive.map_or_else(String::new, |it| {
        format!("- {} hard failures in a row and no success for {}, or\n", it.failures, seconds(it.no_success_for))
    });
    let rate = rules.rate;
    format!(
        "### The breaker\n\nBuilt-in rules; a [`[breaker]` table](configuration.md#breaker) replaces them all. It opens after\n\n\
         {in_a_row}- {:.0} % of at least {} calls failing within {}, hard and soft failures together.\n\n\
         Two rules, because each alone is wrong half of the time: failures in a row see a total outage within seconds, the\n\
         share sees a partial one. An open breaker admits nothing for {} (a fifth more or less, doubling to {} while probes\n\
         fail, and no shorter than the provider asked for up to that); then single requests are let through, one at a time,\n\
         and {} sound ones close it. A probe that is never settled is reclaimed a second after its call's latest end. Each\n\
         healthy window forgets one doubling.\n",
        rate.failing * 100.0,
        rate.of_at_least,
        seconds(rate.within),
        seconds(rules.probe_every),
        seconds(rules.probe_cap),
        rules.closes_after,
    )
}

fn name_of(family: Family) -> &'static str {
    FAMILIES.iter().find(|(it, _)| *it == family).map_or("", |(_, name)| name)
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}
