"""The dashboard in a real browser: headless Chromium, against a gateway and simulated providers on this machine.

Needs `chromium`, `chromedriver` and nothing but Python's standard library. Takes words of the names of the tests to run
as arguments; without any it runs all. The last line is `N passed, N failed`.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import acts
import facts
import pages
from stack import Stack, fetch, free_port
from webdriver import Browser, Driver


class World:
    """What every test may use."""

    def __init__(self, binary, folder, driver):
        self.binary, self.driver = binary, driver
        self.stack = Stack(binary, folder)
        self.shared = {}
        self.own = []

    def browser(self, javascript):
        """A browser that tests which only look share."""
        if javascript not in self.shared:
            self.shared[javascript] = Browser(self.driver, javascript)
            self.shared[javascript].emulate(1280)
        return self.shared[javascript]

    def fresh(self, javascript=True):
        """A browser for one test alone."""
        self.own.append(Browser(self.driver, javascript))
        return self.own[-1]

    def tidy(self):
        while self.own:
            self.own.pop().close()

    @contextlib.contextmanager
    def demo(self):
        """The address of a demo's operators' side."""
        port = free_port()
        command = [self.binary, "demo", "--port", str(port), "--rate", "1"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        admin = f"http://127.0.0.1:{port + 1}"
        try:
            deadline = time.monotonic() + 30
            while True:
                with contextlib.suppress(OSError):
                    if fetch(f"{admin}/readyz")[0] == 200:
                        break
                assert process.poll() is None and time.monotonic() < deadline, "the demo does not start"
                time.sleep(0.05)
            yield admin
        finally:
            process.kill()
            process.wait()

    def close(self):
        self.tidy()
        for browser in self.shared.values():
            browser.close()
        self.stack.close()


def run(world, wanted):
    passed = failed = 0
    for module in (pages, facts, acts):
        for name, test in module.promises(world):
            if wanted and not all(it in name for it in wanted):
                continue
            try:
                test()
                passed += 1
                print(f"ok      {name}", flush=True)
            except Exception:
                failed += 1
                print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
            finally:
                world.tidy()
    return passed, failed


def main():
    binary = str(Path(os.environ["SWITCHBACK_BINARY"]).resolve())
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="switchback-browser-") as folder, contextlib.ExitStack() as stack:
        driver = Driver(stack.enter_context((Path(folder) / "chromedriver.log").open("w")))
        stack.callback(driver.close)
        world = World(binary, folder, driver)
        stack.callback(world.close)
        passed, failed = run(world, sys.argv[1:])
        for gateway in world.stack.gateways:
            if gateway.process.poll() is not None:
                print(f"FAILED  a gateway ended by itself:\n{gateway.log.read_text()[-4000:]}")
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
