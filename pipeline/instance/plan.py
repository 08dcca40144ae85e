"""What an instance will consist of, decided before anything starts: ports, addresses, settings, programs."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline import bootstrap
from pipeline.instance.embedded_postgres import EmbeddedPostgres, prepare_postgres
from pipeline.instance.first_run import upgrade_dagster
from pipeline.instance.ports import INNER_START, LOOPBACK, PortClaims
from pipeline.instance.programs import Program, darkroom_programs, source_folder
from pipeline.instance.readiness import Readiness, api_readiness, dagster_readiness
from pipeline.instance.record import InstanceRecord
from pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the parts of an instance will answer, and the environment that they get."""

    settings: Settings
    api_port: int
    dagster_port: int
    code_port: int
    postgres: EmbeddedPostgres | None
    environment: Mapping[str, str]

    @property
    def home(self) -> Path:
        """The folder of Dagster's configuration."""
        return self.settings.data / "dagster_home"

    def record(self) -> InstanceRecord:
        """As others on this machine reach it: the addresses in the settings may be those of a proxy."""
        return InstanceRecord(
            pid=os.getpid(),
            data=str(self.settings.data),
            api_url=f"http://{LOOPBACK}:{self.api_port}",
            dagster_url=f"http://{LOOPBACK}:{self.dagster_port}",
            database_url=self.settings.required_database_url(),
            dagster_database_url=self.settings.dagster_database_url or "",
            own_ports=sorted(self.settings.own_ports),
        )


def plan_instance(settings: Settings, claims: PortClaims, *, port: int | None, environ: Mapping[str, str]) -> Plan:
    """The plan for these settings; the ports in it are claimed, and the embedded cluster exists if it is wanted."""
    api_port, dagster_port = claims.web_ports(port)
    code_port = claims.next_free(INNER_START)
    postgres = None if settings.database_url else prepare_postgres(settings.data, claims)
    own_ports = settings.own_ports | {api_port, dagster_port, code_port} | ({postgres.port} if postgres else set())
    home = settings.data / "dagster_home"
    environment = {
        **environ,
        "DARKROOM_DATA": str(settings.data),
        "DARKROOM_DATABASE_URL": postgres.database_url if postgres else settings.required_database_url(),
        "DARKROOM_API_URL": environ.get("DARKROOM_API_URL") or f"http://{LOOPBACK}:{api_port}",
        "DARKROOM_DAGSTER_URL": environ.get("DARKROOM_DAGSTER_URL") or f"http://{LOOPBACK}:{dagster_port}",
        "DARKROOM_OWN_PORTS": ",".join(map(str, sorted(own_ports))),
        "DAGSTER_HOME": str(home),
        "PATH": _joined(str(Path(sys.executable).parent), environ.get("PATH", os.defpath)),
        "PYTHONPATH": _joined(str(source_folder()), environ.get("PYTHONPATH")),
        "PYTHONUNBUFFERED": "1",
    }
    final = Settings.from_environment(environment)
    environment["DARKROOM_DAGSTER_DATABASE_URL"] = final.dagster_database_url or ""
    return Plan(final, api_port, dagster_port, code_port, postgres, environment)


def _joined(*paths: str | None) -> str:
    return os.pathsep.join(path for path in paths if path)


@dataclass(frozen=True, slots=True)
class Parts:
    """What an instance consists of besides its databases: Darkroom's own parts, or a test's."""

    programs: Callable[[Plan], tuple[Program, ...]]
    set_up: Callable[[Plan], None]
    """Runs once the databases exist and before the programs start."""
    readiness: Callable[[Plan], tuple[Readiness, ...]]


def _darkroom_programs(plan: Plan) -> tuple[Program, ...]:
    return darkroom_programs(
        api_port=plan.api_port,
        dagster_port=plan.dagster_port,
        code_port=plan.code_port,
        workspace=plan.home / "workspace.yaml",
    )


def _set_up_darkroom(plan: Plan) -> None:
    record = plan.record()
    bootstrap.migrate(record.database_url)
    upgrade_dagster(plan.home, record.dagster_database_url, plan.environment)


def _darkroom_readiness(plan: Plan) -> tuple[Readiness, ...]:
    record = plan.record()
    return api_readiness(record.api_url), dagster_readiness(record.dagster_url)


DARKROOM = Parts(programs=_darkroom_programs, set_up=_set_up_darkroom, readiness=_darkroom_readiness)
