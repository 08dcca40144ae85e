"""Pictures: what a customer sent becomes upright 8-bit sRGB, or an error of ours that says why not.

The one seam between foreign decoders and our errors. Only the JPEG, PNG and TIFF decoders can be reached: their classes
are named and Pillow's registry (`Image.open`) is never asked, so no file can pick its own decoder.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.domain.media import MediaLimits
from pipeline.errors import CorruptMedia, EmptyMedia, TooManyBytes, UnsupportedType
from pipeline.media.jpeg_decoder import decode_jpeg
from pipeline.media.png_decoder import decode_png
from pipeline.media.raw_picture import EmbeddedMetadata, RawPicture
from pipeline.media.tiff_decoder import decode_tiff
from pipeline.media.tiff_page import read_first_page

# Set once, for the whole process: our own limit is checked from the header before any pixel is decoded, and Pillow's
# would warn from 89 megapixels on, which is inside ours. cv2's threads would compete with the stages' own pool.
Image.MAX_IMAGE_PIXELS = None
cv2.setNumThreads(1)

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II\x2a\x00", "image/tiff"),
    (b"MM\x00\x2a", "image/tiff"),
    (b"II\x2b\x00", "image/tiff"),
    (b"MM\x00\x2b", "image/tiff"),
)
_DECODERS: dict[str, Callable[[bytes, MediaLimits, int | None], RawPicture]] = {
    "image/jpeg": decode_jpeg,
    "image/png": decode_png,
    "image/tiff": decode_tiff,
}
# What Pillow 13, simplejpeg and NumPy were seen to raise on damaged files. MemoryError: a header that promises what the
# machine does not have.
_FOREIGN = (
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
    ArithmeticError,
    MemoryError,
    RecursionError,
    SystemError,
    struct.error,
    zlib.error,
    cv2.error,
)
# EXIF 2.32, tag 0x0112: what has to be done to the stored pixels. 5 and 7 are transpositions.
_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda pixels: np.asarray(cv2.flip(pixels, 1), np.uint8),
    3: lambda pixels: np.asarray(cv2.rotate(pixels, cv2.ROTATE_180), np.uint8),
    4: lambda pixels: np.asarray(cv2.flip(pixels, 0), np.uint8),
    5: lambda pixels: np.asarray(cv2.transpose(pixels), np.uint8),
    6: lambda pixels: np.asarray(cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE), np.uint8),
    7: lambda pixels: np.asarray(cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180), np.uint8),
    8: lambda pixels: np.asarray(cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE), np.uint8),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """An upright picture: `pixels` (H, W, 3) sRGB, `alpha` (H, W) or None where every pixel is opaque."""

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.uint8] | None = None

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    def flattened(self) -> NDArray[np.uint8]:
        """(H, W, 3) sRGB on white; the very same pixels where there is no alpha."""
        if self.alpha is None:
            return self.pixels
        flat = np.empty_like(self.pixels)
        rows = max(1, 1_000_000 // self.width)
        for top in range(0, self.height, rows):
            # One value per channel: broadcasting over an axis of 3 takes NumPy four times as long.
            share = cv2.merge([self.alpha[top : top + rows]] * 3).astype(np.uint16)
            mixed = self.pixels[top : top + rows] * share + (255 * (255 - share) + 128)
            # Division by 255, rounded, in 16 bits: (x + x / 256) / 256 for x that carries its half of 255 already.
            flat[top : top + rows] = (mixed + (mixed >> 8)) >> 8
        return flat


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture and what its file said of itself.

    `width` and `height` are those of the whole upright picture; `picture` is smaller where a reduced decode was asked
    for.
    """

    picture: Picture
    media_type: str
    width: int
    height: int
    orientation: int
    color_space: str
    bit_depth: int
    frames: int
    jpeg_quality: int | None
    metadata: EmbeddedMetadata


def decode(data: bytes, limits: MediaLimits, *, min_side: int | None = None) -> Decoded:
    """The picture in the file, upright and in sRGB, read to its last byte: a file that ends early is corrupt.

    With `min_side` a JPEG may come out smaller than it is, at an eighth to seven eighths of its size, but its longest
    side is then at least `min_side` pixels. Raises a `MediaError` for everything that is wrong with the file.
    """
    media_type = sniff(data, limits)
    try:
        raw = _DECODERS[media_type](data, limits, min_side)
    except _FOREIGN as exc:
        raise CorruptMedia from exc
    is_sideways = raw.turn >= 5
    return Decoded(
        picture=_upright(raw),
        media_type=media_type,
        width=raw.height if is_sideways else raw.width,
        height=raw.width if is_sideways else raw.height,
        orientation=raw.orientation,
        color_space=raw.color_space,
        bit_depth=raw.bit_depth,
        frames=raw.frames,
        jpeg_quality=raw.jpeg_quality,
        metadata=raw.metadata,
    )


def sniff(data: bytes, limits: MediaLimits) -> str:
    """The media type by content. Raises `EmptyMedia`, `TooManyBytes` or `UnsupportedType`."""
    if not data:
        raise EmptyMedia
    if len(data) > limits.max_bytes:
        raise TooManyBytes(f"The file has {len(data)} bytes; the limit is {limits.max_bytes}.")
    media_type = next((media_type for signature, media_type in _SIGNATURES if data.startswith(signature)), None)
    if media_type is None or media_type not in limits.media_types:
        raise UnsupportedType
    return media_type


def stated_pixels(data: bytes) -> int:
    """Pixels by the header of a PNG or TIFF, which decode whole; 0 for anything else. Raises nothing."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return int.from_bytes(data[16:20]) * int.from_bytes(data[20:24])
    if not data.startswith((b"II", b"MM")):
        return 0
    try:
        page = read_first_page(data)
    except (CorruptMedia, *_FOREIGN):
        return 0
    return page.width * page.height


def _upright(raw: RawPicture) -> Picture:
    turn = _TURNS.get(raw.turn)
    if turn is None:
        return Picture(raw.pixels, raw.alpha)
    return Picture(turn(raw.pixels), None if raw.alpha is None else turn(raw.alpha))
