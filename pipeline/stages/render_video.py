"""Render: the files that show a video without playing it whole: preview, poster, clips, thumbnails, contact sheet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.domain.analysis import Span, VideoFacts, VideoFindings
from pipeline.media.video_renditions import (
    MadeFile,
    Original,
    Preview,
    RenderOptions,
    RenditionFailed,
    ShouldStop,
    copy_clips,
    cut_clip,
    made_jpeg,
    made_video,
    make_preview,
    never,
    plan_renditions,
    read_preview,
    still,
    stills_of_preview,
)
from pipeline.reports.contact_sheet import Cell, sheet
from pipeline.reports.words import timecode

PREVIEW, POSTER, SHEET = "preview", "poster", "contact_sheet"
_SHOT_COLOR = (58, 113, 176)
_SHEET_COLUMNS, _SHEET_WIDTH = 8, 200
_SHEET_HEIGHTS = (90, 320)
"""A cell is as high as the pictures in it are, within this: panoramas and portraits stay to be seen."""
_LEAD_S = 0.5
"""How far before its end the preview of a longer video counts as showing a time: its last frames may be thinned out."""


@dataclass(frozen=True, slots=True)
class RenderedVideo:
    """What was made, and what could not be made and why, in words for the customer."""

    files: tuple[MadeFile, ...]
    notes: tuple[str, ...]

    def file(self, name: str) -> MadeFile | None:
        """The file of this name, or None where it was not made."""
        return next((each for each in self.files if each.name == name), None)


@dataclass(slots=True)
class _Work:
    """One video on its way."""

    original: Original
    options: RenderOptions
    folder: Path
    preview: Preview | None = None
    files: list[MadeFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def offset_s(self) -> float:
        """Where the first frame lies on the file's own clock: the preview has kept it."""
        return self.preview.starts_s if self.preview else 0.0

    def shows(self, time: float) -> bool:
        """The preview reaches to this time."""
        if self.preview is None:
            return False
        return self.original.seconds <= self.options.preview_s or time <= self.preview.seconds - _LEAD_S

    def path(self, name: str, extension: str) -> Path:
        return self.folder / f"{name}.{extension}"


def shot_name(index: int) -> str:
    """The name of the thumbnail of `findings.shots[index]`."""
    return f"shot_{index + 1:04d}"


def clip_name(index: int) -> str:
    """The name of the clip of `findings.sections[index]`."""
    return f"clip_{index + 1:02d}"


def render_video(
    path: Path,
    facts: VideoFacts,
    findings: VideoFindings,
    *,
    folder: Path,
    container: str,
    should_stop: ShouldStop = never,
    options: RenderOptions | None = None,
) -> RenderedVideo:
    """Files in `folder` (which exists and is ours alone), and a note for each that could not be made.

    `container`: the demuxer that the content asked for. Raises `CapabilityUnavailable` without ffmpeg, and `Stopped`
    within half a second of `should_stop` having said so.
    """
    options = options or RenderOptions()
    plan = plan_renditions(findings, options)
    seconds = max(findings.duration_s, 0.1)
    original = Original.at(path, container, seconds=seconds, has_audio=facts.has_audio, should_stop=should_stop)
    work = _Work(original, options, folder)
    _add_preview(work, [span.start_s for _, span in plan.clips])
    _add_poster(work, plan.poster_s)
    _add_clips(work, plan.clips)
    thumbnails = dict(enumerate(_thumbnails(work, plan.shots)))
    _add_thumbnails(work, thumbnails)
    _add_sheet(work, findings.shots, thumbnails)
    return RenderedVideo(tuple(work.files), tuple(work.notes))


def _add_preview(work: _Work, clip_starts: Sequence[float]) -> None:
    target, limit = work.path(PREVIEW, "mp4"), work.options.preview_s
    try:
        preview = make_preview(work.original, target, seconds=limit, keyframes=[t for t in clip_starts if t < limit])
        work.files.append(made_video(PREVIEW, target, preview.width, preview.height))
    except RenditionFailed as failed:
        work.notes.append(f"There is no preview: {failed.message}")
        return
    work.preview = preview
    if work.original.has_audio and not preview.has_audio:
        work.notes.append("The preview is silent: the sound track could not be decoded.")
    if work.original.seconds > limit:
        work.notes.append(f"The preview shows the first {timecode(limit)} of the video.")


