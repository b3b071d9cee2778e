"""A provider simulator, a provider of broken answers and a gateway in front of both, for the suites of all languages.

Started as a process: prints one line of JSON with the addresses and every case to try, and ends them all when its
standard input closes. Needs nothing but Python's standard library.
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

import broken
from cases import FORM, OTHER, all_cases

# Failures that switch a key off or let it cool.
OF_KEYS = ("rate_limited", "quota_exhausted", "auth")
API = {"openai": "openai-compatible", "anthropic": "anthropic"}
APP_KEY = "sk-app-canary-7f3a9d"
PROVIDER_KEY = "sk-provider-canary-51c8"
DEADLINE_S = 14.0


def configuration(all_cases, listen, admin, urls):
    """What an operator would write: for each case a primary, and unless it is alone a fallback at the other vendor."""
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
        'timeout = "2500ms"',
        "[contract.form]",
        'schema = "form.schema.json"',
    ]
    providers = {}
    for case in all_cases:
        task, vendor = case["task"], case["vendor"]
        at = "refusing" if case["fault"] == "refused" else case["at"]
        # What happens to a key happens to the provider: such a case has one of its own.
        owned = case["expect"].get("class") in OF_KEYS
        calls = [("p", vendor, at, f"p-{task}" if owned else f"{at}-{vendor}")]
        if not case["alone"]:
            calls.append(("b", OTHER[vendor], "sim", f"sim-{OTHER[vendor]}"))
        providers.update({provider: (api, at) for _, api, at, provider in calls})
        for (place, *_, provider), model in zip(calls, case["models"], strict=False):
            lines += [f"[route.{place}-{task}]", f'call = "{provider}/{model}"']
            if case["contract"]:
                # Of a server that nobody knows it has to be said that it can hold an answer to a schema.
                lines += ['can = ["chat", "tools", "json", "images", "stream"]']
        lines += [f"[task.{task}]", *(['contract = "form"'] if case["contract"] else []), "ladder = ["]
        lines += [f'  {{ try = "{place}-{task}", first-token = "2s", idle = "1200ms" }},' for place, *_ in calls]
        lines += ["]"]
    for provider, (vendor, at) in providers.items():
        lines += [
            f"[provider.{provider}]",
            f'api = "{API[vendor]}"',
            f'base-url = "{urls[at]}{"/v1" if vendor == "openai" else ""}"',
            'keys = ["env:SDK_PROVIDER_KEY"]',
        ]
    return "\n".join(lines) + "\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def script(control, model, faults):
    """Sets which faults the calls of a model meet, one after the other."""
    rule = json.dumps({"model": model, "faults": faults}).encode()
    with urllib.request.urlopen(f"{control}/faults", data=rule, timeout=10) as answer:
        answer.read()


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
    cases = all_cases(deep)
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
        printed = dict(sim.stdout.readline().split() for _ in range(3))
        urls = {
            "sim": printed["anthropic"],
            "refusing": f"http://127.0.0.1:{refusing.getsockname()[1]}",
            "broken": broken.start(),
        }
        control = printed["control"].rstrip("/")
        for case in cases:
            if "sequence" in case:
                script(control, case["models"][0], case["sequence"])
        listen, admin = free_port(), free_port()
        config = folder / "switchback.toml"
        config.write_text(configuration(cases, listen, admin, urls))
        (folder / "form.schema.json").write_text(json.dumps(FORM))
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
                "cases": cases,
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
