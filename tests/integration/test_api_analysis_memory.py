"""Large bodies for the analysis interface, measured in a process of their own."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from pipeline.services.line import Ledger
from tests.conftest import REPOSITORY
from tests.integration.analysis_jobs import send_video
from tests.integration.api_server import Api, Customer

MB = 1024 * 1024

SERVER = """
import sys
import uvicorn
from pipeline.adapters.object_store import from_url
from pipeline.api.app import create_app
from pipeline.services.line import Ledger, LineOptions
from pipeline.services.sealing import SealingKey
from pipeline.store import Database
from pipeline.workflows import WorkflowCatalog

ledger = Ledger(Database(sys.argv[1]), SealingKey("the secret of the tests"), LineOptions())
app = create_app(ledger, from_url(sys.argv[2]), WorkflowCatalog(None))
uvicorn.run(app, fd=int(sys.argv[3]), log_config=None, access_log=False)
"""


@contextmanager
def own_process(database_url: str, folder: Path) -> Iterator[tuple[str, Callable[[], float]]]:
    """The API in a process of its own: its address, and the most memory in MB that it has had since the last look."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    arguments = [sys.executable, "-c", SERVER, database_url, folder.as_uri(), str(listener.fileno())]
    process = subprocess.Popen(arguments, cwd=REPOSITORY, pass_fds=[listener.fileno()])

    def highest_mb() -> float:
        status = Path(f"/proc/{process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    try:
        yield "http://{}:{}".format(*listener.getsockname()), highest_mb
    finally:
        process.terminate()
        process.wait(30)
        listener.close()


def send(customer: Customer, body: Iterator[bytes]) -> requests.Response:
    return customer.call("POST", "/images", data=body, headers={"content-type": "application/json"})


def many_images(number: int, each: int) -> Iterator[bytes]:
    """The JSON of so many images of so many bytes, made as it is sent."""
    piece = b"/9j/" * 16384
    yield b'{"images": ['
    for index in range(number):
        yield b"," * (index > 0) + b'{"external_id": "%d", "data_base64": "' % index
        left = each * 4 // 3 // 4 * 4
        while left:
            yield piece[: min(left, len(piece))]
            left -= min(left, len(piece))
        yield b'"}'
    yield b"]}"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory of a process is read from /proc")
def test_large_bodies_take_no_memory(
    database_url: str, ledger: Ledger, api: Api, anna: Customer, tmp_path: Path
) -> None:
    """Measured in the API's own process: 3, 13 and 35 MB above its rest of 139 MB (2026-11-21)."""
    with own_process(database_url, tmp_path / "objects") as (base, highest_mb):
        there = Customer(base, anna.token, "anna")
        small = there.post("/images", {"images": [{"data_base64": "AAAA"}]})
        assert small.status_code == 202
        rest_mb = highest_mb()
        refused = send(there, many_images(100, 10_000_000))
        assert refused.status_code == 413
        assert highest_mb() - rest_mb < 64
        taken = send(there, many_images(12, 10_000_000))
        assert taken.status_code == 202
        assert highest_mb() - rest_mb < 96
        film = send_video(there, (bytes(MB) for _ in range(300)))
        assert film.status_code == 202
        assert highest_mb() - rest_mb < 96
