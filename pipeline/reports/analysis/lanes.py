"""Lanes of the timeline as geometry: stretches of time as blocks along one axis."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from pipeline.domain.analysis import Person, Section, Span, TextResult, VideoFindings
from pipeline.reports.analysis.presence import joined, spans_of
from pipeline.reports.analysis.wording import described, person_name
from pipeline.reports.words import label, printable, shortened, timecode

WIDTH = 1000
"""Units along the axis; the drawing is about as wide in pixels."""
_THINNEST = 1.5
"""Units: what lasts a tenth of a second of an hour can still be seen."""
_LETTER = 6.2
"""Units that a letter takes, so that a word is only written into a block that holds it."""
_FEWEST = 6
_PEOPLE, _TEXT_ROWS = 10, 3
_SHORT_S = 10
TONES = 6


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a lane."""

    x: float
    width: float
    title: str
    words: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the timeline; `name` is written beside it."""

    kind: str
    name: str
    blocks: tuple[Block, ...]


class Axis:
    """Seconds along `WIDTH`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(seconds, 0.001)

    def at(self, time: float) -> float:
        return round(max(0.0, min(1.0, time / self.seconds)) * WIDTH, 2)

    def block(self, span: Span, title: str, *, words: str = "", tone: str = "") -> Block:
        """Never thinner than can be seen, and never beyond the end; the words only where they fit."""
        start, end = self.at(span.start_s), self.at(span.end_s)
        start = min(start, WIDTH - _THINNEST)
        width = round(max(_THINNEST, end - start), 2)
        return Block(start, width, f"{title}, {period(span)}", _fitting(words, int((width - 10) / _LETTER)), tone)


def _fitting(words: str, room: int) -> str:
    """As much of the words as fits into a place of so many letters; nothing where that says nothing."""
    letters = sum(2 if east_asian_width(letter) in "WF" else 1 for letter in words)
    if letters <= max(0, room):
        return words
    kept = room * len(words) // letters - 1
    return f"{words[:kept].rstrip()}\N{HORIZONTAL ELLIPSIS}" if kept > 0 and room >= _FEWEST else ""


def period(*spans: Span) -> str:
    """`0:04 - 0:07` with a dash, and a comma between several; tenths where one of them is short."""
    tenths = any(span.seconds < _SHORT_S for span in spans)
    return ", ".join(_between(span, tenths=tenths) for span in spans)


def _between(span: Span, *, tenths: bool) -> str:
    return f"{timecode(span.start_s, tenths=tenths)}\N{EN DASH}{timecode(span.end_s, tenths=tenths)}"


def shot_lane(axis: Axis, shots: Sequence[Span]) -> Lane:
    """Neighbours differ in tone, so that a cut is seen without a line."""
    blocks = (
        axis.block(shot, f"Shot {place}", tone="odd" if place % 2 else "even") for place, shot in enumerate(shots, 1)
    )
    return Lane("shots", "Shots", tuple(blocks))


def section_lane(axis: Axis, sections: Sequence[Section]) -> Lane | None:
    """A tag keeps its tone; what is critical has a tone of its own."""
    if not sections:
        return None
    tones = section_tones(sections)
    blocks = [
        axis.block(
            span, label(each.tag), words=label(each.tag), tone=tones[each.tag] if not each.is_critical else "critical"
        )
        for each in sections
        for span in each.spans
    ]
    return Lane("sections", "Sections", tuple(blocks))


def section_tones(sections: Sequence[Section]) -> dict[str, str]:
    """A tone for each tag, in order of appearance."""
    return {tag: f"tone-{place % TONES}" for place, tag in enumerate(dict.fromkeys(each.tag for each in sections))}


def people_lanes(axis: Axis, found: VideoFindings) -> list[Lane]:
    """A lane for each person, in order of appearance; of many those who are seen longest, the rest in one lane."""
    seen = {person.id: spans_of(found, person.id) for person in found.people}
    people = [person for person in found.people if seen[person.id]]
    longest = sorted(people, key=lambda person: -sum(span.seconds for span in seen[person.id]))[:_PEOPLE]
    shown = sorted(longest, key=lambda person: seen[person.id][0].start_s)
    lanes = [_person_lane(axis, person, seen[person.id]) for person in shown]
    rest = [person for person in people if person not in longest]
    if rest:
        spans = joined(span for person in rest for span in seen[person.id])
        name = f"{len(rest)} more"
        lanes.append(Lane("people", name, tuple(axis.block(span, name, tone="rest") for span in spans)))
    return lanes


def _person_lane(axis: Axis, person: Person, spans: Sequence[Span]) -> Lane:
    name = person_name(person.id)
    title = f"{name}, {described(person)}" if described(person) else name
    return Lane("people", name, tuple(axis.block(span, title) for span in spans))


def text_lanes(axis: Axis, texts: Sequence[TextResult]) -> list[Lane]:
    """Texts that stand at the same time lie below each other, in three lanes; what is more has one lane for all."""
    rows: list[list[Block]] = [[] for _ in range(_TEXT_ROWS)]
    rest: list[Span] = []
    for span, words in sorted(_timed(texts), key=lambda each: each[0].start_s):
        block = axis.block(span, shortened(words, 120), words=words)
        free = next((row for row in rows if not row or row[-1].x + row[-1].width <= block.x + 0.01), None)
        if free is None:
            rest.append(span)
        else:
            free.append(block)
    lanes = [Lane("texts", "" if place else "Text", tuple(row)) for place, row in enumerate(rows) if row]
    if rest:
        name = f"{len(rest)} more"
        lanes.append(Lane("texts", name, tuple(axis.block(span, name, tone="rest") for span in joined(rest))))
    return lanes


def _timed(texts: Iterable[TextResult]) -> list[tuple[Span, str]]:
    return [(text.span, printable(text.text)) for text in texts if text.span is not None]
