"""Cutting and turning whole pictures, alpha and subject included."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.domain.media import Box
from pipeline.media.image import Picture


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture, in whole pixels."""

    left: int
    top: int
    width: int
    height: int


def cut(picture: Picture, window: Window) -> Picture:
    """The part of the picture inside the window."""
    rows = slice(window.top, window.top + window.height)
    columns = slice(window.left, window.left + window.width)
    alpha = picture.alpha
    return Picture(
        np.ascontiguousarray(picture.pixels[rows, columns]),
        None if alpha is None else np.ascontiguousarray(alpha[rows, columns]),
    )


def box_in(window: Window, box: Box | None, *, width: int, height: int) -> Box | None:
    """The box as fractions of the window, cut to it; None when nothing of it is left."""
    if box is None:
        return None
    left = max(0.0, (box.x * width - window.left) / window.width)
    top = max(0.0, (box.y * height - window.top) / window.height)
    right = min(1.0, ((box.x + box.width) * width - window.left) / window.width)
    bottom = min(1.0, ((box.y + box.height) * height - window.top) / window.height)
    if right <= left or bottom <= top:
        return None
    return Box(left, top, right - left, bottom - top)


def turned(picture: Picture, degrees: float) -> tuple[Picture, Window]:
    """The picture turned counter-clockwise about its centre and cut, in its shape, to what has pixels everywhere.

    The window is the part that is kept, in the coordinates of the turned picture at its old size.
    """
    window = inscribed(picture.width, picture.height, degrees)
    matrix = cv2.getRotationMatrix2D(((picture.width - 1) / 2, (picture.height - 1) / 2), degrees, 1.0)
    matrix[:, 2] -= (window.left, window.top)
    size = (window.width, window.height)

    def warp(plane: np.ndarray) -> np.ndarray:
        return cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    alpha = picture.alpha
    return Picture(warp(picture.pixels), None if alpha is None else warp(alpha)), window


def inscribed(width: int, height: int, degrees: float) -> Window:
    """The largest window of the picture's own shape, about its centre, that holds only pixels of the turned one."""
    sine, cosine = abs(math.sin(math.radians(degrees))), abs(math.cos(math.radians(degrees)))
    share = min(width / (width * cosine + height * sine), height / (width * sine + height * cosine))
    kept_width, kept_height = max(1, math.floor(width * share)), max(1, math.floor(height * share))
    return Window((width - kept_width) // 2, (height - kept_height) // 2, kept_width, kept_height)
