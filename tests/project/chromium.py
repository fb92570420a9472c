"""A real browser without a window, for tests of pages: Chromium's own protocol, spoken through a pair of pipes."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
MISSING = PROGRAM is None or sys.platform == "win32"  # the pipes are handed over as Unix does it
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run", "about:blank"]


class Chromium:
    """One tab: `open` a page, `evaluate` an expression in it, press keys, print."""

    def __init__(self):
        import fcntl  # Windows has none

        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        ends = (*os.pipe(), *os.pipe())
        theirs_in, ours_out, ours_in, theirs_out = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends)
        for end in ends:
            os.close(end)
        # Chromium reads its descriptor 3 and writes to 4; Bash puts the pipes there.
        shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        words = ["bash", "-c", shell, "bash", PROGRAM, f"--user-data-dir={self.profile.name}", *FLAGS]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(words, pass_fds=(theirs_in, theirs_out), **quiet)
        os.close(theirs_in)
        os.close(theirs_out)
        self.to, self.back, self.rest, self.count, self.session, self.said = ours_out, ours_in, b"", 0, None, []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self(f"{domain}.enable")

    def receive(self) -> dict:
        while b"\0" not in self.rest:
            if not (more := os.read(self.back, 1 << 20)):
                raise RuntimeError("Chromium has ended.")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(message)
        if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
            self.said.append(json.dumps(message["params"]))
        return message

    def __call__(self, method: str, **parameters) -> dict:
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        os.write(self.to, json.dumps(message | ({"sessionId": self.session} if self.session else {})).encode() + b"\0")
        while (answer := self.receive()).get("id") != self.count:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def look(self, width: int = 1280, dark: bool = False, calm: bool = False) -> None:
        """The width of the window, and what the reader prefers; for the pages that are opened from now on."""
        phone = width < 600
        self("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=phone)
        wishes = {"color-scheme": "dark" if dark else "light", "reduced-motion": "reduce" if calm else "no-preference"}
        self("Emulation.setEmulatedMedia", features=[{"name": f"prefers-{k}", "value": v} for k, v in wishes.items()])

    def open(self, page: Path | str) -> None:
        """Open a file and wait until it is loaded; what goes wrong in it from now on is kept in `said`."""
        self.said.clear()
        self("Page.navigate", url=page.as_uri() if isinstance(page, Path) else page)
        while self.receive().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression: str):
        answer = self("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        text = {"Enter": "\r", " ": " "}.get(key, key if len(key) == 1 else "")
        code = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Tab": 9}.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            self("Input.dispatchKeyEvent", type=kind, key=key, text=text, windowsVirtualKeyCode=code or ord(key[0]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(RuntimeError, OSError):
            self.session = None
            self("Browser.close")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        os.close(self.to)
        os.close(self.back)
        time.sleep(0.1)
        self.profile.cleanup()
