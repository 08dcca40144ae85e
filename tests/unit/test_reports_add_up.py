"""The report stage: every format is made, and a number that does not add up is named."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.domain.jobs import ItemError, JobKind, JobStatus, Outcome, Stage
from pipeline.domain.media import Rendition
from pipeline.domain.quality import Criterion, QualityScore
from pipeline.reports.interface import FORMATS
from pipeline.reports.model import OUTCOMES, ItemReport, JobReport
from pipeline.stages.report import adds_up, make_reports

RENDITION = Rendition("web", "key", "image/jpeg", 1, 1, 1, "0" * 64, "https://cdn.example/1.jpg")
SCORE = QualityScore(
    70.1,
    60.0,
    (Criterion("noise", 0.3, "low", 0.5, 29.7, "Grain."), Criterion("tilt", 1.0, "low", 0.5, 0.2, "Leans.")),
)


def an_item(position: int, outcome: Outcome) -> ItemReport:
    item = ItemReport(position, "a.jpg", "https://photos.example/a.jpg", outcome, score_before=SCORE)
    if outcome.is_delivered:
        return replace(item, renditions=(RENDITION,))
    if outcome is Outcome.REJECTED:
        return replace(item, score_before=replace(SCORE, pass_mark=90.0))
    if outcome is Outcome.FAILED:
        return replace(item, score_before=None, error=ItemError("corrupt", Stage.VALIDATE, "Cut off.", False))
    return item


REPORT = JobReport(
    job_id="job",
    kind=JobKind.ENHANCEMENT,
    workflow_slug="auto",
    workflow_title="Auto",
    workflow_version=1,
    guidelines_version=1,
    status=JobStatus.SUCCEEDED,
    generation=1,
    created_at=datetime(2026, 11, 24, tzinfo=UTC),
    started_at=None,
    finished_at=None,
    counts=dict.fromkeys(OUTCOMES, 1),
    percentage=40,
    items=tuple(an_item(position, outcome) for position, outcome in enumerate(OUTCOMES, 1)),
)


def with_item(place: int, **changes: object) -> JobReport:
    items = list(REPORT.items)
    items[place - 1] = replace(items[place - 1], **changes)  # type: ignore[arg-type]
    return replace(REPORT, items=tuple(items))


def with_lost_points(*points: float) -> JobReport:
    criteria = tuple(replace(SCORE.criteria[0], points_lost=each) for each in points)
    return with_item(1, score_before=replace(SCORE, criteria=criteria))


def test_a_sound_report_adds_up():
    assert adds_up(REPORT) == []


def test_an_empty_report_adds_up():
    assert adds_up(replace(REPORT, items=(), counts={}, percentage=0)) == []


@pytest.mark.parametrize(
    ("report", "mistake"),
    [
        (replace(REPORT, counts={**REPORT.counts, Outcome.FAILED: 2}), "The counts add up to 6"),
        (replace(REPORT, counts={**REPORT.counts, Outcome.FAILED: 2, Outcome.REJECTED: 0}), "2 are counted as failed"),
        (replace(REPORT, percentage=41), "The percentage is 41, but 40 %"),
        (with_item(2, position=1), "5 items share 4 positions."),
        (with_item(2, duplicate_of=2), "Item 2 is called a duplicate of 2"),
        (with_item(2, duplicate_of=9), "Item 2 is called a duplicate of 9"),
        (with_item(1, renditions=()), "Item 1 is approved but has no rendition."),
        (with_item(2, score_before=None), "Item 2 is enhanced but has no score."),
        (with_item(3, score_before=None), "Item 3 was rejected but says not why."),
        (with_item(4, error=None), "Item 4 failed but says not why."),
        (with_item(2, score_after=replace(SCORE, score=70.2)), "Item 2, score after: score 70.2 and points lost 29.9"),
        (with_lost_points(29.8), "Item 1, score before: score 70.1 and points lost 29.8 make 99.9, not 100."),
        (with_lost_points(29.85, 0.05), "a number is not a whole number of tenths"),
        (with_lost_points(float("nan")), "a number is not a whole number of tenths"),
        (with_lost_points(30.0, -0.1), "a number is negative"),
    ],
)
def test_what_does_not_add_up_is_named(report, mistake):
    assert any(mistake in each for each in adds_up(report)), adds_up(report)


def test_points_that_add_up_only_in_tenths_do_add_up():
    assert sum([70.1, *[0.1] * 299]) != 100
    assert adds_up(with_lost_points(*[0.1] * 299)) == []


def test_every_format_of_the_table_is_made():
    made = make_reports(REPORT)
    assert list(made) == list(FORMATS) == ["json", "csv", "html"]
    assert {each.extension for each in made.values()} == {"json", "csv", "html"}
    assert all(each.data and each.name == name for name, each in made.items())


def test_a_format_is_added_by_adding_it_to_the_table():
    class Words:
        name, media_type, extension = "words", "text/plain", "txt"

        def render(self, report: JobReport) -> bytes:
            return f"{report.percentage} %".encode()

    made = make_reports(REPORT, {**FORMATS, "words": Words()})
    assert made["words"].data == b"40 %"
