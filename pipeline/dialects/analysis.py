"""Image and video analysis on the wire (contract section 2). What the contract leaves open is in docs/analysis.md."""

import base64
from collections.abc import Mapping
from uuid import UUID

from pipeline.dialects import analysis_schema as wire
from pipeline.domain.analysis import ImageFindings, Person, Span, TextResult, VideoFindings
from pipeline.domain.jobs import JobFailure, JobKind, JobStatus
from pipeline.domain.views import ItemView, JobView

PREFIX: dict[JobKind, str] = {JobKind.VIDEO_ANALYSIS: "video_", JobKind.IMAGE_ANALYSIS: "image_batch_"}
"""What ids begin with. To a client they are opaque."""

TIME_DIGITS = 3
"""Milliseconds: a frame at 60 a second lasts 17 of them."""
SHARE_DIGITS = 4
VECTOR_DIGITS = 6
"""A float32 has 7; two vectors of one face differ in the second."""
AGE_DIGITS = 1
"""The model is off by 4.5 years on average."""

_CANCELLED = JobFailure("cancelled", "The job was cancelled before it was done.")
_NOTHING = JobFailure("not_analyzed", "The job ended before this was looked at: send it again.")


def public_id(view: JobView) -> str:
    """The job's id as the interface shows it: a prefix and 32 hex digits."""
    return f"{PREFIX[view.kind]}{view.id.hex}"


def job_id_of(public: str, kind: JobKind) -> UUID | None:
    """The job behind a public id; None for what no job of this kind can be called."""
    digits = public.removeprefix(PREFIX[kind])
    is_ours = digits != public and len(digits) == 32 and set(digits) <= set("0123456789abcdef")
    return UUID(digits) if is_ours else None


def without_prefix(shown: str) -> str:
    """What stands behind an id as any interface shows it: `video_` and the like are left off."""
    return next((shown.removeprefix(prefix) for prefix in PREFIX.values() if shown.startswith(prefix)), shown)


def analysis_status(view: JobView) -> wire.AnalysisStatus:
    """queued, processing, finished or failed.

    A batch of images is finished whatever happened to single ones; a video that failed is its whole job.
    """
    if view.status is JobStatus.QUEUED:
        return "queued"
    if not view.status.is_final:
        return "processing"
    return "failed" if _failure(view) is not None else "finished"


def result_bytes(view: JobView) -> bytes:
    """The body of GET, for a job with its items; at the job's end the body of its webhook, byte for byte."""
    answer = _video(view) if view.kind is JobKind.VIDEO_ANALYSIS else _images(view)
    return answer.model_dump_json(exclude_none=True).encode()


def _failure(view: JobView) -> wire.AnalysisError | None:
    """Why the whole job failed; None for one that did not."""
    if view.failure is not None:
        return _error(view.failure)
    if view.status is JobStatus.CANCELLED:
        return _error(_CANCELLED)
    if view.status is JobStatus.FAILED:
        return _item_error(view.items[0] if view.items else None)
    if view.kind is JobKind.VIDEO_ANALYSIS and not any(item.analysis for item in view.items):
        return _item_error(view.items[0] if view.items else None)
    return None


def _item_error(item: ItemView | None, otherwise: JobFailure = _NOTHING) -> wire.AnalysisError:
    if item is None or item.error is None:
        return _error(otherwise)
    return wire.AnalysisError(code=item.error.code, message=item.error.message)


def _error(failure: JobFailure) -> wire.AnalysisError:
    return wire.AnalysisError(code=failure.code, message=failure.message)


def _video(view: JobView) -> wire.VideoAnalysis:
    job_id, status = public_id(view), analysis_status(view)
    if status == "failed":
        return wire.VideoAnalysis(job_id=job_id, status=status, error=_failure(view))
    if status != "finished":
        return wire.VideoAnalysis(job_id=job_id, status=status)
    found = view.items[0].analysis
    assert isinstance(found, VideoFindings)  # noqa: S101  (a finished video has findings: see `_failure`)
    return wire.VideoAnalysis(job_id=job_id, status=status, result=_video_result(found))


def _images(view: JobView) -> wire.ImageBatchAnalysis:
    job_id, status = public_id(view), analysis_status(view)
    if status not in ("finished", "failed"):
        return wire.ImageBatchAnalysis(job_id=job_id, status=status)
    failure = view.failure or (_CANCELLED if view.status is JobStatus.CANCELLED else _NOTHING)
    return wire.ImageBatchAnalysis(
        job_id=job_id,
        status=status,
        items=[_image(item, failure) for item in view.items],
        error=_failure(view),
    )


def _image(item: ItemView, failure: JobFailure) -> wire.ImageItem:
    if isinstance(item.analysis, ImageFindings) and item.error is None:
        return wire.ImageItem(external_id=item.reference, result=_image_result(item.analysis))
    return wire.ImageItem(external_id=item.reference, status="failed", error=_item_error(item, failure))


def _image_result(found: ImageFindings) -> wire.ImageResult:
    return wire.ImageResult(
        tags=[
            wire.ImageTag(tag=tag.name, probability=_share(tag.probability), is_critical=tag.is_critical)
            for tag in found.tags
        ],
        person_ids=[_person(person, person.relative_prominence) for person in found.people],
        ocr_results=[_text(text) for text in found.texts],
        unavailable=found.unavailable or None,
    )


def _video_result(found: VideoFindings) -> wire.VideoResult:
    people = {person.id: person for person in found.people}
    return wire.VideoResult(
        raw_scenes=[_segment(shot) for shot in found.shots],
        frame_activity_diffs=[_share(value) for value in found.activity],
        person_constellation_scenes=_scenes(found, people),
        ocr_results=[_text(text) for text in found.texts],
        sections=[
            wire.VideoSection(
                section_tag=section.tag,
                time_segments=[_segment(span) for span in section.spans],
                thumbnail_timestamp=_time(section.thumbnail_s),
                confidence=_share(section.confidence),
                is_critical=section.is_critical,
                relative_activity=_share(section.relative_activity),
            )
            for section in found.sections
        ],
        unavailable=found.unavailable or None,
        notes=list(found.notes) or None,
    )


def _scenes(found: VideoFindings, people: Mapping[int, Person]) -> list[wire.ConstellationScene]:
    return [
        wire.ConstellationScene(
            time_segment=_segment(scene.span),
            person_ids=[_person(people[seen.person_id], seen.relative_prominence) for seen in scene.people],
        )
        for scene in found.constellations
    ]


def _person(person: Person, prominence: float | None) -> wire.AnalyzedPerson:
    return wire.AnalyzedPerson(
        age=None if person.age is None else max(0.0, round(person.age, AGE_DIGITS)),
        gender=person.gender.value,
        face_embedding=[round(value, VECTOR_DIGITS) for value in person.embedding],
        face_thumbnail=base64.b64encode(person.thumbnail).decode() or None,
        allowlisted=person.allowlisted,
        relative_prominence=None if prominence is None else _share(prominence),
    )


def _text(text: TextResult) -> wire.OcrResult:
    return wire.OcrResult(
        language_code=text.language,
        full_text=text.text,
        time_segment=None if text.span is None else _segment(text.span),
    )


def _segment(span: Span) -> wire.TimeSegment:
    return wire.TimeSegment(start_seconds=_time(span.start_s), end_seconds=_time(span.end_s))


def _time(seconds: float) -> float:
    return max(0.0, round(seconds, TIME_DIGITS))


def _share(value: float) -> float:
    """Within 0..1 whatever the last digit of a sum was."""
    return min(1.0, max(0.0, round(value, SHARE_DIGITS)))
