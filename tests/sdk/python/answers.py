"""Whether an answer is the one that had to come, whoever gave it: its text, JSON or tool calls, its end and its usage."""

import json

# As much of the caller's words as the simulated model repeats.
ECHO = 200
# What a vendor's own form of the same request, or a repair, may add to the prompt, in tokens.
MORE_TOKENS = 100
CHARS_PER_TOKEN = 4


def equal(say, what, got, wanted):
    if got != wanted:
        say(f"{what} is {got!r}, expected {wanted!r}")


def check_answer(says, model, seen, say, fault="ok", finish=None):
    """Checks an answer of this model; `finish` is its finish reason where it is not the usual one."""
    usual = "tool_calls" if "calls" in says else "stop"
    equal(say, "finish reasons", set(seen.finishes), {finish or usual})
    equal(say, "refusal", seen.refusal, "")
    if "calls" in says:
        check_calls(says["calls"], seen, say)
        return
    equal(say, "tool calls", seen.calls, [])
    if "json" in says:
        for text in seen.texts:
            check_json(says["json"], text, say)
    elif fault in ("broken-json", "missing-field"):
        # Nothing was promised: the caller gets what the model said.
        equal(say, "whether there is a text", bool(seen.text), True)
    else:
        for text in seen.texts:
            check_text(says, model, text, say, is_cut=finish == "length")


def check_calls(wanted, seen, say):
    """The same calls with the same arguments, which is what an agent goes by."""
    try:
        got = [[name, json.loads(arguments or "{}")] for name, arguments in seen.calls]
    except ValueError:
        say(f"arguments are no JSON: {seen.calls}")
        return
    equal(say, "tool calls", got, wanted)
    if len(set(seen.ids)) != len(wanted) or not all(seen.ids):
        say(f"the ids of the calls do not tell them apart: {seen.ids}")


def check_json(wanted, text, say):
    try:
        got = json.loads(text)
    except ValueError:
        say(f"the answer is no JSON: {text!r}")
        return
    if wanted is None:
        equal(say, "type of the JSON", type(got), dict)
    else:
        equal(say, "JSON", got, wanted)


def check_text(says, model, text, say, is_cut):
    """The model's own text, once and whole, with the caller's words as they were."""
    equal(say, "times the text was sent", text.count("Simulated answer of"), 1)
    if is_cut:
        return
    if not text.startswith(f"Simulated answer of {model} at ") or not text.endswith("."):
        say(f"the text is not whole, or another's: {text!r}")
    if "prompt" in says and f"You said: {says['prompt'][:ECHO]} " not in text:
        say(f"the caller's words did not arrive: {text!r}")


def check_usage(case, seen, say, is_cut):
    """The provider's count in OpenAI's words: with whole answers, and with streams where it was asked for."""
    request = case["request"]
    asked = not request.get("stream") or request.get("stream_options", {}).get("include_usage")
    if not asked:
        equal(say, "usage", seen.usage, None)
        return
    if not seen.usage:
        say("no usage")
        return
    usage = seen.usage
    prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
    equal(say, "total tokens", usage["total_tokens"], prompt + completion)
    texts = [text for message in request["messages"] for text in texts_of(message) if text.strip()]
    least = sum(map(len, texts)) // CHARS_PER_TOKEN
    if not is_cut and not least <= prompt <= least + MORE_TOKENS:
        say(f"{prompt} prompt tokens, expected about {least}")
    if not 1 <= completion <= 300:
        say(f"{completion} completion tokens")


def texts_of(message):
    content = message.get("content") or ""
    return [content] if isinstance(content, str) else [part.get("text", "") for part in content]
