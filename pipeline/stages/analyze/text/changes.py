"""When a frame is worth reading: what looks like strokes has come on the small luma plane, still or moving."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

cv2.setNumThreads(1)

_EDGE = 20
"""Difference of luma, 0..255, between neighbours at 320 pixels that can be a stroke: small letters are blurred."""
_CELL = (8, 4)
"""Width and height in pixels of the plane: half a large letter, two small ones."""
_STROKES = 0.12
"""Share of a cell's pixels that are edges, from which it can hold letters: a straight contour alone has 0.125."""
_CHANGED = 0.10
"""Difference of that share to the last reading: a stroke more or less in a cell, rather than noise of compression."""
_STILL = 0.06
_RUN = 3
"""Cells side by side that must have changed: a word of three letters of the smallest size that can be read."""


@dataclass(frozen=True, slots=True)
class Change:
    """What has come since the last reading: `settled` stands still since the sample before, `moving` does not."""

    settled: bool
    moving: bool


class ChangeTest:
    """Compares each sample with the one before and with the last that was read; keeps two small grids."""

    def __init__(self) -> None:
        self._read: NDArray[np.float32] | None = None
        self._before: NDArray[np.float32] | None = None

    def judge(self, y: NDArray[np.uint8]) -> Change:
        """Whether strokes stand where none stood, or others, when `mark_read` was last called."""
        cells = _strokes(y)
        before, self._before = self._before, cells
        strokes = cells >= _STROKES
        if self._read is None or before is None:
            has_run = _has_run(strokes)
            return Change(settled=has_run, moving=has_run)
        changed = strokes & (np.abs(cells - self._read) >= _CHANGED)
        return Change(settled=_has_run(changed & (np.abs(cells - before) <= _STILL)), moving=_has_run(changed))

    def mark_read(self) -> None:
        """The last sample has been read."""
        self._read = self._before


def _strokes(y: NDArray[np.uint8]) -> NDArray[np.float32]:
    """For each cell the share of pixels whose left and right neighbours differ."""
    edges = cv2.absdiff(y[:, 1:], y[:, :-1])
    _, marked = cv2.threshold(edges, _EDGE - 1, 1.0, cv2.THRESH_BINARY)
    columns, rows = max(1, marked.shape[1] // _CELL[0]), max(1, marked.shape[0] // _CELL[1])
    return np.asarray(cv2.resize(marked.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def _has_run(cells: NDArray[np.bool_]) -> bool:
    """Whether some row has `_RUN` marked cells side by side."""
    run = cells[:, : cells.shape[1] - _RUN + 1].copy()
    for shift in range(1, _RUN):
        run &= cells[:, shift : cells.shape[1] - _RUN + 1 + shift]
    return bool(run.any())
