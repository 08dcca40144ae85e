"""An instance made of stand-ins, to try the life of an instance in seconds: two web servers and a process with a child.

Run as `python standin_instance.py DATA READY_FILE [PORT]`; a port of `broken` makes one program end at once.
"""

import sys
from pathlib import Path

import requests

from pipeline.errors import OperatorError
from pipeline.instance.launch import launch
from pipeline.instance.plan import Parts, Plan
from pipeline.instance.programs import Program, python
from pipeline.instance.readiness import Readiness
from pipeline.settings import Settings

WEB = "import http.server as h, sys; h.test(h.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')"
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import signal; signal.pause()'])"
BROKEN = "raise SystemExit('the disk is on fire')"


def programs(plan: Plan) -> tuple[Program, ...]:
    """The stand-ins; the parent leaves a child behind when it is killed, as the code server leaves a run."""
    folder = plan.settings.data / "web"
    folder.mkdir(exist_ok=True)
    return (
        Program("web", python("-c", WEB, str(plan.api_port)), priority=30, folder=folder),
        Program("other_web", python("-c", WEB, str(plan.dagster_port)), priority=40, folder=folder),
        Program("parent", python("-c", PARENT), priority=50, with_children=True),
    )


def broken_programs(plan: Plan) -> tuple[Program, ...]:
    return (*programs(plan), Program("broken", python("-c", BROKEN), priority=60))


def answers(url: str) -> Readiness:
    """Until a web server answers there."""

    def why_not() -> str | None:
        try:
            requests.get(url, timeout=5)
        except requests.RequestException as error:
            return type(error).__name__
        return None

    return Readiness(url, why_not)


def readiness(plan: Plan) -> tuple[Readiness, ...]:
    record = plan.record()
    return answers(record.api_url), answers(record.dagster_url)


def never(plan: Plan) -> tuple[Readiness, ...]:
    return (Readiness("The broken program", lambda: "it is broken"),)


def main(data: str, ready_file: str, port: str = "") -> None:
    parts = Parts(programs, lambda plan: None, readiness)
    if port == "broken":
        parts = Parts(broken_programs, lambda plan: None, never)
    launch(
        Settings.from_environment({"DARKROOM_DATA": data, **_database()}),
        announce=lambda text: print(text, flush=True),
        port=int(port) if port.isdecimal() else None,
        ready_file=Path(ready_file),
        parts=parts,
    )


def _database() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if name == "DARKROOM_DATABASE_URL"}


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OperatorError as error:
        sys.exit(error.message)
