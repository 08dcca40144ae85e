"""The programs of an instance, as data: what is started, in which order, and how each is stopped."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pipeline
from pipeline.instance.ports import LOOPBACK

CODE_LOCATION = "darkroom"

MALLOC: Mapping[str, str] = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "134217728",
    "MALLOC_ARENA_MAX": "1",
}
"""For the runs, which inherit it from the code server: 36 MB picture buffers are then reused instead of faulted in
page by page; 0.21 to 0.18 CPU-s for a 12 MP image, as measured on two cores. One arena for all threads: with one each,
sixteen downloads took 12 CPU-ms per file instead of 5."""


@dataclass(frozen=True, slots=True)
class Program:
    """One process that is kept running. Higher `priority` starts later and stops earlier."""

    name: str
    command: tuple[str, ...]
    priority: int
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    stop_signal: str = "TERM"
    stop_wait_s: int = 4
    with_children: bool = False
    """The processes that it has started are stopped with it."""


def python(*arguments: str) -> tuple[str, ...]:
    """A command of this environment's interpreter that does not search the current folder for modules."""
    return (sys.executable, "-P", *arguments)


def source_folder() -> Path:
    """Where the packages `pipeline`, `assets`, `resources` and `sensors` lie."""
    return Path(pipeline.__path__[0]).resolve().parent


def darkroom_programs(*, api_port: int, dagster_port: int, code_port: int, workspace: Path) -> tuple[Program, ...]:
    """Everything that `darkroom up` keeps running, besides Postgres."""
    at = ("-h", LOOPBACK, "-p")
    quiet = ("--no-access-log", "--no-server-header")
    # h11: the default parser buffers a header that never ends without limit; 379 MB were reached.
    api = ("pipeline.asgi:app", "--host", LOOPBACK, "--port", str(api_port), "--http", "h11", *quiet)
    code = ("-m", "pipeline.definitions", "--location-name", CODE_LOCATION, "-d", str(source_folder()), "-n", "16")
    return (
        Program("keeper", python("-m", "pipeline.cli.keeper"), priority=20),
        Program(
            "api", python("-m", "uvicorn", *api, "--no-server-header", "--timeout-graceful-shutdown", "2"), priority=30
        ),
        Program(
            "code_server",
            python("-m", "dagster", "api", "grpc", *at, str(code_port), *code),
            priority=40,
            environment=MALLOC,
            with_children=True,
        ),
        Program("daemon", python("-m", "dagster._daemon", "run", "-w", str(workspace)), priority=50),
        Program(
            "webserver",
            python("-m", "dagster_webserver", *at, str(dagster_port), "-w", str(workspace)),
            priority=60,
        ),
    )
