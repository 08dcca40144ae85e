"""The findings as JSON lines, one for each: what a search index, a warehouse or `jq` takes as it comes.

Every line has `kind`, `item` (the position, 1-based; null for the job) and `job_id`; besides:

    job             as `job` in the JSON report, first line
    item            name, reference, outcome, error, image or video
    tag             tag, probability, is_critical
    person          person_id, gender, age, allowlisted, relative_prominence
    text            text, language, confidence, start_s, end_s, box
    shot            shot (1-based), start_s, end_s
    constellation   start_s, end_s, people [{person_id, relative_prominence}]
    section         section (1-based), tag, spans, thumbnail_s, confidence, is_critical, relative_activity
    activity        per_second, values; one line for a video
    note            text
    unavailable     what, why

Names and meanings are those of the JSON report, and so is the promise: no vector and no face.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pipeline.domain.analysis import VideoFindings
from pipeline.reports.analysis.json import job_value
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
from pipeline.reports.json import facts_value, written


class AnalysisJsonLines:
    """ASCII, every line ended by a line feed."""

    name = "jsonl"
    media_type = "application/x-ndjson"
    extension = "jsonl"

    def render(self, report: AnalysisReport) -> bytes:
        lines: list[dict[str, Any]] = [{"kind": "job", "item": None, "job_id": report.job_id, "job": job_value(report)}]
        for item in report.items:
            place: dict[str, Any] = {"item": item.position, "job_id": report.job_id}
            lines += [{"kind": kind, **place, **values} for kind, values in _lines(item)]
        return b"".join(written(line) + b"\n" for line in lines)


def _lines(item: AnalyzedItem) -> Iterator[tuple[str, dict[str, Any]]]:
    yield (
        "item",
        {
            "name": item.name,
            "reference": item.reference,
            "outcome": item.outcome,
            "error": asdict(item.error) if item.error else None,
            "image": facts_value(item.image) if item.image else None,
            "video": video_value(item.video) if item.video else None,
        },
    )
    found = item.findings
    if found is None:
        return
    yield from (("tag", tag_value(tag)) for tag in found.tags)
    yield from (("person", person_value(person)) for person in found.people)
    yield from (("text", text_value(text)) for text in found.texts)
    if isinstance(found, VideoFindings):
        yield from _video_lines(found)
    yield from (("unavailable", {"what": what, "why": why}) for what, why in found.unavailable.items())


def _video_lines(found: VideoFindings) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from (("shot", {"shot": place, **span_value(shot)}) for place, shot in enumerate(found.shots, 1))
    yield from (("constellation", constellation_value(scene)) for scene in found.constellations)
    yield from (("section", {"section": place, **section_value(each)}) for place, each in enumerate(found.sections, 1))
    yield "activity", {"per_second": found.activity_rate, "values": [number(value) for value in found.activity]}
    yield from (("note", {"text": note}) for note in found.notes)
