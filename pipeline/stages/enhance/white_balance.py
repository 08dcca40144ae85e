"""White balance: removes a colour cast that the whole picture shares."""

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from pipeline.stages.enhance.frame import Applied, Curve, Frame, Pixels, Scene, curve_of, left_alone

NAME = "white_balance"

_NORM = 6
"""Minkowski norm of shades of grey and grey edge: Finlayson 2004 and van de Weijer 2007 found 6 best."""
_DARK, _CLIPPED = 20, 250
"""Pixels beyond these tell nothing of the light's colour."""
_ENOUGH = 0.02
"""Share of the sample that must be left to judge by."""
_MAX_GAIN = 1.5
_SHOULDER = 0.85
"""Tones above this share of white return to white, so that blown highlights stay neutral."""


class Options(BaseModel):
    """How much of a cast is removed, and from which size on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strength: float = Field(0.8, ge=0, le=1, description="Share of the cast that is removed, 0 to 1.")
    threshold: float = Field(
        0.06, ge=0.01, le=0.5, description="A cast smaller than this (0.06 = a channel 6 per cent off) is left alone."
    )
    largest: float = Field(0.45, ge=0.05, le=1, description="A cast larger than this is taken for the subject's own.")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame without most of its cast; left alone when there is none, or when what looks like one is content."""
    cast = estimated_cast(frame.sample)
    if cast is None:
        return left_alone(frame, "there is too little to judge the colour of the light by")
    size = float(np.abs(cast).max())
    if size < options.threshold:
        return left_alone(frame, "the light is neutral")
    if size > options.largest:
        return left_alone(frame, f"a {_named(cast)} tone of {size:.0%} is taken for the subject's own")
    gains = np.exp(-cast * options.strength)
    limited = np.clip(gains / gains.mean(), 1 / _MAX_GAIN, _MAX_GAIN)
    return Applied(frame.bent(_curve(limited)), f"A {_named(cast)} cast of {size:.0%} was reduced.")


def estimated_cast(sample: Pixels) -> NDArray[np.float64] | None:
    """Logarithm of each channel over their mean, 0 where neutral; None where nothing can be judged.

    Light colours everything, content only some: so the bright tones (shades of grey) and the edges (grey edge) are
    both asked, and the cast is what they agree on, channel by channel.
    """
    red, green, blue = cv2.split(sample)
    brightest = np.asarray(cv2.max(cv2.max(red, green), blue))
    useful = ((brightest > _DARK) & (brightest < _CLIPPED)).astype(np.uint8)
    # Beside a clipped tone an edge's height tells where the sensor ended, not what colour the light had.
    inside = np.asarray(cv2.erode(useful, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    if inside.mean() < _ENOUGH:
        return None
    values = sample.astype(np.float32) * np.float32(1 / 255)
    edges = np.abs(cv2.Sobel(values, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(values, cv2.CV_32F, 0, 1))
    tones, agreed = _log_ratios(values, useful), _log_ratios(edges.reshape(values.shape), inside)
    same_way = np.sign(tones) == np.sign(agreed)
    return np.where(same_way, np.sign(tones) * np.minimum(np.abs(tones), np.abs(agreed)), 0.0)


def _log_ratios(values: NDArray[np.float32], counted: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Minkowski mean of each channel over the counted pixels, as logarithm over the channels' mean."""
    squared = values * values
    powers = (squared * squared * squared).reshape(-1, 3)
    weights = counted.ravel().astype(np.float32)
    light = (weights @ powers / weights.sum()).astype(np.float64) ** (1 / _NORM)
    logarithms = np.log(np.maximum(light, 1e-3))
    return np.asarray(logarithms - logarithms.mean(), dtype=np.float64)


def _curve(gains: NDArray[np.float64]) -> Curve:
    tones = np.arange(256) / 255
    back = np.clip((tones - _SHOULDER) / (1 - _SHOULDER), 0, 1)
    channels = [255 * (tones * gain * (1 - back) + np.maximum(tones, tones * gain) * back) for gain in gains]
    return curve_of(*channels)


def _named(cast: NDArray[np.float64]) -> str:
    red, green, blue = (bool(part > 0) for part in cast)
    names = {
        (True, False, False): "red",
        (False, True, False): "green",
        (False, False, True): "blue",
        (True, True, False): "yellow",
        (True, False, True): "magenta",
        (False, True, True): "cyan",
    }
    return names.get((red, green, blue), "colour")
