"""Which container a video really is, by its first bytes: nothing else decides which demuxer reads it."""

from dataclasses import dataclass

from pipeline.errors import EmptyMedia, UnsupportedType

HEAD_BYTES = 4096
"""As many bytes as `identify` looks at: five packets of the widest MPEG-TS form and what stands before them."""

WORDS = "an MP4, MOV, Matroska, WebM, AVI, MPEG, FLV, Ogg or WMV video"


@dataclass(frozen=True, slots=True)
class Container:
    """A container that is read. `demuxer` is the name FFmpeg is forced to, so that no file picks its own."""

    media_type: str
    demuxer: str


_MP4 = Container("video/mp4", "mov")
_QUICKTIME = Container("video/quicktime", "mov")
_3GPP = Container("video/3gpp", "mov")
_MPEG_TS = Container("video/mp2t", "mpegts")
_FIXED = (
    (b"\x00\x00\x01\xba", Container("video/mpeg", "mpeg")),
    (b"FLV\x01", Container("video/x-flv", "flv")),
    (b"OggS", Container("video/ogg", "ogg")),
    (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), Container("video/x-ms-wmv", "asf")),
)
# ISO 14496-12 and QuickTime: brands of single pictures and their sequences, which are no video of ours.
_PICTURE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis", b"crx ")
# What a QuickTime file older than `ftyp` (or a fragment without it) may begin with.
_OLD_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_FRAGMENTS = (b"styp", b"moof", b"sidx")
_EBML = b"\x1a\x45\xdf\xa3"
# Packet length and where the sync byte stands: plain, with M2TS's time stamp, with Reed-Solomon parity.
_TS_LAYOUTS = ((188, 0), (192, 4), (204, 0))
_TS_PACKETS = 3
"""Sync bytes in a row that make a transport stream: chance gives one in 16 million files three."""


def identify(head: bytes) -> Container:
    """The container of a file that starts with `head` (`HEAD_BYTES` of it, or the whole file where it is shorter).

    Raises `EmptyMedia` for no bytes and `UnsupportedType` for everything that is no video container: pictures, sound,
    text and the playlists and scripts (HLS, DASH, ffconcat, SDP) that would make a demuxer open other addresses.
    """
    if not head:
        raise EmptyMedia
    found = _iso_media(head) or _matroska(head) or _avi(head) or _transport_stream(head)
    found = found or next((container for signature, container in _FIXED if head.startswith(signature)), None)
    if found is None:
        raise UnsupportedType(f"The content is not {WORDS}: convert it to one of these and send it again.")
    return found


def _iso_media(head: bytes) -> Container | None:
    size, kind, brand = int.from_bytes(head[:4]), head[4:8], head[8:12]
    if kind in _FRAGMENTS:
        return _MP4
    if kind in _OLD_QUICKTIME:
        # 0: to the end of the file; 1: a 64-bit size follows.
        return _QUICKTIME if size in (0, 1) or size >= 8 else None
    if kind != b"ftyp" or brand in _PICTURE_BRANDS:
        return None
    if brand == b"qt  ":
        return _QUICKTIME
    return _3GPP if brand.startswith((b"3gp", b"3g2")) else _MP4


def _matroska(head: bytes) -> Container | None:
    if not head.startswith(_EBML):
        return None
    if b"webm" in head[:64]:
        return Container("video/webm", "matroska")
    return Container("video/x-matroska", "matroska") if b"matroska" in head[:64] else None


def _avi(head: bytes) -> Container | None:
    is_avi = head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX")
    return Container("video/x-msvideo", "avi") if is_avi else None


def _transport_stream(head: bytes) -> Container | None:
    for length, offset in _TS_LAYOUTS:
        syncs = head[offset::length][:5]
        if len(syncs) >= _TS_PACKETS and set(syncs) == {0x47}:
            return _MPEG_TS
    return None
