"""TIFF structures written from scratch: EXIF blocks, and whole pictures with the tags that we choose.

Pillow writes compressed TIFFs through libtiff, which takes neither UTF-8 texts nor a GPS directory.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEADER = b"II*\x00"
"""Little endian; the offset of the first directory follows in four bytes."""

_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 2, 3, 4, 5, 7
_BYTE = 1
_STRIP_BYTES = 1 << 20
"""Raw bytes of a strip: readers decode one at a time."""
_DEFLATE_LEVEL = 3
"""A third of the time of zlib's default level for a few per cent more bytes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a TIFF directory: its data, or a directory of its own that it points to."""

    tag: int
    type: int
    count: int
    data: bytes
    children: "tuple[Entry, ...]" = ()

    @property
    def is_empty(self) -> bool:
        return not self.data and not self.children


def text(tag: int, value: str) -> Entry:
    """UTF-8, as every current reader takes it; an empty text makes an empty entry, which is not written."""
    data = value.encode() + b"\x00" if value else b""
    return Entry(tag, _ASCII, len(data), data)


def raw(tag: int, value: bytes, *, byte: bool = False) -> Entry:
    return Entry(tag, _BYTE if byte else _UNDEFINED, len(value), value)


def shorts(tag: int, *values: int) -> Entry:
    return Entry(tag, _SHORT, len(values), struct.pack(f"<{len(values)}H", *values))


def longs(tag: int, *values: int) -> Entry:
    return Entry(tag, _LONG, len(values), struct.pack(f"<{len(values)}I", *values))


def rationals(tag: int, *values: tuple[int, int]) -> Entry:
    numbers = [number for value in values for number in value]
    return Entry(tag, _RATIONAL, len(values), struct.pack(f"<{len(numbers)}I", *numbers))


def nested(tag: int, children: Iterable[Entry]) -> Entry:
    return Entry(tag, _LONG, 1, b"", tuple(child for child in children if not child.is_empty))


def directory(entries: Iterable[Entry], *, start: int) -> bytes:
    """One directory that begins `start` bytes into the file, its values and sub-directories behind it."""
    written = sorted((entry for entry in entries if not entry.is_empty), key=lambda entry: entry.tag)
    table, behind = struct.pack("<H", len(written)), b""
    behind_start = start + 2 + 12 * len(written) + 4
    for entry in written:
        position = behind_start + len(behind)
        if entry.children:
            value, added = struct.pack("<I", position), directory(entry.children, start=position)
        elif len(entry.data) <= 4:
            value, added = entry.data.ljust(4, b"\x00"), b""
        else:
            value, added = struct.pack("<I", position), entry.data
        table += struct.pack("<HHI", entry.tag, entry.type, entry.count) + value
        behind += added + b"\x00" * (len(added) % 2)
    return table + b"\x00\x00\x00\x00" + behind


def tiff(samples: NDArray[np.uint8], entries: Iterable[Entry]) -> bytes:
    """A TIFF of RGB or RGBA samples (H, W, 3 or 4), deflated, with these further entries."""
    height, width, channels = samples.shape
    rows = max(1, _STRIP_BYTES // (width * channels))
    strips = list(_strips(samples, rows))
    offsets, position = [], 8
    for strip in strips:
        offsets.append(position)
        position += len(strip)
    padding = position % 2
    layout = [
        longs(256, width),
        longs(257, height),
        shorts(258, *[8] * channels),
        shorts(259, 8),  # deflate
        shorts(262, 2),  # RGB
        longs(273, *offsets),
        shorts(277, channels),
        longs(278, rows),
        longs(279, *map(len, strips)),
        rationals(282, (72, 1)),
        rationals(283, (72, 1)),
        shorts(296, 2),  # inches
        shorts(317, 2),  # horizontal predictor
        *([shorts(338, 2)] if channels == 4 else []),  # the fourth is alpha, not multiplied into the colours
    ]
    start = position + padding
    return b"".join(
        (HEADER, struct.pack("<I", start), *strips, b"\x00" * padding, directory([*layout, *entries], start=start))
    )


def _strips(samples: NDArray[np.uint8], rows: int) -> Iterator[bytes]:
    for top in range(0, samples.shape[0], rows):
        strip = samples[top : top + rows]
        differences = strip.copy()
        differences[:, 1:] -= strip[:, :-1]
        yield zlib.compress(differences.tobytes(), _DEFLATE_LEVEL)
