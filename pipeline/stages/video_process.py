"""What is done with videos in a process of its own: see `pipeline.media.limited_process`.

Requests and answers are JSON. A request names the video by its `path`, and its `limits` as `VideoLimits` has them.
"""

import base64
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.domain.media import VideoLimits
from pipeline.media.limited_child import Command, Report
from pipeline.stages.validate_video import probe


def probe_video(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The fields of the video's `VideoFacts`."""
    with Path(request["path"]).open("rb") as file:
        return asdict(probe(file, VideoLimits(**request["limits"]), sha256=request["sha256"]))


def analyze(request: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The fields of the video's `VideoFindings`, thumbnails in base64; reports of `seen_s`, seconds seen so far."""
    # Models and readers take a second to import, and a probe needs none.
    from pipeline.inference import OnnxModels
    from pipeline.inference.readers import reader_of
    from pipeline.stages.analyze.needs import Asked
    from pipeline.stages.analyze_video import analyze_video

    asked = Asked(
        OnnxModels(Path(request["models"]) if request["models"] else None, budget_mb=request["models_mb"]),
        reader_of(request["reader"]),
        critical=frozenset(request["critical"]),
        known=[(name, tuple(vector)) for name, vector in request["known"]],
    )
    with Path(request["path"]).open("rb") as file:
        limits = VideoLimits(**request["limits"])
        found = asdict(analyze_video(file, limits, asked, tell=lambda seconds: report({"seen_s": seconds})))
    for person in found["people"]:
        person["thumbnail"] = base64.b64encode(person["thumbnail"]).decode()
    return found


COMMANDS: Mapping[str, Command] = {"probe": probe_video, "analyze": analyze}
"""What a child may be asked for, by name."""
