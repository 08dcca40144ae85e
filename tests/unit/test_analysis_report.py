"""Reports of analysis jobs: what they say, in every format, and what they never say."""

import csv
import io
import json
from base64 import b64encode
from typing import Any

import pytest

from pipeline.domain.analysis import ImageFindings, Span, Tag, TextResult
from pipeline.domain.jobs import ItemError, JobFailure, JobKind, JobStatus, Outcome, Stage
from pipeline.reports.analysis.interface import ANALYSIS_FORMATS
from pipeline.reports.analysis.model import AnalysisReport
from tests.unit.analysis_reports import (
    FACE,
    VECTOR,
    a_failed_image,
    a_person,
    a_report,
    a_video,
    an_image,
    some_findings,
)

IMAGES = JobKind.IMAGE_ANALYSIS
HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def the_document(report: AnalysisReport) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(ANALYSIS_FORMATS["json"].render(report))
    return document


def the_lines(report: AnalysisReport) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ANALYSIS_FORMATS["jsonl"].render(report).splitlines()]


def the_rows(report: AnalysisReport) -> list[dict[str, str]]:
    text = ANALYSIS_FORMATS["csv"].render(report).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def the_page(report: AnalysisReport) -> str:
    return ANALYSIS_FORMATS["html"].render(report).decode()


@pytest.mark.parametrize("name", ANALYSIS_FORMATS)
@pytest.mark.parametrize("report", [a_report([a_video()]), a_report([an_image()], IMAGES)], ids=["video", "images"])
def test_no_format_holds_a_vector_or_a_face_or_a_signature(name, report):
    data = ANALYSIS_FORMATS[name].render(report)
    for secret in (str(VECTOR[0]).encode(), FACE, b64encode(FACE)[:20], b"SECRET", b"embedding"):
        assert secret not in data


def test_the_item_itself_has_lost_its_biometric_data():
    for item in (a_video(), an_image()):
        assert [(person.embedding, person.thumbnail) for person in item.findings.people] == [((), b"")]


def test_the_json_of_a_video_is_complete():
    found = the_document(a_report([a_video()]))["items"][0]["findings"]
    assert found["shots"] == [
        {"start_s": 0.0, "end_s": 4.0},
        {"start_s": 4.0, "end_s": 7.0},
        {"start_s": 7.0, "end_s": 10.0},
    ]
    assert found["activity"]["per_second"] == 5.0
    assert len(found["activity"]["values"]) == 50
    assert found["people"] == [
        {"person_id": 0, "gender": "female", "age": 34.2, "allowlisted": None, "relative_prominence": None}
    ]
    assert [scene["people"] for scene in found["constellations"]] == [
        [{"person_id": 0, "relative_prominence": 1.0}],
        [],
        [{"person_id": 0, "relative_prominence": 1.0}],
    ]
    (text,) = found["texts"]
    assert (text["text"], text["language"], text["confidence"]) == ("Fresh bread", "en", 0.97)
    assert (text["start_s"], text["end_s"], text["box"]) == (4.5, 6.5, None)
    assert found["sections"][0]["spans"] == [{"start_s": 0.0, "end_s": 4.0}, {"start_s": 7.0, "end_s": 10.0}]
    assert found["tags"][1] == {"tag": "weapon", "probability": 0.71, "is_critical": True}


def test_the_json_of_pictures_counts_them_and_names_what_was_not_looked_for():
    missing = ImageFindings(unavailable={"people": "The model face_detection is missing."})
    report = a_report([an_image(1), an_image(2, findings=missing), a_failed_image(3)], IMAGES)
    document = the_document(report)
    assert document["summary"]["counts"] == {"analyzed": 2, "failed": 1, "cancelled": 0}
    assert document["summary"]["unavailable"] == {"people": "The model face_detection is missing."}
    assert document["items"][2]["findings"] is None
    assert document["items"][2]["error"]["code"] == "corrupt"
    assert "shots" not in document["items"][0]["findings"]


def test_every_finding_of_a_video_is_one_line():
    lines = the_lines(a_report([a_video()]))
    kinds = [line["kind"] for line in lines]
    assert kinds == [
        *("job", "item", "tag", "tag", "person", "text", "shot", "shot", "shot"),
        *("constellation", "constellation", "constellation", "section", "section", "activity"),
    ]
    assert {line["job_id"] for line in lines} == {"the-job"}
    assert {line["item"] for line in lines[1:]} == {1}
    shot = next(line for line in lines if line["kind"] == "shot")
    assert (shot["shot"], shot["start_s"], shot["end_s"]) == (1, 0.0, 4.0)


def test_a_number_that_is_not_finite_is_null():
    item = a_video(some_findings(activity=(float("nan"), float("inf"), 0.5), people=(a_person(age=float("nan")),)))
    found = the_document(a_report([item]))["items"][0]["findings"]
    assert found["activity"]["values"] == [None, None, 0.5]
    assert found["people"][0]["age"] is None
    assert "<svg" in the_page(a_report([item]))


