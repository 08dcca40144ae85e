"""Dagster's storage in PostgreSQL over kept connections.

`dagster-postgres` connects anew for every statement: 5 ms on two cores, twice over (client and server), for each of a
run's 90 events and each of the daemon's eight looks a second. Kept connections are checked before use, so a PostgreSQL
that was restarted is met as before: by a new connection, tried again for some seconds.
"""

from collections.abc import Mapping
from typing import Any, Self

import dagster as dg
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.base_storage import DagsterStorage
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.utils import set_pg_statement_timeout
from sqlalchemy import Engine, create_engine, event

KEPT, AT_MOST = 2, 32
"""Connections of one `DagsterInstance`, of which a process has one or two; beyond the kept ones closed after use."""

_WITH_TABLES: set[str] = set()
"""Databases in which this process has found or made Dagster's tables. Each part looks for them over a connection of its
own, and Dagster makes a storage anew for each evaluation of a sensor: 40 CPU-ms every few seconds."""


class _Kept:
    """What the three parts of the storage do alike: they take their connections from a pool that they share."""

    # Dagster's own name, and private: `tests/integration/test_dagster_storage.py` tells when it changes.
    _engine: Engine

    def over(self, engine: Engine) -> Self:
        """This part, from now on with connections of this engine."""
        self._engine = engine
        return self

    def optimize_for_webserver(self, statement_timeout: int, pool_recycle: int, max_overflow: int) -> None:
        """The server ends a statement after `statement_timeout` ms; the pool remains.

        Dagster would give each part a pool of its own here, whose connections it does not check before use.
        """
        self._engine.dispose()
        event.listen(
            self._engine, "connect", lambda connection, _: set_pg_statement_timeout(connection, statement_timeout)
        )


class KeptRunStorage(_Kept, PostgresRunStorage):
    """Runs."""


class KeptScheduleStorage(_Kept, PostgresScheduleStorage):
    """States and ticks of sensors and schedules."""


class KeptEventLogStorage(_Kept, PostgresEventLogStorage):
    """Events, and the last part that an instance of Dagster disposes of."""

    def dispose(self) -> None:
        """No thread watches and no connection of the pool is left open."""
        super().dispose()
        self._engine.dispose()


class KeptPostgresStorage(DagsterStorage, ConfigurableClass):
    """Runs, events and schedules in one database over one pool of connections."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._inst_data = inst_data
        engine = create_engine(
            postgres_url,
            isolation_level="AUTOCOMMIT",
            pool_size=KEPT,
            max_overflow=AT_MOST - KEPT,
            pool_pre_ping=True,
        )
        look = postgres_url not in _WITH_TABLES
        self._runs = KeptRunStorage(postgres_url, look).over(engine)
        self._events = KeptEventLogStorage(postgres_url, look).over(engine)
        self._schedules = KeptScheduleStorage(postgres_url, look).over(engine)
        _WITH_TABLES.add(postgres_url)

    @property
    def run_storage(self) -> KeptRunStorage:
        return self._runs

    @property
    def event_log_storage(self) -> KeptEventLogStorage:
        return self._events

    @property
    def schedule_storage(self) -> KeptScheduleStorage:
        return self._schedules

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """The database alone; its tables are made where they are missing."""
        return {"postgres_url": dg.StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(config_value["postgres_url"], inst_data)
