"""One instance for the acceptance tests, and the world around it: sources, a receiver, named points."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Event
from typing import Any

import numpy as np
import psycopg2
import pytest
import requests
from PIL import Image

from tests.acceptance.origins import ORIGINS
from tests.checkpoints import Arrival, Checkpoints, listening
from tests.instances import Customer, Instance, running
from tests.integration.local_servers import LocalServer
from tests.integration.local_servers import serving as answering
from tests.ledger_oracle import assert_ledger_is_sound
from tests.receivers import Received, Receiver, receiving
from tests.sources import Source, a_photograph, serving

WAIT_S = 120.0
SECRET = "the receiver's own secret"


@dataclass(frozen=True, slots=True)
class House:
    """An instance, and everybody around it."""

    instance: Instance
    checkpoints: Checkpoints
    source: Source
    receiver: Receiver
    customer: Customer
    canary: LocalServer
    """Listens beside the instance and is on nobody's list: whoever connects to it has left the guarded path."""

    @property
    def webhook(self) -> dict[str, str]:
        return {"url": self.receiver.url, "secret": SECRET}

    def told(self, job: str, *, count: int = 1) -> list[Received]:
        """The messages about this batch, as soon as there are so many."""

        def about() -> list[Received]:
            return [message for message in self.receiver.received if job.encode() in message.body]

        with self.receiver.changed:
            assert self.receiver.changed.wait_for(lambda: len(about()) >= count, timeout=WAIT_S), (
                f"{len(about())} of {count} messages about {job} came"
            )
            return about()

    def sound(self) -> None:
        assert_ledger_is_sound(self.instance)

    @contextmanager
    def holding(self, point: str) -> Iterator["Queue[Arrival]"]:
        """Whoever comes to the point stays there until the block ends; the queue has them in order."""
        arrivals: Queue[Arrival] = Queue()
        over = Event()

        def keep(arrival: Arrival) -> None:
            arrivals.put(arrival)
            over.wait()
            arrival.go_on()

        self.checkpoints.on(point, keep)
        try:
            yield arrivals
        finally:
            del self.checkpoints.handlers[point]
            over.set()


def delivered_picture(file: Mapping[str, Any]) -> Image.Image:
    """What lies behind the file's `enhanced_url`: the stated bytes, whole, decoded to their end."""
    answer = requests.get(file["enhanced_url"], timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    first = file["renditions"][0]
    assert hashlib.sha256(answer.content).hexdigest() == first["sha256"]
    assert answer.headers["content-type"] == first["media_type"]
    picture = Image.open(io.BytesIO(answer.content))
    picture.load()
    assert picture.size == (first["width"], first["height"])
    return picture


def explained(file: Mapping[str, Any]) -> None:
    """The criteria say where each point went: to the cent."""
    assert file["criteria"], file
    assert all(criterion["sentence"] and criterion["points_lost"] >= 0 for criterion in file["criteria"])
    lost = sum(round(criterion["points_lost"] * 100) for criterion in file["criteria"])
    assert lost == 10_000 - round(file["score"] * 100)


def crops(count: int, *, side: int = 320) -> list[bytes]:
    """So many different cut-outs of real photographs, in turns as JPEG, PNG and TIFF."""
    names = ("coffee", "chelsea", "rocket", "astronaut")
    photographs = [Image.open(io.BytesIO(a_photograph(name))).convert("RGB") for name in names]
    made = []
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        left = (number * 37) % (photograph.width - side + 1)
        top = (number * 53) % max(1, photograph.height - side + 1)
        cut = photograph.crop((left, top, left + side, min(top + side, photograph.height)))
        written = io.BytesIO()
        cut.save(written, ("JPEG", "PNG", "TIFF")[number % 3])
        made.append(written.getvalue())
    return made


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Correlation of two pictures' brightness at 32 by 32: 1 is the same picture, whatever was done to its tones."""
    small = [np.asarray(picture.convert("L").resize((32, 32)), float).ravel() for picture in (one, other)]
    return float(np.corrcoef(small[0], small[1])[0, 1])


def everything_kept(instance: Instance) -> Iterator[tuple[str, bytes]]:
    """Each file of the data folder, whatever it is: logs, Dagster's records, objects, the databases' pages."""
    for path in sorted(instance.data.rglob("*")):
        try:
            if path.is_file():
                yield str(path.relative_to(instance.data)), path.read_bytes()
        except FileNotFoundError:  # a temporary file that is gone again
            continue


def database(url: str) -> Any:
    return psycopg2.connect(url.replace("+psycopg2", ""))


def as_json(message: Received) -> dict[str, Any]:
    return dict(json.loads(message.body))


@pytest.fixture(scope="package")
def origins() -> Iterator[dict[str, LocalServer]]:
    """Servers of customers that the instance may reach."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(answering(behaviour)) for name, behaviour in ORIGINS.items()}


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory, origins: dict[str, LocalServer]) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with ExitStack() as stack:
        source = stack.enter_context(serving({}))
        receiver = stack.enter_context(receiving())
        canary = stack.enter_context(answering(lambda exchange: None))
        checkpoints = stack.enter_context(listening(Path(folder, "points")))
        allow = [source.port, receiver.port, *(server.port for server in origins.values())]
        environment = {"DARKROOM_CHECKPOINTS": str(checkpoints.path), "DARKROOM_MODELS": ""}
        instance = stack.enter_context(running(folder, allow=allow, environment=environment))
        yield House(instance, checkpoints, source, receiver, instance.customer("studio"), canary)


@pytest.fixture(autouse=True)
def nothing_is_held(request: pytest.FixtureRequest) -> None:
    """Each test begins with every point open and a receiver that takes everything."""
    if "house" in request.fixturenames:
        house: House = request.getfixturevalue("house")
        house.checkpoints.handlers.clear()
        house.receiver.answer = lambda number: (204, {})
