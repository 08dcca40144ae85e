"""What a TIFF says of its first page, and whether we can read that, before any decoder sees it."""

from dataclasses import dataclass
from enum import IntEnum

from pipeline.errors import CorruptMedia, UnsupportedVariant
from pipeline.media.tiff_tags import Directory, first_directory


class TiffTag(IntEnum):
    WIDTH = 256
    HEIGHT = 257
    BITS_PER_SAMPLE = 258
    COMPRESSION = 259
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES_PER_PIXEL = 277
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    SAMPLE_FORMAT = 339
    XMP = 700
    IPTC = 33723


READABLE_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32946, 34925, 50000})
"""None, CCITT, LZW, JPEG (old and new), Deflate (both numbers), PackBits, LZMA and Zstandard: what the libtiff inside
Pillow's wheels decodes. WebP (50001), JPEG 2000, JBIG, ThunderScan and SGI LogLuv are refused by name instead."""
MAX_SAMPLES = 6
"""Pillow's own bound (`TiffImagePlugin.MAX_SAMPLESPERPIXEL`)."""
MAX_PLAUSIBLE_SAMPLES = 64
"""Above it the number is damage; up to it, it is a multispectral picture."""
MAX_TILE_PIXELS = 64_000_000
"""A tile is decoded whole: no writer makes tiles larger than 4096 x 4096, a bomb does."""


@dataclass(frozen=True, slots=True)
class TiffPage:
    """The first page as the file describes it, before orientation is applied."""

    width: int
    height: int
    bit_depth: int
    orientation: int
    has_more_pages: bool
    xmp: bytes | None
    iptc: bytes | None


def read_first_page(data: bytes) -> TiffPage:
    """The first page. Raises `CorruptMedia` where its description is damaged."""
    page = first_directory(data)
    if page is None:
        raise CorruptMedia("The TIFF has no readable page: its directory lies outside the file.")
    width, height = page.number(TiffTag.WIDTH), page.number(TiffTag.HEIGHT)
    if width < 1 or height < 1:
        raise CorruptMedia("The TIFF names no width and height for its first page.")
    orientation = page.number(TiffTag.ORIENTATION, 1)
    return TiffPage(
        width=width,
        height=height,
        bit_depth=max(page.numbers(TiffTag.BITS_PER_SAMPLE) or (1,)),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        has_more_pages=page.next_offset != 0,
        xmp=page.raw(TiffTag.XMP),
        iptc=page.raw(TiffTag.IPTC),
    )


def require_readable(data: bytes) -> None:
    """Returns only for a page that is worth handing to libtiff.

    Raises `CorruptMedia` where the pixels cannot be in the file (a damaged page then never reaches the C decoder), and
    `UnsupportedVariant` for sound files of a kind that cannot be read.
    """
    page = first_directory(data)
    if page is None:
        raise CorruptMedia
    samples = page.number(TiffTag.SAMPLES_PER_PIXEL, 1)
    if not 1 <= samples <= MAX_PLAUSIBLE_SAMPLES:
        raise CorruptMedia(f"The TIFF claims {samples} samples per pixel.")
    _require_pixel_data(page, len(data))
    compression = page.number(TiffTag.COMPRESSION, 1)
    if compression not in READABLE_COMPRESSIONS:
        raise UnsupportedVariant(f"TIFF compression {compression} cannot be read: save with LZW, Deflate or none.")
    if samples > MAX_SAMPLES:
        raise UnsupportedVariant(f"A TIFF with {samples} samples per pixel cannot be read: save as RGB.")
    if page.number(TiffTag.TILE_WIDTH) * page.number(TiffTag.TILE_HEIGHT) > MAX_TILE_PIXELS:
        raise UnsupportedVariant("The tiles of the TIFF are too large: save it in strips or in smaller tiles.")


def _require_pixel_data(page: Directory, size: int) -> None:
    place = TiffTag.TILE_OFFSETS if TiffTag.TILE_OFFSETS in page.tags else TiffTag.STRIP_OFFSETS
    offsets = page.numbers(place)
    if not offsets or max(offsets) >= size:
        raise CorruptMedia("The TIFF ends before its pixels: it was cut off or damaged.")
