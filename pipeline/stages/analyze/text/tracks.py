"""One text of a video over time: what was read of it, when it was there, and where it is."""

from dataclasses import dataclass, field

from pipeline.stages.analyze.text.likeness import continued, is_counted_on, is_part, is_same, likeness, may_be_same
from pipeline.stages.analyze.text.lines import Line
from pipeline.stages.analyze.text.patches import Patch

_CLEAR = 0.9
"""Confidence from which digits are believed, and a reading is not explained away as a mistake."""
_POOR_LIKENESS = 0.5
_SHORT = 4
"""Letters of a text of which one is a quarter or more: a single mistake makes it unlike itself."""
_SAME_PLACE = 0.5
"""Intersection over union of two readings' boxes."""
_MOST_READINGS = 12
"""Different readings of a text that are remembered, so that memory stays flat; the least sure is forgotten."""
_STEADY = 3
"""Pixels of the plane that a text which stands still may seem to move by."""
_ANYWHERE = 5
"""Letters from which the same text may have moved anywhere between two readings."""


@dataclass(slots=True)
class Track:
    """A line of text. It is there from `start_s` to `last_s`, and gone at `gone_s` where that is known."""

    line: Line
    """The surest reading, where it stood then, in pixels of the plane."""
    start_s: float
    last_s: float
    read_s: float
    """When it was last read, rather than followed."""
    patch: Patch
    left: int
    top: int
    gone_s: float | None = None
    missed: int = 0
    """Readings since it was last read that did not find it."""
    missed_s: float = 0.0
    """When the first of these was."""
    readings: int = 1
    has_left: bool = False
    """It has moved to the border of the picture: what is found there from then on is a part of it, or another one."""
    is_growing: bool = False
    """The last reading had more of it: the next one may as well."""
    counts_on: "Track | None" = None
    """The text in whose place it came with other numbers."""
    votes: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.votes[self.line.text] = self.line.confidence

    @property
    def text(self) -> str:
        """The reading that has most votes, each as much as it was sure."""
        return max(self.votes, key=lambda text: self.votes[text])

    @property
    def place(self) -> Line:
        """Where the line stands now, as far as it could be followed."""
        rows, columns = self.patch.pixels.shape
        return Line(self.text, self.line.confidence, self.left, self.top, self.left + columns, self.top + rows)

    def fits(self, line: Line) -> float:
        """How well the line is this text read again, 0 where it is not; above 1 where it also stands in its place."""
        place = overlap(self.place, line)
        is_near = place > 0 or in_one_row(self.place, line)
        if not is_near and (len(line.text) < _ANYWHERE or not may_be_same(self.text, line.text)):
            return 0.0
        if self._has_other_numbers(line):
            return 0.0
        alike = likeness(self.text, line.text)
        if is_same(self.text, line.text) and (place > 0 or len(line.text) >= _ANYWHERE):
            return alike + place
        if not is_near:
            return 0.0
        if continued(self.text, line.text) is not None or is_part(line.text, self.text):
            return 0.7 + place
        is_poor = min(self.line.confidence, line.confidence) < _CLEAR or len(line.text) <= _SHORT
        return alike + place if is_poor and place >= _SAME_PLACE and alike >= _POOR_LIKENESS else 0.0

    def is_counted_on_by(self, line: Line) -> bool:
        """Whether the line has come in this text's place with other numbers."""
        return overlap(self.place, line) >= _SAME_PLACE and is_counted_on(self.text, line.text)

    def read_again(self, line: Line, time_s: float, patch: Patch) -> None:
        """The line is this text, at that time and place."""
        has_more = line.text.startswith(self.text) or not is_same(self.text, line.text)
        grown = continued(self.text, line.text) if has_more else None
        self.is_growing = grown is not None
        if grown is not None:
            self.votes = {grown: line.confidence}
        elif is_same(self.text, line.text) or not is_part(line.text, self.text):
            self._vote(line)
        if grown is not None or line.confidence > self.line.confidence:
            self.line = line
        self.last_s = self.read_s = time_s
        self.gone_s, self.missed, self.has_left = None, 0, False
        self.patch, self.left, self.top = patch, patch.left, patch.top
        self.readings += 1

    def not_read(self, time_s: float) -> None:
        """A reading did not find it: gone since it was lost, else from now on, until it is found again."""
        if self.missed == 0:
            self.missed_s = time_s
        self.missed += 1
        if self.gone_s is None:
            self.gone_s = time_s

    def stands(self, left: int, top: int, time_s: float, plane: tuple[int, ...]) -> None:
        """It was found there in a plane of this shape (rows, columns)."""
        rows, columns = self.patch.pixels.shape
        has_moved = abs(left - self.patch.left) + abs(top - self.patch.top) > _STEADY
        is_at_border = left <= 0 or top <= 0 or left + columns >= plane[1] or top + rows >= plane[0]
        self.left, self.top = left, top
        self.has_left = has_moved and is_at_border
        self.last_s, self.gone_s = time_s, time_s if self.has_left else None

    def end_at(self, end_s: float) -> None:
        """Nothing more will be seen of it: it went when it was lost, but before a reading that did not find it."""
        gone_s = end_s if self.gone_s is None else self.gone_s
        self.gone_s = min(gone_s, self.missed_s) if self.missed else gone_s

    def _vote(self, line: Line) -> None:
        self.votes[line.text] = self.votes.get(line.text, 0.0) + line.confidence
        if len(self.votes) > _MOST_READINGS:
            del self.votes[min(self.votes, key=lambda text: self.votes[text])]

    def _has_other_numbers(self, line: Line) -> bool:
        is_clear = min(self.line.confidence, line.confidence) >= _CLEAR
        return is_clear and is_counted_on(self.text, line.text)


def overlap(one: Line, other: Line) -> float:
    """Intersection over union of the boxes."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    areas = sum((line.right - line.left) * (line.bottom - line.top) for line in (one, other))
    return shared / (areas - shared)


def in_one_row(one: Line, other: Line) -> bool:
    """Whether the lines stand at the same height of the picture."""
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared >= 0.5 * min(one.height, other.height)
