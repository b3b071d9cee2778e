"""Which cases there are: every request that the suites make, with what must come of it.

Data in, data out. `faults.json` says what each fault comes to, `wide.json` which requests of a realistic width are made,
and here they are crossed with vendors and deliveries. Starts nothing, asks nobody. Every case has routes and a task of its
own, so that no breaker of one case can touch another.
"""

import json
from pathlib import Path

from broken import VARIANTS

HERE = Path(__file__).resolve().parent
VENDORS = ("openai", "anthropic")
OTHER = {"openai": "anthropic", "anthropic": "openai"}
SHORT = {"openai": "oai", "anthropic": "ant"}
DELIVERIES = ("whole", "stream")
FLAVORS = ("plain", "schema", "contract", "tools")
# Every value of these has one form only, so that the simulated model says the same at whichever vendor it is asked.
FORM = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "enum": ["Lyon", "Oslo"]},
        "count": {"type": "integer"},
        "urgent": {"type": "boolean"},
    },
    "required": ["city", "count", "urgent"],
    "additionalProperties": False,
}
FILLED = {"city": "Lyon", "count": 1, "urgent": True}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Lyon", "Oslo"]}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
ASKED_WEATHER = {"city": "Lyon", "days": 1}
PROMPTS = {
    "plain": "Say hello.",
    "schema": "Fill in the form.",
    "contract": "Fill in the form.",
    "tools": "Please use a tool for the weather.",
}
# Far more than the smallest context that a server may have cut a prompt to, about 5,000 tokens.
LONG = " The quick brown fox jumps over the lazy dog." * 450


def all_cases(deep):
    """Every case."""
    faults = json.loads((HERE / "faults.json").read_text())["faults"]
    wide = json.loads((HERE / "wide.json").read_text())["requests"]
    found = [*of_faults(faults, deep), *of_sequences(), *of_repair(), *of_width(wide)]
    # Those where the SDK itself waits and comes again take longest.
    found.sort(key=lambda case: not (case["alone"] and case["expect"].get("class") == "rate_limited"))
    return found


def expected(row, *spot):
    """The row of a fault with the exceptions for this vendor, delivery and flavor applied, in their order."""
    merged = {key: value for key, value in row.items() if key != "on"}
    for pattern, exceptions in row.get("on", {}).items():
        if all(wanted in ("*", here) for wanted, here in zip(pattern.split("/"), spot, strict=True)):
            merged.update(exceptions)
    return merged


def of_faults(catalogue, deep):
    """Every fault at each vendor, with and without a stream, for text, JSON and tools; and alone on its ladder.

    Told to come back in two minutes the SDKs do wait two minutes, which only a deep run has time for.
    """
    for fault, row in catalogue.items():
        for vendor in VENDORS:
            for delivery in DELIVERIES:
                expect = expected(row, vendor, delivery, "plain")
                if expect.get("impossible"):
                    continue
                for flavor in FLAVORS:
                    yield of_fault(fault, vendor, delivery, flavor, expected(row, vendor, delivery, flavor))
                impatient = fault == "429-retry-after-long" and not deep
                case = of_fault(fault, vendor, delivery, "plain", expect, f"a-{fault}-{SHORT[vendor]}-{delivery}")
                yield {**case, "alone": True, "no_client_retries": impatient}


def of_fault(fault, vendor, delivery, flavor, expect, task=None):
    task = task or f"f-{fault}-{SHORT[vendor]}-{delivery}-{flavor}"
    # A blocked request stays blocked for a while whoever is asked: every case has words of its own.
    prompt = f"{task}: {PROMPTS[flavor]}{LONG if fault == 'prompt-cut' else ''}"
    request = {"model": task, "messages": [{"role": "user", "content": prompt}]}
    if flavor == "schema":
        request["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "form", "strict": True, "schema": FORM},
        }
    if flavor == "tools":
        request["tools"] = [WEATHER]
    if delivery == "stream":
        request["stream"] = True
        if flavor in ("schema", "contract"):
            request["stream_options"] = {"include_usage": True}
    says = {"plain": {"prompt": prompt}, "tools": {"calls": [["get_weather", ASKED_WEATHER]]}}
    return {
        **case_of(task, vendor, delivery, request),
        "kind": "fault",
        "fault": fault,
        "flavor": flavor,
        "contract": flavor == "contract",
        "models": [named(f"large-{task}", fault), f"backup-{task}"],
        "expect": {"says": says.get(flavor, {"json": FILLED}), **expect},
    }


