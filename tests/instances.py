"""A whole instance: `darkroom up` in a child process, and a customer who talks to it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

START_WAIT_S = 180.0


@dataclass(frozen=True, slots=True)
class Customer:
    """An account's client of the enhancement interface."""

    api_url: str
    token: str

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return requests.request(method, self.api_url + path, headers=headers, timeout=60, **options)

    def submit(
        self, urls: Sequence[str], *, workflow: str = "auto", webhook: Mapping[str, str] | None = None, **more: Any
    ) -> str:
        """The id of an accepted batch."""
        body = {"workflow": workflow, "files": [{"url": url} for url in urls], **more}
        if webhook is not None:
            body["webhook"] = dict(webhook)
        answer = self.call("POST", "/v1/batches", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def batch(self, job: str) -> dict[str, Any]:
        answer = self.call("GET", f"/v1/batches/{job}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ended(self, job: str, *, timeout_s: float = 120.0) -> dict[str, Any]:
        """The batch as soon as it has ended."""
        deadline = time.monotonic() + timeout_s
        while True:
            batch = self.batch(job)
            if batch["status"] in ("COMPLETED", "CANCELLED") and batch["finished_at"] is not None:
                return batch
            assert time.monotonic() < deadline, f"the batch did not end in time: {batch['status']}, {batch['stages']}"
            time.sleep(0.2)


@dataclass(frozen=True, slots=True)
class Instance:
    """Where everything of a running instance is."""

    api_url: str
    dagster_url: str
    database_url: str
    data: Path
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"

    def darkroom(self, *arguments: str) -> Any:
        """What a command of the CLI answers with --json."""
        command = [sys.executable, "-m", "pipeline.cli", *arguments, "--json"]
        answer = subprocess.run(command, env=self.environment, check=False, capture_output=True, text=True)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def customer(self, name: str, *, plan: str = "unlimited") -> Customer:
        """A new account's client."""
        self.darkroom("accounts", "create", name, "--plan", plan)
        return Customer(self.api_url, str(self.darkroom("tokens", "create", name)["token"]))

    def processes(self, *words: str) -> list[psutil.Process]:
        """The instance's processes whose command line holds all of the words."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                command = " ".join(child.cmdline())
            except psutil.Error:
                continue
            if all(word in command for word in words):
                found.append(child)
        return found

    def log(self) -> str:
        """What all programs wrote, for the words of a failing test."""
        return "\n".join(path.read_text(errors="replace")[-4000:] for path in sorted(self.data.glob("logs/*")))


@contextmanager
def running(
    folder: Path, *, allow: Sequence[int] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Instance]:
    """An instance of its own on free ports; sources and webhooks may reach these ports of loopback."""
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    settings = {
        **os.environ,
        "DARKROOM_DATA": str(folder / "data"),
        "DARKROOM_SOURCE_ALLOW": ",".join(f"127.0.0.1:{port}" for port in allow),
        **(environment or {}),
    }
    command = [sys.executable, "-m", "pipeline.cli", "up", "--data", str(folder / "data"), "--ready-file", str(ready)]
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(command, env=settings, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_WAIT_S
        while not ready.exists():
            assert process.poll() is None and time.monotonic() < deadline, (folder / "up.log").read_text()
            time.sleep(0.1)
        found = json.loads(ready.read_text())
        yield Instance(
            found["api_url"],
            found["dagster_url"],
            found["database_url"],
            Path(found["data"]),
            settings,
            process,
        )
    finally:
        process.terminate()
        process.wait(timeout=60)
