"""Saturation: gives faded colours back some of their strength, and tames garish ones."""

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from pipeline.stages.enhance.frame import Applied, Frame, Pixels, Scene, left_alone

NAME = "saturation"

_LUMA = np.array([0.299, 0.587, 0.114])
_NO_COLOUR = 6.0
"""Below this colourfulness a picture is black and white, and meant so."""


class Options(BaseModel):
    """Which colourfulness is good, and how far a picture is moved towards it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strength: float = Field(0.8, ge=0, le=1, description="Share of the way to the good colourfulness, 0 to 1.")
    faded: float = Field(20, ge=0, le=60, description="Colourfulness (Hasler and Suesstrunk) below which is faded.")
    garish: float = Field(100, ge=60, le=200, description="Colourfulness above which is garish.")
    limit: float = Field(1.35, ge=1, le=3, description="Largest gain of the colours.")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame with its colours stronger or weaker by one factor; brightness stays."""
    found = colorfulness(frame.sample)
    if found < _NO_COLOUR:
        return left_alone(frame, "the picture is black and white")
    if options.faded <= found <= options.garish:
        return left_alone(frame, f"a colourfulness of {found:.0f} is good")
    good = options.faded if found < options.faded else options.garish
    gain = 1 + (good / found - 1) * options.strength
    gain = min(max(gain, 1 / options.limit), options.limit)
    verb = "strengthened" if gain > 1 else "weakened"
    detail = f"The colours were {verb} by {abs(gain - 1):.0%}."
    return Applied(frame.redrawn(lambda pixels: mixed(pixels, gain)), detail)


def colorfulness(sample: Pixels) -> float:
    """Hasler and Suesstrunk 2003: about 15 slightly, 33 moderately, 59 quite, 109 extremely colourful."""
    red, green, blue = (sample[..., channel].astype(np.float32) for channel in range(3))
    first, second = red - green, (red + green) / 2 - blue
    spread = np.hypot(first.std(), second.std())
    return float(spread + 0.3 * np.hypot(first.mean(), second.mean()))


def mixed(pixels: Pixels, gain: float) -> Pixels:
    """Each pixel moved away from its grey by the gain: one 3 x 3 matrix."""
    matrix: NDArray[np.float32] = (np.eye(3) * gain + np.outer(np.ones(3), _LUMA) * (1 - gain)).astype(np.float32)
    return np.asarray(cv2.transform(pixels, matrix), dtype=np.uint8)
