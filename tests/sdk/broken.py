"""A provider whose answers are broken in ways that can be mended, in the shapes of both vendors.

The model's name says how, before its first dot, and what it is asked for, before its second: `fence.schema.…`. A name
that begins with `again` stands for a model that answers soundly once it is shown its answer and what is wrong with it.
It never sends a request anywhere, and it refuses whatever a gateway must not have sent.
"""

import json
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

SOUND = {"tools": {"days": 1, "city": "Lyon"}}
FILLED = {"city": "Lyon", "count": 1, "urgent": True}
JSON = ("schema", "contract")
# The words in which a JSON object is asked for where a vendor has no native form for it.
ASKED_IN_WORDS = "one JSON object"


@dataclass(frozen=True)
class Variant:
    """One way to be broken, for these flavors, and who mends it (`local`, `model`, or nobody has to)."""

    name: str
    by: str
    flavors: tuple
    only: tuple = ()
    json_object: bool = False


# A tool's input is a value in Anthropic's whole answers: only a value in the wrong type can be broken there.
AS_TEXT = (("openai", "whole"), ("openai", "stream"), ("anthropic", "stream"))
VARIANTS = (
    Variant("fence", "local", JSON),
    Variant("prose", "local", JSON),
    Variant("comma", "local", JSON),
    Variant("quotes", "local", JSON),
    Variant("bracket", "local", JSON),
    Variant("coercion", "local", (*JSON, "tools")),
    Variant("everything", "local", JSON),
    Variant("comma-call", "local", ("tools",), AS_TEXT),
    Variant("bracket-call", "local", ("tools",), AS_TEXT),
    Variant("again", "model", (*JSON, "tools")),
    Variant("words", "nobody", ("contract",), (("anthropic", "whole"), ("anthropic", "stream")), True),
)


def broken(how, flavor):
    """The text of an answer, or of a call's arguments."""
    sound = json.dumps(SOUND.get(flavor, FILLED))
    coerced = json.dumps({key: str(it).lower() if type(it) is not str else it for key, it in json.loads(sound).items()})
    return {
        "fence": f"```json\n{sound}\n```",
        "prose": f"Here is the form:\n{sound}\nIs there anything else?",
        "comma": sound.replace("}", ",}"),
        "quotes": sound.replace('"', "'"),
        "bracket": sound.removesuffix("}"),
        "coercion": coerced,
        "everything": f"Sure!\n```json\n{coerced.replace('}', ',}')}\n```\nAnything else?",
        "comma-call": sound.replace("}", ",}"),
        "bracket-call": sound.removesuffix("}"),
        "again": json.dumps({**json.loads(sound), "city": 7}),
        "words": json.dumps(FILLED),
    }[how]


class Broken(BaseHTTPRequestHandler):
    """Answers one call."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Says nothing."""

    def do_POST(self):  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        openai = self.path.endswith("/chat/completions")
        how, flavor, _ = body["model"].split(".", 2)
        wrong = objection(body, how, flavor, openai)
        if wrong:
            self.send(400, "application/json", json.dumps({"type": "error", "error": {"type": "x", "message": wrong}}))
            return
        last = body["messages"][-1]["content"]
        shown = how == "again" and "cannot be used" in (last if isinstance(last, str) else last[-1]["text"])
        said = json.dumps(SOUND.get(flavor, FILLED)) if shown else broken(how, flavor)
        tell = (whole_openai, stream_openai) if openai else (whole_anthropic, stream_anthropic)
        streams = body.get("stream") is True
        kind = "text/event-stream" if streams else "application/json"
        self.send(200, kind, tell[streams](body["model"], said, flavor == "tools"))

    def send(self, status, kind, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def objection(body, how, flavor, openai):
    """What is wrong with how the form of the answer was asked for."""
    asked = body.get("response_format", {}).get("json_schema") if openai else body.get("output_config", {}).get("format")
    if flavor in JSON and how != "words" and not (asked or {}).get("schema"):
        return "the schema did not come in this vendor's own form"
    if flavor == "tools" and not body.get("tools"):
        return "the tools did not come"
    if how == "words" and (asked or ASKED_IN_WORDS not in body.get("system", "")):
        return "a JSON object was not asked for in words"
    return None


def whole_openai(model, said, calls):
    message = {"role": "assistant", "content": None if calls else said, "refusal": None}
    if calls:
        message["tool_calls"] = [openai_call(said)]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if calls else "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    head = {"id": "chatcmpl-b", "object": "chat.completion", "created": 1_760_000_000, "model": f"{model}-b"}
    return json.dumps({**head, "choices": [choice], "usage": usage})


def stream_openai(model, said, calls):
    head = {"id": "chatcmpl-b", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": f"{model}-b"}
    chunk = lambda delta, end=None: {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}  # noqa: E731
    half = len(said) // 2
    if calls:
        piece = lambda text: chunk({"tool_calls": [{"index": 0, "function": {"arguments": text}}]})  # noqa: E731
        opened = {"index": 0, **openai_call("")}
        pieces = [chunk({"role": "assistant", "tool_calls": [opened]}), piece(said[:half]), piece(said[half:])]
    else:
        pieces = [chunk({"role": "assistant", "content": said[:half]}), chunk({"content": said[half:]})]
    usage = {**head, "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}}
    events = [*pieces, chunk({}, "tool_calls" if calls else "stop"), usage]
    return "".join(f"data: {json.dumps(it)}\n\n" for it in events) + "data: [DONE]\n\n"


def openai_call(said):
    return {"id": "call_b", "type": "function", "function": {"name": "get_weather", "arguments": said}}


def whole_anthropic(model, said, calls):
    block = {"type": "tool_use", "id": "toolu_b", "name": "get_weather", "input": json.loads(said)} if calls else None
    message = anthropic_message(model, [block or {"type": "text", "text": said}])
    return json.dumps({**message, "stop_reason": "tool_use" if calls else "end_turn"})


def stream_anthropic(model, said, calls):
    half = len(said) // 2
    block = {"type": "tool_use", "id": "toolu_b", "name": "get_weather", "input": {}} if calls else None
    kind, member = ("input_json_delta", "partial_json") if calls else ("text_delta", "text")
    events = [
        {"type": "message_start", "message": anthropic_message(model, [])},
        {"type": "content_block_start", "index": 0, "content_block": block or {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": kind, member: piece}}
            for piece in (said[:half], said[half:])
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use" if calls else "end_turn"},
            "usage": {"output_tokens": 5},
        },
        {"type": "message_stop"},
    ]
    return "".join(f"event: {it['type']}\ndata: {json.dumps(it)}\n\n" for it in events)


def anthropic_message(model, content):
    usage = {"input_tokens": 9, "output_tokens": 5}
    head = {"id": "msg_b", "type": "message", "role": "assistant", "model": f"{model}-b", "content": content}
    return {**head, "stop_reason": None, "stop_sequence": None, "usage": usage}


def start():
    """Starts it on a free port of this machine; its address without a path."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"
