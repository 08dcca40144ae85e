"""Who is seen together, and when: spans of a constant set of people."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from pipeline.domain.analysis import Constellation, Presence, Span
from pipeline.stages.analyze.people.prominence import shares

BRIDGE_S = 2.0
"""Somebody who is out of sight for no longer than this within a shot never left: faces are lost when they turn away."""
_EDGE_S = 1.0
"""Somebody who is first or last seen this close to a cut is there from or until the cut."""


class Sighting(NamedTuple):
    """A face in a sampled frame; `weight` is its area x centrality."""

    time_s: float
    weight: float


def constellations(
    shots: Sequence[Span], sightings: Mapping[int, Sequence[Sighting]], *, every_s: float
) -> tuple[Constellation, ...]:
    """Spans that follow one another and cover the shots, each with a constant set of people, empty where nobody is.

    `sightings` has each person's in order of time, sampled every `every_s` seconds. Within a shot a set changes where
    somebody comes or goes; neighbours with the same set are one span, also across a cut.
    """
    spans: list[tuple[Span, frozenset[int]]] = []
    for shot in shots:
        stays = {person: stays_in(shot, seen, every_s=every_s) for person, seen in sightings.items()}
        for span, present in _constant(shot, stays):
            start_s = spans.pop()[0].start_s if spans and spans[-1][1] == present else span.start_s
            spans.append((Span(start_s, span.end_s), present))
    return tuple(Constellation(span, _presences(span, sorted(present), sightings)) for span, present in spans)


def stays_in(shot: Span, seen: Sequence[Sighting], *, every_s: float) -> list[Span]:
    """When somebody is in the shot: drop-outs of up to `BRIDGE_S` are bridged, and the shot's bounds reached for."""
    times = [sighting.time_s for sighting in _within(shot, seen)]
    stays: list[Span] = []
    for time_s in times:
        # Half a step to either side: what is seen in one sample was there for about one step.
        stay = Span(max(shot.start_s, time_s - every_s / 2), min(shot.end_s, time_s + every_s / 2))
        begun_s = stays.pop().start_s if stays and stay.start_s - stays[-1].end_s <= BRIDGE_S else stay.start_s
        stays.append(Span(begun_s, stay.end_s))
    return [
        Span(
            shot.start_s if stay.start_s - shot.start_s <= _EDGE_S else stay.start_s,
            shot.end_s if shot.end_s - stay.end_s <= _EDGE_S else stay.end_s,
        )
        for stay in stays
    ]


def _constant(shot: Span, stays: Mapping[int, Sequence[Span]]) -> list[tuple[Span, frozenset[int]]]:
    """The shot cut wherever somebody comes or goes."""
    bounds = {shot.start_s, shot.end_s}
    bounds |= {bound for spans in stays.values() for stay in spans for bound in (stay.start_s, stay.end_s)}
    spans = [Span(start, end) for start, end in pairwise(sorted(bounds))]
    return [
        (span, frozenset(person for person, there in stays.items() if any(span.overlap(stay) > 0 for stay in there)))
        for span in spans
    ]


def _presences(span: Span, people: Sequence[int], sightings: Mapping[int, Sequence[Sighting]]) -> tuple[Presence, ...]:
    """Each person's area x centrality x time; who is only bridged here counts like one sighting, the nearest."""
    weights = []
    for person in people:
        seen = sightings[person]
        inside = sum(sighting.weight for sighting in _within(span, seen))
        weights.append(inside or _nearest(span, seen).weight)
    return tuple(Presence(person, share) for person, share in zip(people, shares(weights), strict=True))


def _nearest(span: Span, seen: Sequence[Sighting]) -> Sighting:
    return min(seen, key=lambda sighting: abs(sighting.time_s - (span.start_s + span.end_s) / 2))


def _within(span: Span, seen: Sequence[Sighting]) -> Sequence[Sighting]:
    first = bisect_left(seen, span.start_s, key=lambda sighting: sighting.time_s)
    return seen[first : bisect_left(seen, span.end_s, key=lambda sighting: sighting.time_s)]
