"""A provider simulator, gateways whose operators need no token, and one whose operators need one.

The first is given traffic that comes to everything a page can show: answers at first try, after a retry, after a move,
from a ready answer, errors, an open breaker, a disabled route, costs that are known and unknown, and names and texts
that look like markup.
"""

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

APP_KEY = "sk-app-canary-7f3a9d"
PROVIDER_KEY = "sk-provider-canary-51c8"
ADMIN_TOKEN = "admin-canary-0c77e1"
SECRETS = (APP_KEY, PROVIDER_KEY, ADMIN_TOKEN)
#: Stands wherever an operator, a caller or a provider may write: it is text on every page, and markup on none.
MARKUP = "<script>window.broken=1</script><b>\"&'"
LONG = "a-model-with-a-name-that-is-longer-than-any-page-is-wide-" + "x" * 90

CONFIG = """
version = 1
[server]
listen = "127.0.0.1:{listen}"
admin = "127.0.0.1:{admin}"
app-keys = "env:SWITCHBACK_APP_KEYS"
{token}
[store]
records = "sqlite:records.db"
[defaults]
retry-wait = "20ms..60ms"
deadline = "5s"
timeout = "2s"
[breaker]
opens-at = {{ failing = "50%", of-at-least = 4, within = "60s" }}
probe-every = "60s"

[provider.sim]
api = "openai-compatible"
base-url = "{sim}"
keys = ["env:BROWSER_PROVIDER_KEY"]

[route.good]
call = "sim/large"
usd-per-mtok = {{ in = 3.0, out = 15.0 }}
[route.busy]
call = "sim/large-busy+503"
usd-per-mtok = {{ in = 3.0, out = 15.0 }}
[route.down]
call = "sim/large-down+500"
[route.dead]
call = "sim/large-dead+500"
[route.spare]
call = "sim/large-spare"
[route.alone]
call = "sim/large-alone"
[route.long]
call = "sim/{long}"
[route.marked]
call = 'sim/{markup}'

[task.fine]
about = '''Answers at the first try. {markup}'''
ladder = [{{ try = "good" }}, {{ try = "spare" }}]
[task.recovers]
ladder = [{{ try = "busy", retries = 1 }}, {{ try = "good" }}, {{ try = "spare" }}]
[task.skips]
ladder = [{{ try = "down" }}, {{ try = "good" }}]
[task.ready]
ladder = [{{ try = "down" }}, {{ answer = "Come back later." }}]
[task.fails]
ladder = [{{ try = "dead" }}]
[task.lonely]
ladder = [{{ try = "alone" }}]
[task.spares]
ladder = [{{ try = "spare" }}, {{ try = "good" }}]
[task.quiet]
ladder = [{{ try = "marked" }}, {{ try = "long" }}]
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, body=None, headers=(), form=None):
    """Status, headers and text of an answer, whatever its status; redirects are not followed."""
    data = None
    sent = dict(headers)
    if body is not None:
        data, sent["content-type"] = json.dumps(body).encode(), "application/json"
    if form is not None:
        data = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data=data, headers=sent)

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    try:
        with urllib.request.build_opener(Stay).open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


class Gateway:
    """A gateway in a folder of its own."""

    def __init__(self, binary, folder, sim, token):
        self.binary = binary
        self.folder = Path(folder)
        self.folder.mkdir()
        self.token = token
        listen, admin = free_port(), free_port()
        self.api, self.admin = f"http://127.0.0.1:{listen}/v1", f"http://127.0.0.1:{admin}"
        text = CONFIG.format(
            listen=listen,
            admin=admin,
            sim=sim,
            long=LONG,
            markup=MARKUP.replace("'", ""),
            token='admin-token = "env:BROWSER_ADMIN_TOKEN"' if token else "",
        )
        (self.folder / "switchback.toml").write_text(text)
        self.environment = {
            **os.environ,
            "SWITCHBACK_APP_KEYS": f"web:{APP_KEY}",
            "BROWSER_PROVIDER_KEY": PROVIDER_KEY,
            "BROWSER_ADMIN_TOKEN": ADMIN_TOKEN,
        }
        self.log = self.folder / "log"
        with self.log.open("w") as sink:
            self.process = subprocess.Popen(
                [binary, "serve"], cwd=self.folder, env=self.environment, stdout=sink, stderr=sink
            )
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                if fetch(f"{self.admin}/readyz")[0] == 200:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the gateway is not ready:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    def ask(self, task, stream=False, client="browser-suite/1"):
        """A request of an application: its id."""
        body = {"model": task, "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
        headers = {"authorization": f"Bearer {APP_KEY}", "user-agent": client}
        _, answered, _ = fetch(f"{self.api}/chat/completions", body, headers)
        return answered["x-request-id"]

    def get(self, path):
        """What the admin API says."""
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"} if self.token else {}
        status, _, text = fetch(f"{self.admin}{path}", headers=headers)
        if status != 200:
            raise AssertionError(f"{path}: {status} {text}")
        return json.loads(text)

    def act(self, act, select, reason="a test"):
        """A change by the admin API."""
        body = {"select": select, "reason": reason, "revision": self.get("/admin/v1/status")["revision"], "by": "suite"}
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"} if self.token else {}
        status, _, text = fetch(f"{self.admin}/admin/v1/routes/{act}", body, headers)
        if status != 200:
            raise AssertionError(f"{act} {select}: {status} {text}")

    def explain(self, request_id):
        """What the command line tells of a request."""
        command = [self.binary, "--admin", self.admin, "--json", "explain", request_id]
        ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.folder, env=self.environment)
        return json.loads(ran.stdout)

    def explain_as_text(self, request_id):
        """The same as people read it."""
        command = [self.binary, "--admin", self.admin, "--color", "never", "explain", request_id]
        ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.folder, env=self.environment)
        return ran.stdout

    def state(self, route):
        return self.get(f"/admin/v1/routes/{route}")["state"]

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Stack:
    """The simulator and the gateways: one with traffic, two without, and one that needs a token."""

    def __init__(self, binary, folder):
        self.folder = Path(folder)
        self.gateways = []
        self.sim = subprocess.Popen(
            [binary, "sim", "--port", "0", "--first-token", "1ms", "--between-tokens", "0ms"],
            stdout=subprocess.PIPE,
            stderr=(self.folder / "sim.log").open("w"),
            text=True,
        )
        url = self.sim.stdout.readline().split()[1]
        self.open = self.start(binary, "open", url, token=False)
        self.empty = self.start(binary, "empty", url, token=False)
        self.busy = self.start(binary, "busy", url, token=False)
        self.guarded = self.start(binary, "guarded", url, token=True)
        self.ids = self.traffic(self.open)

    def start(self, binary, name, sim, token):
        gateway = Gateway(binary, self.folder / name, sim, token)
        self.gateways.append(gateway)
        return gateway

    @staticmethod
    def traffic(gateway):
        ids = {}
        # Four failures open the breaker of `down`; what comes afterwards skips it.
        ids["moved"] = gateway.ask("skips")
        for _ in range(5):
            ids["ready"] = gateway.ask("ready")
        if gateway.state("down") != "open":
            raise SystemExit(f"the breaker did not open: {gateway.get('/admin/v1/routes/down')}")
        ids["skipped"] = gateway.ask("skips")
        ids["fine"] = gateway.ask("fine", client=MARKUP)
        ids["streamed"] = gateway.ask("fine", stream=True)
        ids["recovered"] = gateway.ask("recovers")
        ids["failed"] = gateway.ask("fails")
        ids["long"] = gateway.ask("quiet")
        gateway.act("disable", "spare", reason=MARKUP)
        ids["disabled"] = gateway.ask("spares")
        return ids

    def close(self):
        for gateway in self.gateways:
            gateway.close()
        self.sim.terminate()
        self.sim.wait(timeout=15)
