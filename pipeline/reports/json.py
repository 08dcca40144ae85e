"""The report as JSON, for programs.

Keys are stable within a `schema_version`: new ones may appear, removing or changing one raises the version.

    schema_version    1
    job               id, kind, status, generation, workflow {slug, title, version}, guidelines_version,
                      created_at, started_at, finished_at (RFC 3339, UTC, or null), duration_s,
                      runs [{id, url}], product_version, notes [text]
    summary           items, counts {approved, enhanced, rejected, failed, cancelled}, percentage (approved or enhanced,
                      0..100, rounded down), average_score {before, after} or null, stage_seconds {stage: seconds}
    items []          position (1-based), reference, name, source (no query, no credentials), outcome,
                      error {code, stage, message, retryable} or null, reasons [text] (of a rejection, worst first),
                      original {media_type, width, height, bytes, sha256, color_space, bit_depth, has_alpha,
                      jpeg_quality} or null, score_before, score_after, steps [{name, changed, detail}],
                      duplicate_of (position or null),
                      renditions [{name, url (no query: a private one opens only with the batch's own
                      link), media_type, width, height, bytes, sha256}],
                      timings_ms {stage: ms}, attempts
    score_*           null or {score, pass_mark, passed, criteria [{name, value, unit, target, weight, points_lost, met,
                      origin, sentence}], unavailable {metric: why}}; 100 minus every points_lost is exactly the score

`score_after` is null where the original's pixels are delivered. A number that is not finite is null.
"""

import json
import math
from dataclasses import asdict
from typing import Any

from pipeline.domain.media import MediaFacts, Rendition
from pipeline.domain.quality import Criterion, QualityScore
from pipeline.reports.model import OUTCOMES, ItemReport, JobReport, ReportedJob
from pipeline.reports.words import timestamp

SCHEMA_VERSION = 1


class JsonFormat:
    """ASCII only: every other character is escaped, so that no encoding can spoil a name."""

    name = "json"
    media_type = "application/json"
    extension = "json"

    def render(self, report: JobReport) -> bytes:
        document = {
            "schema_version": SCHEMA_VERSION,
            "job": _job(report),
            "summary": _summary(report),
            "items": [_item(item) for item in report.items],
        }
        return written(document)


def written(value: Any) -> bytes:
    """Compact JSON in ASCII, on one line."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


def reported_job(report: ReportedJob) -> dict[str, Any]:
    """What every JSON report says of its job."""
    return {
        "id": report.job_id,
        "kind": report.kind,
        "status": report.status,
        "generation": report.generation,
        "created_at": timestamp(report.created_at),
        "started_at": timestamp(report.started_at),
        "finished_at": timestamp(report.finished_at),
        "duration_s": report.duration_s,
        "runs": [{"id": run.run_id, "url": run.url} for run in report.runs],
        "product_version": report.product_version,
        "notes": list(report.notes),
    }


def _job(report: JobReport) -> dict[str, Any]:
    return {
        **reported_job(report),
        "workflow": {
            "slug": report.workflow_slug,
            "title": report.workflow_title,
            "version": report.workflow_version,
        },
        "guidelines_version": report.guidelines_version,
    }


def _summary(report: JobReport) -> dict[str, Any]:
    averages = report.average_scores
    return {
        "items": len(report.items),
        "counts": {outcome.value: report.count(outcome) for outcome in OUTCOMES},
        "percentage": report.percentage,
        "average_score": {"before": round(averages[0], 1), "after": round(averages[1], 1)} if averages else None,
        "stage_seconds": {stage.value: round(spent, 3) for stage, spent in report.stage_seconds.items()},
    }


def _item(item: ItemReport) -> dict[str, Any]:
    return {
        "position": item.position,
        "reference": item.reference,
        "name": item.name,
        "source": item.source,
        "outcome": item.outcome,
        "error": asdict(item.error) if item.error else None,
        "reasons": list(item.reasons),
        "original": facts_value(item.facts) if item.facts else None,
        "score_before": _score(item.score_before),
        "score_after": _score(item.score_after),
        "steps": [{"name": step.name, "changed": step.changed, "detail": step.detail} for step in item.steps],
        "duplicate_of": item.duplicate_of,
        "renditions": [rendition_value(rendition) for rendition in item.renditions],
        "timings_ms": {stage.value: spent for stage, spent in item.timings_ms.items()},
        "attempts": item.attempts,
    }


def facts_value(facts: MediaFacts) -> dict[str, Any]:
    """A picture as it came, without what its EXIF says of people, places and cameras."""
    return {
        "media_type": facts.media_type,
        "width": facts.width,
        "height": facts.height,
        "bytes": facts.bytes,
        "sha256": facts.sha256,
        "color_space": facts.color_space,
        "bit_depth": facts.bit_depth,
        "has_alpha": facts.has_alpha,
        "jpeg_quality": facts.jpeg_quality,
    }


def rendition_value(rendition: Rendition) -> dict[str, Any]:
    """A delivered file as every JSON report names it."""
    return {
        "name": rendition.name,
        "url": rendition.url,
        "media_type": rendition.media_type,
        "width": rendition.width,
        "height": rendition.height,
        "bytes": rendition.bytes,
        "sha256": rendition.sha256,
    }


def _score(score: QualityScore | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {
        "score": finite(score.score),
        "pass_mark": score.pass_mark,
        "passed": score.passed,
        "criteria": [_criterion(criterion) for criterion in score.criteria],
        "unavailable": dict(score.unavailable),
    }


def _criterion(criterion: Criterion) -> dict[str, Any]:
    return {
        "name": criterion.name,
        "value": criterion.value if isinstance(criterion.value, str) else finite(criterion.value),
        "unit": criterion.unit,
        "target": criterion.target,
        "weight": criterion.weight,
        "points_lost": finite(criterion.points_lost),
        "met": criterion.met,
        "required": criterion.required,
        "origin": criterion.origin,
        "sentence": criterion.sentence,
    }


def finite(value: float) -> float | None:
    """JSON has no word for a number that is not finite."""
    return value if math.isfinite(value) else None
