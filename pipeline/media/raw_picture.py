"""What a decoder hands on: pixels as they lie in the file, before orientation, and what the header said."""

from dataclasses import dataclass

from pipeline.domain.media import MediaLimits
from pipeline.errors import TooManyPixels
from pipeline.media.color import Pixels


@dataclass(frozen=True, slots=True)
class EmbeddedMetadata:
    """Metadata blocks as they lie in the file, unread. `exif` starts with the TIFF byte order mark."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None


@dataclass(frozen=True, slots=True)
class RawPicture:
    """sRGB pixels (H, W, 3) and alpha (H, W) that still have to be turned by `turn`, an EXIF orientation.

    `width` and `height` are those of the file; the pixels may be fewer where a reduced decode was asked for.
    `orientation` is the one stored in the file; `turn` is 1 where the decoder has applied it already.
    """

    pixels: Pixels
    alpha: Pixels | None
    width: int
    height: int
    orientation: int
    turn: int
    color_space: str
    bit_depth: int
    frames: int
    metadata: EmbeddedMetadata
    jpeg_quality: int | None = None


def require_pixels_within(width: int, height: int, limits: MediaLimits) -> None:
    """Raises `TooManyPixels` where the header promises more than the limit."""
    if width * height > limits.max_pixels:
        raise TooManyPixels(
            f"The picture has {width} x {height} pixels, {width * height / 1e6:.1f} megapixels; "
            f"the limit is {limits.max_pixels / 1e6:g} megapixels."
        )
