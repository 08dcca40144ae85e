"""What the metadata inside a file says of its making: EXIF, IPTC and XMP, read within bounds, never written.

Broken metadata is no reason to refuse a picture: what cannot be read is absent. XMP is searched, not parsed, so that
neither its nesting nor its entities can cost anything.
"""

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pipeline.media.raw_picture import EmbeddedMetadata
from pipeline.media.tiff_tags import Directory, directory_at, first_directory

MAX_TEXT = 500
"""Characters kept of each text."""
_MAX_RAW_TEXT = 4000
MAX_XMP_BYTES = 1024 * 1024
"""Searched; the standard block of a JPEG has at most 64 kB, PNG and TIFF may hold more."""
MAX_XMP_PROPERTY_BYTES = 8 * 1024
MAX_IPTC_ENTRIES = 1000

_ORIENTATION, _MAKE, _MODEL, _CHANGED_AT, _ARTIST, _COPYRIGHT = 0x0112, 0x010F, 0x0110, 0x0132, 0x013B, 0x8298
_EXIF_DIRECTORY, _GPS_DIRECTORY = 0x8769, 0x8825
_TAKEN_AT, _DIGITIZED_AT, _TAKEN_OFFSET = 0x9003, 0x9004, 0x9011
_GPS_LATITUDE, _GPS_LONGITUDE = 2, 4
_IPTC_BYLINE, _IPTC_COPYRIGHT = 80, 116
_IPTC_RESOURCE = 0x0404
_MOMENT = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)", re.ASCII)
_OFFSET = re.compile(r"[+-]\d\d:\d\d", re.ASCII)
_LIST_ITEM = re.compile(rb"<rdf:li\b[^>]*>([^<]*)<")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who made the picture, when and with what. Texts are free of control characters, at most 500 characters long."""

    has_gps: bool = False
    captured_at: str | None = None
    """ISO 8601; with an offset from UTC where the camera noted one, else the camera's local time."""
    camera: str | None = None
    creator: str | None = None
    copyright: str | None = None


def read_orientation(exif: bytes | None) -> int:
    """1..8 as EXIF has it; 1 where nothing valid is stored."""
    directory = first_directory(exif) if exif else None
    orientation = directory.number(_ORIENTATION, 1) if directory else 1
    return orientation if 1 <= orientation <= 8 else 1


def read_provenance(metadata: EmbeddedMetadata) -> Provenance:
    """EXIF goes before IPTC before XMP where more than one of them names the creator or the copyright."""
    exif = metadata.exif or b""
    main = first_directory(exif)
    details = _linked(exif, main, _EXIF_DIRECTORY)
    iptc = _read_iptc(metadata.iptc or b"")
    xmp = (metadata.xmp or b"")[:MAX_XMP_BYTES]
    return Provenance(
        has_gps=_has_gps(_linked(exif, main, _GPS_DIRECTORY)) or b"GPSLatitude" in xmp,
        captured_at=_captured_at(main, details),
        camera=_camera(_text(main, _MAKE), _text(main, _MODEL)),
        creator=_text(main, _ARTIST) or iptc.get(_IPTC_BYLINE) or _xmp_text(xmp, b"dc:creator"),
        copyright=_text(main, _COPYRIGHT) or iptc.get(_IPTC_COPYRIGHT) or _xmp_text(xmp, b"dc:rights"),
    )


def cleaned(text: str) -> str | None:
    """One line without control, format or unpaired characters, at most 500 long; None where nothing is left."""
    visible = "".join(
        " " if unicodedata.category(character)[0] in "CZ" else character for character in text[:_MAX_RAW_TEXT]
    )
    return " ".join(visible.split())[:MAX_TEXT].rstrip() or None


def _linked(exif: bytes, main: Directory | None, tag: int) -> Directory | None:
    offset = main.number(tag) if main else 0
    return directory_at(exif, offset, byte_order=main.byte_order, is_big=main.is_big) if main and offset else None


def _text(directory: Directory | None, tag: int) -> str | None:
    """EXIF text is ASCII by the book; cameras and editors write UTF-8 and Latin-1."""
    raw = directory.raw(tag, at_most=_MAX_RAW_TEXT) if directory else None
    return cleaned(_decoded(raw.replace(b"\x00", b" "))) if raw else None


def _decoded(raw: bytes) -> str:
    raw = raw[:_MAX_RAW_TEXT]
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _has_gps(gps: Directory | None) -> bool:
    """Phones without a fix write all zeros (0/0 degrees), which is no place."""
    return gps is not None and any(
        (gps.raw(tag, at_most=24) or b"").strip(b"\x00") for tag in (_GPS_LATITUDE, _GPS_LONGITUDE)
    )


def _captured_at(main: Directory | None, details: Directory | None) -> str | None:
    written = _text(details, _TAKEN_AT) or _text(details, _DIGITIZED_AT) or _text(main, _CHANGED_AT)
    found = _MOMENT.match(written or "")
    if found is None:
        return None
    moment = "{}-{}-{}T{}".format(*found.groups())
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return None
    offset = _text(details, _TAKEN_OFFSET) or ""
    return moment + (offset if _OFFSET.fullmatch(offset) else "")


def _camera(make: str | None, model: str | None) -> str | None:
    """Many models repeat their maker's name: "Canon" and "Canon EOS 5D" are one "Canon EOS 5D"."""
    if not make or not model:
        return model or make
    return model if model.lower().startswith(make.split()[0].lower()) else f"{make} {model}"[:MAX_TEXT]


def _read_iptc(block: bytes) -> dict[int, str]:
    """The texts of IPTC record 2 by data set number; several by-lines are one text, joined by commas."""
    texts: dict[int, list[str]] = {}
    for number, value in _iptc_entries(_iptc_records(block)):
        text = cleaned(_decoded(value))
        if number in (_IPTC_BYLINE, _IPTC_COPYRIGHT) and text:
            texts.setdefault(number, []).append(text)
    return {number: ", ".join(found)[:MAX_TEXT] for number, found in texts.items()}


def _iptc_records(block: bytes) -> bytes:
    """The IPTC records: the block itself in a TIFF, the resource of that number among Photoshop's in a JPEG."""
    position = 0
    while block[position : position + 4] == b"8BIM":
        number = int.from_bytes(block[position + 4 : position + 6], "big")
        name_length = block[position + 6] if position + 6 < len(block) else 0
        start = position + 6 + (name_length + 2) // 2 * 2
        size = int.from_bytes(block[start : start + 4], "big")
        if number == _IPTC_RESOURCE:
            return block[start + 4 : start + 4 + size]
        position = start + 4 + (size + 1) // 2 * 2
    return block if position == 0 else b""


def _iptc_entries(records: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    for _ in range(MAX_IPTC_ENTRIES):
        if records[position : position + 1] != b"\x1c" or position + 5 > len(records):
            return
        record, number = records[position + 1], records[position + 2]
        size = int.from_bytes(records[position + 3 : position + 5], "big")
        if record == 2:
            yield number, records[position + 5 : position + 5 + size]
        position += 5 + size


def _xmp_text(xmp: bytes, name: bytes) -> str | None:
    """The first list item of a property, by the prefix that every writer uses."""
    start = xmp.find(b"<" + name)
    end = xmp.find(b"</" + name, start, start + MAX_XMP_PROPERTY_BYTES) if start >= 0 else -1
    found = _LIST_ITEM.search(xmp, start, end) if end > 0 else None
    return cleaned(html.unescape(found[1].decode(errors="replace"))) if found else None
