"""Upscale: a model doubles small pictures, tile by tile."""

from collections.abc import Iterator

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipeline.media.image import Picture
from pipeline.ports import Models
from pipeline.stages.enhance.frame import Applied, Frame, Pixels, Scene, left_alone

NAME = "upscale"
MODEL = "superres"

_PAD = 7
"""The network's convolutions eat seven pixels on each side (catalog)."""
_TILE = 256


class Options(BaseModel):
    """Which pictures are too small, and how large one may be for the model to be asked (5 s a megapixel)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_side: int = Field(1000, ge=2, le=8000, description="Shorter side in pixels below which a picture is too small.")
    max_input_megapixels: float = Field(1.0, gt=0, le=4, description="Largest picture that is doubled.")


def apply(frame: Frame, scene: Scene, options: Options) -> Applied:
    """The frame at twice its size; left alone when it is large enough, too large for the model, or there is none."""
    shorter = min(frame.width, frame.height)
    if shorter >= options.min_side:
        return left_alone(frame, f"a shorter side of {shorter} pixels is enough")
    if frame.width * frame.height > options.max_input_megapixels * 1e6:
        return left_alone(frame, f"{frame.width} x {frame.height} pixels are too many to be doubled in reason")
    if scene.models is None:
        return left_alone(frame, f"the picture is small, but the model {MODEL} is not available here")
    reason = scene.models.unavailable(MODEL)
    if reason is not None:
        return left_alone(frame, f"the picture is small, but {reason}")
    before = frame.picture()
    size = (2 * before.width, 2 * before.height)
    alpha = None if before.alpha is None else cv2.resize(before.alpha, size, interpolation=cv2.INTER_CUBIC)
    doubled = Picture(_doubled(before.pixels, scene.models), None if alpha is None else np.asarray(alpha, np.uint8))
    detail = f"Enlarged from {before.width} x {before.height} to {size[0]} x {size[1]} pixels."
    return Applied(Frame(doubled, frame.subject), detail)


def _doubled(pixels: Pixels, models: Models) -> Pixels:
    height, width = pixels.shape[:2]
    # Replicated, not reflected, where the picture is smaller than the margin: OpenCV reflects only once.
    border = cv2.BORDER_REFLECT_101 if min(height, width) > _PAD else cv2.BORDER_REPLICATE
    padded = cv2.copyMakeBorder(pixels, _PAD, _PAD, _PAD, _PAD, border)
    result = np.empty((2 * height, 2 * width, 3), dtype=np.uint8)
    for top, left in _tiles(height, width):
        tile = padded[top : top + _TILE + 2 * _PAD, left : left + _TILE + 2 * _PAD].astype(np.float32) / 255
        outputs = models.run(MODEL, np.ascontiguousarray(tile.transpose(2, 0, 1)[None]))
        larger = outputs["output"][0].transpose(1, 2, 0)
        rows, columns = slice(2 * top, 2 * top + larger.shape[0]), slice(2 * left, 2 * left + larger.shape[1])
        result[rows, columns] = np.clip(larger * 255 + 0.5, 0, 255)
    return result


def _tiles(height: int, width: int) -> Iterator[tuple[int, int]]:
    return ((top, left) for top in range(0, height, _TILE) for left in range(0, width, _TILE))
