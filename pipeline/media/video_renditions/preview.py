"""The preview: a small H.264 file that any browser plays, made in one pass over the original."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from pipeline.media.video_renditions.frames import even_scale, thinned
from pipeline.media.video_renditions.original import Original, output
from pipeline.media.video_renditions.process import RenditionFailed

VIDEO_OPTIONS: dict[str, Any] = {
    "vf": f"{thinned()},{even_scale()}",
    "vcodec": "libx264",
    "preset": "superfast",
    "crf": 27,
    "maxrate": "1500k",
    "bufsize": "3000k",
    "g": 60,
    "bf": 0,
    "threads": 1,
    "flags:v": "+bitexact",
    "fps_mode": "vfr",
    "enc_time_base": "1/90000",
}
"""No B-frames: only then a copied clip begins with exactly the frame that a key was forced for. superfast: with
decoding 9.9 CPU-s a minute of 1080p, veryfast 10.9 for files 40 % smaller (measured). Times are kept as they are: by
default those of a variable frame rate would be rounded to a fixed one."""
AUDIO_OPTIONS: dict[str, Any] = {"acodec": "aac", "b:a": "96k", "ac": 2, "ar": 48_000, "flags:a": "+bitexact"}
MP4_OPTIONS: dict[str, Any] = {"f": "mp4", "movflags": "+faststart", "dn": None, "sn": None}


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview on disk. It is our own file: what reads it need not fear it."""

    path: Path
    width: int
    height: int
    starts_s: float
    """Where its first frame lies on its own clock; audio that began earlier is why that is not 0."""
    seconds: float
    """From its first frame to the end of its last one."""
    has_audio: bool


def make_preview(original: Original, target: Path, *, seconds: float, keyframes: Sequence[float] = ()) -> Preview:
    """The first `seconds` of the video, at most 640 pixels a side, upright, with AAC audio where there is any.

    `keyframes`: times from which a clip can be copied later without encoding it again. Raises `RenditionFailed`.
    """
    try:
        _encode(original, target, seconds, keyframes, has_audio=original.has_audio)
    except RenditionFailed:
        if not original.has_audio:
            raise
        # A sound track that cannot be decoded is no reason to show nothing.
        _encode(original, target, seconds, keyframes, has_audio=False)
    return read_preview(target)


def video_output(stream: Any, target: Path, *, has_audio: bool, **options: Any) -> Any:
    """An output of ffmpeg-python: this input as such a file."""
    streams = [stream["V:0"], stream["a:0"]] if has_audio else [stream["V:0"]]
    audio = AUDIO_OPTIONS if has_audio else {"an": None}
    return output(*streams, target=target, **VIDEO_OPTIONS, **audio, **MP4_OPTIONS, **options)


def read_preview(path: Path) -> Preview:
    """What the file turned out to be; raises `RenditionFailed` where it holds no frame."""
    try:
        with av.open(str(path), format="mp4") as container:
            stream = container.streams.video[0]
            first = next(container.decode(stream))
            if stream.duration is None or stream.time_base is None:
                raise RenditionFailed("The preview has no times.")
            start = float(first.time)
            return Preview(
                path=path,
                width=first.width,
                height=first.height,
                starts_s=start,
                seconds=float(stream.duration * stream.time_base),
                has_audio=bool(container.streams.audio),
            )
    except (av.FFmpegError, StopIteration, IndexError) as exc:
        raise RenditionFailed("No frame of it could be shown.") from exc


def _encode(original: Original, target: Path, seconds: float, keyframes: Sequence[float], *, has_audio: bool) -> None:
    forced = {"force_key_frames": ",".join(f"{time:.3f}" for time in keyframes)} if keyframes else {}
    with original.opened(t=f"{seconds:.3f}") as opened:
        made = video_output(opened.stream, target, has_audio=has_audio, **forced)
        opened.write(made, folder=target.parent, seconds=min(seconds, original.seconds))
