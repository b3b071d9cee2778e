"""A provider simulator and a gateway in front of it, for the suites of all languages.

Started as a process: prints one line of JSON with the addresses and every case to try, and ends both when its standard
input closes. Every case has providers, routes and a task of its own, so that no breaker, cooling key or switched-off
credential of one case can touch another. Needs nothing but Python's standard library.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
APP_KEY = "sk-app-canary-7f3a9d"
PROVIDER_KEY = "sk-provider-canary-51c8"
DEADLINE_S = 8.0
DELIVERIES = ("whole", "stream")
FLAVORS = ("plain", "schema", "tools")


def expected(row, delivery, flavor):
    """The row of a fault with the exceptions for this delivery and flavor applied."""
    merged = {key: value for key, value in row.items() if key != "on"}
    for pattern, exceptions in row.get("on", {}).items():
        wanted_delivery, wanted_flavor = pattern.split("/")
        if wanted_delivery in ("*", delivery) and wanted_flavor in ("*", flavor):
            merged.update(exceptions)
            break
    return merged


def cases(catalogue, deep):
    """Every fault, with and without a stream, for text, a promised schema and tools; and alone on its ladder.

    Told to come back in two minutes the SDKs do wait two minutes, which only a deep run has time for.
    """
    for fault, row in catalogue.items():
        for delivery in DELIVERIES:
            for flavor in FLAVORS:
                yield {
                    "task": f"f-{fault}-{delivery}-{flavor}",
                    "fault": fault,
                    "delivery": delivery,
                    "flavor": flavor,
                    "alone": False,
                    "no_client_retries": False,
                    "expect": expected(row, delivery, flavor),
                }
            expect = expected(row, delivery, "plain")
            yield {
                "task": f"a-{fault}-{delivery}",
                "fault": fault,
                "delivery": delivery,
                "flavor": "plain",
                "alone": True,
                "no_client_retries": fault == "429-retry-after-long" and not deep,
                "expect": expect,
            }


def configuration(all_cases, listen, admin, base_url, refusing_url):
    """What an operator would write: for each case a primary that fails and, unless it is alone, a fallback."""
    lines = [
        "version = 1",
        "[server]",
        f'listen = "127.0.0.1:{listen}"',
        f'admin = "127.0.0.1:{admin}"',
        'app-keys = "env:SWITCHBACK_APP_KEYS"',
        'hold-head = "15s"',
        "[store]",
        'records = "sqlite:records.db"',
        "[defaults]",
        'retry-wait = "20ms..60ms"',
        f'deadline = "{DEADLINE_S:.0f}s"',
        'timeout = "1500ms"',
    ]
    for case in all_cases:
        task, fault = case["task"], case["fault"]
        url = refusing_url if fault == "refused" else base_url
        model = f"large-{task}" if fault == "ok" else f"large-{task}+{fault}"
        rungs = [f'{{ try = "p-{task}", first-token = "1s", idle = "700ms" }}']
        lines += [
            f"[provider.p-{task}]",
            'api = "openai-compatible"',
            f'base-url = "{url}"',
            'keys = ["env:SDK_PROVIDER_KEY"]',
            f"[route.p-{task}]",
            f'call = "p-{task}/{model}"',
        ]
        if not case["alone"]:
            rungs.append(f'{{ try = "b-{task}", first-token = "1s", idle = "700ms" }}')
            lines += [
                f"[provider.b-{task}]",
                'api = "openai-compatible"',
                f'base-url = "{base_url}"',
                'keys = ["env:SDK_PROVIDER_KEY"]',
                f"[route.b-{task}]",
                f'call = "b-{task}/backup-{task}"',
            ]
        lines += [f"[task.{task}]", "ladder = [", *(f"  {rung}," for rung in rungs), "]"]
    return "\n".join(lines) + "\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(url, process, log):
    for _ in range(400):
        if process.poll() is not None:
            raise SystemExit(f"the gateway ended with {process.returncode}:\n{log.read_text()[-4000:]}")
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit(f"the gateway is not ready:\n{log.read_text()[-4000:]}")


def main():
    binary = os.environ["SWITCHBACK_BINARY"]
    deep = os.environ.get("SWITCHBACK_TEST_DEEP") == "1"
    all_cases = list(cases(json.loads((HERE / "faults.json").read_text())["faults"], deep))
    # Those where the SDK itself waits and comes again take longest.
    all_cases.sort(key=lambda case: not (case["alone"] and case["expect"]["class"] == "rate_limited"))
    catalogue = subprocess.run([binary, "sim", "--faults"], check=True, capture_output=True, text=True).stdout
    offered = {line.split()[0] for line in catalogue.splitlines() if line.strip()}
    # A bound socket that does not listen: connections to it are refused, and nobody else can take the port.
    refusing = socket.socket()
    refusing.bind(("127.0.0.1", 0))
    with tempfile.TemporaryDirectory(prefix="switchback-sdk-") as folder:
        folder = Path(folder)
        sim = subprocess.Popen(
            [binary, "sim", "--port", "0", "--first-token", "1ms", "--between-tokens", "0ms"],
            stdout=subprocess.PIPE,
            stderr=(folder / "sim.log").open("w"),
            text=True,
        )
        base_url = sim.stdout.readline().split()[1]
        control = sim.stdout.readline().split()[1].rstrip("/")
        listen, admin = free_port(), free_port()
        refusing_url = f"http://127.0.0.1:{refusing.getsockname()[1]}/v1"
        config = folder / "switchback.toml"
        config.write_text(configuration(all_cases, listen, admin, base_url, refusing_url))
        log = folder / "gateway.log"
        environment = {
            **os.environ,
            "SWITCHBACK_APP_KEYS": f"web:{APP_KEY}",
            "SDK_PROVIDER_KEY": PROVIDER_KEY,
        }
        with log.open("w") as sink:
            gateway = subprocess.Popen(
                [binary, "serve", "-c", str(config)], cwd=folder, env=environment, stdout=sink, stderr=sink
            )
        try:
            wait_until_ready(f"http://127.0.0.1:{admin}/readyz", gateway, log)
            told = {
                "base_url": f"http://127.0.0.1:{listen}/v1",
                "admin": f"http://127.0.0.1:{admin}",
                "control": control,
                "app_key": APP_KEY,
                "secrets": [APP_KEY, PROVIDER_KEY],
                "deadline_s": DEADLINE_S,
                "log": str(log),
                "offered": sorted(offered),
                "cases": all_cases,
            }
            print(json.dumps(told), flush=True)
            sys.stdin.read()
        finally:
            for name, process in (("gateway", gateway), ("sim", sim)):
                if process.poll() is not None:
                    print(f"the {name} ended by itself with {process.returncode}:", file=sys.stderr)
                    print((folder / f"{name}.log").read_text()[-4000:], file=sys.stderr)
                process.terminate()
            for process in (gateway, sim):
                try:
                    process.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


if __name__ == "__main__":
    main()
