"""The analyze stage of a video: decoded once, seen by everybody who looks for something."""

from collections.abc import Callable
from typing import BinaryIO

from pipeline.domain.analysis import VideoFindings
from pipeline.domain.media import VideoLimits
from pipeline.media.video import Frame, Video, Watcher, opened, watch
from pipeline.stages.analyze.needs import Asked, unavailable_to
from pipeline.stages.analyze.people import KnownFace, PeopleWatcher, allowlisted
from pipeline.stages.analyze.sections import sections
from pipeline.stages.analyze.shots import ActivityWatcher, ShotWatcher
from pipeline.stages.analyze.tags import TagWatcher, video_tags
from pipeline.stages.analyze.text import TextWatcher

TELL_EVERY_S = 5.0
"""Seconds of video between two words on progress."""


class _Progress:
    """Says how much of the video has been seen, in seconds."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell, self._next_s = tell, TELL_EVERY_S

    def see(self, frame: Frame) -> None:
        if frame.time_s >= self._next_s:
            self._tell(frame.time_s)
            self._next_s = frame.time_s + TELL_EVERY_S


def analyze_video(
    file: BinaryIO, limits: VideoLimits, asked: Asked, *, tell: Callable[[float], None] = lambda _: None
) -> VideoFindings:
    """What was found in the video; what could not be looked for is in `unavailable`, with the reason.

    Shots and activity need no model, so there is always a finding. `tell` hears of the seconds seen so far.
    """
    unavailable = unavailable_to(asked, video=True)
    with opened(file, limits) as video:
        shots = ShotWatcher()
        activity = ActivityWatcher(shots)
        seen = PeopleWatcher(asked.models) if asked.models is not None and "people" not in unavailable else None
        read = TextWatcher(asked.reader) if "text" not in unavailable else None
        looks = TagWatcher(asked.models)
        watchers: list[Watcher] = [shots, activity, looks, *(each for each in (seen, read) if each is not None)]
        watch(video, [*watchers, _Progress(tell)])
        return _findings(video, asked, shots, activity, looks, seen, read, unavailable)


def _findings(  # one argument per watcher
    video: Video,
    asked: Asked,
    shots: ShotWatcher,
    activity: ActivityWatcher,
    looks: TagWatcher,
    seen: PeopleWatcher | None,
    read: TextWatcher | None,
    unavailable: dict[str, str],
) -> VideoFindings:
    spans = shots.shots(video.end_s)
    people = seen.people() if seen else ()
    constellations = seen.constellations(spans) if seen else ()
    texts = read.texts(video.end_s) if read else ()
    known = [KnownFace(name, vector) for name, vector in asked.known]
    return VideoFindings(
        duration_s=video.end_s,
        frames=video.read,
        shots=spans,
        activity_rate=activity.rate,
        activity=activity.activity,
        people=allowlisted(people, known) if known else people,
        constellations=constellations,
        texts=texts,
        sections=sections(
            spans,
            looks.looks,
            activity.activity,
            activity.rate,
            constellations if seen else None,
            texts if read else None,
            asked.critical,
        ),
        tags=video_tags(looks.looks, critical=asked.critical),
        notes=video.notes,
        unavailable=unavailable,
    )
