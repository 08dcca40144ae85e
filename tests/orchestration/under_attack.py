"""An instance under attack, the world around it, and what must be true of a batch after any fault."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import create_engine, text

from tests.checkpoints import Checkpoints, listening
from tests.instances import Customer, Instance, running
from tests.ledger_oracle import assert_ledger_is_sound
from tests.receivers import Received, Receiver, receiving
from tests.sources import Source, a_photograph, serving

SERVICES = {
    "api": ("uvicorn",),
    "daemon": ("dagster._daemon",),
    "webserver": ("dagster_webserver",),
    "keeper": ("pipeline.cli", "keeper"),
    "postgres": ("bin/postgres",),
    "code_server": ("dagster", "api", "grpc"),
}
PICTURES = ("coffee", "chelsea", "rocket")


@dataclass(frozen=True, slots=True)
class Line:
    """An instance under attack, and everybody around it."""

    instance: Instance
    checkpoints: Checkpoints
    source: Source
    receiver: Receiver
    customer: Customer

    def submit(self) -> str:
        webhook = {"url": self.receiver.url, "secret": "secret"}
        return self.customer.submit(self.source.urls(), webhook=webhook)

    def sound(self, job: str, *, pictures: int = len(PICTURES)) -> dict[str, Any]:
        """The batch has ended whole: every picture delivered once and readable, one event."""
        batch = self.customer.ended(job)
        assert batch["counts"]["failed"] == 0, [file["error"] for file in batch["files"]]
        assert batch["progress"] == 100 and len(batch["files"]) == pictures
        for file in batch["files"]:
            assert requests.get(file["enhanced_url"], timeout=30).status_code == 200
        assert_ledger_is_sound(self.instance)
        return batch

    def told(self, job: str) -> list[Received]:
        """All messages about this job, once the ledger knows of each delivery that it came."""
        until(lambda: self._deliveries(job) == {"delivered"}, timeout_s=120)
        return [message for message in self.receiver.received if job.encode() in message.body]

    def ids_told(self, job: str) -> set[str]:
        return {message.headers["webhook-id"] for message in self.told(job)}

    def _deliveries(self, job: str) -> set[str]:
        engine = create_engine(self.instance.database_url)
        try:
            with engine.connect() as connection:
                return set(connection.scalars(DELIVERIES, {"job": job}))
        finally:
            engine.dispose()


DELIVERIES = text("SELECT d.state FROM deliveries d JOIN events e ON e.id = d.event_id WHERE e.job_id = :job")


def until(condition: Callable[[], object], *, timeout_s: float) -> None:
    """Waits for what another process brings about."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come about in time"
        time.sleep(0.05)


@contextmanager
def under_attack(folder: Path, *, environment: Mapping[str, str] | None = None) -> Iterator[Line]:
    """An instance whose processes stop at named points, with leases and alerts of seconds."""
    with ExitStack() as stack:
        source = stack.enter_context(serving({f"{name}.jpg": a_photograph(name) for name in PICTURES}))
        receiver = stack.enter_context(receiving())
        checkpoints = stack.enter_context(listening(folder / "points"))
        settings = {
            "DARKROOM_CHECKPOINTS": str(checkpoints.path),
            "DARKROOM_LEASE_S": "6",
            "DARKROOM_HEARTBEAT_S": "1",
            "DARKROOM_ALERT_AFTER_S": "5",
            **(environment or {}),
        }
        instance = stack.enter_context(running(folder, allow=[source.port, receiver.port], environment=settings))
        yield Line(instance, checkpoints, source, receiver, instance.customer("under-attack"))


def ready(instance: Instance) -> str | None:
    """What /readyz says; None while it does not say that the instance is ready."""
    try:
        answer = requests.get(f"{instance.api_url}/readyz", timeout=5)
    except requests.RequestException:
        return None
    return answer.text if answer.status_code == 200 else None
