"""Sharpen: an unsharp mask over the nearest pixels, for pictures that are a little soft."""

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipeline.stages.enhance.frame import Applied, Frame, Pixels, Scene, left_alone

NAME = "sharpen"


class Options(BaseModel):
    """Which sharpness is good, and how far a soft picture is moved towards it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enough: float = Field(0.7, ge=0, le=1, description="Sharpness (0 to 1) from which on a picture is left alone.")
    strength: float = Field(0.6, ge=0, le=2, description="Weight of the mask for a picture without any sharpness.")
    noise_limit: float = Field(2.5, ge=0, le=50, description="Noise of the proxy (0 to 255) above which it would harm.")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame with steeper edges, the softer it was the more; left alone when it is sharp or noisy."""
    sharpness, noise = scene.metric("sharpness"), scene.metric("noise")
    if sharpness is None:
        return left_alone(frame, "its sharpness could not be measured")
    if sharpness >= options.enough:
        return left_alone(frame, f"a sharpness of {sharpness:.2f} is good")
    if noise is not None and noise > options.noise_limit:
        return left_alone(frame, "sharpening would bring out its noise")
    if min(frame.width, frame.height) < 3:
        return left_alone(frame, "the picture is too small")
    amount = options.strength * (1 - sharpness / max(options.enough, 1e-6) / 2)
    sharper = frame.redrawn(lambda pixels: sharpened(pixels, amount))
    return Applied(sharper, f"Edges were sharpened by {amount:.0%}.")


def sharpened(pixels: Pixels, amount: float) -> Pixels:
    """The pixels plus `amount` times their difference from the mean of their four neighbours, in one 3 x 3 filter."""
    kernel = np.array([[0, -amount, 0], [-amount, 4 + 4 * amount, -amount], [0, -amount, 0]]) / 4
    return np.asarray(cv2.filter2D(pixels, -1, kernel.astype(np.float32)), dtype=np.uint8)
