"""Small files that others read while they are written: whole or not there."""

import json
import os
from pathlib import Path


def write_private(path: Path, values: object) -> None:
    """The file holds the values as JSON, whole and readable by its owner alone, whenever one looks."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(values, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
