"""Small pictures: thumbnails for the page, and one sheet of them for Dagster's metadata."""

from collections.abc import Sequence

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
    return _encoded(_decoded(proxy, side), quality)


def thumbnail_size(thumb: bytes) -> tuple[int, int]:
    """Width and height in pixels; raises `CorruptMedia` for bytes that are no JPEG."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(thumb)
    except ValueError as exc:
        raise CorruptMedia() from exc
    return width, height


def contact_sheet(items: Sequence[ItemReport], *, limit: int = 48, cell: int = 200, columns: int = 8) -> bytes:
    """One JPEG with the first `limit` pictures in a grid, each over a strip in its outcome's colour with its number.

    A picture without a readable thumbnail is an empty cell. The rendition is shown, else the original.
    """
    chosen = items[:limit]
    columns = max(1, min(columns, len(chosen)))
    rows = max(1, -(-len(chosen) // columns))
    height = cell + _STRIP
    sheet = np.full((rows * height, columns * cell, 3), _PAPER, dtype=np.uint8)
    for place, item in enumerate(chosen):
        top, left = place // columns * height, place % columns * cell
        _draw(sheet[top : top + height, left : left + cell], item, cell)
    return _encoded(sheet, 80)


def _draw(cell: Pixels, item: ItemReport, side: int) -> None:
    margin = 6
    picture = _shown(item, side - 2 * margin)
    if picture is not None:
        height, width = picture.shape[:2]
        top, left = (side - height) // 2, (side - width) // 2
        cell[top : top + height, left : left + width] = picture
    cell[side : side + 3, margin : side - margin] = COLORS[item.outcome]
    text = f"{item.position}" if item.score is None else f"{item.position}   {item.score.score:.1f}"
    cv2.putText(cell, text, (margin, side + _STRIP - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)


def _shown(item: ItemReport, side: int) -> Pixels | None:
    thumb = item.after_thumb or item.before_thumb
    try:
        return _decoded(thumb, side) if thumb else None
    except CorruptMedia:
        return None


def _encoded(pixels: Pixels, quality: int) -> bytes:
    return bytes(simplejpeg.encode_jpeg(pixels, quality=quality, colorsubsampling="420", fastdct=True))


def _decoded(jpeg: bytes, side: int) -> Pixels:
    """RGB pixels, decoded at the smallest scale that still holds `side`, then averaged down to it."""
    width, height = thumbnail_size(jpeg)
    scale = min(1.0, side / max(width, height))
    target = max(1, round(width * scale)), max(1, round(height * scale))
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(jpeg, "RGB", min_width=target[0], min_height=target[1])
    except ValueError as exc:
        raise CorruptMedia() from exc
    if (pixels.shape[1], pixels.shape[0]) == target:
        return pixels
    return np.asarray(cv2.resize(pixels, target, interpolation=cv2.INTER_AREA), dtype=np.uint8)