def _add_poster(work: _Work, at_s: float) -> None:
    target = work.path(POSTER, "jpg")
    try:
        still(work.original, at_s, target, side=work.options.poster_side, offset_s=work.offset_s)
    except RenditionFailed as failed:
        smaller = next(_of_preview(work, [at_s]), None)
        if smaller is None:
            work.notes.append(f"There is no poster: {failed.message}")
            return
        target.write_bytes(smaller)
    work.files.append(made_jpeg(POSTER, target))


def _add_clips(work: _Work, clips: Sequence[tuple[int, Span]]) -> None:
    """Copied where the preview reaches; the rest is encoded, one by one."""
    preview, far = work.preview, [(index, span) for index, span in clips if not work.shows(span.end_s)]
    near = [(index, span) for index, span in clips if work.shows(span.end_s)]
    for index, span in far:
        target = work.path(clip_name(index), "mp4")
        try:
            cut_clip(work.original, span, target, offset_s=work.offset_s)
        except RenditionFailed as failed:
            work.notes.append(f"There is no clip at {timecode(span.start_s)}: {failed.message}")
    if preview is not None and near:
        try:
            targets = [(span, work.path(clip_name(index), "mp4")) for index, span in near]
            copy_clips(preview, work.original, targets)
        except RenditionFailed as failed:
            work.notes.append(f"There are no clips from the preview: {failed.message}")
    for index, span in clips:
        _add_clip(work, index, span)


def _add_clip(work: _Work, index: int, span: Span) -> None:
    name = clip_name(index)
    target = work.path(name, "mp4")
    if not target.exists():
        return
    try:
        clip = read_preview(target)
        work.files.append(made_video(name, target, clip.width, clip.height))
    except RenditionFailed as failed:
        work.notes.append(f"There is no clip at {timecode(span.start_s)}: {failed.message}")


def _thumbnails(work: _Work, times: Sequence[float]) -> Iterator[bytes | None]:
    """A JPEG for each of the rising times, from the preview as far as it reaches, then from the original."""
    near = [time for time in times if work.shows(time)]
    yield from _of_preview(work, near)
    for time in times[len(near) :]:
        target = work.path("still", "jpg")
        try:
            still(work.original, time, target, side=work.options.thumbnail_side, offset_s=work.offset_s)
            yield target.read_bytes()
        except RenditionFailed:
            yield None
        finally:
            target.unlink(missing_ok=True)


def _of_preview(work: _Work, times: Sequence[float]) -> Iterator[bytes | None]:
    if work.preview is not None:
        side, should_stop = work.options.thumbnail_side, work.original.should_stop
        yield from stills_of_preview(work.preview, times, side=side, should_stop=should_stop)


def _add_thumbnails(work: _Work, thumbnails: dict[int, bytes | None]) -> None:
    for index, picture in thumbnails.items():
        if picture is not None:
            target = work.path(shot_name(index), "jpg")
            target.write_bytes(picture)
            work.files.append(made_jpeg(shot_name(index), target))
    missing = sum(picture is None for picture in thumbnails.values())
    if missing:
        work.notes.append(f"{missing} of {len(thumbnails)} shots have no thumbnail: their frames could not be decoded.")


def _add_sheet(work: _Work, shots: Sequence[Span], thumbnails: dict[int, bytes | None]) -> None:
    """Shots spread evenly over the video, each with its number and when it begins."""
    shown = [index for index, picture in thumbnails.items() if picture is not None]
    if not shown:
        return
    count = min(len(shown), work.options.sheet_cells)
    chosen = [shown[place * len(shown) // count] for place in range(count)]
    cells = [
        Cell(thumbnails[index], f"{index + 1}   {timecode(shots[index].start_s)}", _SHOT_COLOR) for index in chosen
    ]
    target = work.path(SHEET, "jpg")
    target.write_bytes(sheet(cells, size=(_SHEET_WIDTH, _cell_height(work)), columns=_SHEET_COLUMNS))
    work.files.append(made_jpeg(SHEET, target))


def _cell_height(work: _Work) -> int:
    """As the pictures are, so that a wide video leaves no dark bars between its rows."""
    thumbnail = next(each for each in work.files if each.name.startswith("shot_"))
    lowest, highest = _SHEET_HEIGHTS
    return max(lowest, min(highest, round(_SHEET_WIDTH * thumbnail.height / thumbnail.width)))
