"""A browser, driven over WebDriver: the few commands that these tests need, with Python's standard library alone.

Starts a chromedriver of its own on a port that it chooses itself, and ends it with everything that it started.
"""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
TAB = "\ue004"


class WebDriverError(Exception):
    """What the driver says went wrong."""


class Element:
    """An element of the page at hand."""

    def __init__(self, browser, reference):
        self.browser = browser
        self.reference = reference

    def click(self):
        self.browser.command("POST", f"/element/{self.reference}/click", {})

    def type(self, text):
        self.browser.command("POST", f"/element/{self.reference}/value", {"text": text})

    def text(self):
        return self.browser.command("GET", f"/element/{self.reference}/text")


class Driver:
    """A chromedriver process."""

    def __init__(self, log):
        program = shutil.which("chromedriver")
        if program is None:
            raise SystemExit("missing: chromedriver (Debian's chromium-driver)")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [program, f"--port={self.port}", "--log-level=WARNING"], stdout=log, stderr=log
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                if self.send("GET", "/status")["ready"]:
                    return
            except (OSError, urllib.error.URLError):
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise SystemExit("chromedriver does not start")
            time.sleep(0.05)

    def send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=data, method=method, headers={"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise WebDriverError(f"{value['error']}: {value['message'].splitlines()[0]}") from None

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Browser:
    """One browser with a profile of its own."""

    def __init__(self, driver, javascript=True, width=1280, height=900, dark=False):
        self.driver = driver
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if program is None:
            raise SystemExit("missing: chromium")
        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            f"--window-size={width},{height}",
            # Whatever is not on this machine cannot be reached: a page that needs it shows.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
        if dark:
            arguments.append("--force-dark-mode")
        options = {"binary": program, "args": arguments, "prefs": {}}
        if not javascript:
            options["prefs"]["profile.managed_default_content_settings.javascript"] = 2
        wanted = {
            "alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                "timeouts": {"script": 30000, "pageLoad": 30000, "implicit": 0},
            }
        }
        self.session = driver.send("POST", "/session", {"capabilities": wanted})["sessionId"]

    def command(self, method, path, body=None):
        return self.driver.send(method, f"/session/{self.session}{path}", body)

    def close(self):
        self.command("DELETE", "")

    def open(self, url):
        self.command("POST", "/url", {"url": url})

    def url(self):
        return self.command("GET", "/url")

    def title(self):
        return self.command("GET", "/title")

    def source(self):
        return self.command("GET", "/source")

    def run(self, script, *arguments):
        """What the script returns, run by the driver: also where the page itself may run none."""
        return self.command("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        found = self.command("POST", "/element", {"using": "css selector", "value": selector})
        return Element(self, found[ELEMENT])

    def texts(self, selector):
        """The text of every element, as the document holds it, blanks collapsed."""
        script = "return [...document.querySelectorAll(arguments[0])].map(it => it.textContent)"
        return [" ".join(it.split()) for it in self.run(script, selector)]

    def text(self, selector):
        found = self.texts(selector)
        if len(found) != 1:
            raise AssertionError(f"{selector}: {len(found)} elements, wanted one")
        return found[0]

    def press(self, key):
        """A key, down and up again."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.command("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})

    def cdp(self, method, parameters=None):
        """A command of the browser's own protocol."""
        return self.command("POST", "/goog/cdp/execute", {"cmd": method, "params": parameters or {}})

    def log(self, kind):
        """What was logged since the last look."""
        return self.command("POST", "/se/log", {"type": kind})

    def requests(self):
        """Every address that was asked for since the last look."""
        messages = [json.loads(it["message"])["message"] for it in self.log("performance")]
        sent = [it["params"]["request"]["url"] for it in messages if it["method"] == "Network.requestWillBeSent"]
        return [it for it in sent if not it.startswith(("data:", "chrome", "about:"))]

    def resize(self, width, height):
        self.command("POST", "/window/rect", {"width": width, "height": height})

    def emulate(self, width, scheme="light"):
        """A screen of this width, whatever the window's least is, in this colour scheme."""
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.cdp("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.cdp("Emulation.setEmulatedMedia", {"features": features})

    def screenshot(self, path):
        """The whole page as a picture."""
        shot = self.cdp("Page.captureScreenshot", {"captureBeyondViewport": True})
        Path(path).write_bytes(base64.b64decode(shot["data"]))


def until(what, check, seconds=20):
    """What the check says as soon as it says something; never a wait for a time alone."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
