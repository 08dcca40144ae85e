"""The segments of a JPEG file before its pixels: size, coding, quality and embedded metadata, without decoding."""

import re
from dataclasses import dataclass, field

import numpy as np

from pipeline.errors import CorruptMedia, MetadataTooLarge, UnsupportedVariant

MAX_SCANS = 100
"""Cameras and encoders write at most about 20 scans. Each further one costs a pass over the whole picture, so a small
file with thousands of them is a bomb (libjpeg-turbo's own fuzzers stop at 500 for the same reason)."""

_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
_SCAN_END = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_SOS, _EOI, _DQT, _APP1, _APP2, _APP13 = 0xDA, 0xD9, 0xDB, 0xE1, 0xE2, 0xED
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA})
_OTHER_FRAMES = frozenset({0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF})

_EXIF, _XMP = b"Exif\x00", b"http://ns.adobe.com/xap/1.0/\x00"
_ICC, _MPF, _PHOTOSHOP = b"ICC_PROFILE\x00", b"MPF\x00", b"Photoshop 3.0\x00"

# ITU-T T.81 table K.1, the luminance quantisation table that quality 50 stands for.
_STANDARD_LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, i // 8 if (i // 8 + i % 8) % 2 else i % 8))
# IJG's jcparam.c: S = 5000 / Q below 50, else 200 - 2 Q; each entry is (standard * S + 50) / 100 within 1..255.
_SCALES = np.array([5000 // q if q < 50 else 200 - 2 * q for q in range(1, 101)])
_TABLES = np.clip((_STANDARD_LUMA.ravel()[_ZIGZAG] * _SCALES[:, None] + 50) // 100, 1, 255)


@dataclass(slots=True)
class JpegHeader:
    """What the segments up to the first scan say."""

    width: int = 0
    height: int = 0
    precision: int = 8
    components: int = 0
    is_progressive: bool = False
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes = b""
    is_multi_picture: bool = False
    luma_table: tuple[int, ...] = ()
    metadata_bytes: int = 0
    profile_parts: dict[int, bytes] = field(default_factory=dict)
    profile_count: int = 0

    @property
    def profile(self) -> bytes | None:
        """The embedded ICC profile; None where there is none or a part of it is missing."""
        numbers = range(1, self.profile_count + 1)
        if not self.profile_count or any(number not in self.profile_parts for number in numbers):
            return None
        return b"".join(self.profile_parts[number] for number in numbers)

    @property
    def quality(self) -> int | None:
        """1..100: the quality whose luma table, by IJG's formula (jcparam.c), is nearest to the file's."""
        if len(self.luma_table) != 64:
            return None
        return int(np.abs(_TABLES - np.array(self.luma_table)).sum(axis=1).argmin()) + 1


def read_header(data: bytes, *, max_metadata_bytes: int) -> JpegHeader:
    """The header. Raises `CorruptMedia`, `UnsupportedVariant` or `MetadataTooLarge`; never reads pixels."""
    header = JpegHeader()
    position = 2
    while True:
        found = _MARKER.search(data, position)
        if found is None:
            raise CorruptMedia("The JPEG ends before its pixels: it was cut off.")
        marker, position = found[1][0], found.end()
        if marker in _STANDALONE:
            continue
        if marker == _EOI:
            raise CorruptMedia("The JPEG has no pixels.")
        length = int.from_bytes(data[position : position + 2], "big")
        segment = data[position + 2 : position + length]
        if marker == _SOS:
            _require_picture(header)
            _bound_scans(data, position + length, scan_components=segment[0] if segment else 0, header=header)
            return header
        _read_segment(header, marker, segment)
        if header.metadata_bytes > max_metadata_bytes:
            raise MetadataTooLarge
        position += max(length, 2)


def _require_picture(header: JpegHeader) -> None:
    if not (header.width and header.height):
        raise CorruptMedia("The JPEG names no width and height.")
    if header.precision != 8:
        raise UnsupportedVariant(f"A JPEG with {header.precision} bits per channel cannot be read: save it with 8.")
    if header.components not in (1, 3, 4):
        raise UnsupportedVariant(f"A JPEG with {header.components} channels cannot be read: save it as RGB.")


def _bound_scans(data: bytes, position: int, *, scan_components: int, header: JpegHeader) -> None:
    """Counts the scans where there can be several; raises when decoding would take one pass too many."""
    if not header.is_progressive and scan_components == header.components:
        return
    # The two bytes of a scan's marker occur at least as often as scans do: nearly always, counting them is enough.
    if data.count(b"\xff\xda", position) < MAX_SCANS:
        return
    scans = 1
    while found := _SCAN_END.search(data, position):
        marker, position = found[1][0], found.end()
        if marker == _EOI:
            return
        scans += marker == _SOS
        if scans > MAX_SCANS:
            raise UnsupportedVariant(f"A JPEG with more than {MAX_SCANS} scans is not read: save it as baseline.")
        if marker not in _STANDALONE:
            position += max(int.from_bytes(data[position : position + 2], "big"), 2)


def _read_segment(header: JpegHeader, marker: int, segment: bytes) -> None:
    if marker in _OTHER_FRAMES:
        raise UnsupportedVariant("A hierarchical or differential JPEG cannot be read: save it as baseline.")
    if marker in _FRAMES and len(segment) >= 6:
        header.precision, header.components = segment[0], segment[5]
        header.height = int.from_bytes(segment[1:3], "big")
        header.width = int.from_bytes(segment[3:5], "big")
        header.is_progressive = marker in (0xC2, 0xCA)
    elif marker == _DQT:
        _read_tables(header, segment)
    elif marker in (_APP1, _APP2, _APP13):
        header.metadata_bytes += len(segment)
        _read_metadata(header, segment)


def _read_tables(header: JpegHeader, segment: bytes) -> None:
    position = 0
    while position < len(segment):
        wide, number = segment[position] >> 4 != 0, segment[position] & 15
        values = segment[position + 1 : position + (129 if wide else 65)]
        if number == 0:
            header.luma_table = tuple(np.frombuffer(values, ">u2").tolist()) if wide else tuple(values)
        position += 129 if wide else 65


def _read_metadata(header: JpegHeader, segment: bytes) -> None:
    if segment.startswith(_EXIF):
        header.exif = header.exif or segment[6:]
    elif segment.startswith(_XMP):
        header.xmp = header.xmp or segment[len(_XMP) :]
    elif segment.startswith(_ICC) and len(segment) > 14:
        header.profile_parts[segment[12]] = segment[14:]
        header.profile_count = segment[13]
    elif segment.startswith(_MPF):
        header.is_multi_picture = True
    elif segment.startswith(_PHOTOSHOP):
        header.iptc += segment[len(_PHOTOSHOP) :]
