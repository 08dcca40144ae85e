"""The life of an instance: start, readiness, and the orderly stop."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from pipeline.errors import OperatorError
from pipeline.instance.dagster_home import write_dagster_home
from pipeline.instance.databases import create_missing, database_readiness, notify
from pipeline.instance.first_run import make_secret_key
from pipeline.instance.plan import DARKROOM, Parts, Plan, plan_instance
from pipeline.instance.ports import PortClaims
from pipeline.instance.preflight import check_before_start
from pipeline.instance.programs import Program
from pipeline.instance.readiness import Readiness, wait_until
from pipeline.instance.record import forget_record, take_folder, write_record
from pipeline.instance.strays import adopt_orphans, end_children
from pipeline.instance.supervisor import StartWatch, Supervisor, start_supervisor
from pipeline.settings import Settings

STOP_CHANNEL = "darkroom_stop"
"""Sensors that wait for work listen on it: the daemon would otherwise wait for them up to 20 s (joints-facts)."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Announce = Callable[[str], None]


class StopRequested(BaseException):
    """Ctrl-C, or a signal that asks for the end."""


def launch(
    settings: Settings,
    *,
    announce: Announce,
    port: int | None = None,
    ready_file: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    parts: Parts = DARKROOM,
) -> None:
    """Run an instance until a signal asks for the end; everything of it has ended when this returns.

    It needs a process of its own: every other child of this process is ended with it. Raises `OperatorError` where
    the instance cannot start, or where its supervisor dies.
    """
    check_before_start(settings, ready_file)
    with contextlib.suppress(StopRequested), _signals_ask_for_the_end(), PortClaims() as claims:
        lock = take_folder(settings.data)
        if ready_file:
            ready_file.unlink(missing_ok=True)
        make_secret_key(settings.data)
        plan = plan_instance(settings, claims, port=port, environ=environ)
        with _supervised(plan, parts, lock=lock, announce=announce) as supervisor:
            _start(plan, parts, supervisor, announce=announce)
            record = replace(plan.record(), supervisor_socket=str(supervisor.socket))
            write_record(record, ready_file)
            announce(f"Ready: API {record.api_url}, Dagster {record.dagster_url}. Ctrl-C stops everything.")
            _wait_for_end_of(supervisor, settings.data)


@contextlib.contextmanager
def _supervised(plan: Plan, parts: Parts, *, lock: int, announce: Announce) -> Iterator[Supervisor]:
    """A supervisor with nothing started yet; afterwards it and everything that it started have ended."""
    data = plan.settings.data
    postgres = (plan.postgres.program(),) if plan.postgres else ()
    programs = (*postgres, *parts.programs(plan))
    adopt_orphans()
    supervisor = start_supervisor(
        data / "run", data / "logs", programs, environment=plan.environment, keep_open=(lock,)
    )
    try:
        yield supervisor
    finally:
        _ignore_signals()
        announce("Stopping.")
        forget_record(data)
        notify(plan.settings.required_database_url(), STOP_CHANNEL)
        _stop(supervisor, programs)
        announce("Stopped.")


def _start(plan: Plan, parts: Parts, supervisor: Supervisor, *, announce: Announce) -> None:
    """Everything answers when this returns."""
    settings = plan.settings
    watch = StartWatch(supervisor, settings.data / "logs")
    wait_until(Readiness("The supervisor", supervisor.why_not_ready), gave_up=supervisor.why_ended)
    _start_databases(plan, supervisor, watch, announce=announce)
    write_dagster_home(
        plan.home,
        code_port=plan.code_port,
        run_slots=settings.run_slots,
        retention_days=settings.run_retention_days,
    )
    parts.set_up(plan)
    announce("The tables are up to date.")
    names = [program.name for program in parts.programs(plan)]
    supervisor.start(names)
    for ready in (*parts.readiness(plan), Readiness("Everything", lambda: supervisor.why_not_running(names))):
        wait_until(ready, gave_up=watch.why_useless)
        announce(f"{ready.name} answers.")


def _start_databases(plan: Plan, supervisor: Supervisor, watch: StartWatch, *, announce: Announce) -> None:
    record = plan.record()
    if plan.postgres:
        supervisor.start(["postgres"])
        wait_until(database_readiness(plan.postgres.admin_url), gave_up=watch.why_useless)
        plan.postgres.create_databases()
        announce(f"PostgreSQL answers on port {plan.postgres.port}; its data is in {plan.postgres.folder}.")
    else:
        for url in (record.database_url, record.dagster_database_url):
            create_missing(url)
        announce("Your PostgreSQL answers.")


def _stop(supervisor: Supervisor, programs: Sequence[Program]) -> None:
    """Nothing runs any more: first whatever uses Postgres, then Postgres, then what a killed process left behind."""
    names = [program.name for program in sorted(programs, key=lambda program: -program.priority)]
    with contextlib.suppress(OSError):
        supervisor.stop([name for name in names if name != "postgres"])
        supervisor.stop([name for name in names if name == "postgres"])
    supervisor.end()
    end_children()


def _wait_for_end_of(supervisor: Supervisor, data: Path) -> None:
    """Never returns: a signal ends the wait, or the supervisor's death. Orphans that end meanwhile are buried."""
    while os.waitpid(-1, 0)[0] != supervisor.process.pid:
        continue
    raise OperatorError(f"The supervisor died, and everything with it: see {data / 'logs' / 'supervisord.log'}.")


@contextlib.contextmanager
def _signals_ask_for_the_end() -> Iterator[None]:
    def ask(number: int, frame: FrameType | None) -> None:
        _ignore_signals()
        raise StopRequested

    before = {number: signal.signal(number, ask) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """The stop is under way: a second Ctrl-C does not make it disorderly."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
