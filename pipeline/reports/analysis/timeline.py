"""The timeline of a video as geometry: ruler, film strip, lanes and the curve of activity on one axis of time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.domain.analysis import Span, VideoFindings
from pipeline.errors import CorruptMedia
from pipeline.reports.analysis.lanes import (
    WIDTH,
    Axis,
    Lane,
    people_lanes,
    period,
    section_lane,
    shot_lane,
    text_lanes,
)
from pipeline.reports.contact_sheet import thumbnail
from pipeline.reports.pictures import Picture, embedded
from pipeline.reports.words import timecode

GUTTER = 96
"""Units left of the axis, for the lanes' names."""
_TICKS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_MOST_TICKS, _TICK_ROOM = 10, 40
_STRIP, _NARROWEST = 64, 44
_CURVE, _POINTS = 56, 500
_QUIETEST = 0.05
"""The curve's scale never ends below this: noise must not look like action."""
_HEIGHTS = {"shots": 8, "sections": 24, "people": 18, "texts": 18}
_GAPS = {"shots": 3, "sections": 12, "people": 12, "texts": 12}
_NEXT_GAP = 3


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    words: str
    anchor: str
    """"start": the words stand right of the line, "end": left of it, because there is no room."""


@dataclass(frozen=True, slots=True)
class Still:
    """A place of the film strip: one picture, again and again as long as its shots last."""

    x: float
    width: float
    picture: Picture | None
    picture_width: float
    repeats: tuple[float, ...]
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """A lane with its place."""

    y: float
    height: float
    lane: Lane


@dataclass(frozen=True, slots=True)
class Curve:
    """Activity: the mean as an area, the highest value as a line, by the same scale."""

    y: float
    height: float
    mean: str
    highest: str
    words: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything in the drawing's units; the axis begins at `GUTTER`."""

    width: int
    height: float
    strip_y: float
    strip_height: float
    ticks: tuple[Tick, ...]
    stills: tuple[Still, ...]
    rows: tuple[Row, ...]
    curve: Curve | None
    label: str


def timeline(found: VideoFindings, thumbs: Mapping[int, bytes]) -> Timeline:
    """One drawing for a second and for hours, for one shot and for thousands."""
    axis = Axis(found.duration_s)
    section = section_lane(axis, found.sections)
    lanes = [shot_lane(axis, found.shots), *([section] if section else [])]
    lanes += [*people_lanes(axis, found), *text_lanes(axis, found.texts)]
    strip_y = 24.0
    rows, y = _placed(lanes, strip_y + _STRIP)
    curve = _curve(found, axis, y + 14)
    return Timeline(
        width=GUTTER + WIDTH,
        height=y + (14 + _CURVE if curve else 0) + 2,
        strip_y=strip_y,
        strip_height=_STRIP,
        ticks=_ticks(axis),
        stills=_stills(found.shots, thumbs, axis),
        rows=tuple(rows),
        curve=curve,
        label=_label(found),
    )


def _label(found: VideoFindings) -> str:
    counted = ((found.shots, "shots"), (found.sections, "sections"), (found.people, "people"), (found.texts, "texts"))
    words = ", ".join(f"{len(each)} {what}" for each, what in counted)
    return f"Timeline of {timecode(found.duration_s)}: {words}. The lists below say the same in words."


def _placed(lanes: Sequence[Lane], y: float) -> tuple[list[Row], float]:
    rows: list[Row] = []
    for place, lane in enumerate(lanes):
        follows = place > 0 and lanes[place - 1].kind == lane.kind
        y += _NEXT_GAP if follows else _GAPS[lane.kind]
        rows.append(Row(y, _HEIGHTS[lane.kind], lane))
        y += _HEIGHTS[lane.kind]
    return rows, y


def _ticks(axis: Axis) -> tuple[Tick, ...]:
    step = next((each for each in _TICKS_S if axis.seconds / each <= _MOST_TICKS), axis.seconds / _MOST_TICKS)
    count = int(axis.seconds / step + 1e-9)
    times = [place * step for place in range(count + 1)]
    return tuple(
        Tick(axis.at(time), timecode(time, tenths=step < 1), "start" if axis.at(time) < WIDTH - _TICK_ROOM else "end")
        for time in times
    )


def _stills(shots: Sequence[Span], thumbs: Mapping[int, bytes], axis: Axis) -> tuple[Still, ...]:
    """Neighbouring shots too short to be seen share a place, which shows the longest of them that has a picture."""
    groups = _grouped(shots, axis)
    chosen = [max(group, key=lambda index: (index in thumbs, shots[index].seconds)) for group in groups]
    pictures = embedded([_small(thumbs.get(index)) for index in chosen])
    return tuple(_still(group, shots, axis, picture) for group, picture in zip(groups, pictures, strict=True))


def _grouped(shots: Sequence[Span], axis: Axis) -> list[list[int]]:
    groups: list[list[int]] = []
    for index in range(len(shots)):
        if groups and _width(groups[-1], shots, axis) < _NARROWEST:
            groups[-1].append(index)
        else:
            groups.append([index])
    if len(groups) > 1 and _width(groups[-1], shots, axis) < _NARROWEST:
        groups[-2:] = [groups[-2] + groups[-1]]
    return groups


def _width(group: Sequence[int], shots: Sequence[Span], axis: Axis) -> float:
    return axis.at(shots[group[-1]].end_s) - axis.at(shots[group[0]].start_s)


def _small(thumb: bytes | None) -> bytes | None:
    """Twice as large as it is drawn, for fine screens: 3 kB."""
    if thumb is None:
        return None
    try:
        return thumbnail(thumb, 2 * _STRIP + 80, quality=70)
    except CorruptMedia:
        return None


def _still(group: Sequence[int], shots: Sequence[Span], axis: Axis, picture: Picture | None) -> Still:
    span = Span(shots[group[0]].start_s, shots[group[-1]].end_s)
    x = axis.at(span.start_s)
    width = max(1.0, axis.at(span.end_s) - x)
    name = f"Shot {group[0] + 1}" if len(group) == 1 else f"Shots {group[0] + 1} to {group[-1] + 1}"
    across = width if picture is None else min(width, max(20.0, _STRIP * picture.ratio))
    repeats = tuple(round(place * across, 2) for place in range(1, math.ceil(width / across - 0.01)))
    return Still(x, round(width, 2), picture, round(across, 2), repeats, f"{name}, {period(span)}")


def _curve(found: VideoFindings, axis: Axis, y: float) -> Curve | None:
    """As many points as can be seen: each stands for its part of the values, with their mean and their highest."""
    values = [value if math.isfinite(value) else 0.0 for value in found.activity]
    if not values or found.activity_rate <= 0:
        return None
    top = max(_QUIETEST, *values)
    count = min(_POINTS, len(values))
    parts = [values[place * len(values) // count : (place + 1) * len(values) // count] for place in range(count)]
    places = [axis.at((place + 0.5) * len(values) / count / found.activity_rate) for place in range(count)]
    mean = [(x, _up(sum(part) / len(part), top)) for x, part in zip(places, parts, strict=True)]
    high = [(x, _up(max(part), top)) for x, part in zip(places, parts, strict=True)]
    line = _path(mean)
    return Curve(
        y=y,
        height=_CURVE,
        mean=f"M{mean[0][0]:g} {_CURVE}L{line[1:]}L{mean[-1][0]:g} {_CURVE}Z",
        highest=_path(high),
        words=f"up to {top:.2f}",
    )


def _up(value: float, top: float) -> float:
    return round(_CURVE * (1 - value / top), 1)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
