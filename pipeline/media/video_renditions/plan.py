"""What is to be made of a video, decided from what was found in it."""

from dataclasses import dataclass

from pipeline.domain.analysis import Section, Span, VideoFindings

_POOR_POSTERS = frozenset({"black", "title_card", "credits", "intro", "outro"})
"""Sections whose best frame says little of the video."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How much is made. Sides are pixels of the longer side."""

    preview_s: float = 600.0
    """Longer videos are previewed up to here: an hour would take ten minutes of CPU time."""
    max_clips: int = 12
    clip_s: float = 4.0
    max_thumbnails: int = 1000
    thumbnail_side: int = 320
    poster_side: int = 1280
    sheet_cells: int = 48


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """Times in seconds from the first frame. `shots[i]` is the time of the still of shot i; clips are by section."""

    poster_s: float
    shots: tuple[float, ...]
    clips: tuple[tuple[int, Span], ...]


def plan_renditions(findings: VideoFindings, options: RenderOptions) -> RenderPlan:
    """A poster from the section that speaks most for the video, a still from the middle of each shot, clips.

    Where there are more sections than clips, the longest ones have a clip; where there are more shots than
    thumbnails, the first ones have one.
    """
    sections = sorted(range(len(findings.sections)), key=lambda index: -_seconds(findings.sections[index]))
    chosen = sorted(sections[: options.max_clips])
    clips = [(index, _clip(findings.sections[index], options.clip_s)) for index in chosen]
    return RenderPlan(
        poster_s=_poster(findings),
        shots=tuple((shot.start_s + shot.end_s) / 2 for shot in findings.shots[: options.max_thumbnails]),
        clips=tuple((index, span) for index, span in clips if span.seconds > 0),
    )


def _seconds(section: Section) -> float:
    return sum(span.seconds for span in section.spans)


def _poster(findings: VideoFindings) -> float:
    good = [section for section in findings.sections if section.tag not in _POOR_POSTERS and not section.is_critical]
    best = max(good or findings.sections, key=lambda section: section.confidence * _seconds(section), default=None)
    if best is not None:
        return best.thumbnail_s
    longest = max(findings.shots, key=lambda shot: shot.seconds, default=Span(0.0, 0.0))
    return (longest.start_s + longest.end_s) / 2


def _clip(section: Section, seconds: float) -> Span:
    """As much of `seconds` as fits around the thumbnail into the span that holds it, or into the first one."""
    holding = [span for span in section.spans if span.start_s <= section.thumbnail_s < span.end_s]
    around = (holding or list(section.spans) or [Span(0.0, 0.0)])[0]
    start = max(around.start_s, min(section.thumbnail_s - seconds / 2, around.end_s - seconds))
    return Span(round(start, 3), round(min(around.end_s, start + seconds), 3))
