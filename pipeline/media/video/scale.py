"""From decoded pictures in any pixel format to small planes and to sRGB, by FFmpeg's scaler."""

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from pipeline.media.video.frame import PLANE_SIDE

cv2.setNumThreads(1)

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_HD_ROWS = 720
"""Pictures that do not name their matrix are BT.709 from here on and BT.601 below, as players have it."""
_KNOWN = frozenset(int(space) for space in Colorspace)
"""The matrices that the scaler has; 0 (RGB) and 2 (unspecified) are not among them."""
_PLAIN_ASPECT = (0.05, 20.0)
"""Pixel aspect ratios beyond are damage, not a picture's shape: they are taken as square."""


class Scaler:
    """Scales the frames of one video, whose coded pictures have `width` x `height` pixels of shape `aspect`.

    `rotation` is what a player turns them by, in degrees clockwise: a multiple of 90. Not for two threads at a time.
    """

    def __init__(self, width: int, height: int, *, aspect: float = 1.0, rotation: int = 0) -> None:
        shape = aspect if _PLAIN_ASPECT[0] < aspect < _PLAIN_ASPECT[1] else 1.0
        self._stored = max(1, round(width * shape)), height
        self._turn = _TURNS.get(rotation)
        self._is_sideways = rotation in (90, 270)
        self._planes, self._pictures = VideoReformatter(), VideoReformatter()

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as a player shows them, with square pixels."""
        width, height = self._stored
        return (
            (height, width) if self._turn in (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE) else self._stored
        )

    def planes(self, picture: av.VideoFrame) -> Planes:
        """Upright Y, U and V in full range, the longest side of Y at most `PLANE_SIDE`; copies."""
        width, height = self._fitted(PLANE_SIDE)
        # One tap of two pixels: 0.25 CPU-s per minute of 1080p30 against 0.7 for area averaging, and shots, activity
        # and text find the same.
        small = self._planes.reformat(
            picture,
            width=width,
            height=height,
            format="yuv420p",
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.FAST_BILINEAR,
            threads=1,
        )
        y, u, v = (self._turned(_pixels(plane, 1)) for plane in small.planes)
        return y, u, v

    def rgb(self, picture: av.VideoFrame, max_side: int) -> NDArray[np.uint8]:
        """(H, W, 3) upright sRGB, its longest side at most `max_side`; a copy."""
        width, height = self._fitted(max_side)
        scaled = self._pictures.reformat(
            picture,
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=_matrix(picture),
            interpolation=Interpolation.AREA,
            threads=1,
        )
        return self._turned(_pixels(scaled.planes[0], 3))

    def _fitted(self, max_side: int) -> tuple[int, int]:
        width, height = self._stored
        scale = min(1.0, max_side / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _turned(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self._turn is None:
            return np.array(pixels)
        return np.asarray(cv2.rotate(pixels, self._turn), np.uint8)


def _pixels(plane: av.video.plane.VideoPlane, channels: int) -> NDArray[np.uint8]:
    """The plane without its padding; a view."""
    padded = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    rows = padded[:, : plane.width * channels]
    return rows.reshape(plane.height, plane.width, channels) if channels > 1 else rows


def _matrix(picture: av.VideoFrame) -> int:
    if picture.colorspace in _KNOWN:
        return picture.colorspace
    return int(Colorspace.ITU709 if picture.height >= _HD_ROWS else Colorspace.ITU601)
