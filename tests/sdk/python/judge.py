"""Judges what the application, the provider and the operator saw of one case against the table of faults."""

import json


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
    expect = case["expect"]
    end = expect["end"]
    if case["alone"] and end == "moves":
        end = "fails"
    for check in (check_walks, check_calls, check_records):
        check(case, seen, records, calls, say)
    for record in records:
        if record["total_ms"] > deadline_s * 1000 + SLACK_MS:
            say(f"a walk took {record['total_ms']} ms, the deadline is {deadline_s} s")
    {
        "serves": serves,
        "moves": moves,
        "breaks": breaks,
        "refused": refused,
        "stops": stops,
        "fails": fails,
    }[end](case, seen, say)
    if seen.object is None:
        say("no switchback object")
    elif end != "breaks":
        check_headers(case, seen, say)
    return wrong


def equal(say, what, got, wanted):
    if got != wanted:
        say(f"{what} is {got!r}, expected {wanted!r}")


def serves(case, seen, say):
    task = case["task"]
    answered(case, seen, say, "ok", f"p-{task}", "1")
    wanted = "another-model-sim" if case["fault"] == "wrong-model" else None
    if wanted:
        equal(say, "model", seen.model, wanted)
    if not case["alone"]:
        equal(say, "not_run", (seen.object or {}).get("not_run"), [{"rung": 2, "name": f"b-{task}", "reason": "not_reached"}])


def moves(case, seen, say):
    task, expect = case["task"], case["expect"]
    answered(case, seen, say, "recovered", f"b-{task}", "2")
    equal(say, "model", seen.model, f"backup-{task}-sim")
    told = seen.object or {}
    n = expect.get("attempts", expect["calls"])
    classes = [(it["route"], it["class"]) for it in told.get("attempts", [])]
    equal(say, "attempts", classes, [(f"p-{task}", expect["class"])] * n + [(f"b-{task}", "served")])
    kinds = [it["kind"] for it in told.get("attempts", [])]
    equal(say, "kinds of attempts", kinds, ["first"] + ["retry"] * (n - 1) + ["first"])
    equal(say, "why", told.get("why"), "capability" if expect["class"] in CAPABILITY else "ladder")
    equal(say, "not_run", told.get("not_run"), [])


def answered(case, seen, say, outcome, served_by, rung):
    expect, told = case["expect"], seen.object or {}
    equal(say, "exception", seen.exception, None)
    equal(say, "status", seen.status, 200)
    equal(say, "outcome", told.get("outcome"), outcome)
    equal(say, "served_by", told.get("served_by"), served_by)
    equal(say, "rung", str(told.get("rung")), rung)
    finish = expect.get("finish")
    flavor = case["flavor"]
    if flavor == "tools" and not finish:
        if not keeps_tool(seen.calls):
            say(f"tool calls are not sound: {seen.calls}")
        equal(say, "finish", seen.finish, "tool_calls")
    elif flavor == "schema" and not finish:
        if not keeps_schema(seen.text):
            say(f"the answer breaks its schema: {seen.text!r}")
        equal(say, "finish", seen.finish, "stop")
    elif flavor == "plain" and case["fault"] in ("broken-json", "missing-field"):
        equal(say, "finish", seen.finish, "stop")
    else:
        equal(say, "times the text was sent", seen.text.count("Simulated answer of"), 1)
        equal(say, "finish", seen.finish, finish or "stop")
        if not finish and not seen.text.endswith("."):
            say(f"the text is not whole: {seen.text!r}")


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
    # A client's own retry may find the key cooling, and then no call is made.
    if classes != {case["expect"]["class"]} and not (status == 429 and not classes):
        say(f"classes are {classes}, expected {case['expect']['class']}")


def check_walks(case, seen, records, _, say):
    """One walk per call. A rate limit names a time, and the SDK comes back at it: each time a walk, and it says so."""
    retries = [it.get("client_retry") for it in records]
    if case["alone"] and case["expect"]["class"] == "rate_limited":
        equal(say, "the client's retries", retries, list(range(len(records))))
        if not 1 <= len(records) <= 3:
            say(f"{len(records)} walks for one call")
    else:
        equal(say, "walks", len(records), 1)
        equal(say, "the client's retries", retries, [0])


