"""Dagster's storage: what it keeps, over how few connections, and what it does when PostgreSQL takes them away."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, InstigatorType, SensorInstigatorData
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from sqlalchemy import Connection, text

from pipeline.instance.dagster_home import write_dagster_home
from pipeline.instance.databases import connect, database_readiness
from pipeline.instance.embedded_postgres import EmbeddedPostgres, prepare_postgres
from pipeline.instance.ports import PortClaims
from pipeline.instance.readiness import wait_until
from pipeline.settings import dagster_database_url
from resources.dagster_storage import KEPT

THREADS = 12


class Server:
    """A PostgreSQL of these tests' own, as they stop it."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres
        self.url = dagster_database_url(postgres.database_url)
        self._database = self.url.rpartition("/")[2]
        self.start()
        wait_until(database_readiness(postgres.admin_url), gave_up=lambda: None)
        postgres.create_databases()

    def start(self) -> None:
        """It has begun to start, and takes no connections yet."""
        program = self._postgres.program()
        self._process = subprocess.Popen(program.command, cwd=program.folder, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def backends(self) -> set[int]:
        """Who serves a client of Dagster's database at this moment."""
        return {pid for (pid,) in self._ask("SELECT pid FROM pg_stat_activity WHERE datname = %s", self._database)}

    def sessions(self) -> int:
        """Connections that Dagster's database has ever served."""
        ((count,),) = self._ask("SELECT sessions FROM pg_stat_database WHERE datname = %s", self._database)
        return count

    def terminate_backends(self) -> None:
        for pid in self.backends():
            assert self._ask("SELECT pg_terminate_backend(%s, 5000)", pid) == [(True,)]

    def _ask(self, question: str, about: str | int) -> list[tuple[int]]:
        with closing(connect(self._postgres.admin_url)) as connection, connection.cursor() as cursor:
            cursor.execute(question, (about,))
            return cursor.fetchall()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with PortClaims() as claims:
        server = Server(prepare_postgres(tmp_path_factory.mktemp("postgres"), claims))
        yield server
        server.stop()


@pytest.fixture
def instance(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Dagster as `darkroom up` configures it."""
    write_dagster_home(tmp_path, code_port=1, run_slots=2, retention_days=14)
    monkeypatch.setenv("DARKROOM_DAGSTER_DATABASE_URL", server.url)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


@dg.op
def develop() -> None:
    """Nothing to do."""


@dg.job
def darkroom() -> None:
    develop()


def a_sensor() -> InstigatorState:
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="pipeline.definitions"))
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "darkroom"), f"sensor_{uuid4().hex}")
    return InstigatorState(
        origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, SensorInstigatorData(cursor="as far as here")
    )


def use(instance: dg.DagsterInstance) -> None:
    """Something of each part has been written and read."""
    run = instance.add_run(dg.DagsterRun(job_name="darkroom", run_id=str(uuid4())))
    instance.report_engine_event("begun", run)
    assert instance.get_run_by_id(run.run_id) == run
    assert [entry.message for entry in instance.all_logs(run.run_id)] == ["begun"]
    sensor = instance.add_instigator_state(a_sensor())
    assert instance.get_instigator_state(sensor.instigator_origin_id, sensor.selector_id) == sensor


def parts(instance: dg.DagsterInstance) -> list[Callable[[], AbstractContextManager[Connection]]]:
    """How each of the three parts of the storage takes a connection."""
    runs, events, schedules = instance.run_storage, instance.event_log_storage, instance.schedule_storage
    return [runs.connect, events.index_connection, schedules.connect]  # type: ignore[attr-defined, union-attr]


def answers(instance: dg.DagsterInstance, question: str) -> list[object]:
    """What each part's connection says."""
    found = []
    for part in parts(instance):
        with part() as connection:
            found.append(connection.execute(text(question)).scalar_one())
    return found


def test_a_run_leaves_its_events_behind(instance: dg.DagsterInstance) -> None:
    result = darkroom.execute_in_process(instance=instance)
    assert result.success
    run = instance.get_run_by_id(result.run_id)
    assert run is not None and run.status is dg.DagsterRunStatus.SUCCESS
    events = [entry.dagster_event_type for entry in instance.all_logs(result.run_id)]
    assert {dg.DagsterEventType.RUN_START, dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.RUN_SUCCESS} <= {
        *events
    }


def test_what_one_instance_wrote_the_next_one_reads(instance: dg.DagsterInstance) -> None:
    sensor = instance.add_instigator_state(a_sensor())
    with dg.DagsterInstance.from_ref(instance.get_ref()) as other:
        assert other.get_instigator_state(sensor.instigator_origin_id, sensor.selector_id) == sensor


def test_a_process_looks_for_the_tables_of_a_database_once(instance: dg.DagsterInstance, server: Server) -> None:
    opened = server.sessions()
    with dg.DagsterInstance.from_ref(instance.get_ref()) as other:
        use(other)
    assert server.sessions() - opened <= KEPT


def test_the_three_parts_share_one_connection_as_long_as_dagster_calls_their_engine_as_it_does(
    instance: dg.DagsterInstance, server: Server
) -> None:
    first, *others = answers(instance, "SELECT pg_backend_pid()")
    assert others == [first, first]
    assert server.backends() == {first}


def test_many_operations_need_no_other_connection(instance: dg.DagsterInstance, server: Server) -> None:
    use(instance)
    kept = server.backends()
    assert 1 <= len(kept) <= KEPT
    for _ in range(20):
        use(instance)
    assert server.backends() == kept


def test_many_threads_at_once_get_a_connection_each_and_few_are_kept(
    instance: dg.DagsterInstance, server: Server, until: Callable[..., None]
) -> None:
    together = Barrier(THREADS)

    def hold(_: int) -> object:
        with parts(instance)[0]() as connection:
            together.wait(30)
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            together.wait(30)
        use(instance)
        return pid

    with ThreadPoolExecutor(THREADS) as threads:
        assert len({*threads.map(hold, range(THREADS))}) == THREADS
    until(lambda: 1 <= len(server.backends()) <= KEPT)


def test_connections_that_were_terminated_are_not_noticed(instance: dg.DagsterInstance, server: Server) -> None:
    use(instance)
    before = server.backends()
    server.terminate_backends()
    use(instance)
    assert before and before.isdisjoint(server.backends())


def test_a_restarted_server_is_waited_for(instance: dg.DagsterInstance, server: Server) -> None:
    use(instance)
    server.stop()
    server.start()
    use(instance)


def test_the_webserver_keeps_the_pool_and_gets_its_limit(instance: dg.DagsterInstance, server: Server) -> None:
    use(instance)
    instance.optimize_for_webserver(statement_timeout=7000, pool_recycle=3600, max_overflow=20)
    assert answers(instance, "SHOW statement_timeout") == ["7s", "7s", "7s"]
    assert len({*answers(instance, "SELECT pg_backend_pid()")}) == 1
    server.terminate_backends()
    assert answers(instance, "SHOW statement_timeout") == ["7s", "7s", "7s"]


def test_a_disposed_instance_leaves_no_connection(
    instance: dg.DagsterInstance, server: Server, until: Callable[..., None]
) -> None:
    use(instance)
    assert server.backends()
    instance.dispose()
    until(lambda: not server.backends())
