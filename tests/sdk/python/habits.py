"""What applications do with the SDK besides one plain call: lists, helpers that parse, usage, several choices, deadlines."""

import openai
from pydantic import BaseModel

HABITS = []


class Form(BaseModel):
    """A promised answer, as applications declare it."""

    city: str
    count: int
    urgent: bool


def habit(check):
    """A check by its sentence; it fails by an exception of its own."""
    HABITS.append((check.__doc__, check))
    return check


def run(stack):
    """Every habit with what is wrong with it."""
    told = stack.told
    client = openai.OpenAI(base_url=told["base_url"], api_key=told["app_key"])
    results = []
    for name, check in HABITS:
        try:
            check(client, stack)
            results.append((name, []))
        except (AssertionError, openai.OpenAIError, KeyError, IndexError) as error:
            results.append((name, [f"{type(error).__name__}: {error}"]))
    return results


def said(words):
    return [{"role": "user", "content": words}]


def raised(exception, call):
    """What a call raises, which must be exactly this."""
    try:
        call()
    except openai.OpenAIError as error:
        assert type(error) is exception, f"{type(error).__name__}: {error}"
        return error
    raise AssertionError("nothing was raised")


@habit
def tasks_are_listed(client, _):
    """the list of models names the tasks, and each can be asked for"""
    listed = [it.id for it in client.models.list()]
    assert "f-ok-oai-whole-plain" in listed
    assert client.models.retrieve("f-ok-oai-whole-plain").id == "f-ok-oai-whole-plain"


@habit
def parse_helper(client, _):
    """parse() gives a whole object whatever the primary does to the schema"""
    for fault in ("broken-json", "missing-field", "truncated"):
        for vendor in ("oai", "ant"):
            answer = client.chat.completions.parse(
                model=f"f-{fault}-{vendor}-whole-schema", messages=said(f"parse {fault}"), response_format=Form
            )
            assert isinstance(answer.choices[0].message.parsed, Form), (fault, vendor)
            assert answer.model_extra["switchback"]["outcome"] == "recovered", (fault, vendor)


@habit
def stream_helper(client, _):
    """the stream helper ends with the fallback's whole answer"""
    for vendor in ("oai", "ant"):
        ask = {"model": f"f-malformed-first-{vendor}-stream-plain", "messages": said("helper")}
        with client.chat.completions.stream(**ask) as stream:
            for _ in stream:
                pass
            text = stream.get_final_completion().choices[0].message.content
        assert text.startswith("Simulated answer of backup-") and text.endswith("."), text


@habit
def usage_where_asked_for(client, _):
    """usage comes with a stream where it was asked for, and only there"""
    for vendor in ("oai", "ant"):
        ask = {"model": f"f-ok-{vendor}-stream-plain", "messages": said("usage"), "stream": True}
        with_usage = [it.usage for it in client.chat.completions.create(**ask, stream_options={"include_usage": True})]
        assert with_usage[-1] is not None and with_usage[-1].total_tokens > 0, vendor
        assert all(it is None for it in with_usage[:-1]), vendor
        assert all(it.usage is None for it in client.chat.completions.create(**ask)), vendor


@habit
def several_choices(client, _):
    """several choices arrive whole, streamed or not"""
    ask = {"model": "f-ok-oai-whole-plain", "messages": said("twice"), "n": 2}
    answer = client.chat.completions.create(**ask)
    assert [it.finish_reason for it in answer.choices] == ["stop", "stop"]
    texts, finishes = {}, {}
    for chunk in client.chat.completions.create(**ask, stream=True):
        for it in chunk.choices:
            texts[it.index] = texts.get(it.index, "") + (it.delta.content or "")
            finishes[it.index] = it.finish_reason or finishes.get(it.index)
    assert finishes == {0: "stop", 1: "stop"}, finishes
    assert all(it.startswith("Simulated answer of") and it.endswith(".") for it in texts.values()), texts


@habit
def unknown_task(client, _):
    """a model that is no task is not found, once"""
    error = raised(openai.NotFoundError, lambda: client.chat.completions.create(model="gpt-9", messages=said("x")))
    assert error.code == "model_not_found" and error.response.headers["x-should-retry"] == "false"


@habit
def wrong_key(client, stack):
    """a key that nobody knows is an authentication error"""
    stranger = openai.OpenAI(base_url=stack.told["base_url"], api_key="sk-nobody")
    ask = {"model": "f-ok-oai-whole-plain", "messages": said("x")}
    raised(openai.AuthenticationError, lambda: stranger.chat.completions.create(**ask))


@habit
def own_deadline(client, stack):
    """a client's own timeout gets our clear error in time, not a broken connection"""
    hurried = client.with_options(timeout=1.2)
    before = len(stack.records("a-hang-oai-whole"))
    error = raised(
        openai.APIStatusError, lambda: hurried.chat.completions.create(model="a-hang-oai-whole", messages=said("hurry"))
    )
    assert error.status_code == 424 and error.body["code"] == "deadline", error.body
    assert len(stack.records("a-hang-oai-whole")) == before + 1


@habit
def sticky_block(client, stack):
    """what was blocked by policy is not asked again, nowhere"""
    ask = {"model": "f-policy-oai-whole-plain", "messages": said("blocked once, blocked for a while")}
    raised(openai.BadRequestError, lambda: client.chat.completions.create(**ask))
    before = sum(len(it) for it in stack.calls().values())
    error = raised(openai.BadRequestError, lambda: client.chat.completions.create(**{**ask, "model": "f-ok-oai-whole-plain"}))
    assert error.code == "content_policy_violation", error.body
    assert error.body["switchback"]["outcome"] == "refused" and error.body["switchback"]["attempts"] == []
    assert sum(len(it) for it in stack.calls().values()) == before, "the provider was asked"
