"""The content of weight files, read once per process."""

import hashlib
import threading
from pathlib import Path

_checksums: dict[tuple[Path, int, int], str] = {}
_lock = threading.Lock()


def checksum_of(path: Path) -> str:
    """The file's sha256 as hex, computed once per process for each state (size and time) of the file."""
    status = path.stat()
    key = (path, status.st_size, status.st_mtime_ns)
    with _lock:
        if key not in _checksums:
            with path.open("rb") as file:
                _checksums[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return _checksums[key]
