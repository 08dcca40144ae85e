"""The whole report as one JSON document.

schema_version    1; counted up when a field changes its meaning or goes away, not when one is added
job               id, kind, status, generation, failure {code, message} or null, created_at, started_at, finished_at
                  (RFC 3339, UTC), duration_s, runs [{id, url}], product_version, notes [text]
summary           items, counts {analyzed, failed, cancelled}, unavailable {what: why}, stage_seconds {stage: s}
items []          position (1-based), name, reference, outcome, error {code, stage, message, retryable} or null,
                  image (as in the report of an enhancement) or null, video {media_type, container, codec, width,
                  height, rotation, duration_s, frame_rate, has_audio, bytes, sha256} or null, findings or null,
                  renditions [{name, url (no query), media_type, width, height, bytes, sha256}],
                  timings_ms {stage: ms}, attempts
findings          of a picture: tags, people, texts, unavailable {what: why}
                  of a video besides: duration_s, frames, shots [{start_s, end_s}], activity {per_second, values},
                  constellations [{start_s, end_s, people [{person_id, relative_prominence}]}], sections [{tag,
                  spans [{start_s, end_s}], thumbnail_s, confidence, is_critical, relative_activity}], notes [text]
tags []           tag, probability, is_critical
people []         person_id, gender, age, allowlisted, relative_prominence; no vector, no face
texts []          text, language, confidence, start_s, end_s (null in a picture), box {x, y, width, height} or null
"""

from dataclasses import asdict
from typing import Any

from pipeline.domain.analysis import ImageFindings, VideoFindings
from pipeline.domain.jobs import Outcome
from pipeline.reports.analysis.model import AnalysisReport, AnalyzedItem
from pipeline.reports.analysis.values import (
    constellation_value,
    number,
    person_value,
    section_value,
    span_value,
    tag_value,
    text_value,
    video_value,
)
from pipeline.reports.json import facts_value, rendition_value, reported_job, written

SCHEMA_VERSION = 1
OUTCOMES = (Outcome.ANALYZED, Outcome.FAILED, Outcome.CANCELLED)


class AnalysisJson:
    """ASCII only: every other character is escaped, so that no encoding can spoil a name."""

    name = "json"
    media_type = "application/json"
    extension = "json"

    def render(self, report: AnalysisReport) -> bytes:
        return written(
            {
                "schema_version": SCHEMA_VERSION,
                "job": job_value(report),
                "summary": _summary(report),
                "items": [_item(item) for item in report.items],
            }
        )


def job_value(report: AnalysisReport) -> dict[str, Any]:
    return {
        **reported_job(report),
        "failure": asdict(report.failure) if report.failure else None,
    }


def _summary(report: AnalysisReport) -> dict[str, Any]:
    return {
        "items": len(report.items),
        "counts": {outcome.value: report.count(outcome) for outcome in OUTCOMES},
        "unavailable": report.unavailable,
        "stage_seconds": {stage.value: round(spent, 3) for stage, spent in report.stage_seconds.items()},
    }


def _item(item: AnalyzedItem) -> dict[str, Any]:
    return {
        "position": item.position,
        "name": item.name,
        "reference": item.reference,
        "outcome": item.outcome,
        "error": asdict(item.error) if item.error else None,
        "image": facts_value(item.image) if item.image else None,
        "video": video_value(item.video) if item.video else None,
        "findings": _findings(item.findings),
        "renditions": [rendition_value(rendition) for rendition in item.renditions],
        "timings_ms": {stage.value: spent for stage, spent in item.timings_ms.items()},
        "attempts": item.attempts,
    }


def _findings(found: ImageFindings | VideoFindings | None) -> dict[str, Any] | None:
    if found is None:
        return None
    common = {
        "tags": [tag_value(tag) for tag in found.tags],
        "people": [person_value(person) for person in found.people],
        "texts": [text_value(text) for text in found.texts],
        "unavailable": dict(found.unavailable),
    }
    if isinstance(found, ImageFindings):
        return common
    return common | {
        "duration_s": number(found.duration_s, 3),
        "frames": found.frames,
        "shots": [span_value(shot) for shot in found.shots],
        "activity": {"per_second": found.activity_rate, "values": [number(value) for value in found.activity]},
        "constellations": [constellation_value(scene) for scene in found.constellations],
        "sections": [section_value(section) for section in found.sections],
        "notes": list(found.notes),
    }
