"""Dagster without its database, and Dagster without our code: batches are taken, kept, and done later (F 51)."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from pipeline.settings import dagster_database_url
from tests.orchestration.under_attack import SERVICES, Line, ready, under_attack

BREAKS_CODE = """
import sys
from pathlib import Path

if "grpc" in sys.orig_argv and Path({flag!r}).exists():
    sys.modules["pipeline.definitions"] = None  # from now on its import is an ImportError
"""
"""A `sitecustomize`, which each interpreter of the instance runs first: our code does not load while a file exists."""


@pytest.fixture(scope="module")
def broken_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """While this file exists, no code server that starts can load the code location."""
    folder = tmp_path_factory.mktemp("site")
    flag = folder / "broken"
    (folder / "sitecustomize.py").write_text(BREAKS_CODE.format(flag=str(flag)))
    return flag


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, broken_code: Path) -> Iterator[Line]:
    with under_attack(tmp_path_factory.mktemp("down"), environment={"PYTHONPATH": str(broken_code.parent)}) as line:
        yield line


@contextmanager
def dagster_database_away(line: Line) -> Iterator[None]:
    """Nobody is connected to Dagster's database, and nobody can connect; the ledger on the same server goes on."""
    ledger = make_url(line.instance.database_url).set(drivername="postgresql")
    name = make_url(dagster_database_url(line.instance.database_url)).database
    with closing(psycopg2.connect(ledger.render_as_string(hide_password=False))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
            try:
                cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
                yield
            finally:
                cursor.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1')


def accepted(line: Line) -> str:
    """The id of a batch that was taken as ever: the answers tell nothing of what is wrong inside."""
    job = line.submit()
    answer = line.customer.call("GET", f"/v1/batches/{job}")
    assert answer.status_code == 200 and answer.json()["status"] in ("PENDING", "PROCESSING")
    for word in ("dagster", "postgres", "psycopg", "grpc", "traceback"):
        assert word not in answer.text.lower()
    return job


def is_alarmed(line: Line) -> bool:
    return "dispatch_stuck" in (ready(line.instance) or "")


def test_batches_taken_while_dagsters_database_is_away_are_done_when_it_is_back(
    line: Line, until: Callable[..., None]
) -> None:
    with dagster_database_away(line):
        job = accepted(line)
        until(lambda: is_alarmed(line), timeout_s=60)
        assert line.customer.batch(job)["counts"]["enhanced"] == 0
    line.sound(job)
    assert len(line.told(job)) == 1
    until(lambda: not is_alarmed(line), timeout_s=60)


def test_batches_taken_while_the_code_location_does_not_load_are_done_when_it_does(
    line: Line, broken_code: Path, until: Callable[..., None]
) -> None:
    broken_code.touch()
    (server,) = line.instance.processes(*SERVICES["code_server"])
    server.kill()
    try:
        job = accepted(line)
        until(lambda: is_alarmed(line), timeout_s=60)
        assert "ModuleNotFoundError" in (line.instance.data / "logs" / "code_server.log").read_text()
    finally:
        broken_code.unlink()
    line.sound(job)
    assert len(line.told(job)) == 1
    until(lambda: not is_alarmed(line), timeout_s=60)
