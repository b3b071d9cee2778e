"""Judges what the application, the provider and the operator saw of one case against what must come of it."""

from answers import check_answer, check_usage, equal
from truth import check_headers, check_records

EXCEPTIONS = {
    "python": {400: "BadRequestError", 424: "APIStatusError", 429: "RateLimitError"},
    "node": {400: "BadRequestError", 424: "APIError", 429: "RateLimitError"},
}
# Scheduling slack that the deadline invariant grants.
SLACK_MS = 50
CAPABILITY = ("context_window", "capability")


def judge(case, seen, records, calls, deadline_s):
    """Everything that is wrong, in sentences; nothing when all is well."""
    wrong = []
    say = wrong.append
    check_walks(case, records, say)
    check_calls(case, records, calls, say)
    check_records(seen, records, say)
    for record in records:
        if record["total_ms"] > deadline_s * 1000 + SLACK_MS:
            say(f"a walk took {record['total_ms']} ms, the deadline is {deadline_s} s")
    JUDGES[case["kind"]](case, seen, records, say)
    if seen.object is None:
        say("no switchback object")
    elif not (seen.exception and seen.status == 200) and case["expect"].get("end") != "breaks":
        check_headers(case, seen, say)
    return wrong


def of_fault(case, seen, _, say):
    end = case["expect"]["end"]
    if case["alone"] and end == "moves":
        end = "fails"
    {"serves": serves, "moves": moves, "breaks": breaks, "refused": refused, "stops": stops, "fails": fails}[end](
        case, seen, say
    )


def serves(case, seen, say):
    answered(case, seen, say, "ok", 1)
    if case["fault"] == "wrong-model":
        equal(say, "model", seen.model, "another-model-sim")
    if not case["alone"]:
        equal(say, "not_run", (seen.object or {}).get("not_run"), [not_run(2, f"b-{case['task']}", "not_reached")])


def moves(case, seen, say):
    expect = case["expect"]
    answered(case, seen, say, "recovered", 2)
    check_attempts(case, seen, say, [expect["class"]] * len(kinds_of(case)), ["served"])
    told = seen.object or {}
    equal(say, "why", told.get("why"), "capability" if expect["class"] in CAPABILITY else "ladder")
    equal(say, "not_run", told.get("not_run"), [])


def kinds_of(case):
    expect = case["expect"]
    n = expect.get("attempts", expect["calls"])
    return expect.get("kinds", ["first"] + ["retry"] * (n - 1))


def check_attempts(case, seen, say, primary, fallback):
    """The classes and kinds of all attempts, those of the primary first."""
    told = (seen.object or {}).get("attempts", [])
    task = case["task"]
    wanted = [(f"p-{task}", it) for it in primary] + [(f"b-{task}", it) for it in fallback]
    equal(say, "attempts", [(it["route"], it["class"]) for it in told], wanted)
    equal(say, "kinds of attempts", [it["kind"] for it in told], kinds_of(case) + ["first"] * len(fallback))


def answered(case, seen, say, outcome, rung):
    """A whole answer of this rung, in the one shape."""
    task, expect, told = case["task"], case["expect"], seen.object or {}
    model = case["models"][rung - 1]
    equal(say, "exception", seen.exception, None)
    equal(say, "status", seen.status, 200)
    equal(say, "outcome", told.get("outcome"), outcome)
    equal(say, "served_by", told.get("served_by"), ("p-" if rung == 1 else "b-") + task)
    equal(say, "rung", told.get("rung"), rung)
    check_dropped(case, seen, say, rung)
    if case["fault"] != "wrong-model":
        equal(say, "model", seen.model, f"{model}-{'b' if case['at'] == 'broken' and rung == 1 else 'sim'}")
    fault = case["fault"] if rung == 1 and case["kind"] == "fault" else "ok"
    finish = expect.get("finish")
    finish = finish.get(shapes(case)[rung - 1]) if isinstance(finish, dict) else finish
    check_answer(expect["says"], model, seen, say, fault=fault, finish=finish)
    if case["at"] == "sim" or rung == 2:
        check_usage(case, seen, say, is_cut=fault != "ok" and expect.get("usage") == "cut")


