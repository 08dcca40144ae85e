"""A real PostgreSQL for the tests: one server per session, and a fresh ledger for each test in a few hundredths."""

import contextlib
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from psycopg2 import sql

from pipeline.bootstrap import migrate
from pipeline.instance.databases import connect, create_missing, database_readiness
from pipeline.instance.embedded_postgres import EmbeddedPostgres, prepare_postgres
from pipeline.instance.ports import PortClaims
from pipeline.instance.readiness import wait_until

TEMPLATE = "ledger_template"
UNSAFE_AND_FAST = ("-c", "fsync=off", "-c", "full_page_writes=off")
"""Nobody pulls the plug on a test's server; what a kill loses is not lost by this."""


@contextlib.contextmanager
def postgres_server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """The product's own embedded server in this folder, with a migrated template, until the block ends."""
    with PortClaims() as claims:
        postgres = prepare_postgres(folder, claims)
        program = postgres.program()
        with (folder / "postgres.log").open("w") as log:
            server = subprocess.Popen((*program.command, *UNSAFE_AND_FAST), cwd=program.folder, stdout=log, stderr=log)
        try:
            wait_until(
                database_readiness(postgres.admin_url),
                gave_up=lambda: None if server.poll() is None else (folder / "postgres.log").read_text(),
            )
            postgres.create_databases()
            create_missing(named(postgres, TEMPLATE))
            migrate(named(postgres, TEMPLATE))
            yield postgres
        finally:
            server.terminate()
            server.wait(30)


@contextlib.contextmanager
def fresh_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a migrated database that is gone when the block ends."""
    name = f"ledger_{uuid4().hex[:12]}"
    _execute(postgres, "CREATE DATABASE {} TEMPLATE {}", name, TEMPLATE)
    try:
        yield named(postgres, name)
    finally:
        _execute(postgres, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def named(postgres: EmbeddedPostgres, database: str) -> str:
    """The URL of a database on this server."""
    return urlunsplit(urlsplit(postgres.database_url)._replace(path=f"/{database}"))


def _execute(postgres: EmbeddedPostgres, statement: str, *names: str) -> None:
    with closing(connect(postgres.database_url, database="postgres")) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
