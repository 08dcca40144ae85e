"""One measurement on one video, in a process of its own: `python -m benchmark.video_probe WHAT PATH`, answers JSON."""

import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import av

from benchmark.images import SHARED
from pipeline.domain.media import VideoLimits
from pipeline.media.video import Watcher, opened, watch
from pipeline.ports import Models, TextReader
from pipeline.stages.analyze.shots import ActivityWatcher, ShotWatcher


def decode(path: Path) -> dict[str, Any]:
    """What nobody can do without: every frame decoded by PyAV, none looked at."""
    with path.open("rb") as file, av.open(file, mode="r") as container:
        container.streams.video[0].codec_context.thread_count = 1
        frames = sum(1 for _ in container.decode(video=0))
    return {"frames": frames}


def planes(path: Path) -> dict[str, Any]:
    """Our frames with their times and small planes, none looked at."""
    return _watched(path, [])


def lean(path: Path) -> dict[str, Any]:
    """Shots and activity: what is found in every video, without any model."""
    shots = ShotWatcher()
    found = _watched(path, [shots, activity := ActivityWatcher(shots)])
    spans = shots.shots(found["end_s"])
    return {**found, "starts_s": [span.start_s for span in spans[1:]], "activity": len(activity.activity)}


class Timed:
    """Stands for a port and counts the CPU seconds of this thread within its methods."""

    def __init__(self, port: Any) -> None:
        self._port, self.seconds = port, 0.0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        def call(*arguments: Any, **more: Any) -> Any:
            begin = time.thread_time()
            try:
                return method(*arguments, **more)
            finally:
                self.seconds += time.thread_time() - begin

        return call


def whole(path: Path) -> dict[str, Any]:
    """Everything that is looked for, in one pass; what the models and the reading of text take of it is told apart."""
    from pipeline.inference import OnnxModels
    from pipeline.inference.readers import reader_of
    from pipeline.stages.analyze.needs import Asked
    from pipeline.stages.analyze_video import analyze_video

    folder = os.environ.get("DARKROOM_MODELS") or SHARED / "models"
    models, reader = Timed(OnnxModels(Path(folder))), Timed(reader_of("rapidocr"))
    with path.open("rb") as file:
        found = analyze_video(file, VideoLimits(), Asked(cast(Models, models), cast(TextReader, reader)))
    return {
        "models_s": models.seconds,
        "text_s": reader.seconds,
        "shots": len(found.shots),
        "people": len(found.people),
        "texts": len(found.texts),
        "unavailable": sorted(found.unavailable),
    }


def _watched(path: Path, watchers: list[Watcher]) -> dict[str, Any]:
    with path.open("rb") as file, opened(file, VideoLimits()) as video:
        watch(video, watchers)
        return {"frames": video.read, "end_s": video.end_s}


MEASUREMENTS = {"decode": decode, "planes": planes, "lean": lean, "whole": whole}


def main() -> None:
    started_at = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = MEASUREMENTS[sys.argv[1]](Path(sys.argv[2]))
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # Not ru_maxrss: a child inherits its parent's.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    peak_mb = int(peak[1]) / 1024 if peak else 0.0
    figures = {"cpu_s": cpu_s, "wall_s": time.perf_counter() - started_at, "peak_mb": peak_mb}
    json.dump({**found, **figures}, sys.stdout)


if __name__ == "__main__":
    main()
