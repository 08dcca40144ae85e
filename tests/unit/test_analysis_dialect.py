"""The analysis interface's bodies: the contract's samples, and what jobs of every kind of end look like."""

import base64
import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from pipeline.api.analysis import examples
from pipeline.dialects import analysis as dialect
from pipeline.dialects import analysis_schema as wire
from pipeline.domain.analysis import (
    Constellation,
    Gender,
    ImageFindings,
    Person,
    Presence,
    Section,
    Span,
    Tag,
    TextResult,
    VideoFindings,
)
from pipeline.domain.jobs import ItemError, ItemState, JobFailure, JobKind, JobStatus, Outcome, Stage
from pipeline.domain.views import ItemView, JobView

JOB = UUID("9a077f0c-f7ab-4828-b496-4f65aa94f6a4")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
CORRUPT = ItemError("corrupt", Stage.VALIDATE, "It could not be decoded.", retryable=False)
LATE = JobFailure("max_processing_time_exceeded", "The job was not done in time.")

VIDEO_FINDINGS = VideoFindings(
    duration_s=10.7,
    frames=321,
    shots=(Span(0, 5.2), Span(5.2, 10.7)),
    activity_rate=2.0,
    activity=(0.01, 0.15, 0.08),
    people=(
        Person(0, Gender.FEMALE, 29.0, (0.11, -0.02, 0.33)),
        Person(1, Gender.UNIDENTIFIED, None, (0.05, 0.07, -0.12)),
    ),
    constellations=(
        Constellation(Span(3, 5.2), (Presence(0, 0.6), Presence(1, 0.4))),
        Constellation(Span(5.2, 10.7)),
    ),
    texts=(TextResult("No dogs off leash", 0.98, "en", Span(3, 5.2)),),
    sections=(
        Section("intro", (Span(0, 3),), 1.2, 0.91, False, 0.2),
        Section("demo", (Span(3, 5.2),), 4.1, 0.88, False, 0.5),
    ),
    tags=(Tag("dog", 0.9),),
)


def an_item(position: int = 0, **changes: Any) -> ItemView:
    item = ItemView(
        id=position + 1,
        position=position,
        reference=None,
        url=None,
        upload_id=None,
        state=ItemState.ENDED,
        stage_done=3,
        outcome=Outcome.ANALYZED,
        error=None,
        facts=None,
        score_before=None,
        score=None,
        quality=None,
        steps=(),
        renditions=(),
        duplicate_of=None,
        timings_ms={},
        attempts=1,
    )
    return replace(item, **changes)


def a_job(*items: ItemView, kind: JobKind = JobKind.IMAGE_ANALYSIS, **changes: Any) -> JobView:
    job = JobView(
        id=JOB,
        account_id=JOB,
        kind=kind,
        workflow_slug=None,
        workflow_version=None,
        status=JobStatus.SUCCEEDED,
        cancelled=False,
        generation=1,
        project=None,
        created_by=None,
        created_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        total=len(items),
        counts={},
        waiting=0,
        working=0,
        stages={},
        eta_seconds=None,
        items=items,
    )
    return replace(job, **changes)


def body_of(view: JobView) -> Any:
    return json.loads(dialect.result_bytes(view))


def a_video(**changes: Any) -> JobView:
    return a_job(an_item(analysis=VIDEO_FINDINGS), kind=JobKind.VIDEO_ANALYSIS, **changes)


@pytest.mark.parametrize(
    ("model", "sample"),
    [
        (wire.VideoAnalysis, examples.VIDEO),
        (wire.VideoAnalysis, examples.VIDEO_CALLBACK),
        (wire.ImageBatchAnalysis, examples.IMAGES),
        (wire.ImageBatchAnalysis, examples.IMAGES_CALLBACK),
        (wire.MediaLatency, examples.LATENCY),
    ],
)
def test_the_samples_of_the_contract_come_through_the_models_unchanged(model: type[BaseModel], sample: Any) -> None:
    assert json.loads(model.model_validate(sample).model_dump_json(exclude_none=True)) == sample


