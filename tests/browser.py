"""Open pages in headless Chromium and say what went wrong on them.

Chromium is spoken to in its own DevTools protocol, over one WebSocket. It can't reach the
network: any name other than 127.0.0.1 is unknown to it.
"""

import importlib.util
import json
import os
import subprocess
import tempfile
import time
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import pytest

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)  # fmt: skip
PATIENCE = 60  # seconds


def load():
    """The script slides/make.py as a module."""
    script = Path(__file__).resolve().parents[1] / "slides" / "make.py"
    description = importlib.util.spec_from_file_location("make", script)
    module = importlib.util.module_from_spec(description)
    description.loader.exec_module(module)
    return module


make = load()
find_chromium = make.find_chromium  # tests and slides look for the same browser


def skip_or_fail(reason: str) -> None:
    """Skip this test for want of a tool; on CI, fail instead."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Visit:
    """What happened while one page was opened."""

    url: str
    errors: list[str] = field(default_factory=list)  # console errors and exceptions
    failed: list[str] = field(default_factory=list)  # requests that failed
    requested: list[str] = field(default_factory=list)  # all addresses

    @property
    def outside(self) -> list[str]:
        """The addresses on other machines that the page asked for."""
        near = ("file", "data", "blob", "about", "chrome")
        parts = [(urlsplit(url), url) for url in self.requested]
        return [url for part, url in parts if part.scheme not in near and part.hostname != "127.0.0.1"]


class Browser:
    """A headless Chromium with one page; use it in a ``with`` block."""

    def __enter__(self) -> "Browser":
        path = find_chromium()
        if path is None:
            skip_or_fail("Chromium isn't here (tests/browser.sh says how to get it)")
        websocket = pytest.importorskip("websocket", reason="needs the package websocket-client")
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            [path, *FLAGS, f"--user-data-dir={self.profile.name}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            self.socket = websocket.create_connection(
                self._address(), suppress_origin=True, timeout=PATIENCE, http_no_proxy=["127.0.0.1"]
            )
        except BaseException:
            self.process.kill()
            raise
        self.count, self.visit = 0, Visit("about:blank")
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_) -> None:
        try:
            self.call("Browser.close")
            self.process.wait(10)
        except Exception:
            self.process.kill()
            self.process.wait()
        self.socket.close()
        self.profile.cleanup()

    def _address(self) -> str:
        """Return the address of the page's WebSocket, once Chromium has written its port."""
        file = Path(self.profile.name, "DevToolsActivePort")
        opener = build_opener(ProxyHandler({}))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if file.exists() and len(lines := file.read_text().splitlines()) > 1:
                with opener.open(f"http://127.0.0.1:{lines[0]}/json/list") as answer:
                    targets = [one for one in json.load(answer) if one["type"] == "page"]
                if targets:
                    return targets[0]["webSocketDebuggerUrl"]
            time.sleep(0.05)
        raise RuntimeError(f"Chromium didn't start (exit status {self.process.poll()})")

    def call(self, method: str, **parameters) -> dict:
        """Call a method of the DevTools protocol and return its result."""
        self.count += 1
        number = self.count
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self._note(message)

    def _note(self, message: dict) -> None:
        """Keep what an event says about the page."""
        said = message.get("params", {})
        match message.get("method"):
            case "Runtime.consoleAPICalled" if said["type"] in ("error", "assert"):
                words = [str(one.get("value", one.get("description"))) for one in said["args"]]
                self.visit.errors.append(" ".join(words))
            case "Runtime.exceptionThrown":
                details = said["exceptionDetails"]
                self.visit.errors.append(details.get("exception", {}).get("description", details["text"]))
            case "Log.entryAdded" if said["entry"]["level"] == "error":
                entry = said["entry"]
                self.visit.errors.append(f"{entry['text']} {entry.get('url', '')}")
            case "Network.requestWillBeSent":
                self.visit.requested.append(said["request"]["url"])
            case "Network.loadingFailed" if not said.get("canceled"):
                self.visit.failed.append(said["errorText"])
            case "Network.responseReceived" if said["response"]["status"] >= 400:
                self.visit.failed.append(f"{said['response']['status']} {said['response']['url']}")
            case "Page.loadEventFired":
                self.loaded = True

    def open(self, page: Path | str) -> Visit:
        """Open a file or an address, wait until it has loaded, and return what happened."""
        url = page.resolve().as_uri() if isinstance(page, Path) else page
        self.visit, self.loaded = Visit(url), False
        self.call("Page.navigate", url="about:blank")  # so that a new anchor loads the page anew
        self.visit, self.loaded = Visit(url), False
        answer = self.call("Page.navigate", url=url)
        assert not answer.get("errorText"), f"{url}: {answer.get('errorText')}"
        self.wait_for("document.readyState === 'complete'")
        self.evaluate("new Promise(done => setTimeout(done, 50))")  # late messages
        return self.visit

    def evaluate(self, script: str):
        """Return the value of a JavaScript expression on the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Wait until a JavaScript expression is true on the page."""
        end = time.monotonic() + PATIENCE
        while not self.evaluate(script):
            assert time.monotonic() < end, f"{self.visit.url}: {script} didn't come true"
            time.sleep(0.05)

    def screenshot(self, file: Path, width: int = 1200, height: int = 1600, dark: bool = False) -> None:
        """Write what a window of this size shows as a PNG."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        file.write_bytes(b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
