"""Report: a job's results in every format, and the proof that its numbers add up."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.domain.jobs import Outcome
from pipeline.domain.quality import QualityScore
from pipeline.reports.interface import FORMATS, Format
from pipeline.reports.model import ItemReport, JobReport, delivered_percentage


@dataclass(frozen=True, slots=True)
class RenderedReport:
    """A report in one format, ready for the object store."""

    name: str
    media_type: str
    extension: str
    data: bytes


def make_reports(report: JobReport, formats: Mapping[str, Format] = FORMATS) -> dict[str, RenderedReport]:
    """The report in each format, under the format's name."""
    return {
        name: RenderedReport(name, each.media_type, each.extension, each.render(report))
        for name, each in formats.items()
    }


def adds_up(report: JobReport) -> list[str]:
    """What does not add up in a report, one sentence each; empty when everything does."""
    return [*_job_mistakes(report), *(mistake for item in report.items for mistake in _item_mistakes(item))]


def _job_mistakes(report: JobReport) -> Iterator[str]:
    total = len(report.items)
    counted = sum(report.counts.values())
    if counted != total:
        yield f"The counts add up to {counted}, but there are {total} items."
    seen = Counter(item.outcome for item in report.items)
    for outcome in Outcome:
        if report.count(outcome) != seen[outcome]:
            yield f"{report.count(outcome)} are counted as {outcome}, but {seen[outcome]} items are."
    expected = delivered_percentage(sum(seen[outcome] for outcome in Outcome if outcome.is_delivered), total)
    if report.percentage != expected:
        yield f"The percentage is {report.percentage}, but {expected} % of the items were approved or enhanced."
    positions = {item.position for item in report.items}
    if len(positions) != total:
        yield f"{total} items share {len(positions)} positions."
    for item in report.items:
        if item.duplicate_of is not None and item.duplicate_of not in positions - {item.position}:
            yield f"Item {item.position} is called a duplicate of {item.duplicate_of}, which is no other item."


def _item_mistakes(item: ItemReport) -> Iterator[str]:
    place = f"Item {item.position}"
    if item.outcome.is_delivered and not item.renditions:
        yield f"{place} is {item.outcome} but has no rendition."
    if item.outcome.is_delivered and item.score is None:
        yield f"{place} is {item.outcome} but has no score."
    if item.outcome is Outcome.FAILED and item.error is None:
        yield f"{place} failed but says not why."
    if item.outcome is Outcome.REJECTED and not item.reasons:
        yield f"{place} was rejected but says not why."
    for which, score in (("before", item.score_before), ("after", item.score_after)):
        if score is not None:
            yield from (f"{place}, score {which}: {mistake}" for mistake in _score_mistakes(score))


def _score_mistakes(score: QualityScore) -> Iterator[str]:
    """In tenths, as whole numbers: floats that print the same must also add up the same."""
    values = [score.score, *(criterion.points_lost for criterion in score.criteria)]
    if any(not _is_tenths(value) for value in values):
        yield "a number is not a whole number of tenths."
        return
    tenths = [round(value * 10) for value in values]
    if any(value < 0 for value in tenths):
        yield "a number is negative."
    if sum(tenths) != 1000:
        yield f"score {tenths[0] / 10} and points lost {sum(tenths[1:]) / 10} make {sum(tenths) / 10}, not 100."


def _is_tenths(value: float) -> bool:
    return math.isfinite(value) and abs(value * 10 - round(value * 10)) < 1e-6