def test_a_finished_video_is_the_contracts_sample_field_by_field() -> None:
    body = body_of(a_video())
    people = body["result"]["person_constellation_scenes"][0]["person_ids"]
    assert [person.pop("relative_prominence") for person in people] == [0.6, 0.4]
    assert body == {**examples.VIDEO, "job_id": f"video_{JOB.hex}"}


def test_a_finished_batch_is_the_contracts_sample_field_by_field() -> None:
    first = ImageFindings(
        tags=(Tag("cat", 0.92), Tag("indoor", 0.76)),
        people=(Person(0, Gender.UNIDENTIFIED, 4.0, (0.01, 0.02, 0.03)),),
        texts=(TextResult("Kitchen", 0.99, "en"),),
    )
    second = ImageFindings(
        tags=(Tag("dog", 0.88), Tag("park", 0.61)), texts=(TextResult("No dogs off leash", 0.9, None),)
    )
    view = a_job(an_item(0, reference="101", analysis=first), an_item(1, reference="102", analysis=second))
    expected = json.loads(json.dumps(examples.IMAGES))
    for item in expected["items"]:
        for tag in item["result"]["tags"]:
            tag.setdefault("is_critical", False)
    assert body_of(view) == {**expected, "job_id": f"image_batch_{JOB.hex}"}


def test_what_is_unknown_of_a_person_is_absent_and_never_null() -> None:
    view = a_job(an_item(analysis=ImageFindings(people=(Person(0),))))
    assert body_of(view)["items"][0]["result"]["person_ids"] == [{"gender": "unidentified", "face_embedding": []}]
    assert b"null" not in dialect.result_bytes(view)


def test_what_is_known_of_a_person_is_shown() -> None:
    person = Person(0, Gender.MALE, 34.51, (0.6, 0.8), b"\xff\xd8jpeg", allowlisted=False, relative_prominence=1.0)
    shown = body_of(a_job(an_item(analysis=ImageFindings(people=(person,)))))["items"][0]["result"]["person_ids"][0]
    assert base64.b64decode(shown.pop("face_thumbnail")) == b"\xff\xd8jpeg"
    assert shown == {
        "age": 34.5,
        "gender": "male",
        "face_embedding": [0.6, 0.8],
        "allowlisted": False,
        "relative_prominence": 1.0,
    }


def test_finding_nothing_is_empty_lists() -> None:
    body = body_of(a_job(an_item(reference="a", analysis=ImageFindings())))
    assert body["items"] == [{"external_id": "a", "result": {"tags": [], "person_ids": [], "ocr_results": []}}]


def test_what_could_not_be_looked_for_is_said() -> None:
    reason = {"people": "The model face_detection is missing: darkroom models pull face_detection."}
    body = body_of(a_job(an_item(analysis=ImageFindings(unavailable=reason))))
    assert body["items"][0]["result"]["unavailable"] == reason
    early = replace(VIDEO_FINDINGS, notes=("The file ends after 10.7 of 12 seconds.",), unavailable=reason)
    result = body_of(a_job(an_item(analysis=early), kind=JobKind.VIDEO_ANALYSIS))["result"]
    assert (result["notes"], result["unavailable"]) == (["The file ends after 10.7 of 12 seconds."], reason)


@pytest.mark.parametrize(
    ("status", "word"),
    [(JobStatus.QUEUED, "queued"), (JobStatus.RUNNING, "processing"), (JobStatus.REPORTING, "processing")],
)
@pytest.mark.parametrize("kind", [JobKind.IMAGE_ANALYSIS, JobKind.VIDEO_ANALYSIS])
def test_a_job_at_work_shows_no_result(kind: JobKind, status: JobStatus, word: str) -> None:
    view = a_job(an_item(analysis=ImageFindings()), kind=kind, status=status, cancelled=True)
    assert body_of(view) == {"job_id": dialect.public_id(view), "status": word}


def test_every_status_of_a_job_has_a_word() -> None:
    words = {dialect.analysis_status(a_job(status=status)) for status in JobStatus}
    assert words == {"queued", "processing", "finished", "failed"}