def check_dropped(case, seen, say, rung):
    """Exactly the hints that the shape which answered has no form for are told, in object and record."""
    dropped = case["expect"].get("dropped", [])
    by_vendor = dropped if isinstance(dropped, dict) else {"anthropic": dropped}
    dropped = by_vendor.get(shapes(case)[rung - 1])
    told = (seen.object or {}).get("dropped")
    equal(say, "dropped", sorted(told) if told else told, sorted(dropped) if dropped else None)


def breaks(case, seen, say):
    told = seen.object or {}
    equal(say, "exception", seen.exception, "APIError")
    equal(say, "outcome", told.get("outcome"), "failed")
    equal(say, "code", seen.code, "all_rungs_failed")
    equal(say, "first class", (told.get("attempts") or [{}])[0].get("class"), case["expect"]["class"])
    if not seen.text:
        say("nothing had left, so the walk should have moved")
    if seen.finish is not None:
        say(f"a finish reason was sent before the error: {seen.finish}")


def refused(case, seen, say):
    expect, told = case["expect"], seen.object or {}
    equal(say, "exception", seen.exception, None)
    equal(say, "status", seen.status, 200)
    equal(say, "outcome", told.get("outcome"), "refused")
    equal(say, "served_by", told.get("served_by"), f"p-{case['task']}")
    equal(say, "classes", [it["class"] for it in told.get("attempts", [])], [expect["class"]])
    equal(say, "finish", seen.finish, expect.get("finish", "stop"))
    if case["fault"] == "refusal" and "declines to help" not in seen.refusal:
        say(f"the model's words are lost: {seen.refusal!r}")
    if case["fault"] == "filtered" and case["flavor"] != "tools" and not seen.text:
        say("the provider's words are lost")


def stops(case, seen, say):
    status, code = case["expect"]["error"]
    raised(case, seen, say, status, code)
    outcome = "refused" if case["expect"]["class"] == "policy_blocked" else "failed"
    equal(say, "outcome", (seen.object or {}).get("outcome"), outcome)


def fails(case, seen, say):
    status, code = case["expect"]["alone"]
    raised(case, seen, say, status, code)
    equal(say, "outcome", (seen.object or {}).get("outcome"), "failed")


def raised(case, seen, say, status, code):
    equal(say, "exception", seen.exception, EXCEPTIONS[seen.language][status])
    equal(say, "status", seen.status, status)
    equal(say, "code", seen.code, code)
    if status == 429:
        if int(seen.headers.get("retry-after", "0")) < 1:
            say("a rate limit without retry-after")
        if "x-should-retry" in seen.headers:
            say("a rate limit that names a time forbids to come back")
    else:
        equal(say, "x-should-retry", seen.headers.get("x-should-retry"), "false")
    classes = {it["class"] for it in (seen.object or {}).get("attempts", [])}
    wanted = case["expect"].get("class", "server_error")
    # A client's own retry may find the key cooling, and then no call is made.
    if classes != {wanted} and not (status == 429 and not classes):
        say(f"classes are {classes}, expected {wanted}")


def of_sequence(case, seen, _, say):
    """The primary answers in the end, and the fallback is never asked."""
    told = seen.object or {}
    answered(case, seen, say, "recovered", 1)
    attempts = [(it["kind"], it["class"]) for it in told.get("attempts", [])]
    equal(say, "attempts", attempts, [tuple(it) for it in case["expect"]["attempts"]])
    equal(say, "why", told.get("why"), None)
    equal(say, "not_run", told.get("not_run"), [not_run(2, f"b-{case['task']}", "not_reached")])


