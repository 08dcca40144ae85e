"""The ffmpeg program: where it is, what it can do, and how to get it."""

import functools
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.errors import CapabilityUnavailable

HOW_TO_GET = (
    "Renditions of videos need the ffmpeg program with libx264, and there is none: "
    "apt-get install ffmpeg, or uv pip install imageio-ffmpeg"
)
_ANSWER_S = 30


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """A program that was asked what it can do."""

    path: str
    reads_descriptors: bool
    """Has the `fd:` protocol (from version 6.0 on), so that it needs no protocol that could open a file by its name."""


@functools.cache
def find_ffmpeg() -> Ffmpeg:
    """The one that every rendition of this process is made with; raises `CapabilityUnavailable`."""
    return chosen(_candidates())


def chosen(paths: Iterable[str]) -> Ffmpeg:
    """The first that encodes H.264 and reads descriptors, else the first that encodes H.264.

    Raises `CapabilityUnavailable`, with the command that fixes it, where none does.
    """
    able = [
        Ffmpeg(path, "fd" in _answer(path, "-protocols")) for path in paths if "libx264" in _answer(path, "-encoders")
    ]
    for each in able:
        if each.reads_descriptors:
            return each
    if not able:
        raise CapabilityUnavailable(HOW_TO_GET)
    return able[0]


def _candidates() -> Iterator[str]:
    system = shutil.which("ffmpeg")
    if system is not None:
        yield system
    try:
        import imageio_ffmpeg

        yield imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):  # not installed, or installed without a program for this machine
        return


def _answer(path: str, question: str) -> list[str]:
    """The words the program answers with; none where it cannot be run."""
    try:
        asked = subprocess.run(
            [path, "-hide_banner", question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return asked.stdout.decode(errors="replace").split()
