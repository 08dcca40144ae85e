"""Pixels out of Pillow: any mode it decodes to, as sRGB and alpha, strip by strip."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.errors import UnsupportedVariant
from pipeline.media import color

_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")
_CHANNELS = {"1": 1, "L": 1, "LA": 1, "CMYK": 4}


def channels_of(image: Image.Image) -> int:
    """1 for gray, 4 for CMYK, else 3: palettes count as the RGB they stand for."""
    return 1 if image.mode in _SIXTEEN_BIT else _CHANNELS.get(image.mode, 3)


def color_space_of(image: Image.Image, profile: color.Profile | None) -> str:
    """As `MediaFacts.color_space` has it."""
    if image.mode == "LAB":
        return "Lab"
    if image.mode == "CMYK":
        return "CMYK"
    if profile is not None and profile.transform is not None:
        return profile.name
    return "gray" if channels_of(image) == 1 else "sRGB"


def read_pixels(image: Image.Image, profile: color.Profile | None) -> tuple[color.Pixels, color.Pixels | None]:
    """(H, W, 3) sRGB and (H, W) alpha of a loaded image; alpha is None where every pixel is opaque."""
    white = _white_of(image)
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    alpha: color.Pixels | None = None
    for place, strip in _strips(image):
        pixels[place], strip_alpha = _strip_pixels(strip, profile, white)
        if strip_alpha is not None and (alpha is not None or strip_alpha.min() < 255):
            if alpha is None:
                alpha = np.full((height, width), 255, np.uint8)
            alpha[place] = strip_alpha
    return pixels, alpha


def _strip_pixels(
    strip: Image.Image, profile: color.Profile | None, white: int
) -> tuple[color.Pixels, color.Pixels | None]:
    if strip.mode in _SIXTEEN_BIT:
        values = np.asarray(strip).astype(np.uint16)
        hidden = strip.info.get("transparency")
        alpha = np.where(values == hidden, 0, 255).astype(np.uint8) if isinstance(hidden, int) else None
        return color.convert(color.to_eight_bits(values, white=white), profile), alpha
    if strip.mode == "CMYK":
        return color.cmyk_to_rgb(strip, profile), None
    if strip.mode == "LAB":
        return color.lab_to_rgb(strip), None
    if strip.mode in ("I", "F"):
        raise UnsupportedVariant("A picture with 32 bits per channel has no defined white: save it with 8 or 16.")
    return _eight_bit_pixels(strip, profile)


def _eight_bit_pixels(strip: Image.Image, profile: color.Profile | None) -> tuple[color.Pixels, color.Pixels | None]:
    is_gray = strip.mode in ("1", "L", "LA")
    if strip.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in strip.info:
        both = np.asarray(strip.convert("RGBA"))
        visible: NDArray[np.uint8] = both[..., 0] if is_gray else both[..., :3]
        return color.convert(np.ascontiguousarray(visible), profile), both[..., 3]
    return color.convert(np.asarray(strip.convert("L" if is_gray else "RGB")), profile), None


def _white_of(image: Image.Image) -> int:
    """The value that stands for white: 65535, or what is brightest in a 16-bit file that uses its lowest 8 bits alone.

    Such files (sensor data of few bits in 16-bit words) would come out black if they were scaled as 16 bits say.
    """
    if image.mode not in _SIXTEEN_BIT:
        return 255
    highest = max(int(np.asarray(strip).max()) for _, strip in _strips(image))
    return highest if 0 < highest < 256 else 65535


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    width, height = image.size
    rows = max(1, color.STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        yield slice(top, bottom), image.crop((0, top, width, bottom))