def test_a_bad_image_fails_alone() -> None:
    view = a_job(
        an_item(0, reference="good", analysis=ImageFindings()),
        an_item(1, reference="bad", outcome=Outcome.FAILED, error=CORRUPT),
    )
    body = body_of(view)
    error = {"code": "corrupt", "message": "It could not be decoded."}
    assert (body["status"], "error" in body) == ("finished", False)
    assert body["items"][0].keys() == {"external_id", "result"}
    assert body["items"][1] == {"external_id": "bad", "status": "failed", "error": error}


def test_a_bad_video_is_a_failed_job() -> None:
    view = a_job(an_item(outcome=Outcome.FAILED, error=CORRUPT), kind=JobKind.VIDEO_ANALYSIS)
    error = {"code": "corrupt", "message": "It could not be decoded."}
    assert body_of(view) == {"job_id": f"video_{JOB.hex}", "status": "failed", "error": error}


def test_a_job_over_its_time_says_so_and_keeps_what_it_had() -> None:
    over = ItemError(LATE.code, Stage.ANALYZE, LATE.message, retryable=True)
    items = (an_item(0, analysis=ImageFindings()), an_item(1, outcome=Outcome.FAILED, error=over))
    body = body_of(a_job(*items, status=JobStatus.FAILED, failure=LATE))
    assert (body["status"], body["error"]["code"]) == ("failed", "max_processing_time_exceeded")
    assert "result" in body["items"][0]
    assert body["items"][1]["error"]["code"] == "max_processing_time_exceeded"
    video = a_video(status=JobStatus.FAILED, failure=LATE)
    assert body_of(video) == {
        "job_id": f"video_{JOB.hex}",
        "status": "failed",
        "error": {"code": LATE.code, "message": LATE.message},
    }


@pytest.mark.parametrize("kind", [JobKind.IMAGE_ANALYSIS, JobKind.VIDEO_ANALYSIS])
def test_a_cancelled_job_has_failed_and_says_why(kind: JobKind) -> None:
    view = a_job(an_item(outcome=Outcome.CANCELLED), kind=kind, status=JobStatus.CANCELLED, cancelled=True)
    body = body_of(view)
    assert (body["status"], body["error"]["code"]) == ("failed", "cancelled")
    assert [item["error"]["code"] for item in body.get("items", [])] in ([], ["cancelled"])


def test_numbers_stay_in_their_range_whatever_their_last_digit_was() -> None:
    tag = Tag("cat", 1.0000001)
    view = a_job(an_item(analysis=ImageFindings(tags=(tag, Tag("dog", -1e-9), Tag("?", math.nan)))))
    shares = [tag["probability"] for tag in body_of(view)["items"][0]["result"]["tags"]]
    assert shares == [1.0, 0.0, 0.0]


def test_text_of_any_script_comes_as_it_was_read() -> None:
    texts = (TextResult("出口 → 駅\n한글", 0.9, "ja"),)
    body = dialect.result_bytes(a_job(an_item(analysis=ImageFindings(texts=texts))))
    assert json.loads(body)["items"][0]["result"]["ocr_results"][0]["full_text"] == "出口 → 駅\n한글"


@pytest.mark.parametrize("kind", [JobKind.IMAGE_ANALYSIS, JobKind.VIDEO_ANALYSIS])
def test_a_public_id_leads_back_to_its_job_and_kind(kind: JobKind) -> None:
    view = a_job(kind=kind)
    other = next(each for each in dialect.PREFIX if each is not kind)
    assert dialect.job_id_of(dialect.public_id(view), kind) == JOB
    assert dialect.job_id_of(dialect.public_id(view), other) is None
    assert dialect.job_id_of(JOB.hex, kind) is None
    assert dialect.job_id_of(dialect.public_id(view) + "0", kind) is None
    assert dialect.job_id_of(f"{dialect.PREFIX[kind]}{'٣' * 32}", kind) is None


def test_optional_fields_are_published_as_absent_and_not_as_null() -> None:
    schema = wire.ImageBatchAnalysis.model_json_schema(mode="serialization")
    assert '"null"' not in json.dumps(schema)
    assert schema["required"] == ["job_id", "status"]
    assert schema["$defs"]["AnalyzedPerson"]["required"] == ["gender", "face_embedding"]
