"""One call through the official SDK, whatever it gives: an answer or an exception, in one shape for the judges."""

import time

import openai

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "count": {"type": "integer"},
        "urgent": {"type": "boolean"},
    },
    "required": ["city", "count", "urgent"],
    "additionalProperties": False,
}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city", "days"],
                "additionalProperties": False,
            },
        },
    }
]
PROMPTS = {"plain": "Say hello.", "schema": "Fill in the form.", "tools": "Please use a tool for the weather."}


class Seen:
    """What the application saw of one call."""

    language = "python"

    def __init__(self):
        self.exception = None
        self.status = None
        self.code = None
        self.object = None
        self.headers = {}
        self.text = ""
        self.refusal = ""
        self.calls = []
        self.finish = None
        self.model = None
        self.took = 0.0


def request_of(case):
    # A blocked request stays blocked for a while whoever is asked: every case has words of its own.
    prompt = f"{case['task']}: {PROMPTS[case['flavor']]}"
    request = {"model": case["task"], "messages": [{"role": "user", "content": prompt}]}
    if case["flavor"] == "schema":
        form = {"name": "form", "strict": True, "schema": SCHEMA}
        request["response_format"] = {"type": "json_schema", "json_schema": form}
    if case["flavor"] == "tools":
        request["tools"] = TOOLS
    return request


def at_defaults(client, case):
    """The client as it comes. Where the case says so without its retries: the SDK rightly sleeps as long as it is told."""
    return client.with_options(max_retries=0) if case["no_client_retries"] else client


def ask(client, case):
    """Through the synchronous client."""
    seen, started, client = Seen(), time.monotonic(), at_defaults(client, case)
    try:
        raw = client.chat.completions.with_raw_response.create(**request_of(case), stream=case["delivery"] == "stream")
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
        raw = await client.chat.completions.with_raw_response.create(
            **request_of(case), stream=case["delivery"] == "stream"
        )
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
    choice = answer.choices[0]
    seen.text = choice.message.content or ""
    seen.refusal = choice.message.refusal or ""
    seen.calls = [(it.function.name, it.function.arguments) for it in choice.message.tool_calls or []]
    seen.finish = choice.finish_reason
    seen.model = answer.model
    seen.object = (answer.model_extra or {}).get("switchback")


def take_chunk(seen, chunk):
    seen.model = chunk.model or seen.model
    told = (chunk.model_extra or {}).get("switchback")
    if told is not None:
        assert seen.object is None, "two chunks carry our object"
        seen.object = told
    for choice in chunk.choices:
        seen.text += choice.delta.content or ""
        seen.refusal += choice.delta.refusal or ""
        for it in choice.delta.tool_calls or []:
            if it.function.name:
                seen.calls.append((it.function.name, ""))
            name, arguments = seen.calls[it.index]
            seen.calls[it.index] = (name, arguments + (it.function.arguments or ""))
        seen.finish = choice.finish_reason or seen.finish


def take_error(seen, error):
    seen.exception = type(error).__name__
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        seen.code = body.get("code")
        seen.object = body.get("switchback")
    if isinstance(error, openai.APIStatusError):
        seen.status = error.status_code
        seen.headers = {name.lower(): value for name, value in error.response.headers.items()}
