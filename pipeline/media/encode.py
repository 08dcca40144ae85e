"""Finished pictures as files: always a fresh encode, always sRGB, never a byte of the original's."""

import functools
import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from pipeline.domain.workflows import OutputSpec
from pipeline.media.image import Picture
from pipeline.media.metadata_write import Metadata
from pipeline.media.tiff_write import raw, tiff

MEDIA_TYPES: dict[str, str] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "avif": "image/avif",
}
EXTENSIONS: dict[str, str] = {"jpeg": "jpg", "png": "png", "tiff": "tif", "webp": "webp", "avif": "avif"}

SLOW_FORMAT_PIXELS = 2048
"""Longest side of WebP and AVIF unless the output says otherwise: 12 MP take 0.9 and 2.1 s (media-facts.md)."""

_LONGEST_SIDE: dict[str, int] = {"jpeg": 65_500, "webp": 16_383, "avif": 16_384}
"""What the formats themselves allow: libjpeg, libwebp; AVIF's is the largest that common decoders take."""

_TIFF_XMP, _TIFF_ICC = 700, 34675

_FINE_CHROMA_QUALITY = 92
"""From this JPEG quality on chroma keeps its full height (4:2:2): below, the quantisation hides the difference."""


def encode(picture: Picture, spec: OutputSpec, metadata: Metadata) -> bytes:
    """The picture as a file of the spec's format and quality, sRGB, with exactly this metadata.

    Its size is the picture's: see `fitted`. Alpha is kept where the format has it and laid on white in a JPEG.
    """
    return _ENCODERS[spec.format](picture, spec.quality, metadata)


def fitted(picture: Picture, spec: OutputSpec) -> Picture:
    """The picture no larger than the spec and its format allow; the very same one where it is not larger."""
    return within(picture, *_bounds(spec))


def fitted_size(width: int, height: int, spec: OutputSpec) -> tuple[int, int]:
    """Width and height that `fitted` gives a picture of this size, without a pixel of it."""
    return size_within(width, height, *_bounds(spec))


def within(picture: Picture, max_width: float, max_height: float) -> Picture:
    """The picture, in its own shape, no larger than this; the very same one where it is not larger."""
    size = size_within(picture.width, picture.height, max_width, max_height)
    if size == (picture.width, picture.height):
        return picture
    alpha = picture.alpha
    return Picture(_reduced(picture.pixels, size), None if alpha is None else _reduced(alpha, size))


def size_within(width: int, height: int, max_width: float, max_height: float) -> tuple[int, int]:
    """Width and height in the same proportions, no larger than this; the very same ones where they are not larger."""
    scale = min(1.0, max_width / width, max_height / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _bounds(spec: OutputSpec) -> tuple[float, float]:
    limit: float = _LONGEST_SIDE.get(spec.format, float("inf"))
    if spec.max_width is None and spec.max_height is None and spec.format in ("webp", "avif"):
        limit = SLOW_FORMAT_PIXELS
    return min(spec.max_width or limit, limit), min(spec.max_height or limit, limit)


def _reduced(plane: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@functools.cache
def srgb_profile() -> bytes:
    """A small sRGB ICC profile, the same bytes in every process."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # LittleCMS writes the time of making into the header (ICC.1, 7.2.8): the same picture would never encode twice
    # to the same bytes, and so never to the same object key.
    profile[24:36] = b"\x07\xd0\x00\x01\x00\x01" + b"\x00" * 6
    return bytes(profile)


def _jpeg(picture: Picture, quality: int, metadata: Metadata) -> bytes:
    chroma = "422" if quality >= _FINE_CHROMA_QUALITY else "420"
    pixels = np.ascontiguousarray(picture.flattened())
    plain = simplejpeg.encode_jpeg(pixels, quality=quality, colorspace="RGB", colorsubsampling=chroma)
    # Our segments go behind SOI and the encoder's own JFIF header, before anything else.
    start = 4 + int.from_bytes(plain[4:6], "big")
    return b"".join((plain[:start], *_segments(metadata), plain[start:]))


def _segments(metadata: Metadata) -> list[bytes]:
    exif, xmp = metadata.exif(), metadata.xmp()
    segments = [_segment(0xE2, b"ICC_PROFILE\x00\x01\x01" + srgb_profile())]
    if xmp:
        segments.insert(0, _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00" + xmp))
    if exif:
        segments.insert(0, _segment(0xE1, b"Exif\x00\x00" + exif))
    return segments


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2, "big") + payload


def _png(picture: Picture, _quality: int, metadata: Metadata) -> bytes:
    chunks = PngInfo()
    if xmp := metadata.xmp():
        chunks.add_itxt("XML:com.adobe.xmp", xmp.decode())
    # Level 3 takes a third of the default's time for a few per cent more bytes.
    return _saved(picture, "PNG", compress_level=3, pnginfo=chunks, exif=metadata.exif() or None)


def _tiff(picture: Picture, _quality: int, metadata: Metadata) -> bytes:
    entries = [*metadata.entries(), raw(_TIFF_ICC, srgb_profile()), raw(_TIFF_XMP, metadata.xmp(), byte=True)]
    return tiff(_samples(picture), entries)


def _webp(picture: Picture, quality: int, metadata: Metadata) -> bytes:
    return _saved(picture, "WEBP", quality=quality, exif=metadata.exif(), xmp=metadata.xmp())


def _avif(picture: Picture, quality: int, metadata: Metadata) -> bytes:
    # Speed 10: 0.17 s at 2048 px (media-facts.md); the stage's pool owns the cores, so one thread.
    return _saved(picture, "AVIF", quality=quality, speed=10, max_threads=1, exif=metadata.exif(), xmp=metadata.xmp())


def _saved(picture: Picture, format_: str, **parameters: Any) -> bytes:
    parameters = {name: value for name, value in parameters.items() if value not in (None, b"")}
    buffer = io.BytesIO()
    Image.fromarray(_samples(picture)).save(buffer, format_, icc_profile=srgb_profile(), **parameters)
    return buffer.getvalue()


def _samples(picture: Picture) -> NDArray[np.uint8]:
    if picture.alpha is None:
        return picture.pixels
    return np.dstack((picture.pixels, picture.alpha))


_ENCODERS: dict[str, Callable[[Picture, int, Metadata], bytes]] = {
    "jpeg": _jpeg,
    "png": _png,
    "tiff": _tiff,
    "webp": _webp,
    "avif": _avif,
}
