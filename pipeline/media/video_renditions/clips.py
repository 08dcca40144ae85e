"""Short clips: copied out of the preview where it reaches, encoded from the original where it does not."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.domain.analysis import Span
from pipeline.media.video_renditions.original import Original, output
from pipeline.media.video_renditions.preview import MP4_OPTIONS, Preview, video_output

_ROUNDING_S = 0.002
"""Times are written with milliseconds: a clip's first frame must not fall out by one."""


def copy_clips(preview: Preview, original: Original, clips: Sequence[tuple[Span, Path]]) -> None:
    """Each span of the preview as a file, all in one run and without encoding: each begins at a frame with a key.

    Where the preview has none at the span's start, the clip begins with the next one, at most 2 s later.
    """
    own = Original(preview.path, "mov", preview.seconds, preview.has_audio, original.ffmpeg, original.should_stop)
    with own.opened() as opened:
        streams = [opened.stream["v:0"], opened.stream["a:0"]] if preview.has_audio else [opened.stream["v:0"]]
        outputs = [
            output(
                *streams,
                target=target,
                ss=f"{max(0.0, span.start_s - _ROUNDING_S):.3f}",
                t=f"{span.seconds:.3f}",
                c="copy",
                **MP4_OPTIONS,
            )
            for span, target in clips
        ]
        opened.write(*outputs, folder=preview.path.parent, seconds=preview.seconds)


def cut_clip(original: Original, span: Span, target: Path, *, offset_s: float = 0.0) -> None:
    """The span of the original as such a file, encoded. `offset_s`: its first frame's time from the file's start."""
    with original.opened(ss=f"{span.start_s + offset_s:.3f}", t=f"{span.seconds:.3f}") as opened:
        made = video_output(opened.stream, target, has_audio=original.has_audio)
        opened.write(made, folder=target.parent, seconds=span.seconds + 30)
