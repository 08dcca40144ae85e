"""The figures of the page as geometry: the template only draws what is here."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.domain.jobs import ITEM_STAGES
from pipeline.reports.model import JobReport
from pipeline.reports.words import seconds

BINS = 20
"""Bars of five points each."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle in the drawing's units, with what it stands for."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Scores of the originals beside those of what was delivered or refused, 0..100 along `width`."""

    width: int
    height: int
    before: tuple[Bar, ...]
    after: tuple[Bar, ...]
    pass_mark_x: float | None
    """None when the pictures were judged by different pass marks."""
    pass_mark: str
    label: str


@dataclass(frozen=True, slots=True)
class StageBar:
    y: int
    name: str
    width: float
    spent: str
    per_picture: str


@dataclass(frozen=True, slots=True)
class StageBars:
    height: int
    bars: tuple[StageBar, ...]
    label: str


def histogram(report: JobReport, *, width: int = 400, height: int = 120) -> Histogram | None:
    """None when no picture has a score."""
    judged = [item for item in report.items if item.score]
    after = [item.score.score for item in judged if item.score]
    before = [item.score_before.score for item in judged if item.score_before]
    if not after:
        return None
    counts_before, counts_after = _counted(before), _counted(after)
    highest = max(*counts_before, *counts_after)
    marks = {item.score.pass_mark for item in judged if item.score}
    mark = marks.pop() if len(marks) == 1 else None
    return Histogram(
        width=width,
        height=height,
        before=_bars(counts_before, highest, (width, height), 0.0, "as they came"),
        after=_bars(counts_after, highest, (width, height), 0.5, "as judged in the end"),
        pass_mark_x=None if mark is None else mark / 100 * width,
        pass_mark=f"pass mark {mark:g}" if mark is not None else "",
        label=f"Histogram of {len(after)} scores: lowest {min(after):.1f}, highest {max(after):.1f}.",
    )


def _counted(scores: Sequence[float]) -> list[int]:
    counts = [0] * BINS
    for score in scores:
        counts[min(BINS - 1, max(0, int(score / 100 * BINS)))] += 1
    return counts


def _bars(counts: Sequence[int], highest: int, size: tuple[int, int], shift: float, what: str) -> tuple[Bar, ...]:
    """One bar per five points, in the left (`shift` 0) or right (0.5) half of its place."""
    width, height = size
    step, room = width / BINS, height - 6
    return tuple(
        Bar(
            x=round((index + shift) * step + 0.75, 2),
            y=round(height - count / highest * room, 1),
            width=step / 2 - 1.5,
            height=round(count / highest * room, 1),
            title=f"{count} scored {index * 100 // BINS} to {(index + 1) * 100 // BINS} {what}",
        )
        for index, count in enumerate(counts)
        if count
    )


def stage_bars(report: JobReport, *, width: int = 190, row: int = 24) -> StageBars | None:
    """None when no stage took any time."""
    spent = {stage: report.stage_seconds[stage] for stage in ITEM_STAGES if report.stage_seconds.get(stage)}
    if not spent:
        return None
    longest, items = max(spent.values()), max(1, len(report.items))
    bars = tuple(
        StageBar(
            y=index * row,
            name=stage.value.capitalize(),
            width=round(max(1.5, each / longest * width), 1),
            spent=seconds(each),
            per_picture=seconds(each / items),
        )
        for index, (stage, each) in enumerate(spent.items())
    )
    words = ", ".join(f"{stage} {seconds(each)}" for stage, each in spent.items())
    return StageBars(height=len(bars) * row, bars=bars, label=f"Work per stage: {words}.")
