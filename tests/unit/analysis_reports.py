"""Analysis reports to make tests of."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import simplejpeg

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
    VideoFacts,
    VideoFindings,
)
from pipeline.domain.jobs import ItemError, JobKind, JobStatus, Outcome, Stage
from pipeline.domain.media import MediaFacts, Rendition
from pipeline.reports.analysis.model import AnalysisReport, AnalyzedItem

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
VECTOR, FACE = tuple([0.0887654321] * 128), b"THE BYTES OF A FACE"
"""Biometric data that no report may hold."""


def a_thumbnail(shade: int = 90) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.full((180, 320, 3), shade, dtype=np.uint8), 80))


def a_person(number: int = 0, **values: Any) -> Person:
    known: dict[str, Any] = {"gender": Gender.FEMALE, "age": 34.24, "embedding": VECTOR, "thumbnail": FACE}
    return Person(number, **(known | values))


def some_findings(**values: Any) -> VideoFindings:
    """Ten seconds in three shots: somebody in the first and the last, a sign in the middle."""
    shots = (Span(0.0, 4.0), Span(4.0, 7.0), Span(7.0, 10.0))
    known: dict[str, Any] = {
        "duration_s": 10.0,
        "frames": 250,
        "shots": shots,
        "activity_rate": 5.0,
        "activity": tuple([0.1] * 20 + [0.5] * 15 + [0.0] * 15),
        "people": (a_person(),),
        "constellations": (
            Constellation(shots[0], (Presence(0, 1.0),)),
            Constellation(shots[1]),
            Constellation(shots[2], (Presence(0, 1.0),)),
        ),
        "texts": (TextResult("Fresh bread", 0.97, "en", Span(4.5, 6.5)),),
        "sections": (
            Section("talking_head", (shots[0], shots[2]), 2.0, 0.9, False, 0.2),
            Section("title_card", (shots[1],), 5.0, 0.6, False, 1.0),
        ),
        "tags": (Tag("dog", 0.93), Tag("weapon", 0.71, True)),
    }
    return VideoFindings(**(known | values))


def a_video(findings: VideoFindings | None = None, **values: Any) -> AnalyzedItem:
    found = findings or some_findings()
    known: dict[str, Any] = {
        "name": "holiday.mp4",
        "outcome": Outcome.ANALYZED,
        "video": VideoFacts("video/mp4", "mov", "h264", 1920, 1080, 0, found.duration_s, 25.0, True, 900_000, "0" * 64),
        "findings": found,
        "renditions": (
            Rendition("preview", "k", "video/mp4", 640, 360, 90_000, "0" * 64, "https://cdn.example/p.mp4?sig=SECRET"),
            Rendition("clip_01", "k", "video/mp4", 640, 360, 9_000, "0" * 64, "https://cdn.example/c1.mp4?sig=SECRET"),
        ),
        "shot_thumbs": {index: a_thumbnail() for index in range(len(found.shots))},
    }
    return AnalyzedItem(1, **(known | values))


def an_image(position: int = 1, **values: Any) -> AnalyzedItem:
    text = TextResult("EXIT", 0.98, "en")
    known: dict[str, Any] = {
        "name": f"{position}.jpg",
        "outcome": Outcome.ANALYZED,
        "image": MediaFacts("image/jpeg", 4000, 3000, 3_800_000, "0" * 64),
        "findings": ImageFindings((Tag("castle", 0.8),), (a_person(),), (text,)),
        "thumb": a_thumbnail(),
    }
    return AnalyzedItem(position, **(known | values))


def a_failed_image(position: int = 1, **values: Any) -> AnalyzedItem:
    error = ItemError("corrupt", Stage.VALIDATE, "The picture could not be decoded to its end.", False)
    known: dict[str, Any] = {"name": f"{position}.jpg", "outcome": Outcome.FAILED, "error": error}
    return AnalyzedItem(position, **(known | values))


def a_report(items: Sequence[AnalyzedItem], kind: JobKind = JobKind.VIDEO_ANALYSIS, **values: Any) -> AnalysisReport:
    known: dict[str, Any] = {
        "job_id": "the-job",
        "status": JobStatus.SUCCEEDED,
        "created_at": NOW,
        "started_at": NOW,
        "finished_at": NOW + timedelta(seconds=4),
        "items": tuple(items),
        "product_version": "0.1.0",
    }
    return AnalysisReport(kind=kind, **(known | values))
