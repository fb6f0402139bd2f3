"""A headless Chromium, driven over its DevTools pipe: nothing else is needed (Debian: apt-get install chromium)."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
_OPTIONS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
)
_CODES: Final = {"Enter": 13, "Escape": 27, "Tab": 9, " ": 32}


class Browser:
    """One tab.

    Attributes:
        said: what the page wrote to the console or what the browser complained of, such as a policy that was not kept.
        asked: every address that was requested.
        answered: an expression that holds once a page has answered what was done, such as a change of its address.
    """

    def __init__(self, command: list[str]) -> None:
        here_reads, browser_writes = os.pipe()
        browser_reads, here_writes = os.pipe()

        def wired() -> None:  # the pipe is what lies at 3 and 4
            ends = os.dup(browser_reads), os.dup(browser_writes)
            for end, number in zip(ends, (3, 4), strict=True):
                os.dup2(end, number)

        self._process = subprocess.Popen(
            command, preexec_fn=wired, close_fds=False, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        os.close(browser_reads)
        os.close(browser_writes)
        self._in, self._out = os.fdopen(here_reads, "rb"), os.fdopen(here_writes, "wb")
        self._number, self._rest = 0, b""
        self._session = ""
        self._seen: set[str] = set()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.answered = "true"
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def close(self) -> None:
        """End it and wait for it."""
        self._call("Browser.close")
        self._process.wait(30)
        self._in.close()
        self._out.close()

    def look(self, width: int = 1280, height: int = 800, *, dark: bool = False, media: str = "") -> None:
        """The size of the window in CSS pixels, what the reader prefers, and "print" for a printer's view."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def open(self, page: Path, fragment: str = "") -> float:
        """Open a page from disk anew; the seconds until it was loaded, its scripts run and its first frame drawn."""
        self._call("Page.navigate", url="about:blank")
        self._wait_for("Page.loadEventFired")
        self.said.clear()
        self.asked.clear()
        self._seen.discard("Page.loadEventFired")
        self._call("Page.navigate", url=page.as_uri() + fragment)
        self._wait_for("Page.loadEventFired")
        drawn = "new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now() / 1000))))"
        return float(self.run(drawn))

    def run(self, script: str, *values: Any) -> Any:
        """What an expression comes to, as plain data; `$0`, `$1` … in it are the values."""
        for number, value in enumerate(values):
            script = script.replace(f"${number}", json.dumps(value))
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press keys one after the other: characters, or Enter, Escape, Tab."""
        for key in keys:
            text = "\r" if key == "Enter" else key if len(key) == 1 else ""
            about = {"key": key, "windowsVirtualKeyCode": _CODES.get(key, ord(key.upper()) if len(key) == 1 else 0)}
            self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **about)
            self._call("Input.dispatchKeyEvent", type="keyUp", **about)
        self.settle()

    def click(self, selector: str) -> None:
        """Click with the mouse in the middle of the first element that a selector finds."""
        script = """(() => {
            const found = document.querySelector($0);
            found.scrollIntoView({block: "center"});
            const box = found.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        })()"""
        x, y = self.run(script, selector)
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def settle(self) -> None:
        """Let the page answer what was just done: until `answered` holds, and a frame more."""
        seen = "requestAnimationFrame(() => setTimeout(done))"
        self.run(f"new Promise((done) => {{const see = () => {self.answered} ? {seen} : setTimeout(see, 5); see()}})")

    def picture(self, *, whole: bool = False) -> bytes:
        """What is to be seen, as a PNG; `whole`: beyond the window, too."""
        return base64.b64decode(self._call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def printed(self) -> bytes:
        """What a printer gets, as a PDF."""
        return base64.b64decode(self._call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": arguments}
        if self._session and not method.startswith("Browser."):
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])

    def _wait_for(self, event: str) -> None:
        while event not in self._seen:
            self._next()
        self._seen.discard(event)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = self._in.read1(1 << 20)
            assert piece, "the browser ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        told, about = found.get("method", ""), found.get("params", {})
        self._seen.add(told)
        if told in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.said.append(json.dumps(about))
        elif told == "Network.requestWillBeSent":
            self.asked.append(about["request"]["url"])
        return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own, ended at the end.

    Raises:
        FileNotFoundError: there is none; the message says how to get one.
    """
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise FileNotFoundError("no Chromium is installed here; on Debian: apt-get install --no-install-recommends chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        made = Browser([found, *_OPTIONS, "--remote-debugging-pipe", f"--user-data-dir={profile}"])
        try:
            yield made
        finally:
            made.close()
