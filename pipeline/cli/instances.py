"""How commands find the instance: the environment, else the one that runs on the data folder, else a private one."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import requests

from pipeline.bootstrap import connect_ledger
from pipeline.errors import Conflict, DatabaseUnavailable, NotFound, OperatorError
from pipeline.instance.preflight import make_data_folder
from pipeline.instance.privileges import ended_with_parent
from pipeline.instance.programs import python, source_folder
from pipeline.instance.record import connected, running_instance
from pipeline.services.accounts import AccountView, create_account, create_token, list_accounts
from pipeline.services.line import Ledger
from pipeline.settings import Settings

LOCAL_ACCOUNT = "local"
LOCAL_TOKEN_DAYS = 1
"""Long enough for the longest folder; a token is made for each use, so that none has to be kept anywhere."""
LOOK_EVERY_S = 0.2
STOP_WAIT_S = 90.0
"""Longer than `darkroom up` gives its own programs to stop."""

Say = Callable[[str], None]


def found_settings(data: Path | None) -> Settings:
    """The settings with the addresses of the instance that this command is about.

    DARKROOM_DATABASE_URL goes first, unless --data names a folder on which an instance runs. Raises `OperatorError`
    where neither is there.
    """
    settings = Settings.from_environment(environment(data))
    if settings.database_url is None or data is not None:
        settings = connected(settings)
    settings.required_database_url()
    return settings


def environment(data: Path | None) -> dict[str, str]:
    """This process's environment with --data in it."""
    return {**os.environ, **({"DARKROOM_DATA": str(data)} if data else {})}


@contextmanager
def open_ledger(data: Path | None) -> Iterator[Ledger]:
    """The instance's ledger; a database that does not answer is an error that says what to do."""
    with open_ledger_of(found_settings(data)) as ledger:
        yield ledger


@contextmanager
def open_ledger_of(settings: Settings) -> Iterator[Ledger]:
    ledger = connect_ledger(settings)
    try:
        yield ledger
    except DatabaseUnavailable as error:
        raise OperatorError(
            "The database does not answer: start the instance with `darkroom up`, or correct DARKROOM_DATABASE_URL."
        ) from error
    finally:
        ledger.database.dispose()


def account_named(ledger: Ledger, name: str) -> AccountView:
    """The account; raises `NotFound` with what to do."""
    for account in list_accounts(ledger):
        if account.name == name:
            return account
    raise NotFound(f"There is no account named {name!r}: make one with `darkroom accounts create {name}`.")


def local_token(settings: Settings) -> str:
    """A token for a day of the account "local", which exists afterwards and has no limits."""
    with open_ledger_of(settings) as ledger:
        with suppress(Conflict):
            create_account(ledger, LOCAL_ACCOUNT, plan="unlimited")
        return create_token(ledger, LOCAL_ACCOUNT, days=LOCAL_TOKEN_DAYS)


@contextmanager
def running_or_started(data: Path | None, say: Say) -> Iterator[Settings]:
    """The instance that runs, or one that is started in the data folder and stopped afterwards."""
    environ = environment(data)
    settings = Settings.from_environment(environ)
    if running_instance(settings.data) is not None:
        yield connected(settings)
    elif settings.database_url and os.environ.get("DARKROOM_API_URL") and _answers(settings.api_url):
        yield settings
    else:
        with started_instance(environ, say) as started:
            yield started


@contextmanager
def started_instance(environ: Mapping[str, str], say: Say) -> Iterator[Settings]:
    """`darkroom up` in a process of its own, until the block ends; it ends as well when this process is killed."""
    settings = Settings.from_environment(environ)
    make_data_folder(settings.data)
    with tempfile.TemporaryDirectory(prefix="darkroom-") as folder, _signals_unwind():
        ready, log = Path(folder, "ready.json"), Path(folder, "up.log")
        process = _start(environ, ready, log)
        try:
            _wait_until_ready(process, ready, log, say)
            yield connected(Settings.from_environment(environ))
        finally:
            say("Stopping.")
            _stop(process)


def _start(environ: Mapping[str, str], ready: Path, log: Path) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that Ctrl-C reaches this process alone, which stops things in order."""
    paths = os.pathsep.join(path for path in (str(source_folder()), environ.get("PYTHONPATH")) if path)
    with log.open("wb") as output:
        return subprocess.Popen(
            ended_with_parent(python("-m", "pipeline.cli", "up", "--ready-file", str(ready)), signal="TERM"),
            env={**environ, "PYTHONPATH": paths, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_until_ready(process: "subprocess.Popen[bytes]", ready: Path, log: Path, say: Say) -> None:
    said = 0
    while not ready.exists():
        ended = process.poll() is not None
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines[said:]:
            say(line)
        said = len(lines)
        if ended:
            raise OperatorError("Darkroom did not start: " + "\n".join(lines[-15:]))
        time.sleep(LOOK_EVERY_S)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """It has ended; whoever is impatient waits all the same, or something would be left behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    process.terminate()
    try:
        process.wait(STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _signals_unwind() -> Iterator[None]:
    """SIGTERM ends this process through its `finally` blocks, as Ctrl-C does, so that nothing is left behind."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {signal.SIGINT: signal.getsignal(signal.SIGINT), signal.SIGTERM: signal.signal(signal.SIGTERM, leave)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _answers(api_url: str) -> bool:
    try:
        return requests.get(f"{api_url}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False
