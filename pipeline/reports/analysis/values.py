"""Findings as plain values with stable names: what the JSON report and the JSON lines have in common.

Times are seconds from the first frame, to the millisecond; probabilities, confidences and shares are 0..1; boxes are
fractions of the upright picture. Numbers that are not finite are null.
"""

from typing import Any

from pipeline.domain.analysis import Constellation, Person, Section, Span, Tag, TextResult, VideoFacts
from pipeline.domain.media import Box
from pipeline.reports.json import finite


def number(value: float | None, digits: int = 4) -> float | None:
    """Rounded as far as it means something."""
    return None if value is None or finite(value) is None else round(value, digits)


def span_value(span: Span | None) -> dict[str, Any]:
    """`start_s` and `end_s`, both null in a picture."""
    if span is None:
        return {"start_s": None, "end_s": None}
    return {"start_s": number(span.start_s, 3), "end_s": number(span.end_s, 3)}


def tag_value(tag: Tag) -> dict[str, Any]:
    return {"tag": tag.name, "probability": number(tag.probability), "is_critical": tag.is_critical}


def person_value(person: Person) -> dict[str, Any]:
    """Never the vector and never the face."""
    return {
        "person_id": person.id,
        "gender": person.gender,
        "age": number(person.age, 1),
        "allowlisted": person.allowlisted,
        "relative_prominence": number(person.relative_prominence),
    }


def text_value(text: TextResult) -> dict[str, Any]:
    return {
        "text": text.text,
        "language": text.language,
        "confidence": number(text.confidence),
        **span_value(text.span),
        "box": _box(text.box),
    }


def constellation_value(scene: Constellation) -> dict[str, Any]:
    people = [
        {"person_id": each.person_id, "relative_prominence": number(each.relative_prominence)} for each in scene.people
    ]
    return {**span_value(scene.span), "people": people}


def section_value(section: Section) -> dict[str, Any]:
    return {
        "tag": section.tag,
        "spans": [span_value(span) for span in section.spans],
        "thumbnail_s": number(section.thumbnail_s, 3),
        "confidence": number(section.confidence),
        "is_critical": section.is_critical,
        "relative_activity": number(section.relative_activity),
    }


def video_value(facts: VideoFacts) -> dict[str, Any]:
    return {
        "media_type": facts.media_type,
        "container": facts.container,
        "codec": facts.codec,
        "width": facts.width,
        "height": facts.height,
        "rotation": facts.rotation,
        "duration_s": number(facts.duration_s, 3),
        "frame_rate": number(facts.frame_rate, 3),
        "has_audio": facts.has_audio,
        "bytes": facts.bytes,
        "sha256": facts.sha256,
    }


def _box(box: Box | None) -> dict[str, Any] | None:
    if box is None:
        return None
    return {"x": number(box.x), "y": number(box.y), "width": number(box.width), "height": number(box.height)}
