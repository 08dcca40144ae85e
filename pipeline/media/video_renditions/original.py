"""The customer's file as ffmpeg is given it: one descriptor, one forced demuxer, no way to anything else."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

from pipeline.media.video_renditions.binary import Ffmpeg, find_ffmpeg
from pipeline.media.video_renditions.process import ProcessLimits, ShouldStop, never, run

_FIRST_DESCRIPTOR = 32
"""Above the ten that a shell takes for itself."""
_GLOBAL = ("-nostdin", "-hide_banner", "-loglevel", "fatal", "-y", "-filter_threads", "1", "-max_error_rate", "1")
"""A broken frame is no reason to give up: what can be decoded is shown."""
_PLAIN = {"map_metadata": -1, "map_chapters": -1, "fflags": "+bitexact"}
"""Nothing of the original's metadata (places, devices, names) is handed on, and the same input gives the same bytes."""


@dataclass(frozen=True, slots=True)
class Original:
    """A video on disk, and the demuxer that its content asked for, by FFmpeg's name ("mov", "matroska", ...)."""

    path: Path
    container: str
    seconds: float
    has_audio: bool
    ffmpeg: Ffmpeg
    should_stop: ShouldStop = never

    @classmethod
    def at(
        cls, path: Path, container: str, *, seconds: float, has_audio: bool, should_stop: ShouldStop = never
    ) -> "Original":
        """With the ffmpeg of this installation; raises `CapabilityUnavailable` where there is none."""
        return cls(path, container, seconds, has_audio, find_ffmpeg(), should_stop)

    @contextmanager
    def opened(self, **options: Any) -> Iterator["Opened"]:
        """The file as an input of ffmpeg-python, with these options before `-i`."""
        with self.path.open("rb") as file:
            descriptor = fcntl.fcntl(file.fileno(), fcntl.F_DUPFD_CLOEXEC, _FIRST_DESCRIPTOR)
        try:
            yield Opened(self, descriptor, self._input(descriptor, options))
        finally:
            os.close(descriptor)

    def _input(self, descriptor: int, options: dict[str, Any]) -> Any:
        # One name of a list such as PyAV's "mov,mp4,m4a": ffmpeg takes each of them alone for the whole.
        forced = {"f": self.container.partition(",")[0], "threads": 1, **options}
        if self.ffmpeg.reads_descriptors:
            return ffmpeg.input("fd:", protocol_whitelist="fd,pipe", fd=descriptor, **forced)
        # An ffmpeg before 6.0 opens the file by its name; the forced demuxer leaves it no playlist to follow.
        return ffmpeg.input(f"file:{self.path.resolve()}", protocol_whitelist="file,pipe", **forced)


@dataclass(frozen=True, slots=True)
class Opened:
    """An input that is open for one run."""

    original: Original
    descriptor: int
    stream: Any

    def write(self, *outputs: Any, folder: Path, seconds: float) -> None:
        """The outputs are written, all in one run; `seconds` of video at most are decoded for them."""
        command = ffmpeg.merge_outputs(*outputs).global_args(*_GLOBAL).compile(cmd=self.original.ffmpeg.path)
        run(
            command,
            limits=limits_for(seconds),
            folder=folder,
            should_stop=self.original.should_stop,
            descriptors=(self.descriptor,),
        )


def output(*streams: Any, target: Path, **options: Any) -> Any:
    """One file to be written from these streams, without the original's metadata."""
    return ffmpeg.output(*streams, f"file:{target.resolve()}", **_PLAIN, **options)


def limits_for(seconds: float) -> ProcessLimits:
    """CPU time for a slow format (4K HEVC takes 1.8 CPU-s a second, measured), on a crowded machine as well."""
    cpu_s = 60 + round(6 * seconds)
    return ProcessLimits(cpu_s=cpu_s, wall_s=4.0 * cpu_s)
