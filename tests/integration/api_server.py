"""The real web application on a real port, and a customer who calls it."""

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
import uvicorn
from fastapi import FastAPI

from pipeline.api.app import create_app
from pipeline.ports import ObjectStore
from pipeline.services.accounts import create_account, create_token
from pipeline.services.line import Ledger, LineOptions
from pipeline.services.sealing import SealingKey
from pipeline.store import Database
from pipeline.workflows import WorkflowCatalog

PICTURE = "https://pictures.example.com/a.jpg"
"""Nobody fetches it: the API only writes records."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@contextlib.contextmanager
def served(app: FastAPI, *, http: str = "auto") -> Iterator[tuple[str, int]]:
    """The application answers at this address until the block ends."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=http, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = _Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    assert server.is_up.wait(30), "the API did not start"
    try:
        yield listener.getsockname()
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


@dataclass
class Customer:
    """One account's calls over HTTP. Each opens a connection of its own."""

    base: str
    token: str
    name: str
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"authorization": f"Bearer {self.token}", **self.headers, **(options.pop("headers", None) or {})}
        return requests.request(method, self.base + path, headers=headers, timeout=30, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.call("POST", path, **({"json": body} if body is not None else {}), **options)

    def create(self, **changes: Any) -> requests.Response:
        return self.post("/v1/batches", {"workflow": "auto", "files": [{"url": PICTURE}], **changes})

    def created(self, **changes: Any) -> str:
        answer = self.create(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def upload(self, data: Any, name: str = "a.jpg") -> requests.Response:
        return self.post("/v1/uploads", files={"file": (name, data)})


@dataclass
class Api:
    """A running API and what is behind it."""

    host: str
    port: int
    ledger: Ledger
    store: ObjectStore

    @property
    def base(self) -> str:
        return f"http://{self.host}:{self.port}"

    def customer(self, name: str = "anna", *, plan: str = "unlimited") -> Customer:
        create_account(self.ledger, name, plan=plan, email=f"{name}@example.com")
        return Customer(self.base, create_token(self.ledger, name), name)

    def raw(self, data: bytes, *, more: Iterable[bytes] = ()) -> bytes:
        """What comes back for these bytes, to the end of the connection."""
        with socket.create_connection((self.host, self.port), timeout=30) as connection:
            answer = bytearray()
            with contextlib.suppress(OSError):
                connection.sendall(data)
                for chunk in more:
                    connection.sendall(chunk)
            with contextlib.suppress(ConnectionError):
                while received := connection.recv(65536):
                    answer += received
            return bytes(answer)


def a_ledger(url: str, **options: Any) -> Ledger:
    """A ledger with limits of the test's choice."""
    return Ledger(Database(url), SealingKey("the secret of the tests"), LineOptions(**options))


@contextlib.contextmanager
def running_api(ledger: Ledger, store: ObjectStore, *, http: str = "auto") -> Iterator[Api]:
    """One more API process's worth: an application of its own."""
    with served(create_app(ledger, store, WorkflowCatalog(None)), http=http) as (host, port):
        yield Api(host, port, ledger, store)
