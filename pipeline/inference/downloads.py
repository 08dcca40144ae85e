"""Fetching one file of known content: resumed where it broke off, checked by its sha256, there whole or not at all."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import requests

from pipeline.errors import OperatorError

CHUNK_BYTES = 256 * 1024
TIMEOUT_S = (10, 60)
"""To connect, and between two chunks."""
_OK, _PARTIAL, _NOT_FOUND, _NOT_SATISFIABLE = 200, 206, 404, 416

Told = Callable[[int, int | None], None]
"""Is told how many bytes are there, and of how many if that is known."""


class Absent(OperatorError):
    """There is no such file."""


def download(url: str, target: Path, sha256: str | None, told: Told) -> None:
    """`target` is the file at this address.

    What an earlier attempt left in `target` + ".part" is continued by a Range request where the server can. Raises
    `Absent` where the address has none, `OperatorError` where it cannot be fetched or has another sha256.
    """
    part = _part_of(target)
    try:
        _fetch(url, part, told)
    except requests.RequestException as error:
        raise OperatorError(
            f"{url} could not be fetched ({_shortly(error)}): run the command again, it goes on where this one stopped."
        ) from error
    except OSError as error:
        raise OperatorError(f"{part} cannot be written ({error}): name a folder that you may write to.") from error
    _accept(part, target, sha256, url)


def copy(source: Path, target: Path, sha256: str | None, told: Told) -> None:
    """`target` has the content of this file; raises `Absent` and `OperatorError` like `download`."""
    if not source.is_file():
        raise Absent(f"{source} does not exist.")
    part = _part_of(target)
    try:
        shutil.copyfile(source, part)
    except OSError as error:
        raise OperatorError(f"{source} cannot be copied to {part} ({error}).") from error
    told(part.stat().st_size, part.stat().st_size)
    _accept(part, target, sha256, str(source))


def _fetch(url: str, part: Path, told: Told) -> None:
    there = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if response.status_code == _NOT_FOUND:
            raise Absent(f"{url} does not exist.")
        if response.status_code == _NOT_SATISFIABLE:
            return  # all of it is there already, or something else: its sha256 will tell
        if response.status_code not in (_OK, _PARTIAL):
            raise OperatorError(f"{url} answered {response.status_code}: try again later, or name another source.")
        if response.status_code == _OK:
            there = 0
        length = response.headers.get("Content-Length", "")
        total = there + int(length) if length.isdigit() else None
        with part.open("ab" if there else "wb") as file:
            told(there, total)
            for chunk in response.iter_content(CHUNK_BYTES):
                file.write(chunk)
                there += len(chunk)
                told(there, total)
    if total is not None and there < total:
        raise OperatorError(f"{url} broke off after {there} of {total} bytes: run the command again, it goes on there.")


def _accept(part: Path, target: Path, sha256: str | None, source: str) -> None:
    if sha256 is not None:
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            part.unlink()
            raise OperatorError(
                f"{source} is not the file that the catalog names: its sha256 is {found}, not {sha256}. It was thrown "
                "away; try again, or name another source with --from."
            )
    part.replace(target)


def _part_of(target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(
            f"{target.parent} cannot be made ({error}): set DARKROOM_MODELS to another folder."
        ) from error
    return target.with_name(f"{target.name}.part")


def _shortly(error: Exception) -> str:
    reason = getattr(error.args[0] if error.args else None, "reason", None) or error
    return " ".join(f"{type(reason).__name__}: {reason}".split())[:200]
