"""Tilt: how far a picture leans, from the directions of its edges."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.media.metrics.views import Views

BIN_DEGREES = 0.25
RANGE_DEGREES = 20.0
MEANT_DEGREES = 18.0
"""A picture that leans further than this does so on purpose: nobody holds a camera so by mistake."""
_APART_DEGREES = 4.0
_LEAD = (0.2, 0.4)
"""How far the peak must lead over the next one, 4 degrees away and more, to be believed not at all and fully. Bark and
converging towers have rivals (0.1 to 0.3 on photographs), a horizon or a house front leads by 0.4 to 0.9."""
_BINS = round(90 / BIN_DEGREES)
_SMALLEST_SIDE = 48


@dataclass(frozen=True, slots=True)
class Tilt:
    """`degrees` clockwise positive; `confidence` 0..1, 0 where no horizon and no vertical was found."""

    degrees: float
    confidence: float


LEVEL = Tilt(degrees=0.0, confidence=0.0)


def tilt_of(views: Views) -> Tilt:
    """The direction around horizontal and vertical on which straight edges agree."""
    if min(views.half.shape) < _SMALLEST_SIDE:
        return LEVEL
    histogram = directions(views.half)
    return LEVEL if histogram is None else _peak(histogram)


def directions(gray: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Weight of straight edges per quarter degree modulo 90, bin 0 = level; None without edges.

    The structure tensor averages the gradient over 7 x 7 pixels, so that one edge pixel's rounding does not matter;
    only where the neighbourhood agrees on one direction (coherence) does it count: lines do, foliage does not.
    """
    dx = cv2.Scharr(gray, cv2.CV_32F, 1, 0)
    dy = cv2.Scharr(gray, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.blur(cv2.multiply(*pair), (7, 7)) for pair in ((dx, dx), (dy, dy), (dx, dy)))
    twice_x, twice_y, energy = xx - yy, 2 * xy, xx + yy
    strength = cv2.magnitude(twice_x, twice_y)
    floor = max(float(energy.mean()), 16.0 * 16 * 32)
    lines = (energy > floor) & (strength > 0.9 * energy)
    if np.count_nonzero(lines) < 64:
        return None
    angles = cv2.phase(twice_x[lines], twice_y[lines], angleInDegrees=True).ravel() / 2
    weights = np.sqrt(strength[lines])
    positions = np.mod(angles, 90) / BIN_DEGREES
    return np.bincount(positions.astype(np.int64) % _BINS, weights=weights, minlength=_BINS).astype(np.float64)


def _peak(histogram: NDArray[np.float64]) -> Tilt:
    reach = round(RANGE_DEGREES / BIN_DEGREES)
    smooth = _smoothed(histogram)
    near = np.roll(smooth, reach)[: 2 * reach + 1]
    best = int(np.argmax(near)) - reach
    window = np.arange(best - 6, best + 7)
    mass = histogram[window % _BINS]
    if not mass.any():  # a drawing whose edges all lie far from level
        return LEVEL
    degrees = float((window + 0.5) @ mass / mass.sum()) * BIN_DEGREES
    if abs(degrees) > MEANT_DEGREES:
        return LEVEL
    background = float(np.median(near))
    peak = float(near.max())
    prominence = (peak - background) / max(peak, 1e-9)
    apart = np.abs(np.arange(-reach, reach + 1) - best) > round(_APART_DEGREES / BIN_DEGREES)
    lead = (peak - float(near[apart].max())) / max(peak - background, 1e-9)
    share = float(mass.sum() / histogram.sum())
    confidence = float(np.clip(prominence * 1.4 - 0.4, 0, 1) * np.clip(share / 0.2, 0, 1))
    confidence *= float(np.interp(lead, _LEAD, (0, 1)))
    return Tilt(degrees=degrees, confidence=confidence)


def _smoothed(histogram: NDArray[np.float64]) -> NDArray[np.float64]:
    kernel = np.hanning(15)[1:-1]
    return np.convolve(np.concatenate([histogram[-6:], histogram, histogram[:6]]), kernel / kernel.sum(), "valid")
