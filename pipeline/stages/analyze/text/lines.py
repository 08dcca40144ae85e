"""Lines that an engine read become texts: what stands in one row is joined, and rows that belong together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.domain.analysis import TextResult
from pipeline.domain.media import Box
from pipeline.stages.analyze.text.languages import language_of, script_of

_ROW_OVERLAP = 0.5
"""Of the lower line's height: from here on two lines stand in one row."""
_ROW_GAP = 1.5
"""Heights between two parts of a row. Words are a third of a height apart; columns and other things 2 or more."""
_BLOCK_GAP = 0.9
"""Heights of free space between two rows of a text: RapidOCR's boxes are generous, so single spacing is about 0."""
_LIKE_HEIGHT = 1.7
"""Ratio of heights within a text. A headline is twice its subline, a line without descenders 0.75 of its neighbours."""
_ALIGNED = 0.5
"""Of the narrower row's width, how much must stand under the other."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of text with its corners in pixels, or anything else that has the same size in both directions."""

    text: str
    confidence: float
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top


def lines_of(results: Sequence[TextResult], width: int, height: int) -> list[Line]:
    """What an engine read, without signs that are none, in pixels of a picture of this size."""
    return [
        Line(
            result.text,
            result.confidence,
            box.x * width,
            box.y * height,
            (box.x + box.width) * width,
            (box.y + box.height) * height,
        )
        for result in _believable(results)
        if (box := result.box) is not None
    ]


def rows_of(lines: Sequence[Line]) -> list[Line]:
    """The lines, those that stand next to each other joined to one, from left to right; from the top."""
    rows: list[Line] = []
    for line in sorted(lines, key=lambda line: line.left):
        neighbour = next((row for row in reversed(rows) if _is_continued(row, line)), None)
        if neighbour is None:
            rows.append(line)
        else:
            rows[rows.index(neighbour)] = joined((neighbour, line), " ")
    return sorted(rows, key=lambda row: row.top)


def blocks_of(rows: Sequence[Line]) -> list[list[Line]]:
    """The rows, grouped into texts, in reading order: from the top, and from left to right what stands side by side."""
    blocks: list[list[Line]] = []
    for row in sorted(rows, key=lambda row: row.top):
        above = [block for block in blocks if belong_together(block[-1], row)]
        if above:
            max(above, key=lambda block: block[-1].bottom).append(row)
        else:
            blocks.append([row])
    return _ordered(blocks)


def belong_together(upper: Line, lower: Line) -> bool:
    """Whether two rows are of one text: the lower stands right under the upper and is about as high."""
    small, large = sorted((upper.height, lower.height))
    shared = min(upper.right, lower.right) - max(upper.left, lower.left)
    return (
        large <= _LIKE_HEIGHT * small
        and -0.5 * small <= lower.top - upper.bottom <= _BLOCK_GAP * small
        and shared >= _ALIGNED * min(upper.right - upper.left, lower.right - lower.left)
    )


def joined(lines: Sequence[Line], separator: str) -> Line:
    """One line in place of several: as sure as its letters are on average."""
    letters = sum(len(line.text) for line in lines)
    return Line(
        separator.join(line.text for line in lines),
        sum(line.confidence * len(line.text) for line in lines) / letters,
        min(line.left for line in lines),
        min(line.top for line in lines),
        max(line.right for line in lines),
        max(line.bottom for line in lines),
    )


def text_of(block: Sequence[Line], width: int, height: int) -> TextResult:
    """The block as a finding, a row of the picture to a line, with its language."""
    whole = joined(block, "\n")
    box = Box(
        whole.left / width, whole.top / height, (whole.right - whole.left) / width, (whole.bottom - whole.top) / height
    )
    return TextResult(whole.text, whole.confidence, language_of(whole.text), box=box)


def _is_continued(row: Line, line: Line) -> bool:
    shared = min(row.bottom, line.bottom) - max(row.top, line.top)
    small, large = sorted((row.height, line.height))
    gap = line.left - row.right
    return shared >= _ROW_OVERLAP * small and large <= _LIKE_HEIGHT * small and -0.5 * small <= gap <= _ROW_GAP * large


def _ordered(blocks: list[list[Line]]) -> list[list[Line]]:
    """By bands: blocks that stand beside the first of a band, for most of their height, come after it by their left."""
    ordered: list[list[Line]] = []
    waiting = sorted(blocks, key=lambda block: block[0].top)
    while waiting:
        first = joined(waiting[0], " ")
        band = [block for block in waiting if _is_beside(first, joined(block, " "))]
        ordered += sorted(band, key=lambda block: min(row.left for row in block))
        waiting = [block for block in waiting if block not in band]
    return ordered


def _is_beside(first: Line, other: Line) -> bool:
    shared = min(first.bottom, other.bottom) - max(first.top, other.top)
    return shared >= _ROW_OVERLAP * min(first.height, other.height)


def _believable(results: Sequence[TextResult]) -> list[TextResult]:
    """Without what cannot be text: nothing but marks, and single signs where nothing longer stands in their script.

    A symbol is read as a Chinese character at 0.86, and the foot of a table as an X at 0.99. Digits have no script:
    any longer text vouches for them.
    """
    marked = [result for result in results if re.search(r"[^\W_]", result.text)]
    scripts = [script_of(result.text) for result in marked]
    vouched = {script for result, script in zip(marked, scripts, strict=True) if len(result.text) > 1}
    return [
        result
        for result, script in zip(marked, scripts, strict=True)
        if len(result.text) > 1 or script in vouched or (script is None and vouched)
    ]
