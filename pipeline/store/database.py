"""One engine per process, one transaction per `with`, and foreign errors mapped at one seam."""

import select
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy import exc as sql
from sqlalchemy.orm import Session, sessionmaker

from pipeline.errors import DatabaseUnavailable

__all__ = ["Database", "Listener", "Session", "background"]

LOCK_TIMEOUT_MS = 10_000
"""A row that somebody holds for longer is answered with 503 and Retry-After, not with a hanging request."""


class Database:
    """The ledger's database. Threads share it; each `session()` is one transaction."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self.url = url
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=15,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "options": f"-c lock_timeout={LOCK_TIMEOUT_MS} -c timezone=UTC"},
        )
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Commits when the block ends, rolls back when it raises; a lost database is `DatabaseUnavailable`."""
        try:
            with self._sessions.begin() as session:
                yield session
        except (sql.OperationalError, sql.TimeoutError) as error:
            raise DatabaseUnavailable(retry_after_s=5) from error
        except sql.DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseUnavailable(retry_after_s=5) from error
            raise

    def listen(self, *channels: str) -> "Listener":
        """A connection of its own that hears NOTIFY on these channels from now on."""
        return Listener(self.url, channels)

    def dispose(self) -> None:
        self.engine.dispose()


def background(session: Session) -> None:
    """This transaction need not be on disk when it commits: losing it repeats work, and loses nothing."""
    session.execute(text("SET LOCAL synchronous_commit TO off"))


class Listener:
    """Waits for NOTIFY without polling. Use as a context manager."""

    def __init__(self, url: str, channels: tuple[str, ...]) -> None:
        parts = make_url(url).set(drivername="postgresql")
        try:
            self._connection = psycopg2.connect(parts.render_as_string(hide_password=False), connect_timeout=5)
            self._connection.autocommit = True
            with self._connection.cursor() as cursor:
                for channel in channels:
                    cursor.execute(f'LISTEN "{channel}"')
        except psycopg2.OperationalError as error:
            raise DatabaseUnavailable(retry_after_s=5) from error

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()

    def wait(self, timeout_s: float) -> tuple[str, ...]:
        """The channels that were notified; empty when nothing came within the time."""
        try:
            if not self._connection.notifies:
                select.select([self._connection], [], [], timeout_s)
                self._connection.poll()
        except psycopg2.OperationalError as error:
            raise DatabaseUnavailable(retry_after_s=5) from error
        heard = tuple(notify.channel for notify in self._connection.notifies)
        self._connection.notifies.clear()
        return heard
