"""Contrast: uses the range of tones where the picture left it unused."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from pipeline.stages.enhance.frame import Applied, Frame, Pixels, Scene, curve_of, left_alone, luma

NAME = "contrast"

_TONES = np.arange(256) / 255
_TAIL = 0.1
"""Per cent of the pixels that may lie outside the black and the white point: a glint, not a highlight."""
_ROOM = 4
"""Tones (0 to 255) that stay free at both ends, so that stretching blows nothing out."""
_LEAST_RANGE = 8
"""A picture with fewer tones is a plain surface, not a flat photograph."""


class Options(BaseModel):
    """Which contrast is good, and how far a flat picture is moved towards it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strength: float = Field(0.8, ge=0, le=1, description="Share of the way to good contrast, 0 to 1.")
    enough: float = Field(
        140, ge=40, le=240, description="Span of the tones (5th to 95th percentile, 0 to 255) that is left alone."
    )
    limit: float = Field(1.6, ge=1, le=4, description="Largest gain of contrast.")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame with its tones stretched and, where it is still flat, bent into a gentle S."""
    tones = luma(frame.sample)
    low, high = (float(value) for value in np.percentile(tones, (_TAIL, 100 - _TAIL)))
    span = _span(tones)
    if high - low < _LEAST_RANGE:
        return left_alone(frame, "the picture is a plain surface")
    if span >= options.enough:
        return left_alone(frame, f"tones that span {span:.0f} of 255 are good contrast")
    curve = _stretch(low / 255, high / 255, options)
    stretched = _span(_through(curve, tones))
    gain = min(options.limit, 1 + options.strength * max(0.0, options.enough / max(stretched, 1) - 1))
    if gain > 1:
        middle = float(np.interp(np.median(tones) / 255, _TONES, curve))
        curve = _s_shape(curve, middle, gain)
    reached = _span(_through(curve, tones))
    if reached - span < 2:
        return left_alone(frame, f"tones that span {span:.0f} of 255 cannot be spread without loss")
    detail = f"The contrast was raised: the tones spanned {span:.0f} of 255 and span {reached:.0f} now."
    return Applied(frame.bent(curve_of(255 * curve)), detail)


def _span(tones: Pixels) -> float:
    dark, light = np.percentile(tones, (5, 95))
    return float(light - dark)


def _through(curve: NDArray[np.float64], tones: Pixels) -> Pixels:
    return np.rint(255 * curve).astype(np.uint8)[tones]


def _stretch(low: float, high: float, options: Options) -> NDArray[np.float64]:
    """Black and white point moved outwards, each in proportion to its room, within the limit."""
    room = _ROOM / 255
    down, up = max(0.0, low - room), max(0.0, 1 - room - high)
    gain = min((high + up - low + down) / (high - low), options.limit)
    gain = 1 + (gain - 1) * options.strength
    pivot = low + (high - low) * (down / (down + up) if down + up > 0 else 0.5)
    return np.clip(pivot + (_TONES - pivot) * gain, 0, 1)


def _s_shape(curve: NDArray[np.float64], middle: float, gain: float) -> NDArray[np.float64]:
    """Steeper by `gain` around the middle, flat towards black and white: nothing clips."""
    middle = min(max(middle, 0.2), 0.8)
    steepness = 6 * np.sqrt(gain - 1)
    bottom, top = np.tanh(-steepness * middle / 2), np.tanh(steepness * (1 - middle) / 2)
    shaped = (np.tanh(steepness * (curve - middle) / 2) - bottom) / (top - bottom)
    # The tanh curve is steeper in the middle than asked for: as much of it as gives the wanted gain there.
    slope = steepness / 2 / (top - bottom)
    share = min(1.0, (gain - 1) / max(slope - 1, 1e-3))
    return np.asarray(curve + (shaped - curve) * share, dtype=np.float64)
