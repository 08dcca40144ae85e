"""Small pictures: thumbnails for the page, and one sheet of them for Dagster's metadata."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from pipeline.domain.jobs import Outcome
from pipeline.errors import CorruptMedia
from pipeline.reports.model import ItemReport

Pixels = NDArray[np.uint8]

THUMB_SIDE = 320
"""Pixels on the longer side: 9-21 kB at quality 80 (measured on scikit-image's photographs)."""

COLORS = {
    Outcome.ENHANCED: (31, 138, 101),
    Outcome.APPROVED: (58, 113, 176),
    Outcome.REJECTED: (201, 128, 16),
    Outcome.FAILED: (192, 57, 43),
    Outcome.CANCELLED: (130, 130, 130),
}
"""RGB, after those of `templates/style.css`, to be seen on the dark sheet."""

_PAPER, _INK = (24, 24, 24), (222, 222, 222)
_STRIP = 22

cv2.setNumThreads(1)


def thumbnail(proxy: bytes, side: int = THUMB_SIDE, *, quality: int = 80) -> bytes:
    """A JPEG whose longer side is at most `side` pixels, with no metadata, from the proxy's JPEG.

    Raises `CorruptMedia` for bytes that are no JPEG.
    """
    return _encoded(_decoded(proxy, (side, side)), quality)


def thumbnail_size(thumb: bytes) -> tuple[int, int]:
    """Width and height in pixels; raises `CorruptMedia` for bytes that are no JPEG."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(thumb)
    except ValueError as exc:
        raise CorruptMedia() from exc
    return width, height


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of a sheet: a JPEG over a strip in a colour with a few words of ASCII."""

    picture: bytes | None
    words: str
    color: tuple[int, int, int]


def contact_sheet(items: Sequence[ItemReport], *, limit: int = 48, cell: int = 200, columns: int = 8) -> bytes:
    """One JPEG with the first `limit` pictures in a grid, each over a strip in its outcome's colour with its number.

    A picture without a readable thumbnail is an empty cell. The rendition is shown, else the original.
    """
    return sheet([_cell(item) for item in items[:limit]], size=(cell, cell), columns=columns)


def sheet(cells: Sequence[Cell], *, size: tuple[int, int] = (200, 200), columns: int = 8) -> bytes:
    """One JPEG with the cells in a grid; `size` is the room for a picture, in pixels. No cell: one empty place."""
    side, room = size
    columns = max(1, min(columns, len(cells)))
    rows = max(1, -(-len(cells) // columns))
    height = room + _STRIP
    whole = np.full((rows * height, columns * side, 3), _PAPER, dtype=np.uint8)
    for place, cell in enumerate(cells):
        top, left = place // columns * height, place % columns * side
        _draw(whole[top : top + height, left : left + side], cell, size)
    return _encoded(whole, 80)


def _cell(item: ItemReport) -> Cell:
    words = f"{item.position}" if item.score is None else f"{item.position}   {item.score.score:.1f}"
    return Cell(item.after_thumb or item.before_thumb, words, COLORS[item.outcome])


def _draw(place: Pixels, cell: Cell, size: tuple[int, int]) -> None:
    margin = 6
    side, room = size
    picture = _shown(cell.picture, (side - 2 * margin, room - 2 * margin))
    if picture is not None:
        height, width = picture.shape[:2]
        top, left = (room - height) // 2, (side - width) // 2
        place[top : top + height, left : left + width] = picture
    place[room : room + 3, margin : side - margin] = cell.color
    at = (margin, room + _STRIP - 5)
    cv2.putText(place, cell.words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)


def _shown(thumb: bytes | None, room: tuple[int, int]) -> Pixels | None:
    try:
        return _decoded(thumb, room) if thumb else None
    except CorruptMedia:
        return None


def _encoded(pixels: Pixels, quality: int) -> bytes:
    return bytes(simplejpeg.encode_jpeg(pixels, quality=quality, colorsubsampling="420", fastdct=True))


def _decoded(jpeg: bytes, room: tuple[int, int]) -> Pixels:
    """RGB pixels, decoded at the smallest scale that still fills the room, then averaged down to it."""
    width, height = thumbnail_size(jpeg)
    scale = min(1.0, room[0] / width, room[1] / height)
    target = max(1, round(width * scale)), max(1, round(height * scale))
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(jpeg, "RGB", min_width=target[0], min_height=target[1])
    except ValueError as exc:
        raise CorruptMedia() from exc
    if (pixels.shape[1], pixels.shape[0]) == target:
        return pixels
    return np.asarray(cv2.resize(pixels, target, interpolation=cv2.INTER_AREA), dtype=np.uint8)