def test_the_table_of_a_video_has_a_row_for_each_shot_with_what_is_in_it():
    rows = the_rows(a_report([a_video()]))
    assert [row["shot"] for row in rows] == ["1", "2", "3"]
    assert [row["people"] for row in rows] == ["1", "", "1"]
    assert [row["texts"] for row in rows] == ["", "Fresh bread", ""]
    assert [row["sections"] for row in rows] == ["talking_head", "title_card", "talking_head"]
    assert [row["activity"] for row in rows] == ["0.1", "0.5", "0.0"]


def test_the_table_of_pictures_has_a_row_for_each_and_no_formula():
    text = TextResult("=cmd|' /C calc'!A0", 0.9)
    found = ImageFindings((Tag("castle", 0.8), Tag("weapon", 0.9, True)), (a_person(),), (text,))
    rows = the_rows(a_report([an_image(1, findings=found), a_failed_image(2)], IMAGES))
    assert rows[0]["tags"] == "castle 0.80 | weapon 0.90"
    assert rows[0]["critical_tags"] == "weapon"
    assert rows[0]["texts"].startswith("'=")
    assert (rows[1]["outcome"], rows[1]["error_code"], rows[1]["people"]) == ("failed", "corrupt", "")


def test_a_failed_video_has_one_row_and_a_page_that_says_why():
    error = ItemError("no_video", Stage.VALIDATE, "The file holds no moving pictures.", False)
    failed = a_report([a_failed_image(1, name="a.mp4", error=error)])
    assert [row["error_code"] for row in the_rows(failed)] == ["no_video"]
    assert "The video could not be analyzed." in the_page(failed)
    assert "The file holds no moving pictures." in the_page(failed)


def test_a_job_that_failed_as_a_whole_says_so_first():
    failure = JobFailure("max_processing_time_exceeded", "The job was not done within 10 seconds.")
    report = a_report([a_video()], status=JobStatus.FAILED, failure=failure)
    assert the_document(report)["job"]["failure"]["code"] == "max_processing_time_exceeded"
    page = the_page(report)
    assert page.index("The job was not done") < page.index("<article")


@pytest.mark.parametrize("kind", [IMAGES, JobKind.VIDEO_ANALYSIS])
def test_nothing_that_a_customer_or_a_model_says_becomes_markup(kind):
    texts = (TextResult(HOSTILE, 0.9, HOSTILE, Span(1, 2)),)
    tags = (Tag(HOSTILE, 0.9, True),)
    failure, error = JobFailure("x", HOSTILE), ItemError("x", Stage.VALIDATE, HOSTILE, False)
    if kind is IMAGES:
        item = an_image(1, name=HOSTILE, reference=HOSTILE, findings=ImageFindings(tags, (), texts, {HOSTILE: HOSTILE}))
    else:
        found = some_findings(texts=texts, tags=tags, notes=(HOSTILE,), unavailable={HOSTILE: HOSTILE})
        item = a_video(found, name=HOSTILE, reference=HOSTILE)
    page = the_page(a_report([item, a_failed_image(2, error=error)], kind, failure=failure, notes=(HOSTILE,)))
    assert page.count("<script>") == 1
    assert "<img src=x" not in page
    assert 'onerror="' not in page


@pytest.mark.parametrize("kind", [IMAGES, JobKind.VIDEO_ANALYSIS])
def test_a_page_names_no_outside_resource_and_has_no_inline_style(kind):
    page = the_page(a_report([an_image() if kind is IMAGES else a_video()], kind))
    assert "default-src &#39;none&#39;" in page
    assert " style=" not in page
    sources = [part.partition('"')[0] for mark in ('src="', 'href="') for part in page.split(mark)[1:]]
    assert all(source.startswith(("data:image/jpeg", "#", "https://cdn.example/")) for source in sources)


@pytest.mark.parametrize("items", [[], [an_image()], [a_failed_image()], [an_image(1), a_failed_image(2)]])
def test_pictures_in_any_number_make_a_page(items):
    page = the_page(a_report(items, IMAGES))
    assert page.count('class="item card') == sum(item.outcome is Outcome.ANALYZED for item in items)


def test_failures_come_before_pictures():
    page = the_page(a_report([an_image(1), a_failed_image(2)], IMAGES))
    assert page.index('id="item-2"') < page.index('id="item-1"')


def test_a_link_that_would_run_something_is_not_made():
    item = a_video()
    bad = type(item.renditions[0])("poster", "k", "image/jpeg", 1, 1, 1, "0" * 64, "javascript:alert(1)")
    assert "javascript:" not in the_page(a_report([a_video(renditions=(bad,))]))
