"""An instance whose pictures lie on S3, with a store that falters and a database that dies (acceptance F 50 and 53)."""

import io
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Any

import psutil
import pytest
import requests
from PIL import Image

from pipeline.adapters.object_store import PART_BYTES
from tests.acceptance.conftest import WAIT_S, as_json, delivered_picture, explained
from tests.checkpoints import Arrival, Checkpoints, listening
from tests.instances import Customer, Instance, running
from tests.integration.local_servers import Exchange, response
from tests.integration.local_servers import serving as answering
from tests.ledger_oracle import assert_ledger_is_sound
from tests.receivers import Receiver, receiving
from tests.s3_servers import passed_on, s3_client, s3_environment, s3_server
from tests.sources import Source, a_photograph, serving

BUCKET, PREFIX = "pictures", "some/prefix"
NAMES = ("coffee", "chelsea", "rocket", "astronaut")


@dataclass
class Store:
    """The way to the S3 server: everything passes, unless it is told to refuse a number of requests."""

    port: int
    refusals: int = 0
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, exchange: Exchange) -> None:
        with self.lock:
            refuse = self.refusals > 0
            self.refusals -= refuse
            self.refused += refuse
        if refuse:
            exchange.send(response(b"<Error><Code>SlowDown</Code></Error>", status=503))
            return
        status, headers, body = passed_on(exchange.request, self.port)
        length = headers.pop("content-length", "0") if exchange.request.method == "HEAD" else str(len(body))
        kept = [f"{name}: {value}" for name, value in headers.items() if name not in ("content-length", "connection")]
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {length}", *kept, "", ""]
        exchange.send("\r\n".join(lines).encode() + (b"" if exchange.request.method == "HEAD" else body))


@dataclass(frozen=True, slots=True)
class House:
    """An instance on S3, and everybody around it."""

    instance: Instance
    customer: Customer
    store: Store
    client: Any
    source: Source
    receiver: Receiver
    checkpoints: Checkpoints

    def submit(self) -> str:
        return self.customer.submit(self.source.urls(), webhook={"url": self.receiver.url})

    def keys(self, kind: str) -> list[str]:
        """The objects of a class, as the S3 server itself lists them."""
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/{kind}/").get("Contents", [])
        return [entry["Key"].removeprefix(f"{PREFIX}/") for entry in found]

    def whole(self, job: str) -> dict[str, Any]:
        """The batch, which has ended with every picture delivered through the API and told once."""
        batch = self.customer.ended(job, timeout_s=WAIT_S)
        assert batch["percentage"] == 100, [file["error"] for file in batch["files"]]
        for file in batch["files"]:
            delivered_picture(file)
            explained(file)
        self.receiver.wait_for(1, timeout_s=WAIT_S)
        told = [as_json(message) for message in self.receiver.received]
        assert [(message["id"], message["event"]) for message in told] == [(job, "batch.completed")]
        assert_ledger_is_sound(self.instance)
        return batch


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture(scope="module")
def moto(s3_port: int) -> Any:
    client = s3_client(s3_port)
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, s3_port: int, moto: Any) -> Iterator[House]:
    folder, store = tmp_path_factory.mktemp("s3"), Store(s3_port)
    with ExitStack() as stack:
        proxy = stack.enter_context(answering(store))
        source = stack.enter_context(serving({f"{name}.jpg": a_photograph(name) for name in NAMES}))
        receiver = stack.enter_context(receiving())
        checkpoints = stack.enter_context(listening(Path(folder, "points")))
        environment = {
            **s3_environment(proxy.port),
            "DARKROOM_STORE_URL": f"s3://{BUCKET}/{PREFIX}",
            "DARKROOM_CHECKPOINTS": str(checkpoints.path),
            "DARKROOM_MODELS": "",
        }
        instance = stack.enter_context(running(folder, allow=[source.port, receiver.port], environment=environment))
        yield House(instance, instance.customer("on-s3"), store, moto, source, receiver, checkpoints)


@pytest.fixture
def house(world: House) -> House:
    world.checkpoints.handlers.clear()
    world.receiver.received.clear()
    world.store.refused = 0
    return world


def test_a_batch_is_kept_on_s3_and_delivered_by_the_api(house: House) -> None:
    batch = house.whole(house.submit())
    urls = [rendition["url"] for file in batch["files"] for rendition in file["renditions"]]
    assert sorted(url.partition("/cdn/")[2] for url in urls) == sorted(house.keys("public"))
    assert all(url.startswith(house.instance.api_url) for url in urls)
    part = requests.get(urls[0], headers={"Range": "bytes=0-1"}, timeout=30)
    assert (part.status_code, part.content) == (206, b"\xff\xd8")
    assert {requests.get(url, timeout=30).status_code for url in batch["reports"].values()} == {200}
    assert not (house.instance.data / "objects").exists()


def test_an_upload_goes_to_s3_in_parts_and_comes_back_whole(house: House) -> None:
    large = io.BytesIO()
    Image.open(io.BytesIO(a_photograph("astronaut"))).resize((2000, 2000)).save(large, "TIFF")
    assert len(large.getvalue()) > PART_BYTES
    sent = house.customer.call("POST", "/v1/uploads", files={"file": ("a.tif", large.getvalue())})
    assert sent.status_code == 201, sent.text
    files = [{"upload_id": sent.json()["upload_id"]}]
    answer = house.customer.call("POST", "/v1/batches", json={"workflow": "auto", "files": files})
    [file] = house.customer.ended(answer.json()["id"])["files"]
    delivered_picture(file)
    assert file["original"]["sha256"] == sent.json()["sha256"]


@pytest.mark.parametrize("point", ["download.item", "enhance.item", "upload.item"])
def test_a_store_that_asks_to_slow_down_delays_a_batch_and_loses_nothing(house: House, point: str) -> None:
    def slow_down(arrival: Arrival) -> None:
        house.store.refusals = 12
        arrival.go_on()

    house.checkpoints.once(point, slow_down)
    house.whole(house.submit())
    assert house.store.refused == 12


def test_a_store_that_refuses_everything_for_a_while_gives_the_batch_back_and_takes_it_later(
    house: House, until: Callable[..., None]
) -> None:
    """Longer than a call is tried: the pictures wait for another run."""
    waiting: Queue[int] = Queue()

    def refuse(arrival: Arrival) -> None:
        house.store.refusals = 1_000_000
        waiting.put(arrival.pid)
        arrival.go_on()

    house.checkpoints.once("upload.item", refuse)
    job = house.submit()
    waiting.get(timeout=WAIT_S)
    until(lambda: house.customer.batch(job)["counts"]["pending"] > 0, timeout_s=WAIT_S)
    house.store.refusals = 0
    house.whole(job)


def test_a_database_that_is_killed_is_answered_with_503_and_comes_back(
    house: House, until: Callable[..., None]
) -> None:
    statuses: list[int] = []

    def asked() -> requests.Response:
        answer = house.customer.call("GET", "/v1/batches")
        statuses.append(answer.status_code)
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0 and answer.json().keys() == {"message"}
        return answer

    assert asked().status_code == 200
    os.kill(postmaster(house.instance).pid, signal.SIGKILL)
    until(lambda: asked().status_code == 503, timeout_s=WAIT_S)
    until(lambda: asked().status_code == 200, timeout_s=WAIT_S)
    assert set(statuses) == {200, 503}
    house.whole(house.submit())


def postmaster(instance: Instance) -> psutil.Process:
    return next(process for process in instance.processes("bin/postgres") if "postgres" in process.name())
