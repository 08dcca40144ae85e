"""What a delivered file says about itself: EXIF and XMP made anew, of nothing but what the policy keeps."""

import struct
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

from pipeline.domain.media import MediaFacts
from pipeline.domain.workflows import MetadataPolicy
from pipeline.media import tiff_write
from pipeline.media.raw_picture import EmbeddedMetadata
from pipeline.media.tiff_tags import Directory, directory_at, first_directory
from pipeline.media.tiff_write import Entry, nested, text

_MAX_CHARACTERS = 2000
"""Of one text: with UTF-8's four bytes each, EXIF and XMP stay below the 65 533 bytes of a JPEG segment."""

_MODEL, _TAKEN_AT, _TAKEN_OFFSET = 0x0110, 0x9003, 0x9011
_ARTIST, _COPYRIGHT = 0x013B, 0x8298
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_GPS_VERSION, _GPS_LATITUDE_REF, _GPS_LATITUDE, _GPS_LONGITUDE_REF, _GPS_LONGITUDE = range(5)


@dataclass(frozen=True, slots=True)
class GpsPosition:
    """Where a picture was taken, in degrees; south and west are negative."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is written into a delivered file; the encoders add an sRGB profile and nothing else.

    Empty texts are not written. Pixels are delivered upright, so there is no orientation to tell.
    """

    creator: str = ""
    copyright: str = ""
    camera: str = ""
    captured_at: str = ""
    gps: GpsPosition | None = None

    @property
    def is_empty(self) -> bool:
        return self == Metadata()

    def exif(self) -> bytes:
        """A TIFF structure with the kept facts, without the "Exif" header; empty when nothing is kept."""
        entries = self.entries()
        return tiff_write.HEADER + b"\x08\x00\x00\x00" + tiff_write.directory(entries, start=8) if entries else b""

    def entries(self) -> tuple[Entry, ...]:
        """The kept facts as entries of a TIFF directory."""
        entries = (
            text(_MODEL, self.camera),
            text(_ARTIST, self.creator),
            text(_COPYRIGHT, self.copyright),
            nested(_EXIF_IFD, _moment_entries(self.captured_at)),
            nested(_GPS_IFD, _gps_entries(self.gps)),
        )
        return tuple(entry for entry in entries if not entry.is_empty)

    def xmp(self) -> bytes:
        """An XMP packet with dc:creator and dc:rights; empty when neither is kept."""
        if not self.creator and not self.copyright:
            return b""
        return _XMP.format(creator=_xmp_creator(self.creator), rights=_xmp_rights(self.copyright)).encode()


def metadata_for(facts: MediaFacts, policy: MetadataPolicy, embedded: EmbeddedMetadata) -> Metadata:
    """What the policy keeps of the facts; the position comes from the original's own EXIF, and only where kept."""
    kept = {name: _clean(getattr(facts, name)) for name in KEEPABLE if name in policy.keep}
    return Metadata(**kept, gps=_read_gps(embedded.exif or b"") if policy.gps else None)


KEEPABLE: tuple[str, ...] = ("copyright", "creator", "camera", "captured_at")
"""The names that `MetadataPolicy.keep` may list."""


def _moment_entries(captured_at: str) -> tuple[Entry, ...]:
    """EXIF writes the moment with colons, and its offset from UTC in a tag of its own (2.32, 0x9003 and 0x9011)."""
    try:
        moment = datetime.fromisoformat(captured_at)
    except ValueError:
        return ()
    offset = captured_at[19:] if moment.tzinfo is not None else ""
    return text(_TAKEN_AT, moment.strftime("%Y:%m:%d %H:%M:%S")), text(_TAKEN_OFFSET, offset)


def _gps_entries(gps: GpsPosition | None) -> tuple[Entry, ...]:
    if gps is None:
        return ()
    return (
        tiff_write.raw(_GPS_VERSION, b"\x02\x03\x00\x00", byte=True),
        text(_GPS_LATITUDE_REF, "N" if gps.latitude >= 0 else "S"),
        _degrees(_GPS_LATITUDE, abs(gps.latitude)),
        text(_GPS_LONGITUDE_REF, "E" if gps.longitude >= 0 else "W"),
        _degrees(_GPS_LONGITUDE, abs(gps.longitude)),
    )


def _degrees(tag: int, value: float) -> Entry:
    degrees, rest = divmod(round(value * 3600 * 100), 360_000)
    minutes, seconds = divmod(rest, 6000)
    return tiff_write.rationals(tag, (degrees, 1), (minutes, 1), (seconds, 100))


_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">{creator}{rights}</rdf:Description>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)


def _xmp_creator(creator: str) -> str:
    return f"<dc:creator><rdf:Seq><rdf:li>{escape(creator)}</rdf:li></rdf:Seq></dc:creator>" if creator else ""


def _xmp_rights(rights: str) -> str:
    if not rights:
        return ""
    return f'<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">{escape(rights)}</rdf:li></rdf:Alt></dc:rights>'


def _clean(text: str | None) -> str:
    """Printable characters only: XML has no others, and a NUL would end an EXIF text."""
    return "".join(c for c in text or "" if c.isprintable())[:_MAX_CHARACTERS].strip()


def _read_gps(exif: bytes) -> GpsPosition | None:
    """The position in an EXIF block, or None where it has none that can be read: that is not worth a failure."""
    main = first_directory(exif)
    offset = main.number(_GPS_IFD) if main else 0
    gps = directory_at(exif, offset, byte_order=main.byte_order, is_big=main.is_big) if main and offset else None
    if gps is None:
        return None
    latitude = _read_degrees(gps, _GPS_LATITUDE, _GPS_LATITUDE_REF, negative=b"S")
    longitude = _read_degrees(gps, _GPS_LONGITUDE, _GPS_LONGITUDE_REF, negative=b"W")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return GpsPosition(latitude, longitude)


def _read_degrees(gps: Directory, tag: int, reference: int, *, negative: bytes) -> float | None:
    """Three fractions: degrees, minutes, seconds."""
    value = gps.raw(tag) or b""
    if len(value) != 24:
        return None
    numbers = struct.unpack(f"{gps.byte_order}6I", value)
    if 0 in numbers[1::2]:
        return None
    degrees, minutes, seconds = (float(top / bottom) for top, bottom in zip(numbers[::2], numbers[1::2], strict=True))
    sign = -1 if (gps.raw(reference) or b"")[:1].upper() == negative else 1
    return sign * (degrees + minutes / 60 + seconds / 3600)