# Faults of the primary in the order of its calls, for this flavor, with the kinds and classes of its attempts.
SEQUENCES = {
    "again": (("500", "ok"), "plain", (("first", "server_error"), ("retry", "served"))),
    "cut-once": (("cut", "ok"), "tools", (("first", "transport"), ("retry", "served"))),
    "mended": (("missing-field", "ok"), "schema", (("first", "contract"), ("repair", "served"))),
    "mended-own": (("missing-field", "ok"), "contract", (("first", "contract"), ("repair", "served"))),
    "left-out": (("unsupported", "ok"), "plain", (("first", "capability"), ("first", "served"))),
}


def of_sequences():
    """A primary that fails once and then answers: by a retry, a repair, or without the field that it cannot take."""
    for name, (faults, flavor, attempts) in SEQUENCES.items():
        for vendor in VENDORS:
            for delivery in DELIVERIES:
                case = of_fault("ok", vendor, delivery, flavor, {}, f"s-{name}-{SHORT[vendor]}-{delivery}")
                if name == "left-out":
                    case["request"].update(temperature=0.2, seed=7)
                    dropped = ["temperature", *(["seed"] if vendor == "anthropic" else [])]
                    case["expect"]["dropped"] = {vendor: dropped}
                yield {**case, "kind": "sequence", "sequence": faults, "expect": {**case["expect"], "attempts": attempts}}


def of_repair():
    """Answers that are broken in ways that can be mended: here without a call, or by the model that is shown them."""
    for variant in VARIANTS:
        for vendor in VENDORS:
            for delivery in DELIVERIES:
                if variant.only and (vendor, delivery) not in variant.only:
                    continue
                for flavor in variant.flavors:
                    task = f"m-{variant.name}-{SHORT[vendor]}-{delivery}-{flavor}"
                    case = of_fault("ok", vendor, delivery, flavor, {}, task)
                    if variant.json_object:
                        case["request"]["response_format"] = {"type": "json_object"}
                    yield {
                        **case,
                        "kind": "repair",
                        "fault": variant.name,
                        "at": "broken",
                        "models": [f"{variant.name}.{flavor}.{task}", f"backup-{task}"],
                        "expect": {**case["expect"], "by": variant.by},
                    }


def of_width(requests):
    """Requests as applications make them, at each vendor and, where the primary is down, at the other one."""
    for name, wide in requests.items():
        for vendor in VENDORS:
            for state, fault in (("up", "ok"), ("down", "500")):
                for delivery in DELIVERIES:
                    task = f"w-{name}-{SHORT[vendor]}-{state}-{delivery}"
                    request = {"model": task, **wide["request"]}
                    if delivery == "stream":
                        request = {**request, "stream": True, "stream_options": {"include_usage": True}}
                    yield {
                        **case_of(task, vendor, delivery, request),
                        "kind": "width",
                        "fault": fault,
                        "flavor": "width",
                        "models": [named(f"large-{task}", fault), f"backup-{task}"],
                        "expect": {key: value for key, value in wide.items() if key != "request"},
                    }


def case_of(task, vendor, delivery, request):
    return {
        "task": task,
        "vendor": vendor,
        "delivery": delivery,
        "request": request,
        "at": "sim",
        "contract": False,
        "alone": False,
        "no_client_retries": False,
    }


def named(model, fault):
    return model if fault == "ok" else f"{model}+{fault}"
