"""Which files of a folder are pictures, and real photographs for whoever has none at hand."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.domain.media import MediaLimits
from pipeline.errors import MediaError, OperatorError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
"""A folder that is named like a picture is named among what was left alone, unless it is looked into."""
HEAD_BYTES = 64
"""Enough to tell a type by its signature."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is left alone. `path` is relative to the folder."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What lies in a folder, sorted by name; paths are relative to it."""

    folder: Path
    pictures: tuple[Path, ...]
    skipped: tuple[Skipped, ...]


def find_pictures(folder: Path, *, recursive: bool, limits: MediaLimits, without: Path | None = None) -> Found:
    """The folder's pictures by their content, whatever their names end in; hidden files are passed over.

    `without` is a folder that is not looked into. Raises `OperatorError` where there is no picture.
    """
    pictures, skipped = [], []
    for path in _files(folder, recursive=recursive, without=without):
        reason = _why_not(folder / path, limits)
        if reason is None:
            pictures.append(path)
        else:
            skipped.append(Skipped(path, reason))
    if not pictures:
        hint = "" if recursive else " (--recursive looks into subfolders as well)"
        raise OperatorError(f"There is no JPEG, PNG or TIFF picture in {folder}{hint}.")
    return Found(folder, tuple(pictures), tuple(skipped))


def _files(folder: Path, *, recursive: bool, without: Path | None) -> Iterator[Path]:
    for place, subfolders, names in os.walk(folder, followlinks=False):
        folders = tuple(subfolders)
        subfolders[:] = sorted(
            name for name in folders if recursive and not name.startswith(".") and Path(place, name) != without
        )
        left_alone = [] if recursive else [name for name in folders if Path(name).suffix.lower() in SUFFIXES]
        for name in sorted([*names, *left_alone]):
            if not name.startswith("."):
                yield Path(place, name).relative_to(folder)


def _why_not(path: Path, limits: MediaLimits) -> str | None:
    """None for a picture that can be sent. What is no regular file is never opened: a FIFO would wait for a writer."""
    from pipeline.media.image import sniff

    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return "It is not a regular file."
        with path.open("rb") as file:
            sniff(file.read(HEAD_BYTES), limits)
    except MediaError as error:
        return error.message
    except OSError as error:
        return f"It cannot be read: {error.strerror}."
    if found.st_size > limits.max_bytes:
        return f"It has {found.st_size} bytes; the limit is {limits.max_bytes}."
    return None


SAMPLES: tuple[tuple[str, str], ...] = (
    ("astronaut.png", "astronaut.jpg"),
    ("chelsea.png", "chelsea.tif"),
    ("coffee.png", "coffee.png"),
    ("hubble_deep_field.jpg", "hubble_deep_field.jpg"),
    ("motorcycle_left.png", "motorcycle.jpg"),
    ("rocket.jpg", "rocket.jpg"),
)
"""Photographs that scikit-image carries, and what they become: every type that Darkroom takes is among them."""


def write_samples(folder: Path) -> None:
    """The folder holds real photographs; the first one carries a place and a copyright, as a phone writes them."""
    from PIL import Image

    package = find_spec("skimage")
    if package is None or not package.submodule_search_locations:
        raise OperatorError("scikit-image, which brings the photographs, is missing: run scripts/install.")
    source = Path(package.submodule_search_locations[0]) / "data"
    for position, (name, target) in enumerate(SAMPLES):
        if Path(name).suffix == Path(target).suffix:
            (folder / target).write_bytes((source / name).read_bytes())
            continue
        with Image.open(source / name) as picture:
            exif = _phone_exif() if position == 0 else Image.Exif()
            picture.convert("RGB").save(folder / target, quality=88, exif=exif)


def _phone_exif() -> "Image.Exif":
    """EXIF 2.32: artist, copyright, and the Kennedy Space Center as the place."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x013B], exif[0x8298] = "NASA", "Public domain"
    gps = exif.get_ifd(0x8825)
    gps.update({1: "N", 2: (28.0, 34.0, 24.0), 3: "W", 4: (80.0, 39.0, 4.0)})
    return exif
