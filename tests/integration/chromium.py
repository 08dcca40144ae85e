"""A real browser for tests: Chromium driven over its DevTools pipe, with nothing but the standard library."""

import json
import os
import select
import shutil
import subprocess
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--remote-debugging-pipe",
)
PATIENCE_S = 60


class Browser:
    """Chromium driven over its DevTools pipe: commands in, answers and events out, JSON ended by a zero byte."""

    def __init__(self, profile: Path) -> None:
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()
        self._process = subprocess.Popen(
            ["bash", "-c", 'exec "$0" "$@" 3<&$IN 4>&$OUT', str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(commands, answers),
            env={**os.environ, "IN": str(commands), "OUT": str(answers)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._buffer, self._last_id, self._session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        os.close(self._commands)
        os.close(self._answers)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        session = {"sessionId": self._session} if self._session else {}
        os.write(self._commands, json.dumps(message | session).encode() + b"\0")
        while (answer := self._next()).get("id") != self._last_id:
            self.events.append(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._answers], [], [], PATIENCE_S)[0], "Chromium does not answer"
            read = os.read(self._answers, 1 << 16)
            assert read, "Chromium has gone"
            self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def get(self, expression: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, url: str, *, width: int = 1280, scheme: str = "light") -> None:
        """The page is loaded, and `events` holds what it caused."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        for each in ("about:blank", url):
            self.events.clear()
            self.call("Page.navigate", url=each)
            self._wait_for("Page.loadEventFired")

    def _wait_for(self, method: str) -> None:
        while method not in [event["method"] for event in self.events]:
            self.events.append(self._next())
        self.events = [event for event in self.events if event["method"] != method]

    def click(self, selector: str) -> None:
        """A real click of the mouse in the middle of the element."""
        x, y = self.get(
            f"(() => {{ const element = document.querySelector({selector!r});"
            " element.scrollIntoView({block: 'center'}); const box = element.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def shown(self) -> list[str]:
        """The outcome of every picture that can be seen on the page."""
        outcomes: list[str] = self.get(
            "[...document.querySelectorAll('.item')].filter((item) => item.offsetParent)"
            ".map((item) => item.className.replace(/item|card/g, '').trim())"
        )
        return outcomes
