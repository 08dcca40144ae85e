"""Fixtures that every suite may use."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.instance.embedded_postgres import EmbeddedPostgres
from pipeline.services.line import Ledger, LineOptions
from pipeline.services.sealing import SealingKey
from pipeline.store import Database
from tests.databases import fresh_database, postgres_server

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The companion folder with corpus, media and models; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("DARKROOM_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"the companion folder {folder} is absent: set DARKROOM_SHARED")
    return folder


@pytest.fixture(autouse=True)
def no_error_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Silent trouble is a failing test everywhere."""
    yield
    errors = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not errors, f"the test logged errors: {[record.getMessage() for record in errors]}"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One real server for the whole session."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A migrated database of this test's own."""
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """The ledger on a database of this test's own."""
    database = Database(database_url)
    yield Ledger(database, SealingKey("the secret of the tests"), LineOptions())
    database.dispose()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for a condition that another thread or process brings about; fails when it does not."""

    def wait(condition: Callable[[], object], *, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come about in time"
            time.sleep(0.02)

    return wait
