"""The one door to FFmpeg's demuxers and decoders: what may be opened, and what their errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.domain.media import VideoLimits
from pipeline.errors import CorruptMedia, EmptyMedia, NoVideo, TooLong, TooManyBytes, TooManyPixels, UnsupportedVariant
from pipeline.media.video.container import HEAD_BYTES, Container, identify

CORRUPT = "The video could not be decoded: export it again from the original."
CODECS = {
    "av1": "libdav1d",
    "dnxhd": "dnxhd",
    "dvvideo": "dvvideo",
    "ffv1": "ffv1",
    "flv1": "flv",
    "h263": "h263",
    "h264": "h264",
    "hevc": "hevc",
    "mjpeg": "mjpeg",
    "mpeg1video": "mpeg1video",
    "mpeg2video": "mpeg2video",
    "mpeg4": "mpeg4",
    "msmpeg4v2": "msmpeg4v2",
    "msmpeg4v3": "msmpeg4",
    "prores": "prores",
    "theora": "theora",
    "vc1": "vc1",
    "vp6": "vp6",
    "vp6f": "vp6f",
    "vp8": "vp8",
    "vp9": "vp9",
    "wmv1": "wmv1",
    "wmv2": "wmv2",
    "wmv3": "wmv3",
}
"""What is decoded, and by which of FFmpeg's decoders: what cameras, phones and editors write. The hundreds of others
are formats of games and of single pictures, whose decoders nobody hardens."""

_ATTACHED_PICTURE = 0x0400
"""AV_DISPOSITION_ATTACHED_PIC: the cover of a sound file."""
# What PyAV 18 was seen to raise on damaged files besides its own. OSError: FFmpeg's errors with a POSIX number.
FOREIGN = (av.FFmpegError, ValueError, LookupError, TypeError, AttributeError, OSError, EOFError, ArithmeticError)


@contextmanager
def demuxed(file: BinaryIO, limits: VideoLimits) -> Iterator[tuple[InputContainer, VideoStream, Container]]:
    """The file's first real video track, ready to be decoded; nothing but `file` is ever opened.

    Raises a `MediaError` where the file is too large, no video, without a video track, of an unknown codec, larger or
    longer than the limits by its own header, or too damaged to be opened.
    """
    kind = _identified(file, limits)
    try:
        opened = av.open(
            file,
            mode="r",
            format=kind.demuxer,
            options={"codec_whitelist": ",".join(CODECS.values()), "protocol_whitelist": "none"},
            io_open=_nothing_else,
            buffer_size=262_144,
        )
    except MemoryError:
        raise
    except FOREIGN as exc:
        raise CorruptMedia(CORRUPT) from exc
    with opened as container:
        stream = _first_video(container)
        _require_within(container, stream, limits)
        yield container, stream, kind


def _identified(file: BinaryIO, limits: VideoLimits) -> Container:
    size = file.seek(0, 2)
    file.seek(0)
    if not size:
        raise EmptyMedia
    if size > limits.max_bytes:
        raise TooManyBytes(f"The file has {size} bytes; the limit is {limits.max_bytes}.")
    kind = identify(file.read(HEAD_BYTES))
    file.seek(0)
    return kind


def _nothing_else(url: str, flags: int, options: object) -> object:
    """Playlists, external tracks and subtitles are how a file makes FFmpeg open another: there is no other."""
    raise PermissionError("a video may not open other files")


def _first_video(container: InputContainer) -> VideoStream:
    streams = [stream for stream in container.streams.video if not int(stream.disposition) & _ATTACHED_PICTURE]
    if not streams:
        raise NoVideo
    first = streams[0]
    try:
        codec = codec_of(first)
        decoder = first.codec_context.codec.name
    except FOREIGN as exc:
        raise UnsupportedVariant("The video's codec is not known: export it as H.264 in MP4.") from exc
    if CODECS.get(codec) != decoder:
        raise UnsupportedVariant(f"The video's codec {codec} is not read: export it as H.264 in MP4.")
    return first


def codec_of(stream: VideoStream) -> str:
    """The codec's common name, e.g. h264, whoever decodes it."""
    return str(stream.codec_context.codec.canonical_name)


def _require_within(container: InputContainer, stream: VideoStream, limits: VideoLimits) -> None:
    require_pixels_within(stream.codec_context.width, stream.codec_context.height, limits)
    if (stream.frames or 0) > limits.max_frames:
        raise TooLong(f"The video has {stream.frames} frames; the limit is {limits.max_frames}.")
    promised = promised_s(container, stream)
    if promised > limits.max_duration_s:
        raise TooLong(f"The video is {promised:.0f} seconds long; the limit is {limits.max_duration_s:.0f} seconds.")


def require_pixels_within(width: int, height: int, limits: VideoLimits) -> None:
    """Raises `TooManyPixels` where a frame is larger than the limit."""
    if width * height > limits.max_pixels:
        raise TooManyPixels(
            f"The video has {width} x {height} pixels, {width * height / 1e6:.1f} megapixels; "
            f"the limit is {limits.max_pixels / 1e6:g} megapixels."
        )


def promised_s(container: InputContainer, stream: VideoStream) -> float:
    """The video track's seconds as the container says, or the whole file's; 0.0 where it says nothing."""
    if stream.duration is not None and stream.time_base is not None and stream.duration > 0:
        return float(stream.duration * stream.time_base)
    return max(0.0, (container.duration or 0) / av.time_base)