def of_repair(case, seen, records, say):
    """A broken answer that was mended, here or by its own model, is recovered and never reaches the fallback."""
    by, told = case["expect"]["by"], seen.object or {}
    answered(case, seen, say, "ok" if by == "nobody" else "recovered", 1)
    kinds = ["first", "repair"] if by == "model" else ["first"]
    classes = ["contract", "served"] if by == "model" else ["served"]
    equal(say, "kinds of attempts", [it["kind"] for it in told.get("attempts", [])], kinds)
    equal(say, "classes", [it["class"] for it in told.get("attempts", [])], classes)
    equal(say, "why", told.get("why"), None)
    mended = [bool(it.get("mended")) for record in records for it in record["attempts"]]
    equal(say, "mended in the record", mended, [by == "local"] if by != "model" else [False, False])


def of_width(case, seen, _, say):
    """The same answer whoever gives it; a promise that a shape cannot keep is not broken but asked of the other one."""
    expect, vendor, task = case["expect"], case["vendor"], case["task"]
    told = seen.object or {}
    up, anthropic_first = case["fault"] == "ok", vendor == "anthropic"
    if expect.get("promise") and anthropic_first:
        answered(case, seen, say, "ok", 2)
        equal(say, "not_run", told.get("not_run"), [not_run(1, f"p-{task}", "no_capability")])
        equal(say, "why", told.get("why"), "capability")
    elif expect.get("promise") and not up:
        raised(case, seen, say, 424, "all_rungs_failed")
        equal(say, "not_run", told.get("not_run"), [not_run(2, f"b-{task}", "no_capability")])
    elif (expect.get("unheard") or expect.get("rejected")) and not up and not anthropic_first:
        equal(say, "outcome", told.get("outcome"), "failed")
        equal(say, "code", seen.code, "all_rungs_failed")
        equal(say, "texts", seen.texts, [])
    elif expect.get("rejected") and anthropic_first:
        answered(case, seen, say, "recovered", 2)
        equal(say, "why", told.get("why"), "capability")
    elif up and not (expect.get("unheard") and anthropic_first):
        answered(case, seen, say, "ok", 1)
        equal(say, "why", told.get("why"), None)
    else:
        answered(case, seen, say, "recovered", 2)
        equal(say, "why", told.get("why"), "ladder")


def not_run(rung, name, reason):
    return {"rung": rung, "name": name, "reason": reason}


def check_walks(case, records, say):
    """One walk per call. A rate limit names a time, and the SDK comes back at it: each time a walk, and it says so."""
    retries = [it.get("client_retry") for it in records]
    if case["alone"] and case["expect"]["class"] == "rate_limited":
        equal(say, "the client's retries", retries, list(range(len(records))))
        if not 1 <= len(records) <= 3:
            say(f"{len(records)} walks for one call")
    else:
        equal(say, "walks", len(records), 1)
        equal(say, "the client's retries", retries, [0])


def check_calls(case, records, calls, say):
    """The providers saw exactly the calls that the table and the records tell of, each in its own shape."""
    task, expect = case["task"], case["expect"]
    told = [it["route"] for record in records for it in record["attempts"]]
    seen = [calls.get(model, []) for model in case["models"]]
    for place, (prefix, vendor) in enumerate(zip("pb", shapes(case), strict=True)):
        if case["fault"] != "refused" and not (place == 0 and case["at"] == "broken"):
            equal(say, f"attempts of {prefix} in the records", told.count(f"{prefix}-{task}"), len(seen[place]))
        equal(say, f"shapes of {prefix}", {it["shape"] for it in seen[place]} - {vendor}, set())
        streams = {it["stream"] for it in seen[place]}
        equal(say, f"streams of {prefix}", streams - {case["delivery"] == "stream"}, set())
    if case["kind"] != "fault":
        return
    if case["alone"] and expect["class"] == "rate_limited":
        if not seen[0]:
            say("the provider was never asked")
    else:
        equal(say, "calls of the primary", len(seen[0]), expect["calls"])
    equal(say, "calls of the fallback", len(seen[1]), 1 if expect["end"] == "moves" and not case["alone"] else 0)


def shapes(case):
    return (case["vendor"], "anthropic" if case["vendor"] == "openai" else "openai")


JUDGES = {"fault": of_fault, "sequence": of_sequence, "repair": of_repair, "width": of_width}
