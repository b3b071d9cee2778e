"""Starts the stack and asks the provider and the operator's side what they saw."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path


class Stack:
    """A running simulator and gateway; ends both on exit."""

    def __enter__(self):
        script = Path(__file__).resolve().parent.parent / "stack.py"
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ, text=True
        )
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the stack did not start")
        self.told = json.loads(line)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=30)

    def records(self, task):
        """The gateway's records of a task, oldest first."""
        found = get(f"{self.told['admin']}/admin/v1/requests?limit=1000&task={task}")
        return list(reversed(json.loads(found)))

    def calls(self):
        """The calls that the simulator saw, by model."""
        seen = {}
        for call in json.loads(get(f"{self.told['control']}/calls")):
            seen.setdefault(call["model"], []).append(call)
        return seen

    def open_calls(self):
        return json.loads(get(f"{self.told['control']}/state"))["open_calls"]

    def log(self):
        return Path(self.told["log"]).read_text()


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()
