"""Colour: whatever a file was stored in becomes 8-bit sRGB."""

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pipeline.media.color_shaper import Shaper, shapers

Pixels = NDArray[np.uint8]

SAME_COLOR = 2
"""Out of 255. A profile that moves none of the probe colours by more than this is sRGB for our purpose. Measured: the
sRGB profiles of HP, ICC and Google move them by 0 or 1, Display P3 by 111, Adobe RGB by 143."""
MAX_PROFILE_BYTES = 4 * 1024 * 1024
"""Press profiles have 0.5 to 2.5 MB. A larger one counts as broken, so that the cache stays small."""
STRIP_PIXELS = 4_000_000
"""Converted at a time, so that a picture never lies in memory once more as a whole."""

_MODES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}


@dataclass(frozen=True, slots=True)
class Profile:
    """An ICC profile that can be used. `transform` is None where the colours are sRGB already.

    `shaper` stands in for the transform where it was found to give the same colours.
    """

    name: str
    mode: str
    transform: ImageCms.ImageCmsTransform | None
    shaper: Shaper | None = None


class _ProfileBytes:
    """Building a transform costs 2.5 ms (RGB) to 25 ms (CMYK); most files carry one of a few profiles."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.digest = hashlib.sha256(data).digest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ProfileBytes) and self.digest == other.digest


def read_profile(data: bytes | None, *, channels: int) -> Profile | None:
    """The profile, if it is sound and made for pictures with so many channels; a broken one counts as none."""
    if not data or len(data) > MAX_PROFILE_BYTES:
        return None
    profile = _cached_profile(_ProfileBytes(data))
    if profile is None:
        return None
    fits = {"L": 1, "RGB": 3, "CMYK": 4}[profile.mode] == channels
    # A gray picture is often tagged with the RGB profile of its camera: equal channels are what that means.
    return profile if fits or (profile.mode == "RGB" and channels == 1) else None


@lru_cache(maxsize=16)
def _cached_profile(cached: _ProfileBytes) -> Profile | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(cached.data))
        mode = _MODES.get(source.profile.xcolor_space)
        if mode is None:
            return None
        transform = ImageCms.buildTransform(
            source, ImageCms.createProfile("sRGB"), mode, "RGB", ImageCms.Intent.PERCEPTUAL
        )
        name = ImageCms.getProfileDescription(source).strip()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    printable = "".join(character for character in name if character.isprintable())[:100]
    probe, seen = _probed(transform, mode)
    if mode != "CMYK" and _is_same(seen, probe):
        return Profile("sRGB" if mode == "RGB" else "gray", mode, None)
    return Profile(printable or mode, mode, transform, _shaper(source, probe, seen) if mode == "RGB" else None)


def _probed(transform: ImageCms.ImageCmsTransform, mode: str) -> tuple[Pixels, Pixels]:
    """A 17 x 17 x 17 cube of colours (for gray and CMYK, 256 tones) and what becomes of it."""
    if mode == "RGB":
        levels = np.linspace(0, 255, 17).astype(np.uint8)
        probe = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(17, -1, 3)
    else:
        probe = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 4 if mode == "CMYK" else 3, axis=2)
    image = Image.fromarray(probe[..., 0] if mode == "L" else probe, mode)
    return probe, np.asarray(ImageCms.applyTransform(image, transform))


def _is_same(one: Pixels, other: Pixels) -> bool:
    return int(np.abs(one.astype(np.int16) - other).max()) <= SAME_COLOR


def _shaper(source: ImageCms.ImageCmsProfile, probe: Pixels, seen: Pixels) -> Shaper | None:
    """The curves and matrix that do to the probe colours what lcms did; None for profiles that need lcms."""
    mine, srgb = source.profile, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).profile
    primaries = [mine.red_colorant, mine.green_colorant, mine.blue_colorant]
    targets = [srgb.red_colorant, srgb.green_colorant, srgb.blue_colorant]
    if not mine.is_matrix_shaper or any(colorant is None for colorant in (*primaries, *targets)):
        return None
    candidates = shapers([colorant[0] for colorant in primaries if colorant], [c[0] for c in targets if c])
    return next((shaper for shaper in candidates if _is_same(shaper.apply(probe), seen)), None)


def convert(pixels: Pixels, profile: Profile | None) -> Pixels:
    """(H, W, 3) in sRGB, by perceptual intent, of (H, W) gray or (H, W, 3) RGB; its input where nothing changes."""
    if profile is None or profile.transform is None:
        return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    if profile.mode == "RGB" and pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if profile.shaper is not None:
        return profile.shaper.apply(pixels)
    height, width = pixels.shape[:2]
    converted = np.empty((height, width, 3), np.uint8)
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = Image.fromarray(pixels[top : top + rows])
        converted[top : top + rows] = np.asarray(ImageCms.applyTransform(strip, profile.transform))
    return converted


def cmyk_to_rgb(image: Image.Image, profile: Profile | None) -> Pixels:
    """CMYK in sRGB: by its profile, else by the plain formula (1 - c)(1 - k) that browsers use for untagged CMYK."""
    if profile is None or profile.transform is None:
        return np.asarray(image.convert("RGB"))
    return np.asarray(ImageCms.applyTransform(image, profile.transform))


def lab_to_rgb(image: Image.Image) -> Pixels:
    """CIE L*a*b* (D50) in sRGB, by perceptual intent."""
    return np.asarray(ImageCms.applyTransform(image, _lab_transform()))


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB", ImageCms.Intent.PERCEPTUAL
    )


def to_eight_bits(values: NDArray[np.uint16], *, white: int = 65535) -> Pixels:
    """`white` becomes 255 and 0 stays 0; with the white of 16 bits that is a division by 257, rounded."""
    return ((values.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)
