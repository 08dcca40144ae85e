"""The validate stage of videos: whether an original is a video that can be decoded, and what it is."""

from typing import BinaryIO

from pipeline.domain.analysis import VideoFacts
from pipeline.domain.media import VideoLimits
from pipeline.media.video import opened


def probe(file: BinaryIO, limits: VideoLimits, *, sha256: str) -> VideoFacts:
    """What the container says, after its first frame was decoded; raises the `MediaError` that says what is wrong.

    Whether every frame can be decoded is told by analyzing them: a file may still end early.
    """
    size = file.seek(0, 2)
    with opened(file, limits) as video:
        return VideoFacts(
            media_type=video.media_type,
            container=video.container,
            codec=video.codec,
            width=video.width,
            height=video.height,
            rotation=video.rotation,
            duration_s=video.promised_s,
            frame_rate=video.frame_rate,
            has_audio=video.has_audio,
            bytes=size,
            sha256=sha256,
        )