def check_calls(case, _, records, calls, say):
    """The provider saw exactly the calls that the table and the records tell of."""
    task, expect = case["task"], case["expect"]
    model = f"large-{task}" if case["fault"] == "ok" else f"large-{task}+{case['fault']}"
    primary, fallback = calls.get(model, 0), calls.get(f"backup-{task}", 0)
    told = sum(1 for record in records for it in record["attempts"] if it["route"] == f"p-{task}")
    if case["fault"] != "refused":
        equal(say, "attempts in the records", told, primary)
    if case["alone"] and expect["class"] == "rate_limited":
        if primary < 1:
            say("the provider was never asked")
    else:
        equal(say, "calls of the primary", primary, expect["calls"])
    equal(say, "calls of the fallback", fallback, 1 if expect["end"] == "moves" and not case["alone"] else 0)


def check_records(_, seen, records, __, say):
    """The record agrees with what the caller was told."""
    if not records or seen.object is None:
        return
    record = records[-1]
    for key, value in seen.object.items():
        if key == "attempts":
            for told, kept in zip(value, record["attempts"], strict=False):
                equal(say, "attempt of the record", {name: kept.get(name) for name in told}, told)
            equal(say, "attempts of the record", len(record["attempts"]), len(value))
        else:
            equal(say, f"{key} of the record", record.get(key), value)


def check_headers(case, seen, say):
    """The headers agree with the object; those of a stream as of its commit, when a filter had not struck yet."""
    told, headers = seen.object, seen.headers
    trail = ", ".join(f"{it['route']}={it['class']};{it['ms']}" for it in told["attempts"])
    optional = {
        "x-switchback-served-by": told.get("served_by"),
        "x-switchback-provider": told.get("provider"),
        "x-switchback-region": told.get("region"),
        "x-switchback-why": told.get("why"),
        "x-switchback-degraded": told.get("degraded"),
        "x-switchback-rung": f"{told['rung']}/{told['rungs']}" if told.get("rung") else None,
        "x-switchback-added-ms": str(told["added_ms"]) if "added_ms" in told else None,
        "x-switchback-simulated": "true" if told.get("simulated") else None,
        "x-switchback-not-run": ", ".join(f"{it['name']}={it['reason']}" for it in told["not_run"]) or None,
        "x-switchback-outcome": told["outcome"],
        "x-switchback-task": told["task"],
        "x-switchback-attempts": str(len(told["attempts"])),
        "x-request-id": told["request_id"],
    }
    if case["fault"] == "filtered" and case["delivery"] == "stream" and case["flavor"] == "plain":
        optional["x-switchback-outcome"] = "ok"
        trail = trail.replace("=policy_blocked;", "=served;")
    for name, value in optional.items():
        equal(say, name, headers.get(name), value)
    shown = headers.get("x-switchback-trail") or ""
    if headers.get("content-type", "").startswith("text/event-stream"):
        # As of the commit: the time of the served attempt is not final yet.
        shown, trail = (",".join(it.split(";")[0] for it in text.split(", ")) for text in (shown, trail))
    equal(say, "x-switchback-trail", shown, trail)


def keeps_schema(text):
    """Whether a text is JSON that keeps the schema of the form."""
    try:
        form = json.loads(text)
    except ValueError:
        return False
    kinds = {"city": str, "count": int, "urgent": bool}
    return isinstance(form, dict) and set(form) == set(kinds) and all(type(form[key]) is kinds[key] for key in kinds)


def keeps_tool(calls):
    """Whether the calls are one sound call of the declared tool."""
    if len(calls) != 1 or calls[0][0] != "get_weather":
        return False
    try:
        arguments = json.loads(calls[0][1])
    except ValueError:
        return False
    return set(arguments) == {"city", "days"} and type(arguments["city"]) is str and type(arguments["days"]) is int
