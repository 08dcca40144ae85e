"""Thumbnails inside the page: as data URIs, and together never more than a page may carry."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import CorruptMedia
from pipeline.reports.contact_sheet import THUMB_SIDE, thumbnail, thumbnail_size
from pipeline.reports.model import ItemReport

BUDGET = 11_000_000
"""Bytes of JPEG per page: 14.7 MB as base64, which leaves 5.3 MB of a 20 MB page to the words about 800 pictures."""
_SMALLEST_SIDE = 96
_THUMB_BYTES = 15_000
"""Of a thumbnail 320 pixels wide: 9-21 kB (measured on scikit-image's photographs)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A thumbnail as the page embeds it."""

    uri: str
    width: int
    height: int

    @property
    def ratio(self) -> float:
        return self.width / self.height

    @property
    def shape(self) -> str:
        """How it lies in a 4:3 frame: "wide" fills the width, "tall" the height."""
        return "wide" if self.ratio >= 4 / 3 else "tall"


Pair = tuple[Picture | None, Picture | None]


def pictures(items: Sequence[ItemReport], budget: int = BUDGET) -> list[Pair]:
    """Before and after of each item; one picture where both are the same, or none where there is no readable one.

    Thumbnails that together exceed the budget are all made smaller by the same measure, once.
    """
    pairs = [_distinct(item) for item in items]
    fitted = embedded([thumb for pair in pairs for thumb in pair], budget)
    return list(zip(fitted[::2], fitted[1::2], strict=True))


def embedded(thumbs: Sequence[bytes | None], budget: int = BUDGET) -> list[Picture | None]:
    """Each thumbnail as the page embeds it, or None where there is no readable one; all smaller if need be."""
    total = sum(len(thumb) for thumb in thumbs if thumb)
    side = None if total <= budget else _fitting_side(total, budget)
    return [_picture(thumb, side) for thumb in thumbs]


def thumb_side_for(items: int) -> int:
    """Pixels on the longer side with which so many pictures, before and after, are likely to fit the budget."""
    return min(THUMB_SIDE, _fitting_side(2 * items * _THUMB_BYTES, BUDGET)) if items else THUMB_SIDE


def _distinct(item: ItemReport) -> tuple[bytes | None, bytes | None]:
    if item.after_thumb is None or item.before_thumb == item.after_thumb or item.score_after is None:
        return item.before_thumb or item.after_thumb, None
    return item.before_thumb, item.after_thumb


def _fitting_side(total: int, budget: int) -> int:
    """A JPEG's size grows with its side to about the power of 1.5; quality 72 in place of 80 saves a fifth."""
    ratio = budget / (0.8 * total)
    return max(_SMALLEST_SIDE, int(THUMB_SIDE * min(1.0, ratio ** (1 / 1.5))))


def _picture(thumb: bytes | None, side: int | None) -> Picture | None:
    if thumb is None:
        return None
    try:
        jpeg = thumb if side is None else thumbnail(thumb, side, quality=72)
        width, height = thumbnail_size(jpeg)
    except CorruptMedia:
        return None
    return Picture(f"data:image/jpeg;base64,{b64encode(jpeg).decode('ascii')}", width, height)
