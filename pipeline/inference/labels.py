"""What a model's outputs are called."""

from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from pipeline.errors import CapabilityUnavailable
from pipeline.inference.entries import Labels


def read_labels(labels: Labels, folder: Path) -> tuple[str, ...]:
    """One name for each output, in their order; raises `CapabilityUnavailable` where a label file has none."""
    if labels.names:
        return labels.names
    if labels.builtin is not None:
        return _builtin(labels.builtin)
    path = folder / str(labels.file)
    try:
        names = _in_file(path, path.stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError) as error:
        raise CapabilityUnavailable(f"The labels in {path} cannot be read ({error}): replace the file.") from error
    if not names:
        raise CapabilityUnavailable(f"The label file {path} is empty: it needs one name in each line.")
    return names


@lru_cache(maxsize=32)
def _in_file(path: Path, changed_ns: int) -> tuple[str, ...]:
    return _lines(path.read_text(encoding="utf-8"))


@cache
def _builtin(name: str) -> tuple[str, ...]:
    return _lines((files("pipeline.inference") / "labels" / f"{name}.txt").read_text(encoding="utf-8"))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
