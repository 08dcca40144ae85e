"""Who and what a stretch of a video holds: the findings asked by time instead of by kind."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.domain.analysis import Section, Span, TextResult, VideoFindings

_TOUCH_S = 0.001
"""Less than this in common is where two stretches meet."""


@dataclass(frozen=True, slots=True)
class Present:
    """What overlaps with a stretch, each in its own order; people by their ids."""

    sections: tuple[Section, ...]
    people: tuple[int, ...]
    texts: tuple[TextResult, ...]


def seen_in(found: VideoFindings, span: Span) -> Present:
    """Everything that was found with a time within the span."""
    people = {each.person_id for scene in found.constellations if _meet(scene.span, span) for each in scene.people}
    return Present(
        sections=tuple(each for each in found.sections if any(_meet(part, span) for part in each.spans)),
        people=tuple(sorted(people)),
        texts=tuple(text for text in found.texts if text.span is not None and _meet(text.span, span)),
    )


def spans_of(found: VideoFindings, person_id: int) -> tuple[Span, ...]:
    """When a person is seen, stretches that meet joined to one."""
    return joined(
        scene.span for scene in found.constellations if person_id in {each.person_id for each in scene.people}
    )


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same stretches in order of time, those that meet or overlap as one."""
    whole: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start_s):
        if whole and span.start_s <= whole[-1].end_s + _TOUCH_S:
            whole[-1] = Span(whole[-1].start_s, max(whole[-1].end_s, span.end_s))
        else:
            whole.append(span)
    return tuple(whole)


def mean_activity(found: VideoFindings, span: Span) -> float | None:
    """The mean of the values within the span, 0..1; None where there is none."""
    rate = found.activity_rate
    if rate <= 0 or not math.isfinite(rate):
        return None
    values = found.activity[math.floor(span.start_s * rate) : math.ceil(span.end_s * rate)]
    return sum(values) / len(values) if values else None


def _meet(one: Span, other: Span) -> bool:
    return one.overlap(other) > _TOUCH_S
