"""One call through the official SDK, whatever it gives: an answer or an exception, in one shape for the judges."""

import time

import openai


class Seen:
    """What the application saw of one call."""

    language = "python"

    def __init__(self):
        self.exception = None
        self.status = None
        self.code = None
        self.object = None
        self.headers = {}
        # By choice, in the order of their indexes.
        self.texts = []
        self.refusal = ""
        # Name and arguments of each tool call of the first choice, and their ids.
        self.calls = []
        self.ids = []
        self.finishes = []
        self.usage = None
        self.model = None
        self.took = 0.0

    @property
    def text(self):
        return self.texts[0] if self.texts else ""

    @property
    def finish(self):
        return self.finishes[0] if self.finishes else None


def at_defaults(client, case):
    """The client as it comes. Where the case says so without its retries: the SDK rightly sleeps as long as it is told."""
    return client.with_options(max_retries=0) if case["no_client_retries"] else client


def ask(client, case):
    """Through the synchronous client."""
    seen, started, client = Seen(), time.monotonic(), at_defaults(client, case)
    try:
        raw = client.chat.completions.with_raw_response.create(**case["request"])
        take_head(seen, raw)
        answer = raw.parse()
        if case["delivery"] == "stream":
            for chunk in answer:
                take_chunk(seen, chunk)
        else:
            take_whole(seen, answer)
    except openai.OpenAIError as error:
        take_error(seen, error)
    seen.took = time.monotonic() - started
    return seen


async def ask_async(client, case):
    """Through the asynchronous client."""
    seen, started, client = Seen(), time.monotonic(), at_defaults(client, case)
    try:
        raw = await client.chat.completions.with_raw_response.create(**case["request"])
        take_head(seen, raw)
        answer = raw.parse()
        if case["delivery"] == "stream":
            async for chunk in answer:
                take_chunk(seen, chunk)
        else:
            take_whole(seen, answer)
    except openai.OpenAIError as error:
        take_error(seen, error)
    seen.took = time.monotonic() - started
    return seen


def take_head(seen, raw):
    seen.status = raw.status_code
    seen.headers = {name.lower(): value for name, value in raw.headers.items()}


def take_whole(seen, answer):
    first = answer.choices[0].message
    seen.texts = [it.message.content or "" for it in answer.choices]
    seen.refusal = first.refusal or ""
    seen.calls = [(it.function.name, it.function.arguments) for it in first.tool_calls or []]
    seen.ids = [it.id for it in first.tool_calls or []]
    seen.finishes = [it.finish_reason for it in answer.choices]
    seen.usage = answer.usage.model_dump() if answer.usage else None
    seen.model = answer.model
    seen.object = (answer.model_extra or {}).get("switchback")


def take_chunk(seen, chunk):
    seen.model = chunk.model or seen.model
    if chunk.usage:
        assert seen.usage is None, "usage comes twice"
        seen.usage = chunk.usage.model_dump()
    told = (chunk.model_extra or {}).get("switchback")
    if told is not None:
        assert seen.object is None, "two chunks carry our object"
        seen.object = told
    for choice in chunk.choices:
        while len(seen.texts) <= choice.index:
            seen.texts.append("")
            seen.finishes.append(None)
        seen.texts[choice.index] += choice.delta.content or ""
        seen.refusal += choice.delta.refusal or ""
        for it in choice.delta.tool_calls or []:
            if it.function.name:
                seen.calls.append((it.function.name, ""))
                seen.ids.append(it.id)
            name, arguments = seen.calls[it.index]
            seen.calls[it.index] = (name, arguments + (it.function.arguments or ""))
        seen.finishes[choice.index] = choice.finish_reason or seen.finishes[choice.index]


def take_error(seen, error):
    seen.exception = type(error).__name__
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        seen.code = body.get("code")
        seen.object = body.get("switchback")
    if isinstance(error, openai.APIStatusError):
        seen.status = error.status_code
        seen.headers = {name.lower(): value for name, value in error.response.headers.items()}
