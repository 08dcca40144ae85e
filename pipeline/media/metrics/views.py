"""The reduced forms of a proxy that the metrics share, so that each is made once."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

THUMB_SIDE = 192
"""Longest side of the thumbnail. Averaging 16 proxy pixels into one takes noise, grain and JPEG mosquitoes out of
what is measured there (tones and colours), so that a noisy picture does not look contrasty or colourful."""
SWATCH_SIDE = 96
"""Longest side of the swatch, on which the light's colour is judged: it needs areas, not detail."""
SMALLEST_SIDE = 16
"""Below this many pixels on a side there is no detail, noise or line to speak of."""


@dataclass(frozen=True, slots=True)
class Views:
    """One proxy: upright sRGB `pixels`, its luma at full and half size, a thumbnail in colour and luma, a swatch."""

    pixels: NDArray[np.uint8]
    gray: NDArray[np.uint8]
    half: NDArray[np.uint8]
    thumb: NDArray[np.uint8]
    thumb_gray: NDArray[np.uint8]
    swatch: NDArray[np.uint8]

    @property
    def is_tiny(self) -> bool:
        return bool(min(self.gray.shape) < SMALLEST_SIDE)


def reduced(pixels: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """The picture at 1/factor of its size, each pixel the average of those it stands for; never less than 1 x 1."""
    height, width = pixels.shape[:2]
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def views_of(pixels: NDArray[np.uint8]) -> Views:
    """The views of an RGB proxy of shape (height, width, 3)."""
    gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    half = reduced(gray, 2)
    thumb = reduced(pixels, max(1.0, max(pixels.shape[:2]) / THUMB_SIDE))
    swatch = reduced(thumb, max(1.0, max(thumb.shape[:2]) / SWATCH_SIDE))
    thumb_gray = np.asarray(cv2.cvtColor(thumb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    return Views(pixels=pixels, gray=gray, half=half, thumb=thumb, thumb_gray=thumb_gray, swatch=swatch)
