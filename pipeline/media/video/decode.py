"""Videos decoded once, in one pass, for everybody who wants to look at their frames."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Protocol

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.domain.media import VideoLimits
from pipeline.errors import CorruptMedia, TooLong
from pipeline.media.video.clock import Clock
from pipeline.media.video.container import Container
from pipeline.media.video.demux import CORRUPT, FOREIGN, codec_of, demuxed, promised_s, require_pixels_within
from pipeline.media.video.frame import Frame
from pipeline.media.video.scale import Scaler

_PLAIN_RATES = (0.5, 480.0)
"""Frames a second that a container may state; others are its time base or damage."""
_SOME_RATE = 25.0
_MOST_DAMAGED = 10_000
"""Packets and frames: a file with more is noise, and decoding it would only heat the room."""
_EARLY_SHARE, _EARLY_S = 0.02, 1.0
"""A file ends early where more than both of what it promised is missing: durations are rounded, and sound often runs
a little longer."""


class Watcher(Protocol):
    """Looks at every frame of a video, keeps numbers and at most a few small crops."""

    def see(self, frame: Frame) -> None:
        """Called once for each frame, in order."""


class Video:
    """A video whose first frame could be decoded. Not for two threads at a time; `frames` may be asked for once."""

    def __init__(self, container: InputContainer, stream: VideoStream, kind: Container, limits: VideoLimits) -> None:
        self.media_type, self.container, self.codec = kind.media_type, kind.demuxer, codec_of(stream)
        self.has_audio = bool(container.streams.audio)
        self.promised_s = promised_s(container, stream)
        self.frame_rate = _rate_of(stream)
        self.read = 0
        """Frames handed on so far."""
        self.end_s = 0.0
        """Where the last frame handed on ends."""
        self._damaged = 0
        self._limits, self._stream = limits, stream
        self._clock = Clock(1 / (self.frame_rate or _SOME_RATE), may_restart=kind.demuxer in ("mpegts", "mpeg"))
        self._pictures = self._decoded(container)
        self._first: av.VideoFrame | None = next(self._pictures, None)
        if self._first is None:
            raise CorruptMedia(CORRUPT)
        self.rotation = -round(self._first.rotation / 90) * 90 % 360
        aspect = float(stream.sample_aspect_ratio or 1)
        self._scaler = Scaler(self._first.width, self._first.height, aspect=aspect, rotation=self.rotation)
        self.width, self.height = self._scaler.upright

    def frames(self) -> Iterator[Frame]:
        """Every frame that can be decoded, in the order in which they are shown; raises `TooLong` at the limits."""
        if self._first is None:
            raise RuntimeError("the frames of a video can be read once")
        first, self._first = self._first, None
        yield self._handed_on(first)
        del first  # a 4K frame more or less, for as long as the video lasts
        for picture in self._pictures:
            yield self._handed_on(picture)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the frames read so far, once they have all been asked for."""
        notes = []
        missing_s = self.promised_s - self.end_s
        if missing_s > max(_EARLY_S, _EARLY_SHARE * self.promised_s):
            notes.append(
                f"The file ends early: {self.end_s:.1f} of the {self.promised_s:.1f} seconds it promises are there."
            )
        if self._damaged:
            notes.append(f"{self._damaged} parts of the file are damaged: frames are missing there or show mistakes.")
        return tuple(notes)

    def _handed_on(self, picture: av.VideoFrame) -> Frame:
        limits, scaler = self._limits, self._scaler
        require_pixels_within(picture.width, picture.height, limits)
        tick_s = float(picture.time_base or 0)
        time_s = self._clock.time_of(picture.pts * tick_s if picture.pts is not None and tick_s else None)
        if self.read >= limits.max_frames:
            raise TooLong(f"The video has more than {limits.max_frames} frames, which is the limit.")
        if time_s > limits.max_duration_s:
            raise TooLong(f"The video is longer than {limits.max_duration_s:.0f} seconds, which is the limit.")
        self.end_s = time_s + (picture.duration * tick_s or self._clock.step_s)
        frame = Frame(self.read, time_s, *scaler.planes(picture), lambda max_side: scaler.rgb(picture, max_side))
        self.read += 1
        return frame

    def _decoded(self, container: InputContainer) -> Iterator[av.VideoFrame]:
        """What the decoder makes of each packet; damage costs its own frames, in the container what follows."""
        packets: Iterator[av.Packet[VideoStream] | None] = container.demux(self._stream)
        while self._damaged <= _MOST_DAMAGED:
            try:
                packet = next(packets, None)
            except MemoryError:
                raise
            except FOREIGN:
                self._damaged += 1
                packet = None
            for picture in self._pictures_of(packet):
                self._damaged += picture.is_corrupt
                yield picture
            if packet is None:
                return

    def _pictures_of(self, packet: "av.Packet[VideoStream] | None") -> "list[av.VideoFrame]":
        """The pictures that the packet completes; without one, those that the decoder still holds back."""
        try:
            return self._stream.codec_context.decode(packet)
        except MemoryError:
            raise
        except av.EOFError:
            return []
        except FOREIGN:
            self._damaged += 1
            return []


@contextmanager
def opened(file: BinaryIO, limits: VideoLimits) -> Iterator[Video]:
    """The video in a seekable file, its first frame decoded; raises the `MediaError` that says what is wrong.

    The file is read through its Python object and by the demuxer that its content names: FFmpeg opens nothing itself.
    """
    with demuxed(file, limits) as (container, stream, kind):
        # One thread: two cost 0.8 CPU-s a minute more, and the stage's pool has other files for the second core.
        stream.codec_context.thread_count = 1
        # For pictures that grow on the way: refused before there is memory for them. Coded sizes are rounded up.
        stream.codec_context.options = {"max_pixels": str(2 * limits.max_pixels)}
        yield Video(container, stream, kind, limits)


def watch(video: Video, watchers: Sequence[Watcher]) -> None:
    """Every watcher has seen every frame, in one pass."""
    for frame in video.frames():
        for watcher in watchers:
            watcher.see(frame)


def _rate_of(stream: VideoStream) -> float | None:
    """Frames a second as the container says or FFmpeg guesses; None where neither is believable."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and _PLAIN_RATES[0] <= rate <= _PLAIN_RATES[1]:
            return float(rate)
    return None
