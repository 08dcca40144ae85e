"""Exposure: brightens what is too dark and darkens what is too bright, without clipping a tone."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from pipeline.stages.enhance.frame import Applied, Frame, Scene, counted, curve_of, left_alone, luma

NAME = "exposure"

_TONES = np.arange(256) / 255


class Options(BaseModel):
    """Which brightness is good, and how far a picture is moved towards it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strength: float = Field(0.8, ge=0, le=1, description="Share of the way to the good brightness, 0 to 1.")
    darkest: float = Field(90, ge=20, le=127, description="Mean brightness (0 to 255) below which is too dark.")
    brightest: float = Field(165, ge=128, le=240, description="Mean brightness (0 to 255) above which is too bright.")
    limit: float = Field(2.5, ge=0, le=8, description="Largest gain of the deepest shadows, less 1.")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame with its mean brightness inside, or nearer to, the good range; black and white stay where they are."""
    tones = counted(luma(frame.sample))
    if tones.size == 0:
        return left_alone(frame, "the picture is almost wholly black or white")
    mean = float(tones.mean())
    if options.darkest <= mean <= options.brightest:
        return left_alone(frame, f"a mean brightness of {mean:.0f} is good")
    good = options.darkest if mean < options.darkest else options.brightest
    goal = mean + (good - mean) * options.strength
    bend = _bend_for(tones, goal, limit=options.limit)
    reached = float((255 * _bent(tones / 255, bend)).mean())
    if abs(reached - mean) < 1:
        return left_alone(frame, f"a mean brightness of {mean:.0f} is close enough")
    verb = "brightened" if reached > mean else "darkened"
    detail = f"The picture was {verb}: its mean brightness went from {mean:.0f} to {reached:.0f}."
    return Applied(frame.bent(curve_of(255 * _bent(_TONES, bend))), detail)


def _bent(tones: NDArray[np.floating], bend: float) -> NDArray[np.float64]:
    """0 and 1 stay; the slope at black is 1 + bend and at white 1 / (1 + bend), so no tone clips and none swaps."""
    if bend >= 0:
        return np.asarray((1 + bend) * tones / (1 + bend * tones), dtype=np.float64)
    return np.asarray(tones / (1 - bend + bend * tones), dtype=np.float64)


def _bend_for(tones: NDArray[np.uint8], goal: float, *, limit: float) -> float:
    """The bend that brings the mean of the tones to the goal, within the limit on both sides."""
    shares = np.bincount(tones.ravel(), minlength=256) / tones.size
    low, high = -limit, limit
    for _ in range(20):
        middle = (low + high) / 2
        if 255 * float(_bent(_TONES, middle) @ shares) < goal:
            low = middle
        else:
            high = middle
    return (low + high) / 2
