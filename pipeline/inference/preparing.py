"""From a picture to what a network takes, as its catalog entry says."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.inference.entries import Input

Pixels = NDArray[np.uint8]

cv2.setNumThreads(1)  # the stage's pool owns the cores


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the picture lies in the network's input: a point x of the picture is at x * scale + offset there.

    All in pixels; `width` and `height` are the picture's.
    """

    width: int
    height: int
    scale_x: float
    scale_y: float
    offset_x: float = 0.0
    offset_y: float = 0.0

    def fractions(self, corners: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (n, 4) of left, top, right, bottom in the input as fractions of the picture, cut at its edges."""
        offset = np.array([self.offset_x, self.offset_y] * 2, np.float32)
        size = np.array([self.scale_x * self.width, self.scale_y * self.height] * 2, np.float32)
        return np.asarray(np.clip((corners - offset) / size, 0, 1), np.float32)


def prepare(pixels: Pixels, spec: Input) -> tuple[NDArray[Any], Placement]:
    """The batch of one that the network takes for this picture, (H, W, 3) sRGB, and where the picture lies in it."""
    fitted, placement = _FITTING[spec.resize](pixels, spec)
    return batch_of(fitted, spec), placement


def batch_of(pixels: Pixels, spec: Input) -> NDArray[Any]:
    """[1, ...] in the entry's colour order, numbers and layout; the pixels are of the right size already."""
    height, width = pixels.shape[:2]
    first = spec.layout == "NCHW"
    batch = np.empty((1, 3, height, width) if first else (1, height, width, 3), spec.dtype)
    planes = batch[0] if first else batch[0].transpose(2, 0, 1)
    # Channel by channel: NumPy is several times slower where the shorter axis is the inner one.
    for place, channel in enumerate((2, 1, 0) if spec.color == "BGR" else (0, 1, 2)):
        planes[place] = pixels[..., channel]
        if spec.dtype == "float32":
            planes[place] *= np.float32(1 / (spec.divide_by * spec.std[place]))
            planes[place] -= np.float32(spec.mean[place] / spec.std[place])
    return batch


def _resized(pixels: Pixels, width: int, height: int, interpolation: int = cv2.INTER_LINEAR) -> Pixels:
    if (height, width) == pixels.shape[:2]:
        return pixels
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=interpolation), np.uint8)


def _squashed(pixels: Pixels, spec: Input) -> tuple[Pixels, Placement]:
    (height, width), (rows, columns) = spec.size, pixels.shape[:2]
    interpolation = cv2.INTER_NEAREST if spec.resize == "nearest" else cv2.INTER_LINEAR
    return _resized(pixels, width, height, interpolation), Placement(columns, rows, width / columns, height / rows)


def _center_cropped(pixels: Pixels, spec: Input) -> tuple[Pixels, Placement]:
    (height, width), (rows, columns) = spec.size, pixels.shape[:2]
    scale = (spec.short_side or max(spec.size)) / min(rows, columns)
    inner = _resized(pixels, max(width, round(columns * scale)), max(height, round(rows * scale)))
    top, left = (inner.shape[0] - height) // 2, (inner.shape[1] - width) // 2
    placement = Placement(columns, rows, inner.shape[1] / columns, inner.shape[0] / rows, -left, -top)
    return inner[top : top + height, left : left + width], placement


def _letterboxed(pixels: Pixels, spec: Input) -> tuple[Pixels, Placement]:
    (height, width), (rows, columns) = spec.size, pixels.shape[:2]
    scale = min(height / rows, width / columns)
    inner = _resized(pixels, max(1, round(columns * scale)), max(1, round(rows * scale)))
    down, across = inner.shape[:2]
    top, left = ((height - down) // 2, (width - across) // 2) if spec.anchor == "center" else (0, 0)
    canvas = np.full((height, width, 3), spec.pad, np.uint8)
    canvas[top : top + down, left : left + across] = inner
    return canvas, Placement(columns, rows, across / columns, down / rows, left, top)


def _free(pixels: Pixels, spec: Input) -> tuple[Pixels, Placement]:
    rows, columns = pixels.shape[:2]
    scale = min(1.0, spec.longest_side / max(rows, columns)) if spec.longest_side else 1.0
    inner = _resized(pixels, max(1, round(columns * scale)), max(1, round(rows * scale)))
    down, across = inner.shape[:2]
    placement = Placement(columns, rows, across / columns, down / rows)
    height, width = (-(-side // spec.multiple) * spec.multiple for side in (down, across))
    if (height, width) == (down, across):
        return inner, placement
    canvas = np.full((height, width, 3), spec.pad, np.uint8)
    canvas[:down, :across] = inner
    return canvas, placement


_FITTING = {
    "squash": _squashed,
    "nearest": _squashed,
    "center_crop": _center_cropped,
    "letterbox": _letterboxed,
    "free": _free,
}
