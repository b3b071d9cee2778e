"""Whether headers, the object and the record tell the same story of one request."""

from answers import equal


def check_records(seen, records, say):
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
    equal(say, "dropped of the record", record.get("dropped"), seen.object.get("dropped"))


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
        trail = trail.replace(f"={told['attempts'][0]['class']};", "=served;")
    for name, value in optional.items():
        equal(say, name, headers.get(name), value)
    shown = headers.get("x-switchback-trail") or ""
    if headers.get("content-type", "").startswith("text/event-stream"):
        # As of the commit: the time of the served attempt is not final yet.
        shown, trail = (",".join(it.split(";")[0] for it in text.split(", ")) for text in (shown, trail))
    equal(say, "x-switchback-trail", shown, trail)
