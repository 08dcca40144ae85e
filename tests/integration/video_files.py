"""Small videos made with FFmpeg for one test each."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

from pipeline.domain.media import VideoLimits
from pipeline.media.video import Frame, Video, opened

LIMITS = VideoLimits()
H264 = ("-c:v", "libx264", "-preset", "ultrafast")
PATTERN = "testsrc2=size={size}:rate={rate}:duration={seconds}"


def ffmpeg(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True, timeout=120)


def made(
    target: Path,
    *arguments: str,
    size: str = "320x180",
    rate: float = 25,
    seconds: float = 2,
    inputs: Sequence[str] = (),
) -> Path:
    """A test pattern encoded as the arguments say, at `target`."""
    pattern = PATTERN.format(size=size, rate=rate, seconds=seconds)
    ffmpeg("-f", "lavfi", "-i", pattern, *inputs, *arguments, str(target))
    return target


def read(path: Path, limits: VideoLimits = LIMITS) -> tuple[Video, list[Frame]]:
    """The video and all of its frames, with their planes."""
    with path.open("rb") as file, opened(file, limits) as video:
        return video, list(video.frames())
