"""One picture of a video, small for those who look at every one, larger for those who ask."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

PLANE_SIDE = 320
"""Pixels of the planes' longest side (media-facts: shots and activity lose nothing there)."""


@dataclass(slots=True)
class Frame:
    """A decoded frame, upright and with square pixels. All frames of a video have planes of the same size.

    `y` is full range, 0 black to 255 white; `u` and `v` have half its sides, rounded up, and 128 for no colour.
    """

    index: int
    """In decoded order, from 0."""
    time_s: float
    """Seconds from the first frame, by the file's own clock."""
    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]
    _picture: Callable[[int], NDArray[np.uint8]] = field(repr=False)
    _made: dict[int, NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    def rgb(self, max_side: int) -> NDArray[np.uint8]:
        """(H, W, 3) upright sRGB, never larger than the video, its longest side at most `max_side`; do not change it.

        Made from the full frame when first asked for, and kept for as long as the frame is.
        """
        if max_side not in self._made:
            self._made[max_side] = self._picture(max_side)
        return self._made[max_side]
