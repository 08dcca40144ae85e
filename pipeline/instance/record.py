"""Who runs on a data folder: the lock that only one `darkroom up` holds, and the record that others find it by."""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pipeline.errors import OperatorError
from pipeline.instance.files import write_private
from pipeline.settings import Settings

STOPPING_WAIT_S = 30.0
"""How long an instance whose `darkroom up` was killed may take to stop the rest."""


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """Where a running instance answers, on this machine."""

    pid: int
    data: str
    api_url: str
    dagster_url: str
    database_url: str = field(repr=False)
    dagster_database_url: str = field(repr=False)
    own_ports: list[int]
    supervisor_socket: str = ""

    def announcement(self) -> dict[str, str]:
        """What --ready-file holds."""
        return {name: getattr(self, name) for name in ("api_url", "dagster_url", "database_url", "data")}


def record_file(data: Path) -> Path:
    return data / "instance.json"


def running_instance(data: Path) -> InstanceRecord | None:
    """The instance that answers on this data folder, or None."""
    try:
        record = InstanceRecord(**json.loads(record_file(data).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    lock = os.open(data / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        return None if _locked(lock) else record
    finally:
        os.close(lock)


def connected(settings: Settings) -> Settings:
    """The settings with the addresses of the instance that runs on their data folder; themselves where none does."""
    record = running_instance(settings.data)
    if record is None:
        return settings
    return replace(
        settings,
        api_url=record.api_url,
        dagster_url=record.dagster_url,
        database_url=record.database_url,
        dagster_database_url=record.dagster_database_url,
        own_ports=settings.own_ports | frozenset(record.own_ports),
    )


def take_folder(data: Path) -> int:
    """The open lock of this data folder; raises `OperatorError` with the process that holds it.

    Everything of an instance shares its lock, so that one whose `darkroom up` was killed is waited for until its
    supervisor has stopped the rest.
    """
    lock = os.open(data / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + STOPPING_WAIT_S
    while not _locked(lock):
        holder = os.pread(lock, 32, 0).decode().strip()
        if time.monotonic() > deadline or (holder and Path(f"/proc/{holder}").exists()):
            os.close(lock)
            raise OperatorError(
                f"Process {holder} already runs Darkroom on {data}: use that one (its addresses are in "
                f"{record_file(data)}), stop it, or choose another folder with --data."
            )
        time.sleep(0.1)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def write_record(record: InstanceRecord, ready_file: Path | None) -> None:
    """Other processes find the instance from now on; whoever waits for the ready file sees it whole."""
    write_private(record_file(Path(record.data)), asdict(record))
    if ready_file:
        write_private(ready_file, record.announcement())


def forget_record(data: Path) -> None:
    """Nobody finds the instance any more."""
    record_file(data).unlink(missing_ok=True)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
