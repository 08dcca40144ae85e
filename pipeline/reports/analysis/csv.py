"""The findings as CSV: one row per picture, or one per shot of a video."""

from collections.abc import Iterator

from pipeline.domain.analysis import Span, VideoFindings
from pipeline.domain.jobs import JobKind
from pipeline.reports.analysis.model import AnalysisReport, AnalyzedItem
from pipeline.reports.analysis.presence import mean_activity, seen_in
from pipeline.reports.csv import Cell, table
from pipeline.reports.words import timecode

IMAGE_COLUMNS = (
    *("position", "reference", "name", "outcome", "tags", "critical_tags", "people", "texts", "languages"),
    *("error_code", "error_stage", "error_message", "retryable", "media_type", "width", "height", "bytes"),
)
SHOT_COLUMNS = (
    *("position", "reference", "name", "outcome", "shot", "timecode", "start_s", "end_s", "seconds", "activity"),
    *("sections", "people", "texts", "error_code", "error_stage", "error_message"),
)
"""Stable names; new ones are added at the end only."""


class AnalysisCsv:
    """As the CSV of an enhancement: RFC 4180, UTF-8 with a byte order mark, formulas disarmed, lists joined by " | ".

    `activity` is the mean of the shot's values, 0..1; `people` are counted from 1, as on the page. A video that failed
    has one row, without a shot.
    """

    name = "csv"
    media_type = "text/csv; charset=utf-8"
    extension = "csv"

    def render(self, report: AnalysisReport) -> bytes:
        if report.kind is JobKind.VIDEO_ANALYSIS:
            return table(SHOT_COLUMNS, (row for item in report.items for row in _shot_rows(item)))
        return table(IMAGE_COLUMNS, map(_image_row, report.items))


def _image_row(item: AnalyzedItem) -> list[Cell | None]:
    found, error, facts = item.findings, item.error, item.image
    tags, texts = (found.tags, found.texts) if found else ((), ())
    return [
        item.position,
        item.reference,
        item.name,
        item.outcome.value,
        " | ".join(f"{tag.name} {tag.probability:.2f}" for tag in tags),
        " | ".join(tag.name for tag in tags if tag.is_critical),
        len(found.people) if found else None,
        " | ".join(text.text for text in texts),
        " | ".join(sorted({text.language for text in texts if text.language})),
        error.code if error else None,
        error.stage.value if error else None,
        error.message if error else None,
        ("yes" if error.retryable else "no") if error else None,
        facts.media_type if facts else None,
        facts.width if facts else None,
        facts.height if facts else None,
        facts.bytes if facts else None,
    ]


def _shot_rows(item: AnalyzedItem) -> Iterator[list[Cell | None]]:
    found, error = item.video_findings, item.error
    head: list[Cell | None] = [item.position, item.reference, item.name, item.outcome.value]
    failure = [error.code, error.stage.value, error.message] if error else [None, None, None]
    if found is None:
        yield [*head, *[None] * (len(SHOT_COLUMNS) - len(head) - len(failure)), *failure]
        return
    for place, shot in enumerate(found.shots, 1):
        yield [*head, place, *_shot(found, shot), *failure]


def _shot(found: VideoFindings, shot: Span) -> list[Cell | None]:
    activity = mean_activity(found, shot)
    present = seen_in(found, shot)
    return [
        timecode(shot.start_s, tenths=True),
        round(shot.start_s, 3),
        round(shot.end_s, 3),
        round(shot.seconds, 3),
        None if activity is None else round(activity, 4),
        " | ".join(section.tag for section in present.sections),
        " | ".join(str(person + 1) for person in present.people),
        " | ".join(text.text for text in present.texts),
    ]
