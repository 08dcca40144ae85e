"""Stages of a video in a process of their own: what `video_process` answers, as values."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from pipeline.domain.analysis import VideoFacts, VideoFindings
from pipeline.domain.media import VideoLimits
from pipeline.media.limited_process import Answer, ProcessLimits, run_limited

_MODULE = "pipeline.stages.video_process"
_FINDINGS = TypeAdapter(VideoFindings)

ShouldStop = Callable[[], str | None]


def probe_apart(
    path: Path, video: VideoLimits, *, sha256: str, limits: ProcessLimits, should_stop: ShouldStop = lambda: None
) -> VideoFacts:
    """The video's facts, by a child that may die alone. Raises what `run_limited` raises."""
    request = {"path": str(path), "limits": asdict(video), "sha256": sha256}
    return VideoFacts(**run_limited(_MODULE, "probe", request, limits=limits, should_stop=should_stop).value)


@dataclass(frozen=True, slots=True)
class AnalysisOrder:
    """A video on a disk and with what it is looked at. `models`: the weights' folder; `reader` as the setting says."""

    path: Path
    limits: VideoLimits
    models: Path | None
    reader: str
    models_mb: int = 768
    critical: Sequence[str] = ()
    known: Sequence[tuple[str, tuple[float, ...]]] = ()


def analyze_apart(
    order: AnalysisOrder,
    *,
    limits: ProcessLimits,
    should_stop: ShouldStop = lambda: None,
    tell: Callable[[float], None] = lambda _: None,
) -> tuple[VideoFindings, Answer]:
    """What `analyze_video` finds, by a child that may die alone, and what that took; `tell` hears of seconds seen.

    Raises what `run_limited` raises.
    """
    request = {**asdict(order), "path": str(order.path), "models": None if order.models is None else str(order.models)}
    answer = run_limited(
        _MODULE,
        "analyze",
        request,
        limits=limits,
        should_stop=should_stop,
        on_progress=lambda progress: tell(float(progress["seen_s"])),
    )
    for person in answer.value["people"]:
        person["thumbnail"] = base64.b64decode(person["thumbnail"])
    return _FINDINGS.validate_python(answer.value), answer
