"""Image file directories: the tag structure that TIFF files and EXIF blocks share, read within bounds."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_ENTRIES = 1024
"""Entries read per directory. Cameras write fewer than 100, scientific TIFFs fewer than 300."""
MAX_VALUES = 1_000_000
"""Numbers read per tag. A 100 megapixel picture in strips of one row has 100 000 of them at the very most."""

# By the number of the kind: TIFF 6.0, section 2, with 13 of the supplements and 16 to 18 of BigTIFF.
_BYTES_PER_VALUE = dict(enumerate((0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)))
_UNSIGNED = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


@dataclass(frozen=True, slots=True)
class Tag:
    """One entry: the kind and number of its values, and where they lie."""

    kind: int
    count: int
    offset: int

    @property
    def size(self) -> int:
        return _BYTES_PER_VALUE.get(self.kind, 0) * self.count


@dataclass(frozen=True, slots=True)
class Directory:
    """One image file directory. `next_offset` is 0 after the last one.

    Values are cut out of `data` when they are asked for: a thousand tags may all claim the whole file as theirs.
    """

    data: bytes
    tags: Mapping[int, Tag]
    next_offset: int
    byte_order: str
    is_big: bool

    def raw(self, tag: int, *, at_most: int | None = None) -> bytes | None:
        """The bytes of the tag, or the first of them; None where it is absent or reaches beyond the file."""
        entry = self.tags.get(tag)
        if entry is None or entry.offset + entry.size > len(self.data):
            return None
        return self.data[entry.offset : entry.offset + (entry.size if at_most is None else min(entry.size, at_most))]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The unsigned integers of the tag; empty where it is absent, of another kind or outside the file."""
        entry = self.tags.get(tag)
        if entry is None or entry.kind not in _UNSIGNED or entry.count > MAX_VALUES:
            return ()
        values = self.raw(tag)
        return struct.unpack(f"{self.byte_order}{entry.count}{_UNSIGNED[entry.kind]}", values) if values else ()

    def number(self, tag: int, default: int = 0) -> int:
        return next(iter(self.numbers(tag)), default)


def first_directory(data: bytes) -> Directory | None:
    """The first directory of a TIFF file or EXIF block; None where there is none to read."""
    byte_order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if byte_order is None or len(data) < 8:
        return None
    is_big = 43 in (data[2], data[3])
    if not is_big:
        return directory_at(data, struct.unpack_from(f"{byte_order}I", data, 4)[0], byte_order=byte_order)
    if len(data) < 16:
        return None
    return directory_at(data, struct.unpack_from(f"{byte_order}Q", data, 8)[0], byte_order=byte_order, is_big=True)


def directory_at(data: bytes, offset: int, *, byte_order: str, is_big: bool = False) -> Directory | None:
    """The directory at this offset; None where it does not lie whole in the data."""
    count_size, entry_size, next_format = (8, 20, "Q") if is_big else (2, 12, "I")
    if offset < 8 or offset + count_size > len(data):
        return None
    (count,) = struct.unpack_from(f"{byte_order}{'Q' if is_big else 'H'}", data, offset)
    start = offset + count_size
    end = start + count * entry_size
    if not 0 < count <= MAX_ENTRIES or end > len(data):
        return None
    tags: dict[int, Tag] = {}
    for number, tag in _entries(data[start:end], start, byte_order, is_big):
        tags.setdefault(number, tag)
    # Some writers leave out the last four bytes of a file that has one page.
    has_next = end + struct.calcsize(next_format) <= len(data)
    next_offset = struct.unpack_from(f"{byte_order}{next_format}", data, end)[0] if has_next else 0
    return Directory(data, tags, next_offset, byte_order, is_big)


def _entries(table: bytes, start: int, byte_order: str, is_big: bool) -> Iterator[tuple[int, Tag]]:
    """A value that is no longer than an offset lies where the offset would."""
    layout, inline = ("HHQQ", 8) if is_big else ("HHII", 4)
    place = start + (12 if is_big else 8)
    for number, kind, count, offset in struct.iter_unpack(f"{byte_order}{layout}", table):
        is_inline = _BYTES_PER_VALUE.get(kind, 0) * count <= inline
        yield number, Tag(kind, count, place if is_inline else offset)
        place += 20 if is_big else 12
