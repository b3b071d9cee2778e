"""The official OpenAI SDKs, unmodified and at their defaults, against every fault of the simulator.

`suite.py sync|async|node`: runs one SDK, prints what is wrong, and as its last line `N passed, N failed`.
"""

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai

import habits
from exchange import Seen, ask, ask_async
from judge import judge
from stack_client import Stack

AT_ONCE = 16
NODE = Path(__file__).resolve().parent.parent / "node"


def run_sync(told):
    client = openai.OpenAI(base_url=told["base_url"], api_key=told["app_key"])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda case: ask(client, case), told["cases"]))


def run_async(told):
    async def run():
        client = openai.AsyncOpenAI(base_url=told["base_url"], api_key=told["app_key"])
        places = asyncio.Semaphore(AT_ONCE)

        async def one(case):
            async with places:
                return await ask_async(client, case)

        return await asyncio.gather(*(one(case) for case in told["cases"]))

    return asyncio.run(run())


def run_node(told, cases, with_habits):
    """What Node's SDK saw of these cases, and of its habits."""
    asked = json.dumps({**told, "cases": cases, "habits": with_habits})
    ran = subprocess.run(["node", str(NODE / "exchange.mjs")], input=asked, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise SystemExit(f"node ended with {ran.returncode}:\n{ran.stderr}")
    answer = json.loads(ran.stdout)
    seen = []
    for it in answer["seen"]:
        one = Seen()
        vars(one).update(it, language="node")
        seen.append(one)
    return seen, [tuple(it) for it in answer["habits"]]


def run(kind, told):
    if kind == "node":
        return run_node(told, told["cases"], with_habits=False)[0]
    return run_async(told) if kind == "async" else run_sync(told)


def run_habits(kind, stack):
    if kind == "node":
        return run_node(stack.told, [], with_habits=True)[1]
    return habits.run(stack)


def main():
    kind = sys.argv[1]
    n_passed = n_failed = 0

    def note(name, wrong):
        nonlocal n_passed, n_failed
        if wrong:
            n_failed += 1
            print(f"FAILED {name}")
            for it in wrong:
                print(f"       {it}")
        else:
            n_passed += 1

    with Stack() as stack:
        told = stack.told
        covered = {case["fault"] for case in told["cases"] if case["kind"] == "fault"}
        note("every fault of the catalogue is tried", [f"{it} is not" for it in sorted(set(told["offered"]) ^ covered)])
        seen = run(kind, told)
        calls = stack.calls()
        for case, it in zip(told["cases"], seen, strict=True):
            records = stack.records(case["task"])
            note(case["task"], judge(case, it, records, calls, told["deadline_s"]))
        for name, wrong in run_habits(kind, stack):
            note(name, wrong)
        log = stack.log()
        note("no secret is in the log", ["one is" for it in told["secrets"] if it in log])
        note("no call is left open", [f"{n} are" for n in [stack.open_calls()] if n])
    print(f"{n_passed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
