"""Following a text between readings: a small cut-out of the luma plane is found again, or not."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.stages.analyze.text.lines import Line

cv2.setNumThreads(1)

_REACH = 6
"""Pixels of the plane, in each direction, that a text may move from one sample to the next."""
_FOUND = 0.5
"""Correlation of the edges from which it may be the same text. The pieces below decide."""
_PIECE, _PIECE_FOUND, _SHARE = 10, 0.5, 0.6
"""Width in pixels of a piece, the correlation from which it is the same, and the share of pieces that must be."""
_FLAT = 4.0
"""Standard deviation of luma, 0..255, below which a cut-out shows nothing that could be found again."""
_FAINT = 0.25
"""Share of its contrast that a text must have to be there: in a fade it has come, or gone, at a quarter."""
_ALTERED = 20.0
"""Mean difference of luma over a letter's width from which a letter is another one: of digits 48 pixels high in 720
rows each differs from the next by 23 to 82, and from itself under compression by less than 1."""
_LETTER = 5
_MARGIN = 1


@dataclass(frozen=True, slots=True)
class Patch:
    """A cut-out of a plane and where it was: a copy, of some hundred bytes to some kilobytes."""

    pixels: NDArray[np.uint8]
    left: int
    top: int

    @property
    def is_telling(self) -> bool:
        return float(self.pixels.std()) >= _FLAT


NOTHING = Patch(np.zeros((1, 1), np.uint8), 0, 0)
"""What is kept of the look of a text that has ended."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a patch was found again, and whether a letter of it has changed."""

    left: int
    top: int
    is_altered: bool


def cut_out(y: NDArray[np.uint8], line: Line) -> Patch:
    """The patch of the line, whose corners are in pixels of the plane."""
    height, width = y.shape
    left, top = max(0, int(line.left) - _MARGIN), max(0, int(line.top) - _MARGIN)
    right, bottom = min(width, int(line.right) + 1 + _MARGIN), min(height, int(line.bottom) + 1 + _MARGIN)
    left, top = min(left, width - 1), min(top, height - 1)
    return Patch(y[top : max(bottom, top + 1), left : max(right, left + 1)].copy(), left, top)


def found(patch: Patch, y: NDArray[np.uint8], left: int, top: int) -> Found | None:
    """Where the patch is in the plane, near where it was last; None where it is not."""
    rows, columns = patch.pixels.shape
    x0, y0 = max(0, left - _REACH), max(0, top - _REACH)
    window = y[y0 : top + rows + _REACH, x0 : left + columns + _REACH]
    if window.shape[0] < rows or window.shape[1] < columns:
        return None
    template, edges = _edges(patch.pixels), _edges(window)
    match = cv2.matchTemplate(edges, template, cv2.TM_CCOEFF_NORMED)
    _, best, _, (dx, dy) = cv2.minMaxLoc(match)
    if not best >= _FOUND or _likeness(template, edges[dy : dy + rows, dx : dx + columns - 1]) < _SHARE:
        return None
    there = window[dy : dy + rows, dx : dx + columns]
    # Correlation knows no contrast: noise on a black wall can have any shape.
    if there.std() < max(_FLAT / 2, _FAINT * float(patch.pixels.std())):
        return None
    return Found(x0 + dx, y0 + dy, _is_altered(patch.pixels, there))


def _is_altered(before: NDArray[np.uint8], now: NDArray[np.uint8]) -> bool:
    columns = cv2.absdiff(before, now).mean(axis=0)
    width = min(_LETTER, columns.size)
    return bool(np.convolve(columns, np.full(width, 1 / width), "valid").max() >= _ALTERED)


def _likeness(template: NDArray[np.float32], there: NDArray[np.float32]) -> float:
    """Share of the template's pieces, a letter or two wide, that correlate with what is there.

    As a whole, a text on the edge of a wall is much like that edge without it.
    """
    starts = np.arange(0, max(1, template.shape[1] - _PIECE // 2), _PIECE)
    product, energy, other = (
        np.add.reduceat(values.sum(axis=0), starts) for values in (template * there, template**2, there**2)
    )
    tells = energy > _FLAT**2 * template.shape[0]
    if not tells.any():
        return 0.0
    return float(np.mean(product[tells] >= _PIECE_FOUND * np.sqrt(energy * other)[tells]))


def _edges(y: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Differences from pixel to pixel, a little blurred: letters tell more there than the shapes behind them do.

    With their sign: without it any two lines of text are alike, as bands of much in the midst of nothing.
    """
    return np.asarray(cv2.blur(np.diff(y.astype(np.float32), axis=1), (3, 3)), np.float32)
