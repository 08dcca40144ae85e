"""Stills: single frames as JPEG, out of the preview where it is large enough, else out of the original."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from pipeline.media.video_renditions.frames import still_scale
from pipeline.media.video_renditions.original import Original, output
from pipeline.media.video_renditions.preview import Preview
from pipeline.media.video_renditions.process import RenditionFailed, ShouldStop, check, never

_NEAR_S = 4.0
"""A frame so little ahead is reached by decoding on; the preview has a key at least every 2 s, or 60 frames."""
_QUALITY = 80
_ROUNDING_S = 0.001

cv2.setNumThreads(1)


def still(original: Original, at_s: float, target: Path, *, side: int, offset_s: float = 0.0) -> None:
    """The frame at this time as a JPEG of at most `side` pixels a side; raises `RenditionFailed` where there is none.

    `offset_s`: the first frame's time from the file's start.
    """
    with original.opened(ss=f"{max(0.0, at_s + offset_s - _ROUNDING_S):.3f}") as opened:
        made = output(
            opened.stream["V:0"],
            target=target,
            **{
                "frames:v": 1,
                "vf": still_scale(side),
                "q:v": 3,
                "vcodec": "mjpeg",
                "f": "mjpeg",
                "threads": 1,
                "an": None,
            },
        )
        opened.write(made, folder=target.parent, seconds=30)
    if not target.exists() or target.stat().st_size == 0:
        raise RenditionFailed(f"There is no frame at {at_s:.2f} s.")


def stills_of_preview(
    preview: Preview, times: Sequence[float], *, side: int, should_stop: ShouldStop = never
) -> Iterator[bytes | None]:
    """For each time, in rising order, the frame that is shown then, as a JPEG of at most `side` pixels a side.

    None where the preview has no such frame. Decoded in this process: the preview is our own file.
    """
    with av.open(str(preview.path), format="mp4") as container:
        reader = _Reader(container, preview)
        for time in times:
            check(should_stop)
            frame = reader.at(time)
            yield None if frame is None else _jpeg(np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8), side)


class _Reader:
    """Goes through the preview forwards, and skips by its keys where the next time is far."""

    def __init__(self, container: av.container.InputContainer, preview: Preview) -> None:
        self._container, self._preview = container, preview
        self._stream = container.streams.video[0]
        self._frames = container.decode(self._stream)
        self._shown: av.VideoFrame | None = None
        self._next: av.VideoFrame | None = next(self._frames, None)

    def at(self, time: float) -> av.VideoFrame | None:
        wanted = time + self._preview.starts_s
        if self._next is not None and wanted - _time(self._next) > _NEAR_S and self._stream.time_base is not None:
            self._container.seek(int(wanted / self._stream.time_base), stream=self._stream)
            self._frames = self._container.decode(self._stream)
            self._shown, self._next = None, next(self._frames, None)
        while self._next is not None and _time(self._next) <= wanted + _ROUNDING_S:
            self._shown, self._next = self._next, next(self._frames, None)
        return self._shown or self._next


def _time(frame: av.VideoFrame) -> float:
    return float(frame.time or 0.0)


def _jpeg(pixels: NDArray[np.uint8], side: int) -> bytes:
    height, width = pixels.shape[:2]
    scale = min(1.0, side / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size != (width, height):
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=_QUALITY, colorsubsampling="420"))
